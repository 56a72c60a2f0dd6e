#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# csv.sh - one prompt for each row, answers in the order of the rows
set -eu
aigw prompt -m gpt-4o-mini --from csv -t 'In {{language}}: {{text}}' <<'CSV' |
text,language
"Good morning, Ms Lefevre",French
"The kettle, sadly, is broken",German
"""Never ordered"", he says",Polish
CSV
	aigw-auth | aigw-send --provider sandbox -j 4 |
	aigw text -k
