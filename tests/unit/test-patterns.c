/* SPDX-License-Identifier: Apache-2.0 */
/* test-patterns.c - trigger windows find what a full scan finds, and no less */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "text/patterns.h"
#include "text/triggers.h"

struct seen {
	struct aigw_match v[4096];
	size_t n;
};

static int on_match(void *arg, const struct aigw_match *m, struct aigw_err *err)
{
	struct seen *s = arg;

	if (s->n == sizeof(s->v) / sizeof(*s->v))
		return aigw_fail(err, "too many matches for this test");
	s->v[s->n++] = *m;
	return 0;
}

static int by_all(const void *a, const void *b)
{
	const struct aigw_match *x = a, *y = b;

	if (x->pattern != y->pattern)
		return x->pattern < y->pattern ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* Both scans of one text; returns the number of matches. */
static size_t same(struct aigw_patterns *set, const char *text, size_t len)
{
	static struct seen a, b;
	struct aigw_err err = {0};

	a.n = b.n = 0;
	int ra = aigw_patterns_scan(set, text, len, on_match, &a, &err);
	int rb = aigw_patterns_scan_full(set, text, len, on_match, &b, &err);

	if (ra || rb) { /* either may be spared the place that is too hard */
		assert_string_equal(err.code, "cannot_verify");
		return 0;
	}
	qsort(a.v, a.n, sizeof(*a.v), by_all);
	qsort(b.v, b.n, sizeof(*b.v), by_all);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		assert_int_equal(by_all(&a.v[i], &b.v[i]), 0);
	return a.n;
}

/* Numbers that are the same in every run. */
static uint64_t state = 88172645463325252u;
static unsigned rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

static void grow(char *out, size_t max, int depth);

/* One atom of a random pattern over a small alphabet, maybe repeated. */
static void grow_atom(char *out, size_t max, int depth)
{
	static const char *const atoms[] = {
		"a",	"b",	 "c",	  "1",	    "@",      ".",	 "[ab]",
		"[^a]", "\\d",	 "\\w",	  "[a-c1]", "\\x61",  "\\W",	 "\\.",
		"\\b",	"(?=a)", "(?!b)", "(?<=a)", "(?<!1)", "[^\\d@]", "\\s"};
	static const char *const repeats[] = {"",     "",   "",	   "?",
					      "*",    "+",  "{2}", "{1,3}",
					      "{2,}", "??", "*+",  "{0,2}+",
					      "+?"};
	char inner[160];

	if (depth && rnd(4) == 0) {
		static const char *const open[] = {"(", "(?:", "(?>", "(?<n>"};
		const char *o = open[rnd(rnd(9) ? 3 : 4)];

		grow(inner, sizeof(inner), depth - 1);
		snprintf(out, max, "%s%s)%s", strstr(inner, "<n>") ? "(?:" : o,
			 inner, repeats[rnd(13)]);
		return;
	}
	const unsigned a = rnd(21);
	const int assertion = a >= 14 && a <= 18;

	snprintf(out, max, "%s%s", atoms[a], assertion ? "" : repeats[rnd(13)]);
}

static void grow(char *out, size_t max, int depth)
{
	char atom[200];
	size_t used = 0;
	const unsigned n = 1 + rnd(5);

	out[0] = 0;
	for (unsigned i = 0; i < n; i++) {
		grow_atom(atom, sizeof(atom), depth);
		if (used + strlen(atom) + 2 > max)
			break;
		used += (size_t)snprintf(out + used, max - used, "%s%s", atom,
					 i + 1 < n && rnd(6) == 0 ? "|" : "");
	}
}

static void random_patterns(void **st)
{
	static const char bytes[] = "aaabbbccc111@@.. \n_A-\xC3\xA9";
	char text[300], regex[4][512];
	const char *list[4];
	size_t sets = 0, matches = 0, triggered = 0;

	(void)st;
	while (sets < 6000) {
		struct aigw_err err = {0};
		const size_t n = 1 + rnd(4);

		for (size_t i = 0; i < n; i++) {
			char body[400];

			grow(body, sizeof(body), 2);
			snprintf(regex[i], sizeof(regex[i]), "%s%s",
				 rnd(6) ? "" : "(?i)", body);
			list[i] = regex[i];
		}
		struct aigw_patterns *set = aigw_patterns_new(list, n, &err);

		if (!set) /* it can match nothing, or "|)": not our subject */
			continue;
		sets++;
		for (size_t i = 0; i < n; i++)
			triggered += (size_t)aigw_patterns_triggered(set, i);
		for (int k = 0; k < 20; k++) {
			const size_t len = rnd(sizeof(text));

			for (size_t i = 0; i < len; i++)
				text[i] = bytes[rnd(sizeof(bytes) - 1)];
			matches += same(set, text, len);
		}
		aigw_patterns_free(set);
	}
	/* or it proved nothing */
	assert_true(matches > 100000);
	assert_true(triggered > 3000);
}

static size_t count(const char *regex, const char *text)
{
	struct aigw_err err = {0};
	struct aigw_patterns *set = aigw_patterns_new(&regex, 1, &err);
	size_t n;

	assert_non_null(set);
	n = same(set, text, strlen(text));
	aigw_patterns_free(set);
	return n;
}

static void by_hand(void **st)
{
	(void)st;
	assert_int_equal(count("abc", "abcabc ab abc"), 3);
	/* two triggers, the later of which begins earlier */
	assert_int_equal(count("abc|[a-z]{1,64}@", "xxabcxx@ abc"), 2);
	assert_int_equal(count("x{0,10}(?:ab|cd)e", "xxxabe cde xabxcde"), 3);
	/* what stands behind the window still counts */
	assert_int_equal(count("\\d{4}(?= EUR)", "1234 EUR 1234 USD"), 1);
	assert_int_equal(count("(?<!-)\\d{4}(?!-)", "-1234 1234- 1234"), 1);
	assert_int_equal(count("(?i)KEY=(\\w+)", "key=a Key=b kEy="), 2);
	assert_int_equal(count("[\\w.]{1,64}@x", "a@x b@y c.d@x"), 2);
	/* the end of the text, and matches as long as a trigger */
	assert_int_equal(count("a\\b", "a aa ba a"), 4);
	assert_int_equal(count("[^\\n]\\z", "abc"), 1);
	/* read as zero triggers, and right all the same */
	assert_int_equal(count("(a)\\1", "aa aab"), 2);
	assert_int_equal(count("a*b", "aaab b"), 2);
	assert_int_equal(count("[[:digit:]]x", "1x 2x x"), 2);
}

static void spans(void **st)
{
	static struct seen s;
	static const char *const list[] = {"key=(\\w+)", "b(x)?c"};
	static const char text[] = "key=axy \0 bc bxc";
	struct aigw_err err = {0};
	struct aigw_patterns *set = aigw_patterns_new(list, 2, &err);

	(void)st;
	s.n = 0;
	assert_int_equal(aigw_patterns_scan(set, text, sizeof(text) - 1,
					    on_match, &s, &err),
			 0);
	assert_int_equal(s.n, 3);
	/* the group when it took part, else the match; NUL is data */
	assert_int_equal(s.v[0].start, 4);
	assert_int_equal(s.v[0].end, 7);
	assert_int_equal(s.v[1].start, 10);
	assert_int_equal(s.v[1].end, 12);
	assert_int_equal(s.v[2].start, 14);
	assert_int_equal(s.v[2].end, 15);
	aigw_patterns_free(set);
}

static void many(void **st)
{
	enum { N = 300 };
	char regex[N][32], text[64];
	const char *list[N];
	struct aigw_err err = {0};

	(void)st;
	for (int i = 0; i < N; i++) {
		snprintf(regex[i], sizeof(regex[i]), "key%03d-[a-z]{4}", i);
		list[i] = regex[i];
	}
	struct aigw_patterns *set = aigw_patterns_new(list, N, &err);

	assert_non_null(set);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "x key%03d-abcd key%03d-a", i, i);
		assert_int_equal(same(set, text, strlen(text)), 1);
	}
	aigw_patterns_free(set);
}

static void refused(void **st)
{
	static const char *const bad[] = {"(",	 "a*",	  "x|",
					  "\\C", "(?=a)", "(*UTF)x"};
	struct aigw_err err;

	(void)st;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		memset(&err, 0, sizeof(err));
		assert_null(aigw_patterns_new(&bad[i], 1, &err));
		assert_non_null(strstr(err.text, "pattern 1: "));
	}
}

/* What PCRE2 cannot decide is an error, never "no match". */
static void gives_up(void **st)
{
	static struct seen s;
	const char *regex = "(a|aa)+$";
	char text[61];
	struct aigw_err err = {0};
	struct aigw_patterns *set = aigw_patterns_new(&regex, 1, &err);

	(void)st;
	memset(text, 'a', 60);
	text[60] = 'b';
	assert_int_equal(aigw_patterns_scan(set, text, sizeof(text), on_match,
					    &s, &err),
			 -1);
	assert_string_equal(err.code, "cannot_verify");
	assert_int_equal(err.class, AIGW_E_POLICY);
	/* and the set still works */
	s.n = 0;
	assert_int_equal(aigw_patterns_scan(set, "xaa", 3, on_match, &s, &err),
			 0);
	assert_int_equal(s.n, 1);
	aigw_patterns_free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_hand),	   cmocka_unit_test(spans),
		cmocka_unit_test(random_patterns), cmocka_unit_test(many),
		cmocka_unit_test(refused),	   cmocka_unit_test(gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
