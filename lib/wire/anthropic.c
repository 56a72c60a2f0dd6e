/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anthropic.c - Anthropic Messages, version 2023-06-01
 *
 * platform.claude.com/docs/en/api/messages and /streaming; shapes as in
 * @anthropic-ai/sdk messages.d.ts. Events are told apart by their `type`, which
 * is there even where a proxy lost the event's name.
 */
#include <string.h>

#include "wire/dialects.h"

static const char *const headers[] = {"anthropic-version: 2023-06-01", NULL};

static int anthropic_url(const struct aigw_place *at, struct aigw_buf *out)
{
	if (aigw_buf_str(out, at->base_url) ||
	    aigw_buf_str(out, "/v1/messages"))
		return -1;
	return 0;
}

static int anthropic_request(const struct aigw_ask *ask, struct aigw_buf *out,
			     struct aigw_err *err)
{
	if (strcmp(ask->api, "anthropic.messages") == 0)
		return aigw_same_dialect(ask, out, err);
	if (strcmp(ask->api, "openai.chat") == 0)
		return aigw_to_anthropic(ask, out, err);
	return aigw_fail_as(err, AIGW_E_TRANSLATE, "no_translation",
			    "a request in %s cannot be sent to a provider "
			    "that speaks anthropic.messages",
			    ask->api);
}

static enum aigw_finish finish_of(const struct aigw_val *reason)
{
	if (aigw_val_is(reason, "max_tokens") ||
	    aigw_val_is(reason, "model_context_window_exceeded"))
		return AIGW_FINISH_LENGTH;
	if (aigw_val_is(reason, "tool_use"))
		return AIGW_FINISH_TOOL_CALLS;
	if (aigw_val_is(reason, "refusal"))
		return AIGW_FINISH_CONTENT_FILTER;
	return AIGW_FINISH_STOP; /* end_turn, stop_sequence, pause_turn */
}

static int finish(struct aigw_answer *to, const struct aigw_val *reason,
		  struct aigw_err *err)
{
	size_t len = 0;
	const char *raw = aigw_val_str(reason, &len);

	if (!raw)
		return 0;
	return aigw_answer_finish(to, 0, finish_of(reason), raw, len, err);
}

/* Usage -------------------------------------------------------------------- */

static int64_t sum(const struct aigw_val *u, const char *const *names)
{
	int64_t total = -1, n;

	for (; *names; names++) {
		if (!aigw_val_int(aigw_val_get(u, *names), &n) || n < 0)
			continue;
		if (total > INT64_MAX - n)
			return -1;
		total = total < 0 ? n : total + n;
	}
	return total;
}

/* input_tokens leaves the cache out; ours takes it in (facts: 1.3). */
static void count(const struct aigw_val *v, struct aigw_usage *u)
{
	static const char *const in[] = {"input_tokens",
					 "cache_creation_input_tokens",
					 "cache_read_input_tokens", NULL};
	static const char *const out[] = {"output_tokens", NULL};
	static const char *const read[] = {"cache_read_input_tokens", NULL};
	static const char *const write[] = {"cache_creation_input_tokens",
					    NULL};
	static const char *const thought[] = {"thinking_tokens", NULL};

	*u = (struct aigw_usage){
		.in = sum(v, in),
		.out = sum(v, out),
		.cached = sum(v, read),
		.cache_write = sum(v, write),
		.reasoning =
			sum(aigw_val_get(v, "output_tokens_details"), thought),
	};
}

static int print(const struct aigw_val *v, struct aigw_buf *out,
		 struct aigw_err *err)
{
	struct aigw_json w;

	out->len = 0;
	aigw_json_init(&w, out);
	aigw_json_val(&w, v);
	return aigw_json_end(&w, err);
}

/* The numbers of message_delta are totals, not increments, and it leaves out
 * what did not change since message_start: lay them over the ones before. */
static int merge(struct aigw_buf *raw, const struct aigw_val *more,
		 struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(more);
	const struct aigw_val *v;
	struct aigw_buf text, value;
	int rc = 0;

	aigw_buf_init(&value, raw->max);
	while (!rc && (v = aigw_iter_next(&it))) {
		if (memchr(it.key, '.', it.key_len))
			continue; /* would be read as a path; none is known */
		aigw_buf_init(&text, raw->max);
		rc = print(v, &value, err);
		if (!rc)
			rc = aigw_json_splice(raw->data, raw->len, it.key,
					      value.data, value.len, &text,
					      err);
		aigw_buf_release(rc ? &text : raw);
		if (!rc)
			*raw = text;
	}
	aigw_buf_release(&value);
	return rc;
}

static int usage(struct aigw_answer *to, const struct aigw_val *v,
		 struct aigw_err *err)
{
	struct aigw_buf raw;
	struct aigw_usage u;
	struct aigw_doc *doc;
	int rc;

	if (aigw_val_type(v) != AIGW_OBJECT)
		return 0;
	aigw_buf_init(&raw, to->usage_raw.max);
	rc = aigw_buf_add(&raw, to->usage_raw.data, to->usage_raw.len);
	if (!rc)
		rc = raw.len ? merge(&raw, v, err) : print(v, &raw, err);
	doc = rc ? NULL : aigw_doc_parse(raw.data, raw.len, err);
	if (doc) {
		count(aigw_doc_root(doc), &u);
		rc = aigw_answer_usage(to, &u, raw.data, raw.len, err);
	} else {
		rc = aigw_bad_answer(err, "a usage that cannot be read");
	}
	aigw_doc_free(doc);
	aigw_buf_release(&raw);
	return rc;
}

/* Blocks ------------------------------------------------------------------- */

static int delta(struct aigw_answer *to, long i, enum aigw_part part,
		 const struct aigw_val *v, struct aigw_err *err)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);

	return aigw_answer_delta(to, (size_t)i, part, s, s ? len : 0, err);
}

static int input(struct aigw_answer *to, long i, const struct aigw_val *v,
		 struct aigw_err *err)
{
	struct aigw_buf text;
	int rc;

	aigw_buf_init(&text, to->max);
	rc = print(v, &text, err);
	if (!rc)
		rc = aigw_answer_delta(to, (size_t)i, AIGW_PART_ARGS, text.data,
				       text.len, err);
	aigw_buf_release(&text);
	return rc;
}

/* What we have no type for is kept whole under a name of its own. */
static long opaque(struct aigw_answer *to, const struct aigw_val *b,
		   int64_t key, struct aigw_err *err)
{
	size_t len = 0;
	const char *type = aigw_val_str(aigw_val_get(b, "type"), &len);
	struct aigw_buf name;
	long i;

	aigw_buf_init(&name, 256);
	if (!type || aigw_buf_str(&name, "x.anthropic.") ||
	    aigw_buf_add(&name, type, len))
		i = aigw_bad_answer(err, "a block without a type");
	else
		i = aigw_answer_block(
			to,
			&(struct aigw_block_new){.type = AIGW_OPAQUE,
						 .key = key,
						 .name = name.data,
						 .name_len = name.len,
						 .raw = b},
			err);
	aigw_buf_release(&name);
	return i;
}

/* A content block, whole or as content_block_start has it; its index or -1. */
static long block(struct aigw_answer *to, const struct aigw_val *b, int64_t key,
		  struct aigw_err *err)
{
	const struct aigw_val *type = aigw_val_get(b, "type");
	const struct aigw_val *in = aigw_val_get(b, "input");
	struct aigw_block_new new = {.key = key};
	long i;

	if (aigw_val_is(type, "text")) {
		new.type = AIGW_TEXT;
	} else if (aigw_val_is(type, "thinking") ||
		   aigw_val_is(type, "redacted_thinking")) {
		new.type = AIGW_REASONING;
	} else if (aigw_val_is(type, "tool_use")) {
		new.type = AIGW_TOOL_CALL;
		new.id = aigw_val_str(aigw_val_get(b, "id"), &new.id_len);
		new.name = aigw_val_str(aigw_val_get(b, "name"), &new.name_len);
	} else {
		return opaque(to, b, key, err);
	}
	i = aigw_answer_block(to, &new, err);
	if (i < 0)
		return -1;
	if (aigw_val_len(in) && input(to, i, in, err))
		return -1;
	if (delta(to, i, AIGW_PART_TEXT, aigw_val_get(b, "text"), err) ||
	    delta(to, i, AIGW_PART_TEXT, aigw_val_get(b, "thinking"), err) ||
	    delta(to, i, AIGW_PART_SIGNATURE, aigw_val_get(b, "signature"),
		  err) ||
	    delta(to, i, AIGW_PART_REDACTED, aigw_val_get(b, "data"), err))
		return -1;
	return i;
}

/* A call without arguments may come without any delta. */
static int block_end(struct aigw_answer *to, long i, struct aigw_err *err)
{
	const struct aigw_block *b = &to->blocks[i];

	if (b->type == AIGW_TOOL_CALL && !b->part[AIGW_PART_ARGS].len &&
	    aigw_answer_delta(to, (size_t)i, AIGW_PART_ARGS, "{}", 2, err))
		return -1;
	aigw_answer_end(to, (size_t)i);
	return 0;
}

static int anthropic_answer(struct aigw_answer *to, const struct aigw_val *root,
			    struct aigw_err *err)
{
	const struct aigw_val *content = aigw_val_get(root, "content"), *b;
	struct aigw_iter it = aigw_iter_init(content);
	long i;

	if (aigw_val_type(content) != AIGW_ARRAY)
		return aigw_bad_answer(err, "no content");
	if (aigw_answer_start(to, aigw_val_get(root, "id"),
			      aigw_val_get(root, "model"), err))
		return -1;
	for (int64_t n = 0; (b = aigw_iter_next(&it)); n++) {
		i = block(to, b, n, err);
		if (i < 0 || block_end(to, i, err))
			return -1;
	}
	if (usage(to, aigw_val_get(root, "usage"), err) ||
	    finish(to, aigw_val_get(root, "stop_reason"), err))
		return -1;
	if (!aigw_answer_complete(to))
		return aigw_bad_answer(err, "no stop_reason");
	return 0;
}

/* Streams ------------------------------------------------------------------ */

static long open_block(const struct aigw_answer *to, const struct aigw_val *ev)
{
	int64_t index;

	if (!aigw_val_int(aigw_val_get(ev, "index"), &index))
		return -1;
	for (size_t i = to->n; i > 0; i--)
		if (to->blocks[i - 1].open && to->blocks[i - 1].key == index)
			return (long)(i - 1);
	return -1;
}

static int block_delta(struct aigw_answer *to, const struct aigw_val *ev,
		       struct aigw_err *err)
{
	const struct aigw_val *d = aigw_val_get(ev, "delta");
	long i = open_block(to, ev);

	if (i < 0)
		return aigw_bad_answer(err, "a delta of no open block");
	if (delta(to, i, AIGW_PART_TEXT, aigw_val_get(d, "text"), err) ||
	    delta(to, i, AIGW_PART_TEXT, aigw_val_get(d, "thinking"), err) ||
	    delta(to, i, AIGW_PART_ARGS, aigw_val_get(d, "partial_json"),
		  err) ||
	    delta(to, i, AIGW_PART_SIGNATURE, aigw_val_get(d, "signature"),
		  err))
		return -1;
	return 0; /* citations_delta and what is new are not carried */
}

static int message_start(struct aigw_answer *to, const struct aigw_val *m,
			 struct aigw_err *err)
{
	if (aigw_answer_start(to, aigw_val_get(m, "id"),
			      aigw_val_get(m, "model"), err) ||
	    aigw_answer_choice(to, 0, err))
		return -1;
	return usage(to, aigw_val_get(m, "usage"), err);
}

static int on_event(struct aigw_answer *to, const struct aigw_val *ev,
		    struct aigw_err *err)
{
	const struct aigw_val *type = aigw_val_get(ev, "type");
	int64_t index;
	long i;

	if (aigw_val_is(type, "content_block_delta"))
		return block_delta(to, ev, err);
	if (aigw_val_is(type, "content_block_start")) {
		if (!aigw_val_int(aigw_val_get(ev, "index"), &index))
			return aigw_bad_answer(err, "a block without an index");
		return block(to, aigw_val_get(ev, "content_block"), index,
			     err) < 0
			       ? -1
			       : 0;
	}
	if (aigw_val_is(type, "content_block_stop")) {
		i = open_block(to, ev);
		return i < 0 ? 0 : block_end(to, i, err);
	}
	if (aigw_val_is(type, "message_start"))
		return message_start(to, aigw_val_get(ev, "message"), err);
	if (aigw_val_is(type, "message_delta")) {
		if (usage(to, aigw_val_get(ev, "usage"), err))
			return -1;
		return finish(to, aigw_val_at(ev, "delta.stop_reason"), err);
	}
	return aigw_val_is(type, "message_stop"); /* ping, and what is new */
}

static void anthropic_fault(const struct aigw_val *root, struct aigw_fault *f);

static int anthropic_event(struct aigw_answer *to, const char *data, size_t len,
			   struct aigw_fault *f)
{
	struct aigw_doc *doc;
	const struct aigw_val *root;
	int rc = -1;

	if (len == 0)
		return 0;
	doc = aigw_doc_parse(data, len, &f->why);
	if (!doc)
		return aigw_bad_answer(&f->why, "a stream event is no JSON");
	root = aigw_doc_root(doc);
	if (aigw_val_is(aigw_val_get(root, "type"), "error")) {
		f->provider = true;
		f->phase = "stream";
		aigw_fault_class(f, 500);
		f->status = 0;
		aigw_fail_as(&f->why, f->why.class, NULL,
			     "the provider ended the stream with an error");
		anthropic_fault(root, f);
	} else {
		rc = on_event(to, root, &f->why);
	}
	aigw_doc_free(doc);
	return rc;
}

/* Errors ------------------------------------------------------------------- */

/* In a stream the type is all there is; the numbers are those the same types
 * have outside (shared.d.ts, ErrorType). */
static const struct type_row {
	const char *type;
	int status;
} types[] = {
	{"invalid_request_error", 400},
	{"authentication_error", 401},
	{"billing_error", 402},
	{"permission_error", 403},
	{"not_found_error", 404},
	{"conflict_error", 409},
	{"request_too_large", 413},
	{"rate_limit_error", 429},
	{"api_error", 500},
	{"timeout_error", 504},
	{"overloaded_error", 529},
};

static void anthropic_fault(const struct aigw_val *root, struct aigw_fault *f)
{
	const struct aigw_val *e = aigw_val_get(root, "error");
	const struct aigw_val *code = aigw_val_at(e, "details.error_code");
	int status = f->status;

	aigw_fault_text(f, aigw_val_get(e, "message"));
	aigw_fault_word(f->code, aigw_val_get(e, "type"));
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
		if (status == 0 && strcmp(types[i].type, f->code) == 0)
			aigw_fault_class(f, types[i].status);
	f->status = status;
	aigw_fault_word(f->code, code);
	aigw_fault_word(f->request_id, aigw_val_get(root, "request_id"));
	if (aigw_val_is(code, "enforced_spend_limit_reached")) {
		f->why.class = AIGW_E_QUOTA;
		f->retryable = false;
		f->dead = true;
	}
}

const struct aigw_dialect aigw_dialect_anthropic = {
	.name = "anthropic",
	.api = "anthropic.messages",
	.base_url = "https://api.anthropic.com",
	.key_header = "x-api-key",
	.key_prefix = "",
	.headers = headers,
	.id_header = "request-id",
	.url = anthropic_url,
	.request = anthropic_request,
	.answer = anthropic_answer,
	.event = anthropic_event,
	.fault = anthropic_fault,
};
