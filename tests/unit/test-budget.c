/* SPDX-License-Identifier: Apache-2.0 */
/* test-budget.c - holds and settlements, by one process and by many */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/budget.h"

static char dir[] = "/tmp/test-budget-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/ledger", dir);
	return 0;
}

static int drop_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static struct aigw_budget *open_it(const char *p, int64_t limit)
{
	struct aigw_err err = {0};
	struct aigw_budget *b = aigw_budget_open(p, limit, &err);

	if (!b)
		fail_msg("%s", err.text);
	return b;
}

static int64_t committed(const struct aigw_budget *b)
{
	struct aigw_budget_state s;

	aigw_budget_read(b, &s);
	return s.committed;
}

static int64_t held(const struct aigw_budget *b)
{
	struct aigw_budget_state s;

	aigw_budget_read(b, &s);
	return s.held;
}

static void hold_and_settle(void **state)
{
	struct aigw_budget *b = open_it(NULL, 100);
	struct aigw_err err = {0};

	(void)state;
	assert_int_equal(aigw_budget_hold(b, "a", 1, 60, &err), 0);
	assert_int_equal(aigw_budget_hold(b, "b", 1, 41, &err), -1);
	assert_int_equal(err.class, AIGW_E_QUOTA);
	assert_string_equal(err.code, "budget_exceeded");
	assert_int_equal(aigw_budget_hold(b, "b", 1, 40, &err), 0);
	assert_int_equal(committed(b), 100);
	assert_int_equal(held(b), 100);
	/* what costs nothing always fits */
	assert_int_equal(aigw_budget_hold(b, "z", 1, 0, &err), 0);
	/* the unspent part comes back, once */
	assert_int_equal(aigw_budget_settle(b, "a", 1, 10), 60);
	assert_int_equal(committed(b), 50);
	assert_int_equal(aigw_budget_settle(b, "a", 1, 0), 0);
	assert_int_equal(committed(b), 50);
	/* the truth may pass the limit; then nothing but 0 fits */
	assert_int_equal(aigw_budget_settle(b, "b", 1, 90), 40);
	assert_int_equal(committed(b), 100);
	assert_int_equal(aigw_budget_settle(b, "c", 1, 7), 0);
	assert_int_equal(committed(b), 107);
	assert_int_equal(aigw_budget_hold(b, "d", 1, 1, &err), -1);
	assert_int_equal(aigw_budget_hold(b, "d", 1, 0, &err), 0);
	assert_int_equal(held(b), 0);
	aigw_budget_close(b);
}

static void keep(void **state)
{
	struct aigw_budget *b = open_it(NULL, 100);
	struct aigw_err err = {0};

	(void)state;
	assert_int_equal(aigw_budget_hold(b, "a", 1, 60, &err), 0);
	assert_int_equal(aigw_budget_keep(b, "a", 1), 60);
	assert_int_equal(aigw_budget_keep(b, "a", 1), 0);
	assert_int_equal(committed(b), 60);
	assert_int_equal(held(b), 0);
	aigw_budget_close(b);
}

static void same_id_twice(void **state)
{
	struct aigw_budget *b = open_it(NULL, 100);
	struct aigw_err err = {0};

	(void)state;
	assert_int_equal(aigw_budget_hold(b, "a", 1, 30, &err), 0);
	assert_int_equal(aigw_budget_hold(b, "a", 1, 50, &err), 0);
	aigw_budget_settle(b, "a", 1, 1);
	aigw_budget_settle(b, "a", 1, 2);
	assert_int_equal(committed(b), 3);
	aigw_budget_close(b);
}

static void limits_of_numbers(void **state)
{
	struct aigw_budget *b = open_it(NULL, INT64_MAX);
	struct aigw_err err = {0};

	(void)state;
	assert_int_equal(aigw_budget_hold(b, "a", 1, INT64_MAX, &err), 0);
	assert_int_equal(aigw_budget_hold(b, "b", 1, 1, &err), -1);
	assert_int_equal(aigw_budget_hold(b, "b", 1, -1, &err), -1);
	aigw_budget_settle(b, "x", 1, INT64_MAX);
	assert_true(committed(b) == INT64_MAX);
	aigw_budget_settle(b, "a", 1, 0);
	assert_int_equal(committed(b), 0);
	aigw_budget_close(b);
	b = open_it(NULL, 0);
	assert_int_equal(aigw_budget_hold(b, "a", 1, 1, &err), -1);
	aigw_budget_close(b);
	b = open_it(NULL, AIGW_BUDGET_NONE);
	assert_int_equal(aigw_budget_hold(b, "a", 1, INT64_MAX, &err), 0);
	assert_int_equal(aigw_budget_hold(b, "b", 1, INT64_MAX, &err), 0);
	aigw_budget_close(b);
}

/* More requests on their way than the ledger holds: refused, and the money is
 * not lost; when they settle there is room again. */
static void full(void **state)
{
	struct aigw_budget *b = open_it(NULL, AIGW_BUDGET_NONE);
	struct aigw_err err = {0};
	char id[16];
	int64_t n = 0;
	int len;

	(void)state;
	for (;; n++) {
		len = snprintf(id, sizeof(id), "%d", (int)n);
		if (aigw_budget_hold(b, id, (size_t)len, 3, &err))
			break;
	}
	assert_string_equal(err.code, "ledger_full");
	assert_true(n > AIGW_BUDGET_HOLDS / 2 && n <= AIGW_BUDGET_HOLDS);
	assert_int_equal(committed(b), n * 3);
	assert_int_equal(held(b), n * 3);
	while (n > 0) {
		len = snprintf(id, sizeof(id), "%d", (int)--n);
		assert_int_equal(aigw_budget_settle(b, id, (size_t)len, 1), 3);
	}
	assert_int_equal(held(b), 0);
	assert_int_equal(aigw_budget_hold(b, "again", 5, 3, &err), 0);
	aigw_budget_close(b);
}

static void shared_file(void **state)
{
	struct aigw_budget *before = open_it(path, 100), *after;
	struct aigw_err err = {0};
	struct stat st;

	(void)state;
	after = open_it(path, AIGW_BUDGET_NONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(aigw_budget_hold(before, "a", 1, 80, &err), 0);
	assert_int_equal(aigw_budget_settle(after, "a", 1, 5), 80);
	assert_int_equal(committed(before), 5);
	aigw_budget_close(before);
	aigw_budget_close(after);
	/* the next run goes on, with another limit if it says so */
	after = open_it(path, AIGW_BUDGET_NONE);
	assert_int_equal(committed(after), 5);
	assert_int_equal(aigw_budget_hold(after, "b", 1, 96, &err), -1);
	aigw_budget_close(after);
	after = open_it(path, 200);
	assert_int_equal(aigw_budget_hold(after, "b", 1, 96, &err), 0);
	aigw_budget_close(after);
	unlink(path);
}

#define CHILDREN 4
#define ROUNDS 20000

/* One child: holds 10, spends 1, for as long as it fits. */
static void spend(int child)
{
	struct aigw_err err = {0};
	struct aigw_budget *b =
		aigw_budget_open(path, CHILDREN * ROUNDS / 2, &err);
	char id[32];
	int len;

	for (int i = 0; b && i < ROUNDS; i++) {
		len = snprintf(id, sizeof(id), "%d/%d", child, i);
		if (aigw_budget_hold(b, id, (size_t)len, 10, &err))
			continue;
		if (aigw_budget_settle(b, id, (size_t)len, 1) != 10)
			_exit(2);
	}
	aigw_budget_close(b);
	_exit(b ? 0 : 1);
}

/* Four processes start the same ledger at once and race for it: never more
 * than the limit, and at the end all of it but less than one hold each. */
static void race(void **state)
{
	struct aigw_budget *b;
	int status;
	pid_t pid[CHILDREN];

	(void)state;
	for (int i = 0; i < CHILDREN; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0)
			spend(i);
	}
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	b = open_it(path, AIGW_BUDGET_NONE);
	assert_int_equal(held(b), 0);
	assert_true(committed(b) <= CHILDREN * ROUNDS / 2);
	assert_true(committed(b) > CHILDREN * ROUNDS / 2 - 10 * CHILDREN);
	aigw_budget_close(b);
	unlink(path);
}

/* A process that dies with a hold: the money stays set aside. */
static void crash(void **state)
{
	struct aigw_budget *b = open_it(path, 100);
	struct aigw_err err = {0};
	int status;
	pid_t pid = fork();

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct aigw_budget *mine =
			aigw_budget_open(path, AIGW_BUDGET_NONE, &err);

		_exit(!mine || aigw_budget_hold(mine, "x", 1, 70, &err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(committed(b), 70);
	assert_int_equal(aigw_budget_hold(b, "y", 1, 31, &err), -1);
	aigw_budget_close(b);
	unlink(path);
}

static void refuse(const char *why)
{
	struct aigw_err err = {0};

	assert_null(aigw_budget_open(path, 1, &err));
	if (!strstr(err.text, why) || strncmp(err.text, path, strlen(path)))
		fail_msg("%s", err.text);
}

static void bad_files(void **state)
{
	struct aigw_err err = {0};
	FILE *f = fopen(path, "w");
	struct aigw_budget *b;

	(void)state;
	fputs("not a ledger", f);
	fclose(f);
	chmod(path, 0600);
	refuse("is no ledger");
	assert_int_equal(truncate(path, 0), 0);
	chmod(path, 0622);
	refuse("others may write");
	chmod(path, 0600);
	b = open_it(path, 1);
	aigw_budget_close(b);
	f = fopen(path, "r+");
	fputc('X', f);
	fclose(f);
	refuse("is no ledger");
	f = fopen(path, "r+");
	fputs("AIGWLEDG\x07", f);
	fclose(f);
	refuse("another version");
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	refuse("symbolic links");
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse("regular file");
	unlink(path);
	assert_null(aigw_budget_open("/nonexistent/x", 1, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hold_and_settle),
		cmocka_unit_test(keep),
		cmocka_unit_test(same_id_twice),
		cmocka_unit_test(limits_of_numbers),
		cmocka_unit_test(full),
		cmocka_unit_test(shared_file),
		cmocka_unit_test(race),
		cmocka_unit_test(crash),
		cmocka_unit_test(bad_files),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
