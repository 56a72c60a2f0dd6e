#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# bodies.bats - one filter, every body, the same bytes
#
# tests/golden/FILTER/NAME.in, .args (one line of flags, paths from the top of
# the tree), .out, .exit (when it is not 0).

bats_require_minimum_version 1.5.0

setup() {
	cd "$AIGW_SRC" || exit 1
	tmp=$BATS_TEST_TMPDIR
	export XDG_CONFIG_HOME=$tmp/config XDG_STATE_HOME=$tmp/state
	unset AIGW_CONFIG
}

# expect CODE COMMAND...: its output is $want, its exit code CODE
expect() {
	local code=$1 got=0
	shift
	"$@" <"$in" >"$tmp/out" 2>"$tmp/log" || got=$?
	if ! cmp "$want" "$tmp/out" || [ "$got" != "$code" ]; then
		echo "# $*: exit $got, expected $code"
		cat "$tmp/log"
		diff "$want" "$tmp/out" | cut -c 1-300 | head -20
		return 1
	fi
}

# The chain of one filter: $1 its name, $2 its body, the rest its flags, of
# which -c FILE comes first.
chain_of() {
	local filter=$1 body=$2
	shift 2
	if [ "${1-}" = -c ]; then
		cat "$2"
		shift 2
	else
		echo 'aigw: 1'
	fi
	printf 'chain:\n  - {filter: %s, body: %s, options: %s}\n' \
		"$filter" "$body" "$(tests/helpers/flags-to-yaml "$@")"
}

each_golden() {
	local body=$1 filter name args code
	for in in tests/golden/*/*.in; do
		name=${in%.in}
		filter=$(basename "$(dirname "$in")")
		command -v "aigw-$filter" >/dev/null || continue
		want=$name.out
		code=$(cat "$name.exit" 2>/dev/null || echo 0)
		read -r -a args <"$name.args" || true
		case $body in
		program) set -- "aigw-$filter" "${args[@]}" ;;
		exec)
			jq -cn --args '{aigw: 1, chain: [{name: "'"$filter"'",
				exec: $ARGS.positional}]}' -- \
				"aigw-$filter" "${args[@]}" >"$tmp/chain.yaml"
			set -- aigw-run -c "$tmp/chain.yaml"
			;;
		*)
			chain_of "$filter" "$body" "${args[@]}" \
				>"$tmp/chain.yaml"
			set -- aigw-run -c "$tmp/chain.yaml"
			;;
		esac
		expect "$code" "$@" || return 1
		echo "$name" >>"$tmp/done"
	done
	[ "$(wc -l <"$tmp/done")" -ge 15 ]
}

@test "every golden: the program in a shell pipe" {
	each_golden program
}

@test "every golden: linked into a chain" {
	each_golden linked
}

@test "every golden: piped by a chain" {
	each_golden piped
}

@test "every golden: foreign to a chain" {
	each_golden exec
}

# 5,000 envelopes of about 2 KB: every queue and window is crossed
many() {
	awk -v n="$1" 'BEGIN {
		for (i = 0; i < 40; i++) pad = pad "Lorem ipsum dolor sit amet "
		for (i = 1; i <= n; i++)
			printf "{\"aigw\":1,\"id\":\"n%d\",\"stream\":%s," \
			       "\"x\":1.10,\"req\":{\"model\":\"gpt-4o\"," \
			       "\"max_tokens\":50,\"big\":9007199254740993," \
			       "\"messages\":[{\"role\":\"user\",\"content\":" \
			       "\"mail u%d@example.com about %s\"}]}}\n",
			       i, i % 50 ? "false" : "true", i, pad }'
}

# Times differ from run to run; all else must not.
timeless() {
	sed -e 's/"ms":[0-9]*/"ms":0/g'
}

@test "5,000 envelopes: linked, piped, mixed and a shell pipe give the same" {
	many 5000 >"$tmp/in"
	cat >"$tmp/linked.yaml" <<-YAML
		aigw: 1
		mask: {state-key: $AIGW_SRC/tests/golden/mask/state.key, loose: true}
	YAML
	c=$tmp/linked.yaml
	{
		cat "$c"
		echo 'chain: [auth, {filter: mask, body: piped}, route,'
		echo '  {exec: [cat]}, {filter: count, body: piped}, send,'
		echo '  count, {filter: mask, body: piped}]'
	} >"$tmp/mixed.yaml"
	# -k: a stream waits when what is behind it is full, and is overtaken
	aigw-run -k -c "$c" --linked <"$tmp/in" | timeless >"$tmp/linked"
	aigw-run -k -c "$c" --piped <"$tmp/in" | timeless >"$tmp/piped"
	aigw-run -k -c "$tmp/mixed.yaml" <"$tmp/in" | timeless >"$tmp/mixed"
	aigw-auth -c "$c" <"$tmp/in" | aigw-mask -c "$c" | aigw-route -c "$c" |
		aigw-count -c "$c" | aigw-send -k -c "$c" | aigw-count -c "$c" |
		aigw-mask -c "$c" | timeless >"$tmp/shell"
	[ "$(jq -r 'select(.res) | .id' "$tmp/linked" | wc -l)" = 5000 ]
	[ "$(grep -c '"err"' "$tmp/linked")" = 0 ]
	cmp "$tmp/linked" "$tmp/shell"
	cmp "$tmp/linked" "$tmp/piped"
	cmp "$tmp/linked" "$tmp/mixed"
}

@test "every example pipeline gives what is written beside it" {
	count=0
	for sh in examples/pipelines/*.sh; do
		sh "$sh" </dev/null >"$tmp/out" 2>"$tmp/log" || {
			cat "$tmp/log"
			false
		}
		diff "${sh%.sh}.out" "$tmp/out"
		count=$((count + 1))
	done
	[ "$count" -ge 2 ]
}
