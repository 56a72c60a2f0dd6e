/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - strict JSON in, JSON out; json.c alone knows the library below */
#ifndef AIGW_CORE_JSON_H
#define AIGW_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"

#define AIGW_JSON_DEPTH 128 /* containers inside each other, at every door */

struct aigw_doc; /* owns the values read from one text */
struct aigw_val; /* one value, borrowed from its document */

enum aigw_type {
	AIGW_NULL,
	AIGW_BOOL,
	AIGW_NUMBER,
	AIGW_STRING,
	AIGW_ARRAY,
	AIGW_OBJECT
};

/*
 * Read one JSON text (RFC 8259): no duplicate member names at any depth, valid
 * UTF-8, no lone surrogates, depth up to AIGW_JSON_DEPTH, nothing behind it.
 * NULL and class AIGW_E_BAD_REQUEST with the byte offset and what was expected;
 * the codes are invalid_json, duplicate_key, invalid_utf8, too_deep. The text
 * is not kept: the caller may free it at once.
 */
struct aigw_doc *aigw_doc_parse(const char *text, size_t len,
				struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_doc_free(struct aigw_doc *doc); /* NULL is fine */
const struct aigw_val *aigw_doc_root(const struct aigw_doc *doc);

/*
 * All accept NULL, which has the type AIGW_NULL and no members: a chain of
 * look-ups needs one check at its end.
 */
enum aigw_type aigw_val_type(const struct aigw_val *v);
size_t aigw_val_len(const struct aigw_val *v); /* items, or members */
bool aigw_val_true(const struct aigw_val *v);  /* is it `true` */

/* The decoded string, with a NUL behind it that is not counted (NUL inside is
 * data); NULL when it is no string. */
const char *aigw_val_str(const struct aigw_val *v, size_t *len);

/* Is it this string? */
bool aigw_val_is(const struct aigw_val *v, const char *s);

/* The number as it was spelled; NULL when it is no number. */
const char *aigw_val_num(const struct aigw_val *v, size_t *len);

/* The number as an integer: false when it is none, has a fraction or exponent,
 * or does not fit. */
bool aigw_val_int(const struct aigw_val *v, int64_t *n);
bool aigw_val_double(const struct aigw_val *v, double *d);

/* By name, or NULL. aigw_val_at() walks "a.b.c" through objects. */
const struct aigw_val *aigw_val_get(const struct aigw_val *v, const char *key);
const struct aigw_val *aigw_val_getn(const struct aigw_val *v, const char *key,
				     size_t len);
const struct aigw_val *aigw_val_at(const struct aigw_val *v, const char *path);

/*
 * Every item or member in order, in linear time:
 *
 *     struct aigw_iter it = aigw_iter_init(v);
 *     while ((v = aigw_iter_next(&it)))  ...  it.key, it.key_len (objects)
 */
struct aigw_iter {
	const struct aigw_val *next;
	size_t left;
	bool object;
	const char *key; /* of the value just returned; NULL in arrays */
	size_t key_len;
};
struct aigw_iter aigw_iter_init(const struct aigw_val *v);
const struct aigw_val *aigw_iter_next(struct aigw_iter *it);

/*
 * Writing. The writer puts commas and colons, escapes strings, and remembers
 * the first failure; one aigw_json_end() at the end tells. On the stack, owns
 * nothing but its place in `out`.
 */
struct aigw_json {
	struct aigw_buf *out;
	unsigned depth;
	bool comma, failed;
	char close[AIGW_JSON_DEPTH];
};
void aigw_json_init(struct aigw_json *w, struct aigw_buf *out);
void aigw_json_object(struct aigw_json *w); /* { */
void aigw_json_array(struct aigw_json *w);  /* [ */
void aigw_json_close(struct aigw_json *w);  /* } or ] */
void aigw_json_key(struct aigw_json *w, const char *key);
void aigw_json_keyn(struct aigw_json *w, const char *key, size_t len);
void aigw_json_str(struct aigw_json *w, const char *s); /* NULL: null */
void aigw_json_strn(struct aigw_json *w, const char *s, size_t len);
void aigw_json_int(struct aigw_json *w, int64_t n);
void aigw_json_bool(struct aigw_json *w, bool b);
void aigw_json_null(struct aigw_json *w);
/* A text that is JSON already; the caller vouches for it. */
void aigw_json_raw(struct aigw_json *w, const char *text, size_t len);
/* A copy of a value: numbers keep their spelling, members their order. */
void aigw_json_val(struct aigw_json *w, const struct aigw_val *v);
/* The inside of a string, escaped, for texts put together by hand; `s` must be
 * valid UTF-8. 0, or -1 as aigw_buf_add(). */
int aigw_json_escape(struct aigw_buf *out, const char *s,
		     size_t len) AIGW_MUST_CHECK;
/* 0 when everything is closed and nothing failed. */
int aigw_json_end(struct aigw_json *w, struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * Rewriting strings in place. `text` must be valid JSON (a parsed line or a
 * part of one). `fn` sees every string, and every member name with `key` set,
 * decoded; it returns 1 and fills `with` (empty at the call; what is put there
 * is escaped for it) to replace it, 0 to leave its bytes as they are, -1 to
 * stop with err set. Everything else is copied byte for byte. `path` is the
 * JSON Pointer (RFC 6901) of the string.
 */
typedef int (*aigw_string_fn)(void *arg, const char *path, bool key,
			      const char *s, size_t len, struct aigw_buf *with,
			      struct aigw_err *err);
int aigw_json_map(const char *text, size_t len, aigw_string_fn fn, void *arg,
		  struct aigw_buf *out, bool *changed,
		  struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * Set the member at `path` ("state.mask": names joined by dots) of the object
 * in `text` to the JSON text `value` (NULL removes it), making the objects on
 * the way. Other bytes stay.
 */
int aigw_json_splice(const char *text, size_t len, const char *path,
		     const char *value, size_t value_len, struct aigw_buf *out,
		     struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * The members of an object in a valid text, with their spans: `key` includes
 * its quotes and is as spelled. Nothing when the text is no object.
 */
struct aigw_spans {
	const char *p, *end; /* private */
	const char *key, *value;
	size_t key_len, value_len;
};
void aigw_span_init(struct aigw_spans *it, const char *text, size_t len);
bool aigw_span_next(struct aigw_spans *it);
/* Is the current member named so? */
bool aigw_span_is(const struct aigw_spans *it, const char *name, size_t len);

#endif
