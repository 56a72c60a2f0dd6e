/* SPDX-License-Identifier: Apache-2.0 */
/* test-route.c - jq conditions: what they see, and what they must not reach */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/json.h"
#include "text/jq.h"
#include "text/jqscan.h"

static const char envelope[] =
	"{\"aigw\":1,\"id\":\"x\",\"tag\":{\"a\":{\"b\":2}},\"client\":{"
	"\"principal\":\"team-a/bob\",\"tags\":{\"tier\":\"gold\"}},"
	"\"req\":{\"model\":\"gpt-4o\",\"max_tokens\":64,\"stop\":null,"
	"\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":"
	"\"user\",\"content\":\"the word is swordfish\"}]}}";

static const struct aigw_val *look(const void *root, const char *path)
{
	return aigw_val_at(root, path);
}

/* 1, 0, -1 when it fails while running, -2 when it is refused, -3 when it
 * does not compile. */
static int holds(const char *program, const char *json)
{
	struct aigw_doc *doc;
	struct aigw_jq *jq = aigw_jq_new();
	struct aigw_err err;
	size_t culprit;
	bool yes;
	int rc = -2;

	doc = aigw_doc_parse(json, strlen(json), &err);
	assert_non_null(doc);
	if (aigw_jq_add(jq, program, &err) == 0) {
		rc = -3;
		if (aigw_jq_compile(jq, &culprit, &err) == 0)
			rc = aigw_jq_test(jq, 0, look, aigw_doc_root(doc), &yes,
					  &err);
		if (rc == 0)
			rc = yes;
	}
	aigw_doc_free(doc);
	aigw_jq_free(jq);
	return rc;
}

static const struct {
	const char *program;
	int want;
} programs[] = {
	{".req.max_tokens < 1000", 1},
	{".req.max_tokens > 1000", 0},
	{".req | .max_tokens < 1000", 1},
	{".req.messages | length == 2", 1},
	{".req | keys | length == 4", 1},
	{".req.messages[-1].content | test(\"sword\")", 1},
	{"[.req.messages[].role] == [\"system\", \"user\"]", 1},
	{".req.messages | any(.role == \"tool\")", 0},
	{".client.tags.tier == \"gold\" and .req.model == \"gpt-4o\"", 1},
	{".client.\"principal\" | startswith(\"team-a/\")", 1},
	{".client[\"principal\"] == \"team-a/bob\"", 1},
	{".[\"tag\"].a.b == 2", 1},
	{"{tag} == {\"tag\": {\"a\": {\"b\": 2}}}", 1},
	{"[.. | strings] | any(test(\"swordfish\"))", 1},
	{". as $e | $e.client.principal == \"team-a/bob\"", 1},
	{"def f: .req; f | .model == \"gpt-4o\"", 1},
	{"\"\\(.req.model)!\" == \"gpt-4o!\"", 1},
	{".nothing.at.all == null", 1},
	{".tag.a.b == 2 # a comment", 1},
	{"# (\n.req.max_tokens == 64", 1},
	{".req.stop", 0},
	{"empty", 0},
	{"null, true", 0},
	{".req.model.x", -1},
	{".req.model + 1", -1},
	{"error(\"x\")", -1},
	{".req.env == null and .req.input == null", 1},
	{".req.model != \"env\" and .req.model != \"$ENV\"", 1},
	{"env.CANARY", -2},
	{"$ENV.CANARY", -2},
	{".req | env", -2},
	{"\"\\(env.CANARY)\"", -2},
	{"\"\\(\"\\($ENV)\")\"", -2},
	{"input", -2},
	{"[inputs]", -2},
	{"import \"a\" as a; true", -2},
	{"include \"a\"; true", -2},
	{".req | debug", -2},
	{"stderr", -2},
	{"halt", -2},
	{"1 | halt_error", -2},
	{"input_filename", -2},
	{"get_search_list", -2},
	{"", -2},
	{" \n", -2},
	{".a)", -2},
	{"(.a", -2},
	{".a) then (1", -2},
	{"[.a}", -2},
	{"\"open", -2},
	{"\"\\(.a\"", -2},
	{"1 elif true then 1", -3},
	{"true else true end; true", -3},
	{".a ||", -3},
	{"nosuch(.a)", -3},
};

static void programs_hold_or_not(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		int got = holds(programs[i].program, envelope);

		if (got != programs[i].want)
			print_error("%s: %d, not %d\n", programs[i].program,
				    got, programs[i].want);
		assert_int_equal(got, programs[i].want);
	}
}

/* A view that is too small would show as another answer: every program above
 * that runs must say the same of the whole envelope. `. |` makes it open. */
static void pruning_changes_nothing(void **state)
{
	char whole[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (programs[i].want < -1)
			continue;
		snprintf(whole, sizeof(whole), ". | %s", programs[i].program);
		assert_int_equal(holds(whole, envelope), programs[i].want);
	}
}

static const struct {
	const char *program, *paths;
} views[] = {
	{".req.max_tokens < 5", "req.max_tokens"},
	{".req.a.b + .req.c[0].d", "d req.a req.c"},
	{".req | .model", "req model"},
	{".req.model == (.req | .x)", "req x"},
	{"true", ""},
	{".req.tools // [] | length", "req.tools"},
	{".a |= 1", "*a"},
	{".a = 1", "*a"},
	{".a == 1", "a"},
	{". ", "*"},
	{"length", "*length"},
	{".a | length", "a"},
	{"select(.a) | keys", "*select a"},
	{"if .a then .b else .c end", "*if a then b else c end"},
};

static void views_are_what_is_named(void **state)
{
	struct aigw_jq *jq;
	struct aigw_err err;
	char got[256];
	const char *path;
	size_t i, j, at, skip;

	(void)state;
	for (i = 0; i < sizeof(views) / sizeof(views[0]); i++) {
		jq = aigw_jq_new();
		assert_int_equal(aigw_jq_add(jq, views[i].program, &err), 0);
		skip = 0;
		at = 0;
		got[0] = '\0';
		if (views[i].paths[0] == '*') {
			for (; aigw_jq_members[skip]; skip++)
				assert_string_equal(aigw_jq_path(jq, 0, skip),
						    aigw_jq_members[skip]);
			got[at++] = '*';
			got[at] = '\0';
		}
		for (j = skip; (path = aigw_jq_path(jq, 0, j)); j++)
			at += (size_t)snprintf(got + at, sizeof(got) - at,
					       "%s%s", j > skip ? " " : "",
					       path);
		assert_string_equal(got, views[i].paths);
		aigw_jq_free(jq);
	}
}

static void several_programs_are_one(void **state)
{
	struct aigw_jq *jq = aigw_jq_new();
	struct aigw_err err;
	char text[64];
	size_t culprit = 0, i;
	bool yes;

	(void)state;
	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%zu %% 2 == 0 # (", i);
		assert_int_equal(aigw_jq_add(jq, text, &err), (long)i);
	}
	assert_int_equal(aigw_jq_compile(jq, &culprit, &err), 0);
	for (i = 0; i < 100; i++) {
		assert_int_equal(aigw_jq_test(jq, i, look, NULL, &yes, &err),
				 0);
		assert_int_equal(yes, i % 2 == 0);
	}
	aigw_jq_free(jq);
}

static void the_culprit_is_named(void **state)
{
	struct aigw_jq *jq = aigw_jq_new();
	struct aigw_err err;
	size_t culprit = 9;

	(void)state;
	assert_int_equal(aigw_jq_add(jq, "true", &err), 0);
	assert_int_equal(aigw_jq_add(jq, ".a |\n  nosuch", &err), 1);
	assert_int_equal(aigw_jq_compile(jq, &culprit, &err), -1);
	assert_int_equal(culprit, 1);
	assert_string_equal(err.text, "line 2: nosuch/0 is not defined");
	aigw_jq_free(jq);
}

/* Failures of jq quote the values they met; ours must not. */
static void messages_keep_prompts_to_themselves(void **state)
{
	struct aigw_doc *doc;
	struct aigw_jq *jq = aigw_jq_new();
	struct aigw_err err;
	size_t culprit;
	bool yes;

	(void)state;
	doc = aigw_doc_parse(envelope, sizeof(envelope) - 1, &err);
	assert_int_equal(
		aigw_jq_add(jq, ".req.messages[1].content | error", &err), 0);
	assert_int_equal(aigw_jq_compile(jq, &culprit, &err), 0);
	assert_int_equal(
		aigw_jq_test(jq, 0, look, aigw_doc_root(doc), &yes, &err), -1);
	assert_int_equal(err.class, AIGW_E_POLICY);
	assert_null(strstr(err.text, "sword"));
	aigw_jq_free(jq);
	aigw_doc_free(doc);
}

/* ~/.jq could redefine what a policy is made of. */
static void home_is_not_read(void **state)
{
	char dir[] = "/tmp/aigw-home-XXXXXX", path[64];
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/.jq", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("def startswith($x): true;\n", f);
	fclose(f);
	setenv("HOME", dir, 1);
	assert_int_equal(holds(".req.model | startswith(\"zz\")", envelope), 0);
	assert_string_equal(getenv("HOME"), dir);
	unlink(path);
	rmdir(dir);
}

static void views_are_bounded(void **state)
{
	size_t n = AIGW_JQ_VIEW_MAX + 100;
	char *json = malloc(n + 64);

	(void)state;
	assert_non_null(json);
	strcpy(json, "{\"req\":{\"model\":\"m\",\"big\":\"");
	memset(json + strlen(json), 'x', n - strlen(json));
	strcpy(json + n, "\"}}");
	assert_int_equal(holds(".req.model == \"m\"", json), 1);
	assert_int_equal(holds(".req.big == \"m\"", json), -1);
	free(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(programs_hold_or_not),
		cmocka_unit_test(pruning_changes_nothing),
		cmocka_unit_test(views_are_what_is_named),
		cmocka_unit_test(several_programs_are_one),
		cmocka_unit_test(the_culprit_is_named),
		cmocka_unit_test(messages_keep_prompts_to_themselves),
		cmocka_unit_test(home_is_not_read),
		cmocka_unit_test(views_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
