/* SPDX-License-Identifier: Apache-2.0 */
/* test-conf.c - what YAML is taken, and where what is not taken stands */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/buf.h"
#include "core/conf.h"

static struct aigw_conf *parse(const char *text)
{
	struct aigw_err err = {.text = ""};
	struct aigw_conf *c = aigw_conf_parse("f", text, strlen(text), &err);

	if (!c)
		fail_msg("%s", err.text);
	return c;
}

static void test_tree(void **state)
{
	struct aigw_conf *c = parse("# comment\n"
				    "a: 1\n"
				    "list: [x, 'y', \"z\"]\n"
				    "map:\n"
				    "  deep:\n"
				    "    - {k: v}\n"
				    "    - |\n"
				    "      text\n");
	const struct aigw_conf *list, *deep;

	(void)state;
	assert_int_equal(aigw_conf_kind(c), AIGW_CONF_MAP);
	assert_int_equal(aigw_conf_len(c), 3);
	assert_string_equal(aigw_conf_str(aigw_conf_get(c, "a")), "1");
	assert_null(aigw_conf_get(c, "b"));
	assert_null(aigw_conf_key(c));
	list = aigw_conf_at(c, 1);
	assert_string_equal(aigw_conf_key(list), "list");
	assert_int_equal(aigw_conf_kind(list), AIGW_CONF_LIST);
	assert_null(aigw_conf_str(list));
	assert_null(aigw_conf_get(list, "x"));
	assert_string_equal(aigw_conf_str(aigw_conf_at(list, 2)), "z");
	assert_null(aigw_conf_at(list, 3));
	deep = aigw_conf_get(aigw_conf_get(c, "map"), "deep");
	assert_string_equal(
		aigw_conf_str(aigw_conf_get(aigw_conf_at(deep, 0), "k")), "v");
	assert_string_equal(aigw_conf_str(aigw_conf_at(deep, 1)), "text\n");
	aigw_conf_free(c);
}

static void test_places(void **state)
{
	struct aigw_conf *c = parse("a: 1\nmap:\n  é: [x,\n    y]\n");
	const struct aigw_conf *e = aigw_conf_get(aigw_conf_at(c, 1), "é");

	(void)state;
	assert_string_equal(aigw_conf_where(c), "f:1:1");
	assert_string_equal(aigw_conf_where(aigw_conf_at(c, 0)), "f:1:4");
	assert_string_equal(aigw_conf_key_where(aigw_conf_at(c, 0)), "f:1:1");
	assert_string_equal(aigw_conf_where(e), "f:3:6");
	assert_string_equal(aigw_conf_key_where(e), "f:3:3");
	assert_string_equal(aigw_conf_where(aigw_conf_at(e, 1)), "f:4:5");
	assert_string_equal(aigw_conf_key_where(aigw_conf_at(e, 1)), "f:4:5");
	aigw_conf_free(c);
}

static void test_fail(void **state)
{
	struct aigw_conf *c = parse("a: 1\n");
	struct aigw_err err;

	(void)state;
	assert_int_equal(aigw_conf_fail(aigw_conf_at(c, 0), &err, "no %s", "x"),
			 -1);
	assert_string_equal(err.text, "f:1:4: no x");
	assert_string_equal(err.code, "invalid_config");
	aigw_conf_free(c);
}

static void test_null(void **state)
{
	struct aigw_conf *c =
		parse("- ~\n- null\n-\n- ''\n- 'null'\n- Null\n- {}\n- []\n");
	static const bool want[] = {true,  true,  true,	 false,
				    false, false, false, false};
	size_t i;

	(void)state;
	assert_int_equal(aigw_conf_len(c), 8);
	for (i = 0; i < 8; i++)
		assert_int_equal(aigw_conf_null(aigw_conf_at(c, i)), want[i]);
	assert_null(aigw_conf_str(aigw_conf_at(c, 0)));
	assert_string_equal(aigw_conf_str(aigw_conf_at(c, 3)), "");
	assert_true(aigw_conf_null(NULL));
	assert_null(aigw_conf_get(NULL, "x"));
	assert_int_equal(aigw_conf_len(NULL), 0);
	assert_string_equal(aigw_conf_dir(NULL), ".");
	aigw_conf_free(c);
	aigw_conf_free(NULL);
}

static void test_bool(void **state)
{
	struct aigw_conf *c = parse("[true, false, 'true', yes, 1, []]");
	bool b = false;
	size_t i;

	(void)state;
	assert_int_equal(aigw_conf_bool(aigw_conf_at(c, 0), &b, NULL), 0);
	assert_true(b);
	assert_int_equal(aigw_conf_bool(aigw_conf_at(c, 1), &b, NULL), 0);
	assert_false(b);
	for (i = 2; i < 7; i++)
		assert_int_equal(aigw_conf_bool(aigw_conf_at(c, i), &b, NULL),
				 -1);
	aigw_conf_free(c);
}

static void test_empty(void **state)
{
	static const char *const texts[] = {"",	     "\n",	     "# only\n",
					    "---\n", "\xef\xbb\xbf", "~\n"};
	struct aigw_conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		c = parse(texts[i]);
		assert_true(aigw_conf_null(c));
		assert_int_equal(aigw_conf_len(c), 0);
		aigw_conf_free(c);
	}
}

static void test_marks_and_line_ends(void **state)
{
	struct aigw_conf *c = parse("\xef\xbb\xbf"
				    "a: 1\r\nb: 2\r\n");

	(void)state;
	assert_string_equal(aigw_conf_str(aigw_conf_get(c, "b")), "2");
	assert_string_equal(aigw_conf_where(aigw_conf_get(c, "a")), "f:1:4");
	assert_string_equal(aigw_conf_where(aigw_conf_get(c, "b")), "f:2:4");
	aigw_conf_free(c);
}

/* Every refusal, and the place it names. */
static void test_refused(void **state)
{
	static const struct {
		const char *text, *where, *why;
	} bad[] = {
		{"a: &x 1\n", "f:1:4: ", "anchors"},
		{"a: &x [1]\n", "f:1:4: ", "anchors"},
		{"a: &x {b: 1}\n", "f:1:4: ", "anchors"},
		{"&x a: 1\n", "f:1:1: ", "anchors"},
		{"a: *x\n", "f:1:4: ", "aliases"},
		{"*x : 1\n", "f:1:1: ", "aliases"},
		{"a: !!str 1\n", "f:1:4: ", "tags"},
		{"a: ! 1\n", "f:1:4: ", "tags"},
		{"a: !x [1]\n", "f:1:4: ", "tags"},
		{"%TAG ! tag:x,2026:\n---\na: 1\n", "f:1:1: ", "tags"},
		{"a: 1\n<<: {b: 2}\n", "f:2:1: ", "merge"},
		{"a: 1\nb: 2\na: 3\n", "f:3:1: ", "twice (also at f:1:1)"},
		{"a: {x: 1, 'x': 2}\n", "f:1:11: ", "twice"},
		{"[a]: 1\n", "f:1:1: ", "key must be a text"},
		{"? {a: b}\n: 1\n", "f:1:3: ", "key must be a text"},
		{": 1\n", "f:1:1: ", "expected key"},
		{"?\n: 1\n", "f:1:2: ", "key is missing"},
		{"a: \"x\\0y\"\n", "f:1:4: ", "NUL"},
		{"\"a\\0\": 1\n", "f:1:1: ", "NUL"},
		{"a: 1\n---\nb: 2\n", "f:2:1: ", "second document"},
		{"a: [1\nb: 2\n", "f:2:", "in line 1"},
		{"a: 1\n\tb: 2\n", "f:2:1: ", "tab"},
		{"a: 'x\n", "f:2:1: ", "quoted scalar"},
		{"a: 1\n b: 2\n", "f:2:", ""},
		{"a: \"\\q\"\n", "f:1:5: ", "escape"},
		{"a: b: c\n", "f:1:5: ", "not allowed"},
		{"x: @a\n", "f:1:4: ", "token"},
		{"a: 1\nb: \xff\n", "f:2:4: ", "UTF-8"},
		{"é: 1\nbé: \xc3(\n", "f:2:6: ", "UTF-8"},
		{"a: \xed\xa0\x80\n", "f:1:4: ", ""},
		{"a: \x01\n", "f:1:4: ", "control"},
		{"a: b\x7f\n", "f:1:5: ", "control"},
		{"%YAML 2.0\n---\na: 1\n", "f:1:1: ", "incompatible"},
	};
	struct aigw_err err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		err.text[0] = '\0';
		if (aigw_conf_parse("f", bad[i].text, strlen(bad[i].text),
				    &err))
			fail_msg("taken: %s", bad[i].text);
		if (strncmp(err.text, bad[i].where, strlen(bad[i].where)) ||
		    !strstr(err.text, bad[i].why))
			fail_msg("%s: %s", bad[i].text, err.text);
		assert_string_equal(err.code, "invalid_config");
	}
}

static void test_nul_byte(void **state)
{
	struct aigw_err err;

	(void)state;
	assert_null(aigw_conf_parse("f", "a: 1\nb: \0\n", 10, &err));
	assert_memory_equal(err.text, "f:2:4: ", 7);
}

static void repeat(struct aigw_buf *b, const char *s, size_t n)
{
	aigw_buf_init(b, 4 * AIGW_CONF_BYTES);
	while (n-- > 0)
		assert_int_equal(aigw_buf_str(b, s), 0);
}

static void test_depth(void **state)
{
	struct aigw_err err;
	struct aigw_buf b;
	size_t i;

	(void)state;
	for (i = AIGW_CONF_DEPTH; i <= AIGW_CONF_DEPTH + 1; i++) {
		struct aigw_conf *c;

		repeat(&b, "[", i);
		while (b.len < 2 * i)
			assert_int_equal(aigw_buf_str(&b, "]"), 0);
		c = aigw_conf_parse("f", b.data, b.len, &err);
		if (i == AIGW_CONF_DEPTH)
			assert_non_null(c);
		else
			assert_null(c);
		aigw_conf_free(c);
		aigw_buf_release(&b);
	}
	assert_string_equal(err.text,
			    "f:1:33: lists and maps nest deeper than 32");
}

/* Unique keys, so that only the budget can refuse. */
static void test_many_keys(void **state)
{
	struct aigw_err err;
	struct aigw_conf *c;
	struct aigw_buf b;
	char key[32];
	int i, n;

	(void)state;
	for (n = 40000; n <= 60000; n += 20000) {
		aigw_buf_init(&b, AIGW_CONF_BYTES);
		for (i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "k%d: %d\n", i, i);
			assert_int_equal(aigw_buf_str(&b, key), 0);
		}
		c = aigw_conf_parse("f", b.data, b.len, &err);
		if (n == 40000) {
			assert_non_null(c);
			assert_string_equal(
				aigw_conf_str(aigw_conf_get(c, "k39999")),
				"39999");
		} else {
			assert_null(c);
			assert_non_null(strstr(err.text, "more than 100000"));
		}
		aigw_conf_free(c);
		aigw_buf_release(&b);
	}
}

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* A megabyte of what libyaml likes least, each is over in no time. */
static void test_hostile(void **state)
{
	static const char *const seeds[] = {
		"[",	      "{",     "- ",	"? ",	  "a: ",    "[a,",
		"{a: ",	      "\"",    "'",	"&a ",	  "*a ",    "!a ",
		"!",	      "|\n",   "#",	"\n",	  " ",	    "\t",
		"---\n",      "%",     ",",	"[[],",	  "- - ",   "a\n",
		"a ",	      "{[",    "?\n",	"a:\n ",  ":",	    ": ",
		"-\n",	      "]",     "}",	"\"a\":", "a: b\n", "[]: ",
		"{}: ",	      "''",    ">\n\n", "a,",	  "é",	    "...\n",
		"\\",	      "\"\\x", "%A\n",	"@",	  "`",	    "- a\n",
		"? a\n: b\n",
	};
	struct aigw_err err;
	struct aigw_conf *c;
	struct aigw_buf b;
	double start, took;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(seeds) / sizeof(*seeds); i++) {
		repeat(&b, seeds[i], AIGW_CONF_BYTES / strlen(seeds[i]));
		start = cpu_seconds();
		c = aigw_conf_parse("f", b.data, b.len, &err);
		took = cpu_seconds() - start;
		aigw_conf_free(c);
		aigw_buf_release(&b);
		if (took > 5) /* valgrind and sanitizers included */
			fail_msg("1 MiB of \"%s\": %.1f s", seeds[i], took);
	}
}

static void test_too_long(void **state)
{
	struct aigw_err err;
	struct aigw_buf b;

	(void)state;
	repeat(&b, "#", AIGW_CONF_BYTES + 1);
	assert_null(aigw_conf_parse("f", b.data, b.len, &err));
	assert_string_equal(err.text, "f:1:1: more than 1048576 bytes");
	aigw_buf_release(&b);
}

/* Nine levels of nine: refused at the first anchor. */
static void test_alias_bomb(void **state)
{
	static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
				   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
				   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n";
	struct aigw_err err;

	(void)state;
	assert_null(aigw_conf_parse("f", bomb, sizeof(bomb) - 1, &err));
	assert_string_equal(err.text, "f:1:4: anchors (&) are not supported");
}

static void test_load(void **state)
{
	char dir[] = "/tmp/aigw-test-conf-XXXXXX", path[64];
	struct aigw_err err;
	struct aigw_conf *c;
	FILE *f;
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.yaml", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("a: 1\n", f);
	assert_int_equal(fclose(f), 0);
	c = aigw_conf_load(path, &err);
	assert_non_null(c);
	assert_string_equal(aigw_conf_dir(c), dir);
	assert_memory_equal(aigw_conf_where(c), path, strlen(path));
	aigw_conf_free(c);

	f = fopen(path, "w");
	assert_non_null(f);
	for (i = 0; i < 2 * AIGW_CONF_BYTES; i++)
		putc('#', f);
	assert_int_equal(fclose(f), 0);
	assert_null(aigw_conf_load(path, &err));
	assert_non_null(strstr(err.text, "a.yaml:1:1: more than 1048576"));

	assert_null(aigw_conf_load("/dev/zero", &err));
	assert_non_null(strstr(err.text, "/dev/zero:1:1: more than"));
	assert_null(aigw_conf_load(dir, &err));
	assert_non_null(strstr(err.text, "Is a directory"));
	assert_string_equal(err.code, "unreadable_config");
	assert_int_equal(unlink(path), 0);
	assert_null(aigw_conf_load(path, &err));
	assert_non_null(strstr(err.text, "a.yaml: No such file"));
	assert_int_equal(rmdir(dir), 0);
}

static void test_dir(void **state)
{
	static const struct {
		const char *name, *dir;
	} cases[] = {{"f", "."}, {"/f", "/"}, {"a/f", "a"}, {"/a/b/f", "/a/b"}};
	struct aigw_conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		c = aigw_conf_parse(cases[i].name, "a: 1", 4, NULL);
		assert_non_null(c);
		assert_string_equal(aigw_conf_dir(aigw_conf_at(c, 0)),
				    cases[i].dir);
		aigw_conf_free(c);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_bool),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_marks_and_line_ends),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_many_keys),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_alias_bomb),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_dir),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
