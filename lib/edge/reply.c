/* SPDX-License-Identifier: Apache-2.0 */
/* reply.c - answers and errors as people and OpenAI's clients read them */
#include "edge/reply.h"

#include <stdio.h>
#include <string.h>

#include "core/siphash.h"

#define CHOICES_MAX 128 /* n of OpenAI's CreateChatCompletionRequest */

/* err.class to the type of OpenAI's error object; others are api_error. */
static const struct {
	const char *class, *type;
} types[] = {
	{"bad_request", "invalid_request_error"},
	{"translate", "invalid_request_error"},
	{"not_found", "invalid_request_error"},
	{"too_large", "invalid_request_error"},
	{"content_filter", "invalid_request_error"},
	{"auth", "authentication_error"},
	{"permission", "permission_error"},
	{"policy", "permission_error"},
	{"rate_limit", "rate_limit_error"},
	{"quota", "insufficient_quota"},
	{"timeout", "timeout_error"},
};

static int64_t number(const struct aigw_val *v, int64_t otherwise)
{
	int64_t n;

	return aigw_val_int(v, &n) ? n : otherwise;
}

static void put_member(struct aigw_json *w, const char *key,
		       const struct aigw_val *v)
{
	if (!v)
		return;
	aigw_json_key(w, key);
	aigw_json_val(w, v);
}

static bool is_type(const struct aigw_val *block, const char *type)
{
	return aigw_val_is(aigw_val_get(block, "type"), type);
}

/* Text ------------------------------------------------------------------ */

static int add_str(struct aigw_buf *out, const struct aigw_val *v)
{
	size_t len;
	const char *s = aigw_val_str(v, &len);

	return s ? aigw_buf_add(out, s, len) : 0;
}

static int new_line(struct aigw_buf *out, size_t start)
{
	if (out->len == start || out->data[out->len - 1] == '\n')
		return 0;
	return aigw_buf_add(out, "\n", 1);
}

static int add_call(struct aigw_buf *out, size_t start,
		    const struct aigw_val *block)
{
	if (new_line(out, start) < 0 ||
	    add_str(out, aigw_val_get(block, "name")) < 0 ||
	    aigw_buf_add(out, "(", 1) < 0 ||
	    add_str(out, aigw_val_get(block, "args")) < 0)
		return -1;
	return aigw_buf_add(out, ")\n", 2);
}

int aigw_reply_text(const struct aigw_val *env, struct aigw_buf *out,
		    struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(aigw_val_at(env, "res.blocks"));
	int64_t choice = 0, last = 0;
	const struct aigw_val *v;
	size_t start = out->len;
	int rc = 0;

	while (rc == 0 && (v = aigw_iter_next(&it))) {
		choice = number(aigw_val_get(v, "choice"), 0);
		if (choice != last)
			rc = new_line(out, start);
		last = choice;
		if (rc == 0 && (is_type(v, "text") || is_type(v, "refusal")))
			rc = add_str(out, aigw_val_get(v, "text"));
		else if (rc == 0 && is_type(v, "tool_call"))
			rc = add_call(out, start, v);
	}
	if (rc < 0)
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
				    "answer passes %zu bytes", out->max);
	return 0;
}

/* OpenAI ---------------------------------------------------------------- */

int64_t aigw_reply_created(const char *id, size_t len)
{
	int64_t ms = 0;
	size_t i;
	int c;

	if (len != 36 || id[8] != '-' || id[13] != '-' || id[14] != '7')
		return -1;
	for (i = 0; i < 13; i++) {
		if (i == 8)
			continue;
		c = id[i];
		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else
			return -1;
		ms = ms << 4 | c;
	}
	return ms / 1000;
}

/* All blocks of one type in one choice, joined; null when there are none. */
static void put_joined(struct aigw_json *w, const char *key,
		       const struct aigw_val *blocks, int64_t choice,
		       const char *type, bool always)
{
	struct aigw_iter it = aigw_iter_init(blocks);
	const struct aigw_val *v;
	struct aigw_buf text;
	bool any = false;

	aigw_buf_init(&text, w->out->max);
	while ((v = aigw_iter_next(&it))) {
		if (!is_type(v, type) ||
		    number(aigw_val_get(v, "choice"), 0) != choice)
			continue;
		any = true;
		if (add_str(&text, aigw_val_get(v, "text")) < 0)
			w->failed = true;
	}
	if (any || always) {
		aigw_json_key(w, key);
		if (any)
			aigw_json_strn(w, text.data ? text.data : "", text.len);
		else
			aigw_json_null(w);
	}
	aigw_buf_release(&text);
}

static void put_call(struct aigw_json *w, const struct aigw_val *v)
{
	aigw_json_object(w);
	put_member(w, "id", aigw_val_get(v, "id"));
	aigw_json_key(w, "type");
	aigw_json_str(w, "function");
	aigw_json_key(w, "function");
	aigw_json_object(w);
	put_member(w, "name", aigw_val_get(v, "name"));
	put_member(w, "arguments", aigw_val_get(v, "args"));
	aigw_json_close(w);
	aigw_json_close(w);
}

static void put_calls(struct aigw_json *w, const struct aigw_val *blocks,
		      int64_t choice)
{
	struct aigw_iter it = aigw_iter_init(blocks);
	const struct aigw_val *v;
	bool any = false;

	while ((v = aigw_iter_next(&it))) {
		if (!is_type(v, "tool_call") ||
		    number(aigw_val_get(v, "choice"), 0) != choice)
			continue;
		if (!any) {
			aigw_json_key(w, "tool_calls");
			aigw_json_array(w);
		}
		any = true;
		put_call(w, v);
	}
	if (any)
		aigw_json_close(w);
}

static void put_choice(struct aigw_json *w, const struct aigw_val *res,
		       int64_t choice, const struct aigw_val *finish)
{
	const struct aigw_val *blocks = aigw_val_get(res, "blocks");

	aigw_json_object(w);
	aigw_json_key(w, "index");
	aigw_json_int(w, choice);
	aigw_json_key(w, "message");
	aigw_json_object(w);
	aigw_json_key(w, "role");
	aigw_json_str(w, "assistant");
	put_joined(w, "content", blocks, choice, "text", true);
	put_joined(w, "refusal", blocks, choice, "refusal", true);
	put_joined(w, "reasoning_content", blocks, choice, "reasoning", false);
	put_calls(w, blocks, choice);
	aigw_json_close(w);
	aigw_json_key(w, "logprobs");
	aigw_json_null(w);
	aigw_json_key(w, "finish_reason");
	aigw_json_val(w, finish);
	aigw_json_close(w);
}

/* `finishes` says how many choices there are; without it the blocks do. */
static void put_choices(struct aigw_json *w, const struct aigw_val *res)
{
	struct aigw_iter it = aigw_iter_init(aigw_val_get(res, "finishes"));
	const struct aigw_val *finish = aigw_val_get(res, "finish");
	int64_t i = 0;

	aigw_json_key(w, "choices");
	aigw_json_array(w);
	if (it.left == 0)
		put_choice(w, res, 0, finish);
	while (i < CHOICES_MAX && (finish = aigw_iter_next(&it)))
		put_choice(w, res, i++, finish);
	aigw_json_close(w);
}

static void put_details(struct aigw_json *w, const char *key,
			const char *member, const struct aigw_val *v)
{
	if (!v)
		return;
	aigw_json_key(w, key);
	aigw_json_object(w);
	put_member(w, member, v);
	aigw_json_close(w);
}

/* OpenAI counts as we do: prompt_tokens includes what was cached,
 * completion_tokens the reasoning. */
static void put_usage(struct aigw_json *w, const struct aigw_val *usage)
{
	int64_t in, out;

	if (!aigw_val_int(aigw_val_get(usage, "in"), &in) ||
	    !aigw_val_int(aigw_val_get(usage, "out"), &out))
		return;
	aigw_json_key(w, "usage");
	aigw_json_object(w);
	aigw_json_key(w, "prompt_tokens");
	aigw_json_int(w, in);
	aigw_json_key(w, "completion_tokens");
	aigw_json_int(w, out);
	aigw_json_key(w, "total_tokens");
	aigw_json_int(w, (int64_t)((uint64_t)in + (uint64_t)out));
	put_details(w, "prompt_tokens_details", "cached_tokens",
		    aigw_val_get(usage, "cached"));
	put_details(w, "completion_tokens_details", "reasoning_tokens",
		    aigw_val_get(usage, "reasoning"));
	aigw_json_close(w);
}

static void put_error(struct aigw_json *w, const struct aigw_val *e)
{
	const char *type = "api_error";
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (aigw_val_is(aigw_val_get(e, "class"), types[i].class))
			type = types[i].type;
	}
	aigw_json_object(w);
	aigw_json_key(w, "error");
	aigw_json_object(w);
	aigw_json_key(w, "message");
	aigw_json_val(w, aigw_val_get(e, "message"));
	aigw_json_key(w, "type");
	aigw_json_str(w, type);
	aigw_json_key(w, "param");
	aigw_json_val(w, aigw_val_get(e, "param"));
	aigw_json_key(w, "code");
	aigw_json_val(w, aigw_val_get(e, "code"));
	aigw_json_close(w);
	aigw_json_close(w);
}

static bool failed(const struct aigw_val *env)
{
	return aigw_val_type(aigw_val_get(env, "err")) != AIGW_NULL;
}

void aigw_reply_openai(const struct aigw_val *env, int64_t created,
		       struct aigw_json *w)
{
	const struct aigw_val *res = aigw_val_get(env, "res");
	const struct aigw_val *id = aigw_val_get(res, "id");
	const struct aigw_val *model = aigw_val_get(res, "model");

	if (failed(env)) {
		put_error(w, aigw_val_get(env, "err"));
		return;
	}
	aigw_json_object(w);
	aigw_json_key(w, "id");
	aigw_json_val(w, id ? id : aigw_val_get(env, "id"));
	aigw_json_key(w, "object");
	aigw_json_str(w, "chat.completion");
	aigw_json_key(w, "created");
	aigw_json_int(w, created);
	aigw_json_key(w, "model");
	aigw_json_val(w, model ? model : aigw_val_at(env, "req.model"));
	put_choices(w, res);
	put_usage(w, aigw_val_get(env, "usage"));
	aigw_json_close(w);
}

/* Batch ----------------------------------------------------------------- */

/* The same id gives the same batch_req_…: a second run can be compared. */
static void put_batch_id(struct aigw_json *w, const struct aigw_val *id)
{
	struct aigw_sip key = {{0, 0}};
	char word[32];
	size_t len;
	const char *s = aigw_val_str(id, &len);

	snprintf(word, sizeof(word), "batch_req_%016llx",
		 (unsigned long long)aigw_siphash(key, s ? s : "",
						  s ? len : 0));
	aigw_json_str(w, word);
}

static void put_response(struct aigw_json *w, const struct aigw_val *env,
			 int64_t created)
{
	const struct aigw_val *attempts = aigw_val_get(env, "attempts");
	struct aigw_iter it = aigw_iter_init(attempts);
	const struct aigw_val *v, *request = NULL;
	int64_t status = 200;

	while ((v = aigw_iter_next(&it)))
		request = aigw_val_get(v, "upstream_id");
	if (failed(env))
		status = number(aigw_val_at(env, "err.provider.status"),
				number(aigw_val_at(env, "err.status"), 500));
	aigw_json_object(w);
	aigw_json_key(w, "status_code");
	aigw_json_int(w, status);
	aigw_json_key(w, "request_id");
	aigw_json_val(w, request ? request : aigw_val_get(env, "id"));
	aigw_json_key(w, "body");
	aigw_reply_openai(env, created, w);
	aigw_json_close(w);
}

void aigw_reply_batch(const struct aigw_val *env, int64_t created,
		      struct aigw_json *w)
{
	const struct aigw_val *e = aigw_val_get(env, "err");
	bool http = !failed(env) ||
		    number(aigw_val_at(e, "provider.status"), 0) >= 400;

	aigw_json_object(w);
	aigw_json_key(w, "id");
	put_batch_id(w, aigw_val_get(env, "id"));
	aigw_json_key(w, "custom_id");
	aigw_json_val(w, aigw_val_get(env, "id"));
	aigw_json_key(w, "response");
	if (http)
		put_response(w, env, created);
	else
		aigw_json_null(w);
	aigw_json_key(w, "error");
	if (http) {
		aigw_json_null(w);
	} else {
		aigw_json_object(w);
		aigw_json_key(w, "code");
		aigw_json_val(w, aigw_val_get(e, "code"));
		aigw_json_key(w, "message");
		aigw_json_val(w, aigw_val_get(e, "message"));
		aigw_json_close(w);
	}
	aigw_json_close(w);
}

/* Our own --------------------------------------------------------------- */

static void put_failure(struct aigw_json *w, const struct aigw_val *e)
{
	aigw_json_key(w, "error");
	aigw_json_object(w);
	put_member(w, "type", aigw_val_get(e, "class"));
	put_member(w, "code", aigw_val_get(e, "code"));
	put_member(w, "message", aigw_val_get(e, "message"));
	put_member(w, "retryable", aigw_val_get(e, "retryable"));
	put_member(w, "stage", aigw_val_get(e, "stage"));
	put_member(w, "http_status", aigw_val_get(e, "status"));
	put_member(w, "line", aigw_val_get(e, "line"));
	aigw_json_close(w);
}

int aigw_reply_json(const struct aigw_val *env, struct aigw_json *w,
		    struct aigw_err *err)
{
	const struct aigw_val *res = aigw_val_get(env, "res");
	struct aigw_buf text;
	int rc = 0;

	aigw_buf_init(&text, w->out->max);
	aigw_json_object(w);
	put_member(w, "id", aigw_val_get(env, "id"));
	if (failed(env)) {
		put_failure(w, aigw_val_get(env, "err"));
	} else {
		rc = aigw_reply_text(env, &text, err);
		aigw_json_key(w, "text");
		aigw_json_strn(w, text.data ? text.data : "", text.len);
		put_member(w, "model", aigw_val_get(res, "model"));
		put_member(w, "finish", aigw_val_get(res, "finish"));
		put_member(w, "usage", aigw_val_get(env, "usage"));
	}
	put_member(w, "cost", aigw_val_get(env, "cost"));
	aigw_json_close(w);
	aigw_buf_release(&text);
	return rc;
}
