/* SPDX-License-Identifier: Apache-2.0 */
/* request.h - requests: envelopes made from prompts, bodies and batch lines */
#ifndef AIGW_EDGE_REQUEST_H
#define AIGW_EDGE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "edge/ids.h"

#define AIGW_MADE_ID 256 /* bytes in an id, as AIGW_ID_MAX of host.h */

/*
 * What is the same in every envelope of a run. All texts are borrowed and
 * valid UTF-8; `tags`, `params` and `parts` hold JSON that was read before.
 */
struct aigw_maker {
	const char *model;  /* for requests that name none */
	bool force_model;   /* for all requests */
	const char *system; /* or NULL */
	size_t system_len;
	const struct aigw_val *params; /* an object: members of req */
	const struct aigw_buf *parts;  /* content parts, "" or "{…},{…}" */
	const struct aigw_val *tags;   /* an object: client.tags */
	const char *key;	       /* the client's API key, or NULL */
	size_t key_len;
	bool stream;
	size_t max; /* bytes in an envelope's line */
	struct aigw_ids *ids;
};

/* What came out: the id is known before the rest is found wanting. */
struct aigw_made {
	uint64_t seq; /* in: the number of the record, from 1 */
	char id[AIGW_MADE_ID];
	size_t id_len; /* 0: none, or one that was seen before */
};

/*
 * Each appends one line to `out` (with "\n"), or fails as a bad request and
 * leaves `out` as it was.
 *
 * text: a prompt becomes the user's message; `id` may be NULL.
 * body: a chat completion body of OpenAI's API, kept byte for byte but for
 *       what `force_model` and `params` say. A line with a member "aigw" is an
 *       envelope: what only filters may write is stripped.
 * batch: {"custom_id","method","url","body"} of OpenAI's Batch API; or an
 *       envelope, as above.
 */
int aigw_make_text(const struct aigw_maker *maker, struct aigw_made *made,
		   const char *id, size_t id_len, const char *text, size_t len,
		   struct aigw_buf *out, struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_make_body(const struct aigw_maker *maker, struct aigw_made *made,
		   const char *text, size_t len, struct aigw_buf *out,
		   struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_make_batch(const struct aigw_maker *maker, struct aigw_made *made,
		    const char *text, size_t len, struct aigw_buf *out,
		    struct aigw_err *err) AIGW_MUST_CHECK;

#endif
