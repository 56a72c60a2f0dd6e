#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# runner.bats - children and descriptors that give a runner trouble

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	unset AIGW_CONFIG
}

# stages DEADLINE QUEUE ARGV...: a chain of programs, each a JSON array
stages() {
	local deadline=$1 queue=$2 stage sep=
	shift 2
	printf 'aigw: 1\nchain: ['
	for stage in "$@"; do
		printf '%s{exec: %s, deadline: %s, queue: %s}' "$sep" \
			"$stage" "$deadline" "$queue"
		sep=', '
	done
	printf ']\n'
}

# program FILE: a filter in Python from standard input; `put` writes a line
program() {
	{
		printf 'import json, os, sys, time\n'
		printf 'def put(s):\n    sys.stdout.write(s)\n'
		printf '    sys.stdout.flush()\n'
		cat
	} >"$1"
}

# envelopes COUNT BYTES
envelopes() {
	awk -v n="$1" -v size="$2" 'BEGIN {
		for (pad = "x"; length(pad) < size; pad = pad pad) ;
		pad = substr(pad, 1, size)
		for (i = 1; i <= n; i++)
			printf "{\"aigw\":1,\"id\":\"n%d\",\"x\":\"%s\"}\n",
			       i, pad }'
}

# eventually COMMAND...: true within 5 seconds
eventually() {
	local i
	for i in $(seq 50); do
		"$@" && return
		sleep 0.1
	done
	return 1
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# ended_with PID CODE: it has ended by itself, so
ended_with() {
	local code=0
	eventually gone "$1" || { kill -KILL "$1"; return 1; }
	wait "$1" || code=$?
	[ "$code" = "$2" ]
}

@test "a reader that stalls for longer than the deadline fails nobody" {
	program late.py <<-'PY'
		held = sys.stdin.readline()
		for n, line in enumerate(sys.stdin):
		    put(line)
		    if n == 350:
		        put(held)
	PY
	stages 500ms 1M '[python3, late.py]' >c.yaml
	envelopes 400 8000 >in
	aigw-run -c c.yaml <in | (sleep 2; cat) >out
	sort in | cmp - <(sort out)
}

@test "a stop and a continue by job control fail nobody" {
	stages 1s 1M '[sh, -c, "read -r l; sleep 0.6; echo \"$l\"; exec cat"]' \
		>c.yaml
	envelopes 3 10 >in
	aigw-run -c c.yaml <in >out &
	pid=$!
	sleep 0.3
	kill -STOP "$pid"
	sleep 2.5
	kill -CONT "$pid"
	wait "$pid"
	cmp in out
}

@test "300 restarts leave no zombie and no descriptor" {
	stages 1s 1M '[sh, -c, "while read -r l; do case $l in *poison*) echo no;; *) echo \"$l\";; esac; done"]' \
		>c.yaml
	mkfifo f
	(ulimit -n 30; exec aigw-run --window 1 -c c.yaml) <f >out 2>log &
	pid=$!
	exec 7>f
	for i in $(seq 300); do
		printf '{"aigw":1,"id":"a"}\n{"aigw":1,"id":"poison"}\n'
	done >&7
	answered() { [ "$(wc -l <out)" = 600 ]; }
	eventually answered || eventually answered
	[ "$(ps -o stat= --ppid "$pid" | grep -c Z)" = 0 ]
	exec 7>&-
	ended_with "$pid" 1
	[ "$(grep -c '"code":"stage_protocol"' out)" = 300 ]
}

@test "what a dead child had read and not answered is given again, however much" {
	program once.py <<-'PY'
		kept = []
		for line in sys.stdin:
		    if os.path.exists("died"):
		        put(line)
		        continue
		    kept.append(line)
		    if len(kept) == 80:
		        open("died", "w")
		        sys.exit(1)
	PY
	stages 10s 1M '[python3, once.py]' >c.yaml
	envelopes 100 1000000 >in
	aigw-run -c c.yaml <in 2>log | sed 's/xxxx*//' >out || true
	[ "$(wc -l <out)" = 100 ]
	[ "$(grep -c '"err"' out)" = 1 ]
	grep -q '"id":"n1".*stage_died' out
}

@test "a child that left a process of its own behind does not hold the end" {
	stages 20s 1M '[sh, -c, "setsid sh -c \"echo \\$\\$ >pid; exec sleep 30\" 2>/dev/null & until [ -s pid ]; do sleep 0.05; done; exec cat"]' \
		>c.yaml
	envelopes 2 10 >in
	aigw-run -c c.yaml <in >out &
	pid=$!
	code=0
	ended_with "$pid" 0 || code=1
	kill "$(cat pid)"
	[ "$code" = 0 ]
	cmp in out
}

@test "a child that does not end after its input has" {
	stages 500ms 1M '[sh, -c, "cat; exec sleep 600"]' >c.yaml
	envelopes 2 10 >in
	aigw-run -c c.yaml <in >out 2>log &
	ended_with $! 1
	cmp in out
	grep -q 'did not end' log
}

@test "a child that closes its output and lives on" {
	stages 500ms 1M '[sh, -c, "exec sleep 600 >&-"]' >c.yaml
	envelopes 2 10 | aigw-run -c c.yaml >out 2>log &
	eventually gone $!
	[ "$(grep -c '"err"' out)" = 2 ]
}

@test "a child that closes its input and goes on writing" {
	program deaf.py <<-'PY'
		line = sys.stdin.readline()
		os.close(0)
		put(line)
		while True:
		    put(line)
		    time.sleep(0.01)
	PY
	stages 500ms 1M '[python3, deaf.py]' >c.yaml
	envelopes 4 10 >in
	run -1 timeout 30 aigw-run -c c.yaml <in
	[ "$(grep -c '^{' <<<"$output")" = 4 ]
}

@test "a stage that answers a line behind, with a queue of one byte" {
	program behind.py <<-'PY'
		held = ""
		for line in sys.stdin:
		    put(held)
		    held = line
		put(held)
	PY
	stages 20s 1 '[python3, behind.py]' >c.yaml
	envelopes 5 10 >in
	aigw-run -c c.yaml <in >out &
	ended_with $! 0
	cmp in out
}

@test "a line that was dropped fails at its deadline while the input stays open" {
	stages 500ms 1M '[sed, -u, /n2/d]' >c.yaml
	mkfifo f
	aigw-run -c c.yaml <f >out &
	pid=$!
	exec 7>f
	envelopes 3 10 >&7
	eventually grep -q '"id":"n2".*stage_timeout' out
	exec 7>&-
	ended_with "$pid" 1
	[ "$(wc -l <out)" = 3 ]
}

@test "an id whose stream a dead child broke can be used again" {
	program break.py <<-'PY'
		for line in sys.stdin:
		    if "poison" in line:
		        sys.exit(3)
		    put(line)
	PY
	stages 5s 1M '[python3, break.py]' >c.yaml
	for i in 1 2 3 4 5 6 7 8; do
		printf '{"id":"s","e":"d","t":"%0200d"}\n' "$i"
	done >chunks
	mkfifo f
	aigw-run -c c.yaml <f >out 2>log &
	pid=$!
	exec 7>f
	cat chunks >&7
	echo '{"aigw":1,"id":"p","x":"poison"}' >&7
	eventually grep -q '"id":"p"' out
	echo '{"aigw":1,"id":"s","res":{}}' >&7
	eventually grep -q '"id":"s".*stage_died' out
	cat chunks >&7
	echo '{"aigw":1,"id":"s","res":{"model":"m"}}' >&7
	exec 7>&-
	ended_with "$pid" 3
	[ "$(tail -n 1 out)" = '{"aigw":1,"id":"s","res":{"model":"m"}}' ]
}

@test "a line of 15 MB through piped stages" {
	printf 'aigw: 1\nchain: [{filter: echo, body: piped}, {exec: [cat]}]\n' \
		>c.yaml
	envelopes 3 15000000 >in
	aigw-run -c c.yaml <in | cmp in -
}

@test "an input socket that breaks: what is under way still comes out" {
	stages 5s 1M '[sh, -c, "sleep 1; exec cat"]' >c.yaml
	cat >reset.py <<-'PY'
		import socket, struct, subprocess, sys, time
		listener = socket.create_server(("127.0.0.1", 0))
		ours = socket.create_connection(listener.getsockname())
		theirs, _ = listener.accept()
		listener.close()
		child = subprocess.Popen(["aigw-run", "-c", "c.yaml"], stdin=theirs)
		theirs.close()
		ours.sendall(b'{"aigw":1,"id":"x"}\n{"aigw":1,"id":"cut')
		time.sleep(0.3)
		ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		ours.close()
		try:
		    sys.exit(child.wait(8))
		except subprocess.TimeoutExpired:
		    child.kill()
		    sys.exit(99)
	PY
	run -74 --separate-stderr python3 reset.py
	[ "${lines[0]}" = '{"aigw":1,"id":"x"}' ]
	[[ $stderr == *"reset by peer"* ]]
}

@test "a folder as input ends with 74" {
	run -74 aigw-echo </
	[[ $output == *"s a directory"* ]]
}

@test "a closed output is found when stderr is closed too" {
	run -74 sh -c 'echo "{\"aigw\":1,\"id\":\"x\"}" | aigw-echo >&- 2>&-'
}

@test "/dev/null, a file to append to, and a socket are good outputs" {
	envelopes 2000 500 >in
	aigw-echo <in >/dev/null
	echo before >out
	aigw-echo <in >>out
	(echo before; cat in) | cmp - out
	python3 - <<-'PY' | cmp in -
		import socket, subprocess, sys
		ours, theirs = socket.socketpair()
		child = subprocess.Popen(["aigw-echo"], stdin=open("in"), stdout=theirs)
		theirs.close()
		for data in iter(lambda: ours.recv(1 << 16), b""):
		    sys.stdout.buffer.write(data)
		sys.exit(child.wait())
	PY
}

@test "a second signal ends it at once, with its children" {
	stages 30s 1M '[sh, -c, "echo $$ >pid; exec sleep 600"]' >c.yaml
	mkfifo f
	aigw-run -k -c c.yaml <f >out &
	pid=$!
	exec 7>f
	envelopes 3 10 >&7
	eventually test -s pid
	sleep 0.2
	kill -TERM "$pid"
	sleep 0.3
	kill -0 "$pid"
	kill -TERM "$pid"
	ended_with "$pid" 143
	exec 7>&-
	! ps -o stat= -p "$(cat pid)" | grep -qv Z
}

@test "a signal that the parent ignores stays ignored" {
	mkfifo f
	(trap '' INT; exec aigw-echo) <f >out &
	pid=$!
	exec 7>f
	sleep 0.2
	kill -INT "$pid"
	sleep 0.2
	envelopes 1 10 >&7
	exec 7>&-
	ended_with "$pid" 0
	[ -s out ]
}

@test "a reader that leaves while a child hangs" {
	stages 30s 1M '[sh, -c, "read -r l; echo \"$l\"; exec sleep 600"]' \
		>c.yaml
	envelopes 3 10 >in
	set +o pipefail
	(aigw-run -c c.yaml || echo $? >code) <in | head -n 1 >out
	eventually test -s code
	[ "$(cat code)" = 141 ]
}

# A pipe of another user's: /proc does not open it again, so it is written to
# as it is, and a signal must get through all the same.
@test "an output that cannot be opened once more never blocks" {
	as=
	[ "$(id -u)" != 0 ] || as='setpriv --reuid 65534 --clear-groups'
	stages 1s 1M '[cat]' >c.yaml
	envelopes 3000 1000 >in
	mkfifo f
	exec 8<>f
	exec 7>f
	chmod 000 f
	$as aigw-echo -c /dev/null <in >&7 8<&- &
	pid=$!
	sleep 0.3
	kill -TERM "$pid"
	sleep 0.2
	kill -TERM "$pid"
	ended_with "$pid" 143
	exec 7>&- 8<&-
	$as aigw-echo -c /dev/null <in | cmp in -
}

@test "few descriptors: an error, and never a hang" {
	stages 2s 1M '[cat]' '[cat]' >c.yaml
	envelopes 10 10 >in
	for n in $(seq 10 28); do # with fewer, libuv calls abort(3)
		code=0
		(ulimit -n "$n"; exec timeout 10 aigw-run -c c.yaml) <in \
			>out 2>log || code=$?
		[ "$code" != 124 ] && [ "$code" -lt 128 ]
		[ "$code" != 0 ] || cmp in out
		[ "$code" = 0 ] || [ -s log ]
	done
	[ "$code" = 0 ]
}

@test "100,000 envelopes and a reader that stalls: memory stays bounded" {
	stages 30s 1M '[cat]' '[cat]' >c.yaml
	envelopes 100000 1000 >in
	command time -f %M -o rss aigw-run -c c.yaml <in |
		(sleep 1; cat) | cmp in -
	[ -n "${AIGW_SANITIZED-}" ] || [ "$(tail -n 1 rss)" -lt 65536 ]
}

@test "a child that floods stderr neither blocks nor is blocked" {
	stages 5s 1M '[sh, -c, "head -c 3000000 /dev/zero | tr \"\\\\0\" x >&2; exec cat"]' \
		>c.yaml
	envelopes 10 10 >in
	aigw-run -c c.yaml <in 2>log | cmp in -
	[ "$(wc -l <log)" -gt 700 ]
}

@test "a line may be as long as --max-line says, and no longer" {
	envelopes 1 $((1024 - 27)) >in
	[ "$(wc -c <in)" = 1025 ]
	aigw-echo --max-line 1K <in | cmp in -
	aigw-echo --max-line 1024 < <(head -c 1024 in) | cmp in -
	run -1 aigw-echo --max-line 1024 < <(sed 's/x/xx/' in; cat in)
	[[ ${lines[0]} == *line_too_long* ]]
	[ "${lines[1]}" = "$(cat in)" ]
}
