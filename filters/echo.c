/* SPDX-License-Identifier: Apache-2.0 */
/* echo.c - pass every envelope on, and put a word on requests if asked to */
#include <string.h>

#include "aigw.h"

struct echo {
	char *tag; /* NULL: change nothing */
};

static const struct aigw_opt opts[] = {
	{ "tag", 0, AIGW_OPT_STRING, offsetof(struct echo, tag), .arg = "WORD",
	  .help = "set the member \"tag\" of each request" },
	{ 0 }
};

static enum aigw_verdict apply(void *self, struct aigw_env *env,
			       struct aigw_err *err)
{
	const struct echo *echo = self;

	if (echo->tag && aigw_env_set_str(env, "tag", echo->tag,
					  strlen(echo->tag), err))
		return AIGW_FAILED;
	return AIGW_NEXT;
}

AIGW_DEFINE_FILTER(echo) = {
	.name = "echo",
	.summary = "pass envelopes on: the filter to copy for a new one",
	.examples = "  $ aigw prompt -e hello | aigw-echo --tag demo\n",
	.wants = AIGW_REQUEST,
	.size = sizeof(struct echo),
	.opts = opts,
	.apply = apply,
};
