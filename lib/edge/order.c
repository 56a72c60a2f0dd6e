/* SPDX-License-Identifier: Apache-2.0 */
/* order.c - put numbered records back in their order, within bounds */
#include "edge/order.h"

#include <stdlib.h>
#include <string.h>

void aigw_order_init(struct aigw_order *o, size_t max_items, size_t max_bytes)
{
	*o = (struct aigw_order){
		.max_items = max_items, .max_bytes = max_bytes, .next = 1};
}

void aigw_order_release(struct aigw_order *o)
{
	while (o->n > 0)
		free(o->heap[--o->n].data);
	free(o->heap);
	o->heap = NULL;
	o->cap = 0;
}

static void swap(struct aigw_order *o, size_t i, size_t j)
{
	struct aigw_order_item item = o->heap[i];

	o->heap[i] = o->heap[j];
	o->heap[j] = item;
}

static void up(struct aigw_order *o, size_t i)
{
	for (; i > 0 && o->heap[(i - 1) / 2].seq > o->heap[i].seq;
	     i = (i - 1) / 2)
		swap(o, i, (i - 1) / 2);
}

static void down(struct aigw_order *o)
{
	size_t i = 0, least;

	for (;;) {
		least = i;
		if (2 * i + 1 < o->n &&
		    o->heap[2 * i + 1].seq < o->heap[least].seq)
			least = 2 * i + 1;
		if (2 * i + 2 < o->n &&
		    o->heap[2 * i + 2].seq < o->heap[least].seq)
			least = 2 * i + 2;
		if (least == i)
			return;
		swap(o, i, least);
		i = least;
	}
}

int aigw_order_put(struct aigw_order *o, uint64_t seq, const char *data,
		   size_t len, struct aigw_err *err)
{
	struct aigw_order_item *heap = o->heap;
	size_t cap = o->cap ? o->cap * 2 : 64;
	char *copy = NULL;

	if (o->n == o->cap) {
		heap = realloc(heap, cap * sizeof(*heap));
		if (!heap)
			return aigw_fail(err, "out of memory");
		o->heap = heap;
		o->cap = cap;
	}
	if (len > 0) {
		copy = malloc(len);
		if (!copy)
			return aigw_fail(err, "out of memory");
		memcpy(copy, data, len);
	}
	heap[o->n] = (struct aigw_order_item){seq, copy, len};
	o->bytes += len;
	up(o, o->n++);
	return 0;
}

bool aigw_order_full(const struct aigw_order *o)
{
	return o->n > o->max_items || o->bytes > o->max_bytes;
}

bool aigw_order_take(struct aigw_order *o, bool any,
		     struct aigw_order_item *item)
{
	if (o->n == 0 || (!any && o->heap[0].seq > o->next))
		return false;
	*item = o->heap[0];
	if (item->seq >= o->next)
		o->next = item->seq + 1;
	o->bytes -= item->len;
	o->n--;
	swap(o, 0, o->n);
	down(o);
	return true;
}
