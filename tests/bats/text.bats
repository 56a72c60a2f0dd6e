#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# text.bats - aigw-text: every form out, order, streams, failures, exit codes

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
}

# answer ID SEQ TEXT
answer() {
	printf '{"aigw":1,"id":"%s","seq":%s,"req":{"model":"m"},"res":{"id":"c-%s","model":"m-1","blocks":[{"type":"text","text":"%s"}],"finish":"stop"},"usage":{"in":18,"out":5,"cached":12,"reasoning":1}}\n' \
		"$1" "$2" "$1" "$3"
}

# failed ID SEQ CLASS RETRYABLE [MORE]
failed() {
	printf '{"aigw":1,"id":"%s","seq":%s,"client":{"tags":{"t":"u"}},"req":{"model":"m","messages":[]},"err":{"class":"%s","status":429,"code":"code_%s","message":"why not","retryable":%s,"origin":"gateway"%s}}\n' \
		"$1" "$2" "$3" "$3" "$4" "${5:+,$5}"
}

@test "text is printed as it is, a record ends with a line end" {
	run -0 aigw-text < <(answer a 1 'one\ntwo'; answer b 2 'three\n')
	[ "$output" = $'one\ntwo\nthree' ]
	aigw-text -0 < <(answer a 1 'one\ntwo'; answer b 2 'three\n') >out
	printf 'one\ntwo\0three\n\0' | cmp - out
}

@test "tool calls, refusals and choices are readable, reasoning is not shown" {
	run -0 aigw-text <<-'EOF'
	{"aigw":1,"id":"a","res":{"blocks":[{"type":"reasoning","text":"hm"},{"type":"text","text":"x"},{"type":"tool_call","id":"c","name":"f","args":"{\"a\":1}"},{"type":"tool_call","name":"g","args":""},{"choice":1,"type":"refusal","text":"no"}]}}
	EOF
	[ "$output" = $'x\nf({"a":1})\ng()\nno' ]
}

@test "openai: a chat.completion, or an error object" {
	cat >in <<-'EOF'
	{"aigw":1,"id":"017f22e2-79b0-7cc3-98c4-dc0c0c07398f","res":{"id":"chatcmpl-1","model":"m-1","blocks":[{"type":"reasoning","text":"hm"},{"type":"text","text":"x"},{"type":"text","text":"y"},{"type":"tool_call","id":"call_1","name":"f","args":"{\"a\": 1}"},{"choice":1,"type":"refusal","text":"no"}],"finish":"tool_calls","finishes":["tool_calls","stop"]},"usage":{"in":18,"out":5,"cached":12,"reasoning":1}}
	EOF
	run -0 aigw-text -f openai <in
	[ "$output" = '{"id":"chatcmpl-1","object":"chat.completion","created":1645557742,"model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"xy","refusal":null,"reasoning_content":"hm","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\": 1}"}}]},"logprobs":null,"finish_reason":"tool_calls"},{"index":1,"message":{"role":"assistant","content":null,"refusal":"no"},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":18,"completion_tokens":5,"total_tokens":23,"prompt_tokens_details":{"cached_tokens":12},"completion_tokens_details":{"reasoning_tokens":1}}}' ]
	run -1 aigw-text -f openai < <(failed a 1 not_found false)
	[ "$output" = '{"error":{"message":"why not","type":"invalid_request_error","param":null,"code":"code_not_found"}}' ]
}

@test "batch: answers and HTTP failures in response, others in error" {
	{ answer a 1 x; failed b 2 timeout false
	  failed c 3 rate_limit false '"provider":{"status":429}'; } >in
	run -1 aigw-text -f batch <in
	[ "$(jq -c '[.custom_id, .response.status_code, .response.body.object, .response.body.error.code, .error.code]' <<<"$output")" = \
'["a",200,"chat.completion",null,null]
["b",null,null,null,"code_timeout"]
["c",429,null,"code_rate_limit",null]' ]
	[ "$(jq -r .id <<<"$output" | sort -u | grep -c '^batch_req_')" -eq 3 ]
	[ "$(aigw-text -f batch <in | jq -r .id)" = "$(jq -r .id <<<"$output")" ]
}

@test "json: one small object for each record" {
	run -1 aigw-text -f json < <(answer a 1 x; failed b 2 policy false)
	[ "${lines[0]}" = '{"id":"a","text":"x","model":"m-1","finish":"stop","usage":{"in":18,"out":5,"cached":12,"reasoning":1}}' ]
	[ "${lines[1]}" = '{"id":"b","error":{"type":"policy","code":"code_policy","message":"why not","retryable":false,"http_status":429}}' ]
}

@test "-k: the order of the prompts, failures and gaps included" {
	seq 3000 | shuf --random-source=/bin/ls |
		while read -r i; do answer "i$i" "$i" "$i"; done >in
	aigw-text -k <in | cmp - <(seq 3000)
	run -0 aigw-text -k < <(answer c 3 three; answer b 2 two)
	[ "$output" = $'two\nthree' ]
	run -1 --separate-stderr aigw-text -k < <(answer b 2 two
		failed a 1 policy false; answer c 3 three)
	[ "$output" = $'two\nthree' ]
}

@test "-k: nothing is lost when the window is too small, and the run says so" {
	run -1 --separate-stderr aigw-text -k --window 2 < <(answer d 4 four
		answer c 3 three; answer b 2 two; answer a 1 one)
	[ "$output" = $'two\nthree\nfour\none' ]
	[[ "$stderr" == *'cannot keep the order: record 1 '* ]]
	run -1 --separate-stderr aigw-text -k <<<'{"aigw":1,"id":"a","res":{"blocks":[]}}'
	[[ "$stderr" == *'has no seq'* ]]
}

@test "a stream is shown while it arrives; the response is the record" {
	cat >in <<-'EOF'
	{"aigw":1,"id":"x","e":"start","model":"m"}
	{"aigw":1,"id":"x","e":"block","i":0,"type":"reasoning"}
	{"aigw":1,"id":"x","e":"d","i":0,"t":"thoughts"}
	{"aigw":1,"id":"x","e":"block","i":1,"type":"text"}
	{"aigw":1,"id":"x","e":"d","i":1,"t":"Hel"}
	{"aigw":1,"id":"y","e":"start","model":"m"}
	{"aigw":1,"id":"y","e":"d","i":0,"t":"oth"}
	{"aigw":1,"id":"y","res":{"blocks":[{"type":"text","text":"other"}]}}
	{"aigw":1,"id":"x","e":"d","i":1,"t":"lo"}
	{"aigw":1,"id":"x","e":"done","complete":true}
	EOF
	hello='{"aigw":1,"id":"x","res":{"blocks":[{"type":"text","text":"Hello you"}]}}'
	run -0 aigw-text --stream always < <(cat in; echo "$hello")
	[ "$output" = $'Hello you\nother' ]
	run -0 aigw-text < <(cat in; echo "$hello")
	[ "$output" = $'other\nHello you' ]
	run -0 aigw-text --stream always < <(cat in; echo "${hello/Hello/Hallo}")
	[ "$output" = $'Hello\nHallo you\nother' ]
	run -0 aigw-text --stream always <in
	[ "$output" = $'Hello\nother' ]
	mkfifo pipe
	aigw-text --stream always <pipe >out &
	pid=$!
	exec 8>pipe
	head -5 in >&8
	for _ in $(seq 50); do [ -s out ] && break; sleep 0.1; done
	[ "$(cat out)" = Hel ]
	exec 8>&-
	wait "$pid"
}

@test "failed records are on stderr, without control bytes, and in a file" {
	failed a 1 timeout true >in
	printf '{"aigw":1,"id":"b","req":{"model":"m","messages":[]},"client":{"auth":{"token":"canary"}},"err":{"class":"auth","message":"\\u001b[31mno"}}\n' >>in
	run -1 --separate-stderr aigw-text --errors-to failed <in
	[ -z "$output" ]
	[ "${stderr_lines[0]}" = 'aigw-text: error: a: timeout: why not' ]
	[ "${stderr_lines[1]}" = 'aigw-text: error: b: auth: \x1b[31mno' ]
	[ "$(stat -c %a failed)" = 600 ]
	! grep canary failed
	run -0 aigw-prompt --from chat failed
	[ "$(jq -c '[.id, .req.model, .client.tags.t, has("err")]' <<<"$output")" = \
	  $'["a","m","u",false]\n["b","m",null,false]' ]
	run -1 aigw-text -f batch --errors-to failed <in
	[ -z "$output" ]
	[ "$(wc -l <failed)" -eq 2 ]
}

@test "exit codes: permanent 1, budget 3, only worth another try 75" {
	run -0 aigw-text < <(answer a 1 x)
	run -75 aigw-text < <(answer a 1 x; failed b 2 timeout true)
	run -3 aigw-text < <(failed a 1 quota false; failed b 2 timeout true)
	run -1 aigw-text < <(failed a 1 quota false; failed b 2 auth false
		failed c 3 timeout true)
	run -0 aigw-text </dev/null
}

@test "a pipe without aigw-send is an error, not silence" {
	run -1 --separate-stderr bash -c 'aigw-prompt -e hi | aigw-text'
	[[ "$stderr" == *'not answered'* ]]
	run -1 bash -c 'aigw-prompt -e hi | aigw-text -f json'
	[ "$(jq -r .error.code <<<"$output")" = no_answer ]
}

@test "lines that are no envelopes are told and passed over" {
	run -1 --separate-stderr aigw-text < <(echo junk; echo '{"id":5}'
		echo '[]'; answer a 1 x; printf '{"id":"\xff"}\n'
		printf '%2000s\n' x)
	[ "$output" = x ]
	[ "${#stderr_lines[@]}" -eq 5 ]
	[[ "${stderr_lines[0]}" == *'line 1: '* ]]
	run -1 --separate-stderr aigw-text --max-line 1K < <(printf '%2000s\n' x
		answer a 1 y)
	[ "$output" = y ]
	[[ "$stderr" == *'longer than 1024 bytes'* ]]
}

@test "full disk, closed streams, and a reader that goes away" {
	answer a 1 x >in
	run -74 bash -c 'aigw-text <in >/dev/full'
	run -74 bash -c 'aigw-text <in >&-'
	run -74 bash -c 'aigw-text <&-'
	run -73 aigw-text --errors-to /nonexistent/x <in
	failed a 1 auth false >bad
	run -74 bash -c 'aigw-text --errors-to /dev/full <bad'
	answer a 1 "$(printf %02000d 0)" >long
	yes "$(cat long)" | head -1000 >many
	run bash -c 'aigw-text <many | head -1 >/dev/null; echo ${PIPESTATUS[0]}'
	[ "$output" = 141 ]
	run bash -c 'trap "" PIPE; aigw-text <many | head -1 >/dev/null; echo ${PIPESTATUS[0]}'
	[ "$output" = 141 ]
}

@test "usage errors are 64" {
	for args in '--format x' '--window 0' '--strem' 'operand'; do
		# shellcheck disable=SC2086
		run -64 aigw-text $args </dev/null
	done
	run -0 aigw-text --help
	run -0 aigw-text --version
}
