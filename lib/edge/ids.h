/* SPDX-License-Identifier: Apache-2.0 */
/* ids.h - have we seen this id? */
#ifndef AIGW_EDGE_IDS_H
#define AIGW_EDGE_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

/*
 * A set that keeps 16 bytes for an id, however long it is: two SipHash values
 * under random keys, so that two ids are taken for one with a chance of 2^-127
 * a pair, and nobody can make it happen.
 */
struct aigw_ids {
	struct aigw_id_hash {
		uint64_t a, b;
	} * slot; /* a power of two; {0, 0} is empty */
	size_t n, size;
	uint64_t key[4];
};

#define AIGW_IDS_MAX (16 * 1024 * 1024) /* more are refused: 512 MB */

int aigw_ids_init(struct aigw_ids *ids, struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_ids_release(struct aigw_ids *ids);

/* 1: it is new and now in the set; 0: it was there; -1: no room. */
int aigw_ids_add(struct aigw_ids *ids, const char *id, size_t len,
		 struct aigw_err *err) AIGW_MUST_CHECK;

#endif
