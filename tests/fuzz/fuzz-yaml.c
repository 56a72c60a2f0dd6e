/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-yaml.c - any bytes as a configuration
 *
 * What is refused names its place; what is taken is a tree that keeps the
 * promises of conf.h, and options read from it say the same when shown and
 * read again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/opt.h"

#define NAME "fuzz.yaml"
#define CHECK(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {"one", "two", NULL};

struct self {
	bool flag;
	int64_t number, size, time, money;
	char *text, *path;
	int word;
	struct aigw_list list;
	const struct aigw_conf *tree;
};

#define AT(field) .offset = offsetof(struct self, field)
static const struct aigw_opt rows[] = {
	{.name = "flag", .type = AIGW_OPT_FLAG, AT(flag)},
	{.name = "number",
	 .type = AIGW_OPT_INT,
	 AT(number),
	 .min = INT64_MIN,
	 .max = INT64_MAX},
	{.name = "size", .type = AIGW_OPT_SIZE, AT(size)},
	{.name = "time", .type = AIGW_OPT_TIME, AT(time)},
	{.name = "money", .type = AIGW_OPT_MONEY, AT(money)},
	{.name = "text", .type = AIGW_OPT_STRING, AT(text)},
	{.name = "path", .type = AIGW_OPT_PATH, AT(path)},
	{.name = "word", .type = AIGW_OPT_ENUM, AT(word), .words = words},
	{.name = "list", .type = AIGW_OPT_LIST, AT(list)},
	{.name = "tree", .type = AIGW_OPT_TREE, AT(tree)},
	{.type = AIGW_OPT_END},
};

static void check_place(const char *s)
{
	size_t n = sizeof(NAME) - 1, i;

	CHECK(strncmp(s, NAME, n) == 0);
	for (i = 0; i < 2; i++) {
		CHECK(s[n++] == ':');
		CHECK(s[n] >= '1' && s[n] <= '9');
		n += strspn(s + n, "0123456789");
	}
	CHECK(s[n] == '\0' || s[n] == ':');
}

static void check_node(const struct aigw_conf *node, size_t depth)
{
	bool map = aigw_conf_kind(node) == AIGW_CONF_MAP;
	const struct aigw_conf *child;
	size_t i;

	CHECK(depth <= AIGW_CONF_DEPTH);
	check_place(aigw_conf_where(node));
	check_place(aigw_conf_key_where(node));
	if (aigw_conf_kind(node) == AIGW_CONF_SCALAR) {
		CHECK(aigw_conf_null(node) == !aigw_conf_str(node));
		CHECK(aigw_conf_len(node) == 0);
		return;
	}
	CHECK(!aigw_conf_str(node) && !aigw_conf_null(node));
	for (i = 0; i < aigw_conf_len(node); i++) {
		child = aigw_conf_at(node, i);
		CHECK(map == !!aigw_conf_key(child));
		if (map)
			CHECK(aigw_conf_get(node, aigw_conf_key(child)) ==
			      child);
		check_node(child, depth + 1);
	}
	CHECK(!aigw_conf_at(node, i));
}

/* A list is shown with commas between, and read as one item: not the same. */
static void check_shown(const struct aigw_opt *opt, const struct self *self)
{
	struct aigw_buf once, twice;
	struct self again = {0};
	char *text;

	aigw_buf_init(&once, 4 * AIGW_CONF_BYTES);
	aigw_buf_init(&twice, 4 * AIGW_CONF_BYTES);
	CHECK(aigw_opts_show(opt, self, &once) == 0);
	text = aigw_buf_take(&once, NULL);
	CHECK(text);
	if (opt->type != AIGW_OPT_LIST && opt->type != AIGW_OPT_TREE) {
		CHECK(aigw_opt_set(opt, &again, text, NULL) == 0);
		CHECK(aigw_opts_show(opt, &again, &twice) == 0);
		CHECK(twice.len == strlen(text));
		CHECK(twice.len == 0 ||
		      memcmp(twice.data, text, twice.len) == 0);
	}
	free(text);
	aigw_buf_release(&twice);
	aigw_opts_release(rows, &again);
}

static void check_options(const struct aigw_conf *root)
{
	struct self self = {0};
	struct aigw_err err = {.text = ""};
	size_t i;

	if (aigw_opts_conf(rows, &self, root, NULL, &err) < 0) {
		check_place(err.text);
	} else {
		for (i = 0; i < aigw_opts_count(rows); i++)
			check_shown(&rows[i], &self);
	}
	aigw_opts_release(rows, &self);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aigw_err err = {.text = ""};
	struct aigw_conf *root;

	root = aigw_conf_parse(NAME, (const char *)data, size, &err);
	if (!root) {
		check_place(err.text);
		CHECK(strcmp(err.code, "invalid_config") == 0);
		return 0;
	}
	check_node(root, 0);
	check_options(root);
	aigw_conf_free(root);
	return 0;
}
