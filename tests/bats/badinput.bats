#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# badinput.bats - what reaches a filter in a pipe, and must not hurt it

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	unset AIGW_CONFIG
	ok='{"aigw":1,"id":"ok"}'
}

# refused TEXT CODE LINE: that line is an error, the line behind it passes
refused() {
	run -1 aigw-echo < <(printf '%s\n%b\n%s\n' "$ok" "$1" "$ok")
	[ "${#lines[@]}" = 3 ]
	[ "${lines[0]}" = "$ok" ] && [ "${lines[2]}" = "$ok" ]
	[ "$(jq -r '.err.code + " " + (.err.line | tostring)' \
		<<<"${lines[1]}")" = "$2 2" ]
}

@test "no input is no output" {
	run -0 aigw-echo </dev/null
	[ -z "$output" ]
}

@test "a line that is not JSON is refused with line and byte" {
	refused '{"aigw":1,"id":"x",}' invalid_json
	[[ ${lines[1]} == *"byte 18"* ]]
}

@test "NaN, a bare word and an unfinished object are refused" {
	refused '{"aigw":1,"id":"x","n":NaN}' invalid_json
	refused 'hello' invalid_json
	refused '{"aigw":1,"id":"x"' invalid_json
}

@test "JSON that is no envelope is refused, and the fix is named" {
	refused '[1,2]' not_an_envelope
	refused '{"messages":[]}' invalid_id
	[[ ${lines[1]} == *"aigw prompt"* ]]
	refused '{"id":"x"}' invalid_version
}

@test "a duplicate key is refused" {
	refused '{"aigw":1,"id":"x","req":{"a":1,"a":2}}' duplicate_key
}

@test "invalid UTF-8 is refused with its byte" {
	refused '{"aigw":1,"id":"x","s":"\0377"}' invalid_utf8
	[[ ${lines[1]} == *"byte 24"* ]]
}

@test "a lone surrogate is refused" {
	refused '{"aigw":1,"id":"x","s":"\\ud800"}' invalid_json
}

@test "a byte order mark is refused, and the fix is named" {
	run -1 aigw-echo < <(printf '\357\273\277%s\n' "$ok")
	[[ $output == *"byte order mark"* ]]
}

@test "NUL inside a string survives" {
	line='{"aigw":1,"id":"x","s":"a\u0000b"}'
	[ "$(aigw-echo --tag t <<<"$line")" = "${line%\}},\"tag\":\"t\"}" ]
}

@test "2^53+1, 1.10, 1E5 and escapes stay as they were spelled" {
	line='{"aigw":1,"id":"x","n":9007199254740993,"d":1.10,"f":1E5,"s":"\/\u00e9","req":{}}'
	[ "$(aigw-echo <<<"$line")" = "$line" ]
	[ "$(aigw-echo --tag t <<<"$line")" = "${line%\}},\"tag\":\"t\"}" ]
}

@test "template marks, dashes and tags in values pass" {
	line='{"aigw":1,"id":"x","s":"{{ {% {# --- </x> \\\" ${HOME} $(id)"}'
	[ "$(aigw-echo <<<"$line")" = "$line" ]
}

@test "CRLF, empty lines and a missing last line end are fine" {
	printf '%s\r\n\r\n\n%s' "$ok" "$ok" | aigw-echo >out
	[ "$(tr -d '\r' <out)" = "$ok"$'\n'"$ok" ]
	[ "$(tail -c 1 out | od -An -c | tr -d ' ')" = '\n' ]
}

@test "a line of 50 MB is refused in little memory, the next one passes" {
	{
		printf '{"aigw":1,"id":"big","s":"'
		head -c 50000000 /dev/zero | tr '\0' a
		printf '"}\n%s\n' "$ok"
	} >in
	run -1 /usr/bin/env time -f '%M' -o rss aigw-echo <in
	[ "${lines[1]}" = "$ok" ]
	[ "$(jq -r .err.code <<<"${lines[0]}")" = line_too_long ]
	[[ ${lines[0]} == *--max-line* ]]
	[ -n "${AIGW_SANITIZED-}" ] || [ "$(tail -n 1 rss)" -lt 65536 ]
}

@test "a line of 10 MB passes" {
	{
		printf '{"aigw":1,"id":"big","s":"'
		head -c 10000000 /dev/zero | tr '\0' a
		printf '"}\n'
	} >in
	aigw-echo <in | cmp - in
}

@test "128 levels pass, 129 do not" {
	deep() { printf '[%.0s' $(seq "$1"); printf ']%.0s' $(seq "$1"); }
	line="{\"aigw\":1,\"id\":\"x\",\"s\":$(deep 127)}"
	[ "$(aigw-echo <<<"$line")" = "$line" ]
	refused "{\"aigw\":1,\"id\":\"x\",\"s\":$(deep 128)}" too_deep
}

@test "a full disk ends with 74 and says so" {
	run -74 sh -c "echo '$ok' | aigw-echo >/dev/full"
	[[ $output == *"No space left"* ]]
}

@test "help and version that cannot be written end with 74" {
	for p in aigw-echo aigw-run aigw-check-stage; do
		run -74 sh -c "$p --help >/dev/full"
		run -74 sh -c "$p --version >/dev/full"
		[[ $output == *"No space left"* ]]
	done
}

@test "closed standard input and output end with 74" {
	run -74 sh -c 'aigw-echo <&-'
	[[ $output == *"input is closed"* ]]
	run -74 sh -c "echo '$ok' | aigw-echo >&-"
	[[ $output == *"output is closed"* ]]
}

@test "closed stderr does no harm" {
	[ "$(echo "$ok" | aigw-echo 2>&-)" = "$ok" ]
}

@test "a reader that leaves: dies of SIGPIPE, silently" {
	set +o pipefail
	yes "$ok" | aigw-echo 2>log | head -n 1 >out
	[ "${PIPESTATUS[1]}" = 141 ]
	[ "$(cat out)" = "$ok" ]
	[ ! -s log ]
}

@test "each line is answered while the input stays open" {
	mkfifo f
	aigw-echo <f >out &
	pid=$!
	exec 7>f
	echo "$ok" >&7
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		[ -s out ] && break
		sleep 0.1
	done
	[ "$(cat out)" = "$ok" ]
	exec 7>&-
	wait "$pid"
}

@test "SIGTERM drains and dies of it" {
	mkfifo f
	aigw-echo <f >out &
	pid=$!
	exec 7>f
	echo "$ok" >&7
	sleep 0.3
	kill -TERM "$pid"
	code=0
	wait "$pid" || code=$?
	exec 7>&-
	[ "$code" = 143 ]
	[ "$(cat out)" = "$ok" ]
}

@test "the flags of shared descriptors stay as they were" {
	mkfifo f
	exec 7<>f
	before=$(grep flags /proc/self/fdinfo/7)
	echo "$ok" | aigw-echo >&7
	[ "$(grep flags /proc/self/fdinfo/7)" = "$before" ]
	read -r line <&7
	[ "$line" = "$ok" ]
}

@test "a terminal as input is refused with a hint" {
	run -64 script -qec aigw-echo /dev/null </dev/null
	[[ $output == *--help* ]]
}

@test "naughty strings pass every filter or are refused, byte for byte" {
	blns=${AIGW_VECTORS:?}/blns/blns.json
	[ -e "$blns" ] || skip "no vectors"
	jq -c 'to_entries[] | {aigw: 1, id: "n\(.key)", x: .value}' "$blns" >in
	[ "$(wc -l <in)" = 515 ]
	aigw-echo <in | cmp - in
	aigw-route <in 2>log | jq -r '.id' | cmp - <(jq -r .id in)
}
