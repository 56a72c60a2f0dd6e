/* SPDX-License-Identifier: Apache-2.0 */
/* test-glob.c - names by pattern, also against a second, slow opinion */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "text/glob.h"

static bool glob(const char *pattern, const char *s)
{
	return aigw_glob(pattern, strlen(pattern), s, strlen(s));
}

static void literals_match_themselves(void **state)
{
	(void)state;
	assert_true(glob("gpt-4o", "gpt-4o"));
	assert_false(glob("gpt-4o", "gpt-4o-mini"));
	assert_false(glob("gpt-4o-mini", "gpt-4o"));
	assert_false(glob("gpt-4o", "GPT-4o"));
	assert_true(glob("", ""));
	assert_false(glob("", "x"));
	assert_true(glob("a[b]\\c", "a[b]\\c"));
	assert_false(glob("a[b]", "ab"));
}

static void stars_match_runs(void **state)
{
	(void)state;
	assert_true(glob("*", ""));
	assert_true(glob("*", "a/b"));
	assert_true(glob("gpt-*", "gpt-"));
	assert_true(glob("gpt-*", "gpt-4o"));
	assert_false(glob("gpt-*", "xgpt-4o"));
	assert_true(glob("*mini", "gpt-4o-mini"));
	assert_true(glob("*mini", "minimini"));
	assert_false(glob("*mini", "minimin"));
	assert_true(glob("a*b*c", "a-b-b-c"));
	assert_true(glob("a*b*c", "abc"));
	assert_false(glob("a*b*c", "acb"));
	assert_true(glob("**a**", "bab"));
	assert_false(glob("*a?", "ba"));
}

static void a_question_mark_is_one_character(void **state)
{
	(void)state;
	assert_true(glob("o?", "o3"));
	assert_false(glob("o?", "o"));
	assert_false(glob("o?", "o31"));
	assert_true(glob("?", "\xc3\xa9"));
	assert_true(glob("a?b", "a\xf0\x9f\x98\x80"
				"b"));
	assert_false(glob("??", "\xc3\xa9"));
	assert_true(glob("?", "\xff"));
}

static void nul_is_data(void **state)
{
	(void)state;
	assert_false(aigw_glob("gpt-4o", 6, "gpt-4o\0x", 8));
	assert_true(aigw_glob("gpt*", 4, "gpt\0x", 5));
	assert_true(aigw_glob("a\0b", 3, "a\0b", 3));
	assert_false(aigw_glob("a\0b", 3, "a\0c", 3));
}

/* The definition, word by word; exponential, so for short names only. */
static bool slow(const char *p, const char *s)
{
	if (!*p)
		return !*s;
	if (*p == '*')
		return slow(p + 1, s) || (*s && slow(p, s + 1));
	return *s && (*p == '?' || *p == *s) && slow(p + 1, s + 1);
}

/* The nth word over `letters` of at most six of them. */
static void word(char *out, const char *letters, unsigned n)
{
	unsigned base = (unsigned)strlen(letters) + 1;

	for (; n; n /= base)
		if (n % base)
			*out++ = letters[n % base - 1];
	*out = '\0';
}

static void agrees_with_the_definition(void **state)
{
	char p[8], s[8];
	unsigned i, j, matches = 0;

	(void)state;
	for (i = 0; i < 3125; i++)	    /* 5^5 patterns */
		for (j = 0; j < 243; j++) { /* 3^5 names */
			word(p, "ab*?", i);
			word(s, "ab", j);
			if (glob(p, s) != slow(p, s))
				fail_msg("pattern \"%s\", name \"%s\"", p, s);
			matches += glob(p, s);
		}
	assert_in_range(matches, 10000, 700000);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void many_stars_stay_cheap(void **state)
{
	const char *pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*ab";
	size_t len = 1 << 20;
	char *s = malloc(len);
	double t;

	(void)state;
	assert_non_null(s);
	memset(s, 'a', len);
	t = seconds();
	assert_false(aigw_glob(pattern, strlen(pattern), s, len));
	assert_true(seconds() - t < 2.0);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(literals_match_themselves),
		cmocka_unit_test(stars_match_runs),
		cmocka_unit_test(a_question_mark_is_one_character),
		cmocka_unit_test(nul_is_data),
		cmocka_unit_test(agrees_with_the_definition),
		cmocka_unit_test(many_stars_stay_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
