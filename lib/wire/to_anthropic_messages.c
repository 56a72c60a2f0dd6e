/* SPDX-License-Identifier: Apache-2.0 */
/*
 * to_anthropic_messages.c - OpenAI chat messages as `system` and `messages`
 *
 * system and developer messages go to `system`. A run of user and tool messages
 * is one user turn, tool results first, because all results of a turn must
 * stand together right behind its calls; a run of assistant messages is one
 * turn too. Empty text blocks are left out: the provider refuses them.
 */
#include <string.h>

#include "wire/to_anthropic.h"

enum turn { TURN_NONE, TURN_SYSTEM, TURN_USER, TURN_ASSISTANT };

static enum turn turn_of(const struct aigw_val *m)
{
	const struct aigw_val *role = aigw_val_get(m, "role");

	if (aigw_val_is(role, "system") || aigw_val_is(role, "developer"))
		return TURN_SYSTEM;
	if (aigw_val_is(role, "user") || aigw_val_is(role, "tool"))
		return TURN_USER;
	if (aigw_val_is(role, "assistant"))
		return TURN_ASSISTANT;
	return TURN_NONE;
}

static bool is_tool(const struct aigw_val *m)
{
	return aigw_val_is(aigw_val_get(m, "role"), "tool");
}

static void member(struct to *t, const char *key, const char *s)
{
	aigw_json_key(&t->w, key);
	aigw_json_str(&t->w, s);
}

static void text(struct to *t, const struct aigw_val *v)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);

	if (!s || !len)
		return;
	aigw_json_object(&t->w);
	member(t, "type", "text");
	aigw_json_key(&t->w, "text");
	aigw_json_strn(&t->w, s, len);
	aigw_json_close(&t->w);
}

/* Images and files ----------------------------------------------------------
 */

/* A source of "data:MEDIA;base64,DATA" or of a URL. */
static bool source(struct to *t, const char *url, size_t len)
{
	const char *comma = memchr(url, ',', len), *semi;

	aigw_json_key(&t->w, "source");
	aigw_json_object(&t->w);
	if (len < 5 || memcmp(url, "data:", 5)) {
		member(t, "type", "url");
		aigw_json_key(&t->w, "url");
		aigw_json_strn(&t->w, url, len);
		aigw_json_close(&t->w);
		return true;
	}
	semi = comma ? memmem(url, (size_t)(comma - url), ";base64", 7) : NULL;
	if (semi) {
		member(t, "type", "base64");
		aigw_json_key(&t->w, "media_type");
		aigw_json_strn(&t->w, url + 5, (size_t)(semi - url) - 5);
		aigw_json_key(&t->w, "data");
		aigw_json_strn(&t->w, comma + 1,
			       (size_t)(url + len - comma) - 1);
	}
	aigw_json_close(&t->w);
	return semi;
}

static int media(struct to *t, const char *type, const struct aigw_val *v)
{
	size_t len = 0;
	const char *url = aigw_val_str(v, &len);
	bool good;

	aigw_json_object(&t->w);
	member(t, "type", type);
	good = source(t, url ? url : "data:", url ? len : 5);
	aigw_json_close(&t->w);
	if (!good)
		return aigw_fail_as(t->err, AIGW_E_BAD_REQUEST, "bad_media",
				    "a content part has neither a URL nor "
				    "base64 data");
	return 0;
}

static int part(struct to *t, const struct aigw_val *p)
{
	static const char *const own[] = {"image",    "document",
					  "tool_use", "tool_result",
					  "thinking", "redacted_thinking"};
	const struct aigw_val *type = aigw_val_get(p, "type");
	const struct aigw_val *data = aigw_val_at(p, "file.file_data");

	if (aigw_val_is(type, "text")) {
		text(t, aigw_val_get(p, "text"));
		return 0;
	}
	if (aigw_val_is(type, "refusal")) {
		text(t, aigw_val_get(p, "refusal"));
		return 0;
	}
	if (aigw_val_is(type, "image_url"))
		return media(t, "image", aigw_val_at(p, "image_url.url"));
	if (aigw_val_is(type, "file") && data)
		return media(t, "document", data);
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		if (!aigw_val_is(type, own[i]))
			continue; /* clients do send Anthropic's blocks */
		aigw_json_val(&t->w, p);
		return 0;
	}
	to_note(t, "dropped", "req.messages",
		"a content part the provider has no form for");
	return 0;
}

static int content(struct to *t, const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *p;

	if (aigw_val_type(v) != AIGW_ARRAY) {
		text(t, v);
		return 0;
	}
	while ((p = aigw_iter_next(&it)))
		if (part(t, p))
			return -1;
	return 0;
}

/* Has it anything that will be written? An empty turn is refused, too. */
static bool has_content(const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *p;
	size_t len = 0;

	if (aigw_val_type(v) != AIGW_ARRAY)
		return aigw_val_str(v, &len) && len;
	while ((p = aigw_iter_next(&it))) {
		if (!aigw_val_is(aigw_val_get(p, "type"), "text"))
			return true;
		if (aigw_val_str(aigw_val_get(p, "text"), &len) && len)
			return true;
	}
	return false;
}

/* Tools ---------------------------------------------------------------------
 */

/* The arguments are a string with an object in it; ours must be the object. */
static int arguments(struct to *t, const struct aigw_val *v)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);
	struct aigw_doc *doc;
	struct aigw_err why;

	aigw_json_key(&t->w, "input");
	if (!s || !len) {
		aigw_json_raw(&t->w, "{}", 2);
		return 0;
	}
	doc = aigw_doc_parse(s, len, &why);
	if (!doc || aigw_val_type(aigw_doc_root(doc)) != AIGW_OBJECT) {
		aigw_doc_free(doc);
		return aigw_fail_as(t->err, AIGW_E_BAD_REQUEST, "bad_arguments",
				    "the arguments of a tool call are no JSON "
				    "object");
	}
	aigw_json_val(&t->w, aigw_doc_root(doc));
	aigw_doc_free(doc);
	return 0;
}

static int tool_calls(struct to *t, const struct aigw_val *m)
{
	struct aigw_iter it = aigw_iter_init(aigw_val_get(m, "tool_calls"));
	const struct aigw_val *call;

	while ((call = aigw_iter_next(&it))) {
		aigw_json_object(&t->w);
		member(t, "type", "tool_use");
		aigw_json_key(&t->w, "id");
		aigw_json_val(&t->w, aigw_val_get(call, "id"));
		aigw_json_key(&t->w, "name");
		aigw_json_val(&t->w, aigw_val_at(call, "function.name"));
		if (arguments(t, aigw_val_at(call, "function.arguments")))
			return -1;
		aigw_json_close(&t->w);
	}
	return 0;
}

static int tool_result(struct to *t, const struct aigw_val *m)
{
	const struct aigw_val *v = aigw_val_get(m, "content");

	aigw_json_object(&t->w);
	member(t, "type", "tool_result");
	aigw_json_key(&t->w, "tool_use_id");
	aigw_json_val(&t->w, aigw_val_get(m, "tool_call_id"));
	if (has_content(v)) {
		aigw_json_key(&t->w, "content");
		aigw_json_array(&t->w);
		if (content(t, v))
			return -1;
		aigw_json_close(&t->w);
	}
	aigw_json_close(&t->w);
	return 0;
}

/* Turns ---------------------------------------------------------------------
 */

static bool same_call(const struct aigw_val *a, const struct aigw_val *b)
{
	size_t x = 0, y = 0;
	const char *s = aigw_val_str(aigw_val_get(a, "tool_call_id"), &x);
	const char *r = aigw_val_str(aigw_val_get(b, "tool_call_id"), &y);

	return s && r && x == y && memcmp(s, r, x) == 0;
}

/* A later result of the same call in this run takes its place: two would be
 * refused. `rest` is a copy: the caller goes on from its own. */
static bool answered_again(struct aigw_iter rest, const struct aigw_val *m,
			   size_t left)
{
	const struct aigw_val *v;

	while (left-- && (v = aigw_iter_next(&rest)))
		if (is_tool(v) && same_call(v, m))
			return true;
	return false;
}

static int user_turn(struct to *t, struct aigw_iter run, size_t n)
{
	struct aigw_iter it = run;
	const struct aigw_val *m;
	size_t i;

	for (i = 0; i < n && (m = aigw_iter_next(&it)); i++) {
		if (!is_tool(m))
			continue;
		if (answered_again(it, m, n - i - 1))
			to_note(t, "dropped", "req.messages",
				"an earlier result of the same tool call");
		else if (tool_result(t, m))
			return -1;
	}
	it = run;
	for (i = 0; i < n && (m = aigw_iter_next(&it)); i++) {
		if (is_tool(m) || turn_of(m) == TURN_SYSTEM)
			continue;
		if (content(t, aigw_val_get(m, "content")))
			return -1;
	}
	return 0;
}

static int assistant_turn(struct to *t, struct aigw_iter it, size_t n)
{
	const struct aigw_val *m;

	while (n-- && (m = aigw_iter_next(&it))) {
		if (turn_of(m) == TURN_SYSTEM)
			continue;
		if (content(t, aigw_val_get(m, "content")))
			return -1;
		text(t, aigw_val_get(m, "refusal"));
		if (tool_calls(t, m))
			return -1;
		if (aigw_val_type(aigw_val_get(m, "reasoning_content")) ==
		    AIGW_STRING)
			to_note(t, "dropped", "req.messages",
				"reasoning without the provider's signature");
	}
	return 0;
}

/* The members of a run; system messages in it are said elsewhere. */
static bool turn_is_empty(struct aigw_iter it, size_t n)
{
	const struct aigw_val *m;
	size_t len = 0;

	while (n-- && (m = aigw_iter_next(&it))) {
		if (turn_of(m) == TURN_SYSTEM)
			continue;
		if (is_tool(m) || has_content(aigw_val_get(m, "content")) ||
		    aigw_val_len(aigw_val_get(m, "tool_calls")) ||
		    (aigw_val_str(aigw_val_get(m, "refusal"), &len) && len))
			return false;
	}
	return true;
}

static int turn(struct to *t, enum turn who, struct aigw_iter run, size_t n)
{
	int rc;

	if (who == TURN_NONE || turn_is_empty(run, n))
		return 0;
	aigw_json_object(&t->w);
	member(t, "role", who == TURN_USER ? "user" : "assistant");
	aigw_json_key(&t->w, "content");
	aigw_json_array(&t->w);
	rc = who == TURN_USER ? user_turn(t, run, n)
			      : assistant_turn(t, run, n);
	aigw_json_close(&t->w);
	aigw_json_close(&t->w);
	return rc;
}

/* A run ends where the other side begins; a system message does not end it. */
static int turns(struct to *t, const struct aigw_val *list)
{
	struct aigw_iter it = aigw_iter_init(list), run = it, here = it;
	enum turn who = TURN_NONE, next;
	const struct aigw_val *m;
	size_t n = 0;

	for (; (m = aigw_iter_next(&it)); here = it, n++) {
		next = turn_of(m);
		if (next == TURN_NONE)
			return aigw_fail_as(t->err, AIGW_E_TRANSLATE,
					    "not_expressible",
					    "req.messages: a role the "
					    "provider does not have");
		if (next == TURN_SYSTEM || next == who)
			continue;
		if (turn(t, who, run, n))
			return -1;
		who = next;
		run = here;
		n = 0;
	}
	return turn(t, who, run, n);
}

static int system_prompt(struct to *t, const struct aigw_val *list)
{
	struct aigw_iter it = aigw_iter_init(list);
	const struct aigw_val *m;
	bool any = false, others = false;

	while ((m = aigw_iter_next(&it))) {
		if (turn_of(m) != TURN_SYSTEM) {
			others = true;
			continue;
		}
		if (!has_content(aigw_val_get(m, "content")))
			continue;
		if (others)
			to_note(t, "changed", "req.messages",
				"a later system message moved to the front");
		if (!any) {
			aigw_json_key(&t->w, "system");
			aigw_json_array(&t->w);
		}
		any = true;
		if (content(t, aigw_val_get(m, "content")))
			return -1;
	}
	if (any)
		aigw_json_close(&t->w);
	return 0;
}

int to_messages(struct to *t)
{
	const struct aigw_val *list = aigw_val_get(t->ask->req, "messages");

	if (aigw_val_type(list) != AIGW_ARRAY)
		return aigw_fail_as(t->err, AIGW_E_BAD_REQUEST, "no_messages",
				    "req.messages must be a list");
	if (system_prompt(t, list))
		return -1;
	aigw_json_key(&t->w, "messages");
	aigw_json_array(&t->w);
	if (turns(t, list))
		return -1;
	aigw_json_close(&t->w);
	return 0;
}
