#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# send.bats - aigw-send against the sandbox and a provider that misbehaves

SRC=${AIGW_SRC:-$BATS_TEST_DIRNAME/../..}

setup_file() {
	export LOG=$BATS_FILE_TMPDIR/log PROVIDER_KEY=sk-very-secret
	python3 "$SRC/tests/helpers/provider.py" "$LOG" \
		>"$BATS_FILE_TMPDIR/port" 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
	for _ in $(seq 100); do
		[ -s "$BATS_FILE_TMPDIR/port" ] && break
		sleep 0.1
	done
	PORT=$(cat "$BATS_FILE_TMPDIR/port")
	export PORT CONF=$BATS_FILE_TMPDIR/aigw.yaml
	cat >"$CONF" <<-END
	aigw: 1
	send:
	  providers:
	    openai: {base_url: "http://127.0.0.1:$PORT/v1",
	      key: {env: PROVIDER_KEY}}
	    anthropic: {base_url: "http://127.0.0.1:$PORT",
	      key: {env: PROVIDER_KEY}, headers: {anthropic-beta: one}}
	    azure: {base_url: "http://127.0.0.1:$PORT/",
	      key: {env: PROVIDER_KEY}, api_version: 2024-10-21}
	    azure-v1: {dialect: azure, base_url: "http://127.0.0.1:$PORT"}
	    nobody: {dialect: openai, base_url: "http://127.0.0.1:1/v1"}
	    slow: {dialect: sandbox, latency: 20ms}
	END
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

# request TARGET... [-s]: an envelope for provider:model targets
request() {
	local targets= stream=
	for t; do
		if [ "$t" = -s ]; then
			stream='"stream":true,'
			continue
		fi
		targets+="${targets:+,}{\"provider\":\"${t%%:*}\","
		targets+="\"model\":\"${t#*:}\"}"
	done
	echo "{\"aigw\":1,\"id\":\"a\",${stream}\"plan\":{\"targets\":" \
		"[$targets]},\"req\":{\"model\":\"x\",\"messages\":" \
		'[{"role":"user","content":"hi"}]}}'
}

# send [OPTION...]: all lines, in $output, and their exit code
send() {
	run timeout 30 aigw-send -c "$CONF" "$@"
}

# last FILTER: of the final envelope
last() {
	tail -n 1 <<<"$output" | jq -rc "$1"
}

asked() {
	tail -n 1 "$LOG" | jq -rc "$1"
}

text='Hello, wörld 😀'

@test "openai: an answer, its usage, what was sent" {
	send < <(request openai:ok)
	[ "$status" = 0 ]
	[ "$(last .res.blocks[0].text)" = "$text" ]
	[ "$(last '[.usage.in,.usage.out,.usage.cached]')" = '[11,7,4]' ]
	[ "$(last '.res.finish,.attempts[0].upstream_id')" = $'stop\nreq_1' ]
	[ "$(asked .path)" = /v1/chat/completions ]
	[ "$(asked .headers.authorization)" = "Bearer sk-very-secret" ]
	[ "$(asked '.headers.expect')" = null ]
	[[ $output != *secret* ]]
}

@test "same dialect: the client's bytes, but for the model" {
	send <<-'END'
	{"aigw":1,"id":"a","plan":{"targets":[{"provider":"openai","model":"ok"}]},"req":{ "model" : "x","n":1.10,"u":"\u00e9","z":1e3,"ext":{"a":1}}}
	END
	[ "$status" = 0 ]
	[ "$(asked .body)" = '{ "model" : "ok","n":1.10,"u":"\u00e9","z":1e3}' ]
}

@test "azure: deployments path with an api-version, /openai/v1 without" {
	send < <(request 'azure:ok/../x')
	[ "$(last .res.blocks[0].text)" = "$text" ]
	[ "$(asked .path)" = "/openai/deployments/ok%2F..%2Fx/chat/completions?api-version=2024-10-21" ]
	[ "$(asked '.headers["api-key"]')" = sk-very-secret ]
	send < <(request azure-v1:ok)
	[ "$(asked .path)" = /openai/v1/chat/completions ]
	[ "$(asked '.headers["api-key"]')" = null ]
}

@test "anthropic: translated there and back" {
	send < <(request anthropic:ok)
	[ "$(last '.res.blocks[1].args')" = '{"a":1}' ]
	[ "$(last '[.usage.in,.usage.cached,.usage.cache_write]')" = '[11,4,2]' ]
	[ "$(last '.res.finish')" = tool_calls ]
	[ "$(last '.notes[0].path')" = req.max_tokens ]
	[ "$(asked '.headers["anthropic-version"]')" = 2023-06-01 ]
	[ "$(asked '.headers["anthropic-beta"]')" = one ]
	[ "$(asked '.headers["x-api-key"]')" = sk-very-secret ]
	[ "$(asked '.body|fromjson|.messages[0].content[0].text')" = hi ]
	send --strict < <(request anthropic:ok)
	[ "$status" = 1 ]
	[ "$(last .err.class)" = translate ]
}

@test "a stream is the whole answer in pieces, however it is cut" {
	for p in openai anthropic; do
		send < <(request -s $p:ok)
		[ "$status" = 0 ]
		whole=$(sed -n '/"e"/p' <<<"$output")
		for m in bytes crlf nodone linger; do
			send < <(request -s $p:$m)
			[ "$status" = 0 ]
			[ "$(sed -n '/"e"/{s/"'$m'\(-2024\)*"/"ok\1"/;p}' \
				<<<"$output")" = "$whole" ]
			[ "$(last .res.blocks[0].text)" = "$text" ]
		done
	done
	send < <(request -s openai:whole)
	[ "$(last .res.blocks[0].text)" = "$text" ]
	[ "$(jq -rc 'select(.e=="d")|.t' <<<"$output")" = "$text" ]
}

@test "a truncated stream is never a success" {
	for m in cut cut-clean error stall bad-event; do
		for p in openai anthropic; do
			send --idle-timeout 300ms < <(request -s $p:$m)
			[ "$status" = 1 ]
			grep -q '"e":"done","complete":false' <<<"$output"
			! grep -q '"e":"finish"' <<<"$output"
			[ "$(last '.attempts|length')" = 1 ]
			[ "$(last .err.phase)" != null ]
		done
	done
}

@test "a failure before the first block is tried again" {
	send < <(request -s openai:early-error@1)
	[ "$status" = 0 ]
	[ "$(last '[.attempts[].code]')" = '["overloaded_error",null]' ]
	send < <(request openai:cut@1)
	[ "$(last '[.attempts[].code]')" = '["truncated",null]' ]
}

@test "sent and no answer: not tried again, unless it may be billed twice" {
	send < <(request openai:reset)
	[ "$status" = 1 ]
	[ "$(last '[.attempts[].class, .err.class, .err.retryable]')" = \
		'["unknown","unknown",false]' ]
	send --retry-unknown < <(request openai:reset@1)
	[ "$(last '[.attempts[].class]')" = '["unknown",null]' ]
}

@test "Retry-After: ms, seconds, a date, an empty bucket, none, nonsense" {
	for case in retry-ms:50: retry-seconds:1000: retry-bucket:60: \
		retry-none:null: retry-negative:null:; do
		IFS=: read -r m want _ <<<"$case"
		send < <(request openai:$m@1)
		[ "$status" = 0 ]
		[ "$(last .attempts[0].retry_after_ms)" = "$want" ]
		[ "$want" = null ] || [ "$(last .timing.done)" -ge "$want" ]
	done
	send < <(request openai:retry-date@1)
	[ "$(last .attempts[1].status)" = 200 ]
	[ "$(last .attempts[0].retry_after_ms)" -le 2000 ]
	send < <(request openai:retry-day)
	[ "$(last '.attempts|length')" = 1 ]
	[ "$(last .err.retry_after_ms)" = 86400000 ]
}

@test "which statuses are tried again, and what the client is told" {
	while read -r code class out tries; do
		send --attempts 2 --max-wait 9s < <(request openai:$code)
		[ "$status" = 1 ]
		[ "$(last '[.err.class,.err.status,(.attempts|length)]')" = \
			"[\"$class\",$out,$tries]" ]
		[ "$(last .err.provider.status)" = "$code" ]
		[ "$(last .err.origin)" = provider ]
	done <<-'END'
	400 bad_request 400 1
	401 auth 502 1
	402 quota 402 1
	403 permission 502 1
	404 not_found 404 1
	408 timeout 504 2
	422 bad_request 400 1
	500 upstream 502 2
	503 overloaded 503 2
	529 overloaded 503 2
	END
	send < <(request openai:again-400@1)
	[ "$(last '[.attempts[].status]')" = '[400,200]' ]
	send < <(request openai:never-500)
	[ "$(last '[.attempts[].status]')" = '[500]' ]
	send < <(request openai:badkey)
	[ "$(last .err.code)" = invalid_api_key ]
	[[ $output != *sk-* ]]
	send < <(request openai:quota)
	[ "$(last '[.err.class,(.attempts|length)]')" = '["quota",1]' ]
}

@test "redirects are not followed, garbage is no answer" {
	send < <(request openai:redirect)
	[ "$(last '[.err.class,.err.provider.status]')" = '["upstream",302]' ]
	send --attempts 1 < <(request openai:garbage)
	[ "$(last .err.code)" = bad_answer ]
	send --attempts 1 < <(request openai:notjson)
	[ "$(last .err.message)" = "the provider answered with status 500" ]
	send --max-answer 64K < <(request openai:big)
	[ "$(last .err.class)" = too_large ]
	send < <(request openai:gzip)
	[ "$(last .res.blocks[0].text)" = "$text" ]
}

@test "fallback: the next target at once, dead keys passed over" {
	send < <(request nobody:m openai:badkey openai:500@1 anthropic:ok)
	[ "$status" = 0 ]
	[ "$(last '[.attempts[].class]')" = '["network","auth","upstream",null]' ]
	[ "$(last .res.blocks[0].text)" = "$text" ]
	[ "$(last .timing.done)" -lt 1000 ]
	send < <(request openai:400 openai:ok)
	[ "$(last '[.err.class,(.attempts|length)]')" = '["bad_request",1]' ]
}

@test "timeouts: first token, idle, total" {
	send --attempts 1 --first-token-timeout 100ms \
		< <(request -s openai:slow)
	[ "$(last .err.code)" = timeout_first_token ]
	send --timeout 200ms < <(request openai:silent)
	[ "$(last '[.err.class,.err.status]')" = '["timeout",504]' ]
	[ "$(last .timing.done)" -lt 1000 ]
	send < <(request openai:silent | sed 's/"plan":{/&"deadline_ms":150,/')
	[ "$(last .err.code)" = timeout ]
	send < <(request openai:500 | sed 's/"plan":{/&"max_attempts":1,/')
	[ "$(last '.attempts|length')" = 1 ]
}

@test "nothing listens: class network, exit 1" {
	send --attempts 2 < <(request nobody:m)
	[ "$status" = 1 ]
	[ "$(last '[.err.class,.err.phase,(.attempts|length)]')" = \
		'["network","connect",2]' ]
}

@test "cancel ends the call within 100 ms, and passes on" {
	start=$(date +%s%N)
	run timeout 30 bash -c '
		{ printf "%s\n" "$1"; sleep 0.5
		  echo "{\"id\":\"a\",\"e\":\"cancel\"}"; sleep 0.1
		  date +%s%N >"$2"; } | aigw-send -c "$CONF"' \
		- "$(request -s openai:stall)" "$BATS_TEST_TMPDIR/end"
	[ "$(last .e)" = cancel ] || [ "$(last .err.class)" = cancelled ]
	grep -q '"class":"cancelled"' <<<"$output"
	grep -q '"e":"done","complete":false' <<<"$output"
	[ "$(jq -r 'select(.err and .req)|.res.blocks[0].text' \
		<<<"$output")" = 'Hello, wö' ]
	[ $(($(date +%s%N) - start)) -lt 3000000000 ]
}

@test "-j: so many at once, and not more" {
	for i in $(seq 20); do
		request slow:m | sed "s/\"a\"/\"$i\"/"
	done >"$BATS_TEST_TMPDIR/in"
	one=$(date +%s%N)
	send -j 1 <"$BATS_TEST_TMPDIR/in"
	two=$(date +%s%N)
	[ "$(jq -rs 'map(.id)|join(" ")' <<<"$output")" = \
		"$(seq -s ' ' 20)" ]
	send -j 20 <"$BATS_TEST_TMPDIR/in"
	three=$(date +%s%N)
	[ "$(wc -l <<<"$output")" = 20 ]
	[ $((two - one)) -ge 400000000 ]
	[ $((three - two)) -lt 400000000 ]
}

@test "a long queue behind one slow request does not grow the stack" {
	{
		request 'sandbox:m?latency=300ms'
		request sandbox:m | jq -c 'range(5000) as $i | .id = "\($i)"'
	} >"$BATS_TEST_TMPDIR/in"
	(ulimit -s 512 && aigw-send -c "$CONF" -j 1 --window 6000 \
		<"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out")
	[ "$(grep -c '"res"' "$BATS_TEST_TMPDIR/out")" = 5001 ]
}

@test "many requests over few connections: all answered" {
	for i in $(seq 200); do
		request openai:ok -s | sed "s/\"a\"/\"$i\"/"
	done >"$BATS_TEST_TMPDIR/in"
	send -j 8 -k <"$BATS_TEST_TMPDIR/in"
	[ "$status" = 0 ]
	[ "$(jq -rs 'map(select(.res).id|tonumber)==[range(1;201)]' \
		<<<"$output")" = true ]
	[ "$(jq -rs 'map(select(.e=="done" and .complete))|length' \
		<<<"$output")" = 200 ]
}

@test "a slow reader holds the stream back and gets all of it" {
	request -s 'sandbox:m' | jq -c \
		'.req.messages[0].content = ("word " * 800)' \
		>"$BATS_TEST_TMPDIR/in"
	for i in $(seq 50); do
		sed "s/\"a\"/\"$i\"/" "$BATS_TEST_TMPDIR/in"
	done >"$BATS_TEST_TMPDIR/all"
	aigw-send <"$BATS_TEST_TMPDIR/all" |
		{ sleep 0.5; cat; } >"$BATS_TEST_TMPDIR/out"
	[ "$(grep -c '"e":"done"' "$BATS_TEST_TMPDIR/out")" = 50 ]
	[ "$(jq -rs '(map(select(.e=="d").t)|add) ==
		(map(select(.res).res.blocks[0].text)|add)' \
		"$BATS_TEST_TMPDIR/out")" = true ]
}

@test "no plan, unknown provider, another operation, no key" {
	send <<<'{"aigw":1,"id":"a","req":{"model":"m","messages":[]}}'
	[ "$status" = 1 ]
	[[ $(last .err.message) == *"aigw-route first"* ]]
	send < <(request elsewhere:m)
	[ "$(last .err.code)" = unknown_provider ]
	send <<<'{"aigw":1,"id":"a","op":"images","req":{}}'
	[ "$(last .err.code)" = unknown_op ]
	run aigw-send --provider openai --key-env NO_SUCH_VARIABLE </dev/null
	[ "$status" != 0 ]
	[[ $output == *NO_SUCH_VARIABLE* ]]
	run aigw-send --provider openai --base-url 'ftp://x/' </dev/null
	[ "$status" != 0 ]
	run aigw-send --provider openai --base-url 'http://u:p@x/' </dev/null
	[ "$status" != 0 ]
}

@test "--provider, --model, --key-env and --base-url make a plan" {
	run aigw-send --provider openai --model ok --key-env PROVIDER_KEY \
		--base-url "http://127.0.0.1:$PORT/v1" \
		<<<'{"aigw":1,"id":"a","req":{"model":"m","messages":[]}}'
	[ "$status" = 0 ]
	[ "$(last .plan.targets[0].model)" = ok ]
	[ "$(last .res.blocks[0].text)" = "$text" ]
	[ "$(asked .headers.authorization)" = "Bearer sk-very-secret" ]
}

@test "sandbox: faults behind the model's name" {
	send < <(request 'sandbox:m?status=429&retry_after=10&fail=1')
	[ "$(last '[.attempts[].status]')" = '[429,200]' ]
	send --attempts 1 < <(request -s 'sandbox:m?cut=3')
	[ "$(last .err.code)" = truncated ]
	[ "$(grep -c '"e":"d"' <<<"$output")" = 3 ]
	send --attempts 1 < <(request -s 'sandbox:m?error_after=2')
	[ "$(last .err.code)" = overloaded_error ]
	send --idle-timeout 100ms < <(request -s 'sandbox:m?stall=2')
	[ "$(last .err.code)" = timeout_idle ]
	send --attempts 1 < <(request 'sandbox:m?garbage')
	[ "$(last .err.code)" = bad_answer ]
	send < <(request 'sandbox:m?nonsense=1')
	[ "$(last .err.class)" = bad_request ]
	send < <(request 'sandbox:m?latency=50ms')
	[ "$(last .attempts[0].ms)" = 50 ]
}
