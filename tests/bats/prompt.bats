#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# prompt.bats - aigw-prompt: every form in, bad input, streams, exit codes

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || exit 1
	unset AIGW_MODEL AIGW_API_KEY
}

# The prompts in what aigw-prompt wrote; codes of errors in their places.
prompts() {
	jq -c '.err.code // .req.messages[-1].content'
}

@test "each line of stdin is a prompt, with or without its end" {
	run prompts < <(printf 'a\r\n\nb "q"\nlast' | aigw-prompt)
	[ "$output" = $'"a"\n"b \\"q\\""\n"last"' ]
}

@test "an envelope has what aigw-envelope(5) asks for" {
	aigw-prompt -e hi -m fast -s 'be brief' -p temperature=0.20 \
		-p stream_options.include_usage=true --stream --tag app=demo \
		--tag a.b=c >out
	[ "$(wc -l <out)" -eq 1 ]
	run jq -c 'del(.id, .req.temperature)' out
	[ "$output" = '{"aigw":1,"seq":1,"op":"chat","stream":true,"client":{"api":"openai.chat","tags":{"app":"demo","a.b":"c"}},"req":{"model":"fast","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi"}],"stream_options":{"include_usage":true}}}' ]
	grep -q '"temperature":0\.20,' out
	[[ "$(jq -r .id out)" =~ ^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}- ]]
}

@test "ids differ and seq counts" {
	seq 1000 | aigw-prompt >out
	[ "$(jq -r .id out | sort -u | wc -l)" -eq 1000 ]
	jq .seq out | cmp - <(seq 1000)
}

@test "NUL ends records with -0 and is data without it" {
	run prompts < <(printf 'a\nb\0c' | aigw-prompt -0)
	[ "$output" = $'"a\\nb"\n"c"' ]
	run prompts < <(printf 'x\0y\n' | aigw-prompt)
	[ "$output" = '"x\u0000y"' ]
}

@test "a file is one prompt; - is stdin; --from lines takes its lines" {
	printf '1\n2\n' >f
	run prompts < <(printf 'in\n' | aigw-prompt f -)
	[ "$output" = $'"1\\n2\\n"\n"in\\n"' ]
	run prompts < <(aigw-prompt --from lines f f)
	[ "$output" = $'"1"\n"2"\n"1"\n"2"' ]
}

@test "a text on the command line is a file, and -e does not touch stdin" {
	run -66 aigw-prompt 'tell me a joke'
	[[ "$output" == *"-e TEXT is a prompt"* ]]
	mkfifo quiet
	exec 9<>quiet
	run -0 timeout 5 aigw-prompt -e one -e two <&9
	[ "${#lines[@]}" -eq 2 ]
}

@test "an unreadable operand stops the run before it begins" {
	echo a >a
	run -66 --separate-stderr aigw-prompt a missing
	[ -z "$output" ]
}

@test "templates are filled in once" {
	printf '{{file}} {%% x %%} {{"{{"}}\n' >f
	run prompts < <(aigw-prompt -t '<{{ input }}>{{"{{"}} {{file}}' f)
	[ "$output" = '"<{{file}} {% x %} {{\"{{\"}}\n>{{ f"' ]
	echo '{{input}}!' >t
	run prompts < <(aigw-prompt -t @t -e a)
	[ "$output" = '"a!\n"' ]
	run -64 aigw-prompt -t '{{inptu}}' -e a
	[[ "$output" == *'nothing is called "inptu"'* ]]
	run -64 aigw-prompt -t 'x {{input' -e a
	[[ "$output" == *'byte 2: {{ without }}'* ]]
}

@test "CSV: quotes, line ends inside, a column, a template, an id" {
	printf '\xef\xbb\xbfid,prompt\r\nk1,"a ""q"",\nb"\r\nk2,c' >in.csv
	run prompts < <(aigw-prompt --from csv <in.csv)
	[ "$output" = $'"a \\"q\\",\\nb"\n"c"' ]
	run jq -r .id <(aigw-prompt --from csv --id-column id <in.csv)
	[ "$output" = $'k1\nk2' ]
	run prompts < <(aigw-prompt --from csv -t '{{id}}: {{prompt}}' <in.csv)
	[ "$output" = $'"k1: a \\"q\\",\\nb"\n"k2: c"' ]
	run prompts < <(aigw-prompt --from csv --column id <in.csv)
	[ "$output" = $'"k1"\n"k2"' ]
	run prompts < <(printf 'only\nx\n' | aigw-prompt --from csv)
	[ "$output" = '"x"' ]
}

@test "CSV: bad records are errors in their places, a bad header is the end" {
	printf 'a,prompt\n1,x\n2\n3,"y"z\n4,b"c\n5,ok\n6,"open\n' >in.csv
	run -1 aigw-prompt --from csv in.csv
	[ "$(prompts <<<"$output" | tr '\n' ' ')" = \
	  '"x" "invalid_csv" "invalid_csv" "invalid_csv" "ok" "invalid_csv" ' ]
	run -65 aigw-prompt --from csv --column b in.csv
	[[ "$output" == *'no column "b"'* ]]
	run -65 aigw-prompt --from csv -t '{{b}}' in.csv
	run -65 aigw-prompt --from csv < <(printf '"a\nb')
}

@test "chat bodies go through byte for byte" {
	body='{"seed":9007199254740993 ,"t":1.10,"model":"m","messages":[{"role":"user","content":"\u0000\ud83d\ude00"}],"x":{"b":1,"a":[]}}'
	run -0 aigw-prompt --from chat <<<"$body"
	[[ "$output" == *"\"req\":$body}" ]]
	run -0 aigw-prompt --from chat -m other -p seed=1 <<<"$body"
	[[ "$output" == *'"req":{"seed":1 ,"t":1.10,"model":"other","messages"'* ]]
	run jq -c '[.stream, .req.model]' < <(aigw-prompt --from chat \
		<<<'{"stream":true,"messages":[]}')
	[ "$output" = '[true,"default"]' ]
}

@test "batch lines: custom_id becomes the id, mistakes become errors" {
	cat >in <<-'EOF'
	{"custom_id":"r1","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[]}}
	{"custom_id":"r1","body":{"messages":[]}}
	{"custom_id":"r2","url":"/v1/nothing","body":{"messages":[]}}
	{"custom_id":"r3","method":"GET","body":{"messages":[]}}
	{"custom_id":"r4","body":{}}
	not json
	{"custom_id":"r5","custom_id":"r6","body":{}}
	{"custom_id":"r7","url":"/v1/embeddings","body":{"input":"x"}}
	EOF
	run -1 aigw-prompt --from batch in
	[ "$(jq -r '.err.code // .op' <<<"$output" | tr '\n' ' ')" = \
	  'chat duplicate_custom_id url_mismatch invalid_method invalid_body invalid_json duplicate_key embeddings ' ]
	[ "$(jq -r '.id | select(length < 4)' <<<"$output" | tr '\n' ' ')" = \
	  'r1 r2 r3 r4 r7 ' ]
	[ "$(jq -c '[.err.line, .err.phase, .err.stage]' <<<"${lines[5]}")" = \
	  '[6,"client","prompt"]' ]
}

@test "at the door an envelope loses what only filters write" {
	run -0 aigw-prompt --from chat <<-'EOF'
	{"aigw":1,"id":"a","mine":1.10,"client":{"api":"openai.chat","principal":"root","key_id":"k","auth":{"token":"t"},"tags":{"t":"u"}},"plan":{},"usage":{},"cost":{},"state":{},"attempts":[],"notes":[],"res":{},"err":{},"timing":{},"trace":{},"req":{"model":"m"}}
	EOF
	[ "$output" = '{"aigw":1,"id":"a","seq":1,"mine":1.10,"req":{"model":"m"},"client":{"api":"openai.chat","tags":{"t":"u"}}}' ]
}

@test "a byte order mark is a signature of text and a mistake in JSON" {
	run prompts < <(printf '\xef\xbb\xbfa\n' | aigw-prompt)
	[ "$output" = '"a"' ]
	printf '\xef\xbb\xbf{"messages":[]}\n{"messages":[]}\n' >in
	run -1 --separate-stderr aigw-prompt --from chat --from chat <in
	[[ "${lines[0]}" == *'byte order mark'* ]]
	[ "$(jq -c .req.model <<<"${lines[1]}")" = '"default"' ]
}

@test "invalid UTF-8 is refused with its place, or replaced when asked" {
	printf 'ab\xff\xe2\x82\nok\n' >in
	run -1 aigw-prompt --from lines in
	[[ "${lines[0]}" == *'"code":"invalid_utf8"'*'at its byte 2'* ]]
	[ "$(prompts <<<"${lines[1]}")" = '"ok"' ]
	run -0 aigw-prompt --from lines --invalid-utf8=replace in
	[ "$(prompts <<<"${lines[0]}")" = '"ab���"' ]
	printf '{"messages":["\\ud800"]}\n' >in
	run -1 aigw-prompt --from chat in
}

@test "a 50 MB line is refused in little memory, and the next one is read" {
	mkfifo in
	aigw-prompt <in >out &
	pid=$!
	exec 8>in
	{ head -c 50000000 /dev/zero | tr '\0' a; echo; echo next; } >&8
	for _ in $(seq 100); do
		[ "$(wc -l <out)" -eq 2 ] && break
		sleep 0.1
	done
	[ "$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status")" -lt 150000 ]
	exec 8>&-
	rc=0; wait "$pid" || rc=$?
	[ "$rc" -eq 1 ]
	[[ "$(head -1 out)" == *'"code":"record_too_long"'*'16777216 bytes'* ]]
	[ "$(tail -1 out | prompts)" = '"next"' ]
	run -1 aigw-prompt --max-line 1K < <(printf '%2000s\n' x)
	run -1 aigw-prompt --max-line 1K < <(printf '%1000s\n' x)
}

@test "attachments are told by their bytes" {
	printf '\x89PNG\r\n\x1a\nx' >a.txt
	printf 'plain' >b.png
	run jq -c '.req.messages[0].content' <(aigw-prompt -e hi -a a.txt -a b.png)
	[ "$output" = '[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgp4"}},{"type":"text","text":"plain"}]' ]
	printf 'a\0b' >c
	run -64 aigw-prompt -e hi -a c
	run -66 aigw-prompt -e hi -a missing
}

@test "the key comes from a file or the environment and goes to client.auth" {
	echo aigw_live_canary >key
	run jq -c .client.auth <(aigw-prompt -e hi --api-key-file key)
	[ "$output" = '{"scheme":"bearer","token":"aigw_live_canary"}' ]
	run jq -c .client.auth.token <(AIGW_API_KEY=env aigw-prompt -e hi)
	[ "$output" = '"env"' ]
	printf 'two words' >key
	run -64 aigw-prompt -e hi --api-key-file key
	[[ "$output" != *two* ]]
	: >key
	run -64 aigw-prompt -e hi --api-key-file key
	run -66 aigw-prompt -e hi --api-key-file missing
}

@test "usage errors are 64, name the nearest flag, and read nothing" {
	for args in '--form csv' '-p x' '-p x=y -e a' '-p model=1 -e a' \
		'--column c' '-0 --from csv' '--from chat -s x' '--tag x' \
		'--tag a=1 --tag a=2'; do
		# shellcheck disable=SC2086
		run -64 aigw-prompt $args
	done
	run -64 aigw-prompt --form csv
	[[ "$output" == *'--from'* ]]
	run -0 --separate-stderr aigw-prompt --help
	[ -z "$stderr" ]
	[[ "$output" == *'--invalid-utf8'* ]]
	run -0 aigw-prompt --version
}

@test "empty input is no record and success" {
	run -0 aigw-prompt </dev/null
	[ -z "$output" ]
	run -0 aigw-prompt /dev/null
	run -0 aigw-prompt --from csv </dev/null
}

@test "what is ready is written before the input makes it wait" {
	mkfifo in
	aigw-prompt <in >out &
	pid=$!
	exec 8>in
	echo first >&8
	for _ in $(seq 50); do [ -s out ] && break; sleep 0.1; done
	[ "$(prompts <out)" = '"first"' ]
	exec 8>&-
	wait "$pid"
}

@test "full disk, closed streams, and a reader that goes away" {
	run -74 bash -c 'aigw-prompt -e a >/dev/full'
	run -74 bash -c 'aigw-prompt -e a >&-'
	run -74 bash -c 'aigw-prompt <&-'
	run bash -c 'yes | aigw-prompt | head -1 >/dev/null; echo ${PIPESTATUS[1]}'
	[ "$output" = 141 ]
	run bash -c 'trap "" PIPE; yes 2>/dev/null | aigw-prompt | head -1 >/dev/null; echo ${PIPESTATUS[1]}'
	[ "$output" = 141 ]
	run -74 aigw-prompt --from lines .
}

@test "the naughty strings come through as they are" {
	[ -r "$AIGW_VECTORS/blns/blns.base64.json" ] || skip "no vectors here"
	jq -r '.[]' "$AIGW_VECTORS/blns/blns.base64.json" >b64
	while read -r line; do
		base64 -d <<<"$line" >one
		[ -s one ] || continue
		cat one >>in
		printf '\0' >>in
		if iconv -f UTF-8 -t UTF-8 one >/dev/null 2>&1; then
			cat one >>want
		else
			printf invalid_utf8 >>want
		fi
		printf '\0' >>want
	done <b64
	aigw-prompt -0 <in >out || [ $? -eq 1 ]
	jq -j '(.err.code // .req.messages[0].content) + "\u0000"' out >back
	cmp want back
	[ "$(wc -l <out)" -gt 400 ]
}
