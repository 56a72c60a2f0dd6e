#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# batch.sh - OpenAI Batch lines in, Batch lines out; a bad line becomes an error
set -eu
aigw prompt --from batch examples/batch.jsonl |
	aigw-auth | aigw-mask | aigw-send --provider sandbox | aigw-mask |
	aigw text -f batch -k |
	jq -c 'if .error then .error.code else [.custom_id,
		.response.body.choices[0].message.content,
		.response.body.usage.total_tokens] end'
