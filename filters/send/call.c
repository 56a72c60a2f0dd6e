/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - one request: attempts at targets until one answers */
#include "send.h"

#include <stdlib.h>
#include <string.h>

#define TARGETS_MAX 64
#define ATTEMPTS_MAX 100
#define LIST_MAX (256 * 1024) /* bytes of attempts, of notes */
#define BODY_MAX (256 * 1024 * 1024)
#define URL_MAX 8192

static int bad_plan(struct aigw_err *err, const char *what)
{
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "bad_plan", "plan: %s",
			    what);
}

static int add_target(struct call *c, const struct aigw_val *v,
		      struct aigw_err *err)
{
	struct target *t = &c->targets[c->n_targets];
	size_t len = 0;
	const char *name = aigw_val_str(aigw_val_get(v, "provider"), &len);
	const char *model;

	if (!name)
		return bad_plan(err, "a target without a provider");
	t->provider = provider_find(&c->s->providers, name, len);
	if (!t->provider)
		return aigw_fail_as(err, AIGW_E_NOT_FOUND, "unknown_provider",
				    "no provider %.64s is configured "
				    "(send.providers)",
				    name);
	model = aigw_val_str(aigw_val_get(v, "model"), &t->model_len);
	if (!model)
		model = aigw_env_str(c->env, "req.model", &t->model_len);
	if (!model || !t->model_len || memchr(model, '\0', t->model_len))
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "no_model",
				    "neither the plan nor req names a model");
	t->model = strndup(model, t->model_len);
	if (!t->model)
		return aigw_fail(err, "out of memory");
	c->n_targets++;
	return 0;
}

static int read_plan(struct call *c, struct aigw_err *err)
{
	const struct aigw_val *list = aigw_env_get(c->env, "plan.targets");
	struct aigw_iter it = aigw_iter_init(list);
	const struct aigw_val *v;
	int64_t n = c->s->timeout;

	if (aigw_val_type(list) != AIGW_ARRAY || !aigw_val_len(list))
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "no_plan",
				    "the envelope has no plan: pipe it through "
				    "aigw-route first, or use --provider");
	if (aigw_val_len(list) > TARGETS_MAX)
		return bad_plan(err, "too many targets");
	c->targets = calloc(aigw_val_len(list), sizeof(*c->targets));
	if (!c->targets)
		return aigw_fail(err, "out of memory");
	while ((v = aigw_iter_next(&it)))
		if (add_target(c, v, err))
			return -1;
	if (aigw_val_int(aigw_env_get(c->env, "plan.deadline_ms"), &n) && n < 1)
		return bad_plan(err, "deadline_ms must be at least 1");
	c->deadline = c->start + (uint64_t)n;
	n = c->s->attempts;
	if (n < (int64_t)c->n_targets)
		n = (int64_t)c->n_targets; /* each gets its turn */
	if (aigw_val_int(aigw_env_get(c->env, "plan.max_attempts"), &n) &&
	    n < 1)
		return bad_plan(err, "max_attempts must be at least 1");
	c->max_attempts = n < ATTEMPTS_MAX ? n : ATTEMPTS_MAX;
	return 0;
}

struct call *call_new(struct send *s, struct aigw_env *env,
		      struct aigw_err *err)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	c->s = s;
	c->env = env;
	c->start = send_now(s);
	c->wake = NEVER;
	c->stream = aigw_val_true(aigw_env_get(env, "stream"));
	aigw_buf_init(&c->attempts, LIST_MAX);
	aigw_buf_init(&c->notes, LIST_MAX);
	aigw_buf_init(&c->url, URL_MAX);
	aigw_buf_init(&c->body, BODY_MAX);
	aigw_buf_init(&c->whole, (size_t)s->max_answer);
	aigw_sse_init(&c->sse, (size_t)s->max_answer);
	aigw_answer_init(&c->answer, (size_t)s->max_answer, emit_event, c);
	if (read_plan(c, err)) {
		c->env = NULL; /* the caller's */
		call_free(c);
		return NULL;
	}
	return c;
}

/* What an attempt leaves, but its answer. */
static void stop(struct call *c)
{
	if (c->transfer)
		http_cancel(c->transfer);
	sandbox_free(c->sandbox);
	c->transfer = NULL;
	c->sandbox = NULL;
	aigw_buf_release(&c->url);
	aigw_buf_release(&c->body);
	aigw_buf_release(&c->whole);
	aigw_sse_release(&c->sse);
	aigw_sse_init(&c->sse, (size_t)c->s->max_answer);
}

void call_free(struct call *c)
{
	stop(c);
	for (size_t i = 0; i < c->n_targets; i++)
		free(c->targets[i].model);
	free(c->targets);
	aigw_answer_release(&c->answer);
	aigw_buf_release(&c->attempts);
	aigw_buf_release(&c->notes);
	aigw_env_free(c->env);
	free(c);
}

/* Attempts ------------------------------------------------------------------
 */

/* The first target from the one after the last on that may be tried now, else
 * the one that may be tried soonest. -1 when all are dead. */
static long choose(const struct call *c, uint64_t now)
{
	size_t from = c->attempt ? c->at + 1 : 0;
	long soonest = -1;

	for (size_t i = 0; i < c->n_targets; i++) {
		size_t at = (from + i) % c->n_targets;
		const struct target *t = &c->targets[at];

		if (t->dead)
			continue;
		if (t->ready_at <= now)
			return (long)at;
		if (soonest < 0 || t->ready_at < c->targets[soonest].ready_at)
			soonest = (long)at;
	}
	return soonest;
}

static void note(void *arg, const char *kind, const char *path, const char *why)
{
	struct call *c = arg;
	size_t before = c->notes.len;

	if (aigw_buf_add(&c->notes, kind, strlen(kind) + 1) ||
	    aigw_buf_add(&c->notes, path, strlen(path) + 1) ||
	    aigw_buf_add(&c->notes, why, strlen(why) + 1))
		c->notes.len = before;
}

static int start_sandbox(struct call *c, const struct target *t)
{
	size_t len = 0;
	struct sandbox_ask ask = {
		.opts = &t->provider->sandbox,
		.req = aigw_env_get(c->env, "req"),
		.model = t->model,
		.model_len = t->model_len,
		.stream = c->stream,
		.attempt = c->attempt,
		.tally = c->s->tally,
	};

	ask.text = aigw_env_text(c->env, "req", &len);
	ask.len = len;
	c->sandbox = sandbox_new(&ask, &c->fault.why);
	return c->sandbox ? 0 : -1;
}

static int write_request(struct call *c, const struct target *t)
{
	const struct provider *p = t->provider;
	struct aigw_ask ask = {
		.api = aigw_env_str(c->env, "client.api", NULL),
		.req = aigw_env_get(c->env, "req"),
		.model = t->model,
		.model_len = t->model_len,
		.stream = c->stream,
		.stream_usage = p->stream_usage,
		.max_tokens = p->max_tokens ? p->max_tokens : c->s->max_tokens,
		.note = note,
		.note_arg = c,
	};

	ask.text = aigw_env_text(c->env, "req", &ask.len);
	if (!ask.api)
		ask.api = "openai.chat";
	if (p->dialect->request(&ask, &c->body, &c->fault.why))
		return -1;
	if (c->s->strict && c->notes.len)
		return aigw_fail_as(&c->fault.why, AIGW_E_TRANSLATE,
				    "not_expressible",
				    "%s cannot be sent to %s as it is, and "
				    "strict is set",
				    c->notes.data + strlen(c->notes.data) + 1,
				    p->name);
	return 0;
}

static int start_http(struct call *c, const struct target *t)
{
	const struct provider *p = t->provider;
	struct aigw_place at = {.base_url = p->base_url,
				.api_version = p->api_version,
				.model = t->model,
				.model_len = t->model_len};
	struct http_request req = {
		.provider = p, .connect_ms = c->s->connect_timeout, .arg = c};
	struct aigw_err *err = &c->fault.why;
	struct http *http;

	c->fault.phase = "translate";
	if (write_request(c, t))
		return -1;
	if (p->dialect->url(&at, &c->url) || aigw_buf_add(&c->url, "", 1))
		return aigw_fail_as(err, AIGW_E_TRANSLATE, "bad_url",
				    "no URL can be made of %s's model",
				    p->name);
	c->fault.phase = "connect";
	req.url = c->url.data;
	req.body = c->body.data;
	req.len = c->body.len;
	http = send_http(c->s, err);
	c->transfer = http ? http_start(http, &req, err) : NULL;
	return c->transfer ? 0 : -1;
}

static void attempt(struct call *c, uint64_t now)
{
	const struct target *t = &c->targets[c->at];
	int rc;

	c->attempt++;
	c->state = CALL_RUNNING;
	c->began = now;
	c->heard = now;
	c->first = 0;
	c->status = 0;
	c->request_id[0] = '\0';
	c->last_event = c->lingers = c->ended = c->broke_off = false;
	c->is_stream = false;
	c->retry_after_ms = -1;
	c->should_retry = -1;
	c->connect_ms = -1;
	c->notes.len = 0;
	aigw_answer_release(&c->answer);
	aigw_fault_init(&c->fault, "translate");
	rc = t->provider->dialect ? start_http(c, t) : start_sandbox(c, t);
	if (rc) {
		/* another target may speak the request's own dialect */
		c->fault.dead = c->fault.why.class == AIGW_E_TRANSLATE;
		call_failed(c);
		return;
	}
	call_advance(c);
}

void call_run(struct call *c)
{
	uint64_t now = send_now(c->s);
	long at = choose(c, now);

	if (at < 0 || c->attempt >= c->max_attempts || now >= c->deadline) {
		call_finish(c, &c->fault);
		return;
	}
	if (c->targets[at].ready_at <= now) {
		c->at = (size_t)at;
		attempt(c, now);
		return;
	}
	if (c->targets[at].ready_at >= c->deadline) {
		call_finish(c, &c->fault);
		return;
	}
	c->state = CALL_WAITING;
	send_wake(c->s, c, c->targets[at].ready_at);
}

void call_failed(struct call *c)
{
	struct target *t = &c->targets[c->at];
	struct aigw_fault *f = &c->fault;
	int64_t wait = retry_backoff(++t->failures, c->s->rolls++);

	/* It may have been carried out, and be on the bill already. */
	if (f->why.class == AIGW_E_UNKNOWN && !c->s->retry_unknown)
		f->retryable = false;
	call_log_attempt(c, f);
	stop(c);
	if (c->delivered || c->cancelled || !(f->retryable || f->dead)) {
		call_finish(c, f);
		return;
	}
	if (f->retry_after_ms >= 0)
		wait = f->retry_after_ms; /* it knows better */
	/* Waiting longer than allowed is no better than not coming back. */
	t->dead = f->dead || wait > c->s->max_wait;
	t->ready_at = send_now(c->s) + (uint64_t)wait;
	call_run(c);
}

void call_cancel(struct call *c)
{
	if (c->state == CALL_OVER)
		return;
	c->cancelled = true;
	if (c->busy)
		return; /* call_advance() looks when it is back */
	aigw_fault_init(&c->fault,
			c->state == CALL_RUNNING ? "body" : "client");
	aigw_fail_as(&c->fault.why, AIGW_E_CANCELLED, NULL,
		     "the client cancelled the request");
	if (c->state == CALL_RUNNING)
		call_log_attempt(c, &c->fault);
	stop(c);
	call_finish(c, &c->fault);
}
