/* SPDX-License-Identifier: Apache-2.0 */
/* reply.h - answers and errors as people and OpenAI's clients read them */
#ifndef AIGW_EDGE_REPLY_H
#define AIGW_EDGE_REPLY_H

#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

/*
 * `env` is a response or an error, parsed (aigw-envelope(5)); nothing of it is
 * kept. The writers append one JSON value each.
 */

/* What there is to read: text and refusals as they are, a tool call as
 * NAME(ARGUMENTS) on a line of its own, a further choice on a new line. No
 * reasoning. */
int aigw_reply_text(const struct aigw_val *env, struct aigw_buf *out,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/* A chat.completion, or {"error":{…}}; `created` in seconds since 1970. */
void aigw_reply_openai(const struct aigw_val *env, int64_t created,
		       struct aigw_json *w);

/*
 * A line of OpenAI's Batch output. A failure the provider answered with keeps
 * its status and body under "response"; one without an HTTP answer has
 * "response":null and "error":{"code","message"}.
 */
void aigw_reply_batch(const struct aigw_val *env, int64_t created,
		      struct aigw_json *w);

/* {"id","text","model","finish","usage","cost"} or {"id","error":{"type",
 * "code","message","retryable","stage","http_status"}}, absent if unknown. */
int aigw_reply_json(const struct aigw_val *env, struct aigw_json *w,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/* Seconds since 1970 in a UUIDv7, or -1 when the id is none. */
int64_t aigw_reply_created(const char *id, size_t len);

#endif
