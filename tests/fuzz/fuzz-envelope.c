/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-envelope.c - any bytes as a line
 *
 * What is refused says why. What is taken goes out byte for byte; printed and
 * read again it prints the same; and after each of a fixed row of edits it can
 * be read again, says what was edited, and says everything else as before.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "host.h"

#define LINE_BYTES (64 * 1024)
#define TEXT_BYTES (16 * LINE_BYTES)
#define CHECK(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool same(const struct aigw_buf *a, const struct aigw_buf *b)
{
	return a->len == b->len &&
	       (!a->len || !memcmp(a->data, b->data, a->len));
}

/* One spelling for equal values: the writer's. */
static struct aigw_buf print(const struct aigw_val *v)
{
	struct aigw_buf out;
	struct aigw_json w;
	struct aigw_err err;

	aigw_buf_init(&out, TEXT_BYTES);
	aigw_json_init(&w, &out);
	aigw_json_val(&w, v);
	CHECK(!aigw_json_end(&w, &err));
	return out;
}

static bool equal(const struct aigw_val *a, const struct aigw_val *b)
{
	struct aigw_buf x = print(a), y = print(b);
	bool is = same(&x, &y);

	aigw_buf_release(&x);
	aigw_buf_release(&y);
	return is;
}

static struct aigw_doc *must_parse(const char *text, size_t len)
{
	struct aigw_err err;
	struct aigw_doc *doc = aigw_doc_parse(text, len, &err);

	CHECK(doc);
	return doc;
}

/* print(parse(x)) = print(parse(print(parse(x)))) */
static void check_print(const struct aigw_doc *doc)
{
	struct aigw_buf once = print(aigw_doc_root(doc)), again;
	struct aigw_doc *reread = must_parse(once.data, once.len);

	again = print(aigw_doc_root(reread));
	CHECK(same(&once, &again));
	aigw_buf_release(&once);
	aigw_buf_release(&again);
	aigw_doc_free(reread);
}

/* aigw_json_map() ---------------------------------------------------------- */

struct seen {
	size_t strings;
	bool replace, keys;
};

static int on_string(void *arg, const char *path, bool key, const char *s,
		     size_t len, struct aigw_buf *with, struct aigw_err *err)
{
	struct seen *seen = arg;

	(void)err;
	CHECK(*path == '/' || (!*path && !key));
	CHECK(aigw_utf8_valid(s, len) == len && !with->len);
	seen->strings++;
	if (!seen->replace || (key && !seen->keys))
		return 0;
	CHECK(!aigw_buf_add(with, s, len));
	return 1;
}

static size_t count_strings(const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	size_t n = aigw_val_type(v) == AIGW_STRING;

	while ((v = aigw_iter_next(&it)))
		n += it.object + count_strings(v);
	return n;
}

/* Looking changes nothing; replacing each string by itself keeps the value. */
static void check_map(const struct aigw_doc *doc, const char *text, size_t len)
{
	struct seen look = {0}, copy = {.replace = true, .keys = true};
	struct aigw_err err;
	struct aigw_buf out;
	struct aigw_doc *reread;
	bool changed;

	aigw_buf_init(&out, TEXT_BYTES);
	CHECK(!aigw_json_map(text, len, on_string, &look, &out, &changed,
			     &err));
	CHECK(!changed && out.len == len && !memcmp(out.data, text, len));
	CHECK(look.strings == count_strings(aigw_doc_root(doc)));
	out.len = 0;
	CHECK(!aigw_json_map(text, len, on_string, &copy, &out, &changed,
			     &err));
	CHECK(changed == (look.strings > 0));
	reread = must_parse(out.data, out.len);
	CHECK(equal(aigw_doc_root(doc), aigw_doc_root(reread)));
	aigw_doc_free(reread);
	aigw_buf_release(&out);
}

/* aigw_json_splice() ---------------------------------------------------------
 */

/* Members but `name` have the same texts in the same order in both. */
static void check_others(const char *a, size_t a_len, const char *b,
			 size_t b_len, const char *name)
{
	struct aigw_spans x, y;
	bool more, other;

	aigw_span_init(&x, a, a_len);
	aigw_span_init(&y, b, b_len);
	for (;;) {
		while ((more = aigw_span_next(&x)) &&
		       aigw_span_is(&x, name, strlen(name)))
			;
		while ((other = aigw_span_next(&y)) &&
		       aigw_span_is(&y, name, strlen(name)))
			;
		CHECK(more == other);
		if (!more)
			return;
		CHECK(x.key_len == y.key_len && x.value_len == y.value_len);
		CHECK(!memcmp(x.key, y.key, x.key_len));
		CHECK(!memcmp(x.value, y.value, x.value_len));
	}
}

static void check_splice(const char *text, size_t len, const char *path,
			 const char *value)
{
	size_t value_len = value ? strlen(value) : 0;
	const struct aigw_val *v;
	struct aigw_doc *doc, *want;
	struct aigw_buf out;
	struct aigw_err err;
	char name[16] = {0};

	memcpy(name, path, strcspn(path, "."));
	aigw_buf_init(&out, TEXT_BYTES);
	CHECK(!aigw_json_splice(text, len, path, value, value_len, &out, &err));
	doc = must_parse(out.data, out.len);
	v = aigw_val_at(aigw_doc_root(doc), path);
	CHECK(!v == !value);
	if (value) {
		want = must_parse(value, value_len);
		CHECK(equal(v, aigw_doc_root(want)));
		aigw_doc_free(want);
	}
	check_others(text, len, out.data, out.len, name);
	aigw_doc_free(doc);
	aigw_buf_release(&out);
}

/* Edits of an envelope -------------------------------------------------------
 */

/* May its name stand in a path? */
static bool is_word(const char *s, size_t len)
{
	return len && !memchr(s, '.', len) && !memchr(s, '\0', len);
}

/* What the envelope says and what its line says, read again, is the same. */
static void check_line(const struct aigw_env *env)
{
	const struct aigw_val *root, *v;
	struct aigw_buf out;
	struct aigw_err err;
	struct aigw_doc *doc;
	struct aigw_env *reread;
	struct aigw_iter it;

	aigw_buf_init(&out, TEXT_BYTES);
	CHECK(!aigw_env_write(env, &out, &err));
	CHECK(out.len && out.data[--out.len] == '\n');
	reread = aigw_env_parse(out.data, out.len, &err);
	CHECK(reread && aigw_env_kind(reread) == aigw_env_kind(env));
	doc = must_parse(out.data, out.len);
	root = aigw_doc_root(doc);
	it = aigw_iter_init(root);
	while ((v = aigw_iter_next(&it)))
		if (is_word(it.key, it.key_len))
			CHECK(equal(v, aigw_env_get(env, it.key)));
	aigw_doc_free(doc);
	aigw_env_free(reread);
	aigw_buf_release(&out);
}

static void check_set(struct aigw_env *env, const char *path, const char *json)
{
	struct aigw_doc *want = must_parse(json, strlen(json));
	struct aigw_err err;

	CHECK(!aigw_env_set(env, path, json, strlen(json), &err));
	CHECK(equal(aigw_env_get(env, path), aigw_doc_root(want)));
	aigw_doc_free(want);
	check_line(env);
}

static void check_remove(struct aigw_env *env, const char *path)
{
	struct aigw_err err;

	CHECK(!aigw_env_remove(env, path, &err));
	CHECK(!aigw_env_get(env, path));
	check_line(env);
}

/* The members that edit() never names. */
static void check_kept(const struct aigw_env *env, const struct aigw_val *root)
{
	static const char *const touched[] = {"req",	"state", "client",
					      "stream", "notes", "err"};
	struct aigw_iter it = aigw_iter_init(root);
	const struct aigw_val *v;
	size_t i;

	while ((v = aigw_iter_next(&it))) {
		for (i = 0; i < sizeof(touched) / sizeof(*touched); i++)
			if (!strcmp(it.key, touched[i]))
				break;
		if (i == sizeof(touched) / sizeof(*touched) &&
		    is_word(it.key, it.key_len))
			CHECK(equal(v, aigw_env_get(env, it.key)));
	}
}

static void edit(struct aigw_env *env)
{
	static const char why[] = "\"path\":\"req.n\",\"why\":\"\\u0000\"";
	struct aigw_err reason = {AIGW_E_POLICY, "no", "not \xe2\x82 this"};
	struct seen copy = {.replace = true};
	struct aigw_err err;
	int64_t n;

	check_set(env, "req.model", "\"a\\u0000b\\\"\"");
	CHECK(aigw_env_map(env, "req", on_string, &copy, &err) == 1);
	check_line(env);
	CHECK(!aigw_env_set_int(env, "req.n", INT64_MIN, &err));
	CHECK(aigw_val_int(aigw_env_get(env, "req.n"), &n) && n == INT64_MIN);
	check_set(env, "state", "[1.10, {\"e\" : null}]");
	check_set(env, "state.mask.key", "{\"\":[]}");
	check_remove(env, "state.mask.key");
	check_remove(env, "req.messages");
	check_remove(env, "client.auth");
	check_remove(env, "client");
	check_remove(env, "stream");
	check_set(env, "stream", "true");
	check_set(env, "client.principal", "\"\\ud83d\\ude00\"");
	CHECK(aigw_env_remove(env, "id", &err) == -1);
	CHECK(aigw_env_set_int(env, "aigw", 2, &err) == -1);
	CHECK(!aigw_env_note(env, "fuzz", "kept", why, sizeof(why) - 1, &err));
	check_line(env);
	CHECK(!aigw_env_reject(env, &reason, "fuzz", "policy", "gateway",
			       &err));
	check_line(env);
	CHECK(aigw_env_event(env) || aigw_env_kind(env) == AIGW_ERROR);
}

static void check_envelope(const struct aigw_doc *doc, const char *s,
			   size_t len)
{
	struct aigw_err err = {0};
	struct aigw_env *env = aigw_env_parse(s, len, &err);
	struct aigw_buf out;

	if (!env) {
		CHECK(err.class == AIGW_E_BAD_REQUEST && err.code && *err.text);
		return;
	}
	CHECK(doc);
	aigw_buf_init(&out, TEXT_BYTES);
	CHECK(!aigw_env_write(env, &out, &err));
	CHECK(out.len == len + 1 && !memcmp(out.data, s, len));
	aigw_buf_release(&out);
	edit(env);
	check_kept(env, aigw_doc_root(doc));
	aigw_env_free(env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct aigw_err err = {0};
	struct aigw_doc *doc;

	if (size > LINE_BYTES)
		return 0;
	doc = aigw_doc_parse(s, size, &err);
	if (doc) {
		check_print(doc);
		check_map(doc, s, size);
		if (aigw_val_type(aigw_doc_root(doc)) == AIGW_OBJECT) {
			check_splice(s, size, "req.model", "\"m\"");
			check_splice(s, size, "a.b.c", "{\"d\":[1]}");
			check_splice(s, size, "id", NULL);
			check_splice(s, size, "req.messages", NULL);
		}
	} else {
		CHECK(err.class == AIGW_E_BAD_REQUEST && err.code && *err.text);
	}
	check_envelope(doc, s, size);
	aigw_doc_free(doc);
	return 0;
}
