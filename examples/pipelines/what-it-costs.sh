#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# what-it-costs.sh - tokens, estimate and ceiling of each document, before the send
set -eu
aigw prompt -m gpt-4o -t 'Sum up in a sentence: {{input}}' examples/documents/* |
	aigw-count --out-max 200 --expect-out 40 |
	jq -r '[.cost.in, .cost.estimate, .cost.ceiling] | @tsv'
