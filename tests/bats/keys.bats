#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# keys.bats - aigw-keys and aigw-auth together, as their users meet them

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config
	unset AIGW_CONFIG
	store=state/aigw/keys.jsonl
}

# envelope KEY [MODEL]
envelope() {
	printf '{"aigw":1,"id":"1","client":{"auth":{"scheme":"bearer",'
	printf '"token":"%s"}},"req":{"model":"%s"}}\n' "$1" "${2:-gpt-4o}"
}

# new NAME [OPTION]...: makes a key; its id is in $id, itself in $key
new() {
	rm -f key
	id=$(aigw-keys new "$@" -o key)
	key=$(cat key)
}

# answer KEY [MODEL]: the principal, or the code of the refusal
answer() {
	envelope "$@" | aigw-auth | jq -r '.err.code // .client.principal'
}

@test "a new key opens the door, a revoked one does not" {
	new team-a/bob
	[ "$(answer "$key")" = team-a/bob ]
	[ "$(answer "${key%?}x")" = invalid_api_key ]
	aigw-keys revoke "$id"
	[ "$(answer "$key")" = key_revoked ]
}

@test "the key is written once, to a file of mode 600, and nowhere else" {
	new team-a/bob --note canary
	[ "$(stat -c %a key)" = 600 ]
	[[ $key =~ ^aigw_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}$ ]]
	[ "$(stat -c %a $store state/aigw/pepper)" = $'600\n600' ]
	secret=${key#aigw_live_????????_}
	run grep -r "$secret" state
	[ "$status" -eq 1 ]
	run aigw-keys list
	[ "$status" -eq 0 ]
	[[ $output == *canary* && $output != *"$secret"* ]]
	run aigw-keys list --json
	[[ $output != *"$secret"* && $output != *hmac* ]]
}

@test "a file that exists is not replaced, and no key is made" {
	echo precious >there
	run aigw-keys new bob -o there
	[ "$status" -eq 73 ]
	[ "$(cat there)" = precious ]
	[ ! -s $store ]
}

@test "into a pipe a key goes only when asked" {
	run aigw-keys new bob
	[ "$status" -eq 64 ]
	[ ! -e $store ]
	key=$(aigw-keys new bob -o -)
	[ "$(answer "$key")" = bob ]
}

@test "on a terminal the key is shown" {
	key=$(script -qec "aigw-keys new bob" /dev/null | tr -d '\r')
	[ "$(answer "$key")" = bob ]
}

@test "a full disk under the answer is an error that names the key" {
	run bash -c 'aigw-keys new bob -o - >/dev/full'
	[ "$status" -eq 74 ]
	id=$(aigw-keys list --json | jq -r .id)
	[[ $output == *"$id"*revoke* ]]
	run bash -c 'aigw-keys list >/dev/full'
	[ "$status" -eq 74 ]
}

@test "models and operations are limited by pattern" {
	new ci -m 'gpt-4o*' -m 'o?' --operations chat
	[ "$(answer "$key" gpt-4o-mini)" = ci ]
	[ "$(answer "$key" o3)" = ci ]
	[ "$(answer "$key" o31)" = model_not_allowed ]
	run jq -r .err.code <<<"$(envelope "$key" |
		jq -c '.op="embeddings"' | aigw-auth)"
	[ "$output" = operation_not_allowed ]
}

@test "times: spans, days, moments, and what is none" {
	new a --expires 90d --not-before 1h
	[ "$(answer "$key")" = key_not_yet_valid ]
	new b --expires 9000-01-01
	new c --expires 9000-01-01T12:00:00Z
	run aigw-keys list --json
	[ "$(jq -rs 'map(.expires)[1:] | join(" ")' <<<"$output")" = \
		"9000-01-01T00:00:00Z 9000-01-01T12:00:00Z" ]
	for when in soon 2026-02-30 2001-01-01 -1d ''; do
		run aigw-keys new d --expires "$when" -o d.key
		[ "$status" -eq 64 ]
		[ ! -e d.key ]
	done
}

@test "rotation: both secrets, then only the new" {
	new team-a/bob -m 'gpt-*'
	old=$key
	aigw-keys rotate "$id" --overlap 1h -o new.key
	[ "$(answer "$old")" = team-a/bob ]
	[ "$(answer "$(cat new.key)")" = team-a/bob ]
	[ "$(answer "$(cat new.key)" o3)" = model_not_allowed ]
	run aigw-keys rotate "$id" -o newer.key
	[ "$status" -eq 75 ]
	[ ! -e newer.key ]
	aigw-keys rotate "$id" --overlap 0 -o newer.key
	[ "$(answer "$old")" = invalid_api_key ]
	[ "$(answer "$(cat new.key)")" = key_expired ]
	[ "$(answer "$(cat newer.key)")" = team-a/bob ]
}

@test "a running aigw-auth sees what was changed, and survives nonsense" {
	new bob
	coproc AUTH { aigw-auth -v 2>log; }
	ask() {
		envelope "$key" >&"${AUTH[1]}"
		read -r -t 10 line <&"${AUTH[0]}"
		jq -r '.err.code // .client.principal' <<<"$line"
	}
	[ "$(ask)" = bob ]
	cp $store good
	echo nonsense >>$store
	sleep 1.2
	[ "$(ask)" = bob ]
	grep -q 'keys.jsonl:2: ' log
	cp good $store
	aigw-keys revoke "$id"
	sleep 1.2
	[ "$(ask)" = key_revoked ]
	eval "exec ${AUTH[1]}>&-"
	run wait "$AUTH_PID"
	[ "$(grep -c 'not read again' log)" -eq 1 ]
}

@test "a bad store stops aigw-auth, with file and line" {
	new bob
	echo '{"id":"x"}' >>$store
	run aigw-auth </dev/null
	[ "$status" -eq 78 ]
	[[ $output == *keys.jsonl:2:* ]]
	run aigw-keys list
	[ "$status" -eq 65 ]
	cp $store before
	run aigw-keys revoke "$id"
	[ "$status" -eq 65 ]
	cmp $store before
}

@test "a store that was named must exist; the default need not" {
	[ "$(answer aigw_live_x)" = invalid_api_key ]
	run aigw-auth --keys nowhere.jsonl </dev/null
	[ "$status" -eq 78 ]
	[[ $output == *nowhere.jsonl* ]]
}

@test "a pepper that others can read is refused, unless --loose" {
	new bob
	chmod 644 state/aigw/pepper
	run aigw-auth </dev/null
	[ "$status" -eq 78 ]
	[[ $output == *pepper*"chmod 600"* ]]
	[ "$(envelope "$key" | aigw-auth --loose | jq -r .client.principal)" = bob ]
	chmod 600 state/aigw/pepper
	chmod 666 $store
	run aigw-auth </dev/null
	[ "$status" -eq 78 ]
}

@test "a lost pepper is not replaced by another" {
	new bob
	rm state/aigw/pepper
	run aigw-keys new eve -o eve.key
	[ "$status" -eq 73 ]
	[ ! -e eve.key ]
	[ ! -e state/aigw/pepper ]
	run aigw-auth </dev/null
	[ "$status" -eq 78 ]
}

@test "a changed pepper file: new keys take its newest version" {
	new bob
	old=$key
	echo "2 $(printf '%064d' 7)" >>state/aigw/pepper
	new eve
	[ "$(answer "$old")" = bob ]
	[ "$(answer "$key")" = eve ]
	[ "$(jq -s 'map(.pepper_v)' -c $store)" = '[1,2]' ]
}

@test "the Unix user: allowed, named, mapped, denied" {
	me=$(id -un)
	line='{"aigw":1,"id":"1","client":{"principal":"root"},"req":{"model":"m"}}'
	run aigw-auth <<<"$line"
	[ "$status" -eq 0 ]
	[ "$(jq -r .client.principal <<<"$output")" = "unix:$me" ]
	run aigw-auth --unix deny <<<"$line"
	[ "$status" -eq 1 ]
	[ "$(jq -r '.err.code, .client.principal' <<<"$output")" = \
		$'missing_credential\nnull' ]

	printf 'aigw: 1\nauth: {users: {%s: team-a/me}}\n' "$me" >c.yaml
	run aigw-auth -c c.yaml <<<"$line"
	[ "$(jq -r .client.principal <<<"$output")" = team-a/me ]

	cat >c.yaml <<-END
		aigw: 1
		auth:
		  users:
		    $me: {principal: team-a/me, models: [gpt-*]}
		    nobody-else: team-b/other
	END
	run aigw-auth -c c.yaml <<<"$line"
	[ "$(jq -r .err.code <<<"$output")" = model_not_allowed ]

	printf 'aigw: 1\nauth: {users: {not-%s: team-a/me}}\n' "$me" >c.yaml
	run aigw-auth -c c.yaml <<<"$line"
	[ "$status" -eq 1 ]
	[ "$(jq -r .err.code <<<"$output")" = unknown_user ]
}

@test "mistakes in users are named with their place" {
	for users in '{bob: {principl: x}}' '{bob: {models: [x], principal: }}' \
		'{bob: unix:bob}' '{bob: {principal: x, models: }}' '[bob]' \
		'{bob: [x]}'; do
		printf 'aigw: 1\nauth:\n  users: %s\n' "$users" >c.yaml
		run aigw-auth -c c.yaml </dev/null
		[ "$status" -eq 78 ]
		[[ $output == *c.yaml:3:* ]]
	done
}

@test "configuration says where the files are, to both programs" {
	mkdir -p config/aigw
	printf 'aigw: 1\nauth: {keys: k.jsonl, pepper: p, unix: deny}\n' \
		>config/aigw/aigw.yaml
	new bob
	[ -s config/aigw/k.jsonl ] && [ -s config/aigw/p ]
	[ "$(answer "$key")" = bob ]
	[ ! -e state ]
}

@test "the pepper from elsewhere" {
	new bob
	mkdir creds
	mv state/aigw/pepper creds/aigw-pepper
	printf 'aigw: 1\nauth: {pepper-from: {credential: aigw-pepper}}\n' >c.yaml
	export AIGW_CONFIG=c.yaml CREDENTIALS_DIRECTORY=$PWD/creds
	[ "$(answer "$key")" = bob ]
	new eve
	[ "$(answer "$key")" = eve ]
	[ ! -e state/aigw/pepper ]
	printf 'aigw: 1\nauth: {pepper-from: {command: [cat, creds/aigw-pepper]}}\n' \
		>c.yaml
	[ "$(answer "$key")" = eve ]
	printf 'aigw: 1\nauth: {pepper-from: secret}\n' >c.yaml
	run aigw-auth </dev/null
	[ "$status" -eq 78 ]
	[[ $output == *c.yaml:2:* ]]
}

@test "no key in what is refused or logged" {
	new bob -m none
	secret=${key#aigw_live_????????_}
	for auth in "\"$key\"" "[\"$key\"]" "{\"token\":\"$key\"}" \
		"{\"scheme\":\"bearer\",\"token\":\"$key\"}" \
		"{\"scheme\":\"bearer\",\"token\":[\"$key\"]}" \
		"{\"scheme\":\"bearer\",\"token\":\"$key\",\"x\":\"$key\"}"; do
		run aigw-auth -v \
			<<<"{\"aigw\":1,\"id\":\"1\",\"client\":{\"auth\":$auth}}"
		[ "$status" -eq 1 ]
		[[ $output != *"$secret"* ]]
	done
	run aigw-auth <<<"{\"aigw\":1,\"id\":\"1\",\"client\":\"$key\"}"
	[ "$status" -eq 1 ]
	[[ $output != *"$secret"* ]]
}

@test "usage: exit 64 and a hint" {
	run aigw-keys
	[ "$status" -eq 64 ]
	run aigw-keys lst
	[ "$status" -eq 64 ]
	[[ $output == *"did you mean list?"* ]]
	run aigw-keys new
	[ "$status" -eq 64 ]
	run aigw-keys new 'a b' -o x
	[ "$status" -eq 64 ]
	run aigw-keys new unix:bob -o x
	[ "$status" -eq 64 ]
	run aigw-keys list --jsn
	[ "$status" -eq 64 ]
	[[ $output == *"--json"* ]]
	run aigw-keys revoke 12345678
	[ "$status" -eq 65 ]
	run aigw-keys rotate short -o x
	[ "$status" -eq 65 ]
	[ ! -e x ]
	run aigw-keys --help
	[ "$status" -eq 0 ]
	[[ $output == *"aigw keys rotate"* ]]
}

@test "help and version need no command" {
	run -0 aigw-keys --version
	[[ $output == "aigw-keys "* ]]
	run -0 aigw-keys -V
	run -0 aigw-keys -h
}
