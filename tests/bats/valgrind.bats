#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# valgrind.bats - no bad access and no leak: every golden, chains, bad stages
#
# Without valgrind these tests fail; a build with AddressSanitizer, which cannot
# run under it, skips them and says so.

setup() {
	cd "$AIGW_SRC" || exit 1
	tmp=$BATS_TEST_TMPDIR
	export XDG_CONFIG_HOME=$tmp/config XDG_STATE_HOME=$tmp/state
	unset AIGW_CONFIG
	! nm "$AIGW_BUILD/aigw-echo" | grep -q __asan_init ||
		skip 'built with AddressSanitizer'
}

# clean CODE COMMAND...: reads $in, writes $tmp/out, ends with CODE (or any), and
# nothing is said of it. What is still reachable at the end is not asked for:
# libraries keep tables.
clean() {
	local code=$1 got=0 kinds=definite,indirect,possible
	shift
	valgrind -q --leak-check=full --show-leak-kinds=$kinds \
		--errors-for-leak-kinds=$kinds --error-exitcode=99 \
		--log-file="$tmp/valgrind" "$@" \
		<"$in" >"$tmp/out" 2>"$tmp/log" || got=$?
	[ "$code" != any ] || [ "$got" = 99 ] || code=$got
	if [ "$got" != "$code" ] || [ -s "$tmp/valgrind" ]; then
		echo "# $*: exit $got, expected $code"
		head -n 40 "$tmp/valgrind"
		tail -n 5 "$tmp/log"
		return 1
	fi
}

@test "every golden of every filter" {
	local name filter args count=0
	for in in tests/golden/*/*.in; do
		name=${in%.in}
		filter=$(basename "$(dirname "$in")")
		read -r -a args <"$name.args" || true
		clean "$(cat "$name.exit" 2>/dev/null || echo 0)" \
			"aigw-$filter" "${args[@]}"
		cmp "$name.out" "$tmp/out"
		count=$((count + 1))
	done
	[ "$count" -ge 15 ]
}

# requests N: some of them streams, one of them no envelope
requests() {
	awk -v n="$1" 'BEGIN {
		print "{\"aigw\":1,\"id\":7}"
		for (i = 1; i <= n; i++)
			printf "{\"aigw\":1,\"id\":\"n%d\",\"stream\":%s," \
			       "\"req\":{\"model\":\"gpt-4o\",\"max_tokens\":9," \
			       "\"messages\":[{\"role\":\"user\",\"content\":" \
			       "\"mail u%d@example.com\"}]}}\n",
			       i, i % 3 ? "false" : "true", i }'
}

# answered N: each of the requests, and the line that was none, has one
answered() {
	[ "$(jq -r 'select(.e | not) | .id' "$tmp/out" | sort -u | wc -l)" = \
		$(($1 + 1)) ]
	[ "$(jq -r 'select(.e | not) | .id' "$tmp/out" | wc -l)" = $(($1 + 1)) ]
}

@test "a whole chain, linked, with a foreign stage in it, in order or not" {
	in=$tmp/in
	requests 60 >"$in"
	cat >"$tmp/aigw.yaml" <<-YAML
		aigw: 1
		chain: [auth, mask, {exec: [cat]}, route, count, send,
		  {exec: [cat]}, count, mask, echo]
	YAML
	clean 1 aigw-run -c "$tmp/aigw.yaml" --linked
	answered 60
	[ "$(grep -c '"res"' "$tmp/out")" = 60 ]
	clean 1 aigw-run -k --window 4 -c "$tmp/aigw.yaml" --linked
	answered 60
}

@test "a chain of processes" {
	in=$tmp/in
	requests 40 >"$in"
	printf 'aigw: 1\nchain: [auth, route, send]\n' >"$tmp/aigw.yaml"
	clean 1 aigw-run -c "$tmp/aigw.yaml" --piped
	answered 40
}

@test "stages that die, hang, flood, drop, repeat, lie and write garbage" {
	local how
	in=$tmp/in
	requests 12 | sed 's/u5@example.com/poison/' >"$in"
	for how in die exit config hang drop repeat lie garbage midline \
		midline-exit flood flood-lines; do
		cat >"$tmp/aigw.yaml" <<-YAML
			aigw: 1
			chain:
			  - exec: ["$AIGW_SRC/tests/helpers/bad-filter", $how]
			    deadline: 500ms
			  - echo
		YAML
		# the code is the stage's own where it has one
		clean any aigw-run -c "$tmp/aigw.yaml"
		answered 12 || {
			echo "# $how"
			return 1
		}
	done
}
