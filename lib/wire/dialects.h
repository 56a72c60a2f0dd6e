/* SPDX-License-Identifier: Apache-2.0 */
/* dialects.h - the rows of the table in wire.c, private to lib/wire */
#ifndef AIGW_WIRE_DIALECTS_H
#define AIGW_WIRE_DIALECTS_H

#include "wire/wire.h"

extern const struct aigw_dialect aigw_dialect_openai;
extern const struct aigw_dialect aigw_dialect_azure;
extern const struct aigw_dialect aigw_dialect_anthropic;

/* openai.chat to anthropic.messages (to-anthropic.c). */
int aigw_to_anthropic(const struct aigw_ask *ask, struct aigw_buf *out,
		      struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * The same dialect on both sides: the client's bytes with `model` and `stream`
 * set, `ext` taken out, and everything else as it came. (wire.c)
 */
int aigw_same_dialect(const struct aigw_ask *ask, struct aigw_buf *out,
		      struct aigw_err *err) AIGW_MUST_CHECK;

/* Replace the text in `b` by itself with one member set (NULL: removed). */
int aigw_splice_into(struct aigw_buf *b, const char *path, const char *value,
		     struct aigw_err *err) AIGW_MUST_CHECK;

/* Fail with class upstream: the answer has a shape we do not know. */
int aigw_bad_answer(struct aigw_err *err, const char *what);

#endif
