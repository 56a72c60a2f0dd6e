/* SPDX-License-Identifier: Apache-2.0 */
/* test-err.c - reasons, contexts, classes, exit codes */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/err.h"

static void test_reason(void **state)
{
	struct aigw_err err;

	(void)state;
	assert_int_equal(aigw_fail(&err, "%s: %d", "x", 7), -1);
	assert_string_equal(err.text, "x: 7");
	assert_int_equal(err.class, AIGW_E_INTERNAL);
	assert_null(err.code);
	assert_int_equal(aigw_fail_as(&err, AIGW_E_QUOTA, "budget", "no"), -1);
	assert_string_equal(err.text, "no");
	assert_string_equal(err.code, "budget");
	assert_int_equal(err.class, AIGW_E_QUOTA);
}

static void test_nobody_asks(void **state)
{
	(void)state;
	assert_int_equal(aigw_fail(NULL, "x"), -1);
	assert_int_equal(aigw_fail_as(NULL, AIGW_E_AUTH, "x", "x"), -1);
	assert_int_equal(aigw_fail_in(NULL, "x"), -1);
}

static void test_context(void **state)
{
	struct aigw_err err;

	(void)state;
	aigw_fail_as(&err, AIGW_E_POLICY, "c", "inner");
	assert_int_equal(aigw_fail_in(&err, "stage %d", 2), -1);
	assert_string_equal(err.text, "stage 2: inner");
	assert_int_equal(err.class, AIGW_E_POLICY);
	assert_string_equal(err.code, "c");
}

static void test_context_too_long(void **state)
{
	struct aigw_err err;
	char big[1000];

	(void)state;
	memset(big, 'c', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	aigw_fail(&err, "the reason");
	aigw_fail_in(&err, "%s", big);
	assert_non_null(strstr(err.text, "c: the reason"));
	aigw_fail(&err, "%s", big);
	aigw_fail_in(&err, "%s", big);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

/* A cut text is still UTF-8, wherever the cut falls. */
static void test_cut_is_utf8(void **state)
{
	static const char *const chars[] = {"é", "€", "😀"};
	struct aigw_err err;
	char big[1200];
	size_t c, pad, n, i;

	(void)state;
	for (c = 0; c < 3; c++) {
		n = strlen(chars[c]);
		for (pad = 0; pad < 4; pad++) {
			memset(big, 'x', pad);
			for (i = pad; i + n < sizeof(big); i += n)
				memcpy(big + i, chars[c], n);
			big[i] = '\0';
			aigw_fail(&err, "%s", big);
			i = strlen(err.text);
			assert_true(i + n > sizeof(err.text) - 1);
			assert_int_equal((i - pad) % n, 0);
		}
	}
}

static void test_classes(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < AIGW_E_CLASSES; i++) {
		assert_non_null(aigw_class_name(i));
		assert_in_range(aigw_class_status(i), 400, 599);
	}
	assert_string_equal(aigw_class_name(AIGW_E_RATE_LIMIT), "rate_limit");
	assert_string_equal(aigw_class_name(AIGW_E_UNKNOWN), "unknown");
	assert_int_equal(aigw_class_status(AIGW_E_AUTH), 401);
	assert_int_equal(aigw_class_status(AIGW_E_RATE_LIMIT), 429);
	assert_string_equal(aigw_class_name((enum aigw_class)99), "internal");
}

static void test_exits(void **state)
{
	static const int codes[] = {0,	1,  3,	64, 65, 66, 69,
				    70, 73, 74, 75, 77, 78, 100};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codes) / sizeof(*codes); i++)
		assert_string_not_equal(aigw_exit_text(codes[i]), "unknown");
	assert_string_equal(aigw_exit_text((enum aigw_exit)2), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reason),
		cmocka_unit_test(test_nobody_asks),
		cmocka_unit_test(test_context),
		cmocka_unit_test(test_context_too_long),
		cmocka_unit_test(test_cut_is_utf8),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_exits),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
