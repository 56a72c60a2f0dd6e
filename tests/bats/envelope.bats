#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# envelope.bats - what comes out is what docs/envelope.schema.json says

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	unset AIGW_CONFIG AIGW_API_KEY
	validate=$AIGW_SRC/tests/helpers/validate
}

# refuses TEXT LINE: the schema refuses LINE, and TEXT is in the reason
refuses() {
	run -1 "$validate" <<<"$2"
	[[ $output == *"$1"* ]]
}

@test "the schema refuses what is wrong" {
	refuses "'id' is a required" '{"aigw":1}'
	refuses "1 was expected" '{"aigw":2,"id":"x"}'
	refuses "'aigw' is a required" '{"id":"x"}'
	refuses '$.id' "{\"aigw\":1,\"id\":\"$(printf 'x%.0s' {1..257})\"}"
	refuses '$.err' '{"aigw":1,"id":"x","err":{"class":"odd"}}'
	refuses '$.res' '{"aigw":1,"id":"x","res":{"blocks":[{"text":"x"}]}}'
	refuses '$.cost' '{"aigw":1,"id":"x","cost":{"price":"unknown","total":"0.1","source":"exact"}}'
	refuses '$.cost.total' '{"aigw":1,"id":"x","cost":{"total":"0.10"}}'
	refuses '$.cost.total' '{"aigw":1,"id":"x","cost":{"total":0.1}}'
	refuses "'complete' is a required" '{"id":"x","e":"done"}'
	refuses '$.e' '{"id":"x","e":null}'
}

@test "the schema lets through what nobody knows" {
	"$validate" <<-'JSON'
	{"aigw":1,"id":"x","future":{"a":[1]},"client":{"b":2},"err":null}
	{"id":"x","e":"future","a":1}
	{"id":"x","e":"cancel"}
	JSON
}

@test "every golden output" {
	for out in "$AIGW_SRC"/tests/golden/*/*.out; do
		echo "# $out"
		"$validate" -s "${out%.out}.in" <"$out"
		echo "$out" >>done
	done
	[ "$(wc -l <done)" -ge 15 ]
}

# Requests of all kinds; times, tools, choices, faults of the sandbox
requests() {
	local m='"messages":[{"role":"user","content":"mail jane@example.com or call f"}]'
	cat <<-JSON
	{"model":"gpt-4o",$m}
	{"model":"gpt-4o",$m,"n":3,"max_tokens":4}
	{"model":"nobody-knows-it",$m}
	{"model":"sandbox:gpt-4o?cut=3",$m}
	{"model":"sandbox:gpt-4o?error_after=2",$m}
	{"model":"sandbox:gpt-4o?status=429&retry_after=1",$m}
	{"model":"sandbox:gpt-4o?status=400",$m}
	{"model":"sandbox:gpt-4o?garbage",$m}
	{"model":"sandbox:gpt-4o?fail=1&status=503&retry_after=1",$m}
	{"model":"nowhere:gpt-4o",$m}
	{"model":"gpt-4o","messages":[],"card":4111111111111111}
	{"model":"gpt-4o",$m,"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"to":{"type":"string"}}}}}],"tool_choice":"required"}
	{"model":"gpt-4o","messages":1}
	no JSON
	JSON
}

# chain FLAG...: prompt, through the whole chain, and the schema on the way
chain() {
	requests | aigw-prompt --from chat --tag team=a "$@" >in || [ $? = 1 ]
	"$validate" <in
	aigw-run -q <in >out 2>log || [ $? = 1 ]
	"$validate" <out
	[ "$(jq -r 'select(.e | not).id' out | sort)" = \
		"$(jq -r .id in | sort)" ]
	[ "$(jq -r 'select(.res and (.err | not)).id' out | wc -l)" -ge 4 ]
	[ "$(jq -r 'select(.err and (.e | not)).err.code' out |
		sort -u | wc -l)" -ge 6 ]
}

@test "the whole chain" {
	chain
	! grep -q '"e":' out
}

@test "the whole chain, streamed" {
	chain --stream
	for e in start block d end usage finish err 'done'; do
		grep -q "\"e\":\"$e\"" out
	done
}

@test "each stage of the chain in a shell pipe" {
	requests | aigw-prompt --from chat >s0 || [ $? = 1 ]
	n=0
	for f in auth mask route count send count mask; do
		"aigw-$f" <"s$n" >"s$((n + 1))" 2>log || [ $? = 1 ]
		n=$((n + 1))
		"$validate" <"s$n"
	done
	[ "$(wc -l <s7)" = "$(wc -l <s0)" ]
}

@test "lines that are refused" {
	printf '%b\n' x '[]' '{}' '{"id":""}' '{"aigw":1,"id":"a","b":"\0377"}' \
		'{"aigw":1,"id":"a","a":1,"a":1}' '{"id":"a","e":1}' '' \
		'{"aigw":1,"id":"a","b":"\\ud800"}' >in
	run -1 aigw-echo <in
	"$validate" <<<"$output"
	[ "$(jq -r .id <<<"$output" | tr '\n' ' ')" = \
		'line:1 line:2 line:3 line:4 line:5 line:6 line:7 line:9 ' ]
	[ "$(jq -r .err.stage <<<"$output" | sort -u)" = input ]
}

@test "what a broken stage leaves" {
	printf 'aigw: 1\nchain: [{exec: [sh, -c, "read x; exit 3"]}]\n' >c.yaml
	printf '{"aigw":1,"id":"a"}\n' >in
	run -3 aigw-run -qc c.yaml <in
	grep '^{' <<<"$output" | "$validate"
}
