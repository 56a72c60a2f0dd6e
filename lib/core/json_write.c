/* SPDX-License-Identifier: Apache-2.0 */
/* json_write.c - JSON out: commas, escapes, and the first failure remembered */
#include "core/json.h"

#include <string.h>

#include "core/utf8.h"

static void put(struct aigw_json *w, const char *s, size_t len)
{
	if (!w->failed && aigw_buf_add(w->out, s, len))
		w->failed = true;
}

/* A value begins: the comma before it. */
static void begin(struct aigw_json *w)
{
	if (w->comma)
		put(w, ",", 1);
	w->comma = true;
}

static void open_ctn(struct aigw_json *w, char open, char close)
{
	begin(w);
	if (w->depth == AIGW_JSON_DEPTH) {
		w->failed = true;
		return;
	}
	put(w, &open, 1);
	w->close[w->depth++] = close;
	w->comma = false;
}

void aigw_json_init(struct aigw_json *w, struct aigw_buf *out)
{
	w->out = out;
	w->depth = 0;
	w->comma = w->failed = false;
}

void aigw_json_object(struct aigw_json *w)
{
	open_ctn(w, '{', '}');
}

void aigw_json_array(struct aigw_json *w)
{
	open_ctn(w, '[', ']');
}

void aigw_json_close(struct aigw_json *w)
{
	if (!w->depth) {
		w->failed = true;
		return;
	}
	put(w, &w->close[--w->depth], 1);
	w->comma = true;
}

int aigw_json_escape(struct aigw_buf *out, const char *s, size_t len)
{
	static const char hex[] = "0123456789abcdef";
	const char *end = s + len, *from = s;
	char esc[6] = "\\u00";

	for (; s < end; s++) {
		unsigned char c = (unsigned char)*s;
		size_t n = 2;

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		switch (c) {
		case '"':
		case '\\':
			esc[1] = (char)c;
			break;
		case '\n':
			esc[1] = 'n';
			break;
		case '\r':
			esc[1] = 'r';
			break;
		case '\t':
			esc[1] = 't';
			break;
		default:
			esc[1] = 'u';
			esc[4] = hex[c >> 4];
			esc[5] = hex[c & 15];
			n = 6;
		}
		if (aigw_buf_add(out, from, (size_t)(s - from)) ||
		    aigw_buf_add(out, esc, n))
			return -1;
		from = s + 1;
	}
	return aigw_buf_add(out, from, (size_t)(end - from));
}

static void put_string(struct aigw_json *w, const char *s, size_t len)
{
	if (aigw_utf8_valid(s, len) != len)
		w->failed = true;
	put(w, "\"", 1);
	if (!w->failed && aigw_json_escape(w->out, s, len))
		w->failed = true;
	put(w, "\"", 1);
}

void aigw_json_keyn(struct aigw_json *w, const char *key, size_t len)
{
	begin(w);
	put_string(w, key, len);
	put(w, ":", 1);
	w->comma = false;
}

void aigw_json_key(struct aigw_json *w, const char *key)
{
	aigw_json_keyn(w, key, strlen(key));
}

void aigw_json_strn(struct aigw_json *w, const char *s, size_t len)
{
	begin(w);
	put_string(w, s, len);
}

void aigw_json_str(struct aigw_json *w, const char *s)
{
	if (s)
		aigw_json_strn(w, s, strlen(s));
	else
		aigw_json_null(w);
}

void aigw_json_raw(struct aigw_json *w, const char *text, size_t len)
{
	begin(w);
	put(w, text, len);
}

void aigw_json_int(struct aigw_json *w, int64_t n)
{
	char digits[24], *p = digits + sizeof(digits);
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		*--p = '-';
	aigw_json_raw(w, p, (size_t)(digits + sizeof(digits) - p));
}

void aigw_json_bool(struct aigw_json *w, bool b)
{
	if (b)
		aigw_json_raw(w, "true", 4);
	else
		aigw_json_raw(w, "false", 5);
}

void aigw_json_null(struct aigw_json *w)
{
	aigw_json_raw(w, "null", 4);
}

static void put_ctn(struct aigw_json *w, const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);

	if (it.object || aigw_val_type(v) == AIGW_OBJECT)
		aigw_json_object(w);
	else
		aigw_json_array(w);
	while (!w->failed && (v = aigw_iter_next(&it))) {
		if (it.object)
			aigw_json_keyn(w, it.key, it.key_len);
		aigw_json_val(w, v);
	}
	aigw_json_close(w);
}

/* Recursion is as deep as the value, which the parser has bounded. */
void aigw_json_val(struct aigw_json *w, const struct aigw_val *v)
{
	const char *s;
	size_t len;

	switch (aigw_val_type(v)) {
	case AIGW_NULL:
		aigw_json_null(w);
		break;
	case AIGW_BOOL:
		aigw_json_bool(w, aigw_val_true(v));
		break;
	case AIGW_NUMBER:
		s = aigw_val_num(v, &len);
		aigw_json_raw(w, s, len);
		break;
	case AIGW_STRING:
		s = aigw_val_str(v, &len);
		aigw_json_strn(w, s, len);
		break;
	default:
		put_ctn(w, v);
	}
}

int aigw_json_end(struct aigw_json *w, struct aigw_err *err)
{
	if (w->depth)
		return aigw_fail(err, "JSON container left open");
	if (w->failed)
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				    "JSON text is invalid, too deep, or passes "
				    "%zu bytes",
				    w->out->max);
	return 0;
}
