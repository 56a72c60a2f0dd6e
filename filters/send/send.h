/* SPDX-License-Identifier: Apache-2.0 */
/*
 * send.h - the parts of aigw-send and what passes between them
 *
 *	send.c       the filter: options, envelopes in, the queue of calls
 *	call.c       one request: attempts at targets until one answers
 *	advance.c    an attempt's answer: bytes or steps into blocks
 *	finish.c     the end of a call: its envelope, as response or error
 *	emit.c       an answer's events as chunks
 *	retry.c      which failures come back, where, and how long to wait
 *	provider.c   the table of providers, from configuration
 *	http.c       bytes to a provider and back: libcurl on the loop
 *	sandbox*.c   the provider that needs no network
 */
#ifndef SEND_SEND_H
#define SEND_SEND_H

#include "aigw.h"
#include "sandbox.h"
#include "wire/sse.h"
#include "wire/wire.h"

#define NEVER UINT64_MAX /* a time of the loop's clock, in milliseconds */

/* Providers ---------------------------------------------------------------- */

struct curl_slist;

struct provider {
	char *name;
	const struct aigw_dialect *dialect; /* NULL: the sandbox */
	/* the options of its table */
	char *dialect_name, *base_url, *api_version, *ca;
	bool bearer;
	const struct aigw_conf *key, *headers_conf;
	int64_t max_tokens;
	bool stream_usage;
	struct sandbox_opts sandbox;
	/* made of them */
	struct curl_slist *headers; /* with the key: wiped when freed */
};

struct providers {
	struct provider *v;
	size_t n;
};

struct send;
int providers_open(struct send *s, struct aigw_err *err) AIGW_MUST_CHECK;
void providers_close(struct providers *p);
const struct provider *provider_find(const struct providers *p,
				     const char *name, size_t len);

/* HTTP --------------------------------------------------------------------- */

struct http;
struct transfer;

/* What a transfer tells. Never from within libcurl, so they may do anything,
 * http_cancel() included. */
struct http_events {
	/* Bytes wait: see transfer_read(). */
	void (*data)(void *arg);
	/* It is over: fault NULL when the body came whole. The transfer is
	 * gone when this returns. */
	void (*done)(void *arg, const struct aigw_fault *fault);
};

struct http_request {
	const struct provider *provider;
	const char *url, *body; /* borrowed until it is over */
	size_t len;
	int64_t connect_ms;
	void *arg;
};

struct http *http_new(struct uv_loop_s *loop, size_t connections,
		      const struct http_events *events,
		      struct aigw_err *err) AIGW_MUST_CHECK;
void http_free(struct http *h); /* NULL is fine; no transfer may be left */
struct transfer *http_start(struct http *h, const struct http_request *req,
			    struct aigw_err *err) AIGW_MUST_CHECK;
void http_cancel(struct transfer *t);

/* The bytes that came and are not read; they stay until transfer_drop(). When
 * nobody reads, no more come than HTTP_AHEAD. */
const char *transfer_bytes(const struct transfer *t, size_t *len);
void transfer_drop(struct transfer *t, size_t len);
/* 0 while there is no answer. */
int transfer_status(const struct transfer *t);
bool transfer_is_stream(const struct transfer *t); /* text/event-stream */
/* A header of the answer, or NULL; valid until the next call. */
const char *transfer_header(const struct transfer *t, const char *name);
/* Milliseconds from its start to the connection; -1 when it was there. */
int64_t transfer_connect_ms(const struct transfer *t);

/* Retry -------------------------------------------------------------------- */

/* What an error answer's headers say about when to come back (facts: 5.2), in
 * milliseconds; -1 when they do not. `now` in seconds since the epoch. */
int64_t retry_after(const struct transfer *t, int64_t now);
/* Its x-should-retry, which overrules the status: 1, 0, or -1 without one. */
int retry_should(const struct transfer *t);
/* "6m0s", "120ms" as OpenAI's reset headers have it; -1 when it is none. */
int64_t retry_duration(const char *s);
/* When it does not say, before attempt n+1: half a second doubled n-1 times up
 * to 8 s, less up to a quarter. `roll` is any number. */
int64_t retry_backoff(int64_t n, uint64_t roll);

/* Calls -------------------------------------------------------------------- */

enum call_state {
	CALL_QUEUED,
	CALL_WAITING, /* for the time of its next attempt */
	CALL_RUNNING,
	CALL_OVER
};

struct target {
	const struct provider *provider;
	char *model;
	size_t model_len;
	uint64_t ready_at;
	int64_t failures;
	bool dead; /* of no use for this request */
};

struct call {
	struct send *s;
	struct call *prev, *next;
	struct aigw_env *env;
	enum call_state state;
	struct target *targets;
	size_t n_targets, at; /* at: the one tried now or last */
	int64_t attempt, max_attempts;
	bool stream;
	bool delivered; /* a chunk has gone out: no other attempt */
	bool held;	/* the stages behind are full */
	bool in_apply;	/* the verdict is returned, not resumed */
	bool busy;	/* its answer is being told */
	bool cancelled;
	bool counted;			/* among send.running */
	bool looked_at, has_room;	/* marks of send.c's loops */
	uint64_t start, deadline, wake; /* wake: see call_due() */
	uint64_t began, heard, first;	/* this attempt: start, last byte,
					 * first byte of the answer */
	struct aigw_answer answer;
	struct aigw_fault fault;   /* the last one */
	enum aigw_verdict verdict; /* for apply(), when over in it */
	struct aigw_buf attempts;  /* JSON, items with commas */
	struct aigw_buf notes;	   /* kind, path, why; a NUL behind each */
	/* what the attempt runs on */
	struct sandbox *sandbox;
	struct transfer *transfer;
	struct aigw_buf url, body, whole;
	struct aigw_sse sse;
	int status;
	char request_id[AIGW_FAULT_WORD];
	bool is_stream;
	bool last_event; /* the stream said that it is over */
	bool lingers;	 /* so it did, but the connection is still open */
	bool ended;	 /* no more bytes will come */
	int64_t retry_after_ms;
	int should_retry; /* what the provider thinks: 1, 0; -1: not said */
	struct aigw_fault end_fault; /* why, when they broke off */
	bool broke_off;
	int64_t connect_ms;
};

struct call *call_new(struct send *s, struct aigw_env *env,
		      struct aigw_err *err) AIGW_MUST_CHECK;
void call_free(struct call *c); /* with its envelope, if it has one */
/* Try the first target, or the next. May end the call. */
void call_run(struct call *c);
/* Go on telling the answer: bytes came, time came, or room came. */
void call_advance(struct call *c);
/* Its time has come: a wait is over, or a timeout. */
void call_due(struct call *c);
/* The attempt failed: c->fault says how. */
void call_failed(struct call *c);
/* Give up, from outside. */
void call_cancel(struct call *c);

/* What http.c tells calls (advance.c). */
extern const struct http_events call_http_events;

/* Emit what is left, write the envelope, and hand it on (finish.c). With a
 * fault the envelope becomes an error. */
void call_finish(struct call *c, const struct aigw_fault *fault);
/* One row of `attempts`, for the attempt that just ended. */
void call_log_attempt(struct call *c, const struct aigw_fault *fault);

/* The sink of c->answer (emit.c); emit_end() says usage, finish and done, or
 * the `err` that the envelope has by then. */
void emit_event(void *call, struct aigw_answer *a, const struct aigw_event *ev);
void emit_end(struct call *c);

/* The filter --------------------------------------------------------------- */

struct send {
	/* options */
	int64_t jobs, attempts;
	int64_t connect_timeout, first_timeout, idle_timeout, timeout, max_wait;
	int64_t max_answer, max_tokens;
	char *provider, *model, *key_env, *base_url;
	bool strict, retry_unknown;
	const struct aigw_conf *conf;
	/* state */
	struct aigw_stage *stage;
	struct uv_loop_s *loop;
	struct providers providers;
	struct tally *tally;
	struct http *http; /* made for the first network request */
	struct uv_timer_s *timer;
	uint64_t timer_at;
	struct call *first, *last; /* all calls, in order */
	size_t running;		   /* those that are not QUEUED */
	bool starting;		   /* in send_next() */
	uint64_t rolls;		   /* of the jitter */
};

/* Wake the call at a time of the loop's clock. */
void send_wake(struct send *s, struct call *c, uint64_t at);
struct http *send_http(struct send *s, struct aigw_err *err) AIGW_MUST_CHECK;
/* A call has gone: unlink it and start one that waits. */
void send_unlink(struct send *s, struct call *c);
void send_next(struct send *s);
uint64_t send_now(const struct send *s);

#endif
