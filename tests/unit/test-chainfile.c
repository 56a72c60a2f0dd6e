/* SPDX-License-Identifier: Apache-2.0 */
/* test-chainfile.c - configurations as stages: names, bodies, options */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/chainfile.h"

struct guard {
	int64_t jobs;
	bool loud;
	char *file, *secret;
	struct aigw_list only;
	const struct aigw_conf *tree;
};

#define AT(field) .offset = offsetof(struct guard, field)
static const struct aigw_opt guard_opts[] = {
	{.name = "jobs", .type = AIGW_OPT_INT, AT(jobs), .fallback = "4"},
	{.name = "loud", .type = AIGW_OPT_FLAG, AT(loud)},
	{.name = "file", .type = AIGW_OPT_PATH, AT(file)},
	{.name = "secret", .type = AIGW_OPT_STRING, AT(secret), .secret = true},
	{.name = "only", .type = AIGW_OPT_LIST, AT(only)},
	{.name = "tree", .type = AIGW_OPT_TREE, AT(tree)},
	{.type = AIGW_OPT_END},
};

struct exec {
	struct aigw_list exec;
	int64_t deadline, queue;
};

static const struct aigw_opt exec_opts[] = {
	{.name = "exec",
	 .type = AIGW_OPT_LIST,
	 .offset = offsetof(struct exec, exec)},
	{.name = "deadline",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct exec, deadline),
	 .fallback = "60s"},
	{.name = "queue",
	 .type = AIGW_OPT_SIZE,
	 .offset = offsetof(struct exec, queue),
	 .fallback = "4M"},
	{.type = AIGW_OPT_END},
};

static const struct aigw_filter exec = {
	.name = "exec", .size = sizeof(struct exec), .opts = exec_opts};
static const struct aigw_filter guard = {
	.name = "guard", .size = sizeof(struct guard), .opts = guard_opts};
static const struct aigw_filter plain = {.name = "plain"};
static const struct aigw_filter auth = {.name = "auth"};
static const struct aigw_filter mask = {.name = "mask"};
static const struct aigw_filter route = {.name = "route"};
static const struct aigw_filter count = {.name = "count"};
static const struct aigw_filter send = {.name = "send"};
static const struct aigw_filter *const filters[] = {
	&guard, &plain, &auth, &mask, &route, &count, &send, NULL,
};

/* A folder with aigw.yaml in it, and nothing else that could be found. */
struct place {
	char dir[64], file[128];
	struct aigw_chainfile cf;
	struct aigw_err err;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	strcpy(p->dir, "/tmp/aigw-test-chain-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->file, sizeof(p->file), "%s/aigw.yaml", p->dir);
	setenv("HOME", p->dir, 1);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("AIGW_CONFIG");
	unsetenv("AIGW_EXEC_PATH");
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;

	aigw_chainfile_release(&p->cf);
	unlink(p->file);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static struct aigw_chainfile *load(struct place *p, const char *text)
{
	aigw_chainfile_release(&p->cf);
	put(p->file, text);
	if (aigw_chainfile_load(&p->cf, p->file, filters, &p->err) < 0)
		fail_msg("%s", p->err.text);
	return &p->cf;
}

static void names_are(const struct aigw_chainfile *cf, const char *want)
{
	char got[1024] = "";
	size_t i;

	for (i = 0; i < cf->n; i++) {
		strcat(got, i ? " " : "");
		strcat(got, cf->stages[i].name);
	}
	assert_string_equal(got, want);
}

static void test_default(void **state)
{
	struct place *p = *state;
	struct aigw_chainfile *cf = load(p, "");

	names_are(cf, "auth mask route count send count#2 mask#2");
	assert_string_equal(aigw_conf_where(cf->stages[1].node),
			    "(default):1:15");
	assert_ptr_equal(cf->stages[6].filter, &mask);
	assert_int_equal(cf->rule, AIGW_CONFIG_FLAG);
	names_are(load(p, "aigw: 1\nchain: ~\n"),
		  "auth mask route count send count#2 mask#2");
}

static void test_items(void **state)
{
	struct place *p = *state;
	struct aigw_chainfile *cf =
		load(p, "aigw: 1\n"
			"chain:\n"
			"  - guard\n"
			"  - {filter: guard, body: piped, deadline: 2s}\n"
			"  - {filter: guard, name: last, options: {jobs: 9}}\n"
			"  - {exec: [/usr/bin/cat, -u], queue: 64K}\n"
			"  - {exec: jq}\n"
			"  - {exec: [jq], name: tag}\n"
			"guard: {jobs: 7, loud: true}\n");

	names_are(cf, "guard guard#2 last cat jq tag");
	assert_int_equal(cf->stages[0].body, AIGW_BODY_LINKED);
	assert_int_equal(cf->stages[1].body, AIGW_BODY_PIPED);
	assert_string_equal(cf->stages[1].deadline, "2s");
	assert_int_equal(cf->stages[3].body, AIGW_BODY_FOREIGN);
	assert_null(cf->stages[3].filter);
	assert_string_equal(cf->stages[3].exec.v[1], "-u");
	assert_string_equal(cf->stages[3].queue, "64K");
	assert_null(cf->builtin);
}

static void test_fill(void **state)
{
	struct place *p = *state;
	struct aigw_chainfile *cf =
		load(p, "aigw: 1\n"
			"chain: [plain, {filter: guard, options: {jobs: 9}}]\n"
			"guard: {jobs: 7, loud: true}\n");
	struct aigw_origin origin[6] = {{AIGW_FROM_DEFAULT, NULL}};
	struct guard *g;
	void *self;

	self = aigw_stage_conf_fill(&cf->stages[0], NULL, &p->err);
	assert_non_null(self);
	free(self);
	g = aigw_stage_conf_fill(&cf->stages[1], origin, &p->err);
	assert_non_null(g);
	assert_int_equal(g->jobs, 9);
	assert_true(g->loud);
	assert_non_null(strstr(aigw_conf_where(origin[0].node), ":2:48"));
	assert_non_null(strstr(aigw_conf_where(origin[1].node), ":3:24"));
	assert_int_equal(origin[2].kind, AIGW_FROM_DEFAULT);
	aigw_opts_release(guard_opts, g);
	free(g);
}

static void test_foreign_child(void **state)
{
	struct place *p = *state;
	struct aigw_chainfile *cf =
		load(p, "aigw: 1\n"
			"chain:\n"
			"  - {exec: [a, b c, ''], deadline: 2s, queue: 1K}\n"
			"  - {exec: [a], deadline: soon}\n");
	struct exec *e;

	e = aigw_stage_conf_child(cf, &cf->stages[0], &exec, &p->err);
	assert_non_null(e);
	assert_int_equal(e->exec.n, 3);
	assert_string_equal(e->exec.v[1], "b c");
	assert_string_equal(e->exec.v[2], "");
	assert_int_equal(e->deadline, 2000);
	assert_int_equal(e->queue, 1024);
	aigw_opts_release(exec_opts, e);
	free(e);
	assert_null(aigw_stage_conf_child(cf, &cf->stages[1], &exec, &p->err));
	assert_non_null(strstr(p->err.text, "aigw.yaml:4:5: deadline: must"));
}

static void test_piped_child(void **state)
{
	struct place *p = *state;
	char program[128], want[160];
	struct aigw_chainfile *cf;
	struct exec *e;

	snprintf(program, sizeof(program), "%s/aigw-guard", p->dir);
	put(program, "#!/bin/sh\n");
	assert_int_equal(chmod(program, 0700), 0);
	setenv("AIGW_EXEC_PATH", p->dir, 1);
	cf = load(p, "aigw: 1\n"
		     "chain:\n"
		     "  - {filter: guard, body: piped, options: {jobs: 9,\n"
		     "     loud: false, only: [x, y z], file: k}}\n"
		     "guard: {jobs: 7, secret: hush}\n");
	e = aigw_stage_conf_child(cf, &cf->stages[0], &exec, &p->err);
	unlink(program);
	if (!e)
		fail_msg("%s", p->err.text);
	assert_int_equal(e->exec.n, 8);
	assert_string_equal(e->exec.v[0], program);
	assert_string_equal(e->exec.v[1], "-c");
	assert_string_equal(e->exec.v[2], p->file);
	assert_string_equal(e->exec.v[3], "--jobs=9");
	assert_string_equal(e->exec.v[4], "--loud=false");
	snprintf(want, sizeof(want), "--file=%s/k", p->dir);
	assert_string_equal(e->exec.v[5], want);
	assert_string_equal(e->exec.v[6], "--only=x");
	assert_string_equal(e->exec.v[7], "--only=y z");
	assert_int_equal(e->deadline, 60000);
	aigw_opts_release(exec_opts, e);
	free(e);
	assert_null(aigw_stage_conf_child(cf, &cf->stages[0], &exec, &p->err));
	assert_string_equal(p->err.text, "aigw-guard: no such program");
}

/* What cannot be said on a command line, or must not. */
static void test_piped_refused(void **state)
{
	static const struct {
		const char *options, *err;
	} bad[] = {
		{"{secret: hush}", "secret: a piped stage takes this from"},
		{"{tree: {a: 1}}", "tree: a piped stage takes this from"},
		{"{only: []}", "only: must not be empty"},
		{"{jobs: x}", "jobs: must be a whole number"},
	};
	struct place *p = *state;
	struct aigw_chainfile *cf;
	char program[128], text[256];
	size_t i;

	snprintf(program, sizeof(program), "%s/aigw-guard", p->dir);
	put(program, "#!/bin/sh\n");
	assert_int_equal(chmod(program, 0700), 0);
	setenv("AIGW_EXEC_PATH", p->dir, 1);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(text, sizeof(text),
			 "aigw: 1\nchain: [{filter: guard, body: piped, "
			 "options: %s}]\n",
			 bad[i].options);
		cf = load(p, text);
		assert_null(aigw_stage_conf_child(cf, &cf->stages[0], &exec,
						  &p->err));
		assert_non_null(strstr(p->err.text, "aigw.yaml:2:"));
		if (!strstr(p->err.text, bad[i].err))
			fail_msg("%s", p->err.text);
	}
	unlink(program);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *err;
	} bad[] = {
		{"chain: [guard]\n", ":1:1: expected \"aigw: 1\""},
		{"aigw: 2\n", ":1:7: expected \"aigw: 1\""},
		{"[guard]\n", ":1:1: must be a map of sections"},
		{"aigw: 1\ngaurd: {}\n",
		 ":2:1: no section \"gaurd\"; did you mean \"guard\"?"},
		{"aigw: 1\nchian: []\n",
		 ":2:1: no section \"chian\"; did you mean \"chain\"?"},
		{"aigw: 1\nguard: {jbos: 1}\n",
		 ":2:9: no option \"jbos\"; did you mean \"jobs\"?"},
		{"aigw: 1\nplain: {x: 1}\n", ":2:9: no option \"x\""},
		{"aigw: 1\nguard: 1\n", ":2:8: must be a map of options"},
		{"aigw: 1\nchain: guard\n", ":2:8: chain must be a list"},
		{"aigw: 1\nchain: []\n", ":2:8: chain must be a list"},
		{"aigw: 1\nchain: [gaurd]\n",
		 ":2:9: no filter \"gaurd\"; did you mean \"guard\"?"},
		{"aigw: 1\nchain: [zzzz]\n", ":2:9: no filter \"zzzz\""},
		{"aigw: 1\nchain: [[guard]]\n", ":2:9: a stage is the name"},
		{"aigw: 1\nchain: [~]\n", ":2:9: a stage is the name"},
		{"aigw: 1\nchain: [{}]\n", ":2:9: needs either filter or exec"},
		{"aigw: 1\nchain: [{filter: guard, exec: [x]}]\n",
		 ":2:9: needs either filter or exec"},
		{"aigw: 1\nchain: [{filtre: guard}]\n",
		 ":2:10: no option \"filtre\"; did you mean \"filter\"?"},
		{"aigw: 1\nchain: [{filter: guard, body: forked}]\n",
		 ":2:31: body: must be one of linked, piped"},
		{"aigw: 1\nchain: [{exec: [x], body: linked}]\n",
		 ":2:9: exec cannot be linked"},
		{"aigw: 1\nchain: [{exec: [x], options: {a: 1}}]\n",
		 ":2:9: options belong to a filter"},
		{"aigw: 1\nchain: [{filter: guard, deadline: 1s}]\n",
		 ":2:9: deadline, queue and resend are for stages"},
		{"aigw: 1\nchain: [guard, {exec: [x], name: guard}]\n",
		 ":2:16: the name \"guard\" is taken already"},
		{"aigw: 1\nchain: [{exec: [x], name: a b}]\n",
		 ":2:9: a name is 1 to 64"},
		{"aigw: 1\nchain: [{exec: [x], name: ''}]\n",
		 ":2:9: a name is 1 to 64"},
		{"aigw: 1\nchain: [{exec: [x], name: count#2}]\n",
		 ":2:9: a name is 1 to 64"},
		{"aigw: 1\nchain: [\n", ":3:1: "},
	};
	struct place *p = *state;
	char want[512];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put(p->file, bad[i].text);
		assert_int_equal(aigw_chainfile_load(&p->cf, p->file, filters,
						     &p->err),
				 -1);
		snprintf(want, sizeof(want), "%s%s", p->file, bad[i].err);
		if (strncmp(p->err.text, want, strlen(want)) != 0)
			fail_msg("%s, not %s", p->err.text, want);
		assert_string_equal(p->err.code, "invalid_config");
	}
}

static void test_too_many(void **state)
{
	struct place *p = *state;
	char text[2048] = "aigw: 1\nchain: [plain";
	size_t i;

	for (i = 1; i < AIGW_CHAIN_MAX; i++)
		strcat(text, ", plain");
	strcat(text, "]\n");
	load(p, text);
	assert_string_equal(p->cf.stages[63].name, "plain#64");
	aigw_chainfile_release(&p->cf);
	strcpy(strchr(text, ']'), ", plain]\n");
	put(p->file, text);
	assert_int_equal(aigw_chainfile_load(&p->cf, p->file, filters, &p->err),
			 -1);
	assert_non_null(strstr(p->err.text, ":2:8: more than 64 stages"));
}

/* The rules in their order, each hidden by the one before. */
static void test_find_config(void **state)
{
	struct place *p = *state;
	char path[AIGW_PATH_MAX], dir[128];
	enum aigw_config_rule rule;

	assert_int_equal(aigw_config_find("x", path, &rule, &p->err), 0);
	assert_int_equal(rule, AIGW_CONFIG_FLAG);
	assert_string_equal(path, "x");
	setenv("AIGW_CONFIG", "/no/such", 1);
	assert_int_equal(aigw_config_find(NULL, path, &rule, &p->err), 0);
	assert_int_equal(rule, AIGW_CONFIG_ENV);
	assert_string_equal(path, "/no/such");
	setenv("AIGW_CONFIG", "", 1);
	snprintf(dir, sizeof(dir), "%s/aigw", p->dir);
	assert_int_equal(mkdir(dir, 0700), 0);
	strcat(dir, "/aigw.yaml");
	put(dir, "");
	setenv("XDG_CONFIG_HOME", p->dir, 1);
	assert_int_equal(aigw_config_find(NULL, path, &rule, &p->err), 0);
	assert_int_equal(rule, AIGW_CONFIG_USER);
	assert_string_equal(path, dir);
	unlink(dir);
	*strrchr(dir, '/') = '\0';
	rmdir(dir);
	assert_int_equal(aigw_config_find(NULL, path, &rule, &p->err), 0);
	if (access("/etc/aigw/aigw.yaml", F_OK) == 0) {
		assert_int_equal(rule, AIGW_CONFIG_HOST);
	} else {
		assert_int_equal(rule, AIGW_CONFIG_NONE);
		assert_string_equal(path, "");
	}
}

static void test_find_program(void **state)
{
	struct place *p = *state;
	char path[AIGW_PATH_MAX];

	assert_int_equal(aigw_program_find("sh", path, &p->err), 0);
	assert_int_equal(path[0], '/');
	assert_int_equal(aigw_program_find("../bin/sh", path, &p->err), -1);
	assert_int_equal(aigw_program_find("", path, &p->err), -1);
	assert_int_equal(aigw_program_find("aigw-none", path, &p->err), -1);
	assert_string_equal(p->err.text, "aigw-none: no such program");
	assert_int_equal(p->err.class, AIGW_E_NOT_FOUND);
	assert_string_equal(path, "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_default),     T(test_items),
		T(test_fill),	     T(test_foreign_child),
		T(test_piped_child), T(test_piped_refused),
		T(test_errors),	     T(test_too_many),
		T(test_find_config), T(test_find_program),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
