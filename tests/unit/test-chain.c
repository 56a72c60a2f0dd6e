/* SPDX-License-Identifier: Apache-2.0 */
/* test-chain.c - envelopes through linked stages: order, room, end, refusals */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "host.h"

/* A filter that does what the envelope's member "do" says -------------- */

#define HELD_MAX 64

struct toy {
	struct aigw_stage *stage;
	uv_timer_t *timer;
	struct aigw_env *held[HELD_MAX]; /* answered LATER, all by one tick */
	size_t n;
	struct aigw_env *emitter; /* stopped by a false of aigw_emit() */
	int left;		  /* chunks it has still to send */
	int ends, rooms;
};

static char trace[4096]; /* what the toys and the sink did, in order */

static void say(const char *what, const struct aigw_env *env)
{
	size_t n = strlen(trace);

	snprintf(trace + n, sizeof(trace) - n, "%s%s%s ", what, env ? ":" : "",
		 env ? aigw_env_id(env, NULL) : "");
}

static void emit(struct toy *toy)
{
	struct aigw_env *env = toy->emitter;

	while (toy->left > 0) {
		toy->left--;
		if (!aigw_emit(env, aigw_env_chunk(env, "d")))
			return;
	}
	toy->emitter = NULL;
	aigw_resume(env, AIGW_NEXT, NULL);
}

static void on_timer(uv_timer_t *timer)
{
	struct toy *toy = timer->data;
	size_t i, n = toy->n;
	struct aigw_env *held[HELD_MAX];

	memcpy(held, toy->held, sizeof(held));
	toy->n = 0;
	for (i = n; i-- > 0;) /* the newest first */
		aigw_resume(held[i], AIGW_NEXT, NULL);
}

static enum aigw_verdict toy_apply(void *self, struct aigw_env *env,
				   struct aigw_err *err)
{
	struct toy *toy = self;
	const char *what = aigw_env_str(env, "do", NULL);

	if (!what || !strcmp(what, "pass"))
		return AIGW_NEXT;
	if (!strcmp(what, "fail"))
		return aigw_fail_as(err, AIGW_E_POLICY, "no_toys", "no toys");
	if (!strcmp(what, "emit")) {
		toy->emitter = env;
		toy->left = 5;
		emit(toy);
		return AIGW_LATER;
	}
	if (!strcmp(what, "now")) {
		aigw_resume(env, AIGW_NEXT, NULL);
		return AIGW_LATER;
	}
	toy->held[toy->n++] = env;
	uv_timer_start(toy->timer, on_timer, 5, 0);
	return AIGW_LATER;
}

static void toy_room(void *self)
{
	struct toy *toy = self;

	say("room", NULL);
	toy->rooms++;
	if (toy->emitter)
		emit(toy);
}

static void toy_end(void *self)
{
	struct toy *toy = self;

	toy->ends++;
	say("end", NULL);
}

static int toy_open(void *self, struct aigw_stage *stage, struct aigw_err *err)
{
	struct toy *toy = self;

	(void)err;
	toy->stage = stage;
	toy->timer = calloc(1, sizeof(*toy->timer));
	uv_timer_init(aigw_stage_loop(stage), toy->timer);
	toy->timer->data = toy;
	return 0;
}

static void toy_close(void *self)
{
	struct toy *toy = self;

	while (toy->n)
		aigw_env_free(toy->held[--toy->n]);
	aigw_env_free(toy->emitter);
	if (toy->timer)
		uv_close((uv_handle_t *)toy->timer, (uv_close_cb)free);
}

static const struct aigw_opt no_opts[] = { { 0 } };

#define ALL \
	(AIGW_REQUEST | AIGW_CHUNK | AIGW_RESPONSE | AIGW_ERROR | AIGW_CANCEL)
static const struct aigw_filter toy_filter = {
	.name = "toy", .wants = ALL & ~AIGW_ERROR, .size = sizeof(struct toy),
	.opts = no_opts, .open = toy_open, .apply = toy_apply,
	.room = toy_room, .end = toy_end, .close = toy_close,
};

/* The chain under test -------------------------------------------------- */

struct rig {
	uv_loop_t loop;
	struct aigw_chain *chain;
	struct aigw_buf out;
	size_t full_at; /* envelopes after which the sink is full; 0: never */
	size_t n;
	int rooms;
};

static void rig_sink(void *arg, struct aigw_env *env)
{
	struct rig *rig = arg;
	struct aigw_err err;

	say(aigw_env_kind(env) == AIGW_CHUNK ? "d" : "out", env);
	assert_int_equal(aigw_env_write(env, &rig->out, &err), 0);
	aigw_env_free(env);
	if (++rig->n == rig->full_at)
		aigw_chain_hold(rig->chain, true);
}

static void rig_room(void *arg)
{
	struct rig *rig = arg;

	rig->rooms++;
}

static void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	trace[0] = '\0';
	assert_int_equal(uv_loop_init(&rig->loop), 0);
	aigw_buf_init(&rig->out, 1 << 24);
	rig->chain = aigw_chain_new(&rig->loop, NULL);
	aigw_chain_sink(rig->chain, rig_sink, rig_room, rig);
}

static void rig_add(struct rig *rig, const struct aigw_filter *f,
		    const char *name, struct aigw_list *flags)
{
	struct aigw_err err;

	assert_int_equal(aigw_chain_add(rig->chain, f, name, NULL, flags, &err),
			 0);
}

static void rig_open(struct rig *rig)
{
	struct aigw_err err = { 0 };

	assert_int_equal(aigw_chain_open(rig->chain, &err), 0);
}

static void rig_toys(struct rig *rig, int n)
{
	rig_init(rig);
	while (n-- > 0)
		rig_add(rig, &toy_filter, "toy", NULL);
	rig_open(rig);
}

static bool push(struct rig *rig, const char *line)
{
	struct aigw_err err;
	struct aigw_env *env = aigw_env_parse(line, strlen(line), &err);

	assert_non_null(env);
	return aigw_chain_push(rig->chain, env);
}

static void run_until_ended(struct rig *rig)
{
	int i;

	aigw_chain_end(rig->chain);
	for (i = 0; i < 10000 && !aigw_chain_ended(rig->chain); i++)
		uv_run(&rig->loop, UV_RUN_ONCE);
	assert_true(aigw_chain_ended(rig->chain));
	assert_int_equal(aigw_chain_pending(rig->chain), 0);
}

/* Every handle is closed, and the loop is empty. */
static void rig_release(struct rig *rig)
{
	aigw_chain_free(rig->chain);
	uv_run(&rig->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&rig->loop), 0);
	aigw_buf_release(&rig->out);
}

static bool came_out(const struct rig *rig, const char *text)
{
	return rig->out.len && memmem(rig->out.data, rig->out.len, text,
				      strlen(text)) != NULL;
}

/* Tests -------------------------------------------------------------------- */

static void passes_in_order(void **state)
{
	struct rig rig;

	(void)state;
	rig_toys(&rig, 3);
	assert_true(push(&rig, "{\"aigw\":1,\"id\":\"a\"}"));
	assert_true(push(&rig, "{\"id\":\"b\",\"e\":\"d\",\"t\":\"x\"}"));
	assert_true(push(&rig, "{\"id\":\"b\",\"e\":\"cancel\"}"));
	run_until_ended(&rig);
	assert_string_equal(trace, "out:a d:b out:b end end end ");
	assert_int_equal(aigw_chain_exit(rig.chain), 0);
	rig_release(&rig);
}

static void answers_later_in_any_order(void **state)
{
	struct rig rig;

	(void)state;
	rig_toys(&rig, 2);
	push(&rig, "{\"aigw\":1,\"id\":\"a\",\"do\":\"later\"}");
	push(&rig, "{\"aigw\":1,\"id\":\"b\",\"do\":\"later\"}");
	push(&rig, "{\"aigw\":1,\"id\":\"c\",\"do\":\"now\"}");
	assert_int_equal(aigw_chain_pending(rig.chain), 2);
	run_until_ended(&rig);
	/* end() of a stage: nothing can reach it any more */
	assert_string_equal(trace, "out:c end end out:a out:b ");
	rig_release(&rig);
}

static void refuses_each_kind(void **state)
{
	struct rig rig;

	(void)state;
	rig_toys(&rig, 2);
	push(&rig, "{\"aigw\":1,\"id\":\"q\",\"do\":\"fail\"}");
	assert_true(came_out(&rig, "\"err\":{\"class\":\"policy\""));
	push(&rig, "{\"aigw\":1,\"id\":\"r\",\"do\":\"fail\",\"res\":{}}");
	push(&rig, "{\"id\":\"s\",\"e\":\"d\",\"do\":\"fail\",\"t\":\"x\"}");
	assert_true(came_out(&rig, "\n{\"aigw\":1,\"id\":\"s\",\"e\":\"err\","
				   "\"err\":{"));
	assert_false(came_out(&rig, "\"t\":\"x\""));
	run_until_ended(&rig);
	/* the second toy does not want errors */
	assert_string_equal(trace, "out:q out:r d:s end end ");
	assert_int_equal(aigw_chain_exit(rig.chain), AIGW_EXIT_RECORDS);
	rig_release(&rig);
}

static void stops_emitting_without_room(void **state)
{
	struct rig rig;

	(void)state;
	rig_toys(&rig, 2);
	rig.full_at = 2;
	assert_false(push(&rig, "{\"aigw\":1,\"id\":\"a\",\"do\":\"emit\"}"));
	assert_string_equal(trace, "d:a d:a ");
	assert_int_equal(rig.rooms, 0);
	aigw_chain_hold(rig.chain, false);
	assert_int_equal(rig.rooms, 1);
	/* the rest, and then the envelope itself, which the second toy emits
	 * once more: the member is still there */
	assert_string_equal(trace, "d:a d:a room d:a d:a d:a "
				   "d:a d:a d:a d:a d:a out:a ");
	run_until_ended(&rig);
	rig_release(&rig);
}

static void frees_what_is_under_way(void **state)
{
	struct rig rig;

	(void)state;
	rig_toys(&rig, 1);
	push(&rig, "{\"aigw\":1,\"id\":\"a\",\"do\":\"later\"}");
	rig_release(&rig);
}

static void ranks_exit_codes(void **state)
{
	static const struct {
		int code, want;
	} steps[] = { { AIGW_EXIT_RECORDS, 1 }, { AIGW_EXIT_OK, 1 },
		      { AIGW_EXIT_TEMPFAIL, 75 }, { AIGW_EXIT_RECORDS, 75 },
		      { AIGW_EXIT_HALTED, 3 }, { AIGW_EXIT_TEMPFAIL, 3 },
		      { AIGW_EXIT_CONFIG, 78 }, { AIGW_EXIT_HALTED, 78 },
		      { AIGW_EXIT_IO, 78 } };
	struct rig rig;
	struct toy *toy = calloc(1, sizeof(*toy));
	struct aigw_err err;
	size_t i;

	(void)state;
	rig_init(&rig);
	assert_int_equal(
		aigw_chain_take(rig.chain, &toy_filter, "toy", toy, &err), 0);
	rig_open(&rig);
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		aigw_stage_exit(toy->stage, steps[i].code);
		assert_int_equal(aigw_chain_exit(rig.chain), steps[i].want);
	}
	rig_release(&rig);
}

/* Children ----------------------------------------------------------------- */

/* A chain of one program run by sh, with more flags of the stage. */
static void rig_shell(struct rig *rig, const char *script, const char *flag)
{
	char exec[600];
	char *flags[] = { "exec=sh", "exec=-c", exec, (char *)(uintptr_t)flag };
	struct aigw_list list = { .v = flags, .n = flag ? 4 : 3 };

	snprintf(exec, sizeof(exec), "exec=%s", script);
	rig_init(rig);
	rig_add(rig, &aigw_filter_exec, "sh", &list);
	rig_open(rig);
}

/* What costs money is not given to a second child when the first may have read
 * it, even if the write that held it failed in the end. */
static void gives_nothing_twice(void **state)
{
	char dir[] = "/tmp/test-chain.XXXXXX", line[2000], script[300];
	char cmd[400];
	struct rig rig;
	int i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(script, sizeof(script),
		 "head -c 700000 >%s/$$; kill -KILL $$", dir);
	rig_shell(&rig, script, "resend=false");
	for (i = 0; i < 2000; i++) {
		snprintf(line, sizeof(line),
			 "{\"aigw\":1,\"id\":\"n%d\",\"x\":\"%01000d\"}", i, i);
		push(&rig, line);
	}
	run_until_ended(&rig);
	assert_int_equal(rig.n, 2000);
	rig_release(&rig);
	snprintf(cmd, sizeof(cmd),
		 "test $(cat %s/* | grep -ao '\"id\":\"n[0-9]*\",\"x\":\"' | "
		 "sort | uniq -d | wc -l) = 0; r=$?; rm -r %s; exit $r",
		 dir, dir);
	assert_int_equal(system(cmd), 0);
}

/* A cancel comes behind its request, even when that waits for room. */
static void cancels_behind_the_request(void **state)
{
	char line[4000];
	struct rig rig;
	int i;

	(void)state;
	rig_shell(&rig, "cat", "queue=1000");
	for (i = 0; i < 10; i++) {
		snprintf(line, sizeof(line),
			 "{\"aigw\":1,\"id\":\"n%d\",\"x\":\"%03000d\"}", i, i);
		push(&rig, line);
	}
	push(&rig, "{\"id\":\"n7\",\"e\":\"cancel\"}");
	run_until_ended(&rig);
	assert_string_equal(trace, "out:n0 out:n7 out:n7 out:n1 out:n2 out:n3 "
				   "out:n4 out:n5 out:n6 out:n8 out:n9 ");
	rig_release(&rig);
}

static void lets_a_cancel_pass_a_dead_stage(void **state)
{
	struct rig rig;

	(void)state;
	rig_shell(&rig, "exit 78", NULL);
	push(&rig, "{\"aigw\":1,\"id\":\"a\"}");
	while (!rig.n)
		uv_run(&rig.loop, UV_RUN_ONCE);
	push(&rig, "{\"id\":\"a\",\"e\":\"cancel\"}");
	assert_true(came_out(&rig, "\n{\"id\":\"a\",\"e\":\"cancel\"}\n"));
	run_until_ended(&rig);
	assert_int_equal(aigw_chain_exit(rig.chain), AIGW_EXIT_CONFIG);
	rig_release(&rig);
}

static void finds_ids_with_nul_and_quotes(void **state)
{
	char id[AIGW_ID_MAX + 1], line[600];
	struct rig rig;

	(void)state;
	rig_shell(&rig, "cat", NULL);
	memset(id, 'i', AIGW_ID_MAX);
	id[AIGW_ID_MAX] = '\0';
	snprintf(line, sizeof(line), "{\"aigw\":1,\"id\":\"%s\"}", id);
	push(&rig, line);
	push(&rig, "{\"aigw\":1,\"id\":\"a\\u0000\\\"b\",\"n\":1}");
	push(&rig, "{\"aigw\":1,\"id\":\"a\\u0000\\\"c\",\"n\":2}");
	push(&rig, "{\"aigw\":1,\"id\":\"a\",\"n\":3}");
	run_until_ended(&rig);
	assert_int_equal(rig.n, 4);
	assert_int_equal(aigw_chain_exit(rig.chain), 0);
	rig_release(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passes_in_order),
		cmocka_unit_test(answers_later_in_any_order),
		cmocka_unit_test(refuses_each_kind),
		cmocka_unit_test(stops_emitting_without_room),
		cmocka_unit_test(frees_what_is_under_way),
		cmocka_unit_test(ranks_exit_codes),
		cmocka_unit_test(gives_nothing_twice),
		cmocka_unit_test(cancels_behind_the_request),
		cmocka_unit_test(lets_a_cancel_pass_a_dead_stage),
		cmocka_unit_test(finds_ids_with_nul_and_quotes),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
