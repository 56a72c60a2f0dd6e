/* SPDX-License-Identifier: Apache-2.0 */
/* buf.c - bytes that grow up to a maximum given at birth */
#include "core/buf.h"

#include <stdlib.h>
#include <string.h>

#define FIRST 256 /* bytes of the first allocation */

void aigw_buf_init(struct aigw_buf *b, size_t max)
{
	*b = (struct aigw_buf){.max = max};
}

void aigw_buf_release(struct aigw_buf *b)
{
	free(b->data);
	aigw_buf_init(b, b->max);
}

/* Doubling keeps appending linear; the last step stops at the maximum. */
char *aigw_buf_room(struct aigw_buf *b, size_t n)
{
	size_t cap = b->cap;
	char *data;

	if (n > b->max || b->len > b->max - n)
		return NULL;
	if (b->data && b->cap - b->len >= n)
		return b->data + b->len;
	if (cap == 0)
		cap = b->max < FIRST ? b->max + 1 : FIRST;
	while (cap < b->len + n)
		cap = cap > b->max / 2 ? b->max : cap * 2;
	data = realloc(b->data, cap);
	if (!data)
		return NULL;
	b->data = data;
	b->cap = cap;
	return data + b->len;
}

int aigw_buf_add(struct aigw_buf *b, const void *p, size_t n)
{
	char *to;

	if (n == 0)
		return 0;
	to = aigw_buf_room(b, n);
	if (!to)
		return -1;
	memcpy(to, p, n);
	b->len += n;
	return 0;
}

int aigw_buf_str(struct aigw_buf *b, const char *s)
{
	return aigw_buf_add(b, s, strlen(s));
}

void aigw_buf_drop(struct aigw_buf *b, size_t n)
{
	if (n >= b->len) {
		b->len = 0;
		return;
	}
	if (n == 0)
		return;
	b->len -= n;
	memmove(b->data, b->data + n, b->len);
}

char *aigw_buf_take(struct aigw_buf *b, size_t *len)
{
	char *data = realloc(b->data, b->len + 1);

	if (!data)
		return NULL;
	data[b->len] = '\0';
	if (len)
		*len = b->len;
	aigw_buf_init(b, b->max);
	return data;
}
