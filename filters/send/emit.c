/* SPDX-License-Identifier: Apache-2.0 */
/* emit.c - an answer's events as chunks, ahead of the answer itself */
#include "send.h"

#include <string.h>

#define EVENT_MAX (64 * 1024 * 1024)

/* A chunk that cannot be made costs no more than a preview: the response
 * behind it is whole. So out of memory ends the chunks, not the call. */
static void put(struct call *c, struct aigw_env *chunk, bool whole)
{
	if (!chunk)
		return;
	if (!whole) {
		aigw_env_free(chunk);
		return;
	}
	c->delivered = true;
	if (!aigw_emit(c->env, chunk))
		c->held = true;
}

static bool set_buf(struct aigw_env *chunk, const char *name,
		    const struct aigw_buf *b)
{
	struct aigw_err err;

	return b->len == 0 ||
	       !aigw_env_set_str(chunk, name, b->data, b->len, &err);
}

static void start(struct call *c)
{
	struct aigw_env *chunk = aigw_env_chunk(c->env, "start");
	struct aigw_err err;
	size_t len = 0;
	const char *state = aigw_env_text(c->env, "state", &len);
	bool whole;

	whole = chunk && set_buf(chunk, "model", &c->answer.model) &&
		(!state || !aigw_env_set(chunk, "state", state, len, &err));
	put(c, chunk, whole);
}

static void block(struct call *c, const struct aigw_event *ev)
{
	const struct aigw_block *b = ev->block;
	struct aigw_env *chunk = aigw_env_chunk(c->env, "block");
	const char *word = aigw_block_word(b->type);
	struct aigw_err err;
	bool whole;

	whole = chunk && !aigw_env_set_int(chunk, "i", (int64_t)ev->i, &err);
	if (b->type == AIGW_OPAQUE)
		whole = whole && set_buf(chunk, "type", &b->name) &&
			!aigw_env_set(chunk, "raw", b->raw.data, b->raw.len,
				      &err);
	else
		whole = whole &&
			!aigw_env_set_str(chunk, "type", word, strlen(word),
					  &err) &&
			set_buf(chunk, "call_id", &b->id) &&
			set_buf(chunk, "name", &b->name);
	if (b->choice)
		whole = whole && !aigw_env_set_int(chunk, "choice",
						   (int64_t)b->choice, &err);
	put(c, chunk, whole);
}

void emit_event(void *arg, struct aigw_answer *a, const struct aigw_event *ev)
{
	struct call *c = arg;
	struct aigw_env *chunk;
	struct aigw_err err;
	bool whole;

	(void)a;
	if (!c->stream)
		return;
	if (!c->delivered)
		start(c);
	if (ev->kind == AIGW_EV_BLOCK) {
		block(c, ev);
		return;
	}
	chunk = aigw_env_chunk(c->env, ev->kind == AIGW_EV_END ? "end" : "d");
	whole = chunk && !aigw_env_set_int(chunk, "i", (int64_t)ev->i, &err);
	if (ev->kind == AIGW_EV_DELTA)
		whole = whole &&
			!aigw_env_set_str(chunk, aigw_part_word(ev->part, true),
					  ev->s, ev->len, &err);
	put(c, chunk, whole);
}

static void usage(struct call *c)
{
	struct aigw_env *chunk = aigw_env_chunk(c->env, "usage");
	struct aigw_buf text;
	struct aigw_json w;
	struct aigw_err err;
	bool whole;

	aigw_buf_init(&text, EVENT_MAX);
	aigw_json_init(&w, &text);
	aigw_answer_write_usage(&c->answer, &w);
	whole = chunk && !aigw_json_end(&w, &err) &&
		!aigw_env_set(chunk, "usage", text.data, text.len, &err);
	aigw_buf_release(&text);
	put(c, chunk, whole);
}

static void finishes(struct call *c)
{
	for (size_t i = 0; i < c->answer.n_choices; i++) {
		const struct aigw_choice *choice = &c->answer.choices[i];
		struct aigw_env *chunk = aigw_env_chunk(c->env, "finish");
		const char *word = aigw_finish_word(choice->finish);
		struct aigw_err err;
		bool whole;

		whole = chunk &&
			!aigw_env_set_str(chunk, "r", word, strlen(word),
					  &err) &&
			set_buf(chunk, "raw", &choice->raw);
		if (i)
			whole = whole && !aigw_env_set_int(chunk, "choice",
							   (int64_t)i, &err);
		put(c, chunk, whole);
	}
}

void emit_end(struct call *c)
{
	struct aigw_env *chunk;
	struct aigw_err err;
	size_t len = 0;
	const char *fault = aigw_env_text(c->env, "err", &len);
	bool failed = aigw_env_kind(c->env) == AIGW_ERROR;

	if (!c->delivered)
		start(c);
	for (size_t i = 0; i < c->answer.n; i++)
		aigw_answer_end(&c->answer, i);
	if (c->answer.has_usage)
		usage(c);
	if (failed) {
		chunk = aigw_env_chunk(c->env, "err");
		put(c, chunk,
		    chunk && !aigw_env_set(chunk, "err", fault, len, &err));
	} else {
		finishes(c);
	}
	chunk = aigw_env_chunk(c->env, "done");
	put(c, chunk,
	    chunk && !aigw_env_set(chunk, "complete", failed ? "false" : "true",
				   failed ? 5 : 4, &err));
}
