/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.c - the filter that is a program
 *
 * Envelopes go to a child's stdin and its answers come back in any order, found
 * by their id. An envelope stays here until it is answered, so that whatever
 * the child does (dies, hangs, floods, drops, lies about ids) becomes an error
 * for the envelope it was done to. The blame goes to the oldest one without an
 * answer; the others are given to a fresh child, unless the filter says that
 * nothing may be given to it twice.
 */
#include <stdlib.h>
#include <string.h>

#include "core/chain_priv.h"
#include "core/child.h"
#include "core/streams.h"

#define RESTARTS 8	/* in a row without one answer */
#define STRAYS 1000	/* lines in a row that answer nothing */
#define TICKS 4		/* looks at the clock in one deadline */

struct proc {
	struct aigw_list exec;
	int64_t deadline, queue;
	bool resend;

	struct aigw_stage *stage;
	const struct aigw_log *log;
	struct child *child;
	uv_timer_t *timer;
	struct aigw_env *first, *last; /* not answered, oldest first */
	struct aigw_env *waiting; /* of these, the oldest it has not yet */
	struct streams streams; /* whose chunks have passed into the child */
	uint64_t queued;   /* bytes given to this child */
	uint64_t progress; /* when it last answered */
	uint64_t looked;   /* when the clock last ticked */
	uint64_t resumed;  /* since when it can be blamed for silence */
	unsigned restarts, strays;
	unsigned cancels;  /* given to this child and not back yet */
	bool ending, full;
	struct aigw_err dead; /* code set: it cannot be run any more */
};

static const struct aigw_opt opts[] = {
	{ "exec", 0, AIGW_OPT_LIST, offsetof(struct proc, exec),
	  .arg = "WORD", .help = "the program and its arguments; no shell" },
	{ "deadline", 0, AIGW_OPT_TIME, offsetof(struct proc, deadline), "30s",
	  "TIME", "fail an envelope without an answer after this", .min = 1,
	  .max = 86400000 },
	{ "queue", 0, AIGW_OPT_SIZE, offsetof(struct proc, queue), "1M", "SIZE",
	  "bytes waiting for the program at which input stops", .min = 1,
	  .max = 1 << 30 },
	{ "resend", 0, AIGW_OPT_FLAG, offsetof(struct proc, resend), "true",
	  .help = "give envelopes to a restarted program once more" },
	{ 0 }
};

static uint64_t now(struct proc *p)
{
	return uv_now(aigw_stage_loop(p->stage));
}

/* The list of those without an answer ------------------------------------ */

static void append(struct proc *p, struct aigw_env *env)
{
	env->prev = p->last;
	env->next = NULL;
	if (p->last)
		p->last->next = env;
	else
		p->first = env;
	p->last = env;
	if (!p->waiting)
		p->waiting = env;
}

static void unlink_env(struct proc *p, struct aigw_env *env)
{
	if (p->waiting == env)
		p->waiting = env->next;
	if (env->prev)
		env->prev->next = env->next;
	else
		p->first = env->next;
	if (env->next)
		env->next->prev = env->prev;
	else
		p->last = env->prev;
	env->prev = env->next = NULL;
}

static bool same_id(const struct aigw_env *a, const struct aigw_env *b)
{
	size_t n, m;
	const char *s = aigw_env_id(a, &n), *t = aigw_env_id(b, &m);

	return n == m && !memcmp(s, t, n);
}

/* The oldest with this id. Most programs keep the order: it is the first. */
static struct aigw_env *find(struct proc *p, const struct aigw_env *like)
{
	struct aigw_env *env, *older;

	for (env = p->first; env && !same_id(env, like); env = env->next)
		;
	for (older = p->first; env && older != env; older = older->next)
		older->passed = true;
	return env;
}

static void fail_env(struct proc *p, struct aigw_env *env,
		     const struct aigw_err *why)
{
	unlink_env(p, env);
	aigw_resume(env, AIGW_FAILED, why);
}

static void fail_all(struct proc *p, const struct aigw_err *why)
{
	while (p->first)
		fail_env(p, p->first, why);
}

/* Giving ---------------------------------------------------------------------- */

static bool is_full(const struct proc *p)
{
	return p->child && child_waiting(p->child) > (size_t)p->queue;
}

static void set_full(struct proc *p)
{
	bool full = is_full(p);

	if (full != p->full) {
		p->full = full;
		aigw_stage_full(p->stage, full);
	}
}

static int give(struct proc *p, struct aigw_env *env, struct aigw_err *err)
{
	struct aigw_buf *buf = child_queue(p->child);
	size_t before = buf->len;

	if (aigw_env_write(env, buf, err))
		return -1;
	p->queued += buf->len - before;
	env->mark = p->queued;
	env->since = now(p);
	env->passed = false;
	child_flush(p->child);
	return 0;
}

/* As much as the queue takes. One that cannot be written is refused, and that
 * may bring new ones, which end up behind it. */
static void give_waiting(struct proc *p)
{
	struct aigw_err err = { 0 };
	struct aigw_env *env;

	while (p->child && !is_full(p) && (env = p->waiting)) {
		p->waiting = env->next;
		if (!env->mark && give(p, env, &err))
			fail_env(p, env, &err);
	}
	if (p->ending && p->child && !p->waiting)
		child_end(p->child);
	set_full(p);
}

static const struct child_events events;

static int start(struct proc *p, struct aigw_err *err)
{
	p->queued = 0;
	p->cancels = 0;
	p->progress = now(p);
	p->child = child_start(aigw_stage_loop(p->stage), p->exec.v,
			       (size_t)p->queue + 4 * (size_t)AIGW_LINE_MAX,
			       aigw_stage_name(p->stage), p->log, &events, p,
			       err);
	return p->child ? 0 : -1;
}

/* It cannot be run: from now on every envelope fails with this reason. */
static void die(struct proc *p, const struct aigw_err *why)
{
	p->dead = *why;
	if (!p->dead.code)
		p->dead.code = "stage_dead";
	aigw_log(p->log, AIGW_ERR, "%s: %s", aigw_stage_name(p->stage),
		 why->text);
	uv_timer_stop(p->timer);
	set_full(p);
	fail_all(p, &p->dead);
	aigw_stage_busy(p->stage, false);
}

/* After a child has gone: the next one gets what has no answer yet. */
static void restart(struct proc *p)
{
	struct aigw_err err = { 0 };
	struct aigw_env *env;
	struct stream *s;

	if (++p->restarts > RESTARTS) {
		aigw_fail_as(&err, AIGW_E_UPSTREAM, "stage_dead",
			     "stage died %u times without an answer", RESTARTS);
		die(p, &err);
		return;
	}
	if (start(p, &err)) {
		die(p, &err);
		return;
	}
	/* Marks count what this child was given. */
	for (s = p->streams.first; s; s = s->next)
		s->mark = 0;
	for (env = p->first; env; env = env->next)
		env->mark = 0;
	p->waiting = p->first;
	give_waiting(p);
}

/*
 * Blame the oldest; without `resend`, fail all that the child may have read.
 * There is no child here: what comes in meanwhile waits with mark 0.
 */
static void blame(struct proc *p, uint64_t written, const struct aigw_err *why)
{
	struct aigw_env *env, *next;
	struct aigw_err maybe;
	struct stream *s;

	for (s = p->streams.first; s; s = s->next)
		s->broken = true;
	if (p->first)
		fail_env(p, p->first, why);
	aigw_fail_as(&maybe, AIGW_E_UNKNOWN, "stage_died",
		     "stage died after it was given this; it may have acted");
	for (env = p->first; env && !p->resend; env = next) {
		next = env->next;
		if (env->mark && env->mark <= written)
			fail_env(p, env, &maybe);
	}
}

static void lose_child(struct proc *p, const struct aigw_err *why)
{
	struct child *c = p->child;

	p->child = NULL;
	aigw_log(p->log, AIGW_WARNING, "%s: %s", aigw_stage_name(p->stage),
		 why->text);
	blame(p, child_given(c), why);
	child_drop(c);
	if (p->first || !p->ending)
		restart(p);
	else
		aigw_stage_busy(p->stage, false);
}

static enum aigw_verdict take_chunk(struct proc *p, struct aigw_env *env,
				    struct aigw_err *err)
{
	struct stream *s = streams_open(&p->streams, env);

	if (!s)
		return aigw_fail(err, "too many streams");
	s->broken = s->broken || !p->child;
	if (!s->broken && give(p, env, err))
		return AIGW_FAILED;
	s->mark = p->queued;
	aigw_env_free(env);
	set_full(p);
	return AIGW_TAKEN;
}

/* It must not overtake its request, so it goes through the child. */
static enum aigw_verdict take_cancel(struct proc *p, struct aigw_env *env,
				     struct aigw_err *err)
{
	struct aigw_env *of;

	if (!p->child)
		return AIGW_NEXT;
	for (of = p->first; of && !same_id(of, env); of = of->next)
		;
	if ((of && !of->mark && give(p, of, err)) || give(p, env, err))
		return AIGW_FAILED;
	p->cancels++;
	aigw_env_free(env);
	return AIGW_TAKEN;
}

static void start_clock(struct proc *p)
{
	p->looked = now(p);
	uv_timer_again(p->timer);
}

static enum aigw_verdict apply(void *self, struct aigw_env *env,
			       struct aigw_err *err)
{
	struct proc *p = self;
	enum aigw_kind kind = aigw_env_kind(env);

	if (kind == AIGW_CANCEL)
		return take_cancel(p, env, err);
	if (p->dead.code) {
		*err = p->dead;
		return AIGW_FAILED;
	}
	if (kind == AIGW_CHUNK)
		return take_chunk(p, env, err);
	env->mark = 0;
	env->since = now(p);
	env->passed = false;
	env->final = kind & (AIGW_RESPONSE | AIGW_ERROR);
	append(p, env);
	if (!uv_is_active((uv_handle_t *)p->timer))
		start_clock(p);
	give_waiting(p);
	return AIGW_LATER;
}

/* Getting back ------------------------------------------------------------- */

static void stray(struct proc *p, struct aigw_env *env)
{
	struct aigw_err why;

	aigw_env_free(env);
	if (p->strays++ == 0)
		aigw_log(p->log, AIGW_WARNING,
			 "%s: dropped a line whose id nobody waits for",
			 aigw_stage_name(p->stage));
	if (p->strays < STRAYS)
		return;
	aigw_fail_as(&why, AIGW_E_UPSTREAM, "stage_protocol",
		     "stage wrote %d lines that answer nothing", STRAYS);
	lose_child(p, &why);
}

/* `answer` is NULL when it says what `env` says. */
static void answered(struct proc *p, struct aigw_env *env,
		     struct aigw_env *answer)
{
	struct aigw_err why;

	p->progress = now(p);
	p->restarts = p->strays = 0;
	unlink_env(p, env);
	if (!p->first && !p->ending)
		uv_timer_stop(p->timer);
	if (env->final && streams_close(&p->streams, env)) {
		aigw_env_free(answer);
		aigw_fail_as(&why, AIGW_E_UPSTREAM, "stage_died",
			     "stage died in the middle of this stream");
		aigw_resume(env, AIGW_FAILED, &why);
		return;
	}
	if (answer)
		aigw_env_become(env, answer);
	aigw_resume(env, AIGW_NEXT, NULL);
}

static void take_answer(struct proc *p, struct aigw_env *answer)
{
	struct aigw_env *env = find(p, answer);

	if (env)
		answered(p, env, answer);
	else
		stray(p, answer);
}

static void take_event(struct proc *p, struct aigw_env *env)
{
	struct stream *s = streams_find(&p->streams, env);
	bool cancel = aigw_env_kind(env) == AIGW_CANCEL;
	struct aigw_env *of;

	for (of = s ? NULL : p->first; of && !same_id(of, env); of = of->next)
		;
	if (cancel ? !p->cancels : !s && !of) {
		stray(p, env);
		return;
	}
	p->cancels -= cancel;
	env->seq = cancel ? 0 : s ? s->seq : of->seq;
	p->progress = now(p);
	aigw_stage_inject(p->stage, env);
}

static void take_line(struct proc *p, const char *line, size_t len)
{
	struct aigw_err err = { 0 }, why;
	struct aigw_env *env = aigw_env_parse(line, len, &err);

	if (!env) {
		aigw_fail_as(&why, AIGW_E_UPSTREAM, "stage_protocol",
			     "stage wrote a line that is no envelope: %s",
			     err.text);
		lose_child(p, &why);
		return;
	}
	if (aigw_env_kind(env) & (AIGW_CHUNK | AIGW_CANCEL))
		take_event(p, env);
	else
		take_answer(p, env);
}

/* What comes back as it was given is known already. */
static void on_line(void *arg, const char *line, size_t len)
{
	struct proc *p = arg;

	if (p->first && aigw_env_is_line(p->first, line, len))
		answered(p, p->first, NULL);
	else
		take_line(p, line, len);
	if (p->child && !aigw_stage_may_emit(p->stage))
		child_pause(p->child, true);
}

static void on_broken(void *arg, const char *text)
{
	struct proc *p = arg;
	struct aigw_err why;

	aigw_fail_as(&why, AIGW_E_UPSTREAM, "stage_protocol", "stage: %s",
		     text);
	lose_child(p, &why);
}

static void on_written(void *arg)
{
	give_waiting(arg);
}

/* sysexits(3) that a new start would not change. */
static bool is_final(int status)
{
	return status == AIGW_EXIT_USAGE || status == AIGW_EXIT_CONFIG ||
	       status == AIGW_EXIT_NOPERM || status == 126 || status == 127;
}

static void on_gone(void *arg, int status)
{
	struct proc *p = arg;
	struct aigw_err why;

	if (status && status != AIGW_EXIT_RECORDS)
		aigw_stage_exit(p->stage, status > 128 ? AIGW_EXIT_RECORDS :
						 (enum aigw_exit)status);
	if (p->ending && !p->first) {
		p->child = NULL;
		aigw_stage_busy(p->stage, false);
		return;
	}
	aigw_fail_as(&why, AIGW_E_UPSTREAM, "stage_died",
		     status > 128 ? "stage died of signal %d" :
				    "stage ended with exit code %d",
		     status > 128 ? status - 128 : status);
	if (is_final(status)) {
		p->child = NULL;
		die(p, &why);
	} else {
		lose_child(p, &why);
	}
}

static const struct child_events events = {
	.line = on_line,
	.broken = on_broken,
	.written = on_written,
	.gone = on_gone,
};

/* Silence while nobody listened is no fault of it: while it was paused, or we
 * were stopped or slow ourselves. */
static bool overdue(const struct proc *p, uint64_t since)
{
	if (since < p->resumed)
		since = p->resumed;
	return p->looked >= since + (uint64_t)p->deadline;
}

/* All is answered and its input is closed: it has a deadline to end. */
static void press(struct proc *p)
{
	if (!p->ending || !overdue(p, p->progress))
		return;
	aigw_log(p->log, AIGW_WARNING, "%s: stage did not end in %lld ms",
		 aigw_stage_name(p->stage), (long long)p->deadline);
	child_kill(p->child);
}

/*
 * The clock. An envelope that a later one has overtaken is lost when its
 * deadline is over. If none was overtaken the child is merely busy as long as
 * it answers, and hangs when it has not for a whole deadline.
 */
static void on_tick(uv_timer_t *timer)
{
	struct proc *p = timer->data;
	struct aigw_env *env, *next;
	struct aigw_err why;
	uint64_t late = (uint64_t)p->deadline / TICKS * 2 + 2;

	if (now(p) - p->looked > late || (p->child && p->child->paused))
		p->resumed = now(p);
	p->looked = now(p);
	aigw_fail_as(&why, AIGW_E_TIMEOUT, "stage_timeout",
		     "stage gave no answer in %lld ms", (long long)p->deadline);
	for (env = p->first; env && env->passed; env = next) {
		next = env->next;
		if (!overdue(p, env->since))
			return;
		fail_env(p, env, &why);
	}
	if (!p->child)
		return;
	if (!p->first) {
		press(p);
		return;
	}
	if (overdue(p, p->first->since) && overdue(p, p->progress))
		lose_child(p, &why);
}

static void room(void *self)
{
	struct proc *p = self;

	if (p->child) {
		p->resumed = now(p);
		child_pause(p->child, false);
	}
}

static void end(void *self)
{
	struct proc *p = self;

	p->ending = true;
	p->progress = now(p);
	give_waiting(p);
	if (p->child)
		start_clock(p);
}

static int open_proc(void *self, struct aigw_stage *stage, struct aigw_err *err)
{
	struct proc *p = self;

	p->stage = stage;
	p->log = aigw_stage_log(stage);
	if (!p->exec.n)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_config",
				    "exec: expected a program");
	/* execvp(3) wants a NULL behind the words. */
	p->exec.v = realloc(p->exec.v, (p->exec.n + 1) * sizeof(char *));
	p->timer = calloc(1, sizeof(*p->timer));
	if (!p->exec.v || !p->timer)
		return aigw_fail(err, "out of memory");
	p->exec.v[p->exec.n] = NULL;
	uv_timer_init(aigw_stage_loop(stage), p->timer);
	p->timer->data = p;
	uv_timer_set_repeat(p->timer, (uint64_t)p->deadline / TICKS + 1);
	uv_timer_start(p->timer, on_tick, (uint64_t)p->deadline,
		       (uint64_t)p->deadline / TICKS + 1);
	uv_timer_stop(p->timer);
	if (start(p, err))
		return -1;
	aigw_stage_busy(stage, true);
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_proc(void *self)
{
	struct proc *p = self;
	struct aigw_env *env;

	if (p->child)
		child_drop(p->child);
	if (p->timer)
		uv_close((uv_handle_t *)p->timer, on_timer_closed);
	while ((env = p->first)) {
		unlink_env(p, env);
		aigw_env_free(env);
	}
	streams_free(&p->streams);
}

AIGW_DEFINE_FILTER(exec) = {
	.name = "exec",
	.summary = "give envelopes to a program and take its answers",
	.examples = "  exec: [jq, -c, --unbuffered, .]\n",
	.wants = AIGW_REQUEST | AIGW_CHUNK | AIGW_RESPONSE | AIGW_ERROR |
		 AIGW_CANCEL,
	.size = sizeof(struct proc),
	.opts = opts,
	.open = open_proc,
	.apply = apply,
	.room = room,
	.end = end,
	.close = close_proc,
};
