#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# what-leaves.sh - a document as a model would get it, with everything redacted
set -eu
aigw prompt examples/documents/03-incident.md |
	aigw-mask --op '*=redact' |
	jq -r '.req.messages[0].content'
