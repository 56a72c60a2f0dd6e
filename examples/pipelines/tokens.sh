#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# tokens.sh - how many tokens a text has, and which
set -eu
printf 'Kettles, lids and tea.' | aigw tokens -m gpt-4o
printf 'Kettles, lids and tea.' | aigw tokens -e cl100k_base --ids
