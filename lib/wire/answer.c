/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - an answer as it comes: blocks, deltas, usage, finish */
#include "wire/answer.h"

#include <stdlib.h>
#include <string.h>

#define WORD_MAX 4096	    /* bytes of an id, a model, a tool's name */
#define RAW_MAX (64 * 1024) /* bytes of a provider's usage */

static const char *const block_words[AIGW_BLOCK_TYPES] = {
	[AIGW_TEXT] = "text",	    [AIGW_REASONING] = "reasoning",
	[AIGW_REFUSAL] = "refusal", [AIGW_TOOL_CALL] = "tool_call",
	[AIGW_OPAQUE] = "opaque",
};

static const char *const part_words[AIGW_PARTS][2] = {
	[AIGW_PART_TEXT] = {"text", "t"},
	[AIGW_PART_ARGS] = {"args", "a"},
	[AIGW_PART_SIGNATURE] = {"signature", "sig"},
	[AIGW_PART_REDACTED] = {"redacted", "redacted"},
};

static const char *const finish_words[] = {
	[AIGW_FINISH_NONE] = "error",
	[AIGW_FINISH_STOP] = "stop",
	[AIGW_FINISH_LENGTH] = "length",
	[AIGW_FINISH_TOOL_CALLS] = "tool_calls",
	[AIGW_FINISH_CONTENT_FILTER] = "content_filter",
	[AIGW_FINISH_ERROR] = "error",
};

const char *aigw_block_word(enum aigw_block_type type)
{
	return block_words[type];
}

const char *aigw_part_word(enum aigw_part part, bool chunk)
{
	return part_words[part][chunk];
}

const char *aigw_finish_word(enum aigw_finish finish)
{
	return finish_words[finish];
}

void aigw_answer_init(struct aigw_answer *a, size_t max, aigw_event_fn sink,
		      void *arg)
{
	*a = (struct aigw_answer){.max = max, .sink = sink, .arg = arg};
	aigw_buf_init(&a->id, WORD_MAX);
	aigw_buf_init(&a->model, WORD_MAX);
	aigw_buf_init(&a->usage_raw, RAW_MAX);
}

static void block_release(struct aigw_block *b)
{
	aigw_buf_release(&b->id);
	aigw_buf_release(&b->name);
	aigw_buf_release(&b->raw);
	for (size_t p = 0; p < AIGW_PARTS; p++)
		aigw_buf_release(&b->part[p]);
}

void aigw_answer_release(struct aigw_answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		block_release(&a->blocks[i]);
	for (size_t i = 0; i < a->n_choices; i++)
		aigw_buf_release(&a->choices[i].raw);
	free(a->blocks);
	free(a->choices);
	aigw_buf_release(&a->id);
	aigw_buf_release(&a->model);
	aigw_buf_release(&a->usage_raw);
	aigw_answer_init(a, a->max, a->sink, a->arg);
}

static int too_large(const struct aigw_answer *a, struct aigw_err *err)
{
	return aigw_fail_as(err, AIGW_E_TOO_LARGE, "answer_too_large",
			    "the answer passes %zu bytes", a->max);
}

static int no_memory(struct aigw_err *err)
{
	return aigw_fail(err, "out of memory for an answer");
}

/* All blocks share one maximum; a buffer alone would not know it. */
static int grow(struct aigw_answer *a, struct aigw_buf *b, const char *s,
		size_t len, struct aigw_err *err)
{
	if (len > a->max - a->used)
		return too_large(a, err);
	if (aigw_buf_add(b, s, len))
		return no_memory(err);
	a->used += len;
	return 0;
}

static int word_once(struct aigw_buf *b, const struct aigw_val *v,
		     struct aigw_err *err)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);

	if (b->len || !s || !len)
		return 0;
	if (aigw_buf_add(b, s, len))
		return aigw_fail_as(err, AIGW_E_UPSTREAM, "bad_answer",
				    "an id or model of %zu bytes", len);
	return 0;
}

int aigw_answer_start(struct aigw_answer *a, const struct aigw_val *id,
		      const struct aigw_val *model, struct aigw_err *err)
{
	if (word_once(&a->id, id, err) || word_once(&a->model, model, err))
		return -1;
	return 0;
}

static void tell(struct aigw_answer *a, const struct aigw_event *ev)
{
	if (a->sink)
		a->sink(a->arg, a, ev);
}

static int block_room(struct aigw_answer *a, struct aigw_err *err)
{
	size_t cap = a->cap ? a->cap * 2 : 4;
	struct aigw_block *more;

	if (a->n < a->cap)
		return 0;
	if (a->n >= AIGW_BLOCKS_MAX)
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "answer_too_large",
				    "the answer has more than %d blocks",
				    AIGW_BLOCKS_MAX);
	more = realloc(a->blocks, cap * sizeof(*more));
	if (!more)
		return no_memory(err);
	a->blocks = more;
	a->cap = cap;
	return 0;
}

static int put_raw(struct aigw_answer *a, struct aigw_buf *to,
		   const struct aigw_val *v, struct aigw_err *err)
{
	struct aigw_json w;

	aigw_json_init(&w, to);
	aigw_json_val(&w, v);
	if (aigw_json_end(&w, NULL) || to->len > a->max - a->used)
		return too_large(a, err);
	a->used += to->len;
	return 0;
}

long aigw_answer_block(struct aigw_answer *a, const struct aigw_block_new *new,
		       struct aigw_err *err)
{
	struct aigw_block *b;

	if (aigw_answer_choice(a, new->choice, err) || block_room(a, err))
		return -1;
	b = &a->blocks[a->n];
	*b = (struct aigw_block){.type = new->type,
				 .choice = new->choice,
				 .key = new->key,
				 .open = true};
	aigw_buf_init(&b->id, a->max);
	aigw_buf_init(&b->name, a->max);
	aigw_buf_init(&b->raw, a->max);
	for (size_t p = 0; p < AIGW_PARTS; p++)
		aigw_buf_init(&b->part[p], a->max);
	a->n++; /* from here on release() frees it */
	if (grow(a, &b->id, new->id, new->id_len, err) ||
	    grow(a, &b->name, new->name, new->name_len, err) ||
	    (new->raw &&put_raw(a, &b->raw, new->raw, err)))
		return -1;
	tell(a, &(struct aigw_event){
			.kind = AIGW_EV_BLOCK, .i = a->n - 1, .block = b});
	return (long)(a->n - 1);
}

long aigw_answer_find(const struct aigw_answer *a, size_t choice,
		      enum aigw_block_type type, int64_t key)
{
	for (size_t i = a->n; i > 0; i--) {
		const struct aigw_block *b = &a->blocks[i - 1];

		if (b->open && b->choice == choice && b->type == type &&
		    b->key == key)
			return (long)(i - 1);
	}
	return -1;
}

int aigw_answer_delta(struct aigw_answer *a, size_t i, enum aigw_part part,
		      const char *s, size_t len, struct aigw_err *err)
{
	if (!len)
		return 0;
	if (grow(a, &a->blocks[i].part[part], s, len, err))
		return -1;
	tell(a, &(struct aigw_event){.kind = AIGW_EV_DELTA,
				     .i = i,
				     .block = &a->blocks[i],
				     .part = part,
				     .s = s,
				     .len = len});
	return 0;
}

void aigw_answer_end(struct aigw_answer *a, size_t i)
{
	if (!a->blocks[i].open)
		return;
	a->blocks[i].open = false;
	tell(a, &(struct aigw_event){
			.kind = AIGW_EV_END, .i = i, .block = &a->blocks[i]});
}

void aigw_answer_end_all(struct aigw_answer *a, size_t choice, long but)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->blocks[i].choice == choice && (long)i != but)
			aigw_answer_end(a, i);
}

int aigw_answer_usage(struct aigw_answer *a, const struct aigw_usage *u,
		      const char *raw, size_t raw_len, struct aigw_err *err)
{
	a->usage_raw.len = 0;
	if (aigw_buf_add(&a->usage_raw, raw, raw_len))
		return aigw_fail_as(err, AIGW_E_UPSTREAM, "bad_answer",
				    "a usage of %zu bytes", raw_len);
	a->usage = *u;
	a->has_usage = true;
	return 0;
}

int aigw_answer_choice(struct aigw_answer *a, size_t choice,
		       struct aigw_err *err)
{
	struct aigw_choice *more;

	if (choice < a->n_choices) {
		a->choices[choice].seen = true;
		return 0;
	}
	if (choice >= AIGW_CHOICES_MAX)
		return aigw_fail_as(err, AIGW_E_UPSTREAM, "bad_answer",
				    "choice %zu of at most %d", choice,
				    AIGW_CHOICES_MAX);
	more = realloc(a->choices, (choice + 1) * sizeof(*more));
	if (!more)
		return no_memory(err);
	a->choices = more;
	for (size_t i = a->n_choices; i <= choice; i++) {
		more[i] = (struct aigw_choice){.finish = AIGW_FINISH_NONE};
		aigw_buf_init(&more[i].raw, WORD_MAX);
	}
	a->n_choices = choice + 1;
	more[choice].seen = true;
	return 0;
}

int aigw_answer_finish(struct aigw_answer *a, size_t choice,
		       enum aigw_finish finish, const char *raw, size_t len,
		       struct aigw_err *err)
{
	struct aigw_choice *c;

	if (aigw_answer_choice(a, choice, err))
		return -1;
	c = &a->choices[choice];
	if (c->finish != AIGW_FINISH_NONE)
		return 0;
	aigw_answer_end_all(a, choice, -1);
	if (aigw_buf_add(&c->raw, raw, len))
		return aigw_fail_as(err, AIGW_E_UPSTREAM, "bad_answer",
				    "a finish reason of %zu bytes", len);
	c->finish = finish;
	return 0;
}

bool aigw_answer_complete(const struct aigw_answer *a)
{
	bool any = false;

	for (size_t i = 0; i < a->n_choices; i++) {
		if (a->choices[i].seen &&
		    a->choices[i].finish == AIGW_FINISH_NONE)
			return false;
		any |= a->choices[i].seen;
	}
	return any;
}

static void put_buf(struct aigw_json *w, const char *key,
		    const struct aigw_buf *b)
{
	aigw_json_key(w, key);
	aigw_json_strn(w, b->len ? b->data : "", b->len);
}

static void put_block(struct aigw_json *w, const struct aigw_block *b)
{
	bool tool = b->type == AIGW_TOOL_CALL;
	enum aigw_part first = tool ? AIGW_PART_ARGS : AIGW_PART_TEXT;

	aigw_json_object(w);
	if (b->choice) {
		aigw_json_key(w, "choice");
		aigw_json_int(w, (int64_t)b->choice);
	}
	if (b->type == AIGW_OPAQUE) {
		put_buf(w, "type", &b->name);
		aigw_json_key(w, "raw");
		aigw_json_raw(w, b->raw.data, b->raw.len);
		aigw_json_close(w);
		return;
	}
	aigw_json_key(w, "type");
	aigw_json_str(w, block_words[b->type]);
	if (tool) {
		put_buf(w, "id", &b->id);
		put_buf(w, "name", &b->name);
	}
	put_buf(w, part_words[first][0], &b->part[first]);
	for (size_t p = AIGW_PART_SIGNATURE; p < AIGW_PARTS; p++)
		if (b->part[p].len)
			put_buf(w, part_words[p][0], &b->part[p]);
	aigw_json_close(w);
}

void aigw_answer_write(const struct aigw_answer *a, struct aigw_json *w)
{
	aigw_json_object(w);
	if (a->id.len)
		put_buf(w, "id", &a->id);
	if (a->model.len)
		put_buf(w, "model", &a->model);
	aigw_json_key(w, "blocks");
	aigw_json_array(w);
	for (size_t i = 0; i < a->n; i++)
		put_block(w, &a->blocks[i]);
	aigw_json_close(w);
	if (a->n_choices > 0) {
		aigw_json_key(w, "finish");
		aigw_json_str(w, finish_words[a->choices[0].finish]);
		if (a->choices[0].raw.len)
			put_buf(w, "finish_raw", &a->choices[0].raw);
	}
	if (a->n_choices > 1) {
		aigw_json_key(w, "finishes");
		aigw_json_array(w);
		for (size_t i = 0; i < a->n_choices; i++)
			aigw_json_str(w, finish_words[a->choices[i].finish]);
		aigw_json_close(w);
	}
	aigw_json_close(w);
}

static void put_count(struct aigw_json *w, const char *key, int64_t n)
{
	if (n < 0)
		return;
	aigw_json_key(w, key);
	aigw_json_int(w, n);
}

void aigw_answer_write_usage(const struct aigw_answer *a, struct aigw_json *w)
{
	const struct aigw_usage *u = &a->usage;

	aigw_json_object(w);
	put_count(w, "in", u->in);
	put_count(w, "out", u->out);
	put_count(w, "cached", u->cached);
	put_count(w, "cache_write", u->cache_write);
	put_count(w, "reasoning", u->reasoning);
	aigw_json_key(w, "source");
	aigw_json_str(w, "provider");
	if (a->usage_raw.len) {
		aigw_json_key(w, "raw");
		aigw_json_raw(w, a->usage_raw.data, a->usage_raw.len);
	}
	aigw_json_close(w);
}
