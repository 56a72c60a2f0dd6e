/* SPDX-License-Identifier: Apache-2.0 */
/* send.c - ask the model: carry out each envelope's plan */
#include "send.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

static const struct aigw_opt opts[] = {
	{.name = "jobs",
	 .letter = 'j',
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct send, jobs),
	 .fallback = "16",
	 .arg = "N",
	 .help = "requests in flight at most",
	 .min = 1,
	 .max = 4096},
	{.name = "provider",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct send, provider),
	 .arg = "NAME",
	 .help = "where envelopes without a plan go"},
	{.name = "model",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct send, model),
	 .arg = "NAME",
	 .help = "with --provider: the model, instead of req.model"},
	{.name = "key-env",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct send, key_env),
	 .arg = "VARIABLE",
	 .help = "with --provider: the environment variable with its key"},
	{.name = "base-url",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct send, base_url),
	 .arg = "URL",
	 .help = "with --provider: where it is"},
	{.name = "attempts",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct send, attempts),
	 .fallback = "3",
	 .arg = "N",
	 .help = "attempts of a request, over all its targets",
	 .min = 1,
	 .max = 100},
	{.name = "timeout",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct send, timeout),
	 .fallback = "10m",
	 .arg = "TIME",
	 .help = "for a request with all its attempts",
	 .min = 1,
	 .max = 86400000},
	{.name = "connect-timeout",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct send, connect_timeout),
	 .fallback = "10s",
	 .arg = "TIME",
	 .help = "until there is a connection",
	 .min = 1,
	 .max = 86400000},
	{.name = "first-token-timeout",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct send, first_timeout),
	 .fallback = "60s",
	 .arg = "TIME",
	 .help = "until a streamed answer has its first block",
	 .min = 1,
	 .max = 86400000},
	{.name = "idle-timeout",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct send, idle_timeout),
	 .fallback = "60s",
	 .arg = "TIME",
	 .help = "between two pieces of an answer",
	 .min = 1,
	 .max = 86400000},
	{.name = "max-wait",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct send, max_wait),
	 .fallback = "60s",
	 .arg = "TIME",
	 .help = "give a target up that asks for a longer wait"},
	{.name = "max-answer",
	 .type = AIGW_OPT_SIZE,
	 .offset = offsetof(struct send, max_answer),
	 .fallback = "8M",
	 .arg = "SIZE",
	 .help = "refuse longer answers",
	 .min = 1024,
	 .max = 64 * 1024 * 1024},
	{.name = "max-tokens",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct send, max_tokens),
	 .fallback = "4096",
	 .arg = "N",
	 .help = "max_tokens where a provider needs it and req has none",
	 .min = 1,
	 .max = INT32_MAX},
	{.name = "retry-unknown",
	 .type = AIGW_OPT_FLAG,
	 .offset = offsetof(struct send, retry_unknown),
	 .fallback = "false",
	 .help = "ask again when a request was sent and nothing came back: it "
		 "may be billed twice"},
	{.name = "strict",
	 .type = AIGW_OPT_FLAG,
	 .offset = offsetof(struct send, strict),
	 .fallback = "false",
	 .help = "refuse what a provider's dialect cannot express"},
	{.name = "providers",
	 .type = AIGW_OPT_TREE,
	 .offset = offsetof(struct send, conf),
	 .help = "the table of providers, see aigw-send(1)"},
	{.type = AIGW_OPT_END},
};

uint64_t send_now(const struct send *s)
{
	return uv_now(s->loop);
}

/* Time ----------------------------------------------------------------------
 */

/* One timer for all calls, set to the soonest. A call whose time moves back
 * (each byte does that) leaves it alone: the timer finds out when it rings. */
static void on_timer(uv_timer_t *timer)
{
	struct send *s = timer->data;
	uint64_t now = send_now(s), soonest = NEVER;
	struct call *c;

	for (c = s->first; c; c = c->next)
		c->looked_at = false;
	s->timer_at = NEVER;
	for (c = s->first; c; c = c ? c->next : s->first) {
		if (c->looked_at)
			continue;
		c->looked_at = true;
		if (c->wake > now)
			continue;
		c->wake = NEVER;
		call_due(c); /* may free any call: begin again */
		c = NULL;
	}
	for (c = s->first; c; c = c->next)
		if (c->wake < soonest)
			soonest = c->wake;
	if (soonest < s->timer_at) {
		s->timer_at = soonest;
		uv_timer_start(timer, on_timer,
			       soonest > now ? soonest - now : 0, 0);
	}
}

void send_wake(struct send *s, struct call *c, uint64_t at)
{
	uint64_t now = send_now(s);

	c->wake = at;
	if (at >= s->timer_at)
		return;
	s->timer_at = at;
	uv_timer_start(s->timer, on_timer, at > now ? at - now : 0, 0);
}

/* The queue -----------------------------------------------------------------
 */

static void link_call(struct send *s, struct call *c)
{
	c->prev = s->last;
	*(s->last ? &s->last->next : &s->first) = c;
	s->last = c;
}

void send_unlink(struct send *s, struct call *c)
{
	*(c->prev ? &c->prev->next : &s->first) = c->next;
	*(c->next ? &c->next->prev : &s->last) = c->prev;
	c->prev = c->next = NULL;
	if (c->counted)
		s->running--;
	c->counted = false;
}

static void start_call(struct send *s, struct call *c)
{
	s->running++;
	c->counted = true;
	call_run(c);
}

/* The first that waits, and the next if that one is over at once: a loop and
 * no recursion, however many wait. */
void send_next(struct send *s)
{
	struct call *c;

	if (s->starting)
		return;
	s->starting = true;
	while (s->running < (size_t)s->jobs) {
		for (c = s->first; c; c = c->next)
			if (c->state == CALL_QUEUED)
				break;
		if (!c)
			break;
		start_call(s, c);
	}
	s->starting = false;
}

/* Envelopes -----------------------------------------------------------------
 */

/* --provider stands for a plan with one target. */
static int make_plan(struct send *s, struct aigw_env *env, struct aigw_err *err)
{
	size_t len = 0;
	const char *model =
		s->model ? s->model : aigw_env_str(env, "req.model", &len);
	struct aigw_buf text;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&text, 64 * 1024);
	aigw_json_init(&w, &text);
	aigw_json_object(&w);
	aigw_json_key(&w, "reason");
	aigw_json_str(&w, "aigw-send --provider");
	aigw_json_key(&w, "targets");
	aigw_json_array(&w);
	aigw_json_object(&w);
	aigw_json_key(&w, "provider");
	aigw_json_str(&w, s->provider);
	if (model) {
		aigw_json_key(&w, "model");
		aigw_json_strn(&w, model, s->model ? strlen(model) : len);
	}
	aigw_json_close(&w);
	aigw_json_close(&w);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, "plan", text.data, text.len, err);
	aigw_buf_release(&text);
	return rc;
}

static int check(struct send *s, struct aigw_env *env, struct aigw_err *err)
{
	const struct aigw_val *op = aigw_env_get(env, "op");

	if (op && !aigw_val_is(op, "chat"))
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "unknown_op",
				    "aigw-send knows the operation chat only");
	if (aigw_val_type(aigw_env_get(env, "req")) != AIGW_OBJECT)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "no_request",
				    "req must be an object");
	if (s->provider && !aigw_env_get(env, "plan"))
		return make_plan(s, env, err);
	return 0;
}

static void cancel(struct send *s, const struct aigw_env *env)
{
	size_t len = 0, n = 0;
	const char *id = aigw_env_id(env, &len), *own;
	struct call *c;

	for (c = s->first; c; c = c->next) {
		own = aigw_env_id(c->env, &n);
		if (n == len && memcmp(id, own, len) == 0)
			break;
	}
	if (c)
		call_cancel(c);
}

static enum aigw_verdict apply(void *self, struct aigw_env *env,
			       struct aigw_err *err)
{
	struct send *s = self;
	enum aigw_verdict verdict;
	struct call *c;

	if (aigw_env_kind(env) == AIGW_CANCEL) {
		cancel(s, env);
		return AIGW_NEXT;
	}
	if (check(s, env, err))
		return AIGW_FAILED;
	c = call_new(s, env, err);
	if (!c)
		return AIGW_FAILED;
	link_call(s, c);
	if (s->running >= (size_t)s->jobs) {
		send_wake(s, c, c->deadline);
		return AIGW_LATER;
	}
	c->in_apply = true;
	start_call(s, c);
	c->in_apply = false;
	if (c->state != CALL_OVER)
		return AIGW_LATER;
	verdict = c->verdict;
	*err = c->fault.why;
	call_free(c);
	return verdict;
}

/* The stages behind can take more. */
static void room(void *self)
{
	struct send *s = self;
	struct call *c;

	for (c = s->first; c; c = c->next)
		c->has_room = c->held;
	for (c = s->first; c; c = c ? c->next : s->first) {
		if (!c->has_room)
			continue;
		c->has_room = c->held = false;
		c->heard = send_now(s);
		call_advance(c); /* may free any call: begin again */
		c = NULL;
	}
}

/* Life ----------------------------------------------------------------------
 */

struct http *send_http(struct send *s, struct aigw_err *err)
{
	if (!s->http)
		s->http = http_new(s->loop, (size_t)s->jobs, &call_http_events,
				   err);
	return s->http;
}

static int open_send(void *self, struct aigw_stage *stage, struct aigw_err *err)
{
	struct send *s = self;

	s->stage = stage;
	s->loop = aigw_stage_loop(stage);
	s->timer_at = NEVER;
	s->tally = tally_new(aigw_stage_log(stage));
	s->timer = calloc(1, sizeof(*s->timer));
	if (!s->tally || !s->timer)
		return aigw_fail(err, "out of memory");
	uv_timer_init(s->loop, s->timer);
	s->timer->data = s;
	return providers_open(s, err);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

static void close_send(void *self)
{
	struct send *s = self;
	struct call *c;

	while ((c = s->first)) { /* the run was broken off */
		send_unlink(s, c);
		call_free(c);
	}
	http_free(s->http);
	if (s->timer && s->timer->data)
		uv_close((uv_handle_t *)s->timer, free_handle);
	else
		free(s->timer);
	tally_free(s->tally);
	providers_close(&s->providers);
}

AIGW_DEFINE_FILTER(send) = {
	.name = "send",
	.summary = "ask the model that the plan names",
	.examples =
		"  $ aigw prompt -e hello |\n"
		"        aigw-send --provider sandbox --model gpt-4o | aigw text\n"
		"  $ aigw prompt -e hello | aigw-send --provider openai "
		"--model gpt-4o \\\n"
		"        --key-env OPENAI_API_KEY | aigw text\n",
	.wants = AIGW_REQUEST | AIGW_CANCEL,
	.once = true,
	.size = sizeof(struct send),
	.opts = opts,
	.open = open_send,
	.apply = apply,
	.room = room,
	.close = close_send,
};
