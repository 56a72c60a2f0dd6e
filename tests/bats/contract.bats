#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# contract.bats - what aigw-filters(7) and aigw-envelope(5) promise and no other
# test shows

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	unset AIGW_CONFIG
}

# ask ID MODEL [MEMBERS]: a request to the sandbox with these faults
ask() {
	printf '{"aigw":1,"id":"%s",%s"plan":{"targets":[{"provider":"sandbox","model":"%s"}]},"req":{"messages":[{"role":"user","content":"hi there"}]}}\n' \
		"$1" "${3-}" "$2"
}

# await N FILE: until FILE has N lines, for 10 seconds at most
await() {
	for _ in {1..100}; do
		[ "$(wc -l <"$2")" -ge "$1" ] && return
		sleep 0.1
	done
	return 1
}

kinds() {
	jq -r '.id + " " + (.e // (if .err then .err.class else
		(if .res then "res" else "req" end) end))' "$@" |
		tr '\n' ';'
}

# cancels COMMAND...: a call that would take a minute ends at once
cancels() {
	mkfifo f
	timeout -k 1 30 "$@" <f >out 2>log &
	exec 7>f
	ask a 'gpt-4o?latency=60s' >&7
	ask b gpt-4o >&7
	await 1 out
	echo '{"id":"a","e":"cancel"}' >&7
	await 3 out
	exec 7>&-
	wait $! || [ $? = 1 ]
	[ "$(kinds out)" = 'b res;a cancelled;a cancel;' ]
}

@test "a cancel goes forward and ends the call" {
	cancels aigw-send
}

@test "a cancel goes through programs and piped stages" {
	printf 'aigw: 1\nchain: [{exec: [cat]}, {filter: send, body: piped}, {exec: [cat]}]\n' >c.yaml
	cancels aigw-run -c c.yaml
}

@test "a cancel of an id that nobody has passes and changes nothing" {
	{
		echo '{"id":"nobody","e":"cancel"}'
		ask a gpt-4o
	} | aigw-send >out
	[ "$(kinds out)" = 'nobody cancel;a res;' ]
}

@test "readiness is told once, when the stages have started" {
	printf 'aigw: 1\nchain: [{filter: echo, body: piped}, echo, {exec: [cat]}]\n' >c.yaml
	echo '{"aigw":1,"id":"a"}' >in
	for program in 'aigw-echo' 'aigw-run -c c.yaml' 'aigw run -c c.yaml'; do
		# shellcheck disable=SC2086 # a list of words
		AIGW_READY_FD=9 $program <in >out 9>ready
		cmp in out
		[ "$(cat ready)" = ready ]
	done
}

@test "no readiness when the configuration is wrong" {
	echo 'aigw: 2' >c.yaml
	AIGW_READY_FD=9 run -78 aigw-echo -c c.yaml </dev/null 9>ready
	[ ! -s ready ]
}

@test "a readiness descriptor that nobody opened does no harm" {
	echo '{"aigw":1,"id":"a"}' >in
	for fd in 3 4 5 6 7 x ''; do
		AIGW_READY_FD=$fd aigw-echo <in 3>&- 4>&- 5>&- 6>&- | cmp in -
	done
}

@test "chunks come before their answer, and in the order of the blocks" {
	ask a gpt-4o '"stream":true,' | aigw-send >out
	[ "$(jq -r '.e // "final"' out | uniq | tr '\n' ' ')" = \
		'start block d end usage finish done final ' ]
	# a preview: put together it is the answer
	[ "$(jq -j 'select(.e == "d").t' out)" = \
		"$(jq -r 'select(.res).res.blocks[0].text' out)" ]
}

@test "-k keeps the order of delayed answers, streams in one piece" {
	{
		ask a 'gpt-4o?latency=400ms' '"stream":true,'
		ask b 'gpt-4o?latency=200ms'
		ask c gpt-4o '"stream":true,'
	} >in
	aigw-send <in | jq -r .id | uniq | tr '\n' ' ' >out
	[ "$(cat out)" = 'c b a ' ]
	aigw-send -k <in | jq -r .id | uniq | tr '\n' ' ' >out
	[ "$(cat out)" = 'a b c ' ]
}

@test "no more than the window is under way" {
	mkfifo f
	for i in 1 2 3 4 5 6; do
		ask "n$i" 'gpt-4o?latency=600ms'
	done >in
	# all six at once take one latency, two at a time take three
	ms() { date +%s%3N; }
	start=$(ms)
	aigw-send <in >out
	[ $(($(ms) - start)) -lt 1700 ]
	start=$(ms)
	aigw-send --window 2 <in >out
	[ $(($(ms) - start)) -ge 1800 ]
	[ "$(wc -l <out)" = 6 ]
}

@test "a filter that has answered all and does not end is killed" {
	printf 'aigw: 1\nchain: [{exec: [sh, -c, "cat; sleep 1000"], deadline: 500ms}]\n' >c.yaml
	echo '{"aigw":1,"id":"a"}' >in
	run -1 --separate-stderr timeout -k 1 20 aigw-run -c c.yaml <in
	[ "$output" = "$(cat in)" ]
	[[ $stderr == *'did not end'* ]]
}

@test "a slow filter is not lost: only what was overtaken by an answer is" {
	# each answer takes a third of the deadline and comes twice
	cat >slow.py <<-'PY'
	import sys, time
	for line in sys.stdin:
	    time.sleep(0.3)
	    print(line, end="", flush=True)
	    print(line, end="", flush=True)
	PY
	printf 'aigw: 1\nchain: [{exec: [python3, slow.py], deadline: 900ms}]\n' >c.yaml
	for i in 1 2 3 4 5 6 7 8; do
		echo "{\"aigw\":1,\"id\":\"n$i\"}"
	done >in
	timeout -k 1 30 aigw-run -qc c.yaml <in >out
	cmp in out
}

@test "after eight restarts without an answer a stage is dead" {
	printf 'aigw: 1\nchain: [{exec: [sh, -c, "read line; exit 5"], name: dies}]\n' >c.yaml
	for i in {1..12}; do
		echo "{\"aigw\":1,\"id\":\"n$i\"}"
	done >in
	run -5 --separate-stderr timeout -k 1 30 aigw-run -c c.yaml <in
	[ "$(jq -r .err.code <<<"$output" | uniq -c |
		awk '{ print $2, $1 }' | tr '\n' ' ')" = \
		'stage_died 9 stage_dead 3 ' ]
	[ "$(jq -r '.err | .class + .phase + .origin + .stage' \
		<<<"$output" | sort -u)" = upstreampolicygatewaydies ]
}

@test "what costs money is not given to a second process" {
	for i in 1 2 3; do
		ask "n$i" 'gpt-4o?latency=60s'
	done >in
	printf 'aigw: 1\nchain: [{filter: send, body: piped}]\n' >c.yaml
	mkfifo f
	timeout -k 1 30 aigw-run -c c.yaml <f >out 2>log &
	pid=$!
	exec 7>f
	cat in >&7
	sleep 1
	# timeout, aigw-run, aigw-send
	child=$(pgrep -P "$(pgrep -P "$pid")")
	kill -KILL "$child"
	await 3 out
	exec 7>&-
	wait "$pid" || true
	[ "$(jq -r '.id + .err.class' out | tr '\n' ' ')" = \
		'n1upstream n2unknown n3unknown ' ]
}

@test "a stream whose process died ends as an error, without its tail" {
	cat >dies.sh <<-'SH'
	read -r a; read -r b; echo "$a"; echo "$b"
	[ -e again ] && exec cat
	: >again
	read -r c; exit 5
	SH
	printf 'aigw: 1\nchain: [{exec: [sh, dies.sh]}]\n' >c.yaml
	{
		echo '{"id":"a","e":"start"}'
		echo '{"id":"a","e":"d","i":0,"t":"1"}'
		echo '{"id":"a","e":"d","i":0,"t":"2"}'
		sleep 1
		echo '{"id":"a","e":"d","i":0,"t":"3"}'
		echo '{"aigw":1,"id":"a","res":{"blocks":[]}}'
		echo '{"aigw":1,"id":"b"}'
	} | timeout -k 1 30 aigw-run -qc c.yaml >out || [ $? = 5 ]
	[ "$(kinds out)" = 'a start;a d;a upstream;b req;' ]
	grep -q 'middle of this stream' out
}

@test "names are equal however they are spelled; ids may have a NUL" {
	run -1 aigw-echo <<<'{"aigw":1,"id":"x","a":1,"\u0061":2}'
	[[ $output == *duplicate_key* ]]
	line='{"aigw":1,"id":"x\u0000y"}'
	[ "$(aigw-echo <<<"$line")" = "$line" ]
}

@test "an edit takes white space between members and nothing else" {
	line='{ "aigw": 1, "id":"x" , "n": [1.10,  1E5 ] }'
	[ "$(aigw-echo <<<"$line")" = "$line" ]
	[ "$(aigw-echo --tag t <<<"$line")" = \
		'{"aigw": 1,"id":"x","n": [1.10,  1E5 ],"tag":"t"}' ]
}

@test "the manual's filter in C is filters/echo.c" {
	sed -n '/^struct echo/,$p' "$AIGW_SRC/filters/echo.c" |
		tr -d ' \t\n' >code
	sed -n '/^struct echo/,/^\.Ed/p' "$AIGW_SRC/man/aigw-filters.7" |
		sed -e '/^\.Ed/d' -e 's/\\e/\\/g' | tr -d ' \t\n' >page
	cmp code page
}

@test "the manual's classes are those of the program" {
	tr -d '\n\t' <"$AIGW_SRC/lib/core/err.c" |
		grep -o '\[AIGW_E_[A-Z_]*\] = {"[a-z_]*", *[0-9]*, *[a-z]*' |
		tr -d '",' | awk '{ sub(/{/, "", $3)
			print $3, $4, $5 == "true" ? "yes" : "no" }' >code
	sed -n 's/^\.It \([a-z_]*\) Ta \([0-9]*\) Ta \([a-z]*\) Ta .*/\1 \2 \3/p' \
		"$AIGW_SRC/man/aigw-envelope.5" >page
	sort code >a
	sort page >b
	diff a b
	[ "$(wc -l <a)" = 17 ]
}
