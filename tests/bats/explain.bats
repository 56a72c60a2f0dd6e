#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# explain.bats - aigw explain, aigw list, and what a configuration may not be

setup() {
	BIN=${AIGW_BIN:-${AIGW_BUILD:-$BATS_TEST_DIRNAME/../../build}}
	PATH=$BIN:$PATH
	cd "$BATS_TEST_TMPDIR"
	mkdir -p home
	export HOME=$BATS_TEST_TMPDIR/home
	unset XDG_CONFIG_HOME AIGW_CONFIG
}

# yaml TEXT: a.yaml with the version before it
yaml() {
	printf 'aigw: 1\n%s\n' "$1" >a.yaml
}

# refused PATTERN: a.yaml is, by both programs, and names its place
refused() {
	local p
	for p in explain list; do
		run timeout 5 aigw-$p -c a.yaml
		echo "aigw-$p: $status $output" | cut -c 1-300
		[ "$status" -eq 78 ]
		[[ $output == "aigw-$p: error: a.yaml:"$1* ]]
		[ "${#lines[@]}" -eq 1 ]
	done
}

@test "no configuration: the default chain" {
	aigw-explain --json >out
	rule=$(jq -r .config.rule out)
	[ "$rule" = none ] || [ "$rule:$(jq -r .config.path out)" = \
		host:/etc/aigw/aigw.yaml ]
	aigw-explain -c /dev/null --json >out
	[ "$(jq -r '[.stages[].name] | join(" ")' out)" = \
		"auth mask route count send count#2 mask#2" ]
	[ "$(jq -r '[.stages[].options[].from] | unique | join(" ")' out)" = \
		default ]
	[ "$(jq -r '[.stages[].body] | unique | join(" ")' out)" = linked ]
}

@test "which configuration, and by which rule" {
	mkdir -p home/.config/aigw xdg/aigw
	printf 'aigw: 1\nchain: [echo]\n' >home/.config/aigw/aigw.yaml
	rule() { aigw-explain "$@" --json | jq -r '.config | "\(.rule) \(.path)"'; }
	[ "$(rule)" = "user $HOME/.config/aigw/aigw.yaml" ]
	cp home/.config/aigw/aigw.yaml xdg/aigw
	export XDG_CONFIG_HOME=$PWD/xdg
	[ "$(rule)" = "user $PWD/xdg/aigw/aigw.yaml" ]
	export XDG_CONFIG_HOME=xdg # relative: not to be obeyed
	[ "$(rule)" = "user $HOME/.config/aigw/aigw.yaml" ]
	cp xdg/aigw/aigw.yaml b.yaml
	export AIGW_CONFIG=b.yaml
	[ "$(rule)" = "env b.yaml" ]
	[ "$(rule -c /dev/null)" = "flag /dev/null" ]
	AIGW_CONFIG= run aigw-explain
	[[ $output == "# configuration: $HOME/.config/aigw/aigw.yaml, found by "* ]]
}

@test "a configuration that was named must be there" {
	run aigw-explain -c none.yaml
	[ "$status" -eq 78 ]
	[[ $output == *"none.yaml: No such file or directory"* ]]
	AIGW_CONFIG=none.yaml run aigw-list
	[ "$status" -eq 78 ]
	run aigw-explain -c .
	[ "$status" -eq 78 ]
	[[ $output == *": Is a directory"* ]]
}

@test "one that is found and cannot be read is not passed over" {
	mkdir -p home/.config/aigw/aigw.yaml
	run aigw-explain
	[ "$status" -eq 78 ]
	[[ $output == *"aigw.yaml: Is a directory"* ]]
}

@test "from stdin" {
	printf 'aigw: 1\nchain: [echo]\necho: {tag: x}\n' >a.yaml
	run aigw-explain -c - <a.yaml
	[ "$status" -eq 0 ]
	[[ $output == *"tag: x "*"# stdin:3:13"* ]]
}

@test "where values come from: default, section, stage, flag" {
	yaml 'chain:
  - echo
  - {filter: echo, options: {tag: two}}
  - {filter: echo, name: three}
echo:
  tag: one'
	aigw-explain -c a.yaml --json >out
	[ "$(jq -c '[.stages[] | .name, (.options[0] | .value, .at)]' out)" = \
		'["echo","one","a.yaml:7:8","echo#2","two","a.yaml:4:35","three","one","a.yaml:7:8"]' ]
	run aigw-explain -c a.yaml 'echo#2' -- --tag=flag
	[ "$status" -eq 0 ]
	[[ $output == *'"echo#2":'*'tag: flag '*'# flag'* ]]
	[[ $output != *'tag: two'* ]]
	yaml 'chain: [echo]'
	run aigw-explain -c a.yaml
	[[ $output == *'tag: ~ '*'# default'* ]]
}

@test "the text is YAML that says the same" {
	yaml 'chain: [echo]
echo: {tag: "a: [b] # c \" é\n"}'
	aigw-explain -c a.yaml echo | grep -v '^#' >section
	{ printf 'aigw: 1\nchain: [echo]\n'; cat section; } >b.yaml
	[ "$(aigw-explain -c b.yaml --json | jq '.stages[0].options[0].value')" \
		= '"a: [b] # c \" é\n"' ]
}

@test "foreign stages" {
	yaml 'chain: [{exec: [jq, -c, .], deadline: 2s, queue: 64K}, echo]'
	run aigw-explain -c a.yaml jq
	[ "$status" -eq 0 ]
	[[ $output == *"exec: [ jq, "*"deadline: 2s "*"queue: 64K "* ]]
	[ "$(aigw-explain -c a.yaml --json | jq -c '.stages[0].exec')" = \
		'["jq","-c","."]' ]
	run aigw-explain -c a.yaml jq -- --tag x
	[ "$status" -eq 64 ]
}

@test "secrets are not shown" {
	yaml 'send:
  providers:
    openai:
      dialect: openai
      base_url: https://bob:hunter2@example.invalid/v1
      key: {file: /run/secrets/openai}
    plain:
      key: sk-hunter2
      headers: {X-Api-Key: hunter2, Authorization: [Bearer hunter2]}
      nested: {password: {value: hunter2, env: NAME}}'
	aigw-explain -c a.yaml send >text
	aigw-explain -c a.yaml --json send >json
	! grep hunter2 text json
	grep -q '/run/secrets/openai' text
	grep -q 'NAME' text
	[ "$(jq -r '.stages[0].options[] | select(.name == "providers") |
		.value.openai.base_url' json)" = \
		'https://<hidden>@example.invalid/v1' ]
}

@test "unknown names have a nearest one" {
	yaml 'chian: [echo]'
	refused '2:1: no section "chian"; did you mean "chain"?'
	yaml 'chain: [ehco]'
	refused '2:9: no filter "ehco"; did you mean "echo"?'
	yaml 'echo: {tga: x}'
	refused '2:8: no option "tga"; did you mean "tag"?'
	yaml 'chain: [{filter: echo, optoins: {}}]'
	refused '2:24: no option "optoins"; did you mean "options"?'
	yaml 'chain: [echo, {filter: echo, options: {tga: x}}]'
	run aigw-explain -c a.yaml
	[ "$status" -eq 78 ]
	[[ $output == *'a.yaml:2:40: no option "tga"'* ]]
	yaml 'chain: [echo]'
	run aigw-explain -c a.yaml ehco
	[ "$status" -eq 64 ]
	[[ $output == *'no stage "ehco" in the chain; did you mean "echo"?'* ]]
}

@test "every malformed configuration names file, line and column" {
	n=0
	while IFS='|' read -r place text; do
		printf -- "$text" >a.yaml
		refused "$place"
		n=$((n + 1))
	done <<-'END'
		1:1: expected|chain: [echo]\n
		1:7: expected|aigw: 2\n
		1:1: must be a map|- aigw\n
		1:1: must be a map|aigw\n
		2:1: |aigw: 1\n- x\n
		2:1: |aigw: 1\n\tchain: [echo]\n
		3:1: |aigw: 1\nchain: [echo\n
		3:1: |aigw: 1\nchain: {echo\n
		3:1: |aigw: 1\nchain: "echo\n
		3:1: the key "aigw" stands here twice|aigw: 1\nchain: [echo]\naigw: 1\n
		2:8: anchors|aigw: 1\nchain: &a [echo]\n
		2:8: aliases|aigw: 1\nchain: *a\n
		2:8: tags|aigw: 1\nchain: !!seq [echo]\n
		2:1: merge keys|aigw: 1\n<<: {chain: [echo]}\n
		2:1: a second document|aigw: 1\n---\nchain: [echo]\n
		2:1: a key must be a text|aigw: 1\n[a]: b\n
		2:8: chain must be a list|aigw: 1\nchain: echo\n
		2:9: a stage is|aigw: 1\nchain: [[echo]]\n
		2:9: needs either|aigw: 1\nchain: [{name: x}]\n
		2:15: no option "echo"|aigw: 1\nchain: [echo, echo: {}]\n
		2:7: must be a map of options|aigw: 1\necho: x\n
		2:13: tag: must not be a list|aigw: 1\necho: {tag: [x]}\n
		2:4: |aigw: 1\n\303\251: \377\n
		2:8: |aigw: 1\nchain: \001\n
		2:13: a NUL|aigw: 1\necho: {tag: "\\0"}\n
	END
	[ "$n" -eq 25 ]
}

@test "hostile configurations are refused at once" {
	head -c 1048576 /dev/zero | tr '\0' '[' >a.yaml
	refused '1:33: lists and maps nest deeper'
	yes -- '- ' | head -n 300000 | tr -d '\n' >a.yaml
	refused '1:'
	yes '{a: ' | head -n 200000 | tr -d '\n' >a.yaml
	refused '1:'
	head -c 2000000 /dev/zero | tr '\0' '#' >a.yaml
	refused '1:1: more than 1048576 bytes'
	{ echo 'aigw: 1'; seq -f 'k%g: 1' 80000; } >a.yaml
	refused '49999:9: more than 100000'
	{ echo 'a: &a [x, x, x, x, x, x, x, x, x]'
		for pair in ab bc cd de ef fg gh hi; do
			printf '%s: &%s [*%s, *%s, *%s, *%s, *%s, *%s, *%s]\n' \
				${pair#?} ${pair#?} ${pair%?} ${pair%?} \
				${pair%?} ${pair%?} ${pair%?} ${pair%?} ${pair%?}
		done; } >a.yaml
	refused '1:4: anchors'
	run timeout 5 aigw-explain -c /dev/zero
	[ "$status" -eq 78 ]
	[[ $output == *"/dev/zero:1:1: more than"* ]]
}

@test "list: filters, bodies, and what each process holds" {
	yaml 'chain:
  - auth
  - {filter: send, body: piped}
  - {exec: [cat], name: cat}
  - count
  - count'
	run aigw-list -c a.yaml
	[ "$status" -eq 0 ]
	[[ $output == *"auth | send | cat | count | count#2"* ]]
	aigw-list -c a.yaml --json >out
	[ "$(jq -c '[.chain[] | .name, .body]' out)" = \
		'["auth","linked","send","piped","cat","foreign","count","linked","count#2","linked"]' ]
	[ "$(jq -c '.filters[] | select(.name == "count") | .stages' out)" = \
		'["count","count#2"]' ]
	[ "$(jq -c '.filters[] | select(.name == "auth") | .wants' out)" = \
		'["request"]' ]
	[ "$(jq -c '[.processes[].stages]' out)" = \
		'[["auth","count","count#2"],["send"],["cat"]]' ]
	jq -e '.processes[0].holds | any(contains("pepper"))' out
	jq -e '.processes[0].holds | all(contains("provider") | not)' out
	jq -e '.processes[1].holds | any(contains("provider"))' out
}

@test "linked stages hold the union" {
	aigw-list -c /dev/null --json >out
	[ "$(jq '.processes | length' out)" -eq 1 ]
	jq -e '.processes[0].holds | any(contains("provider"))' out
	jq -e '.processes[0].holds | any(contains("pepper"))' out
	[ "$(jq '.processes[0].holds | length == (unique | length)' out)" = true ]
}

@test "list takes no operands" {
	run aigw-list -c /dev/null auth
	[ "$status" -eq 64 ]
}
