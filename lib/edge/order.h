/* SPDX-License-Identifier: Apache-2.0 */
/* order.h - put numbered records back in their order, within bounds */
#ifndef AIGW_EDGE_ORDER_H
#define AIGW_EDGE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/* Holds what came too early, as a heap on the number. */
struct aigw_order {
	struct aigw_order_item {
		uint64_t seq;
		char *data; /* NULL when len is 0 */
		size_t len;
	} * heap;
	size_t n, cap, bytes;
	size_t max_items, max_bytes;
	uint64_t next; /* the number whose turn it is */
};

/* Numbers begin at 1. */
void aigw_order_init(struct aigw_order *o, size_t max_items, size_t max_bytes);
void aigw_order_release(struct aigw_order *o);

/* Hold a copy. A number may come twice: then it comes out twice. */
int aigw_order_put(struct aigw_order *o, uint64_t seq, const char *data,
		   size_t len, struct aigw_err *err) AIGW_MUST_CHECK;

/* More is held than allowed: do not wait for the missing numbers. */
bool aigw_order_full(const struct aigw_order *o);

/*
 * The record whose turn it is (with `any`: the lowest there is); its data is
 * the caller's to free. False when there is none.
 */
bool aigw_order_take(struct aigw_order *o, bool any,
		     struct aigw_order_item *item);

#endif
