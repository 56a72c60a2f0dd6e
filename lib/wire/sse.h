/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sse.h - server-sent events, one at a time, from bytes split anywhere
 *
 * WHATWG HTML, "Server-sent events" (9.2.6, interpreting an event stream): line
 * ends CR LF, LF or CR; `:` comments; one blank after the colon is dropped;
 * data lines are joined by LF; a byte order mark at the start is dropped. `id`
 * and `retry` are no use here. Unlike there, an event that the end of the
 * stream leaves without its empty line is still given out by
 * aigw_sse_finish(): providers forget it, and what it says is checked anyway.
 */
#ifndef AIGW_WIRE_SSE_H
#define AIGW_WIRE_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

struct aigw_sse {
	struct aigw_buf in; /* fed and not yet read */
	size_t pos;	    /* read up to here */
	struct aigw_buf line, data, event;
	bool cr;    /* the byte before was CR: a LF belongs to it */
	bool begun; /* past the byte order mark */
	bool has_data;
};

/* Bytes are borrowed until the next call. `event` has len 0 when not named. */
struct aigw_sse_event {
	const char *event, *data;
	size_t event_len, data_len;
};

/* `max`: bytes of one event, and of what is fed and not read. */
void aigw_sse_init(struct aigw_sse *s, size_t max);
void aigw_sse_release(struct aigw_sse *s);

/* Take a copy of what came. Fails when more than `max` bytes wait. */
int aigw_sse_feed(struct aigw_sse *s, const void *p, size_t n,
		  struct aigw_err *err) AIGW_MUST_CHECK;

/* 1 and an event, 0 when more bytes are needed, -1 when an event passes the
 * maximum. Linear in all: no byte is looked at twice. */
int aigw_sse_next(struct aigw_sse *s, struct aigw_sse_event *ev,
		  struct aigw_err *err) AIGW_MUST_CHECK;

/* No more bytes will come: as aigw_sse_next(), and then the unfinished one. */
int aigw_sse_finish(struct aigw_sse *s, struct aigw_sse_event *ev,
		    struct aigw_err *err) AIGW_MUST_CHECK;

#endif
