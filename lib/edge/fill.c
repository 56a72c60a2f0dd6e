/* SPDX-License-Identifier: Apache-2.0 */
/* fill.c - {{name}} in a text, filled in once */
#include "edge/fill.h"

#include <string.h>

static int add(struct aigw_fill *f, const char *text, size_t len, bool name,
	       struct aigw_err *err)
{
	if (len == 0 && !name)
		return 0;
	if (f->n == AIGW_FILL_PIECES)
		return aigw_fail(err, "template has more than %d pieces",
				 AIGW_FILL_PIECES);
	f->piece[f->n++] = (struct aigw_fill_piece){text, len, name, 0};
	return 0;
}

/* Between the braces: a name, or a literal in quotes. */
static int add_inside(struct aigw_fill *f, const char *s, const char *end,
		      size_t at, struct aigw_err *err)
{
	while (s < end && (*s == ' ' || *s == '\t'))
		s++;
	while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (s == end)
		return aigw_fail(err, "template, byte %zu: no name in {{ }}",
				 at);
	if (end - s >= 2 && (*s == '"' || *s == '\'') && end[-1] == *s)
		return add(f, s + 1, (size_t)(end - s) - 2, false, err);
	return add(f, s, (size_t)(end - s), true, err);
}

int aigw_fill_init(struct aigw_fill *f, const char *text, size_t len,
		   struct aigw_err *err)
{
	const char *p = text, *end = text + len, *open, *close;

	f->n = 0;
	for (;;) {
		open = memmem(p, (size_t)(end - p), "{{", 2);
		if (!open)
			return add(f, p, (size_t)(end - p), false, err);
		if (add(f, p, (size_t)(open - p), false, err) < 0)
			return -1;
		close = memmem(open + 2, (size_t)(end - open) - 2, "}}", 2);
		if (!close)
			return aigw_fail(err,
					 "template, byte %zu: {{ without }}",
					 (size_t)(open - text));
		if (add_inside(f, open + 2, close, (size_t)(open - text), err) <
		    0)
			return -1;
		p = close + 2;
	}
}

int aigw_fill_bind(struct aigw_fill *f, aigw_name_fn fn, void *arg,
		   struct aigw_err *err)
{
	struct aigw_fill_piece *p;
	long slot;

	for (p = f->piece; p < f->piece + f->n; p++) {
		if (!p->name)
			continue;
		slot = fn(arg, p->text, p->len);
		if (slot < 0)
			return aigw_fail_as(err, AIGW_E_BAD_REQUEST,
					    "unknown_name",
					    "template: nothing is called "
					    "\"%.*s\" here",
					    p->len < 64 ? (int)p->len : 64,
					    p->text);
		p->slot = (size_t)slot;
	}
	return 0;
}

int aigw_fill(const struct aigw_fill *f, aigw_value_fn fn, void *arg,
	      struct aigw_buf *out, struct aigw_err *err)
{
	const struct aigw_fill_piece *p;
	const char *s;
	size_t len;

	for (p = f->piece; p < f->piece + f->n; p++) {
		s = p->text;
		len = p->len;
		if (p->name)
			s = fn(arg, p->slot, &len);
		if (aigw_buf_add(out, s, len) < 0)
			return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
					    "filled template passes %zu bytes",
					    out->max);
	}
	return 0;
}
