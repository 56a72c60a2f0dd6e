/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answer.h - an answer as it comes: blocks, deltas, usage, finish
 *
 * Every decoder, of a stream or of a whole body, and the sandbox tell their
 * answer through the calls below. Each call adds to the assembled answer, which
 * becomes `res` and `usage`, and is told to the sink, which makes it a chunk.
 * So a streamed answer and a whole one cannot differ. Block-indexed, because
 * OpenAI's delta form loses order, signatures and blocks: see
 * aigw-envelope(5), "Streams".
 */
#ifndef AIGW_WIRE_ANSWER_H
#define AIGW_WIRE_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

#define AIGW_BLOCKS_MAX 1024 /* blocks of one answer */
#define AIGW_CHOICES_MAX 128 /* n of OpenAI's CreateChatCompletionRequest */

enum aigw_block_type {
	AIGW_TEXT,
	AIGW_REASONING,
	AIGW_REFUSAL,
	AIGW_TOOL_CALL,
	AIGW_OPAQUE, /* a provider's own, kept as it came */
	AIGW_BLOCK_TYPES
};

/* The members of a block that grow. */
enum aigw_part {
	AIGW_PART_TEXT,	     /* "text"; "t" in a chunk */
	AIGW_PART_ARGS,	     /* "args"; "a" */
	AIGW_PART_SIGNATURE, /* "signature"; "sig" */
	AIGW_PART_REDACTED,  /* "redacted": reasoning only the provider reads */
	AIGW_PARTS
};

enum aigw_finish {
	AIGW_FINISH_NONE,
	AIGW_FINISH_STOP,
	AIGW_FINISH_LENGTH,
	AIGW_FINISH_TOOL_CALLS,
	AIGW_FINISH_CONTENT_FILTER,
	AIGW_FINISH_ERROR
};

/* What the sink is told. Usage and finish are read off the answer at its end:
 * providers send them in any order, and more than once. */
enum aigw_event_kind { AIGW_EV_BLOCK, AIGW_EV_DELTA, AIGW_EV_END };

struct aigw_block {
	enum aigw_block_type type;
	size_t choice;
	int64_t key; /* the decoder's own number for it */
	bool open;
	struct aigw_buf id, name; /* of a tool call; the kind of an opaque */
	struct aigw_buf part[AIGW_PARTS];
	struct aigw_buf raw; /* an opaque block's JSON */
};

struct aigw_event {
	enum aigw_event_kind kind;
	size_t i; /* of the block */
	const struct aigw_block *block;
	enum aigw_part part; /* of a delta, as its bytes */
	const char *s;
	size_t len;
};

/* Token numbers; -1 is "not said". `in` includes cached and cache_write, `out`
 * includes reasoning (facts: table 1.3, as OpenAI counts). */
struct aigw_usage {
	int64_t in, out, cached, cache_write, reasoning;
};

struct aigw_choice {
	bool seen;
	enum aigw_finish finish;
	struct aigw_buf raw;
};

struct aigw_answer;
/* Told after the answer has taken it in. */
typedef void (*aigw_event_fn)(void *arg, struct aigw_answer *a,
			      const struct aigw_event *ev);

/* On the stack of its owner; everything below is its own. */
struct aigw_answer {
	aigw_event_fn sink; /* or NULL */
	void *arg;
	size_t max, used; /* bytes of all blocks together */
	struct aigw_buf id, model;
	struct aigw_block *blocks;
	size_t n, cap;
	struct aigw_choice *choices;
	size_t n_choices;
	bool has_usage;
	struct aigw_usage usage;
	struct aigw_buf usage_raw; /* the provider's, verbatim JSON */
};

/* `max`: bytes the answer may have; more fails with class too_large. */
void aigw_answer_init(struct aigw_answer *a, size_t max, aigw_event_fn sink,
		      void *arg);
void aigw_answer_release(struct aigw_answer *a);

/* The provider's id and model; the first ones stay. */
int aigw_answer_start(struct aigw_answer *a, const struct aigw_val *id,
		      const struct aigw_val *model,
		      struct aigw_err *err) AIGW_MUST_CHECK;

/* A new block; its index, or -1. Name it before the sink hears of it: `id`,
 * `name` and `raw` (JSON) may be NULL. */
struct aigw_block_new {
	enum aigw_block_type type;
	size_t choice;
	int64_t key;
	const char *id, *name;
	size_t id_len, name_len;
	const struct aigw_val *raw;
};
long aigw_answer_block(struct aigw_answer *a, const struct aigw_block_new *b,
		       struct aigw_err *err) AIGW_MUST_CHECK;

/* The newest open block of a choice with this type and key, or -1. */
long aigw_answer_find(const struct aigw_answer *a, size_t choice,
		      enum aigw_block_type type, int64_t key);

/* Add to a block; nothing happens when len is 0. */
int aigw_answer_delta(struct aigw_answer *a, size_t i, enum aigw_part part,
		      const char *s, size_t len,
		      struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_answer_end(struct aigw_answer *a, size_t i);
/* End every open block of a choice, `but` one (-1: none spared). */
void aigw_answer_end_all(struct aigw_answer *a, size_t choice, long but);

/* Usage, with the provider's own object when there is one; later ones win. */
int aigw_answer_usage(struct aigw_answer *a, const struct aigw_usage *u,
		      const char *raw, size_t raw_len,
		      struct aigw_err *err) AIGW_MUST_CHECK;

/* A choice was seen (an answer has at least one), and it is over. */
int aigw_answer_choice(struct aigw_answer *a, size_t choice,
		       struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_answer_finish(struct aigw_answer *a, size_t choice,
		       enum aigw_finish finish, const char *raw, size_t len,
		       struct aigw_err *err) AIGW_MUST_CHECK;

/* Has every choice that was seen come to an end, and was there one? */
bool aigw_answer_complete(const struct aigw_answer *a);

/* The values of `res` and `usage`, as in aigw-envelope(5). */
void aigw_answer_write(const struct aigw_answer *a, struct aigw_json *w);
void aigw_answer_write_usage(const struct aigw_answer *a, struct aigw_json *w);

/* Words of the envelope: "tool_call", "text"/"t", "tool_calls". */
const char *aigw_block_word(enum aigw_block_type type);
const char *aigw_part_word(enum aigw_part part, bool chunk);
const char *aigw_finish_word(enum aigw_finish finish);

#endif
