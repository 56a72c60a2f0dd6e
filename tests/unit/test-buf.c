/* SPDX-License-Identifier: Apache-2.0 */
/* test-buf.c - growth, the maximum, what is left after a failure */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/buf.h"

static void test_append(void **state)
{
	struct aigw_buf b;
	size_t i, len;
	char *all;

	(void)state;
	aigw_buf_init(&b, 100000);
	assert_null(b.data);
	for (i = 0; i < 10000; i++)
		assert_int_equal(aigw_buf_add(&b, "ab\0cd", 5), 0);
	assert_int_equal(b.len, 50000);
	assert_memory_equal(b.data + 49995, "ab\0cd", 5);
	assert_int_equal(aigw_buf_str(&b, "end"), 0);
	all = aigw_buf_take(&b, &len);
	assert_int_equal(len, 50003);
	assert_string_equal(all + 50000, "end");
	assert_int_equal(b.len, 0);
	assert_null(b.data);
	assert_int_equal(b.max, 100000);
	free(all);
}

static void test_maximum(void **state)
{
	struct aigw_buf b;

	(void)state;
	aigw_buf_init(&b, 10);
	assert_int_equal(aigw_buf_str(&b, "0123456789"), 0);
	assert_int_equal(aigw_buf_str(&b, "x"), -1);
	assert_int_equal(b.len, 10);
	assert_memory_equal(b.data, "0123456789", 10);
	assert_null(aigw_buf_room(&b, 1));
	assert_null(aigw_buf_room(&b, SIZE_MAX));
	assert_non_null(aigw_buf_room(&b, 0));
	aigw_buf_drop(&b, 4);
	assert_int_equal(aigw_buf_add(&b, "wxyz", 4), 0);
	assert_memory_equal(b.data, "456789wxyz", 10);
	aigw_buf_release(&b);
}

static void test_nothing_fits(void **state)
{
	struct aigw_buf b;

	(void)state;
	aigw_buf_init(&b, 0);
	assert_int_equal(aigw_buf_str(&b, ""), 0);
	assert_int_equal(aigw_buf_str(&b, "x"), -1);
	assert_non_null(aigw_buf_room(&b, 0));
	aigw_buf_release(&b);
}

static void test_drop(void **state)
{
	struct aigw_buf b;

	(void)state;
	aigw_buf_init(&b, 100);
	aigw_buf_drop(&b, 5);
	assert_int_equal(aigw_buf_str(&b, "hello"), 0);
	aigw_buf_drop(&b, 0);
	assert_int_equal(b.len, 5);
	aigw_buf_drop(&b, 2);
	assert_memory_equal(b.data, "llo", 3);
	aigw_buf_drop(&b, 99);
	assert_int_equal(b.len, 0);
	aigw_buf_release(&b);
	aigw_buf_release(&b);
}

static void test_take_nothing(void **state)
{
	struct aigw_buf b;
	char *s;

	(void)state;
	aigw_buf_init(&b, 0);
	s = aigw_buf_take(&b, NULL);
	assert_string_equal(s, "");
	free(s);
}

/* Room that was asked for and not used costs nothing. */
static void test_commit(void **state)
{
	struct aigw_buf b;
	char *p;

	(void)state;
	aigw_buf_init(&b, 4096);
	p = aigw_buf_room(&b, 4096);
	assert_non_null(p);
	memcpy(p, "abc", 3);
	b.len += 3;
	assert_int_equal(aigw_buf_str(&b, "d"), 0);
	assert_memory_equal(b.data, "abcd", 4);
	assert_true(b.cap <= 4096);
	aigw_buf_release(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_nothing_fits),
		cmocka_unit_test(test_drop),
		cmocka_unit_test(test_take_nothing),
		cmocka_unit_test(test_commit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
