/* SPDX-License-Identifier: Apache-2.0 */
/* streams.h - the streams whose chunks have passed into a child */
#ifndef AIGW_CORE_STREAMS_H
#define AIGW_CORE_STREAMS_H

#include "core/env_priv.h"

#define STREAMS_MAX 65536 /* open at a time */

struct stream {
	struct stream *next;
	uint64_t seq;
	uint64_t mark; /* as of its last chunk */
	bool broken;   /* the child died with some of it */
	size_t len;
	char id[];
};

/* Zeroed is empty. */
struct streams {
	struct stream *first;
	size_t n;
};

/* By the id of an envelope; NULL when there is none. */
struct stream *streams_find(const struct streams *streams,
			    const struct aigw_env *env);
/* The same, made if it is new; NULL when there are too many. */
struct stream *streams_open(struct streams *streams,
			    const struct aigw_env *env);
/* Its last envelope has been here; was the stream broken? It stays when chunks
 * came behind that: somebody uses the id again. */
bool streams_close(struct streams *streams, const struct aigw_env *env);
void streams_free(struct streams *streams);

#endif
