/* SPDX-License-Identifier: Apache-2.0 */
/* json.c - strict JSON over yyjson: the one file that sees it */
#include "core/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <yyjson.h>

#include "core/scan.h"
#include "core/utf8.h"

/* An opaque value is a yyjson value: no copy, no second tree. */
#define VAL(v) ((yyjson_val *)(uintptr_t)(v))
#define OUR(v) ((const struct aigw_val *)(v))
#define DOC(d) ((yyjson_doc *)(d))

#define PAIRWISE 12	    /* members compared each with each */
#define PRESCAN (64 * 1024) /* bytes from which depth is looked at first */

static int bad(struct aigw_err *err, const char *code, size_t at,
	       const char *what)
{
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, code, "byte %zu: %s", at,
			    what);
}

/* A long text of nothing but brackets would cost the parser 16 bytes each. */
static int prescan(const char *p, size_t len, struct aigw_err *err)
{
	const char *start = p, *end = p + len;
	size_t depth = 0;

	while (p < end) {
		if (*p == '"') {
			p = aigw_skip_string(p, end);
			continue;
		}
		if (*p == '{' || *p == '[') {
			if (++depth > AIGW_JSON_DEPTH)
				return bad(err, "too_deep", (size_t)(p - start),
					   "containers nested too deep");
		} else if ((*p == '}' || *p == ']') && depth) {
			depth--;
		}
		p++;
	}
	return 0;
}

static int by_key(const void *a, const void *b)
{
	yyjson_val *x = *(yyjson_val *const *)a, *y = *(yyjson_val *const *)b;
	size_t n = yyjson_get_len(x), m = yyjson_get_len(y);

	if (n != m)
		return n < m ? -1 : 1;
	return memcmp(yyjson_get_str(x), yyjson_get_str(y), n);
}

/* The second of two equal keys, or NULL. */
static yyjson_val *duplicate_key(yyjson_val *obj, bool *no_memory)
{
	size_t i, j, n = yyjson_obj_size(obj);
	yyjson_val *few[PAIRWISE], **keys = few, *key, *found = NULL;
	yyjson_obj_iter it;

	if (n > PAIRWISE && !(keys = malloc(n * sizeof(*keys)))) {
		*no_memory = true;
		return NULL;
	}
	yyjson_obj_iter_init(obj, &it);
	for (i = 0; (key = yyjson_obj_iter_next(&it)); i++)
		keys[i] = key;
	if (n > PAIRWISE) {
		qsort(keys, n, sizeof(*keys), by_key);
		for (i = 1; i < n && !found; i++)
			if (!by_key(&keys[i - 1], &keys[i]))
				found = keys[i];
		free(keys);
		return found;
	}
	for (i = 1; i < n; i++)
		for (j = 0; j < i; j++)
			if (!by_key(&keys[i], &keys[j]))
				return keys[i];
	return NULL;
}

/*
 * Depth and duplicates. yyjson keeps the values of a document one behind the
 * other in the order of the text, so one pass meets every container.
 */
static int check_tree(yyjson_doc *doc, struct aigw_err *err)
{
	yyjson_val *v = yyjson_doc_get_root(doc), *ends[AIGW_JSON_DEPTH], *dup;
	yyjson_val *end = v + yyjson_doc_get_val_count(doc);
	unsigned depth = 0;
	bool no_memory = false;

	for (; v < end; v++) {
		if (!yyjson_is_ctn(v))
			continue;
		while (depth && v >= ends[depth - 1])
			depth--;
		if (depth == AIGW_JSON_DEPTH)
			return bad(err, "too_deep", 0,
				   "containers nested too deep");
		ends[depth++] = unsafe_yyjson_get_next(v);
		if (!yyjson_is_obj(v) || yyjson_obj_size(v) < 2)
			continue;
		dup = duplicate_key(v, &no_memory);
		if (no_memory)
			return aigw_fail(err, "out of memory");
		if (dup)
			return aigw_fail_as(
				err, AIGW_E_BAD_REQUEST, "duplicate_key",
				"duplicate member name %.*s%s",
				(int)yyjson_get_len(dup) > 40
					? 40
					: (int)yyjson_get_len(dup),
				yyjson_get_str(dup),
				yyjson_get_len(dup) > 40 ? "…" : "");
	}
	return 0;
}

static int say_syntax(const char *text, size_t len, const yyjson_read_err *e,
		      struct aigw_err *err)
{
	size_t valid = aigw_utf8_valid(text, len);

	if (len >= 3 && !memcmp(text, "\xef\xbb\xbf", 3))
		return bad(err, "invalid_json", 0,
			   "byte order mark before JSON; remove it");
	if (valid < len && valid <= e->pos)
		return bad(err, "invalid_utf8", valid, "invalid UTF-8");
	if (e->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
		return aigw_fail(err, "out of memory");
	return bad(err, "invalid_json", e->pos, e->msg);
}

struct aigw_doc *aigw_doc_parse(const char *text, size_t len,
				struct aigw_err *err)
{
	yyjson_read_err e;
	yyjson_doc *doc;

	if (!len) {
		bad(err, "invalid_json", 0, "empty, expected a JSON value");
		return NULL;
	}
	if (len > PRESCAN && prescan(text, len, err))
		return NULL;
	doc = yyjson_read_opts((char *)(uintptr_t)text, len,
			       YYJSON_READ_NUMBER_AS_RAW, NULL, &e);
	if (!doc) {
		say_syntax(text, len, &e, err);
		return NULL;
	}
	if (check_tree(doc, err)) {
		yyjson_doc_free(doc);
		return NULL;
	}
	return (struct aigw_doc *)doc;
}

void aigw_doc_free(struct aigw_doc *doc)
{
	yyjson_doc_free(DOC(doc));
}

const struct aigw_val *aigw_doc_root(const struct aigw_doc *doc)
{
	return OUR(yyjson_doc_get_root(DOC((uintptr_t)doc)));
}

enum aigw_type aigw_val_type(const struct aigw_val *v)
{
	switch (yyjson_get_type(VAL(v))) {
	case YYJSON_TYPE_BOOL:
		return AIGW_BOOL;
	case YYJSON_TYPE_RAW:
	case YYJSON_TYPE_NUM:
		return AIGW_NUMBER;
	case YYJSON_TYPE_STR:
		return AIGW_STRING;
	case YYJSON_TYPE_ARR:
		return AIGW_ARRAY;
	case YYJSON_TYPE_OBJ:
		return AIGW_OBJECT;
	default:
		return AIGW_NULL;
	}
}

size_t aigw_val_len(const struct aigw_val *v)
{
	return yyjson_is_ctn(VAL(v)) ? yyjson_get_len(VAL(v)) : 0;
}

bool aigw_val_true(const struct aigw_val *v)
{
	return yyjson_is_true(VAL(v));
}

const char *aigw_val_str(const struct aigw_val *v, size_t *len)
{
	if (!yyjson_is_str(VAL(v)))
		return NULL;
	if (len)
		*len = yyjson_get_len(VAL(v));
	return yyjson_get_str(VAL(v));
}

bool aigw_val_is(const struct aigw_val *v, const char *s)
{
	size_t len;
	const char *t = aigw_val_str(v, &len);

	return t && len == strlen(s) && !memcmp(t, s, len);
}

const char *aigw_val_num(const struct aigw_val *v, size_t *len)
{
	if (!yyjson_is_raw(VAL(v)))
		return NULL;
	if (len)
		*len = yyjson_get_len(VAL(v));
	return yyjson_get_raw(VAL(v));
}

bool aigw_val_int(const struct aigw_val *v, int64_t *n)
{
	const char *s = aigw_val_num(v, NULL);
	char *end;
	long long x;

	if (!s)
		return false;
	errno = 0;
	x = strtoll(s, &end, 10);
	if (errno || *end)
		return false;
	*n = x;
	return true;
}

bool aigw_val_double(const struct aigw_val *v, double *d)
{
	const char *s = aigw_val_num(v, NULL);
	char *end;

	if (!s)
		return false;
	*d = strtod(s, &end);
	return !*end;
}

const struct aigw_val *aigw_val_get(const struct aigw_val *v, const char *key)
{
	return OUR(yyjson_obj_get(VAL(v), key));
}

const struct aigw_val *aigw_val_getn(const struct aigw_val *v, const char *key,
				     size_t len)
{
	return OUR(yyjson_obj_getn(VAL(v), key, len));
}

const struct aigw_val *aigw_val_at(const struct aigw_val *v, const char *path)
{
	const char *dot;

	for (; v && (dot = strchr(path, '.')); path = dot + 1)
		v = aigw_val_getn(v, path, (size_t)(dot - path));
	return aigw_val_get(v, path);
}

struct aigw_iter aigw_iter_init(const struct aigw_val *v)
{
	struct aigw_iter it = {0};

	it.left = aigw_val_len(v);
	it.object = yyjson_is_obj(VAL(v));
	it.next = it.left ? OUR(unsafe_yyjson_get_first(VAL(v))) : NULL;
	return it;
}

const struct aigw_val *aigw_iter_next(struct aigw_iter *it)
{
	yyjson_val *v = VAL(it->next);

	if (!it->left)
		return NULL;
	it->left--;
	if (it->object) {
		it->key = yyjson_get_str(v);
		it->key_len = yyjson_get_len(v);
		v++;
	}
	it->next = OUR(unsafe_yyjson_get_next(v));
	return OUR(v);
}
