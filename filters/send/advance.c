/* SPDX-License-Identifier: Apache-2.0 */
/* advance.c - an attempt's answer: bytes, or the sandbox's steps, into blocks
 */
#include "send.h"

#include <string.h>
#include <time.h>

/* A stream that said it is over and is not: so long for the connection to end
 * in order, because then it can be used again. */
#define LINGER_MS 100

enum progress { FAULT = -1, DONE = 0, MORE = 1 };

static enum progress truncated(struct call *c)
{
	aigw_fault_init(&c->fault, c->stream ? "stream" : "body");
	if (c->broke_off) {
		c->fault = c->end_fault;
		return FAULT;
	}
	c->fault.retryable = true;
	aigw_fail_as(&c->fault.why, AIGW_E_NETWORK, "truncated",
		     "the answer broke off");
	return FAULT;
}

/* The sandbox ---------------------------------------------------------------
 */

static enum progress step_sandbox(struct call *c)
{
	while (!c->held && !c->cancelled) {
		int64_t wait = sandbox_wait(c->sandbox);
		int rc;

		if (wait < 0)
			return MORE; /* a stall: a timeout ends it */
		if (wait > 0 && send_now(c->s) < c->heard + (uint64_t)wait)
			return MORE;
		rc = sandbox_step(c->sandbox, &c->answer, &c->fault);
		c->status = 200;
		if (wait > 0)
			c->heard = send_now(c->s);
		if (rc <= 0)
			return rc ? FAULT : DONE;
	}
	return MORE;
}

/* HTTP ----------------------------------------------------------------------
 */

static enum progress too_large(struct call *c)
{
	aigw_fault_init(&c->fault, "body");
	aigw_fail_as(&c->fault.why, AIGW_E_TOO_LARGE, "answer_too_large",
		     "the answer passes %zu bytes", c->whole.max);
	return FAULT;
}

/* An error body is small; what a hostile one has beyond this is not read. */
static enum progress read_error(struct call *c)
{
	const struct provider *p = c->targets[c->at].provider;

	if (!c->ended)
		return MORE;
	aigw_fault_init(&c->fault, "headers");
	aigw_fault_read(p->dialect, c->status, c->whole.data, c->whole.len,
			&c->fault);
	if (c->should_retry >= 0 && !c->fault.dead)
		c->fault.retryable = c->should_retry;
	if (c->fault.retryable) /* 200s carry one, too: it means nothing */
		c->fault.retry_after_ms = c->retry_after_ms;
	if (c->request_id[0])
		memcpy(c->fault.request_id, c->request_id,
		       sizeof(c->request_id));
	return FAULT;
}

static enum progress read_whole(struct call *c)
{
	const struct provider *p = c->targets[c->at].provider;
	struct aigw_doc *doc;
	int rc;

	if (!c->ended)
		return MORE;
	if (c->broke_off)
		return truncated(c);
	aigw_fault_init(&c->fault, "body");
	c->fault.retryable = true;
	doc = aigw_doc_parse(c->whole.data, c->whole.len, &c->fault.why);
	if (!doc) {
		aigw_fail_as(&c->fault.why, AIGW_E_UPSTREAM, "bad_answer",
			     "the provider's answer is no JSON");
		return FAULT;
	}
	rc = p->dialect->answer(&c->answer, aigw_doc_root(doc), &c->fault.why);
	if (c->fault.why.class == AIGW_E_TOO_LARGE)
		c->fault.retryable = false;
	aigw_doc_free(doc);
	return rc ? FAULT : DONE;
}

/* The events that are in the parser, until the stages behind are full. */
static enum progress read_events(struct call *c)
{
	const struct provider *p = c->targets[c->at].provider;
	struct aigw_sse_event ev;
	int rc;

	aigw_fault_init(&c->fault, "stream");
	while (!c->held && !c->cancelled) {
		rc = c->ended && !c->broke_off
			     ? aigw_sse_finish(&c->sse, &ev, &c->fault.why)
			     : aigw_sse_next(&c->sse, &ev, &c->fault.why);
		if (rc < 0)
			return FAULT;
		if (rc == 0)
			return MORE;
		rc = p->dialect->event(&c->answer, ev.data, ev.data_len,
				       &c->fault);
		if (rc < 0) {
			/* what is bad once may be good the next time */
			if (!c->fault.provider &&
			    c->fault.why.class == AIGW_E_UPSTREAM)
				c->fault.retryable = true;
			return FAULT;
		}
		if (rc > 0) {
			c->last_event = true;
			return aigw_answer_complete(&c->answer) ? DONE
								: truncated(c);
		}
	}
	return MORE;
}

static enum progress read_stream(struct call *c)
{
	for (;;) {
		enum progress got = read_events(c);
		const char *p;
		size_t len = 0;

		if (got != MORE || c->held || c->cancelled)
			return got;
		p = c->transfer ? transfer_bytes(c->transfer, &len) : NULL;
		if (!len)
			break;
		if (aigw_sse_feed(&c->sse, p, len, &c->fault.why))
			return FAULT;
		transfer_drop(c->transfer, len);
	}
	if (!c->ended)
		return MORE;
	return aigw_answer_complete(&c->answer) ? DONE : truncated(c);
}

/* Take what has come into `whole`: an answer in one piece, or an error. */
static int take_whole(struct call *c)
{
	size_t len = 0;
	const char *p = transfer_bytes(c->transfer, &len);

	if (aigw_buf_add(&c->whole, p, len))
		return -1;
	transfer_drop(c->transfer, len);
	return 0;
}

static enum progress step_http(struct call *c)
{
	bool good;

	if (c->status == 0)
		return c->ended ? truncated(c) : MORE;
	good = c->status >= 200 && c->status < 300;
	if (good && c->is_stream)
		return read_stream(c);
	if (c->transfer && take_whole(c) && good)
		return too_large(c);
	return good ? read_whole(c) : read_error(c);
}

/* Both ----------------------------------------------------------------------
 */

static uint64_t soonest(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* When something must happen even if nothing comes. */
static uint64_t due(const struct call *c)
{
	uint64_t at = c->deadline;
	int64_t wait = c->sandbox ? sandbox_wait(c->sandbox) : 0;

	if (c->lingers)
		return c->heard + LINGER_MS;
	if (c->held)
		return at; /* it is us who does not read */
	if (c->stream && !c->answer.n)
		at = soonest(at, c->began + (uint64_t)c->s->first_timeout);
	if (c->status)
		at = soonest(at, c->heard + (uint64_t)c->s->idle_timeout);
	if (wait > 0)
		at = soonest(at, c->heard + (uint64_t)wait);
	return at;
}

static void succeed(struct call *c)
{
	call_log_attempt(c, NULL);
	call_finish(c, NULL);
}

void call_advance(struct call *c)
{
	enum progress got;

	if (c->busy || c->state != CALL_RUNNING || c->lingers)
		return;
	c->busy = true;
	got = c->sandbox ? step_sandbox(c) : step_http(c);
	c->busy = false;
	if (c->answer.n && !c->first)
		c->first = send_now(c->s);
	if (c->cancelled) {
		call_cancel(c);
	} else if (got == FAULT) {
		call_failed(c);
	} else if (got == DONE && c->transfer && !c->ended) {
		c->lingers = true;
		c->heard = send_now(c->s);
		send_wake(c->s, c, due(c));
	} else if (got == DONE) {
		succeed(c);
	} else {
		send_wake(c->s, c, due(c));
	}
}

static void timed_out(struct call *c, const char *code, const char *what)
{
	aigw_fault_init(&c->fault, c->answer.n ? "stream"
				   : c->status ? "body"
					       : "headers");
	c->fault.retryable = true;
	aigw_fail_as(&c->fault.why, AIGW_E_TIMEOUT, code, "%s", what);
	call_failed(c);
}

static void due_running(struct call *c, uint64_t now)
{
	const struct send *s = c->s;

	if (c->lingers) {
		succeed(c);
		return;
	}
	if (now >= c->deadline)
		timed_out(c, "timeout", "the request took too long");
	else if (!c->held && c->stream && !c->answer.n &&
		 now >= c->began + (uint64_t)s->first_timeout)
		timed_out(c, "timeout_first_token",
			  "the provider did not begin to answer in time");
	else if (!c->held && c->status &&
		 now >= c->heard + (uint64_t)s->idle_timeout)
		timed_out(c, "timeout_idle",
			  "the provider fell silent in its answer");
	else
		call_advance(c);
}

void call_due(struct call *c)
{
	uint64_t now = send_now(c->s);

	if (c->state == CALL_RUNNING) {
		due_running(c, now);
		return;
	}
	if (c->state == CALL_WAITING) {
		call_run(c);
		return;
	}
	if (c->state != CALL_QUEUED)
		return;
	aigw_fault_init(&c->fault, "client");
	c->fault.retryable = true;
	aigw_fail_as(&c->fault.why, AIGW_E_TIMEOUT, "timeout",
		     "the request's time was over before its turn");
	call_finish(c, &c->fault);
}

/* From http.c ---------------------------------------------------------------
 */

static void read_headers(struct call *c)
{
	const struct provider *p = c->targets[c->at].provider;
	const char *id = transfer_header(c->transfer, p->dialect->id_header);

	c->status = transfer_status(c->transfer);
	c->is_stream = transfer_is_stream(c->transfer);
	c->connect_ms = transfer_connect_ms(c->transfer);
	c->retry_after_ms = retry_after(c->transfer, (int64_t)time(NULL));
	c->should_retry = retry_should(c->transfer);
	if (id)
		snprintf(c->request_id, sizeof(c->request_id), "%s", id);
}

static void on_data(void *arg)
{
	struct call *c = arg;

	c->heard = send_now(c->s);
	if (!c->status)
		read_headers(c);
	call_advance(c);
}

/* The transfer goes, so what it still holds is taken over. */
static void on_done(void *arg, const struct aigw_fault *fault)
{
	struct call *c = arg;
	size_t len = 0;
	const char *p;

	read_headers(c);
	c->ended = true;
	c->broke_off = fault;
	if (fault)
		c->end_fault = *fault;
	p = transfer_bytes(c->transfer, &len);
	if (c->is_stream && c->status >= 200 && c->status < 300) {
		if (aigw_sse_feed(&c->sse, p, len, &c->end_fault.why))
			c->broke_off = true;
	} else if (take_whole(c) && !c->broke_off) {
		aigw_fault_init(&c->end_fault, "body");
		aigw_fail_as(&c->end_fault.why, AIGW_E_TOO_LARGE,
			     "answer_too_large", "the answer is too large");
		c->broke_off = true;
	}
	c->transfer = NULL;
	if (c->lingers)
		succeed(c);
	else
		call_advance(c);
}

const struct http_events call_http_events = {.data = on_data, .done = on_done};
