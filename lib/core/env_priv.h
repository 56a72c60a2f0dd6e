/* SPDX-License-Identifier: Apache-2.0 */
/* env_priv.h - the inside of an envelope, for env.c and the chain */
#ifndef AIGW_CORE_ENV_PRIV_H
#define AIGW_CORE_ENV_PRIV_H

#include "host.h"

#define AIGW_EDIT_MAX (4 * (size_t)AIGW_LINE_MAX) /* bytes of an edited member */

/*
 * A top-level member. While `text` is NULL its value is the slice at..len of
 * the line; else `text` is the value it was set to, and `doc` its tree.
 */
struct aigw_member {
	const char *key; /* as spelled, with its quotes */
	size_t key_len;
	size_t head, at, len; /* in the line: name, value, length of value */
	char *text;
	size_t text_len;
	struct aigw_doc *doc;
	bool removed, added; /* `added`: key is ours to free */
};

struct aigw_env {
	char *line; /* as it came in, without its line end */
	size_t len;
	struct aigw_doc *doc;
	struct aigw_member *members; /* NULL until the first edit */
	size_t n_members, cap_members;
	size_t extra; /* bytes held by edits */
	enum aigw_kind kind; /* as its members say now */

	/* The chain's: where it stands and who waits for it. */
	struct aigw_chain *chain;
	size_t at;
	bool counted; /* one of those that must be answered */
	uint64_t seq; /* the pump's: its turn on the way out */

	/* A stage's list of envelopes it has put off. */
	struct aigw_env *prev, *next;
	uint64_t since; /* milliseconds of the loop's clock */
	uint64_t mark;	/* how much had been queued when it was */
	bool passed;	/* a later one was answered before it */
	bool final;	/* a response or an error: behind it no chunks come */
};

/* Is it unedited, and its line this one? Then reading it again tells nothing. */
bool aigw_env_is_line(const struct aigw_env *env, const char *line, size_t len);
/* Take over what `from` says and free it; the chain's members stay. */
void aigw_env_become(struct aigw_env *env, struct aigw_env *from);

#endif
