/* SPDX-License-Identifier: Apache-2.0 */
/* test-secret.c - every source of a secret, and what its memory promises */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/secret.h"

static char folder[] = "/tmp/aigw-test-secret.XXXXXX";
static char path[64];

static int set_up(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void put(const char *text, size_t len, mode_t mode)
{
	FILE *f;

	unlink(path); /* the one before may be read-only */
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Takes it. */
static void is(struct aigw_secret *s, const char *want, size_t want_len)
{
	size_t len;
	const char *bytes = aigw_secret_bytes(s, &len);

	assert_non_null(s);
	assert_int_equal(len, want_len);
	assert_memory_equal(bytes, want, len);
	assert_int_equal(bytes[len], 0);
	aigw_secret_free(s);
}

static void refused(struct aigw_secret *s, const struct aigw_err *err,
		    const char *code, const char *why)
{
	assert_null(s);
	assert_non_null(err->code);
	assert_string_equal(err->code, code);
	if (!strstr(err->text, why))
		fail_msg("want \"%s\", got \"%s\"", why, err->text);
}

static void one_line_end_is_taken_off(void **state)
{
	struct aigw_err err;

	(void)state;
	put("abc", 3, 0600);
	is(aigw_secret_file(path, false, &err), "abc", 3);
	put("abc\n", 4, 0600);
	is(aigw_secret_file(path, false, &err), "abc", 3);
	put("abc\r\n", 5, 0600);
	is(aigw_secret_file(path, false, &err), "abc", 3);
	put(" a\0c\n\n", 6, 0600);
	is(aigw_secret_file(path, false, &err), " a\0c\n", 5);
}

static void size_is_bounded(void **state)
{
	char *big = calloc(1, AIGW_SECRET_MAX + 3);
	struct aigw_err err;

	(void)state;
	assert_non_null(big);
	put("", 0, 0600);
	refused(aigw_secret_file(path, false, &err), &err, "secret_unavailable",
		"empty");
	put("\n", 1, 0600);
	refused(aigw_secret_file(path, false, &err), &err, "secret_unavailable",
		"empty");
	memset(big, 'x', AIGW_SECRET_MAX + 2);
	put(big, AIGW_SECRET_MAX, 0600);
	is(aigw_secret_file(path, false, &err), big, AIGW_SECRET_MAX);
	put(big, AIGW_SECRET_MAX + 1, 0600);
	refused(aigw_secret_file(path, false, &err), &err, "secret_unavailable",
		"too long");
	assert_null(aigw_secret_new(big, AIGW_SECRET_MAX + 1));
	assert_null(aigw_secret_new(big, 0));
	refused(aigw_secret_file("/dev/zero", true, &err), &err,
		"secret_unavailable", "no file and no pipe");
	free(big);
}

static void open_files_are_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0644, 0610, 0666};
	struct aigw_err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		put("s3cret", 6, modes[i]);
		refused(aigw_secret_file(path, false, &err), &err,
			"secret_permissions", "others may use it");
		assert_null(strstr(err.text, "s3cret"));
		is(aigw_secret_file(path, true, &err), "s3cret", 6);
	}
	put("s3cret", 6, 0400);
	is(aigw_secret_file(path, false, &err), "s3cret", 6);
	unlink(path);
	refused(aigw_secret_file(path, true, &err), &err, "secret_unavailable",
		"No such file");
}

static void pipes_are_read_to_their_end(void **state)
{
	struct aigw_err err;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "abc\n", 4), 4);
	close(ends[1]);
	is(aigw_secret_fd(ends[0], &err), "abc", 3);
	assert_int_equal(fcntl(ends[0], F_GETFD), -1);
	refused(aigw_secret_fd(-1, &err), &err, "secret_unavailable", "-1");
}

static void credentials_have_plain_names(void **state)
{
	struct aigw_err err;

	(void)state;
	unsetenv("CREDENTIALS_DIRECTORY");
	refused(aigw_secret_credential("key", &err), &err, "secret_unavailable",
		"not set");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	put("abc\n", 4, 0440); /* as systemd 252 leaves them for DynamicUser */
	is(aigw_secret_credential("key", &err), "abc", 3);
	refused(aigw_secret_credential("../key", &err), &err,
		"secret_unavailable", "no name");
	refused(aigw_secret_credential("", &err), &err, "secret_unavailable",
		"no name");
	unsetenv("CREDENTIALS_DIRECTORY");
}

static void the_environment_is_asked_by_name(void **state)
{
	struct aigw_err err;

	(void)state;
	setenv("AIGW_TEST_SECRET", "abc\n", 1);
	is(aigw_secret_env("AIGW_TEST_SECRET", &err), "abc\n", 4);
	setenv("AIGW_TEST_SECRET", "", 1);
	refused(aigw_secret_env("AIGW_TEST_SECRET", &err), &err,
		"secret_unavailable", "empty");
	unsetenv("AIGW_TEST_SECRET");
	refused(aigw_secret_env("AIGW_TEST_SECRET", &err), &err,
		"secret_unavailable", "not set");
}

static struct aigw_secret *command(const char *script, int ms,
				   struct aigw_err *err)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)script,
			NULL};

	return aigw_secret_command(argv, ms, err);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void commands_answer_or_end(void **state)
{
	char *nothing[] = {(char *)"/nonexistent/aigw-test", NULL};
	char *words[] = {(char *)"printf", (char *)"%s", (char *)"$HOME;`id`",
			 NULL};
	struct aigw_err err;
	int64_t start;

	(void)state;
	is(aigw_secret_command(words, 5000, &err), "$HOME;`id`", 10);
	is(command("echo abc", 5000, &err), "abc", 3);
	is(command("cat; echo abc", 5000, &err), "abc", 3); /* stdin is empty */
	refused(command("echo s3cret; exit 3", 5000, &err), &err,
		"secret_unavailable", "code 3");
	assert_null(strstr(err.text, "s3cret"));
	refused(command("true", 5000, &err), &err, "secret_unavailable",
		"empty");
	refused(command("kill -9 $$", 5000, &err), &err, "secret_unavailable",
		"");
	refused(aigw_secret_command(nothing, 5000, &err), &err,
		"secret_unavailable", "/nonexistent/aigw-test: ");
	refused(command("exit 7", 5000, &err), &err, "secret_unavailable",
		"code 7");
	refused(command("yes", 5000, &err), &err, "secret_unavailable",
		"more than");
	start = now_ms();
	refused(command("sleep 60 & sleep 60", 200, &err), &err,
		"secret_unavailable", "too long");
	refused(command("echo abc; exec >&-; sleep 60", 200, &err), &err,
		"secret_unavailable", "too long");
	assert_true(now_ms() - start < 5000);
}

/* VmFlags of the page in /proc/self/smaps: dd is "not in a core dump". */
static void pages_stay_out_of_dumps(void **state)
{
	struct aigw_secret *s = aigw_secret_new("abc", 3);
	uintptr_t at = (uintptr_t)aigw_secret_bytes(s, NULL), from, to;
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	bool mine = false, found = false;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			mine = from <= at && at < to;
		if (mine && strncmp(line, "VmFlags:", 8) == 0) {
			found = true;
			assert_non_null(strstr(line, " dd"));
		}
	}
	fclose(f);
	assert_true(found);
	aigw_secret_free(s);
	aigw_secret_free(NULL);
	assert_null(aigw_secret_bytes(NULL, NULL));
}

static struct aigw_secret *from_conf(const char *yaml, struct aigw_err *err)
{
	struct aigw_conf *c = aigw_conf_parse("f", yaml, strlen(yaml), err);
	struct aigw_secret *s;

	assert_non_null(c);
	s = aigw_secret_conf(aigw_conf_get(c, "key"), err);
	aigw_conf_free(c);
	return s;
}

static void configuration_names_one_source(void **state)
{
	static const char *const wrong[] = {
		"key: s3cret",
		"key: []",
		"key: {}",
		"key: {fil: x}",
		"key: {file: x, env: Y}",
		"key: {env: Y, loose: true}",
		"key: {file: [x]}",
		"key: {file: }",
		"key: {file: x, loose: maybe}",
		"key: {command: pass}",
		"key: {command: []}",
		"key: {command: [[x]]}",
		"key: {command: [x], timeout: 0}",
		"key: {fd: 2}",
		"key: {fd: -1}",
		"key: {fd: 3x}",
		"key: {fd: 99999999999999999999}",
	};
	char yaml[128];
	struct aigw_err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		refused(from_conf(wrong[i], &err), &err, "invalid_config",
			"f:1:");
		assert_null(strstr(err.text, "s3cret"));
	}
	put("abc\n", 4, 0644);
	snprintf(yaml, sizeof(yaml), "key: {file: %s}", path);
	refused(from_conf(yaml, &err), &err, "secret_permissions", "f:1:");
	snprintf(yaml, sizeof(yaml), "key: {file: %s, loose: true}", path);
	is(from_conf(yaml, &err), "abc", 3);
	setenv("AIGW_TEST_SECRET", "abc", 1);
	is(from_conf("key: {env: AIGW_TEST_SECRET}", &err), "abc", 3);
	unsetenv("AIGW_TEST_SECRET");
	is(from_conf("key: {command: [echo, abc], timeout: 5}", &err), "abc",
	   3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_end_is_taken_off),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(open_files_are_refused),
		cmocka_unit_test(pipes_are_read_to_their_end),
		cmocka_unit_test(credentials_have_plain_names),
		cmocka_unit_test(the_environment_is_asked_by_name),
		cmocka_unit_test(commands_answer_or_end),
		cmocka_unit_test(pages_stay_out_of_dumps),
		cmocka_unit_test(configuration_names_one_source),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
