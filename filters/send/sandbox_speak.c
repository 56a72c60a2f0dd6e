/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sandbox_speak.c - what the sandbox answers
 *
 * It quotes what it was asked, so that what a filter put into the question
 * (a token of aigw-mask) comes back in the answer, in tool arguments and in
 * JSON as well. Requests of openai.chat and anthropic.messages are read alike.
 */
#include <string.h>

#include "sandbox.h"

#define SPEECH_MAX (4 * 1024 * 1024)

/* What the request comes down to. */
struct gist {
	struct aigw_buf asked; /* the last message's text, cut */
	bool from_tool;
	size_t images;
	const struct aigw_val *tool; /* to be called, or NULL */
};

void speech_init(struct speech *out)
{
	*out = (struct speech){.type = AIGW_TEXT};
	aigw_buf_init(&out->text, SPEECH_MAX);
	aigw_buf_init(&out->name, 4096);
}

void speech_release(struct speech *out)
{
	aigw_buf_release(&out->text);
	aigw_buf_release(&out->name);
}

/* Cut between words if there is a gap near, else between code points; a token
 * "[[EMAIL_x]]" has no blank in it and stays whole or goes. */
static size_t cut_at(const char *s, size_t len, size_t max)
{
	size_t n = max, word;

	if (len <= max)
		return len;
	for (word = max; word > max - max / 4; word--)
		if (s[word] == ' ' || s[word] == '\n')
			return word;
	while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static int quote(struct aigw_buf *to, const struct aigw_val *v)
{
	size_t len = 0, n;
	const char *s = aigw_val_str(v, &len);

	if (!s || !len || to->len >= SANDBOX_QUOTE)
		return 0;
	n = cut_at(s, len, SANDBOX_QUOTE - to->len);
	if (to->len && aigw_buf_str(to, " "))
		return -1;
	if (aigw_buf_add(to, s, n))
		return -1;
	return n < len ? aigw_buf_str(to, " ...") : 0;
}

/* Content: a string, or parts of which some have text; a tool_result part of
 * Anthropic's has content of its own. */
static int content(struct gist *g, const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *part, *type;

	if (aigw_val_type(v) != AIGW_ARRAY)
		return quote(&g->asked, v);
	while ((part = aigw_iter_next(&it))) {
		type = aigw_val_get(part, "type");
		if (aigw_val_is(type, "image_url") ||
		    aigw_val_is(type, "image"))
			g->images++;
		if (quote(&g->asked, aigw_val_get(part, "text")))
			return -1;
		if (!aigw_val_is(type, "tool_result"))
			continue;
		g->from_tool = true;
		if (aigw_val_type(aigw_val_get(part, "content")) ==
			    AIGW_STRING &&
		    quote(&g->asked, aigw_val_get(part, "content")))
			return -1;
	}
	return 0;
}

static int last_message(struct gist *g, const struct aigw_val *req)
{
	struct aigw_iter it = aigw_iter_init(aigw_val_get(req, "messages"));
	const struct aigw_val *m, *last = NULL, *role;

	while ((m = aigw_iter_next(&it))) {
		role = aigw_val_get(m, "role");
		if (aigw_val_is(role, "user") || aigw_val_is(role, "tool") ||
		    !last)
			last = m;
	}
	if (!last)
		return 0;
	g->from_tool = aigw_val_is(aigw_val_get(last, "role"), "tool");
	return content(g, aigw_val_get(last, "content"));
}

/* Tools ------------------------------------------------------------------- */

static const struct aigw_val *tool_body(const struct aigw_val *tool)
{
	const struct aigw_val *f = aigw_val_get(tool, "function");

	return f ? f : tool; /* Anthropic has no shell around it */
}

static bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Is `name` a word of its own in the question? */
static bool named_in(const struct aigw_buf *asked, const char *name, size_t len)
{
	const char *p = asked->data, *end = p + asked->len, *at;

	while (len && asked->len &&
	       (at = memmem(p, (size_t)(end - p), name, len))) {
		if ((at == asked->data || !word_byte(at[-1])) &&
		    (at + len == end || !word_byte(at[len])))
			return true;
		p = at + 1;
	}
	return false;
}

/* The tool to call: the one tool_choice names, any if it says so, else one
 * that the question names. Once it has answered there is no second call. */
static const struct aigw_val *choose_tool(const struct gist *g,
					  const struct aigw_val *req)
{
	const struct aigw_val *choice = aigw_val_get(req, "tool_choice"), *v;
	const struct aigw_val *want = aigw_val_get(tool_body(choice), "name");
	const char *must = aigw_val_str(want, NULL), *name;
	bool any = aigw_val_is(choice, "required") ||
		   aigw_val_is(aigw_val_get(choice, "type"), "any");
	struct aigw_iter it = aigw_iter_init(aigw_val_get(req, "tools"));
	size_t len = 0;

	if (aigw_val_is(choice, "none") ||
	    aigw_val_is(aigw_val_get(choice, "type"), "none") || g->from_tool)
		return NULL;
	while ((v = aigw_iter_next(&it))) {
		v = tool_body(v);
		name = aigw_val_str(aigw_val_get(v, "name"), &len);
		if (!name)
			continue;
		if (must ? strcmp(must, name) == 0
			 : any || named_in(&g->asked, name, len))
			return v;
	}
	return NULL;
}

static int call_tool(const struct gist *g, struct speech *out,
		     struct aigw_err *err)
{
	const struct aigw_val *schema = aigw_val_get(g->tool, "parameters");
	size_t len = 0;
	const char *name = aigw_val_str(aigw_val_get(g->tool, "name"), &len);

	if (!schema)
		schema = aigw_val_get(g->tool, "input_schema");
	out->type = AIGW_TOOL_CALL;
	if (aigw_buf_add(&out->name, name, len))
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "bad_tool",
				    "a tool's name of %zu bytes", len);
	return sandbox_fit(schema, g->asked.data, g->asked.len, &out->text,
			   err);
}

/* Text --------------------------------------------------------------------- */

static int say_json(const struct gist *g, const struct aigw_val *schema,
		    struct speech *out, struct aigw_err *err)
{
	struct aigw_json w;

	if (schema)
		return sandbox_fit(schema, g->asked.data, g->asked.len,
				   &out->text, err);
	aigw_json_init(&w, &out->text);
	aigw_json_object(&w);
	aigw_json_key(&w, "answer");
	aigw_json_strn(&w, g->asked.len ? g->asked.data : "", g->asked.len);
	aigw_json_close(&w);
	return aigw_json_end(&w, err);
}

static int say_text(const struct gist *g, const char *model, size_t len,
		    struct speech *out, struct aigw_err *err)
{
	struct aigw_buf *b = &out->text;
	char images[64] = "";

	if (g->images)
		snprintf(images, sizeof(images), " I was shown %zu image%s.",
			 g->images, g->images == 1 ? "" : "s");
	if (aigw_buf_str(b, "This is the sandbox, in the place of ") ||
	    aigw_buf_add(b, model, len) || aigw_buf_str(b, ".") ||
	    aigw_buf_str(b, images) ||
	    aigw_buf_str(b, !g->asked.len  ? " I was asked nothing."
			    : g->from_tool ? " The tool answered: "
					   : " You wrote: ") ||
	    aigw_buf_add(b, g->asked.data, g->asked.len))
		return aigw_fail(err, "out of memory");
	return 0;
}

int sandbox_speak(const struct aigw_val *req, const char *model, size_t len,
		  struct speech *out, struct aigw_err *err)
{
	const struct aigw_val *format = aigw_val_get(req, "response_format");
	const struct aigw_val *schema =
		aigw_val_at(format, "json_schema.schema");
	struct gist g = {.images = 0};
	int rc;

	if (!format) { /* Anthropic's place for the same */
		format = aigw_val_at(req, "output_config.format");
		schema = aigw_val_get(format, "schema");
	}
	aigw_buf_init(&g.asked, SANDBOX_QUOTE + 16);
	if (last_message(&g, req)) {
		aigw_buf_release(&g.asked);
		return aigw_fail(err, "out of memory");
	}
	g.tool = choose_tool(&g, req);
	if (g.tool)
		rc = call_tool(&g, out, err);
	else if (aigw_val_is(aigw_val_get(format, "type"), "json_object") ||
		 schema)
		rc = say_json(&g, schema, out, err);
	else
		rc = say_text(&g, model, len, out, err);
	aigw_buf_release(&g.asked);
	return rc;
}
