/* SPDX-License-Identifier: Apache-2.0 */
/* test-sse.c - every line end, split at every byte, and the bounds */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sse.h"

#define OUT_MAX 4096

/* What came out: "name|data\n" for each event. */
static void drain(struct aigw_sse *s, struct aigw_buf *out, bool end)
{
	struct aigw_sse_event ev;
	struct aigw_err err;
	int got;

	while ((got = end ? aigw_sse_finish(s, &ev, &err)
			  : aigw_sse_next(s, &ev, &err)) > 0) {
		assert_int_equal(aigw_buf_add(out, ev.event, ev.event_len), 0);
		assert_int_equal(aigw_buf_str(out, "|"), 0);
		assert_int_equal(aigw_buf_add(out, ev.data, ev.data_len), 0);
		assert_int_equal(aigw_buf_str(out, "\n"), 0);
	}
	assert_int_equal(got, 0);
}

/* Feed in two parts, or byte by byte when `at` is the length. */
static void check(const char *in, size_t len, size_t at, const char *want)
{
	struct aigw_sse s;
	struct aigw_buf out;
	struct aigw_err err;
	size_t step = at == len ? 1 : at ? at : len;

	aigw_sse_init(&s, OUT_MAX);
	aigw_buf_init(&out, OUT_MAX);
	for (size_t i = 0; i < len;) {
		size_t n = step < len - i ? step : len - i;

		assert_int_equal(aigw_sse_feed(&s, in + i, n, &err), 0);
		drain(&s, &out, false);
		i += n;
		step = at == len ? 1 : len;
	}
	drain(&s, &out, true);
	assert_int_equal(out.len, strlen(want));
	if (out.len)
		assert_memory_equal(out.data, want, out.len);
	aigw_buf_release(&out);
	aigw_sse_release(&s);
}

static const struct {
	const char *in, *want;
} cases[] = {
	{"data: a\n\n", "|a\n"},
	{"data: a\r\n\r\ndata: b\r\n\r\n", "|a\n|b\n"},
	{"data: a\r\rdata: b\r\r", "|a\n|b\n"},
	{"data: a\r\n\rdata: b\n\r\n", "|a\n|b\n"},
	{"data:a\n\ndata:  b\n\n", "|a\n| b\n"},
	{"event: x\ndata: a\n\ndata: b\n\n", "x|a\n|b\n"},
	{"data: a\ndata: b\ndata\n\n", "|a\nb\n\n"},
	{": hello\n\n:\ndata: a\n:x\n\n", "|a\n"},
	{"id: 1\nretry: 5\nfoo: x\ndata: a\n\n", "|a\n"},
	{"event: lost\n\ndata: a\n\n", "|a\n"},
	{"data\n\n", "|\n"},
	{"data:\n\n", "|\n"},
	{"\n\n\r\n", ""},
	{"", ""},
	{"\xef\xbb\xbf"
	 "data: a\n\n",
	 "|a\n"},
	{"\n\xef\xbb\xbf"
	 "data: a\n\n",
	 ""},
	{"data: w\xc3\xb6rld \xf0\x9f\x98\x80\n\n",
	 "|w\xc3\xb6rld \xf0\x9f\x98\x80\n"},
	{"data: a\n\ndata: [DONE]", "|a\n|[DONE]\n"},
	{"data: a\n\ndata: [DONE]\n", "|a\n|[DONE]\n"},
	{"data: {\"a\":\"b: c\"}\n\n", "|{\"a\":\"b: c\"}\n"},
	{"DATA: a\ndata : b\n\n", ""},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = strlen(cases[i].in);

		for (size_t at = 0; at <= len; at++)
			check(cases[i].in, len, at, cases[i].want);
	}
}

static void test_nul(void **state)
{
	struct aigw_sse s;
	struct aigw_sse_event ev;
	struct aigw_err err;

	(void)state;
	aigw_sse_init(&s, OUT_MAX);
	assert_int_equal(aigw_sse_feed(&s, "data: a\0b\n\n", 11, &err), 0);
	assert_int_equal(aigw_sse_next(&s, &ev, &err), 1);
	assert_int_equal(ev.data_len, 3);
	assert_memory_equal(ev.data, "a\0b", 3);
	aigw_sse_release(&s);
}

/* One event may fill the maximum; one byte more fails, in one line, in many,
 * and in a name. */
static void test_bounds(void **state)
{
	static const char *const starts[] = {"data: ", "event: ", ":"};
	struct aigw_sse s;
	struct aigw_sse_event ev;
	struct aigw_err err;
	int got;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		aigw_sse_init(&s, 64);
		got = aigw_sse_feed(&s, starts[i], strlen(starts[i]), &err);
		for (int n = 0; !got && n < 100; n++) {
			got = aigw_sse_feed(&s, "x", 1, &err);
			if (!got)
				got = aigw_sse_next(&s, &ev, &err);
		}
		assert_int_equal(got, -1);
		assert_int_equal(err.class, AIGW_E_TOO_LARGE);
		aigw_sse_release(&s);
	}
	aigw_sse_init(&s, 64);
	for (got = 0; got == 0;) {
		got = aigw_sse_feed(&s, "data: x\n", 8, &err);
		if (!got)
			got = aigw_sse_next(&s, &ev, &err);
	}
	assert_int_equal(got, -1);
	aigw_sse_release(&s);
	aigw_sse_init(&s, 8);
	assert_int_equal(aigw_sse_feed(&s, "123456789", 9, &err), -1);
	aigw_sse_release(&s);
}

/* A slow reader's backlog is moved to the front now and then, not each time. */
static void test_long(void **state)
{
	struct aigw_sse s;
	struct aigw_sse_event ev;
	struct aigw_err err;
	size_t events = 0;

	(void)state;
	aigw_sse_init(&s, 1024);
	for (int i = 0; i < 100000; i++) {
		assert_int_equal(aigw_sse_feed(&s, "data: x\n\n", 9, &err), 0);
		while (aigw_sse_next(&s, &ev, &err) > 0)
			events++;
		assert_true(s.in.len <= 1024);
	}
	assert_int_equal(events, 100000);
	aigw_sse_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
