#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# demo.sh - eight documents through the gateway; ./quickstart ends with it
set -eu
cd "$(dirname "$0")"
AIGW_CONFIG=$PWD/aigw.yaml
XDG_STATE_HOME=$(mktemp -d) # keys of this run; nothing is left in your home
export AIGW_CONFIG XDG_STATE_HOME
trap 'rm -rf "$XDG_STATE_HOME"' EXIT
out=$XDG_STATE_HOME/out

cat <<'TEXT'

Eight letters, chats and minutes, with cards, accounts and keys in them, through

  aigw prompt -m summary -t 'Sum up in a sentence: {{input}}' documents/* |
    aigw-auth | aigw-mask | aigw-route | aigw-count | aigw-send |
    aigw-count | aigw-mask | aigw text

TEXT
aigw prompt -m summary -t 'Sum up in a sentence: {{input}}' documents/* |
	aigw-auth | aigw-mask | aigw-route | aigw-count | aigw-send |
	aigw-count | aigw-mask >"$out"
aigw text <"$out" >"$XDG_STATE_HOME/text"

echo 'What the model was sent of 06-transfer.txt, and what we read in its answer:'
echo
jq -r 'select(.seq == 6).req.messages[0].content' "$out" |
	sed -n '/FR14\|IBAN/s/^ */  > /p'
jq -r 'select(.seq == 6).res.blocks[0].text' "$out" |
	sed -n '/FR14\|GB82/s/^ */  < /p'
echo

# The answers came in any order; seq says which document each belongs to.
jq -rs '
	def row: [$ARGS.positional[.seq - 1][10:],
		.res.model // .err.code, .usage.in, .usage.out,
		.cost.total // "unknown",
		([.notes[]? | select(.kind == "masked") | "\(.type) \(.n)"] |
			join(", "))];
	sort_by(.seq)[] | row | @tsv' --args documents/* <"$out" |
	awk -F '\t' '
	BEGIN {
		form = "  %-20s %-11s %5s %5s  %-10s  %s\n"
		printf form, "document", "model", "in", "out", "USD", "masked"
	}
	{
		printf form, $1, $2, $3, $4, $5, $6
		tokens += $3; out += $4; usd += $5
	}
	END {
		printf form, NR " documents", "", tokens, out,
			sprintf("%.8f", usd), ""
	}'

cat <<TEXT

The model was the sandbox: in the program, no key, no network; tokens and prices
are those of the model it stands for. Now try:

  export PATH=${AIGW_DATA_DIR%/data}:\$PATH AIGW_DATA_DIR=$AIGW_DATA_DIR

  # what would leave this machine
  aigw prompt -e 'Card 4111 1111 1111 1111, ann@example.com' |
    aigw-mask | jq .req.messages

  # the whole chain in one process, for each line
  printf 'Say hello\\nSay goodbye\\n' | aigw prompt -m summary |
    aigw run -c examples/aigw.yaml | aigw text -k

  # a real model, with its key from the environment
  aigw prompt -m gpt-4o-mini -e 'Write to ann@example.com in one line' |
    aigw-mask | aigw-send --provider openai --key-env OPENAI_API_KEY |
    aigw-mask | aigw text
TEXT
