/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c - tokens of a request and of an answer */
#include <string.h>

#include "count.h"

#define MODEL_MAX 256 /* a longer name is no model's: the fallback counts */

static int open_tongue(struct count *c, const char *name, struct tongue **out,
		       struct aigw_err *err)
{
	struct tongue *t = &c->tongue[c->n_tongues];

	if (c->n_tongues == ENCODINGS_MAX)
		return aigw_fail(err, "more than %d encodings", ENCODINGS_MAX);
	t->enc = aigw_encoding_open(name, err);
	if (!t->enc)
		return -1;
	t->counter = aigw_counter_new(t->enc, err);
	if (!t->counter) {
		aigw_encoding_free(t->enc);
		return -1;
	}
	c->n_tongues++;
	*out = t;
	return 0;
}

/* The counter for a model; an encoding is opened when first wanted. */
static int find_tongue(struct count *c, struct text model, struct tally *t,
		       struct tongue **out, struct aigw_err *err)
{
	char name[MODEL_MAX] = "";

	if (model.len < sizeof(name))
		memcpy(name, model.s, model.len);
	t->encoding = aigw_encoding_for_model(name, &t->assumed);
	for (size_t i = 0; i < c->n_tongues; i++) {
		*out = &c->tongue[i];
		if (strcmp(aigw_encoding_name((*out)->enc), t->encoding) == 0)
			return 0;
	}
	return open_tongue(c, t->encoding, out, err);
}

void count_tally_close(struct count *c)
{
	while (c->n_tongues > 0) {
		c->n_tongues--;
		aigw_counter_free(c->tongue[c->n_tongues].counter);
		aigw_encoding_free(c->tongue[c->n_tongues].enc);
	}
}

static int64_t tokens(struct tongue *t, const struct aigw_val *v)
{
	struct text text = count_text_of(v);

	return text.s ? (int64_t)aigw_count_text(t->counter, text.s, text.len)
		      : 0;
}

/* Embeddings: a text, texts, tokens, or lists of tokens. */
static int64_t embedded(struct tongue *t, const struct aigw_val *input)
{
	struct aigw_iter it = aigw_iter_init(input);
	const struct aigw_val *v;
	int64_t n = tokens(t, input);

	while (aigw_val_type(input) == AIGW_ARRAY && (v = aigw_iter_next(&it)))
		switch (aigw_val_type(v)) {
		case AIGW_NUMBER:
			n++;
			break;
		case AIGW_ARRAY:
			n += (int64_t)aigw_val_len(v);
			break;
		default:
			n += tokens(t, v);
		}
	return n;
}

/* Anthropic's `system` stands beside the messages: a text, or blocks. */
static int64_t system_text(struct tongue *t, const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *block;
	int64_t n = tokens(t, v);

	while (aigw_val_type(v) == AIGW_ARRAY && (block = aigw_iter_next(&it)))
		n += tokens(t, aigw_val_get(block, "text"));
	return n;
}

int count_tally_request(struct count *c, const struct aigw_env *env,
			struct text model, struct tally *t,
			struct aigw_err *err)
{
	const struct aigw_val *beside = aigw_env_get(env, "req.system");
	struct tongue *tongue;
	struct aigw_chat_count chat;

	if (find_tongue(c, model, t, &tongue, err))
		return -1;
	if (count_text_is(count_text_of(aigw_env_get(env, "op")),
			  "embeddings")) {
		t->n = embedded(tongue, aigw_env_get(env, "req.input"));
		t->exact = !t->assumed;
		return 0;
	}
	if (aigw_chat_count(tongue->counter, model.s, model.len,
			    aigw_env_get(env, "req"), &chat, err))
		return -1;
	t->n = (int64_t)chat.n + system_text(tongue, beside);
	t->exact = chat.exact && !t->assumed && !beside;
	return 0;
}

int count_tally_answer(struct count *c, const struct aigw_env *env,
		       struct text model, struct tally *t, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(aigw_env_get(env, "res.blocks"));
	const struct aigw_val *block;
	struct tongue *tongue;

	if (find_tongue(c, model, t, &tongue, err))
		return -1;
	t->n = 0;
	t->exact = !t->assumed;
	while ((block = aigw_iter_next(&it))) {
		t->n += tokens(tongue, aigw_val_get(block, "text"));
		t->n += tokens(tongue, aigw_val_get(block, "name"));
		t->n += tokens(tongue, aigw_val_get(block, "args"));
		/* how a call is written, and what the model only thought,
		 * nobody but the provider knows */
		if (!aigw_val_is(aigw_val_get(block, "type"), "text"))
			t->exact = false;
	}
	return 0;
}
