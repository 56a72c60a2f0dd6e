/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox.h - the provider `sandbox`: answers without a model and a network
 *
 * What it says follows from the request alone, so the same line gives the same
 * bytes everywhere. Latency and faults are asked for in the configuration or
 * behind the model's name: "gpt-4o?latency=50ms&status=429&fail=1".
 */
#ifndef SEND_SANDBOX_H
#define SEND_SANDBOX_H

#include "aigw.h"
#include "wire/wire.h"

#define SANDBOX_QUOTE 4096 /* bytes of the question in the answer */

/* Times in milliseconds; counts are of deltas, -1 is "never". */
struct sandbox_opts {
	int64_t latency;     /* before the first byte */
	int64_t gap;	     /* between two deltas of a stream */
	int64_t status;	     /* answer with this HTTP status; 0: 200 */
	int64_t retry_after; /* said with the status; -1: not said */
	int64_t fail;	     /* faults only in the first N attempts; 0: all */
	int64_t cut;	     /* break off after N deltas */
	int64_t error_after; /* an error in the stream after N deltas */
	int64_t stall;	     /* say nothing more after N deltas */
	bool garbage;	     /* an answer that is no JSON */
};
/* A table for aigw_opts_set() and _conf(), on the struct above. */
extern const struct aigw_opt sandbox_opts[];

/* Token counters, one an encoding, opened when first needed; one that cannot
 * be had is told to the log, once. */
struct tally;
struct tally *tally_new(const struct aigw_log *log) AIGW_MUST_CHECK;
void tally_free(struct tally *t); /* NULL is fine */

struct sandbox_ask {
	const struct sandbox_opts *opts;
	const struct aigw_val *req;
	const char *text; /* the bytes of `req`: what the id is made of */
	size_t len;
	const char *model; /* with what stands behind its "?" */
	size_t model_len;
	bool stream;
	int64_t attempt; /* 1 for the first */
	struct tally *tally;
};

struct sandbox;
/* NULL with class bad_request when the name asks for a fault it has not. */
struct sandbox *sandbox_new(const struct sandbox_ask *ask,
			    struct aigw_err *err) AIGW_MUST_CHECK;
void sandbox_free(struct sandbox *s); /* NULL is fine */

/* Milliseconds to wait before the next step; -1: for ever (a stall). */
int64_t sandbox_wait(const struct sandbox *s);
/* The latency it was asked for, which is all the time it "takes". */
int64_t sandbox_latency(const struct sandbox *s);
/* One step of the answer: 1 there is more, 0 that was all, -1 a fault. */
int sandbox_step(struct sandbox *s, struct aigw_answer *to,
		 struct aigw_fault *fault);

/* What it says (sandbox_speak.c). `text` is that of a text block, or the
 * arguments of a tool call. */
struct speech {
	enum aigw_block_type type;
	struct aigw_buf text, name;
};
void speech_init(struct speech *out);
void speech_release(struct speech *out);
int sandbox_speak(const struct aigw_val *req, const char *model, size_t len,
		  struct speech *out, struct aigw_err *err) AIGW_MUST_CHECK;

/* A JSON value that fits a JSON Schema, with `text` where a free string may
 * stand (sandbox_fit.c). */
int sandbox_fit(const struct aigw_val *schema, const char *text, size_t len,
		struct aigw_buf *out, struct aigw_err *err) AIGW_MUST_CHECK;

/* Tokens of a request and of an answer to it, or -1 (sandbox_tally.c). */
int64_t tally_request(struct tally *t, const char *model,
		      const struct aigw_val *req);
int64_t tally_answer(struct tally *t, const char *model,
		     const struct aigw_answer *a);
/* The longest start of a text that has `max` tokens; all when in doubt. */
size_t tally_cut(struct tally *t, const char *model, const char *s, size_t len,
		 int64_t max);

#endif
