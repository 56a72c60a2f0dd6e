/* SPDX-License-Identifier: Apache-2.0 */
/* env.c - an envelope: one line, parsed once, edited by splicing */
#include "core/env_priv.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sys/random.h>


/* Identity ------------------------------------------------------------- */

void aigw_uuid7(char out[37])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	struct timespec now;
	uint64_t ms;
	int i;

	/* Only a kernel without a seeded pool fails, and then it blocks. */
	while (getrandom(b, sizeof(b), 0) != sizeof(b))
		;
	clock_gettime(CLOCK_REALTIME, &now);
	ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	for (i = 0; i < 6; i++)
		b[i] = (unsigned char)(ms >> (40 - 8 * i));
	b[6] = (unsigned char)(0x70 | (b[6] & 0x0f));
	b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));
	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = hex[b[i] >> 4];
		*out++ = hex[b[i] & 15];
	}
	*out = '\0';
}

static int bad(struct aigw_err *err, const char *code, const char *what)
{
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, code, "%s", what);
}

/* What every line must have before a filter sees it. */
static int check_line(const struct aigw_val *root, struct aigw_err *err)
{
	const struct aigw_val *version = aigw_val_get(root, "aigw");
	const struct aigw_val *event = aigw_val_get(root, "e");
	size_t len;
	const char *id;
	int64_t n;

	if (aigw_val_type(root) != AIGW_OBJECT)
		return bad(err, "not_an_envelope",
			   "expected a JSON object, one per line; "
			   "`aigw prompt` makes envelopes of text");
	id = aigw_val_str(aigw_val_get(root, "id"), &len);
	if (!id || !len || len > AIGW_ID_MAX)
		return bad(err, "invalid_id",
			   "expected \"id\", a string of 1 to 256 bytes; "
			   "`aigw prompt` makes envelopes of other JSON");
	if (event && aigw_val_type(event) != AIGW_STRING)
		return bad(err, "invalid_event",
			   "expected \"e\", a string: the name of an event");
	if (!version && event)
		return 0;
	if (!aigw_val_int(version, &n) || n != 1)
		return bad(err, "invalid_version",
			   "expected \"aigw\":1; "
			   "`aigw prompt` makes envelopes of other JSON");
	return 0;
}

static enum aigw_kind read_kind(const struct aigw_env *env);

static struct aigw_env *parse_taken(char *line, size_t len,
				    struct aigw_err *err)
{
	struct aigw_env *env = calloc(1, sizeof(*env));

	if (!env) {
		free(line);
		aigw_fail(err, "out of memory");
		return NULL;
	}
	env->line = line;
	env->len = len;
	env->doc = aigw_doc_parse(line, len, err);
	if (env->doc && !check_line(aigw_doc_root(env->doc), err)) {
		env->kind = read_kind(env);
		return env;
	}
	aigw_env_free(env);
	return NULL;
}

struct aigw_env *aigw_env_parse(const char *line, size_t len,
				struct aigw_err *err)
{
	char *copy = malloc(len + 1);

	if (!copy) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	memcpy(copy, line, len);
	copy[len] = '\0';
	return parse_taken(copy, len, err);
}

static struct aigw_env *make(const char *id, size_t len, const char *event)
{
	struct aigw_buf buf;
	struct aigw_json w;
	struct aigw_err err;
	char *line = NULL;

	aigw_buf_init(&buf, 8 * AIGW_ID_MAX);
	aigw_json_init(&w, &buf);
	aigw_json_object(&w);
	aigw_json_key(&w, "aigw");
	aigw_json_int(&w, 1);
	aigw_json_key(&w, "id");
	aigw_json_strn(&w, id, len);
	if (event) {
		aigw_json_key(&w, "e");
		aigw_json_str(&w, event);
	}
	aigw_json_close(&w);
	if (!aigw_json_end(&w, &err))
		line = aigw_buf_take(&buf, &len);
	aigw_buf_release(&buf);
	return line ? parse_taken(line, len, &err) : NULL;
}

struct aigw_env *aigw_env_new(const char *id, size_t len)
{
	char uuid[37];

	if (id)
		return make(id, len, NULL);
	aigw_uuid7(uuid);
	return make(uuid, 36, NULL);
}

struct aigw_env *aigw_env_chunk(const struct aigw_env *of, const char *event)
{
	size_t len;
	const char *id = aigw_env_id(of, &len);

	return make(id, len, event);
}

static void release(struct aigw_env *env)
{
	size_t i;

	for (i = 0; i < env->n_members; i++) {
		if (env->members[i].added)
			free((char *)(uintptr_t)env->members[i].key);
		free(env->members[i].text);
		aigw_doc_free(env->members[i].doc);
	}
	free(env->members);
	aigw_doc_free(env->doc);
	free(env->line);
}

void aigw_env_free(struct aigw_env *env)
{
	if (env)
		release(env);
	free(env);
}

void aigw_env_become(struct aigw_env *env, struct aigw_env *from)
{
	release(env);
	env->line = from->line;
	env->len = from->len;
	env->doc = from->doc;
	env->members = from->members;
	env->n_members = from->n_members;
	env->cap_members = from->cap_members;
	env->extra = from->extra;
	env->kind = from->kind;
	free(from);
}

size_t aigw_env_size(const struct aigw_env *env)
{
	return sizeof(*env) + env->len + env->extra;
}

/* Reading ----------------------------------------------------------------- */

static struct aigw_member *find(const struct aigw_env *env, const char *name,
				size_t len)
{
	size_t i;

	for (i = 0; i < env->n_members; i++) {
		struct aigw_spans it = { .key = env->members[i].key,
					 .key_len = env->members[i].key_len };

		if (aigw_span_is(&it, name, len))
			return &env->members[i];
	}
	return NULL;
}

/* A top-level value, as the last edit left it. */
static const struct aigw_val *top(const struct aigw_env *env, const char *name,
				  size_t len)
{
	struct aigw_member *m;

	if (env->members) {
		m = find(env, name, len);
		if (!m || m->removed)
			return NULL;
		if (m->text)
			return aigw_doc_root(m->doc);
	}
	return aigw_val_getn(aigw_doc_root(env->doc), name, len);
}

const struct aigw_val *aigw_env_get(const struct aigw_env *env,
				    const char *path)
{
	size_t n = strcspn(path, ".");
	const struct aigw_val *v = top(env, path, n);

	return v && path[n] ? aigw_val_at(v, path + n + 1) : v;
}

const char *aigw_env_str(const struct aigw_env *env, const char *path,
			 size_t *len)
{
	return aigw_val_str(aigw_env_get(env, path), len);
}

const char *aigw_env_id(const struct aigw_env *env, size_t *len)
{
	return aigw_val_str(aigw_val_get(aigw_doc_root(env->doc), "id"), len);
}

const char *aigw_env_event(const struct aigw_env *env)
{
	return aigw_env_str(env, "e", NULL);
}

static enum aigw_kind read_kind(const struct aigw_env *env)
{
	const struct aigw_val *e = aigw_env_get(env, "e");

	if (e)
		return aigw_val_is(e, "cancel") ? AIGW_CANCEL : AIGW_CHUNK;
	if (aigw_val_type(aigw_env_get(env, "err")) != AIGW_NULL)
		return AIGW_ERROR;
	if (aigw_val_type(aigw_env_get(env, "res")) != AIGW_NULL)
		return AIGW_RESPONSE;
	return AIGW_REQUEST;
}

/* Every stage asks, so it is read once and after each edit. */
enum aigw_kind aigw_env_kind(const struct aigw_env *env)
{
	return env->kind;
}

/* Editing ------------------------------------------------------------------ */

static struct aigw_member *add_member(struct aigw_env *env)
{
	size_t cap = env->cap_members ? 2 * env->cap_members : 16;
	struct aigw_member *m;

	if (env->n_members == env->cap_members) {
		m = realloc(env->members, cap * sizeof(*m));
		if (!m)
			return NULL;
		env->members = m;
		env->cap_members = cap;
	}
	m = &env->members[env->n_members++];
	memset(m, 0, sizeof(*m));
	return m;
}

/* The spans of all members: needed from the first edit on. */
static int open_members(struct aigw_env *env)
{
	struct aigw_spans it;
	struct aigw_member *m;

	if (env->members)
		return 0;
	aigw_span_init(&it, env->line, env->len);
	while (aigw_span_next(&it)) {
		m = add_member(env);
		if (!m)
			return -1;
		m->key = it.key;
		m->key_len = it.key_len;
		m->head = (size_t)(it.key - env->line);
		m->at = (size_t)(it.value - env->line);
		m->len = it.value_len;
	}
	return 0;
}

/* A member that the line does not have yet; removed until it has a value. */
static struct aigw_member *append_member(struct aigw_env *env, const char *name,
					 size_t len)
{
	struct aigw_buf key;
	struct aigw_member *m;
	int failed;

	aigw_buf_init(&key, 8 * len + 8);
	failed = aigw_buf_add(&key, "\"", 1) ||
		 aigw_json_escape(&key, name, len) ||
		 aigw_buf_add(&key, "\"", 1);
	m = failed ? NULL : add_member(env);
	if (!m) {
		aigw_buf_release(&key);
		return NULL;
	}
	m->key = key.data;
	m->key_len = key.len;
	m->added = m->removed = true;
	return m;
}

static const char *member_text(const struct aigw_env *env,
			       const struct aigw_member *m, size_t *len)
{
	*len = m->text ? m->text_len : m->len;
	return m->text ? m->text : env->line + m->at;
}

/* Give a member its new text (taken, even on failure). */
static int replace(struct aigw_env *env, struct aigw_member *m, char *text,
		   size_t len, struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(text, len, err);

	if (!doc) {
		free(text);
		return -1;
	}
	env->extra += len;
	env->extra -= m->text ? m->text_len : 0;
	free(m->text);
	aigw_doc_free(m->doc);
	m->text = text;
	m->text_len = len;
	m->doc = doc;
	m->removed = false;
	env->kind = read_kind(env);
	return 0;
}

static bool is_fixed(const char *name, size_t len)
{
	return (len == 2 && !memcmp(name, "id", 2)) ||
	       (len == 4 && !memcmp(name, "aigw", 4));
}

/* The member a path begins with, made when `make` asks for it. */
static int member_for(struct aigw_env *env, const char *path, bool make,
		      struct aigw_member **m, struct aigw_err *err)
{
	size_t n = strcspn(path, ".");

	if (is_fixed(path, n))
		return aigw_fail(err, "%s cannot be set", path);
	if (open_members(env))
		return aigw_fail(err, "out of memory");
	*m = find(env, path, n);
	if (!*m && make && !(*m = append_member(env, path, n)))
		return aigw_fail(err, "out of memory");
	return 0;
}

/* What a path's top-level object looks like with the rest of the path set. */
static int spliced(const struct aigw_env *env, const struct aigw_member *m,
		   const char *rest, const char *json, size_t len,
		   struct aigw_buf *out, struct aigw_err *err)
{
	size_t base_len;
	const char *base = member_text(env, m, &base_len);

	if (m->removed || *base != '{') {
		base = "{}";
		base_len = 2;
	}
	return aigw_json_splice(base, base_len, rest, json, len, out, err);
}

static int set_path(struct aigw_env *env, const char *path, const char *json,
		    size_t len, struct aigw_err *err)
{
	const char *rest = path + strcspn(path, ".");
	struct aigw_member *m;
	struct aigw_buf out;
	int failed;
	char *text;

	if (member_for(env, path, json, &m, err))
		return -1;
	if (!m)
		return 0;
	if (!*rest && !json) {
		m->removed = true;
		env->kind = read_kind(env);
		return 0;
	}
	aigw_buf_init(&out, AIGW_EDIT_MAX);
	if (*rest)
		failed = spliced(env, m, rest + 1, json, len, &out, err);
	else
		failed = aigw_buf_add(&out, json, len) ?
				 aigw_fail_as(err, AIGW_E_TOO_LARGE,
					      "too_large", "%s passes %zu bytes",
					      path, out.max) :
				 0;
	text = failed ? NULL : aigw_buf_take(&out, &len);
	aigw_buf_release(&out);
	if (text)
		return replace(env, m, text, len, err);
	return failed ? -1 : aigw_fail(err, "out of memory");
}

int aigw_env_set(struct aigw_env *env, const char *path, const char *json,
		 size_t len, struct aigw_err *err)
{
	return set_path(env, path, json, len, err);
}

int aigw_env_remove(struct aigw_env *env, const char *path,
		    struct aigw_err *err)
{
	if (!aigw_env_get(env, path))
		return 0;
	return set_path(env, path, NULL, 0, err);
}

int aigw_env_map(struct aigw_env *env, const char *member, aigw_string_fn fn,
		 void *arg, struct aigw_err *err)
{
	struct aigw_member *m;
	struct aigw_buf out;
	bool changed = false;
	const char *text;
	char *taken;
	size_t len;
	int rc;

	if (member_for(env, member, false, &m, err))
		return -1;
	if (!m || m->removed)
		return 0;
	text = member_text(env, m, &len);
	aigw_buf_init(&out, AIGW_EDIT_MAX);
	rc = aigw_json_map(text, len, fn, arg, &out, &changed, err);
	if (!rc && changed) {
		taken = aigw_buf_take(&out, &len);
		rc = taken ? replace(env, m, taken, len, err) :
			     aigw_fail(err, "out of memory");
	}
	aigw_buf_release(&out);
	return rc ? -1 : changed;
}

const char *aigw_env_text(const struct aigw_env *env, const char *member,
			  size_t *len)
{
	struct aigw_member *m;
	struct aigw_spans it;

	if (env->members) {
		m = find(env, member, strlen(member));
		return m && !m->removed ? member_text(env, m, len) : NULL;
	}
	aigw_span_init(&it, env->line, env->len);
	while (aigw_span_next(&it)) {
		if (!aigw_span_is(&it, member, strlen(member)))
			continue;
		*len = it.value_len;
		return it.value;
	}
	return NULL;
}

/* Writing ------------------------------------------------------------------ */

static int write_member(const struct aigw_env *env, const struct aigw_member *m,
			struct aigw_buf *out)
{
	size_t end = m->text ? m->at : m->at + m->len;

	if (m->added) {
		if (aigw_buf_add(out, m->key, m->key_len) ||
		    aigw_buf_add(out, ":", 1))
			return -1;
	} else if (aigw_buf_add(out, env->line + m->head, end - m->head)) {
		return -1;
	}
	return m->text ? aigw_buf_add(out, m->text, m->text_len) : 0;
}

/* Members are opened for an edit that may then change nothing. */
static bool is_edited(const struct aigw_env *env)
{
	size_t i;

	for (i = 0; i < env->n_members; i++) {
		const struct aigw_member *m = &env->members[i];

		if (m->removed || m->added || m->text)
			return true;
	}
	return false;
}

bool aigw_env_is_line(const struct aigw_env *env, const char *line, size_t len)
{
	return len == env->len && !memcmp(line, env->line, len) &&
	       !is_edited(env);
}

static int write_edited(const struct aigw_env *env, struct aigw_buf *out)
{
	const char *sep = "{";
	size_t i;

	for (i = 0; i < env->n_members; i++) {
		if (env->members[i].removed)
			continue;
		if (aigw_buf_add(out, sep, 1) ||
		    write_member(env, &env->members[i], out))
			return -1;
		sep = ",";
	}
	return aigw_buf_add(out, "}\n", 2);
}

int aigw_env_write(const struct aigw_env *env, struct aigw_buf *out,
		   struct aigw_err *err)
{
	size_t before = out->len;
	int failed;

	if (is_edited(env))
		failed = write_edited(env, out);
	else
		failed = aigw_buf_add(out, env->line, env->len) ||
			 aigw_buf_add(out, "\n", 1);
	if (!failed)
		return 0;
	out->len = before;
	return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
			    "envelope passes %zu bytes", out->max);
}
