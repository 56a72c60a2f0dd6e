/* SPDX-License-Identifier: Apache-2.0 */
/* test-json.c - the strict gate, the writer, and edits that leave the rest */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/json.h"

static const char *suite(void)
{
	static char path[4096];
	const char *dir = getenv("AIGW_VECTORS");

	snprintf(path, sizeof(path), "%s/JSONTestSuite/test_parsing",
		 dir ? dir : "../shared/vectors");
	return path;
}

static char *slurp(const char *name, size_t *len)
{
	char path[4400];
	char *text = malloc(1 << 20);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", suite(), name);
	f = fopen(path, "rb");
	assert_non_null(f);
	*len = fread(text, 1, 1 << 20, f);
	fclose(f);
	return realloc(text, *len + 1);
}

/* RFC 8259 lets names be equal and warns of it; our gate refuses them. */
static bool has_duplicates(const char *name)
{
	return !strncmp(name, "y_object_duplicated_key", 23);
}

static void test_suite(void **state)
{
	unsigned yes = 0, no = 0, wrong = 0;
	struct aigw_err err;
	struct aigw_doc *doc;
	struct dirent *entry;
	DIR *dir = opendir(suite());
	char *text;
	size_t len;

	(void)state;
	if (!dir) {
		print_message("# no vectors at %s\n", suite());
		skip();
	}
	while ((entry = readdir(dir))) {
		if (!strchr("yni", entry->d_name[0]))
			continue;
		text = slurp(entry->d_name, &len);
		memset(&err, 0, sizeof(err));
		doc = aigw_doc_parse(text, len, &err);
		yes += entry->d_name[0] == 'y';
		no += entry->d_name[0] == 'n';
		if (has_duplicates(entry->d_name)) {
			wrong += doc || strcmp(err.code, "duplicate_key");
		} else if ((entry->d_name[0] == 'y' && !doc) ||
			   (entry->d_name[0] == 'n' && doc)) {
			print_message("# %s: %s\n", entry->d_name, err.text);
			wrong++;
		}
		if (!doc && !err.code)
			wrong++;
		aigw_doc_free(doc);
		free(text);
	}
	closedir(dir);
	assert_int_equal(yes, 95);
	assert_int_equal(no, 188);
	assert_int_equal(wrong, 0);
}

static void expect_error(const char *text, size_t len, const char *code,
			 const char *part)
{
	struct aigw_err err = { 0 };

	assert_null(aigw_doc_parse(text, len, &err));
	assert_string_equal(err.code, code);
	assert_int_equal(err.class, AIGW_E_BAD_REQUEST);
	if (!strstr(err.text, part))
		fail_msg("\"%s\" does not say \"%s\"", err.text, part);
}

static void test_errors_say_where(void **state)
{
	char deep[2 * AIGW_JSON_DEPTH + 2], keys[1024];
	int i, n;

	(void)state;
	expect_error("", 0, "invalid_json", "byte 0");
	expect_error("{\"a\":1,}", 8, "invalid_json", "byte 6");
	expect_error("{\"a\":\"\xff\"}", 8, "invalid_utf8", "byte 6");
	expect_error("\"\xed\xa0\x80\"", 5, "invalid_utf8", "byte 1");
	expect_error("\"\\ud800\"", 8, "invalid_json", "surrogate");
	expect_error("\xef\xbb\xbf{}", 5, "invalid_json", "byte order mark");
	expect_error("[1] 2", 5, "invalid_json", "byte 4");
	expect_error("{\"a\":1,\"b\":2,\"a\":3}", 19, "duplicate_key", "a");
	expect_error("{\"a\":1,\"\\u0061\":3}", 18, "duplicate_key", "a");
	memset(deep, '[', AIGW_JSON_DEPTH + 1);
	memset(deep + AIGW_JSON_DEPTH + 1, ']', AIGW_JSON_DEPTH + 1);
	expect_error(deep, sizeof(deep), "too_deep", "deep");
	n = snprintf(keys, sizeof(keys), "{");
	for (i = 0; i < 40; i++)
		n += snprintf(keys + n, sizeof(keys) - (size_t)n, "\"k%d\":1,",
			      i);
	n += snprintf(keys + n, sizeof(keys) - (size_t)n, "\"k7\":2}");
	expect_error(keys, (size_t)n, "duplicate_key", "k7");
}

static void test_hostile_size(void **state)
{
	size_t len = 4 * 1024 * 1024;
	char *text = malloc(len);

	(void)state;
	memset(text, '[', len);
	expect_error(text, len, "too_deep", "deep");
	free(text);
}

static void test_values(void **state)
{
	static const char text[] =
		"{\"n\":9007199254740993,\"d\":1.10,\"s\":\"a\\u0000b\","
		"\"o\":{\"p\":{\"q\":true}},\"l\":[1,\"x\",null]}";
	struct aigw_doc *doc = aigw_doc_parse(text, sizeof(text) - 1, NULL);
	const struct aigw_val *root = aigw_doc_root(doc), *v;
	struct aigw_iter it;
	int64_t n;
	double d;
	size_t len;

	(void)state;
	assert_string_equal(aigw_val_num(aigw_val_get(root, "d"), NULL),
			    "1.10");
	assert_true(aigw_val_int(aigw_val_get(root, "n"), &n));
	assert_true(n == 9007199254740993);
	assert_false(aigw_val_int(aigw_val_get(root, "d"), &n));
	assert_true(aigw_val_double(aigw_val_get(root, "d"), &d));
	assert_memory_equal(aigw_val_str(aigw_val_get(root, "s"), &len),
			    "a\0b", 3);
	assert_int_equal(len, 3);
	assert_true(aigw_val_true(aigw_val_at(root, "o.p.q")));
	assert_null(aigw_val_at(root, "o.x.q"));
	assert_int_equal(aigw_val_type(NULL), AIGW_NULL);
	it = aigw_iter_init(aigw_val_get(root, "l"));
	for (n = 0; (v = aigw_iter_next(&it)); n++)
		assert_null(it.key);
	assert_int_equal(n, 3);
	aigw_doc_free(doc);
}

static void test_writer(void **state)
{
	static const char text[] = "{\"a\":[1.10,\"x\\n\",{}],\"b\":null}";
	struct aigw_doc *doc = aigw_doc_parse(text, sizeof(text) - 1, NULL);
	struct aigw_buf buf;
	struct aigw_json w;

	(void)state;
	aigw_buf_init(&buf, 1000);
	aigw_json_init(&w, &buf);
	aigw_json_val(&w, aigw_doc_root(doc));
	assert_int_equal(aigw_json_end(&w, NULL), 0);
	assert_int_equal(buf.len, sizeof(text) - 1);
	assert_memory_equal(buf.data, text, buf.len);
	buf.len = 0;
	aigw_json_init(&w, &buf);
	aigw_json_array(&w);
	aigw_json_int(&w, INT64_MIN);
	aigw_json_strn(&w, "\0\x1f\"\\", 4);
	aigw_json_close(&w);
	assert_int_equal(aigw_json_end(&w, NULL), 0);
	assert_memory_equal(buf.data,
			    "[-9223372036854775808,\"\\u0000\\u001f\\\"\\\\\"]",
			    buf.len);
	aigw_json_init(&w, &buf);
	aigw_json_strn(&w, "\xff", 1); /* no UTF-8 */
	assert_int_equal(aigw_json_end(&w, NULL), -1);
	aigw_json_init(&w, &buf);
	aigw_json_object(&w); /* left open */
	assert_int_equal(aigw_json_end(&w, NULL), -1);
	aigw_buf_release(&buf);
	aigw_doc_free(doc);
}

static void expect_splice(const char *text, const char *path, const char *value,
			  const char *want)
{
	struct aigw_buf out;

	aigw_buf_init(&out, 1000);
	assert_int_equal(aigw_json_splice(text, strlen(text), path, value,
					  value ? strlen(value) : 0, &out,
					  NULL),
			 0);
	assert_int_equal(aigw_buf_add(&out, "", 1), 0);
	assert_string_equal(out.data, want);
	aigw_buf_release(&out);
}

static void test_splice(void **state)
{
	(void)state;
	expect_splice("{}", "a", "1", "{\"a\":1}");
	expect_splice("{ \"a\" : 1 , \"b\":2}", "a", "[]",
		      "{ \"a\" : [] , \"b\":2}");
	expect_splice("{\"a\":1, \"b\":2}", "a", NULL, "{\"b\":2}");
	expect_splice("{\"a\":1, \"b\":2}", "b", NULL, "{\"a\":1}");
	expect_splice("{\"a\":1}", "a", NULL, "{}");
	expect_splice("{\"a\":1}", "z", NULL, "{\"a\":1}");
	expect_splice("{\"a\":{\"x\":\"}\"}}", "a.y.z", "\"v\"",
		      "{\"a\":{\"x\":\"}\",\"y\":{\"z\":\"v\"}}}");
	expect_splice("{\"a\":7}", "a.b", "1", "{\"a\":{\"b\":1}}");
	expect_splice("{\"\\u0061\":7}", "a", "1", "{\"\\u0061\":1}");
	expect_splice("{\"a\":[{\"b\":1}]}", "b", "2",
		      "{\"a\":[{\"b\":1}],\"b\":2}");
}

/* Replaces every "x", and remembers what it was shown. */
static int spy(void *arg, const char *path, bool key, const char *s, size_t len,
	       struct aigw_buf *with, struct aigw_err *err)
{
	struct aigw_buf *seen = arg;

	(void)err;
	if (aigw_buf_str(seen, path) || aigw_buf_str(seen, key ? "=" : " ") ||
	    aigw_buf_add(seen, s, len) || aigw_buf_str(seen, "\n"))
		return -1;
	if (len != 1 || *s != 'x')
		return 0;
	return aigw_buf_str(with, "\"y\"") ? -1 : 1;
}

static void test_map(void **state)
{
	static const char text[] =
		" {\"a\":[1e5, \"x\", \"\\u0078\",{\"b/~\":\"\\ud83d\\ude00\"}] ,"
		"\"x\":true}";
	struct aigw_buf out, seen;
	bool changed;

	(void)state;
	aigw_buf_init(&out, 1000);
	aigw_buf_init(&seen, 1000);
	assert_int_equal(aigw_json_map(text, sizeof(text) - 1, spy, &seen, &out,
				       &changed, NULL),
			 0);
	assert_true(changed);
	assert_int_equal(aigw_buf_add(&out, "", 1), 0);
	assert_string_equal(
		out.data,
		" {\"a\":[1e5, \"\\\"y\\\"\", \"\\\"y\\\"\","
		"{\"b/~\":\"\\ud83d\\ude00\"}] ,\"\\\"y\\\"\":true}");
	assert_int_equal(aigw_buf_add(&seen, "", 1), 0);
	assert_string_equal(seen.data, "/a=a\n/a/1 x\n/a/2 x\n/a/3/b~1~0=b/~\n"
				       "/a/3/b~1~0 \xf0\x9f\x98\x80\n/x=x\n");
	aigw_buf_release(&out);
	aigw_buf_release(&seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_suite),
		cmocka_unit_test(test_errors_say_where),
		cmocka_unit_test(test_hostile_size),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_writer),
		cmocka_unit_test(test_splice),
		cmocka_unit_test(test_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
