/* SPDX-License-Identifier: Apache-2.0 */
/* test-log.c - levels, escapes, bounds, one line a message */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/log.h"

struct heard {
	char *text;
	size_t len;
	struct aigw_log log;
};

static void listen_up(struct heard *h, enum aigw_level level)
{
	*h = (struct heard){.log = {.program = "aigw-x", .level = level}};
	h->log.out = open_memstream(&h->text, &h->len);
	assert_non_null(h->log.out);
}

static void expect(struct heard *h, const char *text)
{
	fclose(h->log.out);
	assert_string_equal(h->text, text);
	free(h->text);
}

static void test_levels(void **state)
{
	struct heard h;

	(void)state;
	listen_up(&h, AIGW_WARNING);
	aigw_log(&h.log, AIGW_ERR, "one %d", 1);
	aigw_log(&h.log, AIGW_WARNING, "two");
	aigw_log(&h.log, AIGW_INFO, "three");
	expect(&h, "aigw-x: error: one 1\naigw-x: warning: two\n");
	listen_up(&h, AIGW_DEBUG);
	aigw_log(&h.log, AIGW_INFO, "three");
	aigw_log(&h.log, AIGW_DEBUG, "four");
	expect(&h, "aigw-x: three\naigw-x: debug: four\n");
	aigw_log(NULL, AIGW_ERR, "silence");
	aigw_log_child(NULL, "x", "silence", 7);
}

static void test_escapes(void **state)
{
	struct heard h;

	(void)state;
	listen_up(&h, AIGW_INFO);
	aigw_log(&h.log, AIGW_INFO, "%s", "a\nb\tc\x1b[31m\x7f");
	aigw_log(&h.log, AIGW_INFO, "%s", "é€😀 \xc2\x9b \xe2\x80\xa8");
	aigw_log(&h.log, AIGW_INFO, "%s",
		 "\xff \xc0\x80 \xed\xa0\x80 \xe2\x82");
	aigw_log(&h.log, AIGW_INFO, "%s", "\xe0\x80\x80 \xf4\x90\x80\x80 \xf0");
	expect(&h, "aigw-x: a\\x0ab\\x09c\\x1b[31m\\x7f\n"
		   "aigw-x: é€😀 \\xc2\\x9b \\xe2\\x80\\xa8\n"
		   "aigw-x: \\xff \\xc0\\x80 \\xed\\xa0\\x80 \\xe2\\x82\n"
		   "aigw-x: \\xe0\\x80\\x80 \\xf4\\x90\\x80\\x80 \\xf0\n");
}

static void test_child(void **state)
{
	struct heard h;

	(void)state;
	listen_up(&h, AIGW_ERR);
	aigw_log_child(&h.log, "mask", "a\0b", 3);
	aigw_log_child(&h.log, "count#2", "", 0);
	expect(&h, "aigw-x: [mask] a\\x00b\naigw-x: [count#2] \n");
}

static void test_bounds(void **state)
{
	static char big[100000];
	struct heard h;

	(void)state;
	memset(big, '\a', sizeof(big) - 1);
	listen_up(&h, AIGW_INFO);
	aigw_log(&h.log, AIGW_INFO, "%s", big);
	aigw_log_child(&h.log, "x", big, sizeof(big));
	fclose(h.log.out);
	assert_true(h.len < 20000);
	assert_non_null(strstr(h.text, "\\x07...\n"));
	assert_string_equal(h.text + h.len - 8, "\\x07...\n");
	free(h.text);
}

/* A message is one write: a datagram socket shows where writes end. */
static void test_one_write(void **state)
{
	struct aigw_log log = {.program = "p", .level = AIGW_INFO};
	char got[4096];
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	log.out = fdopen(fds[0], "w");
	assert_non_null(log.out);
	setvbuf(log.out, NULL, _IONBF, 0);
	aigw_log(&log, AIGW_WARNING, "%s", "one\ntwo");
	aigw_log(&log, AIGW_INFO, "next");
	assert_int_equal(read(fds[1], got, sizeof(got)), 23);
	assert_memory_equal(got, "p: warning: one\\x0atwo\n", 23);
	fclose(log.out);
	close(fds[1]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_one_write),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
