/* SPDX-License-Identifier: Apache-2.0 */
/*
 * to_anthropic.c - an OpenAI chat request as an Anthropic Messages request
 *
 * The table of facts/providers.md 1.1, row by row. Only known members are
 * copied; what has no place is noted, never guessed. `req.ext.anthropic` is
 * laid over the result, for what OpenAI's form cannot say. The messages are in
 * to_anthropic_messages.c.
 */
#include <string.h>

#include "wire/to_anthropic.h"

/* What the models may be sent (by prefix; the first row that fits). Unlisted
 * models are taken for new ones that know everything but sampling numbers are
 * left to them to refuse. */
static const struct ability {
	const char *prefix;
	bool sampling; /* takes temperature, top_p */
	bool adaptive; /* thinking adaptive and effort, not a budget */
	bool schema;   /* output_config.format */
} abilities[] = {
	{"claude-opus-5", false, true, true},
	{"claude-sonnet-5", false, true, true},
	{"claude-fable-5", false, true, true},
	{"claude-opus-4-8", false, true, true},
	{"claude-opus-4-7", false, true, true},
	{"claude-opus-4-6", true, true, true},
	{"claude-sonnet-4-6", true, true, true},
	{"claude-opus-4-5", true, false, true},
	{"claude-sonnet-4-5", true, false, true},
	{"claude-haiku-4-5", true, false, true},
	{"claude-opus-4-1", true, false, true},
	{"claude-opus-4", true, false, false},
	{"claude-sonnet-4", true, false, false},
	{"claude-3", true, false, false},
	{"", true, true, true},
};

static const struct ability *ability(const struct aigw_ask *ask)
{
	const struct ability *a = abilities;

	while (strncmp(ask->model, a->prefix, strlen(a->prefix)))
		a++;
	return a;
}

static const struct aigw_val *get(const struct to *t, const char *name)
{
	return aigw_val_get(t->ask->req, name);
}

static bool given(const struct to *t, const char *name)
{
	return aigw_val_type(get(t, name)) != AIGW_NULL;
}

/* Has `ext` this member? Then it is written at the end, and not before. */
static bool overridden(const struct to *t, const char *name)
{
	return aigw_val_get(t->ext, name) != NULL;
}

void to_note(const struct to *t, const char *kind, const char *path,
	     const char *why)
{
	if (t->ask->note)
		t->ask->note(t->ask->note_arg, kind, path, why);
}

/* Numbers -------------------------------------------------------------------
 */

static void max_tokens(struct to *t)
{
	const struct aigw_val *v = get(t, "max_completion_tokens");

	if (overridden(t, "max_tokens"))
		return;
	if (aigw_val_type(v) != AIGW_NUMBER)
		v = get(t, "max_tokens");
	aigw_json_key(&t->w, "max_tokens");
	if (aigw_val_type(v) == AIGW_NUMBER) {
		aigw_json_val(&t->w, v);
		return;
	}
	aigw_json_int(&t->w, t->ask->max_tokens);
	to_note(t, "added", "req.max_tokens",
		"the provider requires it; the configured default was sent");
}

/* OpenAI's temperature goes to 2, Anthropic's to 1. */
static void sampling(struct to *t, bool allowed)
{
	static const char *const names[] = {"temperature", "top_p"};
	double d;

	for (size_t i = 0; i < 2; i++) {
		const struct aigw_val *v = get(t, names[i]);
		const char *path = i ? "req.top_p" : "req.temperature";

		if (aigw_val_type(v) != AIGW_NUMBER || overridden(t, names[i]))
			continue;
		if (!allowed) {
			to_note(t, "dropped", path,
				"this model takes no sampling parameters");
			continue;
		}
		aigw_json_key(&t->w, names[i]);
		if (aigw_val_double(v, &d) && d > 1) {
			aigw_json_int(&t->w, 1);
			to_note(t, "changed", path,
				"the provider's highest value is 1");
		} else {
			aigw_json_val(&t->w, v);
		}
	}
}

static void stop(struct to *t)
{
	const struct aigw_val *v = get(t, "stop");

	if (aigw_val_type(v) == AIGW_NULL || overridden(t, "stop_sequences"))
		return;
	aigw_json_key(&t->w, "stop_sequences");
	if (aigw_val_type(v) == AIGW_ARRAY) {
		aigw_json_val(&t->w, v);
		return;
	}
	aigw_json_array(&t->w);
	aigw_json_val(&t->w, v);
	aigw_json_close(&t->w);
}

/* Tools ---------------------------------------------------------------------
 */

static void one_tool(struct to *t, const struct aigw_val *tool)
{
	const struct aigw_val *f = aigw_val_get(tool, "function");
	const struct aigw_val *schema = aigw_val_get(f, "parameters");

	if (aigw_val_type(f) != AIGW_OBJECT) {
		to_note(t, "dropped", "req.tools", "not a function");
		return;
	}
	aigw_json_object(&t->w);
	aigw_json_key(&t->w, "name");
	aigw_json_val(&t->w, aigw_val_get(f, "name"));
	if (aigw_val_type(aigw_val_get(f, "description")) == AIGW_STRING) {
		aigw_json_key(&t->w, "description");
		aigw_json_val(&t->w, aigw_val_get(f, "description"));
	}
	aigw_json_key(&t->w, "input_schema");
	if (aigw_val_type(schema) == AIGW_OBJECT) {
		aigw_json_val(&t->w, schema);
	} else {
		aigw_json_object(&t->w);
		aigw_json_key(&t->w, "type");
		aigw_json_str(&t->w, "object");
		aigw_json_close(&t->w);
	}
	if (aigw_val_true(aigw_val_get(f, "strict"))) {
		aigw_json_key(&t->w, "strict");
		aigw_json_bool(&t->w, true);
	}
	aigw_json_close(&t->w);
}

/* auto, none, any, tool; NULL: not said, or a form that is not known. */
static const char *choice_type(const struct aigw_val *choice)
{
	if (aigw_val_is(choice, "auto"))
		return "auto";
	if (aigw_val_is(choice, "none"))
		return "none";
	if (aigw_val_is(choice, "required"))
		return "any";
	if (aigw_val_at(choice, "function.name"))
		return "tool";
	return NULL;
}

static void tool_choice(struct to *t)
{
	const struct aigw_val *choice = get(t, "tool_choice");
	const struct aigw_val *parallel = get(t, "parallel_tool_calls");
	bool one = aigw_val_type(parallel) == AIGW_BOOL &&
		   !aigw_val_true(parallel);
	const char *type = choice_type(choice);

	if (!type && aigw_val_type(choice) != AIGW_NULL)
		to_note(t, "dropped", "req.tool_choice",
			"a form the provider does not have");
	if (!type && one)
		type = "auto";
	if (!type)
		return;
	aigw_json_key(&t->w, "tool_choice");
	aigw_json_object(&t->w);
	aigw_json_key(&t->w, "type");
	aigw_json_str(&t->w, type);
	if (strcmp(type, "tool") == 0) {
		aigw_json_key(&t->w, "name");
		aigw_json_val(&t->w, aigw_val_at(choice, "function.name"));
	}
	if (one && strcmp(type, "none")) {
		aigw_json_key(&t->w, "disable_parallel_tool_use");
		aigw_json_bool(&t->w, true);
	}
	aigw_json_close(&t->w);
}

static void tools(struct to *t)
{
	const struct aigw_val *list = get(t, "tools"), *v;
	struct aigw_iter it = aigw_iter_init(list);

	if (aigw_val_type(list) != AIGW_ARRAY || !aigw_val_len(list))
		return;
	if (!overridden(t, "tools")) {
		aigw_json_key(&t->w, "tools");
		aigw_json_array(&t->w);
		while ((v = aigw_iter_next(&it)))
			one_tool(t, v);
		aigw_json_close(&t->w);
	}
	if (!overridden(t, "tool_choice"))
		tool_choice(t);
}

/* Output --------------------------------------------------------------------
 */

/* Anthropic's word for an effort, and its budget on models without words. */
static const struct effort {
	const char *openai, *anthropic;
	int64_t budget;
} efforts[] = {
	{"minimal", "low", 1024},   {"low", "low", 2048},
	{"medium", "medium", 8192}, {"high", "high", 24576},
	{"xhigh", "max", 32768},    {"max", "max", 32768},
};

static const struct effort *effort_of(const struct aigw_val *v)
{
	for (size_t i = 0; i < sizeof(efforts) / sizeof(*efforts); i++)
		if (aigw_val_is(v, efforts[i].openai))
			return &efforts[i];
	return NULL;
}

/* The budget must be less than max_tokens, or the provider refuses. */
static bool budget_fits(const struct to *t, int64_t budget)
{
	int64_t n = t->ask->max_tokens;

	if (!aigw_val_int(get(t, "max_completion_tokens"), &n))
		aigw_val_int(get(t, "max_tokens"), &n);
	return budget < n;
}

static void thinking(struct to *t, const struct effort *e,
		     const struct ability *able)
{
	if (!e || overridden(t, "thinking"))
		return;
	if (!able->adaptive && !budget_fits(t, e->budget)) {
		to_note(t, "dropped", "req.reasoning_effort",
			"max_tokens leaves no room to think");
		return;
	}
	aigw_json_key(&t->w, "thinking");
	aigw_json_object(&t->w);
	aigw_json_key(&t->w, "type");
	aigw_json_str(&t->w, able->adaptive ? "adaptive" : "enabled");
	if (!able->adaptive) {
		aigw_json_key(&t->w, "budget_tokens");
		aigw_json_int(&t->w, e->budget);
	}
	aigw_json_close(&t->w);
}

/* The schema that the answer must fit, or NULL with a note. */
static const struct aigw_val *schema_of(const struct to *t,
					const struct ability *able)
{
	const struct aigw_val *format = get(t, "response_format"), *schema;

	if (aigw_val_type(format) == AIGW_NULL ||
	    aigw_val_is(aigw_val_get(format, "type"), "text"))
		return NULL;
	schema = aigw_val_at(format, "json_schema.schema");
	if (!schema)
		to_note(t, "dropped", "req.response_format",
			"the provider has JSON only with a schema");
	else if (!able->schema)
		to_note(t, "dropped", "req.response_format",
			"this model takes no schema");
	else
		return schema;
	return NULL;
}

static void output_config(struct to *t, const struct effort *e,
			  const struct ability *able)
{
	const struct aigw_val *schema;

	if (overridden(t, "output_config"))
		return;
	schema = schema_of(t, able);
	if (!schema && !(e && able->adaptive))
		return;
	aigw_json_key(&t->w, "output_config");
	aigw_json_object(&t->w);
	if (e && able->adaptive) {
		aigw_json_key(&t->w, "effort");
		aigw_json_str(&t->w, e->anthropic);
	}
	if (schema) {
		aigw_json_key(&t->w, "format");
		aigw_json_object(&t->w);
		aigw_json_key(&t->w, "type");
		aigw_json_str(&t->w, "json_schema");
		aigw_json_key(&t->w, "schema");
		aigw_json_val(&t->w, schema);
		aigw_json_close(&t->w);
	}
	aigw_json_close(&t->w);
}

static void output(struct to *t)
{
	const struct ability *able = ability(t->ask);
	const struct aigw_val *v = get(t, "reasoning_effort");
	const struct effort *e = effort_of(v);

	if (aigw_val_type(v) != AIGW_NULL && !e && !aigw_val_is(v, "none"))
		to_note(t, "dropped", "req.reasoning_effort",
			"an effort the provider does not have");
	sampling(t, able->sampling);
	thinking(t, e, able);
	output_config(t, e, able);
}

/* The rest ------------------------------------------------------------------
 */

static void user(struct to *t)
{
	const struct aigw_val *v = get(t, "safety_identifier");

	if (aigw_val_type(v) != AIGW_STRING)
		v = get(t, "user");
	if (aigw_val_type(v) != AIGW_STRING || overridden(t, "metadata"))
		return;
	aigw_json_key(&t->w, "metadata");
	aigw_json_object(&t->w);
	aigw_json_key(&t->w, "user_id");
	aigw_json_val(&t->w, v);
	aigw_json_close(&t->w);
}

/* Everything that is not in this list, and not null, gets a note. */
static void leftovers(struct to *t)
{
	static const char *const known[] = {"model",
					    "messages",
					    "stream",
					    "stream_options",
					    "ext",
					    "max_tokens",
					    "max_completion_tokens",
					    "temperature",
					    "top_p",
					    "stop",
					    "tools",
					    "tool_choice",
					    "parallel_tool_calls",
					    "response_format",
					    "reasoning_effort",
					    "user",
					    "safety_identifier",
					    "n"};
	struct aigw_iter it = aigw_iter_init(t->ask->req);
	const struct aigw_val *v;
	char path[128];
	size_t i;

	while ((v = aigw_iter_next(&it))) {
		for (i = 0; i < sizeof(known) / sizeof(*known); i++)
			if (strcmp(known[i], it.key) == 0)
				break;
		if (i < sizeof(known) / sizeof(*known) ||
		    aigw_val_type(v) == AIGW_NULL)
			continue;
		snprintf(path, sizeof(path), "req.%.100s", it.key);
		to_note(t, "dropped", path, "the provider has no such member");
	}
}

static void extras(struct to *t)
{
	struct aigw_iter it = aigw_iter_init(t->ext);
	const struct aigw_val *v;

	while (t->ext && (v = aigw_iter_next(&it))) {
		if (!strcmp(it.key, "model") || !strcmp(it.key, "messages") ||
		    !strcmp(it.key, "stream") || !strcmp(it.key, "system"))
			continue; /* those are what policies looked at */
		aigw_json_keyn(&t->w, it.key, it.key_len);
		aigw_json_val(&t->w, v);
	}
}

int aigw_to_anthropic(const struct aigw_ask *ask, struct aigw_buf *out,
		      struct aigw_err *err)
{
	struct to t = {.ask = ask, .err = err};
	int64_t n;

	t.ext = aigw_val_at(ask->req, "ext.anthropic");
	if (aigw_val_type(t.ext) != AIGW_OBJECT)
		t.ext = NULL;
	if (given(&t, "n") && !(aigw_val_int(get(&t, "n"), &n) && n == 1))
		return aigw_fail_as(err, AIGW_E_TRANSLATE, "not_expressible",
				    "req.n: the provider gives one answer");
	aigw_json_init(&t.w, out);
	aigw_json_object(&t.w);
	aigw_json_key(&t.w, "model");
	aigw_json_strn(&t.w, ask->model, ask->model_len);
	max_tokens(&t);
	if (to_messages(&t))
		return -1;
	stop(&t);
	tools(&t);
	output(&t);
	user(&t);
	if (ask->stream) {
		aigw_json_key(&t.w, "stream");
		aigw_json_bool(&t.w, true);
	}
	extras(&t);
	leftovers(&t);
	aigw_json_close(&t.w);
	return aigw_json_end(&t.w, err);
}
