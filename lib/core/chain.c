/* SPDX-License-Identifier: Apache-2.0 */
/* chain.c - stages in a row, and envelopes on their way through them */
#include "core/chain_priv.h"

#include <stdlib.h>
#include <string.h>

struct aigw_stage {
	struct aigw_chain *chain;
	const struct aigw_filter *f;
	void *self;
	char *name;
	size_t index;
	size_t put_off;		    /* envelopes it answered LATER for */
	bool opened, busy, ended;
	bool full;		    /* its queue */
	bool waits;		    /* was told full, wants room() */
};

struct aigw_chain {
	struct uv_loop_s *loop;
	const struct aigw_log *log;
	struct aigw_stage **stages;
	size_t n;
	aigw_sink_fn sink;
	aigw_room_fn room;
	void *arg;
	size_t pending;	 /* envelopes that must still be answered */
	bool sink_full;
	bool waits;	 /* push() said full */
	bool ending;
	size_t ended;	 /* stages that have ended */
	enum aigw_exit exit;
};

struct aigw_chain *aigw_chain_new(struct uv_loop_s *loop,
				  const struct aigw_log *log)
{
	struct aigw_chain *chain = calloc(1, sizeof(*chain));

	if (chain) {
		chain->loop = loop;
		chain->log = log;
	}
	return chain;
}

void aigw_chain_sink(struct aigw_chain *chain, aigw_sink_fn sink,
		     aigw_room_fn room, void *arg)
{
	chain->sink = sink;
	chain->room = room;
	chain->arg = arg;
}

static void free_instance(const struct aigw_filter *f, void *self)
{
	aigw_opts_release(f->opts, self);
	free(self);
}

int aigw_chain_take(struct aigw_chain *chain, const struct aigw_filter *f,
		    const char *name, void *self, struct aigw_err *err)
{
	struct aigw_stage **stages, *stage = calloc(1, sizeof(*stage));

	stages = realloc(chain->stages, (chain->n + 1) * sizeof(*stages));
	if (stages)
		chain->stages = stages;
	if (stage)
		stage->name = strdup(name);
	if (!stages || !stage || !stage->name) {
		free(stage);
		free_instance(f, self);
		return aigw_fail(err, "out of memory");
	}
	stage->chain = chain;
	stage->f = f;
	stage->self = self;
	stage->index = chain->n;
	chain->stages[chain->n++] = stage;
	return 0;
}

static int set_flags(const struct aigw_filter *f, void *self,
		     const struct aigw_list *flags, struct aigw_err *err)
{
	char name[64];
	size_t i, n;

	for (i = 0; flags && i < flags->n; i++) {
		n = strcspn(flags->v[i], "=");
		if (n >= sizeof(name) || !flags->v[i][n])
			return aigw_fail(err, "%s: expected NAME=VALUE",
					 flags->v[i]);
		memcpy(name, flags->v[i], n);
		name[n] = '\0';
		if (aigw_opts_set(f->opts, self, name, flags->v[i] + n + 1,
				  err))
			return -1;
	}
	return 0;
}

int aigw_chain_add(struct aigw_chain *chain, const struct aigw_filter *f,
		   const char *name, const struct aigw_conf *conf,
		   const struct aigw_list *flags, struct aigw_err *err)
{
	void *self = calloc(1, f->size ? f->size : 1);

	if (!self)
		return aigw_fail(err, "out of memory");
	if (aigw_opts_defaults(f->opts, self, err) ||
	    aigw_opts_conf(f->opts, self, conf, NULL, err) ||
	    set_flags(f, self, flags, err)) {
		free_instance(f, self);
		return -1;
	}
	return aigw_chain_take(chain, f, name, self, err);
}

int aigw_chain_open(struct aigw_chain *chain, struct aigw_err *err)
{
	struct aigw_stage *stage;
	size_t i;

	for (i = 0; i < chain->n; i++) {
		stage = chain->stages[i];
		stage->opened = true;
		if (stage->f->open && stage->f->open(stage->self, stage, err))
			return aigw_fail_in(err, "%s", stage->name);
		/* one that succeeds may have failed at something on the way */
		if (err)
			err->text[0] = '\0';
	}
	return 0;
}

/* Fullness: a stage may pass on while nothing behind it is full. ------- */

static bool full_behind(const struct aigw_chain *chain, size_t at)
{
	size_t i;

	if (chain->sink_full)
		return true;
	for (i = at; i < chain->n; i++)
		if (chain->stages[i]->full)
			return true;
	return false;
}

static void tell_room(struct aigw_chain *chain)
{
	struct aigw_stage *stage;
	size_t i;

	for (i = chain->n; i-- > 0;) {
		stage = chain->stages[i];
		if (!stage->waits || full_behind(chain, i + 1))
			continue;
		stage->waits = false;
		if (stage->f->room)
			stage->f->room(stage->self);
	}
	if (chain->waits && !full_behind(chain, 0)) {
		chain->waits = false;
		chain->room(chain->arg);
	}
}

void aigw_chain_hold(struct aigw_chain *chain, bool full)
{
	bool was = chain->sink_full;

	chain->sink_full = full;
	if (was && !full)
		tell_room(chain);
}

void aigw_stage_full(struct aigw_stage *stage, bool full)
{
	bool was = stage->full;

	stage->full = full;
	if (was && !full)
		tell_room(stage->chain);
}

bool aigw_stage_may_emit(struct aigw_stage *stage)
{
	stage->waits = full_behind(stage->chain, stage->index + 1);
	return !stage->waits;
}

/* The way through ----------------------------------------------------------- */

static int rank(enum aigw_exit code)
{
	switch (code) {
	case AIGW_EXIT_OK:
		return 0;
	case AIGW_EXIT_RECORDS:
		return 1;
	case AIGW_EXIT_TEMPFAIL:
		return 2;
	case AIGW_EXIT_HALTED:
		return 3;
	default:
		return 4;
	}
}

static void worsen(struct aigw_chain *chain, enum aigw_exit code)
{
	if (rank(code) > rank(chain->exit))
		chain->exit = code;
}

/* A filter says its own name, as its program in a pipe does, and not which of
 * the chain's stages it is: every body gives the same bytes. */
static const char *said_by(const struct aigw_stage *stage)
{
	return stage->f == &aigw_filter_exec ? stage->name : stage->f->name;
}

/*
 * What a filter could not handle must not travel on inside the refusal: an event
 * becomes a bare "err", an answer loses its text. What is an error already says
 * more than we do.
 */
static int strip(struct aigw_env *env, struct aigw_err *err)
{
	struct aigw_env *event;

	switch (aigw_env_kind(env)) {
	case AIGW_CHUNK:
		event = aigw_env_chunk(env, "err");
		if (!event)
			return aigw_fail(err, "out of memory");
		aigw_env_become(env, event);
		return 0;
	case AIGW_RESPONSE:
		return aigw_env_remove(env, "res", err);
	default:
		return 0;
	}
}

/*
 * Refuse an envelope. When even that cannot be written it must not go on as it
 * was: it is dropped, loudly, and false.
 */
static bool refuse(struct aigw_env *env, const struct aigw_stage *stage,
		   const struct aigw_err *why)
{
	struct aigw_chain *chain = stage->chain;
	struct aigw_err err;

	if (aigw_env_kind(env) == AIGW_ERROR)
		return true;
	if (!strip(env, &err) && !aigw_env_reject(env, why, said_by(stage),
						  "policy", "gateway", &err))
		return true;
	aigw_log(chain->log, AIGW_ERR, "%s: envelope lost: %s", stage->name,
		 err.text);
	worsen(chain, AIGW_EXIT_SOFTWARE);
	chain->pending -= env->counted;
	aigw_env_free(env);
	return false;
}

static void arrive(struct aigw_chain *chain, struct aigw_env *env)
{
	if (aigw_env_kind(env) == AIGW_ERROR)
		worsen(chain, AIGW_EXIT_RECORDS);
	if (env->counted)
		chain->pending--;
	chain->sink(chain->arg, env);
}

static void run(struct aigw_env *env)
{
	struct aigw_chain *chain = env->chain;
	struct aigw_err err = { 0 };
	struct aigw_stage *stage;
	int verdict;

	for (; env->at < chain->n; env->at++) {
		stage = chain->stages[env->at];
		if (!(stage->f->wants & aigw_env_kind(env)))
			continue;
		stage->put_off++;
		verdict = stage->f->apply(stage->self, env, &err);
		if (verdict == AIGW_LATER)
			return;
		stage->put_off--;
		if (verdict == AIGW_TAKEN ||
		    (verdict == AIGW_FAILED && !refuse(env, stage, &err)))
			return;
	}
	arrive(chain, env);
}

bool aigw_chain_push(struct aigw_chain *chain, struct aigw_env *env)
{
	env->chain = chain;
	env->at = 0;
	env->counted = !(aigw_env_kind(env) & (AIGW_CHUNK | AIGW_CANCEL));
	chain->pending += env->counted;
	run(env);
	chain->waits = full_behind(chain, 0);
	return !chain->waits;
}

bool aigw_emit(struct aigw_env *env, struct aigw_env *more)
{
	struct aigw_stage *stage = env->chain->stages[env->at];

	more->chain = env->chain;
	more->at = env->at + 1;
	more->counted = false;
	more->seq = env->seq;
	run(more);
	return aigw_stage_may_emit(stage);
}

void aigw_stage_inject(struct aigw_stage *stage, struct aigw_env *env)
{
	env->chain = stage->chain;
	env->at = stage->index + 1;
	env->counted = false;
	run(env);
}

/* The end: stage by stage, each when nothing can reach it any more. -------- */

static void step_end(struct aigw_chain *chain)
{
	struct aigw_stage *stage;

	while (chain->ending && chain->ended < chain->n) {
		stage = chain->stages[chain->ended];
		if (!stage->ended) {
			stage->ended = true;
			if (stage->f->end)
				stage->f->end(stage->self);
			continue; /* that may have led here, too */
		}
		if (stage->busy || stage->put_off)
			return;
		chain->ended++;
	}
}

void aigw_resume(struct aigw_env *env, enum aigw_verdict verdict,
		 const struct aigw_err *why)
{
	struct aigw_chain *chain = env->chain;
	struct aigw_stage *stage = chain->stages[env->at];

	stage->put_off--;
	if (verdict != AIGW_FAILED || refuse(env, stage, why)) {
		env->at++;
		run(env);
	}
	step_end(chain);
}

void aigw_stage_busy(struct aigw_stage *stage, bool busy)
{
	stage->busy = busy;
	if (!busy)
		step_end(stage->chain);
}

void aigw_chain_end(struct aigw_chain *chain)
{
	chain->ending = true;
	step_end(chain);
}

bool aigw_chain_ended(const struct aigw_chain *chain)
{
	return chain->ending && chain->ended == chain->n;
}

size_t aigw_chain_pending(const struct aigw_chain *chain)
{
	return chain->pending;
}

enum aigw_exit aigw_chain_exit(const struct aigw_chain *chain)
{
	return chain->exit;
}

void aigw_chain_free(struct aigw_chain *chain)
{
	struct aigw_stage *stage;
	size_t i;

	if (!chain)
		return;
	for (i = 0; i < chain->n; i++) {
		stage = chain->stages[i];
		if (stage->opened && stage->f->close)
			stage->f->close(stage->self);
		free_instance(stage->f, stage->self);
		free(stage->name);
		free(stage);
	}
	free(chain->stages);
	free(chain);
}

/* Services -------------------------------------------------------------------- */

struct uv_loop_s *aigw_stage_loop(struct aigw_stage *stage)
{
	return stage->chain->loop;
}

const struct aigw_log *aigw_stage_log(struct aigw_stage *stage)
{
	return stage->chain->log;
}

const char *aigw_stage_name(const struct aigw_stage *stage)
{
	return stage->name;
}

void aigw_stage_exit(struct aigw_stage *stage, enum aigw_exit code)
{
	worsen(stage->chain, code);
}
