#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tokens-bench.sh - token counting beside npm's tiktoken, on the same texts
#
# Usage: tokens-bench.sh [ENCODING]   (default o200k_base)
#
# $AIGW_BUILD has tests/bench/tokens-bench and data/, $AIGW_SRC the sources.
# Prose: the licence texts of Debian. Code: this project. CJK, chat requests,
# base64 and rows of one character: made by tokens-bench. tiktoken 1.0.22 is
# installed by npm into $AIGW_BUILD/bench; without node its column is empty.
# tiktoken is not given the rows: it is quadratic there, or traps.
set -eu

encoding=${1:-o200k_base}
src=${AIGW_SRC:-.}
build=${AIGW_BUILD:-.}
bench=$build/tests/bench/tokens-bench
dir=$build/bench
AIGW_DATA_DIR=${AIGW_DATA_DIR:-$build/data}
export AIGW_DATA_DIR

mkdir -p "$dir/texts"
cat /usr/share/common-licenses/* >"$dir/texts/prose"
find "$src/lib" "$src/filters" "$src/bin" "$src/tests" -name '*.[ch]' |
	LC_ALL=C sort | xargs cat >"$dir/texts/code"
"$bench" make "$dir/texts"

if command -v node >/dev/null && command -v npm >/dev/null &&
	[ ! -d "$dir/node_modules/tiktoken" ]; then
	npm install --silent --no-save --no-audit --no-fund --prefix "$dir" \
		tiktoken@1.0.22 >/dev/null 2>&1 ||
		echo "tokens-bench: npm cannot fetch tiktoken" >&2
fi

cd "$dir/texts"
"$bench" "$encoding" prose code chat cjk base64 row-* >ours
: >theirs
if [ -d "$dir/node_modules/tiktoken" ]; then
	node "$src/tests/bench/tokens-bench.js" "$dir/node_modules" \
		"$encoding" prose code chat cjk base64 >theirs
fi
awk -v encoding="$encoding" '
FILENAME == "theirs" { tokens[$1] = $3; speed[$1] = $4; next }
FNR == 1 {
	print "token counting, " encoding ", MB/s of CPU time, medians"
	printf "%-12s %10s %9s %8s %8s %9s %7s\n", "text", "bytes",
		"tokens", "aigw", "(first)", "tiktoken", "ratio"
}
{
	printf "%-12s %10d %9d %8.1f %8.1f", $1, $2, $3, $4, $5
	if ($1 in speed)
		printf " %9.1f %7.1f", speed[$1], $4 / speed[$1]
	print ""
	if ($1 in tokens && tokens[$1] != $3) {
		print "tokens-bench: tiktoken counts " tokens[$1]
		wrong = 1
	}
}
END { exit wrong }' theirs ours
