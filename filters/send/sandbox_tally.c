/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox_tally.c - the sandbox's usage: tokens as the model would count them
 */
#include <stdlib.h>
#include <string.h>

#include "sandbox.h"
#include "text/chat.h"

#define ENCODINGS 8

struct tally {
	const struct aigw_log *log;
	struct {
		const char *name; /* static, from tokens.h */
		struct aigw_encoding *enc;
		struct aigw_counter *counter; /* NULL: cannot be had */
	} slots[ENCODINGS];
	size_t n;
};

struct tally *tally_new(const struct aigw_log *log)
{
	struct tally *t = calloc(1, sizeof(*t));

	if (t)
		t->log = log;
	return t;
}

void tally_free(struct tally *t)
{
	for (size_t i = 0; t && i < t->n; i++) {
		aigw_counter_free(t->slots[i].counter);
		aigw_encoding_free(t->slots[i].enc);
	}
	free(t);
}

/* A failure is remembered too: the image will not appear between two lines. */
static struct aigw_counter *counter(struct tally *t, const char *model)
{
	bool assumed;
	const char *name = aigw_encoding_for_model(model, &assumed);
	struct aigw_err err;

	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->slots[i].name, name) == 0)
			return t->slots[i].counter;
	if (t->n == ENCODINGS)
		return NULL;
	t->slots[t->n].name = name;
	t->slots[t->n].enc = aigw_encoding_open(name, &err);
	if (t->slots[t->n].enc)
		t->slots[t->n].counter =
			aigw_counter_new(t->slots[t->n].enc, &err);
	if (!t->slots[t->n].counter)
		aigw_log(t->log, AIGW_WARNING,
			 "the sandbox's answers have no usage: %s", err.text);
	return t->slots[t->n++].counter;
}

int64_t tally_request(struct tally *t, const char *model,
		      const struct aigw_val *req)
{
	struct aigw_counter *c = counter(t, model);
	struct aigw_chat_count count;
	struct aigw_err ignored;

	if (!c ||
	    aigw_chat_count(c, model, strlen(model), req, &count, &ignored))
		return -1;
	return (int64_t)count.n;
}

static int64_t count(struct aigw_counter *c, const struct aigw_buf *b)
{
	return b->len ? (int64_t)aigw_count_text(c, b->data, b->len) : 0;
}

int64_t tally_answer(struct tally *t, const char *model,
		     const struct aigw_answer *a)
{
	struct aigw_counter *c = counter(t, model);
	int64_t n = 0;

	for (size_t i = 0; c && i < a->n; i++)
		n += count(c, &a->blocks[i].name) +
		     count(c, &a->blocks[i].part[AIGW_PART_TEXT]) +
		     count(c, &a->blocks[i].part[AIGW_PART_ARGS]);
	return c ? n : -1;
}

size_t tally_cut(struct tally *t, const char *model, const char *s, size_t len,
		 int64_t max)
{
	struct aigw_counter *c = counter(t, model);
	size_t low = 0, high = len, mid;

	if (!c || (int64_t)aigw_count_text(c, s, len) <= max)
		return len;
	while (low < high) { /* the longest start that has `max` tokens */
		mid = high - (high - low) / 2;
		if ((int64_t)aigw_count_text(c, s, mid) <= max)
			low = mid;
		else
			high = mid - 1;
	}
	while (low > 0 && ((unsigned char)s[low] & 0xc0) == 0x80)
		low--;
	return low;
}
