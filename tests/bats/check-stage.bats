#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# check-stage.bats - the conformance tester, on filters that keep the protocol
# and on some that do not

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config XDG_STATE_HOME=$PWD/state
	unset AIGW_CONFIG
}

conforms() {
	run -0 aigw-check-stage --deadline 60s -- "$@"
	[ "${lines[1]}" = 1..13 ]
	[ "$(grep -c '^ok ' <<<"$output")" = 13 ]
}

@test "aigw-echo conforms" {
	conforms aigw-echo --tag x
}

@test "aigw-auth conforms" {
	conforms aigw-auth
}

@test "aigw-mask conforms" {
	conforms aigw-mask
}

@test "aigw-route conforms" {
	conforms aigw-route --quiet
}

@test "aigw-count conforms" {
	conforms aigw-count
}

@test "aigw-send conforms" {
	conforms aigw-send --provider sandbox
}

@test "the whole chain conforms, linked and piped" {
	conforms aigw-run --quiet
	conforms aigw-run --quiet --piped
}

@test "cat conforms" {
	conforms cat
}

# fails N...: just these checks fail
fails() {
	local want=$1
	shift
	run -1 aigw-check-stage --deadline 5s -- "$@"
	[ "$(sed -n 's/^not ok \([0-9]*\).*/\1/p' <<<"$output" |
		tr '\n' ' ')" = "$want " ]
}

@test "a program that buffers fails the flush" {
	fails 6 perl -e '$/ = undef; print <STDIN>'
}

@test "a program that answers twice fails" {
	fails '1 2 3 4 5 7 9 12 13' sed -u p
}

@test "a program that forgets unknown members fails" {
	fails '3 13' perl -pe '$| = 1; s/"x-text":"[^"]*"/"y":1/'
}

@test "a program that rounds numbers fails" {
	fails 4 perl -pe '$| = 1; s/9007199254740993/9007199254740992/'
}

@test "a program that dies of garbage silently fails" {
	fails 11 perl -ne '$| = 1; print unless /not json/'
}

@test "a program that cannot be run is told once" {
	run -1 aigw-check-stage -- ./no-such-program
	[ "${lines[-1]}" = 'Bail out! ./no-such-program cannot be run' ]
	[ "$(grep -c '^not ok' <<<"$output")" = 1 ]
}

@test "usage errors end with 64" {
	run -64 aigw-check-stage
	run -64 aigw-check-stage cat
}
