/* SPDX-License-Identifier: Apache-2.0 */
/* test-env.c - envelopes: bytes that stay, edits that are spliced, kinds */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "host.h"

static struct aigw_env *parse(const char *line)
{
	struct aigw_err err = { 0 };
	struct aigw_env *env = aigw_env_parse(line, strlen(line), &err);

	if (!env)
		fail_msg("%s: %s", line, err.text);
	return env;
}

static void expect_line(struct aigw_env *env, const char *want)
{
	struct aigw_buf out;

	aigw_buf_init(&out, 1 << 20);
	assert_int_equal(aigw_env_write(env, &out, NULL), 0);
	assert_int_equal(out.data[out.len - 1], '\n');
	out.data[out.len - 1] = '\0';
	assert_string_equal(out.data, want);
	aigw_buf_release(&out);
}

static void test_untouched(void **state)
{
	static const char line[] =
		" { \"aigw\":1, \"id\":\"a\\u0062\" ,\"x\":1.10,\t\"big\":"
		"9007199254740993,\"s\":\"\\/\\u00e9\"}\r";
	struct aigw_env *env = parse(line);

	(void)state;
	expect_line(env, line);
	assert_string_equal(aigw_env_id(env, NULL), "ab");
	aigw_env_free(env);
}

static void test_edits(void **state)
{
	struct aigw_env *env = parse("{\"aigw\":1,\"id\":\"i\",\"req\": "
				     "{\"n\":1.10},\"client\":{\"auth\":7}}");

	(void)state;
	assert_int_equal(aigw_env_set_str(env, "client.principal", "b\"o", 3,
					  NULL),
			 0);
	assert_int_equal(aigw_env_remove(env, "client.auth", NULL), 0);
	assert_int_equal(aigw_env_set_int(env, "cost.in", 5, NULL), 0);
	assert_string_equal(aigw_env_str(env, "client.principal", NULL),
			    "b\"o");
	assert_null(aigw_env_get(env, "client.auth"));
	expect_line(env, "{\"aigw\":1,\"id\":\"i\",\"req\": {\"n\":1.10},"
			 "\"client\":{\"principal\":\"b\\\"o\"},"
			 "\"cost\":{\"in\":5}}");
	assert_int_equal(aigw_env_remove(env, "req", NULL), 0);
	assert_int_equal(aigw_env_remove(env, "nothing", NULL), 0);
	assert_int_equal(aigw_env_set(env, "req.m", "true", 4, NULL), 0);
	expect_line(env, "{\"aigw\":1,\"id\":\"i\",\"req\": {\"m\":true},"
			 "\"client\":{\"principal\":\"b\\\"o\"},"
			 "\"cost\":{\"in\":5}}");
	aigw_env_free(env);
}

static void test_refused_edits(void **state)
{
	struct aigw_env *env = parse("{\"aigw\":1,\"id\":\"i\"}");
	struct aigw_err err = { 0 };

	(void)state;
	assert_int_equal(aigw_env_set(env, "id", "\"j\"", 3, &err), -1);
	assert_int_equal(aigw_env_set(env, "aigw", "2", 1, &err), -1);
	assert_int_equal(aigw_env_set(env, "x", "{bad", 4, &err), -1);
	assert_int_equal(aigw_env_set_str(env, "x", "\xff", 1, &err), -1);
	assert_null(aigw_env_get(env, "x"));
	expect_line(env, "{\"aigw\":1,\"id\":\"i\"}");
	aigw_env_free(env);
}

static int to_k(void *arg, const char *path, bool key, const char *s,
		size_t len, struct aigw_buf *with, struct aigw_err *err)
{
	(void)arg;
	(void)path;
	(void)s;
	(void)len;
	(void)err;
	return key ? aigw_buf_str(with, "k") ? -1 : 1 : 0;
}

/* Two names that become the same would hide one value behind the other. */
static void test_map_makes_no_duplicates(void **state)
{
	static const char line[] =
		"{\"aigw\":1,\"id\":\"i\",\"req\":{\"a\":1,\"b\":2}}";
	struct aigw_env *env = parse(line);
	struct aigw_err err = { 0 };

	(void)state;
	assert_int_equal(aigw_env_map(env, "req", to_k, NULL, &err), -1);
	assert_string_equal(err.code, "duplicate_key");
	expect_line(env, line);
	aigw_env_free(env);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *line;
		enum aigw_kind kind;
	} cases[] = {
		{ "{\"aigw\":1,\"id\":\"i\"}", AIGW_REQUEST },
		{ "{\"aigw\":1,\"id\":\"i\",\"err\":null}", AIGW_REQUEST },
		{ "{\"aigw\":1,\"id\":\"i\",\"res\":{}}", AIGW_RESPONSE },
		{ "{\"aigw\":1,\"id\":\"i\",\"res\":{},\"err\":{}}",
		  AIGW_ERROR },
		{ "{\"id\":\"i\",\"e\":\"err\",\"err\":{}}", AIGW_CHUNK },
		{ "{\"id\":\"i\",\"e\":\"cancel\"}", AIGW_CANCEL },
	};
	struct aigw_env *env;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		env = parse(cases[i].line);
		assert_int_equal(aigw_env_kind(env), cases[i].kind);
		aigw_env_free(env);
	}
}

static void test_not_envelopes(void **state)
{
	static const char *const lines[] = {
		"7", "[]", "{}", "{\"aigw\":1}", "{\"aigw\":1,\"id\":7}",
		"{\"aigw\":1,\"id\":\"\"}", "{\"id\":\"i\"}",
		"{\"aigw\":2,\"id\":\"i\"}", "{\"aigw\":1.0,\"id\":\"i\"}",
		"{\"aigw\":true,\"id\":\"i\",\"e\":\"d\"}",
	};
	struct aigw_err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		memset(&err, 0, sizeof(err));
		assert_null(aigw_env_parse(lines[i], strlen(lines[i]), &err));
		assert_int_equal(err.class, AIGW_E_BAD_REQUEST);
		assert_non_null(strstr(err.text, "expected"));
	}
}

static void test_reject_and_note(void **state)
{
	struct aigw_env *env = parse("{\"aigw\":1,\"id\":\"i\"}");
	struct aigw_err why = { 0 };

	(void)state;
	aigw_fail_as(&why, AIGW_E_RATE_LIMIT, "slow_down", "wait \"a\" bit");
	assert_int_equal(aigw_env_note(env, "t", "k", "\"n\":1", 5, NULL), 0);
	assert_int_equal(aigw_env_note(env, "t", "l", NULL, 0, NULL), 0);
	assert_int_equal(aigw_env_reject(env, &why, "s", "policy", "gateway",
					 NULL),
			 0);
	assert_int_equal(aigw_env_kind(env), AIGW_ERROR);
	expect_line(env,
		    "{\"aigw\":1,\"id\":\"i\",\"notes\":[{\"by\":\"t\",\"kind\""
		    ":\"k\",\"n\":1},{\"by\":\"t\",\"kind\":\"l\"}],\"err\":"
		    "{\"class\":\"rate_limit\",\"status\":429,\"code\":"
		    "\"slow_down\",\"message\":\"wait \\\"a\\\" bit\","
		    "\"retryable\":true,\"phase\":\"policy\",\"origin\":"
		    "\"gateway\",\"stage\":\"s\"}}");
	aigw_env_free(env);
}

/* Naughty strings in every member: set, written, read back, the same. */
static char *naughty(size_t *len)
{
	const char *dir = getenv("AIGW_VECTORS");
	char path[4096];
	FILE *f;
	char *text = malloc(1 << 20);

	snprintf(path, sizeof(path), "%s/blns/blns.json",
		 dir ? dir : "../shared/vectors");
	f = fopen(path, "rb");
	if (f) {
		*len = fread(text, 1, 1 << 20, f);
		fclose(f);
		return text;
	}
	print_message("# no vectors at %s\n", path);
	free(text);
	return NULL;
}

static void round_trip(const char *path, const char *s, size_t len)
{
	struct aigw_env *env = parse("{\"aigw\":1,\"id\":\"i\",\"op\":\"x\"}");
	struct aigw_buf out;
	struct aigw_err err;
	const char *t;
	size_t n;

	aigw_buf_init(&out, 1 << 20);
	assert_int_equal(aigw_env_set_str(env, path, s, len, &err), 0);
	assert_int_equal(aigw_env_write(env, &out, &err), 0);
	assert_null(memchr(out.data, '\n', out.len - 1));
	aigw_env_free(env);
	env = aigw_env_parse(out.data, out.len - 1, &err);
	assert_non_null(env);
	t = aigw_env_str(env, path, &n);
	assert_int_equal(n, len);
	assert_memory_equal(t, s, len);
	aigw_env_free(env);
	aigw_buf_release(&out);
}

static void test_naughty(void **state)
{
	static const char *const paths[] = {
		"op", "client.principal", "req.model", "plan.alias",
		"res.finish", "state.mask", "err.message", "tags",
	};
	const struct aigw_val *v;
	struct aigw_doc *doc;
	struct aigw_iter it;
	const char *s;
	size_t len, i;
	char *text = naughty(&len);

	(void)state;
	if (!text)
		skip();
	doc = aigw_doc_parse(text, len, NULL);
	assert_non_null(doc);
	assert_int_equal(aigw_val_len(aigw_doc_root(doc)), 515);
	it = aigw_iter_init(aigw_doc_root(doc));
	while ((v = aigw_iter_next(&it))) {
		s = aigw_val_str(v, &len);
		for (i = 0; i < sizeof(paths) / sizeof(*paths); i++)
			round_trip(paths[i], s, len);
	}
	aigw_doc_free(doc);
	free(text);
}

static void test_uuid7(void **state)
{
	char a[37], b[37];

	(void)state;
	aigw_uuid7(a);
	aigw_uuid7(b);
	assert_int_equal(strlen(a), 36);
	assert_int_equal(a[14], '7');
	assert_non_null(strchr("89ab", a[19]));
	assert_string_not_equal(a, b);
	assert_memory_equal(a, b, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_refused_edits),
		cmocka_unit_test(test_map_makes_no_duplicates),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_not_envelopes),
		cmocka_unit_test(test_reject_and_note),
		cmocka_unit_test(test_naughty),
		cmocka_unit_test(test_uuid7),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
