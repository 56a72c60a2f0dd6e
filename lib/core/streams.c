/* SPDX-License-Identifier: Apache-2.0 */
/* streams.c - the streams whose chunks have passed into a child */
#include "core/streams.h"

#include <stdlib.h>
#include <string.h>

struct stream *streams_find(const struct streams *streams,
			    const struct aigw_env *env)
{
	struct stream *s;
	size_t len;
	const char *id = aigw_env_id(env, &len);

	for (s = streams->first; s; s = s->next)
		if (s->len == len && !memcmp(s->id, id, len))
			break;
	return s;
}

struct stream *streams_open(struct streams *streams, const struct aigw_env *env)
{
	struct stream *s = streams_find(streams, env);
	size_t len;
	const char *id = aigw_env_id(env, &len);

	if (s || streams->n == STREAMS_MAX)
		return s;
	s = calloc(1, sizeof(*s) + len);
	if (!s)
		return NULL;
	memcpy(s->id, id, len);
	s->len = len;
	s->seq = env->seq;
	s->next = streams->first;
	streams->first = s;
	streams->n++;
	return s;
}

static void drop(struct streams *streams, struct stream *s)
{
	struct stream **at = &streams->first;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	streams->n--;
	free(s);
}

bool streams_close(struct streams *streams, const struct aigw_env *env)
{
	struct stream *s = streams_find(streams, env);
	bool was_broken = s && s->broken;

	if (s && s->mark <= env->mark)
		drop(streams, s);
	return was_broken;
}

void streams_free(struct streams *streams)
{
	while (streams->first)
		drop(streams, streams->first);
}
