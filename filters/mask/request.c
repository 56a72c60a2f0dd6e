/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request.c - hide what is found in any string of a request
 *
 * Everything is looked at, at any depth, member names too, but for a short list
 * of places that hold words of the API. A string that is JSON itself (the
 * arguments of a tool call) is masked inside and stays JSON. What cannot be
 * masked is refused: a card number written as a JSON number, token ids.
 */
#include <string.h>

#include "mask.h"

#define NESTED_MAX 4	/* JSON in a string in JSON in a string … */
#define KEY_CONTEXT 64	/* bytes of a member name that say what a value is */
#define BASE64_MIN 64	/* characters that are taken for bytes, not for a key */
#define SHORT_VALUE 512 /* longer ones bring their own context */

/* Places (JSON Pointer, * for one step) whose strings are words of the API or
 * ids that must come back unchanged. */
static const char *const structural[] = {
	"/model",
	"/messages/*/role",
	"/messages/*/tool_call_id",
	"/messages/*/tool_calls/*/id",
	"/messages/*/tool_calls/*/type",
	"/messages/*/content/*/type",
	"/messages/*/content/*/id",
	"/messages/*/content/*/tool_use_id",
	"/messages/*/content/*/source/type",
	"/messages/*/content/*/source/media_type",
	"/messages/*/content/*/cache_control/type",
	"/messages/*/content/*/input_audio/format",
	"/messages/*/content/*/image_url/detail",
	"/messages/*/content/*/content/*/type",
	"/messages/*/content/*/content/*/source/type",
	"/messages/*/content/*/content/*/source/media_type",
	"/system/*/type",
	"/system/*/cache_control/type",
	"/tools/*/type",
	"/tools/*/cache_control/type",
	"/tool_choice",
	"/tool_choice/type",
	"/response_format/type",
	"/reasoning_effort",
	"/service_tier",
	"/encoding_format",
	"/modalities/*",
	"/thinking/type",
	"/input/*/type",
	"/input/*/role",
	"/input/*/id",
	"/input/*/call_id",
	"/input/*/status",
	"/input/*/content/*/type",
	"/previous_response_id",
	"/truncation",
	"/include/*",
};

/* Places of base64: images, sound, files, what only the provider reads. A
 * string that is no base64 is text all the same. */
static const char *const bytes[] = {
	"/messages/*/content/*/source/data",
	"/messages/*/content/*/content/*/source/data",
	"/messages/*/content/*/data",
	"/messages/*/content/*/signature",
	"/messages/*/content/*/image_url/url",
	"/messages/*/content/*/input_audio/data",
	"/messages/*/content/*/file/file_data",
	"/input/*/content/*/image_url",
	"/input/*/content/*/file_data",
	"/input/*/encrypted_content",
};

/* Member names of the APIs: a user's term that is one of them is not meant. */
static const char *const api_words[] = {"messages",
					"role",
					"content",
					"text",
					"type",
					"model",
					"tools",
					"function",
					"name",
					"arguments",
					"parameters",
					"properties",
					"description",
					"required",
					"system",
					"input",
					"user",
					"metadata",
					"image_url",
					"url",
					"source",
					"data",
					"media_type",
					"prompt",
					"tool_calls",
					"tool_call_id",
					"id",
					"stop",
					"suffix",
					"items",
					"enum",
					"tool_use_id",
					"instructions",
					"stream",
					"n",
					"seed",
					"temperature",
					"top_p",
					"max_tokens",
					"tool_choice",
					"response_format",
					"file",
					"detail",
					"cache_control",
					"thinking",
					"signature",
					"value",
					NULL};

struct work {
	struct mask *m;
	struct mask_map *map;
	const char *scope;
	size_t scope_len;
	size_t count[MASK_KINDS];
	unsigned nested;
	char key[KEY_CONTEXT + 4];
	size_t key_len;
};

static bool fits(const char *pattern, const char *path)
{
	while (*pattern) {
		if (*pattern == '*') {
			path += strcspn(path, "/");
			pattern++;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*path;
}

static bool listed(const char *const *list, size_t n, const char *path)
{
	for (size_t i = 0; path && i < n; i++) {
		if (fits(list[i], path))
			return true;
	}
	return false;
}

/* Long and nothing but base64, perhaps behind "data:image/png;base64,". */
static bool is_base64(const char *s, size_t len)
{
	const char *comma = NULL;

	if (len > 5 && !memcmp(s, "data:", 5))
		comma = memchr(s, ',', len < 128 ? len : 128);
	if (comma) {
		len -= (size_t)(comma + 1 - s);
		s = comma + 1;
	}
	for (size_t i = 0; i < len; i++) {
		if (!mask_alnum(s[i]) && (!s[i] || !strchr("+/=_-", s[i])))
			return false;
	}
	return len >= BASE64_MIN;
}

static bool is_word(const char *s, size_t len)
{
	for (int i = 0; api_words[i]; i++) {
		if (strlen(api_words[i]) == len &&
		    !memcmp(api_words[i], s, len))
			return true;
	}
	return false;
}

/* All but the last four characters, of at least eight, become stars. */
static int stars(const char *s, size_t len, struct aigw_buf *out)
{
	size_t chars = 0, seen = 0;

	for (size_t i = 0; i < len; i++)
		chars += (s[i] & 0xC0) != 0x80;
	for (size_t i = 0; i < len; i++) {
		const bool first = (s[i] & 0xC0) != 0x80;

		seen += first;
		if (chars >= 8 && seen + 4 > chars) {
			if (aigw_buf_add(out, s + i, 1))
				return -1;
		} else if (first && aigw_buf_add(out, "*", 1)) {
			return -1;
		}
	}
	return 0;
}

static int put_token(struct work *w, const struct mask_value *v,
		     struct aigw_buf *out)
{
	const struct mask_entry *e =
		mask_map_add(w->map, &w->m->keys, w->scope, w->scope_len, v);

	return !e || aigw_buf_str(out, "[[") || aigw_buf_str(out, e->name) ||
			       aigw_buf_str(out, "]]")
		       ? -1
		       : 0;
}

/* [[TYPE]], or [[TYPE-0123456789abcdef]] */
static int put_type(const char *type, const char *hash, struct aigw_buf *out)
{
	return aigw_buf_str(out, "[[") || aigw_buf_str(out, type) ||
			       aigw_buf_str(out, hash[0] ? "-" : "") ||
			       aigw_buf_str(out, hash) ||
			       aigw_buf_str(out, "]]")
		       ? -1
		       : 0;
}

static int put(struct work *w, const struct mask_span *s, const char *text,
	       struct aigw_buf *out)
{
	const struct mask_value v = {s->type, w->m->names[s->type],
				     text + s->start, s->end - s->start};
	char hash[17] = "";

	switch (w->m->op[s->type]) {
	case MASK_TOKEN:
		return put_token(w, &v, out);
	case MASK_STARS:
		return stars(v.s, v.len, out);
	case MASK_HASH:
		if (mask_hash(&w->m->keys, w->scope, w->scope_len, &v, hash))
			return -1;
		return put_type(v.type, hash, out);
	case MASK_KEEP:
		return aigw_buf_add(out, v.s, v.len);
	case MASK_REDACT:
	default:
		return put_type(v.type, hash, out);
	}
}

/* Spans of text[skip..] go to `out`; 1 when anything was hidden. */
static int replace(struct work *w, const char *text, size_t len, size_t skip,
		   struct aigw_buf *out, struct aigw_err *err)
{
	const struct mask_hits *h = &w->m->hits;
	size_t at = skip, n = 0;

	for (size_t i = 0; i < h->n; i++) {
		const struct mask_span *s = &h->v[i];

		if (s->start < skip || w->m->op[s->type] == MASK_KEEP)
			continue;
		if (aigw_buf_add(out, text + at, s->start - at) ||
		    put(w, s, text, out))
			return aigw_fail(err, "out of memory");
		at = s->end;
		w->count[s->type]++;
		n++;
	}
	if (n && aigw_buf_add(out, text + at, len - at))
		return aigw_fail(err, "out of memory");
	return n > 0;
}

static int hide(struct work *w, const char *s, size_t len, struct aigw_buf *out,
		struct aigw_err *err)
{
	if (mask_find(w->m->finder, s, len, &w->m->hits, err))
		return -1;
	return replace(w, s, len, 0, out, err);
}

/* A short value is searched behind its name: {"ssn": "536904399"}. */
static int hide_named(struct work *w, const char *s, size_t len,
		      struct aigw_buf *out, struct aigw_err *err)
{
	char text[KEY_CONTEXT + 4 + SHORT_VALUE];

	const struct mask_hits *h = &w->m->hits;
	const size_t skip = w->key_len;

	memcpy(text, w->key, skip);
	memcpy(text + skip, s, len);
	if (mask_find(w->m->finder, text, skip + len, &w->m->hits, err))
		return -1;
	for (size_t i = 0; i < h->n && h->v[i].start < skip; i++) {
		if (h->v[i].end > skip) /* it has hidden what is in the value */
			return hide(w, s, len, out, err);
	}
	return replace(w, text, skip + len, skip, out, err);
}

/* `name": ` for what follows; not for names that say nothing. */
static void remember_key(struct work *w, const char *s, size_t len)
{
	w->key_len = 0;
	if (!len || len > KEY_CONTEXT || is_word(s, len))
		return;
	memcpy(w->key, s, len);
	memcpy(w->key + len, "\": ", 3);
	w->key_len = len + 3;
}

static int refuse(struct aigw_err *err, const char *code, const char *why)
{
	return aigw_fail_as(err, AIGW_E_POLICY, code, "%s", why);
}

/* As it is spelled, or as the whole number that 4.1e15 or 41.0 is. */
static bool card_number(const struct aigw_val *v)
{
	char text[32];
	size_t len = 0;
	const char *s = aigw_val_num(v, &len);
	double d;

	if (len > 19 || strcspn(s, ".eE-") < len) {
		if (!aigw_val_double(v, &d) || d < 1e11 || d >= 1e19)
			return false;
		len = (size_t)snprintf(text, sizeof(text), "%.0f", d);
		s = text;
	}
	return mask_is_card(s, len);
}

/* Numbers cannot carry a token. Objects inside strings come here too. */
static int check_numbers(const struct mask *m, const struct aigw_val *v,
			 struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *item;
	const enum aigw_type type = aigw_val_type(v);

	if (m->numbers || m->op[MASK_CREDIT_CARD] == MASK_KEEP)
		return 0;
	if (type == AIGW_NUMBER && card_number(v))
		return refuse(err, "number_not_maskable",
			      "a JSON number is a card number and cannot be "
			      "masked: send it as a string");
	while ((type == AIGW_ARRAY || type == AIGW_OBJECT) &&
	       (item = aigw_iter_next(&it))) {
		if (check_numbers(m, item, err))
			return -1;
	}
	return 0;
}

static int hide_string(void *arg, const char *path, bool key, const char *s,
		       size_t len, struct aigw_buf *with, struct aigw_err *err);

/* The arguments of a tool call must stay JSON; other texts need not, and a card
 * number in them is hidden as text. But then escapes would hide what they are.
 */
static bool must_stay_json(const char *path, const char *s, size_t len)
{
	const char *name = path ? strrchr(path, '/') : NULL;

	return (name && !strcmp(name, "/arguments")) ||
	       memmem(s, len, "\\u", 2);
}

/* A string that is a JSON container: 1 when masked inside, 0 when not, 2 when
 * it is none or is better taken as text. */
static int hide_json(struct work *w, const char *path, const char *s,
		     size_t len, struct aigw_buf *with, struct aigw_err *err)
{
	size_t i = 0;
	bool changed = false;
	struct aigw_doc *doc;
	int rc;

	while (i < len && s[i] && strchr(" \t\r\n", s[i]))
		i++;
	if (i == len || (s[i] != '{' && s[i] != '[') || w->nested == NESTED_MAX)
		return 2;
	doc = aigw_doc_parse(s, len, NULL);
	if (!doc)
		return 2;
	rc = check_numbers(w->m, aigw_doc_root(doc), err);
	aigw_doc_free(doc);
	if (rc)
		return must_stay_json(path, s, len) ? -1 : 2;
	w->nested++;
	rc = aigw_json_map(s, len, hide_string, w, with, &changed, err);
	w->nested--;
	w->key_len = 0;
	return rc ? -1 : changed;
}

static int hide_string(void *arg, const char *path, bool key, const char *s,
		       size_t len, struct aigw_buf *with, struct aigw_err *err)
{
	struct work *w = arg;
	int rc;

	if (key) {
		remember_key(w, s, len);
		return is_word(s, len) ? 0 : hide(w, s, len, with, err);
	}
	if (!w->nested &&
	    (listed(structural, sizeof(structural) / sizeof(*structural),
		    path) ||
	     (listed(bytes, sizeof(bytes) / sizeof(*bytes), path) &&
	      is_base64(s, len))))
		return 0;
	rc = hide_json(w, path, s, len, with, err);
	if (rc != 2)
		return rc;
	if (w->key_len && len <= SHORT_VALUE)
		return hide_named(w, s, len, with, err);
	return hide(w, s, len, with, err);
}

/* [1, 2] or [[1, 2], [3]]: text that is tokens already. */
static bool token_ids(const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *first;

	if (aigw_val_type(v) != AIGW_ARRAY)
		return false;
	first = aigw_iter_next(&it);
	if (aigw_val_type(first) == AIGW_ARRAY) {
		it = aigw_iter_init(first);
		first = aigw_iter_next(&it);
	}
	return aigw_val_type(first) == AIGW_NUMBER;
}

/* A part that is no text, by its type or by what it carries. */
static bool is_media(const struct aigw_val *part)
{
	static const char *const types[] = {
		"image_url", "image",	   "input_image", "input_audio",
		"file",	     "input_file", "audio",	  "video",
		"video_url", "document",   NULL};
	const struct aigw_val *type = aigw_val_get(part, "type");

	if (aigw_val_is(aigw_val_at(part, "source.type"), "text") ||
	    aigw_val_is(aigw_val_at(part, "source.type"), "content"))
		return false;
	for (int i = 0; types[i]; i++) {
		if (aigw_val_is(type, types[i]))
			return true;
	}
	return false;
}

/* `depth`: messages, content, tool_result's content. */
static bool has_media(const struct aigw_val *list, int depth)
{
	struct aigw_iter it = aigw_iter_init(list);
	const struct aigw_val *v;

	if (aigw_val_type(list) != AIGW_ARRAY || !depth)
		return false;
	while ((v = aigw_iter_next(&it))) {
		if (is_media(v) ||
		    has_media(aigw_val_get(v, "content"), depth - 1))
			return true;
	}
	return false;
}

static int check(const struct mask *m, const struct aigw_val *req,
		 struct aigw_err *err)
{
	if (aigw_val_type(req) != AIGW_OBJECT)
		return refuse(err, "unreadable",
			      "req is no object: what "
			      "cannot be read cannot be "
			      "masked");
	if (!m->token_ids && (token_ids(aigw_val_get(req, "prompt")) ||
			      token_ids(aigw_val_get(req, "input"))))
		return refuse(err, "token_ids",
			      "token ids cannot be masked: send text");
	if (m->media && (has_media(aigw_val_get(req, "messages"), 3) ||
			 has_media(aigw_val_get(req, "input"), 3)))
		return refuse(err, "media",
			      "images, sound and files cannot be masked");
	return check_numbers(m, req, err);
}

static int add_notes(const struct work *w, struct aigw_env *env,
		     struct aigw_err *err)
{
	struct aigw_buf more;
	struct aigw_json j;
	int rc = 0;

	aigw_buf_init(&more, 256);
	for (size_t i = 0; !rc && i < w->m->kinds; i++) {
		if (!w->count[i])
			continue;
		more.len = 0;
		aigw_json_init(&j, &more);
		aigw_json_object(&j);
		aigw_json_key(&j, "type");
		aigw_json_str(&j, w->m->names[i]);
		aigw_json_key(&j, "n");
		aigw_json_int(&j, (int64_t)w->count[i]);
		aigw_json_close(&j);
		rc = aigw_json_end(&j, err);
		if (!rc) /* without the braces */
			rc = aigw_env_note(env, "mask", "masked", more.data + 1,
					   more.len - 2, err);
	}
	aigw_buf_release(&more);
	return rc;
}

/* The client's own bytes still hold everything: they must not be sent. */
static int drop_wire(struct aigw_env *env, struct aigw_err *err)
{
	static const char why[] =
		"\"path\":\"wire\",\"why\":\"it holds what was masked\"";

	if (!aigw_env_get(env, "wire"))
		return 0;
	if (aigw_env_remove(env, "wire", err))
		return -1;
	return aigw_env_note(env, "mask", "dropped", why, sizeof(why) - 1, err);
}

static int seal_map(const struct work *w, struct aigw_env *env,
		    struct aigw_err *err)
{
	struct aigw_buf text;
	size_t id_len;
	const char *id = aigw_env_id(env, &id_len);
	int rc;

	if (!w->map->n)
		return 0;
	aigw_buf_init(&text, MASK_OUT_MAX);
	rc = mask_seal(&w->m->keys, w->map, id, id_len, &text, err);
	if (!rc)
		rc = aigw_env_set_str(env, "state.mask", text.data, text.len,
				      err);
	aigw_buf_release(&text);
	return rc;
}

int mask_request(struct mask *m, struct aigw_env *env, struct aigw_err *err)
{
	struct mask_map map = {0};
	struct work w = {.m = m, .map = &map};
	size_t len, id_len;
	const char *sealed = aigw_env_str(env, "state.mask", &len);
	const char *id = aigw_env_id(env, &id_len);
	int rc;

	if (!m->scope)
		w.scope = aigw_env_str(env, "client.principal", &w.scope_len);
	rc = check(m, aigw_env_get(env, "req"), err);
	if (!rc && sealed) /* another aigw-mask was here before */
		rc = mask_unseal(&m->keys, sealed, len, id, id_len, &map, err);
	if (!rc) {
		rc = aigw_env_map(env, "req", hide_string, &w, err);
		if (rc > 0)
			rc = seal_map(&w, env, err) || drop_wire(env, err) ||
					     add_notes(&w, env, err)
				     ? -1
				     : 0;
	}
	mask_map_release(&map);
	return rc;
}
