/* SPDX-License-Identifier: Apache-2.0 */
/* test-count.c - aigw-count on both sides of the send, and one ledger */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "host.h"
#include "state/budget.h"

extern const struct aigw_filter aigw_filter_count;
static const struct aigw_filter *const f = &aigw_filter_count;

static char dir[] = "/tmp/test-count-XXXXXX";
static char ledger[64], prices[64];

/* One model, USD 1 per million tokens in, 10 out; a cached one costs half. */
static const char table[] = "test\tm\t-\t-\t0\t1\t0.5\t-\t-\t10\t-\t-\t-\t-"
			    "\t1000\tgpt-4o\n";

#define REQUEST \
	"{\"aigw\":1,\"id\":\"a\",\"client\":{\"api\":\"test.chat\"},\"req\":" \
	"{\"model\":\"gpt-4o\",\"max_tokens\":100,\"messages\":" \
	"[{\"role\":\"user\",\"content\":\"hello\"}]}}"
#define PICO INT64_C(1000000) /* what a token of input costs */
#define CEILING (1008 * PICO) /* 8 tokens in, 100 out */

static int make_dir(void **state)
{
	FILE *out;

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(ledger, sizeof(ledger), "%s/ledger", dir);
	snprintf(prices, sizeof(prices), "%s/prices", dir);
	out = fopen(prices, "w");
	return !out || fputs(table, out) < 0 || fclose(out) ? -1 : 0;
}

static int drop_dir(void **state)
{
	(void)state;
	unlink(prices);
	return rmdir(dir);
}

/* An instance with options, pairs of name and value. */
static void *instance(const char *const *options)
{
	struct aigw_err err = {0};
	void *self = calloc(1, f->size);

	assert_non_null(self);
	assert_int_equal(aigw_opts_defaults(f->opts, self, &err), 0);
	assert_int_equal(aigw_opts_set(f->opts, self, "prices", prices, &err),
			 0);
	for (; *options; options += 2)
		if (aigw_opts_set(f->opts, self, options[0], options[1], &err))
			fail_msg("%s", err.text);
	if (f->open(self, NULL, &err))
		fail_msg("%s", err.text);
	return self;
}

static void drop(void *self)
{
	f->close(self);
	aigw_opts_release(f->opts, self);
	free(self);
}

static struct aigw_env *line(const char *text)
{
	struct aigw_err err = {0};
	struct aigw_env *env = aigw_env_parse(text, strlen(text), &err);

	if (!env)
		fail_msg("%s", err.text);
	return env;
}

static int64_t committed(void)
{
	struct aigw_err err = {0};
	struct aigw_budget *b =
		aigw_budget_open(ledger, AIGW_BUDGET_NONE, &err);
	struct aigw_budget_state s;

	if (!b)
		fail_msg("%s", err.text);
	aigw_budget_read(b, &s);
	aigw_budget_close(b);
	return s.committed;
}

static void add(struct aigw_env *env, const char *path, const char *json)
{
	struct aigw_err err = {0};

	if (json && aigw_env_set(env, path, json, strlen(json), &err))
		fail_msg("%s", err.text);
}

#define AT "[{\"n\":1,\"target\":0,\"provider\":\"test\",\"model\":\"gpt-4o\""
#define RES \
	"{\"model\":\"gpt-4o\",\"blocks\":" \
	"[{\"type\":\"text\",\"text\":\"hi\"}]}"

/* What comes back, and what is committed of the ceiling then. */
static const struct {
	const char *what, *attempts, *res, *usage, *error;
	int64_t left;
	const char *source;
} ends[] = {
	{"an answer with usage", AT "}]", RES,
	 "{\"in\":8,\"out\":2,\"cached\":4}", NULL, 26 * PICO, "provider"},
	{"an answer beyond the ceiling", AT "}]", RES, "{\"in\":8,\"out\":200}",
	 NULL, 2008 * PICO, "provider"},
	{"an answer without usage", AT "}]", RES, NULL, NULL, 18 * PICO,
	 "exact"},
	{"usage that does not add up", AT "}]", RES,
	 "{\"in\":8,\"out\":2,\"cached\":9}", NULL, CEILING, "unknown"},
	{"usage of absurd numbers", AT "}]", RES,
	 "{\"in\":9223372036854775807,\"out\":-1,\"cached\":-2,"
	 "\"cache_write\":1.5}",
	 NULL, CEILING, "unknown"},
	{"usage beyond counting", AT "}]", RES,
	 "{\"in\":9223372036854775807,\"out\":9223372036854775807}", NULL,
	 CEILING, "unknown"},
	{"refused before the send", NULL, NULL, NULL,
	 "{\"class\":\"policy\",\"phase\":\"policy\"}", 0, "exact"},
	{"refused by the provider", AT ",\"status\":429}]", NULL, NULL,
	 "{\"class\":\"rate_limit\",\"phase\":\"headers\"}", 0, "exact"},
	{"not connected", AT "}]", NULL, NULL,
	 "{\"class\":\"network\",\"phase\":\"connect\"}", 0, "exact"},
	{"no answer", AT "}]", NULL, NULL,
	 "{\"class\":\"timeout\",\"phase\":\"headers\"}", CEILING, "unknown"},
	{"a provider's fault", AT ",\"status\":500}]", NULL, NULL,
	 "{\"class\":\"upstream\",\"phase\":\"headers\"}", CEILING, "unknown"},
	{"a fault, then no connection",
	 "[{\"n\":1,\"target\":0,\"status\":500},{\"n\":2,\"target\":0}]", NULL,
	 NULL, "{\"class\":\"network\",\"phase\":\"connect\"}", CEILING,
	 "unknown"},
	{"a sender that died", NULL, NULL, NULL,
	 "{\"class\":\"unknown\",\"phase\":\"policy\"}", CEILING, "unknown"},
	{"a failure with usage", AT "}]", NULL, "{\"in\":8,\"out\":2}",
	 "{\"class\":\"upstream\",\"phase\":\"body\"}", 28 * PICO, "provider"},
	{"a cut stream, which cost that or more", AT "}]", RES,
	 "{\"in\":8,\"out\":2}", "{\"class\":\"network\",\"phase\":\"stream\"}",
	 CEILING, "provider"},
};

static void check_end(size_t i)
{
	static const char *const first[] = {"budget", "1", "ledger", ledger,
					    NULL};
	static const char *const second[] = {"ledger", ledger, NULL};
	void *before = instance(first), *after = instance(second);
	struct aigw_env *env = line(REQUEST);
	struct aigw_err err = {0};
	const char *source;
	size_t len;

	assert_int_equal(f->apply(before, env, &err), AIGW_NEXT);
	assert_int_equal(committed(), CEILING);
	add(env, "attempts", ends[i].attempts);
	add(env, "res", ends[i].res);
	add(env, "usage", ends[i].usage);
	add(env, "err", ends[i].error);
	/* a second aigw-count behind the send finds nothing left to do */
	for (int n = 0; n < 2; n++) {
		assert_int_equal(f->apply(after, env, &err), AIGW_NEXT);
		source = aigw_env_str(env, "cost.source", &len);
		if (!source || strcmp(source, ends[i].source))
			fail_msg("%s: source %s", ends[i].what, source);
		if (committed() != ends[i].left)
			fail_msg("%s: %lld left", ends[i].what,
				 (long long)committed());
	}
	aigw_env_free(env);
	drop(before);
	drop(after);
	unlink(ledger);
}

static void how_a_request_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		check_end(i);
}

/* Half of the instances: behind the send alone, without a hold. */
static void only_behind(void **state)
{
	static const char *const options[] = {"ledger", ledger, NULL};
	void *after = instance(options);
	struct aigw_env *env = line(REQUEST);
	struct aigw_err err = {0};

	(void)state;
	add(env, "attempts", AT "}]");
	add(env, "res", RES);
	add(env, "usage", "{\"in\":8,\"out\":2}");
	assert_int_equal(f->apply(after, env, &err), AIGW_NEXT);
	assert_int_equal(committed(), 28 * PICO);
	aigw_env_free(env);
	drop(after);
	unlink(ledger);
}

/* What every bad value of an option says. */
static void bad_options(void **state)
{
	static const char *const cases[][3] = {
		{"budget", "lots", "budget: must be an amount of USD"},
		{"max-cost", "-1", "max-cost: must be an amount of USD"},
		{"price-as", "x", "price-as: must be NAME=PROVIDER"},
		{"price-as", "=x", "price-as: must be NAME=PROVIDER"},
		{"prices", "/nonexistent", "/nonexistent: No such file"},
		{"ledger", "/nonexistent/x", "/nonexistent/x: No such file"},
		{"ledger", "/dev/null", "/dev/null: is no regular file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct aigw_err err = {0};
		void *self = calloc(1, f->size);

		assert_int_equal(aigw_opts_defaults(f->opts, self, &err), 0);
		/* what its type can see is refused before open */
		if (!aigw_opts_set(f->opts, self, cases[i][0], cases[i][1],
				   &err))
			assert_int_equal(f->open(self, NULL, &err), -1);
		if (strncmp(err.text, cases[i][2], strlen(cases[i][2])))
			fail_msg("%s", err.text);
		drop(self);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(how_a_request_ends),
		cmocka_unit_test(only_behind),
		cmocka_unit_test(bad_options),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
