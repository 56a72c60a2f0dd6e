/* SPDX-License-Identifier: Apache-2.0 */
/*
 * openai.c - OpenAI Chat Completions, and Azure OpenAI, which differs in where
 * it is and how the key is sent
 *
 * openai-openapi 2.3.0: CreateChatCompletionRequest, …Response,
 * …StreamResponse, Error; learn.microsoft.com, Azure OpenAI API version
 * lifecycle. Compatible servers are read more widely than the specification
 * says: a missing tool index, one index for all calls, `choices` empty or
 * absent, reasoning under either of its names, no [DONE].
 */
#include <string.h>

#include "wire/dialects.h"

/* Requests ----------------------------------------------------------------- */

static int openai_url(const struct aigw_place *at, struct aigw_buf *out)
{
	if (aigw_buf_str(out, at->base_url) ||
	    aigw_buf_str(out, "/chat/completions"))
		return -1;
	return 0;
}

/* With an api-version the deployments path, else /openai/v1. */
static int azure_url(const struct aigw_place *at, struct aigw_buf *out)
{
	if (aigw_buf_str(out, at->base_url))
		return -1;
	if (!at->api_version)
		return aigw_buf_str(out, "/openai/v1/chat/completions");
	if (aigw_buf_str(out, "/openai/deployments/") ||
	    aigw_url_segment(out, at->model, at->model_len) ||
	    aigw_buf_str(out, "/chat/completions?api-version=") ||
	    aigw_url_segment(out, at->api_version, strlen(at->api_version)))
		return -1;
	return 0;
}

/* Usage in streams comes only when asked for, and the option is refused
 * where there is no stream. */
static int openai_request(const struct aigw_ask *ask, struct aigw_buf *out,
			  struct aigw_err *err)
{
	const struct aigw_val *opts = aigw_val_get(ask->req, "stream_options");

	if (strcmp(ask->api, "openai.chat"))
		return aigw_fail_as(err, AIGW_E_TRANSLATE, "no_translation",
				    "a request in %s cannot be sent to a "
				    "provider that speaks openai.chat",
				    ask->api);
	if (aigw_same_dialect(ask, out, err))
		return -1;
	if (ask->stream && ask->stream_usage &&
	    !aigw_val_true(aigw_val_get(opts, "include_usage")))
		return aigw_splice_into(out, "stream_options.include_usage",
					"true", err);
	if (!ask->stream && opts)
		return aigw_splice_into(out, "stream_options", NULL, err);
	return 0;
}

/* Answers ------------------------------------------------------------------ */

enum aigw_finish aigw_openai_finish(const struct aigw_val *reason)
{
	if (aigw_val_is(reason, "stop"))
		return AIGW_FINISH_STOP;
	if (aigw_val_is(reason, "length") ||
	    aigw_val_is(reason, "model_length"))
		return AIGW_FINISH_LENGTH;
	if (aigw_val_is(reason, "tool_calls") ||
	    aigw_val_is(reason, "function_call"))
		return AIGW_FINISH_TOOL_CALLS;
	if (aigw_val_is(reason, "content_filter"))
		return AIGW_FINISH_CONTENT_FILTER;
	if (aigw_val_is(reason, "error"))
		return AIGW_FINISH_ERROR;
	return AIGW_FINISH_STOP; /* the raw word goes along */
}

static int64_t count(const struct aigw_val *usage, const char *path)
{
	int64_t n;

	return aigw_val_int(aigw_val_at(usage, path), &n) && n >= 0 ? n : -1;
}

static int usage(struct aigw_answer *to, const struct aigw_val *v,
		 struct aigw_err *err)
{
	struct aigw_buf raw;
	struct aigw_json w;
	struct aigw_usage u;
	int rc;

	if (aigw_val_type(v) != AIGW_OBJECT)
		return 0;
	u = (struct aigw_usage){
		.in = count(v, "prompt_tokens"),
		.out = count(v, "completion_tokens"),
		.cached = count(v, "prompt_tokens_details.cached_tokens"),
		.cache_write =
			count(v, "prompt_tokens_details.cache_write_tokens"),
		.reasoning =
			count(v, "completion_tokens_details.reasoning_tokens"),
	};
	aigw_buf_init(&raw, to->usage_raw.max);
	aigw_json_init(&w, &raw);
	aigw_json_val(&w, v);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_answer_usage(to, &u, raw.data, raw.len, err);
	aigw_buf_release(&raw);
	return rc;
}

/* Text, reasoning or refusal: a new kind ends the one before, so that their
 * order survives. */
static int plain(struct aigw_answer *to, size_t choice,
		 enum aigw_block_type type, const struct aigw_val *v,
		 struct aigw_err *err)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);
	long i;

	if (!s || !len)
		return 0;
	i = aigw_answer_find(to, choice, type, -1);
	if (i < 0) {
		for (int t = AIGW_TEXT; t <= AIGW_REFUSAL; t++) {
			long old = aigw_answer_find(to, choice, t, -1);

			if (old >= 0)
				aigw_answer_end(to, (size_t)old);
		}
		i = aigw_answer_block(to,
				      &(struct aigw_block_new){.type = type,
							       .choice = choice,
							       .key = -1},
				      err);
	}
	if (i < 0)
		return -1;
	return aigw_answer_delta(to, (size_t)i, AIGW_PART_TEXT, s, len, err);
}

/* Magistral's content is a list of {type:text|thinking}. */
static int content(struct aigw_answer *to, size_t choice,
		   const struct aigw_val *v, struct aigw_err *err)
{
	struct aigw_iter it, in;
	const struct aigw_val *part, *sub;

	if (aigw_val_type(v) != AIGW_ARRAY)
		return plain(to, choice, AIGW_TEXT, v, err);
	it = aigw_iter_init(v);
	while ((part = aigw_iter_next(&it))) {
		if (plain(to, choice, AIGW_TEXT, aigw_val_get(part, "text"),
			  err))
			return -1;
		in = aigw_iter_init(aigw_val_get(part, "thinking"));
		while ((sub = aigw_iter_next(&in)))
			if (plain(to, choice, AIGW_REASONING,
				  aigw_val_get(sub, "text"), err))
				return -1;
	}
	return 0;
}

static bool same_id(const struct aigw_block *b, const char *id, size_t len)
{
	return len == 0 || b->id.len == 0 ||
	       (b->id.len == len && memcmp(b->id.data, id, len) == 0);
}

/*
 * The block a fragment of a tool call belongs to, or -1 for a new one. By
 * index; another id under the same index is another call (some servers put all
 * of them on 0); without an index, by id, else the newest.
 */
static long tool_find(const struct aigw_answer *to, size_t choice,
		      const struct aigw_val *call, int64_t *index)
{
	size_t len = 0;
	const char *id = aigw_val_str(aigw_val_get(call, "id"), &len);
	bool given = aigw_val_int(aigw_val_get(call, "index"), index);

	for (size_t i = to->n; i > 0; i--) {
		const struct aigw_block *b = &to->blocks[i - 1];

		if (!b->open || b->choice != choice ||
		    b->type != AIGW_TOOL_CALL)
			continue;
		if (given && b->key != *index)
			continue;
		if (same_id(b, id, len))
			return (long)(i - 1);
		if (given)
			return -1;
	}
	if (!given)
		*index = (int64_t)to->n;
	return -1;
}

static int tool(struct aigw_answer *to, size_t choice,
		const struct aigw_val *call, bool whole, struct aigw_err *err)
{
	const struct aigw_val *f = aigw_val_get(call, "function"), *args;
	struct aigw_block_new new = {.type = AIGW_TOOL_CALL, .choice = choice};
	struct aigw_buf text;
	struct aigw_json w;
	size_t len = 0;
	const char *s;
	long i = whole ? -1 : tool_find(to, choice, call, &new.key);
	int rc;

	if (i < 0) {
		new.id = aigw_val_str(aigw_val_get(call, "id"), &new.id_len);
		new.name = aigw_val_str(aigw_val_get(f, "name"), &new.name_len);
		i = aigw_answer_block(to, &new, err);
	}
	if (i < 0)
		return -1;
	args = aigw_val_get(f, "arguments");
	s = aigw_val_str(args, &len);
	if (s || aigw_val_type(args) != AIGW_OBJECT)
		return aigw_answer_delta(to, (size_t)i, AIGW_PART_ARGS, s, len,
					 err);
	aigw_buf_init(&text, to->max); /* TGI sends an object */
	aigw_json_init(&w, &text);
	aigw_json_val(&w, args);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_answer_delta(to, (size_t)i, AIGW_PART_ARGS, text.data,
				       text.len, err);
	aigw_buf_release(&text);
	return rc;
}

/* A message, or the delta of one: the members are the same. */
static int message(struct aigw_answer *to, size_t choice,
		   const struct aigw_val *m, bool whole, struct aigw_err *err)
{
	const struct aigw_val *thought = aigw_val_get(m, "reasoning_content");
	struct aigw_iter it;
	const struct aigw_val *call;

	if (aigw_val_type(thought) != AIGW_STRING)
		thought = aigw_val_get(m, "reasoning");
	if (plain(to, choice, AIGW_REASONING, thought, err) ||
	    content(to, choice, aigw_val_get(m, "content"), err) ||
	    plain(to, choice, AIGW_REFUSAL, aigw_val_get(m, "refusal"), err))
		return -1;
	it = aigw_iter_init(aigw_val_get(m, "tool_calls"));
	while ((call = aigw_iter_next(&it)))
		if (tool(to, choice, call, whole, err))
			return -1;
	return 0;
}

static int choices(struct aigw_answer *to, const struct aigw_val *root,
		   const char *member, bool whole, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(aigw_val_get(root, "choices"));
	const struct aigw_val *c, *reason;
	size_t len = 0;
	const char *raw;
	int64_t index;

	for (int64_t n = 0; (c = aigw_iter_next(&it)); n++) {
		if (!aigw_val_int(aigw_val_get(c, "index"), &index))
			index = n;
		if (index < 0 || index >= AIGW_CHOICES_MAX)
			return aigw_bad_answer(err, "a choice out of range");
		if (aigw_answer_choice(to, (size_t)index, err) ||
		    message(to, (size_t)index, aigw_val_get(c, member), whole,
			    err))
			return -1;
		reason = aigw_val_get(c, "finish_reason");
		raw = aigw_val_str(reason, &len);
		if (raw && len &&
		    aigw_answer_finish(to, (size_t)index,
				       aigw_openai_finish(reason), raw, len,
				       err))
			return -1;
	}
	return 0;
}

static int openai_answer(struct aigw_answer *to, const struct aigw_val *root,
			 struct aigw_err *err)
{
	if (aigw_val_type(aigw_val_get(root, "choices")) != AIGW_ARRAY)
		return aigw_bad_answer(err, "no choices");
	if (aigw_answer_start(to, aigw_val_get(root, "id"),
			      aigw_val_get(root, "model"), err) ||
	    choices(to, root, "message", true, err) ||
	    usage(to, aigw_val_get(root, "usage"), err))
		return -1;
	if (!aigw_answer_complete(to))
		return aigw_bad_answer(err, "no finish_reason");
	return 0;
}

static void openai_fault(const struct aigw_val *root, struct aigw_fault *f);

/* An error object in a stream: its code may be a status (OpenRouter, Groq). */
static int stream_fault(const struct aigw_val *root, struct aigw_fault *f)
{
	const struct aigw_val *error = aigw_val_get(root, "error");
	int64_t status = 0;

	f->provider = true;
	f->phase = "stream";
	if (!aigw_val_int(aigw_val_get(error, "status_code"), &status) &&
	    !aigw_val_int(aigw_val_get(error, "status"), &status))
		aigw_val_int(aigw_val_get(error, "code"), &status);
	if (status >= 400 && status <= 599)
		aigw_fault_class(f, (int)status);
	else
		aigw_fault_class(f, 500);
	if (status < 400 || status > 599)
		f->status = 0;
	aigw_fail_as(&f->why, f->why.class, NULL,
		     "the provider ended the stream with an error");
	openai_fault(root, f);
	return -1;
}

static int openai_event(struct aigw_answer *to, const char *data, size_t len,
			struct aigw_fault *f)
{
	const struct aigw_val *root, *error;
	struct aigw_doc *doc;
	int rc = -1;

	if (len >= 6 && memcmp(data, "[DONE]", 6) == 0)
		return 1;
	if (len == 0)
		return 0;
	doc = aigw_doc_parse(data, len, &f->why);
	if (!doc) {
		aigw_bad_answer(&f->why, "a stream event is no JSON");
		return -1;
	}
	root = aigw_doc_root(doc);
	error = aigw_val_get(root, "error");
	if (aigw_val_type(error) != AIGW_NULL)
		rc = stream_fault(root, f);
	else if (!aigw_answer_start(to, aigw_val_get(root, "id"),
				    aigw_val_get(root, "model"), &f->why) &&
		 !choices(to, root, "delta", false, &f->why) &&
		 !usage(to, aigw_val_get(root, "usage"), &f->why))
		rc = 0;
	aigw_doc_free(doc);
	return rc;
}

/* Errors ------------------------------------------------------------------- */

/* Codes that say more than the status. Money never comes back by waiting. */
static const struct code_row {
	const char *code;
	enum aigw_class class;
	bool retryable, dead;
} codes[] = {
	{"insufficient_quota", AIGW_E_QUOTA, false, true},
	{"billing_hard_limit_reached", AIGW_E_QUOTA, false, true},
	{"billing_not_active", AIGW_E_QUOTA, false, true},
	{"content_filter", AIGW_E_CONTENT_FILTER, false, false},
	{"content_policy_violation", AIGW_E_CONTENT_FILTER, false, false},
	{"rate_limit_exceeded", AIGW_E_RATE_LIMIT, true, false},
	{"server_error", AIGW_E_UPSTREAM, true, false},
	{"invalid_api_key", AIGW_E_AUTH, false, true},
};

static void openai_fault(const struct aigw_val *root, struct aigw_fault *f)
{
	const struct aigw_val *e = aigw_val_get(root, "error");

	if (aigw_val_type(e) != AIGW_OBJECT)
		e = aigw_val_type(e) == AIGW_NULL ? root : e; /* old vLLM */
	aigw_fault_text(f, aigw_val_type(e) == AIGW_STRING
				   ? e
				   : aigw_val_get(e, "message"));
	aigw_fault_word(f->code, aigw_val_get(e, "type"));
	aigw_fault_word(f->code, aigw_val_get(e, "code"));
	aigw_fault_word(f->param, aigw_val_get(e, "param"));
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		if (strcmp(codes[i].code, f->code))
			continue;
		f->why.class = codes[i].class;
		f->retryable = codes[i].retryable;
		f->dead = codes[i].dead;
	}
}

const struct aigw_dialect aigw_dialect_openai = {
	.name = "openai",
	.api = "openai.chat",
	.base_url = "https://api.openai.com/v1",
	.key_header = "Authorization",
	.key_prefix = "Bearer ",
	.id_header = "x-request-id",
	.url = openai_url,
	.request = openai_request,
	.answer = openai_answer,
	.event = openai_event,
	.fault = openai_fault,
};

const struct aigw_dialect aigw_dialect_azure = {
	.name = "azure",
	.api = "openai.chat",
	.key_header = "api-key",
	.key_prefix = "",
	.id_header = "apim-request-id",
	.url = azure_url,
	.request = openai_request,
	.answer = openai_answer,
	.event = openai_event,
	.fault = openai_fault,
};
