/* SPDX-License-Identifier: Apache-2.0 */
/* fill.h - {{name}} in a text, filled in once */
#ifndef AIGW_EDGE_FILL_H
#define AIGW_EDGE_FILL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

#define AIGW_FILL_PIECES 1024 /* of text and names in one template */

/*
 * A text cut into pieces. What is filled in is never looked at again, so a
 * value cannot name another value. {{ "{{" }} is a literal.
 */
struct aigw_fill {
	struct aigw_fill_piece {
		const char *text; /* of the template, or of the name */
		size_t len;
		bool name;
		size_t slot; /* what aigw_fill_bind() found */
	} piece[AIGW_FILL_PIECES];
	size_t n;
};

/* `text` is kept, not copied. Errors name the byte. */
int aigw_fill_init(struct aigw_fill *f, const char *text, size_t len,
		   struct aigw_err *err) AIGW_MUST_CHECK;

/* The number of a name, or -1 when it is not known. */
typedef long (*aigw_name_fn)(void *arg, const char *name, size_t len);
int aigw_fill_bind(struct aigw_fill *f, aigw_name_fn fn, void *arg,
		   struct aigw_err *err) AIGW_MUST_CHECK;

/* The value of a number. */
typedef const char *(*aigw_value_fn)(void *arg, size_t slot, size_t *len);
int aigw_fill(const struct aigw_fill *f, aigw_value_fn fn, void *arg,
	      struct aigw_buf *out, struct aigw_err *err) AIGW_MUST_CHECK;

#endif
