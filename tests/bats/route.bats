#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# route.bats - aigw-route: shares, stickiness, configuration mistakes, secrets

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export HOME=$PWD XDG_CONFIG_HOME=$PWD
	unset AIGW_CONFIG
}

# requests N [MODEL]
requests() {
	seq "$1" | awk -v m="${2:-m}" '{
		printf "{\"aigw\":1,\"id\":\"r%d\",\"client\":{\"principal\":" \
			"\"p%d\"},\"req\":{\"model\":\"%s\"}}\n", $1, $1 % 100, m
	}'
}

# config LINE...: the targets of the alias m
config() {
	printf 'aigw: 1\nroute:\n  models:\n    m:\n' >c.yaml
	printf '      %s\n' "$@" >>c.yaml
}

firsts() {
	aigw-route -c c.yaml "$@" | jq -r '.plan.targets[0].provider'
}

@test "shares of first tries follow the weights, the same in every run" {
	config '- {provider: a, model: x, weight: 7}' \
		'- {provider: b, model: x, weight: 2}' \
		'- {provider: c, model: x, weight: 1}' \
		'- {provider: d, model: x}'
	requests 10000 >in
	firsts <in >one
	firsts <in | cmp one -
	a=$(grep -c a one) b=$(grep -c b one) c=$(grep -c c one)
	[ "$a" -gt 6800 ] && [ "$a" -lt 7200 ]
	[ "$b" -gt 1850 ] && [ "$b" -lt 2150 ]
	[ "$c" -gt 880 ] && [ "$c" -lt 1120 ]
	[ "$((a + b + c))" -eq 10000 ]
}

@test "a target that goes moves its own share only" {
	config '- {provider: a, model: x, weight: 1}' \
		'- {provider: b, model: x, weight: 1}' \
		'- {provider: c, model: x, weight: 1}'
	requests 3000 >in
	firsts <in >before
	config '- {provider: c, model: x, weight: 1}' \
		'- {provider: a, model: x, weight: 1}'
	firsts <in >after
	paste before after | awk '$1 != "b" && $1 != $2 { exit 1 }'
	grep -q b before
}

@test "sticky: one principal, one target; several principals, all targets" {
	config '- {provider: a, model: x, weight: 1}' \
		'- {provider: b, model: x, weight: 1}'
	requests 2000 >in
	aigw-route -c c.yaml --sticky client.principal <in |
		jq -r '.client.principal + " " + .plan.targets[0].provider' |
		sort -u >pairs
	[ "$(wc -l <pairs)" -eq 100 ]
	[ "$(cut -d' ' -f2 pairs | sort -u | wc -l)" -eq 2 ]
}

@test "mistakes in the configuration name file, line and column" {
	while IFS='|' read -r line want; do
		config "- {provider: p, model: x}" "- $line"
		run -78 aigw-route -c c.yaml </dev/null
		echo "$line: $output"
		[[ "$output" == *c.yaml:6:*"$want"* ]]
	done <<-'EOF'
	{provider: p, when: '.a <'}|syntax error
	{provider: p, when: 'nosuch'}|nosuch/0 is not defined
	{provider: p, when: '.a)'}|closes nothing
	{provider: p, when: [x]}|when: must be a jq program
	{provider: p, wehn: x}|did you mean "when"
	{model: x}|provider: must name
	{provider: p, model: []}|model: must be
	{provider: p, weight: -1}|weight: must be
	{provider: p, weight: 1.5}|weight: must be
	{provider: p, if: {is: x}}|member: must name
	{provider: p, if: {member: x}}|needs one of
	{provider: p, if: {member: x, iss: y}}|did you mean "is"
	{provider: p, if: {member: x, max: y}}|max: must be a number
	{provider: p, if: {member: x, is: [y]}}|is: must be a text
	{provider: p, if: {member: x, exists: 5}}|
	nocolon|PROVIDER:MODEL
	[x]|PROVIDER:MODEL
	EOF
	printf 'aigw: 1\nroute: {models: {m: []}}\n' >c.yaml
	run -78 aigw-route -c c.yaml </dev/null
	[[ "$output" == *c.yaml:2:*'needs 1 to'* ]]
}

@test "a condition cannot reach the environment, inputs or modules" {
	export CANARY=swordfish
	while read -r program; do
		config "- provider: p" "  when: '$program'"
		run -78 aigw-route -c c.yaml < <(requests 1)
		[[ "$output" == *'is refused'* ]]
		[[ "$output" != *swordfish* ]]
	done <<-'EOF'
	env.CANARY == "swordfish"
	$ENV.CANARY == "swordfish"
	"\(env)" | test("swordfish")
	[inputs] | length > 0
	import "x" as x; true
	EOF
}

@test "~/.jq has no say" {
	echo 'def startswith($x): true;' >.jq
	config '- {provider: a, when: ".req.model | startswith(\"zz\")"}' \
		'- {provider: b}'
	[ "$(firsts < <(requests 1))" = b ]
}

@test "a condition that fails refuses the request and quotes nothing of it" {
	config '- {provider: p, when: ".req.messages[0].content + 1 > 2"}'
	echo '{"aigw":1,"id":"1","req":{"model":"m","messages":[{"content":"swordfish"}]}}' >in
	run -1 aigw-route -c c.yaml <in
	[ "$(jq -c '[.err.class, .err.code, .plan]' <<<"$output")" = \
	  '["policy","condition_failed",null]' ]
	[[ "$(jq -r .err.message <<<"$output")" != *swordfish* ]]
}

@test "without models: one warning, and the sandbox" {
	run -0 --separate-stderr aigw-route < <(requests 3)
	[ "${#stderr_lines[@]}" -eq 1 ]
	[[ "$stderr" == *sandbox* ]]
	[ "$(jq -r '.plan.targets[0].provider' <<<"$output" | sort -u)" = sandbox ]
}
