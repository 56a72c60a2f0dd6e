#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# aigw.bats - the dispatcher: which program runs, and what it says itself

setup() {
	BIN=${AIGW_BIN:-${AIGW_BUILD:-$BATS_TEST_DIRNAME/../../build}}
	SRC=${AIGW_SRC:-$BATS_TEST_DIRNAME/../..}
	unset AIGW_EXEC_PATH
	cd "$BATS_TEST_TMPDIR"
	mkdir -p beside exec path
	ln -f "$BIN/aigw" beside/aigw 2>/dev/null || cp "$BIN/aigw" beside/aigw
	PATH=$PWD/path:$PATH
}

# program FOLDER NAME: one that says where it lies and what it was given
program() {
	printf '#!/bin/sh\necho "%s: $*"\n' "$1" >"$1/aigw-$2"
	chmod +x "$1/aigw-$2"
}

@test "beside, then AIGW_EXEC_PATH, then PATH" {
	program path demo
	[ "$(beside/aigw demo a 'b  c')" = "path: a b  c" ]
	program exec demo
	export AIGW_EXEC_PATH=/nonexistent:$PWD/exec
	[ "$(beside/aigw demo a)" = "exec: a" ]
	program beside demo
	[ "$(beside/aigw demo --help -x)" = "beside: --help -x" ]
}

@test "exit status and streams are the program's" {
	printf '#!/bin/sh\ncat; exit 7\n' >beside/aigw-seven
	chmod +x beside/aigw-seven
	run beside/aigw seven <<<hello
	[ "$status" -eq 7 ]
	[ "$output" = hello ]
}

@test "relative folders are not searched" {
	mkdir rel
	program rel demo
	PATH=rel:.:$PATH AIGW_EXEC_PATH=rel run beside/aigw demo
	[ "$status" -eq 64 ]
}

@test "unknown commands: the nearest, exit 64" {
	program beside mask
	program beside frobnicate
	for pair in msak:mask frobnicat:frobnicate rnu:run; do
		run beside/aigw ${pair%:*}
		echo "$output"
		[ "$status" -eq 64 ]
		[ "$output" = "aigw: error: no command \"${pair%:*}\"; did you mean \"${pair#*:}\"?" ]
	done
}

@test "no abbreviations, no paths, no empty names" {
	program beside mask
	for name in mas m ../beside/aigw-mask beside/aigw-mask '' --mask -m; do
		run beside/aigw "$name"
		echo "$name: $output"
		[ "$status" -eq 64 ]
		[[ $output == "aigw: error: "* ]]
	done
}

@test "control bytes in a name are escaped" {
	run beside/aigw $'\e[31mred'
	[ "$status" -eq 64 ]
	[[ $output == *'"\x1b[31mred"'* ]]
}

@test "a program that cannot be started: exit 69" {
	printf 'not a program\n' >beside/aigw-broken
	chmod +x beside/aigw-broken
	run beside/aigw broken
	[ "$status" -eq 69 ]
	[[ $output == *"/aigw-broken: "* ]]
}

@test "a command of ours that is not installed: exit 69" {
	PATH=/usr/bin:/bin run beside/aigw mask
	[ "$status" -eq 69 ]
	[ "$output" = "aigw: error: aigw-mask is not installed" ]
}

@test "a folder of that name is no program" {
	mkdir beside/aigw-folder
	run beside/aigw folder
	[ "$status" -eq 64 ]
}

@test "help: examples first, every command, programs of others" {
	program beside mask
	program exec mine
	AIGW_EXEC_PATH=$PWD/exec run beside/aigw
	[ "$status" -eq 0 ]
	[ "${lines[1]}" = Examples: ]
	help=$output
	AIGW_EXEC_PATH=$PWD/exec run beside/aigw --help
	[ "$output" = "$help" ]
	AIGW_EXEC_PATH=$PWD/exec run beside/aigw help
	[ "$output" = "$help" ]
	[[ $output == *"Also found:"*"  mine"* ]]
	[ "$(grep -c '^  mask ' <<<"$output")" -eq 1 ]
	awk 'length > 80 { exit 1 }' <<<"$output"
}

@test "help NAME is the program's own" {
	program beside mask
	[ "$(beside/aigw help mask)" = "beside: --help" ]
}

@test "every command of the help is there, with the summary of its manual" {
	"$BIN/aigw" --help |
		sed -nE '/^[A-Z].*:$/,$s/^  ([a-z-]+)  +(.*)/\1 \2/p' >commands
	[ "$(wc -l <commands)" -ge 10 ]
	while read -r name summary; do
		echo "$name: $summary"
		"$BIN/aigw" "$name" --help </dev/null >help
		[ -s help ]
		grep -qxF ".Nd $summary" "$SRC/man/aigw-$name.1"
	done <commands
}

@test "version" {
	run "$BIN/aigw" --version
	[ "$status" -eq 0 ]
	[[ $output =~ ^aigw\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	for p in list explain echo; do
		run "$BIN/aigw" $p --version
		[ "$status" -eq 0 ]
		[[ $output =~ ^aigw-$p\ [0-9]+\.[0-9]+\.[0-9]+ ]]
	done
}

@test "output that cannot be written: exit 74" {
	for words in --help --version 'list' 'explain'; do
		run sh -c '"$1" $2 -c /dev/null 2>&1 >/dev/full' - \
			"$BIN/aigw" "$words"
		echo "$words: $status $output"
		[ "$status" -eq 74 ]
	done
}
