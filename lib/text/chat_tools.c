/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat_tools.c - tools as the model sees them, which is TypeScript
 *
 *     namespace functions {
 *
 *     // what it does
 *     type name = (_: {
 *     // what it is
 *     required: string,
 *     optional?: "one" | "other",
 *     }) => any;
 *
 *     } // namespace functions
 *
 * Members of inner objects are indented by two spaces a level and have no
 * comments; closing braces are not indented. The text goes straight into the
 * counter.
 */
#include <string.h>

#include "text/chat-int.h"

/* Members of a schema's `required` that are looked at, for each property. */
#define REQUIRED_MAX 256

static void put(struct chat *chat, const char *s)
{
	aigw_count_feed(chat->counter, s, strlen(s));
}

static bool put_val(struct chat *chat, const struct aigw_val *v)
{
	size_t len;
	const char *s = aigw_val_str(v, &len);

	if (s)
		aigw_count_feed(chat->counter, s, len);
	return s;
}

static void put_comment(struct chat *chat, const struct aigw_val *description)
{
	size_t len = 0;

	aigw_val_str(description, &len);
	if (!len)
		return;
	put(chat, "// ");
	put_val(chat, description);
	put(chat, "\n");
}

/* A schema nobody has seen rendered: its JSON text stands for it. */
static void put_unknown(struct chat *chat, const struct aigw_val *v)
{
	struct aigw_buf text;

	chat->exact = false;
	if (chat_json(chat, v, &text))
		return;
	aigw_count_feed(chat->counter, text.data, text.len);
	aigw_buf_release(&text);
}

static void put_enum(struct chat *chat, const struct aigw_val *values)
{
	struct aigw_iter it = aigw_iter_init(values);
	const struct aigw_val *v;
	const char *between = "";

	while ((v = aigw_iter_next(&it))) {
		size_t len;
		const char *number = aigw_val_num(v, &len);

		put(chat, between);
		between = " | ";
		if (number) {
			aigw_count_feed(chat->counter, number, len);
		} else if (aigw_val_type(v) == AIGW_STRING) {
			put(chat, "\"");
			put_val(chat, v);
			put(chat, "\"");
		} else {
			put_unknown(chat, v);
		}
	}
}

static void put_members(struct chat *chat, const struct aigw_val *schema,
			unsigned indent);

/* The depth of a document is bounded, and so is this recursion. */
static void put_type(struct chat *chat, const struct aigw_val *schema,
		     unsigned indent)
{
	const struct aigw_val *type = aigw_val_get(schema, "type");
	const struct aigw_val *values = aigw_val_get(schema, "enum");
	const struct aigw_val *items = aigw_val_get(schema, "items");

	if (aigw_val_is(type, "array")) {
		if (items)
			put_type(chat, items, indent);
		else
			put(chat, "any");
		put(chat, "[]");
	} else if (aigw_val_is(type, "object")) {
		put(chat, "{\n");
		put_members(chat, schema, indent + 2);
		put(chat, "\n}");
	} else if (values && (aigw_val_is(type, "string") ||
			      aigw_val_is(type, "number") ||
			      aigw_val_is(type, "integer"))) {
		put_enum(chat, values);
	} else if (aigw_val_is(type, "string") || aigw_val_is(type, "number") ||
		   aigw_val_is(type, "boolean") || aigw_val_is(type, "null")) {
		put_val(chat, type);
	} else if (aigw_val_is(type, "integer")) {
		put(chat, "number");
	} else {
		put_unknown(chat, schema);
	}
}

static bool is_required(struct chat *chat, const struct aigw_val *required,
			const char *key, size_t len)
{
	struct aigw_iter it = aigw_iter_init(required);
	const struct aigw_val *v;

	for (unsigned i = 0; (v = aigw_iter_next(&it)); i++) {
		size_t n;
		const char *s = aigw_val_str(v, &n);

		if (i == REQUIRED_MAX) {
			chat->exact = false;
			return true;
		}
		if (s && n == len && !memcmp(s, key, n))
			return true;
	}
	return false;
}

static void put_members(struct chat *chat, const struct aigw_val *schema,
			unsigned indent)
{
	const struct aigw_val *required = aigw_val_get(schema, "required");
	struct aigw_iter it =
		aigw_iter_init(aigw_val_get(schema, "properties"));
	const struct aigw_val *v;
	const char *between = "";

	while ((v = aigw_iter_next(&it))) {
		put(chat, between);
		between = "\n";
		if (indent < 2)
			put_comment(chat, aigw_val_get(v, "description"));
		for (unsigned i = 0; i < indent; i++)
			put(chat, " ");
		aigw_count_feed(chat->counter, it.key, it.key_len);
		put(chat, is_required(chat, required, it.key, it.key_len)
				  ? ": "
				  : "?: ");
		put_type(chat, v, indent);
		put(chat, ",");
	}
}

static void put_function(struct chat *chat, const struct aigw_val *f)
{
	const struct aigw_val *schema = aigw_val_get(f, "parameters");

	put_comment(chat, aigw_val_get(f, "description"));
	put(chat, "type ");
	if (!put_val(chat, aigw_val_get(f, "name")))
		chat->exact = false;
	if (aigw_val_len(aigw_val_get(schema, "properties"))) {
		put(chat, " = (_: {\n");
		put_members(chat, schema, 0);
		put(chat, "\n}) => any;\n\n");
	} else {
		put(chat, " = () => any;\n\n");
	}
}

/* Which is not a function is a tool of the provider: its JSON stands for it. */
static void put_tools(struct chat *chat, const struct aigw_val *tools)
{
	struct aigw_iter it = aigw_iter_init(tools);
	const struct aigw_val *v;

	while ((v = aigw_iter_next(&it))) {
		const struct aigw_val *f = aigw_val_get(v, "function");

		if (aigw_val_type(f) == AIGW_OBJECT)
			put_function(chat, f);
		else
			put_unknown(chat, v);
	}
}

bool chat_tools(struct chat *chat, const struct aigw_val *body)
{
	const struct aigw_val *tools = aigw_val_get(body, "tools"), *v;
	const struct aigw_val *functions = aigw_val_get(body, "functions");
	struct aigw_iter it = aigw_iter_init(functions);

	if (!aigw_val_len(tools) && !aigw_val_len(functions))
		return false;
	aigw_count_begin(chat->counter, AIGW_SPECIAL_TEXT);
	put(chat, "namespace functions {\n\n");
	put_tools(chat, tools);
	while ((v = aigw_iter_next(&it)))
		put_function(chat, v);
	put(chat, "} // namespace functions");
	chat->n += aigw_count_end(chat->counter) + 9;
	return true;
}
