#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# foreign.bats - programs in a chain: good ones, and every way to be bad

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	unset AIGW_CONFIG
	bad=$AIGW_SRC/tests/helpers/bad-filter
}

lines() {
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < 30; i++) pad = pad "lorem ipsum dolor sit amet "
		for (i = 1; i <= n; i++)
			printf "{\"aigw\":1,\"id\":\"n%d\",\"x\":\"%s%s\"}\n",
			       i, pad, (i == 4 || i == 500 || i == n) ? \
			       "poison top-secret" : "" }'
}

# A chain of programs, each a JSON array of words
chain() {
	local stage sep=
	printf 'aigw: 1\nchain: ['
	for stage in "$@"; do
		printf '%s{exec: %s, deadline: 1s}' "$sep" "$stage"
		sep=', '
	done
	printf ']\n'
}

@test "cat, jq, sed, python and awk are filters" {
	lines 2000 >in
	chain '[cat]' '[jq, -c, --unbuffered, .]' \
		'[sed, -u, "s/^{/{\"comment\":\"by sed\",/"]' \
		'[python3, -c, "import sys\nfor l in sys.stdin: print(l, end=\"\", flush=True)"]' \
		'[mawk, -W, interactive, "{ print; fflush() }"]' >c.yaml
	aigw-run -c c.yaml <in >out
	sed 's/^{/{"comment":"by sed",/' in | cmp - out
}

# misbehaves MODE CODE: the poisoned three become errors with that code, the
# others pass in their order, nothing else comes out and nothing hangs
misbehaves() {
	lines 1000 >in
	chain '[cat]' "[$bad, $1]" '[cat]' >c.yaml
	timeout 30 aigw-run -c c.yaml <in >out 2>log || [ $? = "${3:-1}" ]
	[ "$(wc -l <out)" = 1000 ]
	[ "$(jq -r 'select(.err) | .id' out | sort | tr '\n' ' ')" = \
		'n1000 n4 n500 ' ]
	[ "$(jq -r 'select(.err) | .err.code' out | sort -u)" = "$2" ]
	grep -v poison in >good
	jq -c 'select(.err | not)' out | cmp - good
	! grep -q leaked out
	[ -s log ]
}

@test "a stage that dies of a signal" {
	misbehaves die stage_died
}

@test "a stage that exits" {
	misbehaves exit stage_died 7
}

@test "a stage that hangs" {
	misbehaves hang stage_timeout
}

@test "a stage that drops a line" {
	misbehaves drop stage_died
}

@test "a stage that lies about ids" {
	misbehaves lie stage_died
}

@test "a stage that writes what is no envelope" {
	misbehaves garbage stage_protocol
}

@test "a stage that stops in the middle of a line" {
	misbehaves midline stage_timeout
}

@test "a stage that exits in the middle of a line" {
	misbehaves midline-exit stage_protocol
}

@test "a stage that floods without a line end" {
	misbehaves flood stage_protocol
}

@test "a stage that floods with lines of its own" {
	misbehaves flood-lines stage_protocol
}

@test "a stage that repeats its answer: one goes on" {
	lines 1000 >in
	chain "[$bad, repeat]" >c.yaml
	timeout 30 aigw-run -c c.yaml <in >out 2>log
	cmp in out
	grep -q 'nobody waits for' log
}

@test "a stage whose configuration is wrong ends the run with 78" {
	lines 1000 >in
	chain "[$bad, config]" >c.yaml
	run -78 timeout 30 aigw-run -c c.yaml <in
	[ "$(grep -c '"code":"stage_died"' <<<"$output")" -gt 0 ]
	[ "$(grep -c '^{' <<<"$output")" = 1000 ]
}

@test "a program that does not exist ends the run with 78 and names it" {
	chain '[no-such-program]' >c.yaml
	run -78 aigw-run -c c.yaml </dev/null
	[[ $output == *no-such-program* ]]
}

@test "a child's stderr is prefixed with its stage" {
	chain '[sh, -c, "echo so it goes >&2; exec cat"]' >c.yaml
	lines 1 | aigw-run -c c.yaml 2>log >/dev/null
	grep -q '\[.*\] so it goes' log
}

@test "a child gets no descriptor but 0, 1 and 2, and signals at default" {
	chain '[sh, -c, "ls /proc/self/fd >&2; grep SigIgn /proc/self/status >&2; exec cat"]' >c.yaml
	lines 1 | aigw-run -c c.yaml 2>log >/dev/null 9</dev/null
	# 3 is ls reading the folder
	[ "$(sed -n 's/.*\] \([0-9]*\)$/\1/p' log | tr '\n' ' ')" = '0 1 2 3 ' ]
	# 32 and 33 are glibc's own: make leaves them ignored, nobody can reset them
	grep -qE 'SigIgn:.*0000000(00|18)0000000$' log
}

@test "a slow reader holds the whole chain, and nothing is lost" {
	lines 20000 | sed 's/poison/fine/' >in
	chain '[cat]' '[cat]' >c.yaml
	aigw-run -c c.yaml <in | (sleep 1; cat) >out
	cmp in out
}

@test "a reader that leaves takes chain and children with it" {
	chain '[sh, -c, "echo $$ >pid; exec cat"]' >c.yaml
	set +o pipefail
	yes '{"aigw":1,"id":"a"}' | aigw-run -c c.yaml | head -n 1
	[ "${PIPESTATUS[1]}" = 141 ]
	sleep 0.2
	# gone, or a zombie where process 1 does not reap
	! ps -o stat= -p "$(cat pid)" | grep -qv Z
}
