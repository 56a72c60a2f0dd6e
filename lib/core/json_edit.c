/* SPDX-License-Identifier: Apache-2.0 */
/* json_edit.c - edit a valid JSON text and leave its other bytes alone */
#include "core/json.h"

#include <string.h>

#include "core/scan.h"
#include "core/utf8.h"

#define INDEX_DIGITS 20 /* of an array index in a JSON Pointer */

/* Rewriting strings ------------------------------------------------------ */

/* Where a walk over a valid text stands. */
struct walk {
	const char *p, *end, *copied; /* `copied`: what is in `out` already */
	struct aigw_buf *out, decoded, with, path;
	size_t stem[AIGW_JSON_DEPTH]; /* path length of each open container */
	size_t index[AIGW_JSON_DEPTH];
	bool object[AIGW_JSON_DEPTH];
	unsigned depth;
	aigw_string_fn fn;
	void *arg;
	bool changed;
	struct aigw_err *err;
};

static unsigned hex4(const char *p)
{
	unsigned n = 0, i;

	for (i = 0; i < 4; i++) {
		unsigned c = (unsigned char)p[i];

		n = n << 4 | (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
	}
	return n;
}

/* One escape at `p` (behind the backslash); returns the first byte after. */
static const char *decode_escape(const char *p, struct aigw_buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char utf8[4];
	unsigned c;

	if (*p != 'u') {
		c = (unsigned char)to[strchr(from, *p) - from];
		out->data[out->len++] = (char)c;
		return p + 1;
	}
	c = hex4(p + 1);
	p += 5;
	if (c >= 0xd800 && c < 0xdc00) {
		c = 0x10000 + ((c - 0xd800) << 10) + (hex4(p + 2) - 0xdc00);
		p += 6;
	}
	c = (unsigned)aigw_utf8_put(c, utf8);
	memcpy(out->data + out->len, utf8, c);
	out->len += c;
	return p;
}

/* The inside of a string, decoded; it never grows by decoding. */
static int decode(struct walk *w, const char *p, const char *end)
{
	const char *slash;

	w->decoded.len = 0;
	if (!aigw_buf_room(&w->decoded, (size_t)(end - p) + 4))
		return aigw_fail(w->err, "out of memory");
	while (p < end) {
		size_t n;

		slash = memchr(p, '\\', (size_t)(end - p));
		n = (size_t)((slash ? slash : end) - p);
		memcpy(w->decoded.data + w->decoded.len, p, n);
		w->decoded.len += n;
		if (!slash)
			break;
		p = decode_escape(slash + 1, &w->decoded);
	}
	return 0;
}

/* Offer the string at w->p to the callback and step behind it. */
static int walk_string(struct walk *w, bool key)
{
	const char *start = w->p, *inside = start + 1, *s = inside;
	const char *next = aigw_skip_string(start, w->end), *end = next - 1;
	size_t len = (size_t)(end - inside);
	int rc;

	if (memchr(inside, '\\', len)) {
		if (decode(w, inside, end))
			return -1;
		s = w->decoded.data;
		len = w->decoded.len;
	}
	w->with.len = 0;
	rc = w->fn(w->arg, w->path.data, key, s, len, &w->with, w->err);
	w->p = next;
	if (rc <= 0)
		return rc;
	w->changed = true;
	if (aigw_utf8_valid(w->with.data, w->with.len) != w->with.len)
		return aigw_fail(w->err, "replacement is no valid UTF-8");
	if (aigw_buf_add(w->out, w->copied, (size_t)(inside - w->copied)) ||
	    aigw_json_escape(w->out, w->with.data, w->with.len))
		return aigw_fail_as(w->err, AIGW_E_TOO_LARGE, "too_large",
				    "edited text passes %zu bytes",
				    w->out->max);
	w->copied = end;
	return 0;
}

/* The path becomes its container's path, "/", and a token (RFC 6901). */
static int set_token(struct walk *w, const char *s, size_t len)
{
	size_t i;

	w->path.len = w->stem[w->depth - 1];
	if (!aigw_buf_room(&w->path, 2 * len + 2))
		return aigw_fail(w->err, "out of memory");
	w->path.data[w->path.len++] = '/';
	for (i = 0; i < len; i++) {
		if (s[i] == '~' || s[i] == '/') {
			w->path.data[w->path.len++] = '~';
			w->path.data[w->path.len++] = s[i] == '~' ? '0' : '1';
		} else {
			w->path.data[w->path.len++] = s[i];
		}
	}
	w->path.data[w->path.len] = '\0';
	return 0;
}

static int walk_key(struct walk *w)
{
	const char *next = aigw_skip_string(w->p, w->end);

	/* The token is the name as spelled: decoding is for the callback. */
	if (set_token(w, w->p + 1, (size_t)(next - w->p) - 2) ||
	    walk_string(w, true))
		return -1;
	w->p = aigw_skip_space(w->p, w->end) + 1; /* the colon */
	w->p = aigw_skip_space(w->p, w->end);
	return 0;
}

/* Before an item or member: its path, and for a member its name. */
static int walk_enter(struct walk *w)
{
	char digits[INDEX_DIGITS + 1], *d = digits + INDEX_DIGITS;
	size_t i;

	if (!w->depth)
		return 0;
	if (w->object[w->depth - 1])
		return walk_key(w);
	i = w->index[w->depth - 1]++;
	do
		*--d = (char)('0' + i % 10);
	while (i /= 10);
	return set_token(w, d, (size_t)(digits + INDEX_DIGITS - d));
}

static int walk_value(struct walk *w)
{
	switch (*w->p) {
	case '"':
		return walk_string(w, false);
	case '{':
	case '[':
		if (w->depth == AIGW_JSON_DEPTH)
			return aigw_fail_as(w->err, AIGW_E_BAD_REQUEST, "too_deep",
					    "containers nested too deep");
		w->object[w->depth] = *w->p == '{';
		w->index[w->depth] = 0;
		w->stem[w->depth++] = w->path.len;
		w->p++;
		return 0;
	default:
		w->p = aigw_skip_value(w->p, w->end);
		return 0;
	}
}

static int walk_all(struct walk *w)
{
	for (w->p = aigw_skip_space(w->p, w->end); w->p < w->end;
	     w->p = aigw_skip_space(w->p, w->end)) {
		if (*w->p == '}' || *w->p == ']') {
			w->depth--;
			w->p++;
		} else if (*w->p == ',') {
			w->p++;
		} else if (walk_enter(w) || walk_value(w)) {
			return -1;
		}
	}
	return 0;
}

int aigw_json_map(const char *text, size_t len, aigw_string_fn fn, void *arg,
		  struct aigw_buf *out, bool *changed, struct aigw_err *err)
{
	struct walk w = {.p = text,
			 .end = text + len,
			 .copied = text,
			 .out = out,
			 .fn = fn,
			 .arg = arg,
			 .err = err};
	int rc = -1;

	aigw_buf_init(&w.decoded, len + 8);
	aigw_buf_init(&w.with, out->max);
	aigw_buf_init(&w.path, 2 * len + 64 + AIGW_JSON_DEPTH * INDEX_DIGITS);
	if (!aigw_buf_room(&w.path, 1) || !aigw_buf_room(&w.with, 1)) {
		aigw_fail(err, "out of memory");
		goto out;
	}
	w.path.data[0] = '\0';
	if (walk_all(&w))
		goto out;
	if (aigw_buf_add(out, w.copied, (size_t)(w.end - w.copied))) {
		aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
			     "edited text passes %zu bytes", out->max);
		goto out;
	}
	*changed = w.changed;
	rc = 0;
out:
	aigw_buf_release(&w.decoded);
	aigw_buf_release(&w.with);
	aigw_buf_release(&w.path);
	return rc;
}

/* Splicing one member ----------------------------------------------------- */

void aigw_span_init(struct aigw_spans *it, const char *text, size_t len)
{
	it->end = text + len;
	it->p = aigw_skip_space(text, it->end);
	if (it->p < it->end && *it->p == '{')
		it->p++;
	else
		it->p = it->end;
}

bool aigw_span_next(struct aigw_spans *it)
{
	const char *p = aigw_skip_space(it->p, it->end);

	if (p < it->end && *p == ',')
		p = aigw_skip_space(p + 1, it->end);
	if (p >= it->end || *p != '"')
		return false;
	it->key = p;
	p = aigw_skip_string(p, it->end);
	it->key_len = (size_t)(p - it->key);
	it->value = aigw_skip_space(aigw_skip_space(p, it->end) + 1, it->end);
	it->p = aigw_skip_value(it->value, it->end);
	it->value_len = (size_t)(it->p - it->value);
	return true;
}

bool aigw_span_is(const struct aigw_spans *it, const char *name, size_t len)
{
	struct walk w = {0};
	bool same;

	if (!memchr(it->key, '\\', it->key_len))
		return it->key_len == len + 2 &&
		       !memcmp(it->key + 1, name, len);
	aigw_buf_init(&w.decoded, it->key_len + 8);
	same = !decode(&w, it->key + 1, it->key + it->key_len - 1) &&
	       w.decoded.len == len && !memcmp(w.decoded.data, name, len);
	aigw_buf_release(&w.decoded);
	return same;
}

static int add3(struct aigw_buf *out, const char *a, const char *b,
		const char *from, const char *end)
{
	return aigw_buf_add(out, a, (size_t)(b - a)) ||
			       aigw_buf_add(out, from, (size_t)(end - from))
		       ? -1
		       : 0;
}

/* "a.b.c":V as {"a":{"b":{"c":V}}} without the outer braces. */
static int put_nested(struct aigw_buf *out, const char *path, const char *value,
		      size_t value_len)
{
	unsigned open = 0;
	size_t n;

	for (;; path += n + 1, open++) {
		n = strcspn(path, ".");
		if (aigw_buf_add(out, open ? "{\"" : "\"", open ? 2 : 1) ||
		    aigw_json_escape(out, path, n) || aigw_buf_add(out, "\":", 2))
			return -1;
		if (!path[n])
			break;
	}
	if (aigw_buf_add(out, value, value_len))
		return -1;
	while (open--)
		if (aigw_buf_add(out, "}", 1))
			return -1;
	return 0;
}

/* Add the rest of a path to the object in `text`, behind its last member. */
static int insert(const char *text, size_t len, const char *path,
		  const char *value, size_t value_len, bool empty,
		  struct aigw_buf *out)
{
	const char *end = text + len;

	while (end > text && end[-1] != '}')
		end--;
	if (aigw_buf_add(out, text, (size_t)(end - 1 - text)) ||
	    (!empty && aigw_buf_add(out, ",", 1)) ||
	    put_nested(out, path, value, value_len))
		return -1;
	return aigw_buf_add(out, end - 1, (size_t)(text + len - (end - 1)));
}

/* Cut a member with the comma that goes with it. */
static int cut(const char *text, size_t len, const struct aigw_spans *it,
	       bool first, struct aigw_buf *out)
{
	const char *from = it->key, *to = it->p, *q;

	q = aigw_skip_space(to, it->end);
	if (first) {
		if (*q == ',')
			to = aigw_skip_space(q + 1, it->end);
	} else {
		while (from[-1] != ',')
			from--;
		from--;
	}
	return add3(out, text, from, to, text + len);
}

static int splice(const char *text, size_t len, const char *path,
		  const char *value, size_t value_len, struct aigw_buf *out)
{
	struct aigw_spans it;
	size_t n = strcspn(path, ".");
	bool first = true;

	aigw_span_init(&it, text, len);
	for (; aigw_span_next(&it); first = false) {
		if (!aigw_span_is(&it, path, n))
			continue;
		if (!path[n] && !value)
			return cut(text, len, &it, first, out);
		if (aigw_buf_add(out, text, (size_t)(it.value - text)))
			return -1;
		if (!path[n]) {
			if (aigw_buf_add(out, value, value_len))
				return -1;
		} else if (*it.value == '{') {
			if (splice(it.value, it.value_len, path + n + 1, value,
				   value_len, out))
				return -1;
		} else if (!value) {
			if (aigw_buf_add(out, it.value, it.value_len))
				return -1;
		} else if (aigw_buf_add(out, "{", 1) ||
			   put_nested(out, path + n + 1, value, value_len) ||
			   aigw_buf_add(out, "}", 1)) {
			return -1;
		}
		return aigw_buf_add(out, it.p, (size_t)(text + len - it.p));
	}
	if (!value)
		return aigw_buf_add(out, text, len);
	return insert(text, len, path, value, value_len, first, out);
}

int aigw_json_splice(const char *text, size_t len, const char *path,
		     const char *value, size_t value_len, struct aigw_buf *out,
		     struct aigw_err *err)
{
	struct aigw_spans it;

	aigw_span_init(&it, text, len);
	if (it.p == it.end)
		return aigw_fail(err, "no object to set %s in", path);
	if (splice(text, len, path, value, value_len, out))
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				    "edited text passes %zu bytes", out->max);
	return 0;
}
