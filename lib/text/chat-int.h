/* SPDX-License-Identifier: Apache-2.0 */
/* chat-int.h - between chat.c and chat_tools.c */
#ifndef AIGW_TEXT_CHAT_INT_H
#define AIGW_TEXT_CHAT_INT_H

#include "text/chat.h"

/* JSON texts of parts of a request. */
#define CHAT_JSON_MAX (64u * 1024 * 1024)

/* A request being counted. */
struct chat {
	struct aigw_counter *counter;
	const struct aigw_model *model;
	uint64_t n;
	bool exact;
	bool failed; /* err says why */
	struct aigw_err *err;
};

/* Add what the tools and functions of the body count; false: it has none. */
bool chat_tools(struct chat *chat, const struct aigw_val *body);

/* A value's JSON text, to be released; -1 sets `failed`, nothing to release. */
int chat_json(struct chat *chat, const struct aigw_val *v,
	      struct aigw_buf *text) AIGW_MUST_CHECK;

#endif
