#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# count.bats - aigw-count as its users meet it: limits, budgets, ledgers, prices

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	export XDG_CONFIG_HOME=$PWD/config
	unset AIGW_CONFIG
	prices=$AIGW_SRC/tests/golden/count/prices.tsv
}

# request ID [MODEL [MAX]]: USD 0.00102 at most with the defaults
request() {
	printf '{"aigw":1,"id":"%s","client":{"api":"test.chat"},' "$1"
	printf '"req":{"model":"%s","max_tokens":%s,' "${2:-gpt-4o}" "${3:-100}"
	printf '"messages":[{"role":"user","content":"hello"}]}}\n'
}

# send: what a provider makes of a request; USD 0.00004
send() {
	jq -c --unbuffered 'if .err then . else . + {
		attempts: [{n: 1, target: 0, provider: "test", model: .req.model}],
		res: {model: .req.model, blocks: []},
		usage: {in: 8, out: 2, source: "provider"}} end'
}

count() {
	aigw-count --prices "$prices" "$@"
}

@test "a budget without a ledger counts ceilings and ends with 3" {
	run -3 count --budget 0.0025 < <(request a; request b; request c)
	[ "$(jq -c '[.id, .err.code]' <<<"$output" | tr '\n' ' ')" = \
		'["a",null] ["b",null] ["c","budget_exceeded"] ' ]
	[ "$(jq -r 'select(.err) | .err.class' <<<"$output")" = quota ]
}

@test "with a ledger what was not spent comes back" {
	for i in 1 2 3 4 5 6 7 8 9 10; do
		request "$i" | count --budget 0.0014 --ledger L | send |
			count --ledger L >out
		[ "$(jq -r .cost.total out)" = 0.00004 ]
	done
	# 0.0004 are spent: a ceiling of 0.00102 does not fit any more
	request 11 >in
	run -3 count --budget 0.0014 --ledger L <in
	# the ledger remembers the limit too
	run -3 count --ledger L <in
	run -0 count --budget 0.002 --ledger L <in
}

@test "a request that is never settled stays held" {
	request a | count --budget 0.0012 --ledger L >/dev/null
	request b >in
	run -3 count --budget 0.0012 --ledger L <in
}

@test "many requests through one pipe stay within the budget" {
	for i in $(seq 300); do request "$i"; done >in
	count --budget 0.005 --ledger L <in | send | count --ledger L >out || true
	[ "$(wc -l <out)" = 300 ]
	total=$(jq -s '[.[].cost.total | tonumber] | add * 100000 | round' out)
	[ "$total" -le 500 ]
	[ "$total" -ge 16 ]
	# every line is either paid or refused
	[ "$(jq -c 'select((.cost.total == "0") != (.err != null))' out |
		wc -l)" = 0 ]
}

@test "an unknown price is never 0" {
	request a no-such-model | count >out
	jq -e '.cost.price == "unknown" and (.cost.ceiling == null) and
		(.cost.estimate == null) and .cost.in == 8' out
	request a no-such-model | count | send | count >out
	jq -e '.cost.price == "unknown" and (.cost.total == null)' out
}

@test "an unknown price does not pass a limit, unless it is told to" {
	request a no-such-model >in
	for limit in --budget --max-cost; do
		run -1 count $limit 100 <in
		[ "$(jq -r '.err.class + " " + .err.code' <<<"$output")" = \
			"policy price_unknown" ]
		run -0 count $limit 100 --budget-unknown allow <in
		[ "$(jq -r .err <<<"$output")" = null ]
	done
}

@test "--out-max bounds a request that does not" {
	printf '{"aigw":1,"id":"a","client":{"api":"test.chat"},"req":{%s}}\n' \
		'"model":"gpt-4.1","messages":[]' >in
	run -1 count --max-cost 1 <in
	[ "$(jq -r .err.code <<<"$output")" = output_unbounded ]
	run -0 count --max-cost 1 --out-max 1000 <in
	[ "$(jq -c '[.cost.out_max, .cost.assumed[]]' <<<"$output")" = \
		'[1000,"out_max"]' ]
}

@test "every cost names the table it is from" {
	sum=$(sha256sum <"$prices" | cut -c1-8)
	bundled=$(sha256sum <"$AIGW_SRC/data/prices.tsv" | cut -c1-8)
	[ "$(request a | count | jq -r .cost.prices)" = "$sum" ]
	[ "$(request a none | count | jq -r .cost.prices)" = "$bundled+$sum" ]
	[ "$(request a | sed s/test.chat/openai.chat/ | aigw-count |
		jq -r .cost.prices)" = "$bundled" ]
}

@test "a bad price file is refused with its line" {
	printf '# x\ntest\tm\n' >bad.tsv
	run aigw-count --prices bad.tsv </dev/null
	[ "$status" != 0 ]
	[[ $output == *"bad.tsv:2: expected 16 columns"* ]]
}

@test "a ledger that is none is refused" {
	echo no >L
	chmod 600 L
	run aigw-count --ledger L --budget 1 </dev/null
	[ "$status" != 0 ]
	[[ $output == *"L: is no ledger"* ]]
}

@test "a bad amount is refused" {
	run -64 aigw-count --budget much </dev/null
	[[ $output == *"--budget: must be an amount of USD"* ]]
	printf 'aigw: 1\ncount:\n  max-cost: -1\n' >bad.yaml
	run -78 aigw-count -c bad.yaml </dev/null
	[[ $output == *"bad.yaml:3:13: max-cost: must be an amount of USD"* ]]
	run -0 aigw-explain -c /dev/null --json count
	[ "$(jq -c '.stages[0].options[] | select(.type == "money") |
		[.name, .value]' <<<"$output" | tr '\n' ' ')" = \
		'["max-cost",null] ["budget",null] ' ]
}

@test "options come from the section count, paths from beside the file" {
	mkdir conf
	cp "$prices" conf/p.tsv
	cat >conf/aigw.yaml <<-'EOF'
	aigw: 1
	count: {prices: p.tsv, max-in: 7, price-as: [mine=test]}
	EOF
	request a | sed s/test.chat/mine.chat/ >in
	run -1 aigw-count -c conf/aigw.yaml <in
	[ "$(jq -r .err.code <<<"$output")" = input_too_long ]
	run -0 aigw-count -c conf/aigw.yaml --max-in 8 <in
	[ "$(jq -r .cost.ceiling <<<"$output")" = 0.00102 ]
}

@test "a request that is no chat cannot be counted, so it does not pass" {
	echo '{"aigw":1,"id":"a","req":{"model":"gpt-4o"}}' >in
	run -1 aigw-count <in
	[ "$(jq -r .err.class <<<"$output")" = bad_request ]
}

@test "without the vocabulary nothing passes" {
	request a >in
	AIGW_DATA_DIR=$PWD run -1 aigw-count <in
	[ "$(jq -r .err.code <<<"$output")" = no_vocabulary ]
}

@test "other members and number spelling stay, chunks pass as they are" {
	line='{"id":"a",  "e":"d", "i":0, "t":"x"}'
	[ "$(aigw-count <<<"$line")" = "$line" ]
	line='{"aigw":1,"id":"a","z":1.10,"client":{"api":"test.chat"},"req":'
	line+='{"model":"gpt-4o",  "n":1, "messages":[],"seed":9007199254740993}}'
	count <<<"$line" >out
	[ "$(sed 's/,"cost":{[^}]*}//' out)" = "$line" ]
}
