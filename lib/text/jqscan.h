/* SPDX-License-Identifier: Apache-2.0 */
/* jqscan.h - what a jq program looks at, and what it must not say */
#ifndef AIGW_TEXT_JQSCAN_H
#define AIGW_TEXT_JQSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"

#define AIGW_JQ_PATHS 64 /* more: the program counts as open */
#define AIGW_JQ_NAME 64	 /* bytes of a name */

/*
 * Members by name, at most two levels: "req" (whole) or "req.model". `open`:
 * the text does not tell what else it looks at.
 */
struct aigw_jq_scan {
	bool open;
	size_t n;
	struct aigw_jq_name {
		char top[AIGW_JQ_NAME], sub[AIGW_JQ_NAME]; /* sub "": whole */
	} path[AIGW_JQ_PATHS];
};

/*
 * Fails for words that reach out of the program (env, input, import, …), for
 * brackets that do not match, and for strings that do not end. Other mistakes
 * are the compiler's to find.
 */
int aigw_jq_scan(const char *program, struct aigw_jq_scan *scan,
		 struct aigw_err *err) AIGW_MUST_CHECK;

#endif
