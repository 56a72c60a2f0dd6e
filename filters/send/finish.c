/* SPDX-License-Identifier: Apache-2.0 */
/* finish.c - the end of a call: its envelope, as response or as error */
#include "send.h"

#include <string.h>
#include <uv.h>

#define TEXT_MAX (64 * 1024 * 1024)
#define ATTEMPTS_MAX (256 * 1024)

static void put(struct aigw_json *w, const char *key, int64_t n)
{
	aigw_json_key(w, key);
	aigw_json_int(w, n);
}

static void put_str(struct aigw_json *w, const char *key, const char *s)
{
	aigw_json_key(w, key);
	aigw_json_str(w, s);
}

/* The sandbox's time is the one it was asked for: its output is the same on
 * every machine. */
static int64_t took(const struct call *c)
{
	if (c->sandbox)
		return sandbox_latency(c->sandbox);
	return (int64_t)(send_now(c->s) - c->began);
}

static void put_fault(struct aigw_json *w, const struct aigw_fault *f)
{
	if (f->status)
		put(w, "status", f->status);
	put_str(w, "class", aigw_class_name(f->why.class));
	put_str(w, "phase", f->phase);
	if (f->code[0] || f->why.code)
		put_str(w, "code", f->code[0] ? f->code : f->why.code);
	if (f->retry_after_ms >= 0)
		put(w, "retry_after_ms", f->retry_after_ms);
}

void call_log_attempt(struct call *c, const struct aigw_fault *fault)
{
	const struct target *t = &c->targets[c->at];
	struct aigw_json w;
	struct aigw_err err;
	size_t before = c->attempts.len;

	if (c->attempts.len && aigw_buf_add(&c->attempts, ",", 1))
		return;
	aigw_json_init(&w, &c->attempts);
	aigw_json_object(&w);
	put(&w, "n", c->attempt);
	put(&w, "target", (int64_t)c->at);
	put_str(&w, "provider", t->provider->name);
	aigw_json_key(&w, "model");
	aigw_json_strn(&w, t->model, t->model_len);
	if (fault)
		put_fault(&w, fault);
	else
		put(&w, "status", c->sandbox ? 200 : c->status);
	put(&w, "ms", took(c));
	if (fault && fault->request_id[0])
		put_str(&w, "upstream_id", fault->request_id);
	else if (!fault && c->request_id[0])
		put_str(&w, "upstream_id", c->request_id);
	aigw_json_close(&w);
	if (aigw_json_end(&w, &err))
		c->attempts.len = before; /* a row less; the answer matters */
}

static int set_list(struct call *c, struct aigw_err *err)
{
	struct aigw_buf list;
	int rc;

	aigw_buf_init(&list, ATTEMPTS_MAX);
	if (aigw_buf_add(&list, "[", 1) ||
	    aigw_buf_add(&list, c->attempts.data, c->attempts.len) ||
	    aigw_buf_add(&list, "]", 1))
		rc = aigw_fail(err, "out of memory");
	else
		rc = aigw_env_set(c->env, "attempts", list.data, list.len, err);
	aigw_buf_release(&list);
	return rc;
}

static int set_answer(struct call *c, struct aigw_err *err)
{
	struct aigw_buf text;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&text, TEXT_MAX);
	aigw_json_init(&w, &text);
	aigw_answer_write(&c->answer, &w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(c->env, "res", text.data, text.len, err);
	if (!rc && c->answer.has_usage) {
		text.len = 0;
		aigw_json_init(&w, &text);
		aigw_answer_write_usage(&c->answer, &w);
		rc = aigw_json_end(&w, err);
		if (!rc)
			rc = aigw_env_set(c->env, "usage", text.data, text.len,
					  err);
	}
	aigw_buf_release(&text);
	return rc;
}

static int set_notes(struct call *c, struct aigw_err *err)
{
	const char *p = c->notes.data, *end;
	struct aigw_buf more;
	struct aigw_json w;
	int rc = 0;

	if (!c->notes.len)
		return 0;
	end = p + c->notes.len;
	aigw_buf_init(&more, TEXT_MAX);
	while (!rc && p < end) {
		const char *kind = p, *path = kind + strlen(kind) + 1;
		const char *why = path + strlen(path) + 1;

		p = why + strlen(why) + 1;
		more.len = 0;
		aigw_json_init(&w, &more);
		aigw_json_object(&w);
		put_str(&w, "path", path);
		put_str(&w, "why", why);
		aigw_json_close(&w);
		rc = aigw_json_end(&w, err);
		if (!rc) /* the inside of the object */
			rc = aigw_env_note(c->env, "send", kind, more.data + 1,
					   more.len - 2, err);
	}
	aigw_buf_release(&more);
	return rc;
}

/* When things happened, in milliseconds from the envelope's arrival. */
static int set_timing(struct call *c, struct aigw_err *err)
{
	struct aigw_buf text;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&text, 256);
	aigw_json_init(&w, &text);
	aigw_json_object(&w);
	if (c->connect_ms >= 0)
		put(&w, "connect", c->connect_ms);
	if (c->first)
		put(&w, "first_token", (int64_t)(c->first - c->start));
	put(&w, "done", (int64_t)(send_now(c->s) - c->start));
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(c->env, "timing", text.data, text.len, err);
	aigw_buf_release(&text);
	return rc;
}

static int set_provider(struct call *c, const struct aigw_fault *f,
			struct aigw_err *err)
{
	struct aigw_buf text;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&text, 4096);
	aigw_json_init(&w, &text);
	aigw_json_object(&w);
	put_str(&w, "name", c->targets[c->at].provider->name);
	if (f->status)
		put(&w, "status", f->status);
	if (f->request_id[0])
		put_str(&w, "request_id", f->request_id);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(c->env, "err.provider", text.data, text.len,
				  err);
	aigw_buf_release(&text);
	return rc;
}

/* `err` as aigw_env_reject() makes it, and what only we know. */
static int set_fault(struct call *c, const struct aigw_fault *f,
		     struct aigw_err *err)
{
	const char *yes = f->retryable ? "true" : "false";

	if (aigw_env_reject(c->env, &f->why, aigw_stage_name(c->s->stage),
			    f->phase, f->provider ? "provider" : "gateway",
			    err) ||
	    aigw_env_set_int(c->env, "err.status", aigw_fault_status(f), err) ||
	    aigw_env_set(c->env, "err.retryable", yes, strlen(yes), err))
		return -1;
	if (f->code[0] &&
	    aigw_env_set_str(c->env, "err.code", f->code, strlen(f->code), err))
		return -1;
	if (f->param[0] && aigw_env_set_str(c->env, "err.param", f->param,
					    strlen(f->param), err))
		return -1;
	if (f->retry_after_ms >= 0 &&
	    aigw_env_set_int(c->env, "err.retry_after_ms", f->retry_after_ms,
			     err))
		return -1;
	return c->attempt ? set_provider(c, f, err) : 0;
}

static int write_envelope(struct call *c, const struct aigw_fault *fault,
			  struct aigw_err *err)
{
	bool answered = !fault || c->answer.n || c->answer.has_usage;

	if (set_notes(c, err) || (answered && set_answer(c, err)) ||
	    (c->attempts.len && set_list(c, err)) ||
	    (c->attempt && c->targets[c->at].provider->dialect &&
	     set_timing(c, err)) ||
	    (fault && set_fault(c, fault, err)))
		return -1;
	return 0;
}

void call_finish(struct call *c, const struct aigw_fault *fault)
{
	struct aigw_err err = {.code = NULL};
	struct aigw_env *env;
	struct send *s = c->s;
	int rc;

	c->state = CALL_OVER;
	rc = write_envelope(c, fault, &err);
	if (!rc && c->stream && (c->delivered || !fault))
		emit_end(c);
	send_unlink(s, c);
	env = c->env;
	c->env = NULL;
	if (c->in_apply) {
		c->verdict = rc ? AIGW_FAILED : AIGW_NEXT;
		c->fault.why = err;
		return; /* send.c frees it */
	}
	call_free(c);
	aigw_resume(env, rc ? AIGW_FAILED : AIGW_NEXT, &err);
	send_next(s);
}
