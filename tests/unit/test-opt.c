/* SPDX-License-Identifier: Apache-2.0 */
/* test-opt.c - values of every type from defaults, YAML and command lines */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/opt.h"

static const char *const words[] = {"auto", "always", "never", NULL};

struct self {
	bool quiet, color;
	int64_t jobs, delta, max_line, wait, budget, least;
	char *name, *file, *token;
	int progress;
	struct aigw_list model;
	const struct aigw_conf *tree;
};

#define AT(field) .offset = offsetof(struct self, field)

static const struct aigw_opt rows[] = {
	{"quiet", 'q', AIGW_OPT_FLAG, AT(quiet), .help = "say less"},
	{"color", 0, AIGW_OPT_FLAG, AT(color), .fallback = "true",
	 .help = "with colors"},
	{"jobs", 'j', AIGW_OPT_INT, AT(jobs), .fallback = "16", .arg = "N",
	 .help = "requests in flight", .min = 1, .max = 1000},
	{"delta", 0, AIGW_OPT_INT, AT(delta), .arg = "N", .help = "x",
	 .min = -5, .max = 5},
	{"least", 0, AIGW_OPT_INT, AT(least), .fallback = "1", .arg = "N",
	 .help = "x", .min = 1},
	{"max-line", 0, AIGW_OPT_SIZE, AT(max_line), .fallback = "16M",
	 .arg = "SIZE", .help = "longer lines are refused"},
	{"wait", 'w', AIGW_OPT_TIME, AT(wait), .fallback = "1500ms",
	 .arg = "TIME", .help = "x", .min = 10, .max = 86400000},
	{"budget", 0, AIGW_OPT_MONEY, AT(budget), .arg = "USD", .help = "x"},
	{"name", 'n', AIGW_OPT_STRING, AT(name), .arg = "TEXT", .help = "x"},
	{"file", 0, AIGW_OPT_PATH, AT(file), .arg = "FILE", .help = "x"},
	{"token", 0, AIGW_OPT_STRING, AT(token), .help = "x", .secret = true},
	{"progress", 0, AIGW_OPT_ENUM, AT(progress), .fallback = "never",
	 .arg = "WHEN", .help = "show progress on stderr", .words = words},
	{"model", 'm', AIGW_OPT_LIST, AT(model), .arg = "NAME", .fallback = "*",
	 .help = "allow this model; may be repeated"},
	{"tree", 0, AIGW_OPT_TREE, AT(tree), .help = "x"},
	{.type = AIGW_OPT_END},
};

struct more {
	bool help;
	char *config;
};

static const struct aigw_opt more_rows[] = {
	{"help", 'h', AIGW_OPT_FLAG, offsetof(struct more, help), .help = "x"},
	{"config", 'c', AIGW_OPT_PATH, offsetof(struct more, config),
	 .help = "x"},
	{.type = AIGW_OPT_END},
};

static const struct aigw_opt *row(const char *name)
{
	const struct aigw_opt *o = rows;

	while (strcmp(o->name, name) != 0)
		o++;
	return o;
}

static struct self fresh(void)
{
	struct self self = {0};

	assert_int_equal(aigw_opts_defaults(rows, &self, NULL), 0);
	return self;
}

static void test_defaults(void **state)
{
	struct self self = fresh();

	(void)state;
	assert_int_equal(aigw_opts_count(rows), 14);
	assert_int_equal(aigw_opts_count(NULL), 0);
	assert_false(self.quiet);
	assert_true(self.color);
	assert_int_equal(self.jobs, 16);
	assert_int_equal(self.max_line, 16 << 20);
	assert_int_equal(self.wait, 1500);
	assert_int_equal(self.progress, 2);
	assert_null(self.name);
	assert_int_equal(self.model.n, 1);
	aigw_opts_release(rows, &self);
	assert_null(self.model.v);
	assert_int_equal(self.model.n, 0);
	aigw_opts_release(NULL, &self);
}

/* Every spelling, what it gives, and how it is shown again. */
static void test_values(void **state)
{
	static const struct {
		const char *name, *value, *shown;
	} good[] = {
		{"jobs", "1", "1"},
		{"jobs", "0007", "7"},
		{"delta", "-5", "-5"},
		{"delta", "0", "0"},
		{"least", "9223372036854775807", "9223372036854775807"},
		{"max-line", "0", "0"},
		{"max-line", "512", "512"},
		{"max-line", "1024", "1K"},
		{"max-line", "64K", "64K"},
		{"max-line", "1536K", "1536K"},
		{"max-line", "2048M", "2G"},
		{"wait", "10ms", "10ms"},
		{"wait", "1000ms", "1s"},
		{"wait", "90s", "90s"},
		{"wait", "120m", "2h"},
		{"wait", "24h", "1d"},
		{"budget", "0.25", "0.25"},
		{"budget", "12", "12"},
		{"progress", "always", "always"},
		{"quiet", "true", "true"},
		{"quiet", "false", "false"},
		{"name", "", ""},
		{"name", "a b", "a b"},
	};
	struct self self = fresh();
	struct aigw_err err;
	struct aigw_buf b;
	size_t i;

	(void)state;
	aigw_buf_init(&b, 4096);
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		if (aigw_opts_set(rows, &self, good[i].name, good[i].value,
				  &err) < 0)
			fail_msg("%s", err.text);
		b.len = 0;
		assert_int_equal(aigw_opts_show(row(good[i].name), &self, &b),
				 0);
		assert_int_equal(b.len, strlen(good[i].shown));
		if (b.len > 0)
			assert_memory_equal(b.data, good[i].shown, b.len);
	}
	aigw_buf_release(&b);
	aigw_opts_release(rows, &self);
}

static void test_bad_values(void **state)
{
	static const struct {
		const char *name, *value, *text;
	} bad[] = {
		{"jobs", "0", "jobs: must be 1 to 1000"},
		{"jobs", "1001", "jobs: must be 1 to 1000"},
		{"jobs", "", "jobs: must be a whole number"},
		{"jobs", "x", "jobs: must be a whole number"},
		{"jobs", "4x", "jobs: must be a whole number"},
		{"jobs", "+4", "jobs: must be a whole number"},
		{"jobs", " 4", "jobs: must be a whole number"},
		{"jobs", "4K", "jobs: must be a whole number"},
		{"jobs", "99999999999999999999", "jobs: is too large"},
		{"delta", "-6", "delta: must be -5 to 5"},
		{"delta", "-", "delta: must be a whole number"},
		{"least", "0", "least: must be 1 or more"},
		{"max-line", "-1",
		 "max-line: must be a size such as 512, 64K, 16M or 2G"},
		{"max-line", "1k",
		 "max-line: must be a size such as 512, 64K, 16M or 2G"},
		{"max-line", "9999999999G", "max-line: is too large"},
		{"wait", "5",
		 "wait: must be a time such as 250ms, 30s, 5m, 2h or 1d"},
		{"wait", "9ms", "wait: must be 10ms to 1d"},
		{"wait", "0", "wait: must be 10ms to 1d"},
		{"wait", "5 s",
		 "wait: must be a time such as 250ms, 30s, 5m, 2h or 1d"},
		{"quiet", "yes", "quiet: must be true or false"},
		{"progress", "Auto",
		 "progress: must be one of auto, always, never"},
		{"tree", "x", "tree: can only be set in a configuration file"},
		{"token", "x",
		 "token: can only be set in a configuration file"},
		{"jbos", "4", "no option \"jbos\"; did you mean \"jobs\"?"},
		{"zzzzzz", "4", "no option \"zzzzzz\""},
	};
	struct self self = fresh();
	struct aigw_err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(aigw_opts_set(rows, &self, bad[i].name,
					       bad[i].value, &err),
				 -1);
		assert_string_equal(err.text, bad[i].text);
	}
	assert_int_equal(self.jobs, 16);
	assert_int_equal(self.wait, 1500);
	aigw_opts_release(rows, &self);
}

static struct aigw_conf *parse(const char *name, const char *text)
{
	struct aigw_err err = {.text = ""};
	struct aigw_conf *c = aigw_conf_parse(name, text, strlen(text), &err);

	if (!c)
		fail_msg("%s", err.text);
	return c;
}

static void test_conf(void **state)
{
	struct aigw_conf *c = parse("/etc/aigw/x.yaml", "quiet: true\n"
							"color: false\n"
							"jobs: 4\n"
							"name: ~\n"
							"file: a/b\n"
							"token: hush\n"
							"wait: '30s'\n"
							"model: [a, b]\n"
							"tree: {x: 1}\n");
	struct aigw_origin origin[14] = {{AIGW_FROM_DEFAULT, NULL}};
	struct self self = fresh();
	struct aigw_buf b;

	(void)state;
	assert_int_equal(aigw_opts_conf(rows, &self, c, origin, NULL), 0);
	assert_true(self.quiet);
	assert_false(self.color);
	assert_int_equal(self.jobs, 4);
	assert_null(self.name);
	assert_string_equal(self.file, "/etc/aigw/a/b");
	assert_int_equal(self.wait, 30000);
	assert_int_equal(self.model.n, 2);
	assert_string_equal(self.model.v[1], "b");
	assert_ptr_equal(self.tree, aigw_conf_get(c, "tree"));
	assert_int_equal(origin[2].kind, AIGW_FROM_FILE);
	assert_string_equal(aigw_conf_where(origin[2].node),
			    "/etc/aigw/x.yaml:3:7");
	assert_int_equal(origin[3].kind, AIGW_FROM_DEFAULT);
	assert_int_equal(origin[8].kind, AIGW_FROM_DEFAULT);
	aigw_buf_init(&b, 100);
	assert_int_equal(aigw_opts_show(row("token"), &self, &b), 0);
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "<hidden>", 8);
	b.len = 0;
	assert_int_equal(aigw_opts_show(row("model"), &self, &b), 0);
	assert_memory_equal(b.data, "a,b", 3);
	aigw_buf_release(&b);
	aigw_opts_release(rows, &self);
	aigw_conf_free(c);
}

static void test_conf_paths(void **state)
{
	static const struct {
		const char *conf, *text, *path;
	} cases[] = {
		{"/etc/x", "file: a", "/etc/a"},
		{"x", "file: a", "a"},
		{"/x", "file: a", "/a"},
		{"d/x", "file: ../a", "d/../a"},
		{"/etc/x", "file: /a", "/a"},
		{"/etc/x", "file: '-'", "-"},
	};
	struct aigw_conf *c;
	struct self self;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		self = fresh();
		c = parse(cases[i].conf, cases[i].text);
		assert_int_equal(aigw_opts_conf(rows, &self, c, NULL, NULL), 0);
		assert_string_equal(self.file, cases[i].path);
		aigw_opts_release(rows, &self);
		aigw_conf_free(c);
	}
}

static void test_conf_errors(void **state)
{
	static const struct {
		const char *text, *err;
	} bad[] = {
		{"jobs: 4\njbos: 5\n",
		 "f:2:1: no option \"jbos\"; did you mean \"jobs\"?"},
		{"what-is-this: 5\n", "f:1:1: no option \"what-is-this\""},
		{"jobs: x\n", "f:1:7: jobs: must be a whole number"},
		{"jobs: [1]\n", "f:1:7: jobs: must not be a list"},
		{"jobs: {}\n", "f:1:7: jobs: must not be a map"},
		{"quiet: yes\n", "f:1:8: quiet: must be true or false"},
		{"quiet: 'true'\n", "f:1:8: quiet: must be true or false"},
		{"model: {a: 1}\n", "f:1:8: model: must not be a map"},
		{"model: [a, [b]]\n", "f:1:8: model: item 2 must be a text"},
		{"model: [a, ~]\n", "f:1:8: model: item 2 must be a text"},
		{"- jobs\n", "f:1:1: must be a map of options"},
		{"jobs\n", "f:1:1: must be a map of options"},
	};
	struct aigw_err err;
	struct aigw_conf *c;
	struct self self;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		self = fresh();
		c = parse("f", bad[i].text);
		assert_int_equal(aigw_opts_conf(rows, &self, c, NULL, &err),
				 -1);
		assert_string_equal(err.text, bad[i].err);
		assert_string_equal(err.code, "invalid_config");
		aigw_opts_release(rows, &self);
		aigw_conf_free(c);
	}
	self = fresh();
	assert_int_equal(aigw_opts_conf(rows, &self, NULL, NULL, &err), 0);
	aigw_opts_release(rows, &self);
}

/* "aigw-x a -b c" split at the spaces, and what came of it. */
struct run {
	struct self self;
	struct more more;
	struct aigw_origin origin[14];
	char line[256], *argv[32], left[256];
	int rc, operands;
	struct aigw_err err;
};

static struct run *run(struct run *r, const char *line)
{
	int argc = 0, i;
	char *word, *save = NULL;

	*r = (struct run){.self = fresh()};
	snprintf(r->line, sizeof(r->line), "aigw-x %s", line);
	for (word = strtok_r(r->line, " ", &save); word;
	     word = strtok_r(NULL, " ", &save))
		r->argv[argc++] = word;
	r->rc = aigw_opts_argv(rows, &r->self, more_rows, &r->more, argc,
			       r->argv, &r->operands, r->origin, &r->err);
	for (i = 1; r->rc == 0 && i <= r->operands; i++) {
		strcat(r->left, i > 1 ? " " : "");
		strcat(r->left, r->argv[i]);
	}
	return r;
}

static void done(struct run *r)
{
	aigw_opts_release(rows, &r->self);
	aigw_opts_release(more_rows, &r->more);
}

static void test_argv(void **state)
{
	struct run r;

	(void)state;
	run(&r, "--jobs=4 --wait 2s -q --no-color a --name= b -m x -my c");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.left, "a b c");
	assert_int_equal(r.self.jobs, 4);
	assert_int_equal(r.self.wait, 2000);
	assert_true(r.self.quiet);
	assert_false(r.self.color);
	assert_string_equal(r.self.name, "");
	assert_int_equal(r.self.model.n, 2);
	assert_string_equal(r.self.model.v[1], "y");
	assert_int_equal(r.origin[2].kind, AIGW_FROM_FLAG);
	assert_int_equal(r.origin[3].kind, AIGW_FROM_DEFAULT);
	done(&r);
	run(&r, "-qj4 -hc conf.yaml -- -q --jobs=9 -");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.left, "-q --jobs=9 -");
	assert_int_equal(r.self.jobs, 4);
	assert_true(r.more.help);
	assert_string_equal(r.more.config, "conf.yaml");
	done(&r);
	run(&r, "- --name -x -j 3 --quiet=false --color=true --no-quiet");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.left, "-");
	assert_string_equal(r.self.name, "-x");
	assert_false(r.self.quiet);
	done(&r);
	run(&r, "");
	assert_int_equal(r.rc, 0);
	assert_int_equal(r.operands, 0);
	done(&r);
}

static void test_argv_errors(void **state)
{
	static const struct {
		const char *line, *err;
	} bad[] = {
		{"--jbos=4", "--jbos: no such option; did you mean --jobs?"},
		{"--qu", "--qu: no such option"},
		{"--pro", "--pro: no such option; did you mean --progress?"},
		{"--confg x",
		 "--confg: no such option; did you mean --config?"},
		{"--zzzzzzzz", "--zzzzzzzz: no such option"},
		{"--no-jobs",
		 "--no-jobs: no such option; did you mean --jobs?"},
		{"--no-quiet=true", "--no-quiet: takes no value"},
		{"--quiet=1", "--quiet: must be true or false"},
		{"--jobs", "--jobs: needs a value"},
		{"-j", "-j: needs a value"},
		{"-qx", "-x: no such option"},
		{"-jx", "-j: must be a whole number"},
		{"--jobs=0", "--jobs: must be 1 to 1000"},
		{"--tree=x", "--tree: is set in a configuration file"},
		{"--token=x",
		 "--token: a secret is set in a configuration file; on a "
		 "command line everybody can read it"},
		{"--=x", "--: no such option"},
	};
	struct run r;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		run(&r, bad[i].line);
		assert_int_equal(r.rc, -1);
		assert_string_equal(r.err.text, bad[i].err);
		assert_string_equal(r.err.code, "usage");
		done(&r);
	}
}

static void test_help(void **state)
{
	char *text = NULL, *line;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_non_null(f);
	aigw_opts_help(rows, f);
	aigw_opts_help(NULL, f);
	fclose(f);
	assert_memory_equal(text, "  -q, --quiet          say less\n", 32);
	assert_non_null(strstr(text, "\n      --[no-]color     with colors\n"));
	assert_non_null(strstr(text, "\n  -j, --jobs N         requests in "
				     "flight (default 16)\n"));
	assert_non_null(strstr(
		text, "  --progress WHEN  show progress on stderr: auto, "
		      "always or never (default\n"
		      "                       never)\n"));
	assert_non_null(strstr(text, "\n      tree:            x "
				     "(configuration file only)\n"));
	assert_non_null(strstr(text, "\n      token:           x "));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(strlen(line), 1, 80);
	free(text);
}

static void test_nearest(void **state)
{
	static const char *const names[] = {"auth",  "mask", "route",
					    "count", "send", NULL};
	static const struct {
		const char *said, *meant;
	} cases[] = {
		{"msak", "mask"},   {"maskk", "mask"},	{"mas", "mask"},
		{"ruote", "route"}, {"cuont", "count"}, {"sned", "send"},
		{"auht", "auth"},   {"x", NULL},	{"", NULL},
		{"zebra", NULL},    {"ma", NULL},	{"co", NULL},
		{"sen", "send"},
	};
	char big[100001];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got = aigw_nearest(cases[i].said, names);

		if (!cases[i].meant && got)
			fail_msg("%s is not %s", cases[i].said, got);
		if (cases[i].meant)
			assert_string_equal(got, cases[i].meant);
	}
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_null(aigw_nearest(big, names));
}

static void test_money(void **state)
{
	static const struct {
		const char *text, *shown;
		int64_t pico;
	} good[] = {
		{"0", "0", 0},
		{"0.000000000001", "0.000000000001", 1},
		{"0.0", "0", 0},
		{"12.50", "12.5", INT64_C(12500000000000)},
		{"007", "7", INT64_C(7000000000000)},
		{"9223372.036854775807", "9223372.036854775807", INT64_MAX},
	};
	static const char *const bad[] = {
		"",
		".",
		"1.",
		".5",
		"-1",
		"+1",
		"1e3",
		"1,5",
		" 1",
		"1 ",
		"0.0000000000001",
		"1.2.3",
		"9223372.036854775808",
		"99999999999999999999",
		"NaN",
	};
	struct aigw_err err;
	char out[24];
	int64_t n;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		n = -1;
		assert_int_equal(aigw_money_parse(good[i].text,
						  strlen(good[i].text), &n,
						  &err),
				 0);
		assert_true(n == good[i].pico);
		aigw_money_print(n, out);
		assert_string_equal(out, good[i].shown);
	}
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(
			aigw_money_parse(bad[i], strlen(bad[i]), &n, &err), -1);
	assert_int_equal(aigw_money_parse("1\0002", 3, &n, &err), -1);
	aigw_money_print(INT64_MIN, out);
	assert_string_equal(out, "-9223372.036854775808");
	aigw_money_print(-500000000000, out);
	assert_string_equal(out, "-0.5");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_conf),
		cmocka_unit_test(test_conf_paths),
		cmocka_unit_test(test_conf_errors),
		cmocka_unit_test(test_argv),
		cmocka_unit_test(test_argv_errors),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_money),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
