/* SPDX-License-Identifier: Apache-2.0 */
/* to_anthropic.h - the two halves of a translation, private to lib/wire */
#ifndef AIGW_WIRE_TO_ANTHROPIC_H
#define AIGW_WIRE_TO_ANTHROPIC_H

#include <stdio.h>

#include "wire/dialects.h"

struct to {
	const struct aigw_ask *ask;
	const struct aigw_val *ext; /* req.ext.anthropic, an object or NULL */
	struct aigw_json w;
	struct aigw_err *err;
};

void to_note(const struct to *t, const char *kind, const char *path,
	     const char *why);
/* The members `system` and `messages`. */
int to_messages(struct to *t);

#endif
