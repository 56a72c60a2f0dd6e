#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# links.bats - a program links only what it uses: libcurl and libjq cost start-up

setup() {
	BIN=${AIGW_BUILD:-$BATS_TEST_DIRNAME/../../build}
}

# needs PROGRAM: the libraries that it asks for by name, without libc's
needs() {
	readelf -d "$BIN/$1" |
		sed -n 's/.*(NEEDED).*\[lib\([a-z0-9-]*\)\.so.*/\1/p' |
		grep -vxE 'c|m|asan|ubsan|gcc_s|clang.*|pthread|dl|rt|resolv' |
		LC_ALL=C sort | paste -sd ' '
}

@test "the dispatcher links nothing" {
	[ "$(needs aigw)" = "" ]
}

@test "the ends of a pipe have options and JSON, and no more" {
	for p in prompt text tokens; do
		echo "$p: $(needs aigw-$p)"
		[ "$(needs aigw-$p)" = 'yaml-0 yyjson' ]
	done
}

@test "a filter has the loop, configuration and JSON, and what it is for" {
	check() {
		echo "$1: $(needs "aigw-$1")"
		[ "$(needs "aigw-$1")" = "$2" ]
	}
	check echo 'uv yaml-0 yyjson'
	check auth 'crypto uv yaml-0 yyjson'
	check mask 'crypto pcre2-8 uv yaml-0 yyjson'
	check route 'jq uv yaml-0 yyjson'
	check count 'uv yaml-0 yyjson'
	check send 'curl uv yaml-0 yyjson'
}
