/* SPDX-License-Identifier: Apache-2.0 */
/* ids.c - have we seen this id? */
#include "edge/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "core/siphash.h"

#define FIRST 1024 /* slots */

int aigw_ids_init(struct aigw_ids *ids, struct aigw_err *err)
{
	*ids = (struct aigw_ids){.size = 0};
	if (getrandom(ids->key, sizeof(ids->key), 0) != sizeof(ids->key))
		return aigw_fail(err, "getrandom: %s", strerror(errno));
	return 0;
}

void aigw_ids_release(struct aigw_ids *ids)
{
	free(ids->slot);
	*ids = (struct aigw_ids){.size = 0};
}

/* Where the id is, or the empty slot where it would be. */
static struct aigw_id_hash *find(struct aigw_id_hash *slot, size_t size,
				 struct aigw_id_hash h)
{
	size_t i = h.a & (size - 1);

	while ((slot[i].a || slot[i].b) &&
	       (slot[i].a != h.a || slot[i].b != h.b))
		i = (i + 1) & (size - 1);
	return &slot[i];
}

/* Twice the slots when half are taken. */
static int grow(struct aigw_ids *ids, struct aigw_err *err)
{
	size_t size = ids->size ? ids->size * 2 : FIRST, i;
	struct aigw_id_hash *slot;

	if (ids->n >= AIGW_IDS_MAX)
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_many_tasks",
				    "more than %d ids in one run",
				    AIGW_IDS_MAX);
	slot = calloc(size, sizeof(*slot));
	if (!slot)
		return aigw_fail(err, "out of memory");
	for (i = 0; i < ids->size; i++) {
		if (ids->slot[i].a || ids->slot[i].b)
			*find(slot, size, ids->slot[i]) = ids->slot[i];
	}
	free(ids->slot);
	ids->slot = slot;
	ids->size = size;
	return 0;
}

int aigw_ids_add(struct aigw_ids *ids, const char *id, size_t len,
		 struct aigw_err *err)
{
	struct aigw_sip a = {{ids->key[0], ids->key[1]}};
	struct aigw_sip b = {{ids->key[2], ids->key[3]}};
	struct aigw_id_hash h = {aigw_siphash(a, id, len),
				 aigw_siphash(b, id, len) | 1};
	struct aigw_id_hash *at;

	if (ids->n >= ids->size / 2 && grow(ids, err) < 0)
		return -1;
	at = find(ids->slot, ids->size, h);
	if (at->a || at->b)
		return 0;
	*at = h;
	ids->n++;
	return 1;
}
