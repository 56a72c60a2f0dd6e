/* SPDX-License-Identifier: Apache-2.0 */
/* test-prices.c - the price table: reading, looking up, adding up */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "text/prices.h"
#include "text/sha256.h"

#define NOON 1790164800 /* 2026-09-23 12:00 UTC */
#define DAY 86400

/* provider, model, and what is usual in between */
#define ROW(model, match, in, out) \
	"p\t" model "\t-\t-\t0\t" in "\t-\t-\t-\t" out \
	"\t-\t-\t-\t-\t-\t" match "\n"

static const struct aigw_price *find(struct aigw_prices *p,
				     const char *provider, const char *model,
				     time_t when, int64_t in)
{
	struct aigw_price_key key = {.provider = provider,
				     .provider_len = strlen(provider),
				     .model = model,
				     .model_len = strlen(model),
				     .when = when,
				     .in = in};

	return aigw_prices_find(p, &key);
}

/* The name of the row that a model gets, or "". */
static const char *who(struct aigw_prices *p, const char *model)
{
	static char name[64];
	const struct aigw_price *row = find(p, "p", model, NOON, 1);

	snprintf(name, sizeof(name), "%.*s", row ? (int)row->model_len : 0,
		 row ? row->model : "");
	return name;
}

static struct aigw_prices *table(const char *text)
{
	struct aigw_err err = {0};
	struct aigw_prices *p = aigw_prices_new(NULL, &err);

	assert_non_null(p);
	if (aigw_prices_add(p, "t", text, strlen(text), &err))
		fail_msg("%s", err.text);
	return p;
}

static void sha256_vectors(void **state)
{
	static char a[1000000];
	char hex[65];

	(void)state;
	aigw_sha256_hex("", 0, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb924"
				 "27ae41e4649b934ca495991b7852b855");
	aigw_sha256_hex("abc", 3, hex);
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
				 "b00361a396177a9cb410ff61f20015ad");
	/* 56 bytes: the length goes into a block of its own */
	aigw_sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmno"
			"mnopnopq",
			56, hex);
	assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039"
				 "a33ce45964ff2167f6ecedd419db06c1");
	memset(a, 'a', sizeof(a));
	aigw_sha256_hex(a, sizeof(a), hex);
	assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67"
				 "f1809a48a497200e046d39ccc7112cd0");
}

/* Known prices, as the providers' pages had them in September 2026. */
static void bundled(void **state)
{
	struct aigw_err err = {0};
	struct aigw_prices *p = aigw_prices_new(NULL, &err);
	const struct aigw_price *row;
	char hex[65];

	(void)state;
	assert_non_null(p);
	assert_true(aigw_prices_rows(p) > 1000);
	aigw_sha256_hex(aigw_prices_bundled, aigw_prices_bundled_len, hex);
	assert_string_equal(hex, aigw_prices_bundled_sha256);
	assert_int_equal(strlen(aigw_prices_id(p, NULL)), 8);
	assert_memory_equal(aigw_prices_id(p, NULL), hex, 8);

	row = find(p, "openai", "gpt-4o-mini", NOON, 100);
	assert_non_null(row);
	assert_int_equal(row->pico[AIGW_UNIT_IN], 150000);
	assert_int_equal(row->pico[AIGW_UNIT_CACHED], 75000);
	assert_int_equal(row->pico[AIGW_UNIT_OUT], 600000);
	assert_int_equal(row->context, 128000);
	row = find(p, "Anthropic", "claude-Sonnet-4-5-20250929", NOON, 200000);
	assert_non_null(row);
	assert_int_equal(row->pico[AIGW_UNIT_IN], 3000000);
	assert_int_equal(row->pico[AIGW_UNIT_WRITE_1H], 6000000);
	row = find(p, "anthropic", "claude-sonnet-4-5-20250929", NOON, 200001);
	assert_non_null(row);
	assert_int_equal(row->pico[AIGW_UNIT_IN], 6000000);
	/* what azure resells is in its own rows */
	row = find(p, "azure", "gpt-4o-2024-11-20", NOON, 100);
	assert_non_null(row);
	assert_int_equal(row->pico[AIGW_UNIT_OUT], 10000000);
	/* an image model is not its text sibling */
	assert_null(find(p, "google", "gemini-2.5-flash-image", NOON, 1));
	assert_null(find(p, "openai", "no-such-model", NOON, 1));
	assert_null(find(p, "no-such-provider", "gpt-4o", NOON, 1));
	assert_null(find(p, "", "", NOON, 1));
	aigw_prices_free(p);
}

/* o3 became cheaper on 2025-06-10: the day decides. */
static void dates(void **state)
{
	struct aigw_err err = {0};
	struct aigw_prices *p = aigw_prices_new(NULL, &err);
	time_t june10 = 1749513600;

	(void)state;
	assert_non_null(p);
	assert_int_equal(find(p, "openai", "o3", june10 - 1, 1)->pico[0],
			 10000000);
	assert_int_equal(find(p, "openai", "o3", june10, 1)->pico[0], 2000000);
	aigw_prices_free(p);
}

static void the_most_exact_wins(void **state)
{
	struct aigw_prices *p = table(
		ROW("any", "*", "1", "1") ROW("gpt", "gpt-*", "1", "1") ROW(
			"mini", "gpt-4o-mini*", "1",
			"1") ROW("four", "gpt-4o*", "1",
				 "1") ROW("exact", "zz gpt-4o", "1", "1")
			ROW("dated", "gpt-4o-####-##", "1",
			    "1") ROW("tail", "*-turbo", "1",
				     "1") ROW("in", "*claude*", "1", "1")
				ROW("second", "gpt-4o", "1",
				    "1") ROW("free", "free", "0", "0")
					ROW("none", "gpt-5-none", "-", "-"));

	(void)state;
	assert_string_equal(who(p, "gpt-4o"), "exact");
	assert_string_equal(who(p, "GPT-4o"), "exact");
	assert_string_equal(who(p, "zz"), "exact");
	assert_string_equal(who(p, "gpt-4o-x"), "four");
	assert_string_equal(who(p, "gpt-4o-mini"), "mini");
	assert_string_equal(who(p, "gpt-4o-2024-05"), "dated");
	assert_string_equal(who(p, "gpt-4o-2024-0x"), "four");
	assert_string_equal(who(p, "gpt-5"), "gpt");
	assert_string_equal(who(p, "x-turbo"), "tail");
	assert_string_equal(who(p, "x-turbo-"), "any");
	assert_string_equal(who(p, "my-claude-2"), "in");
	assert_string_equal(who(p, "free"), "free");
	/* a row without a price is an answer: unknown, not the wider one's */
	assert_string_equal(who(p, "gpt-5-none"), "");
	aigw_prices_free(p);
}

static void hours_and_tiers(void **state)
{
	struct aigw_prices *p = table(
		"p\tm\t-\t-\t0\t1\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n"
		"p\tm\t-\t-\t10\t2\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n"
		"p\tm\t2026-09-23\t-\t0\t3\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n"
		"p\tm\t2026-09-23\t22:00-02:00\t0\t4\t-\t-\t-\t1\t-\t-\t-\t-\t-"
		"\tm\n");
	time_t old = NOON - DAY;

	(void)state;
	assert_int_equal(find(p, "p", "m", old, 10)->pico[0], 1000000);
	assert_int_equal(find(p, "p", "m", old, 11)->pico[0], 2000000);
	assert_int_equal(find(p, "p", "m", NOON, 11)->pico[0], 3000000);
	assert_int_equal(find(p, "p", "m", NOON + 10 * 3600, 1)->pico[0],
			 4000000);
	assert_int_equal(find(p, "p", "m", NOON + 14 * 3600 - 1, 1)->pico[0],
			 4000000);
	assert_int_equal(find(p, "p", "m", NOON + 14 * 3600, 1)->pico[0],
			 3000000);
	assert_int_equal(find(p, "p", "m", NOON - 11 * 3600, 1)->pico[0],
			 4000000);
	aigw_prices_free(p);
}

/* The answers that are remembered are those that a search gives. */
static void memory(void **state)
{
	static const char *const models[] = {"gpt-4o",	"o3",	  "gpt-5.5",
					     "none",	"GPT-4o", "gpt-4.1",
					     "claude-2"};
	static const char *const providers[] = {"openai", "anthropic", "azure"};
	static const int64_t sizes[] = {1, 271999, 272000, 1};
	struct aigw_err err = {0};
	struct aigw_prices *p = aigw_prices_new(NULL, &err), *fresh;

	(void)state;
	for (int i = 0; i < 7 * 3 * 4 * 2; i++) {
		const char *model = models[i % 7], *provider = providers[i % 3];
		time_t when = i % 2 ? NOON : 1749513600 - 60;
		int64_t in = sizes[i % 4];
		const struct aigw_price *a = find(p, provider, model, when, in);
		const struct aigw_price *b;

		fresh = aigw_prices_new(NULL, &err);
		b = find(fresh, provider, model, when, in);
		assert_true(!a == !b);
		assert_true(!a || a->match == b->match);
		assert_true(!a ||
			    memcmp(a->pico, b->pico, sizeof(a->pico)) == 0);
		assert_ptr_equal(a, find(p, provider, model, when, in));
		aigw_prices_free(fresh);
	}
	aigw_prices_free(p);
}

static void a_file_goes_first(void **state)
{
	struct aigw_prices *p = table(
		"openai\tgpt-4o\t-\t-\t0\t7\t-\t-\t-\t8\t-\t-\t-\t-\t-"
		"\tgpt-4o\n"
		"openai\tlater\t2030-01-01\t-\t0\t7\t-\t-\t-\t8\t-\t-\t-\t-\t-"
		"\tgpt-4o-mini\n");
	char bundled_id[9];

	(void)state;
	snprintf(bundled_id, 9, "%.8s", aigw_prices_bundled_sha256);
	assert_int_equal(find(p, "openai", "gpt-4o", NOON, 1)->pico[0],
			 7000000);
	assert_int_equal(find(p, "openai", "gpt-4o-mini", NOON, 1)->pico[0],
			 150000);
	assert_int_equal(strlen(aigw_prices_id(p, NULL)), 17);
	assert_memory_equal(aigw_prices_id(p, NULL), bundled_id, 8);
	assert_int_equal(aigw_prices_id(p, NULL)[8], '+');
	assert_string_equal(
		aigw_prices_id(p, find(p, "openai", "gpt-4o", NOON, 1)),
		aigw_prices_id(p, NULL) + 9);
	assert_memory_equal(
		aigw_prices_id(p, find(p, "openai", "gpt-4.1", NOON, 1)),
		bundled_id, 9);
	aigw_prices_free(p);
}

static void bad_tables(void **state)
{
	static const char *const cases[][2] = {
		{"p\tm\n", "t:1: expected 16 columns with a tab between"},
		{"\n# x\np m\n", "t:3: expected 16 columns with a tab between"},
		{ROW("m", "m", "1", "1") ROW("m", "m\tx", "1", "1"),
		 "t:2: expected 16 columns with a tab between"},
		{ROW("", "m", "1", "1"), "t:1: model: is missing"},
		{ROW("m", "M", "1", "1"), "t:1: match: no upper case"},
		{ROW("m", "m", "1,5", "1"), "t:1: in: must be an amount"},
		{ROW("m", "m", "-1", "1"), "t:1: in: must be an amount"},
		{ROW("m", "m", "1", "0.0000001"),
		 "t:1: out: finer than a pico-dollar for one"},
		{ROW("m", "m", "99999999", "1"), "t:1: in: is more than"},
		{"p\tm\t2026\t-\t0\t1\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n",
		 "t:1: from: expected YYYY-MM-DD or -"},
		{"p\tm\t2026-13-01\t-\t0\t1\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n",
		 "t:1: from: expected YYYY-MM-DD or -"},
		{"p\tm\t-\t9:00-10:00\t0\t1\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n",
		 "t:1: hours: expected HH:MM-HH:MM or -"},
		{"p\tm\t-\t-\t-\t1\t-\t-\t-\t1\t-\t-\t-\t-\t-\tm\n",
		 "t:1: over: expected a number of tokens"},
		{"p\tm\t-\t-\t0\t1\t-\t-\t-\t1\t-\t-\t-\t-\tmany\tm\n",
		 "t:1: context: expected a number or -"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct aigw_err err = {0};
		struct aigw_prices *p = aigw_prices_new(NULL, &err);

		assert_non_null(p);
		assert_int_equal(aigw_prices_add(p, "t", cases[i][0],
						 strlen(cases[i][0]), &err),
				 -1);
		if (strncmp(err.text, cases[i][1], strlen(cases[i][1])))
			fail_msg("case %zu: %s", i, err.text);
		/* and the table is as it was */
		assert_non_null(find(p, "openai", "gpt-4o", NOON, 1));
		aigw_prices_free(p);
	}
}

static void files(void **state)
{
	struct aigw_err err = {0};

	(void)state;
	assert_null(aigw_prices_new("/nonexistent/prices.tsv", &err));
	assert_string_equal(err.text, "/nonexistent/prices.tsv: "
				      "No such file or directory");
	assert_null(aigw_prices_new("/dev/zero", &err));
	assert_non_null(strstr(err.text, "larger than"));
}

static void sums(void **state)
{
	struct aigw_price row = {.model = "m", .model_len = 1};
	struct aigw_err err = {0};
	int64_t n[AIGW_UNITS] = {0}, pico = -1;

	(void)state;
	for (int u = 0; u < AIGW_UNITS; u++)
		row.pico[u] = AIGW_NO_PRICE;
	row.pico[AIGW_UNIT_IN] = 2500000;
	row.pico[AIGW_UNIT_OUT] = 10000000;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), 0);
	assert_int_equal(pico, 0);
	/* cached and written input without a price of its own is input */
	n[AIGW_UNIT_IN] = 10;
	n[AIGW_UNIT_CACHED] = 20;
	n[AIGW_UNIT_WRITE] = 30;
	n[AIGW_UNIT_WRITE_1H] = 40;
	n[AIGW_UNIT_OUT] = 1;
	n[AIGW_UNIT_REQUEST] = n[AIGW_UNIT_SEARCH] = 5;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), 0);
	assert_int_equal(pico, 100 * 2500000 + 10000000);
	row.pico[AIGW_UNIT_CACHED] = 1250000;
	row.pico[AIGW_UNIT_WRITE] = 3000000;
	row.pico[AIGW_UNIT_REQUEST] = 7;
	row.pico[AIGW_UNIT_SEARCH] = 11;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), 0);
	assert_int_equal(pico, 10 * 2500000 + 20 * 1250000 + 70 * 3000000 +
				       10000000 + 5 * 7 + 5 * 11);
	n[AIGW_UNIT_AUDIO_IN] = 1;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), -1);
	assert_string_equal(err.code, "price_unknown");
	n[AIGW_UNIT_AUDIO_IN] = -1;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), -1);
	n[AIGW_UNIT_AUDIO_IN] = 0;
	n[AIGW_UNIT_OUT] = INT64_MAX;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), -1);
	/* the largest sum that fits, made of two that nearly overflow */
	memset(n, 0, sizeof(n));
	row.pico[AIGW_UNIT_IN] = row.pico[AIGW_UNIT_OUT] = 1;
	n[AIGW_UNIT_IN] = INT64_MAX - 1;
	n[AIGW_UNIT_OUT] = 1;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), 0);
	assert_true(pico == INT64_MAX);
	n[AIGW_UNIT_OUT] = 2;
	assert_int_equal(aigw_price_sum(&row, n, &pico, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(bundled),
		cmocka_unit_test(dates),
		cmocka_unit_test(the_most_exact_wins),
		cmocka_unit_test(hours_and_tiers),
		cmocka_unit_test(memory),
		cmocka_unit_test(a_file_goes_first),
		cmocka_unit_test(bad_tables),
		cmocka_unit_test(files),
		cmocka_unit_test(sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
