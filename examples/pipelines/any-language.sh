#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# any-language.sh - sed, awk and jq as stages: each gets a line and gives a line
set -eu
printf '%s\n' 'How is the weather?' 'How is the project Falcon?' |
	aigw prompt -m gpt-4o-mini |
	sed -u 's/project Falcon/project [withheld]/' |
	awk '{ print; fflush() }' |
	jq -c --unbuffered '.req.temperature = 0' |
	aigw-send --provider sandbox |
	aigw text -k
