#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# one-question.sh - the whole chain in one process
set -eu
aigw prompt -m summary -e 'Write to ann@example.com or call +44 20 7946 0958.' |
	aigw run -c examples/aigw.yaml |
	aigw text
