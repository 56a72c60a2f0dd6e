#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# bench.sh - one table of what things cost, each beside what it was to cost
#
# Figures are medians: of RUNS runs here (5), of 7 in mask-bench and tokens-bench.
# CPU is user and system time of all processes of a chain; the run of a single
# envelope is subtracted, so that starting up does not count. $AIGW_BUILD has
# the programs (it must be first in PATH) and tests/bench, $AIGW_SRC the sources.
set -eu

src=$(cd "${AIGW_SRC:-.}" && pwd)
build=$(cd "${AIGW_BUILD:-.}" && pwd)
timed=$build/tests/bench/timed
runs=${RUNS:-5}
envelopes=${ENVELOPES:-20000}
AIGW_DATA_DIR=${AIGW_DATA_DIR:-$build/data}
PATH=$build:$PATH
export AIGW_DATA_DIR PATH
unset AIGW_CONFIG

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
export XDG_CONFIG_HOME="$tmp" XDG_STATE_HOME="$tmp"
cd "$tmp"

# row WHAT FIGURE UNIT RELATION AIM [BESIDE]; no aim is -
row() {
	awk -v what="$1" -v figure="$2" -v unit="$3" -v than="$4" -v aim="$5" \
		-v beside="${6-}" 'BEGIN {
		if (aim == "-") {
			wanted = met = ""
		} else {
			wanted = (than == "<" ? "<= " : ">= ") aim
			met = (than == "<" ? figure <= aim : figure >= aim) ? \
				"met" : "NOT MET"
		}
		printf "%-42s %8.1f %-5s %-7s %-8s %s\n", what, figure, unit,
			wanted, met, beside
	}'
}

# per_envelope COMMAND: reads `in`; CPU microseconds of one envelope
per_envelope() {
	ln -sf many in
	all=$("$timed" "$runs" cpu "$1")
	ln -sf one in
	none=$("$timed" "$runs" cpu "$1")
	awk -v a="$all" -v b="$none" -v n="$envelopes" \
		'BEGIN { printf "%.2f\n", (a - b) / (n - 1) }'
}

awk -v n="$envelopes" 'BEGIN {
	for (i = 1; i <= n; i++) {
		line = sprintf("{\"aigw\":1,\"id\":\"n%08d\",\"client\":" \
			"{\"api\":\"openai.chat\"},\"req\":{\"model\":\"m\"," \
			"\"messages\":[{\"role\":\"user\",\"content\":\"", i)
		while (length(line) < 2000)
			line = line "Lorem ipsum dolor sit amet, consectetur " \
				"adipiscing elit, sed do eiusmod tempor.\\n"
		print line "\"}]}}"
	}
}' >many
head -n 1 many >one

# stages N ITEM: the chain of N times ITEM
stages() {
	awk -v n="$1" -v item="$2" 'BEGIN {
		print "aigw: 1\nchain:"
		for (i = 0; i < n; i++)
			print "  - " item
	}'
}

# pipe N PROGRAM: the shell pipe of N times PROGRAM
pipe() {
	awk -v n="$1" -v program="$2" 'BEGIN {
		printf "%s <in", program
		for (i = 1; i < n; i++)
			printf " | %s", program
		print " >out"
	}'
}

share() {
	awk -v a="$1" -v n="$2" 'BEGIN { printf "%.1f a stage", a / n }'
}

chains() {
	for n in 1 3 6; do
		stages "$n" echo >echo.yaml
		stages "$n" '{exec: [cat]}' >cat.yaml
		floor=$(per_envelope "$(pipe "$n" cat)")
		linked=$(per_envelope 'aigw-run -c echo.yaml --linked <in >out')
		cmp -s out one || echo 'linked: the envelope was changed'
		piped=$(per_envelope 'aigw-run -c echo.yaml --piped <in >out')
		foreign=$(per_envelope 'aigw-run -c cat.yaml <in >out')
		shell=$(per_envelope "$(pipe "$n" aigw-echo)")
		s=stage
		[ "$n" = 1 ] || s=stages
		row "linked, $n $s" "$linked" us '<' 4 "cat: $floor"
		row "piped, $n $s" "$piped" us '<' $((4 * n)) \
			"$(share "$piped" "$n"); with cat: $foreign"
		row "shell pipe, $n $s" "$shell" us '<' $((4 * n)) \
			"$(share "$shell" "$n"); cat: $floor"
	done
}

# Milliseconds of a command.
ms() {
	awk -v us="$("$timed" "$1" "$2" "$3")" 'BEGIN { print us / 1000 }'
}

start_up() {
	echo '{"aigw":1,"id":"a","req":{"model":"gpt-4o","max_tokens":16,
		"messages":[{"role":"user","content":"Say hello"}]}}' |
		tr -d '\n\t' >in.new
	echo >>in.new
	mv -f in.new in
	pipe='aigw-auth <in | aigw-mask | aigw-route | aigw-count | aigw-send'
	"$timed" 1 wall "($pipe) 2>/dev/null" >/dev/null # warm
	row 'five programs: exec to first answer' \
		"$(ms 21 first "($pipe) 2>/dev/null")" ms '<' 15 \
		"to the end: $(ms 21 wall "($pipe) 2>/dev/null") ms"
	floor=$(ms 21 wall 'cat <in')
	# refusals are fine: each starts, reads a line, answers, ends
	for p in auth mask route count send; do
		row "aigw-$p: exec to exit" \
			"$(ms 21 wall "aigw-$p <in 2>/dev/null || :")" ms '<' - \
			"sh and cat: $floor"
	done
}

masks() {
	"$build/tests/bench/mask-bench" | while read -r _ name speed _ rest; do
		aim=-
		[ "$name" = prose ] && aim=80
		row "mask, all types: $name" "$speed" MB/s '>' "$aim" "$rest"
	done
}

tokens() {
	if ! AIGW_SRC=$src AIGW_BUILD=$build sh "$src/tests/bench/tokens-bench.sh" \
		>tokens 2>tokens.log; then
		echo 'token counting: FAILED'
		cat tokens tokens.log
		return 1
	fi
	awk 'NR > 2' tokens |
		while read -r name _ _ speed first theirs _; do
		case $name in
		prose | code) aim=100 ;;
		chat) aim=60 ;;
		cjk) aim=50 ;;
		base64) aim=40 ;;
		*) aim=- ;;
		esac
		beside="cold: $first"
		case $name in
		row-*) beside='16 MB of one character' ;;
		esac
		row "tokens, o200k_base: $name" "$speed" MB/s '>' "$aim" \
			"$beside${theirs:+; tiktoken (npm): $theirs}"
	done
	[ -d "$build/bench/node_modules/tiktoken" ] ||
		echo 'tiktoken: not measured, npm cannot fetch it here'
}

printf '%s processors, load %s, medians of %s runs and more\n' \
	"$(getconf _NPROCESSORS_ONLN)" "$(cut -d ' ' -f 1 /proc/loadavg)" "$runs"
printf '%-42s %8s %-5s %-7s %-8s %s\n' 'what (us: CPU time of a 2 KB envelope)' \
	measured '' aim '' beside
chains
start_up
masks
tokens
