/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - restore tokens in whole answers and in streams */
#include <stdlib.h>
#include <string.h>

#include "mask.h"

#define TEXTS_MAX 2048 /* blocks of one stream, text and arguments */

/* One block's text or arguments. */
struct text {
	int64_t i;
	bool args;
	struct mask_restore restore;
};

struct mask_stream {
	struct mask_stream *next;
	struct mask_map map;
	struct text *v;
	size_t n, cap;
	size_t id_len;
	char id[];
};

/* The map that the request left in the envelope; 1 when there is one. */
static int open_map(const struct mask *m, const struct aigw_env *env,
		    struct mask_map *map, struct aigw_err *err)
{
	size_t len, id_len;
	const char *sealed = aigw_env_str(env, "state.mask", &len);
	const char *id = aigw_env_id(env, &id_len);

	if (!sealed)
		return 0;
	return mask_unseal(&m->keys, sealed, len, id, id_len, map, err) ? -1
									: 1;
}

/* Whole answers ------------------------------------------------------------ */

struct whole {
	const struct mask *m;
	const struct mask_map *map;
};

/* "/blocks/3/text" */
static bool is_member(const char *path, const char *name)
{
	const char *p = "/blocks/";

	if (strncmp(path, p, strlen(p)))
		return false;
	path += strlen(p);
	path += strspn(path, "0123456789");
	return *path == '/' && !strcmp(path + 1, name);
}

static int restore_string(void *arg, const char *path, bool key, const char *s,
			  size_t len, struct aigw_buf *with,
			  struct aigw_err *err)
{
	const struct whole *w = arg;
	struct mask_restore r = {.map = w->map, .urls = w->m->restore_urls};

	if (key || !path)
		return 0;
	r.json = is_member(path, "args");
	if (!r.json && !is_member(path, "text"))
		return 0;
	if (mask_restore(&r, s, len, true, with))
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				    "the restored answer is too large");
	return with->len != len || memcmp(with->data, s, len);
}

int mask_answer(struct mask *m, struct aigw_env *env, struct aigw_err *err)
{
	struct mask_map map = {0};
	struct whole w = {m, &map};
	int rc = open_map(m, env, &map, err);

	if (rc > 0)
		rc = aigw_env_map(env, "res", restore_string, &w, err) < 0 ||
				     aigw_env_remove(env, "state.mask", err)
			     ? -1
			     : 0;
	mask_map_release(&map);
	return rc;
}

/* A request goes back as it came, names of members too: every token that is
 * ours, wherever it stands. */
static int restore_request(void *arg, const char *path, bool key, const char *s,
			   size_t len, struct aigw_buf *with,
			   struct aigw_err *err)
{
	const struct whole *w = arg;
	struct mask_restore r = {.map = w->map, .urls = true};
	struct aigw_doc *doc = NULL;

	(void)path;
	/* What was masked inside a text that is JSON was escaped for it. */
	if (!key && len && (*s == '{' || *s == '['))
		doc = aigw_doc_parse(s, len, err);
	r.json = doc != NULL;
	aigw_doc_free(doc);
	if (mask_restore(&r, s, len, true, with))
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				    "the restored request is too large");
	return with->len != len || memcmp(with->data, s, len);
}

int mask_error(struct mask *m, struct aigw_env *env, struct aigw_err *err)
{
	struct mask_map map = {0};
	struct whole w = {m, &map};
	int rc = open_map(m, env, &map, err);

	if (rc > 0)
		rc = aigw_env_map(env, "req", restore_request, &w, err) < 0 ||
				     aigw_env_map(env, "res", restore_string,
						  &w, err) < 0 ||
				     aigw_env_remove(env, "state.mask", err)
			     ? -1
			     : 0;
	mask_map_release(&map);
	return rc;
}

/* Streams ------------------------------------------------------------------ */

static struct mask_stream **find(struct mask *m, const struct aigw_env *env)
{
	size_t len;
	const char *id = aigw_env_id(env, &len);
	unsigned h = 2166136261u;
	struct mask_stream **at;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)id[i]) * 16777619u;
	at = &m->streams[(h ^ h >> 16) % MASK_STREAM_SLOTS];
	while (*at && ((*at)->id_len != len || memcmp((*at)->id, id, len)))
		at = &(*at)->next;
	return at;
}

static void drop(struct mask *m, struct mask_stream **at)
{
	struct mask_stream *s = *at;

	*at = s->next;
	mask_map_release(&s->map);
	free(s->v);
	free(s);
	m->n_streams--;
}

void mask_streams_free(struct mask *m)
{
	for (size_t i = 0; i < MASK_STREAM_SLOTS; i++) {
		while (m->streams[i])
			drop(m, &m->streams[i]);
	}
}

static int begin(struct mask *m, struct aigw_env *env, struct aigw_err *err)
{
	struct mask_stream **at = find(m, env), *s;
	size_t len;
	const char *id = aigw_env_id(env, &len);
	int rc;

	if (*at)
		drop(m, at);
	if (!aigw_env_get(env, "state.mask"))
		return 0;
	if (m->n_streams == MASK_STREAMS_MAX)
		return aigw_fail_as(err, AIGW_E_OVERLOADED, "streams",
				    "more than %d streams", MASK_STREAMS_MAX);
	s = calloc(1, sizeof(*s) + len);
	if (!s)
		return aigw_fail(err, "out of memory");
	memcpy(s->id, id, len);
	s->id_len = len;
	s->next = *at;
	*at = s;
	m->n_streams++;
	rc = open_map(m, env, &s->map, err);
	if (rc < 0 || aigw_env_remove(env, "state.mask", err)) {
		drop(m, at);
		return -1;
	}
	return 0;
}

static struct text *text_of(const struct mask *m, struct mask_stream *s,
			    int64_t i, bool args)
{
	struct text *t;

	for (size_t k = s->n; k--;) {
		if (s->v[k].i == i && s->v[k].args == args)
			return &s->v[k];
	}
	if (s->n == s->cap) {
		const size_t cap = s->cap ? s->cap * 2 : 4;

		t = s->n < TEXTS_MAX ? realloc(s->v, cap * sizeof(*t)) : NULL;
		if (!t)
			return NULL;
		s->v = t;
		s->cap = cap;
	}
	t = &s->v[s->n++];
	memset(t, 0, sizeof(*t));
	t->i = i;
	t->args = args;
	t->restore.map = &s->map;
	t->restore.json = args;
	t->restore.urls = m->restore_urls;
	return t;
}

/* "t" or "a" of a delta. */
static int delta(struct mask *m, struct mask_stream *s, struct aigw_env *env,
		 int64_t i, bool args, struct aigw_err *err)
{
	const char *member = args ? "a" : "t";
	struct aigw_buf out;
	struct text *t;
	size_t len;
	const char *text = aigw_env_str(env, member, &len);
	int rc = 0;

	if (!text)
		return 0;
	t = text_of(m, s, i, args);
	if (!t)
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				    "too many blocks in one answer");
	aigw_buf_init(&out, MASK_OUT_MAX);
	if (mask_restore(&t->restore, text, len, false, &out))
		rc = aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				  "the restored answer is too large");
	else if (out.len != len || (len && memcmp(out.data, text, len)))
		rc = aigw_env_set_str(env, member, out.len ? out.data : "",
				      out.len, err);
	aigw_buf_release(&out);
	return rc;
}

/* No more comes for this text: what was held back is no token. */
static int flush(struct text *t, struct aigw_env *env, struct aigw_err *err)
{
	struct aigw_env *more = NULL;
	struct aigw_buf out;
	int rc = -1;

	if (!t->restore.held_len)
		return 0;
	aigw_buf_init(&out, MASK_OUT_MAX);
	if (mask_restore(&t->restore, NULL, 0, true, &out) ||
	    !(more = aigw_env_chunk(env, "d"))) {
		aigw_fail(err, "out of memory");
		goto out;
	}
	if (aigw_env_set_int(more, "i", t->i, err) ||
	    aigw_env_set_str(more, t->args ? "a" : "t", out.data, out.len, err))
		goto out;
	/* at most one for each block: room() has nothing to resume */
	aigw_emit(env, more);
	more = NULL;
	rc = 0;
out:
	aigw_env_free(more);
	aigw_buf_release(&out);
	return rc;
}

static int flush_all(struct mask_stream *s, struct aigw_env *env,
		     struct aigw_err *err)
{
	for (size_t k = 0; k < s->n; k++) {
		if (flush(&s->v[k], env, err))
			return -1;
	}
	return 0;
}

int mask_stream_end(struct mask *m, struct aigw_env *env, bool quiet,
		    struct aigw_err *err)
{
	struct mask_stream **at = find(m, env);
	int rc = 0;

	if (*at && !quiet)
		rc = flush_all(*at, env, err);
	if (*at)
		drop(m, at);
	return rc;
}

int mask_chunk(struct mask *m, struct aigw_env *env, struct aigw_err *err)
{
	const char *e = aigw_env_event(env);
	struct mask_stream *s;
	int64_t i = 0;
	bool has_i;

	if (!e)
		return 0;
	if (!strcmp(e, "start"))
		return begin(m, env, err);
	if (!strcmp(e, "done") || !strcmp(e, "err"))
		return mask_stream_end(m, env, false, err);
	s = *find(m, env);
	if (!s)
		return 0;
	has_i = aigw_val_int(aigw_env_get(env, "i"), &i);
	if (!strcmp(e, "d"))
		return delta(m, s, env, i, false, err) ||
				       delta(m, s, env, i, true, err)
			       ? -1
			       : 0;
	if (!strcmp(e, "finish"))
		return flush_all(s, env, err);
	if (strcmp(e, "end"))
		return 0;
	for (size_t k = 0; k < s->n; k++) {
		if ((!has_i || s->v[k].i == i) && flush(&s->v[k], env, err))
			return -1;
	}
	return 0;
}
