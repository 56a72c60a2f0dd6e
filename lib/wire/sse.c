/* SPDX-License-Identifier: Apache-2.0 */
/* sse.c - server-sent events, one at a time, from bytes split anywhere */
#include "wire/sse.h"

#include <string.h>

static const char bom[] = {'\xef', '\xbb', '\xbf'};

void aigw_sse_init(struct aigw_sse *s, size_t max)
{
	*s = (struct aigw_sse){.pos = 0};
	aigw_buf_init(&s->in, max);
	aigw_buf_init(&s->line, max);
	aigw_buf_init(&s->data, max);
	aigw_buf_init(&s->event, max);
}

void aigw_sse_release(struct aigw_sse *s)
{
	aigw_buf_release(&s->in);
	aigw_buf_release(&s->line);
	aigw_buf_release(&s->data);
	aigw_buf_release(&s->event);
}

static int too_large(const struct aigw_sse *s, struct aigw_err *err)
{
	return aigw_fail_as(err, AIGW_E_TOO_LARGE, "event_too_large",
			    "a stream event passes %zu bytes", s->in.max);
}

int aigw_sse_feed(struct aigw_sse *s, const void *p, size_t n,
		  struct aigw_err *err)
{
	/* What was read is dropped when it is most of the buffer, so that
	 * moving the rest stays linear. */
	if (s->pos == s->in.len || s->pos > s->in.len / 2 ||
	    n > s->in.max - s->in.len) {
		aigw_buf_drop(&s->in, s->pos);
		s->pos = 0;
	}
	if (aigw_buf_add(&s->in, p, n))
		return too_large(s, err);
	return 0;
}

static bool field_is(const char *line, size_t len, const char *name)
{
	return len == strlen(name) && memcmp(line, name, len) == 0;
}

/* Take in the line that is in s->line and clear it. */
static int field(struct aigw_sse *s)
{
	const char *line = s->line.data, *colon, *value;
	size_t len = s->line.len, name, value_len;

	s->line.len = 0;
	colon = memchr(line, ':', len);
	name = colon ? (size_t)(colon - line) : len;
	value = colon ? colon + 1 : line + len;
	value_len = (size_t)(line + len - value);
	if (value_len && *value == ' ') {
		value++;
		value_len--;
	}
	if (field_is(line, name, "event")) {
		s->event.len = 0;
		return aigw_buf_add(&s->event, value, value_len);
	}
	if (!field_is(line, name, "data"))
		return 0; /* a comment has no name; id, retry, unknown */
	if (s->has_data && aigw_buf_add(&s->data, "\n", 1))
		return -1;
	s->has_data = true;
	return aigw_buf_add(&s->data, value, value_len);
}

/* An empty line: 1 when there is an event to give out. */
static int dispatch(struct aigw_sse *s, struct aigw_sse_event *ev)
{
	if (!s->has_data) {
		s->event.len = 0;
		return 0;
	}
	*ev = (struct aigw_sse_event){
		.event = s->event.len ? s->event.data : "",
		.event_len = s->event.len,
		.data = s->data.len ? s->data.data : "",
		.data_len = s->data.len,
	};
	s->event.len = 0; /* the bytes stay until the next call */
	s->data.len = 0;
	s->has_data = false;
	return 1;
}

static int line_end(struct aigw_sse *s, struct aigw_sse_event *ev)
{
	if (s->line.len)
		return field(s);
	return dispatch(s, ev);
}

/* The mark is kept out of the first line, byte by byte if need be. */
static void skip_bom(struct aigw_sse *s)
{
	if (s->begun || s->line.len < sizeof(bom))
		return;
	s->begun = true;
	if (memcmp(s->line.data, bom, sizeof(bom)) == 0)
		aigw_buf_drop(&s->line, sizeof(bom));
}

int aigw_sse_next(struct aigw_sse *s, struct aigw_sse_event *ev,
		  struct aigw_err *err)
{
	while (s->pos < s->in.len) {
		const char *p = s->in.data + s->pos;
		size_t left = s->in.len - s->pos, n = 0;
		int got;

		if (s->cr && *p == '\n') {
			s->cr = false;
			s->pos++;
			continue;
		}
		s->cr = false;
		while (n < left && p[n] != '\n' && p[n] != '\r')
			n++;
		if (aigw_buf_add(&s->line, p, n))
			return too_large(s, err);
		s->pos += n;
		skip_bom(s);
		if (n == left)
			return 0;
		s->begun = true;
		s->cr = p[n] == '\r';
		s->pos++;
		got = line_end(s, ev);
		if (got < 0)
			return too_large(s, err);
		if (got > 0)
			return 1;
	}
	return 0;
}

int aigw_sse_finish(struct aigw_sse *s, struct aigw_sse_event *ev,
		    struct aigw_err *err)
{
	int got = aigw_sse_next(s, ev, err);

	if (got)
		return got;
	if (s->line.len && field(s) < 0)
		return too_large(s, err);
	return dispatch(s, ev);
}
