/* SPDX-License-Identifier: Apache-2.0 */
/* budget.c - money set aside before it is spent, shared by processes */
#include "state/budget.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/opt.h"

#define VERSION 1
#define WINDOW 64 /* slots in which a hold may stand, from its hash on */
#define SLOT_FREE 0
#define SLOT_BUSY 1 /* being filled or emptied; after a crash, for ever */

static const char magic[8] = "AIGWLEDG";

/* Everything in the file is in the byte order of the machine. */
struct slot {
	_Atomic uint64_t key; /* hash of the id, SLOT_FREE or SLOT_BUSY */
	_Atomic int64_t amount;
};

struct ledger {
	char magic[8]; /* written last */
	uint32_t version, slots;
	uint64_t seed;
	_Atomic int64_t limit, committed;
	char room[24];
	struct slot slot[AIGW_BUDGET_HOLDS];
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics without a lock");
_Static_assert(offsetof(struct ledger, slot) == 64, "a slot in a cache line");
_Static_assert((AIGW_BUDGET_HOLDS & (AIGW_BUDGET_HOLDS - 1)) == 0,
	       "a power of two");

struct aigw_budget {
	struct ledger *l;
};

static int start(struct ledger *l, struct aigw_err *err)
{
	if (getrandom(&l->seed, sizeof(l->seed), 0) != sizeof(l->seed))
		return aigw_fail(err, "getrandom: %s", strerror(errno));
	l->version = VERSION;
	l->slots = AIGW_BUDGET_HOLDS;
	atomic_init(&l->limit, AIGW_BUDGET_NONE);
	memcpy(l->magic, magic, sizeof(magic));
	return 0;
}

static int check(const struct ledger *l, const char *path, struct aigw_err *err)
{
	if (memcmp(l->magic, magic, sizeof(magic)))
		return aigw_fail(err, "%s: is no ledger", path);
	if (l->version != VERSION || l->slots != AIGW_BUDGET_HOLDS)
		return aigw_fail(err, "%s: a ledger of another version of aigw",
				 path);
	return 0;
}

/* Is the file ours, and is it empty or as large as a ledger? Makes room at
 * once: a full disk must be an error here, not a signal later. */
static int prepare(int fd, const char *path, struct aigw_err *err)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st))
		return aigw_fail(err, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return aigw_fail(err, "%s: is no regular file", path);
	if (st.st_uid != geteuid())
		return aigw_fail(err, "%s: belongs to another user", path);
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return aigw_fail(err, "%s: others may write to it", path);
	if (st.st_size == 0) {
		rc = posix_fallocate(fd, 0, sizeof(struct ledger));
		if (rc)
			return aigw_fail(err, "%s: %s", path, strerror(rc));
	} else if (st.st_size != sizeof(struct ledger)) {
		return aigw_fail(err, "%s: is no ledger", path);
	}
	return 0;
}

/* The lock keeps two processes from starting the same ledger. The mapping would
 * hold it as long as it lives: so it is given back by name. */
static struct ledger *map(const char *path, struct aigw_err *err)
{
	static const char none[sizeof(magic)];
	struct ledger *l = MAP_FAILED;
	int fd = open(path,
		      O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      0600);

	if (fd < 0 || flock(fd, LOCK_EX)) {
		aigw_fail(err, "%s: %s", path, strerror(errno));
		goto out;
	}
	if (prepare(fd, path, err))
		goto out;
	l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (l == MAP_FAILED) {
		aigw_fail(err, "%s: %s", path, strerror(errno));
	} else if (memcmp(l->magic, none, sizeof(none)) ? check(l, path, err)
							: start(l, err)) {
		munmap(l, sizeof(*l));
		l = MAP_FAILED;
	}
out:
	if (fd >= 0) {
		flock(fd, LOCK_UN);
		close(fd);
	}
	return l == MAP_FAILED ? NULL : l;
}

static struct ledger *map_own(struct aigw_err *err)
{
	struct ledger *l = mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	if (start(l, err)) {
		munmap(l, sizeof(*l));
		return NULL;
	}
	return l;
}

struct aigw_budget *aigw_budget_open(const char *path, int64_t limit,
				     struct aigw_err *err)
{
	struct aigw_budget *b = malloc(sizeof(*b));

	if (!b) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	b->l = path ? map(path, err) : map_own(err);
	if (!b->l) {
		free(b);
		return NULL;
	}
	if (limit != AIGW_BUDGET_NONE)
		atomic_store(&b->l->limit, limit);
	return b;
}

void aigw_budget_close(struct aigw_budget *b)
{
	if (!b)
		return;
	munmap(b->l, sizeof(*b->l));
	free(b);
}

/* FNV-1a from a start that only this ledger knows. Two ids with one hash do no
 * harm: their holds may change places, the sum is the same. */
static uint64_t hash(const struct ledger *l, const char *id, size_t len)
{
	uint64_t h = l->seed;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)id[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 32;
	return h > SLOT_BUSY ? h : h + SLOT_BUSY + 1;
}

static struct slot *slot_at(struct ledger *l, uint64_t key, unsigned i)
{
	return &l->slot[(key + i) & (AIGW_BUDGET_HOLDS - 1)];
}

static bool slot_move(struct slot *s, uint64_t from, uint64_t to)
{
	return atomic_compare_exchange_strong(&s->key, &from, to);
}

static bool put(struct ledger *l, uint64_t key, int64_t amount)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		struct slot *s = slot_at(l, key, i);

		if (!slot_move(s, SLOT_FREE, SLOT_BUSY))
			continue;
		atomic_store(&s->amount, amount);
		atomic_store(&s->key, key);
		return true;
	}
	return false;
}

static int64_t take(struct ledger *l, uint64_t key)
{
	for (unsigned i = 0; i < WINDOW; i++) {
		struct slot *s = slot_at(l, key, i);
		int64_t amount;

		if (!slot_move(s, key, SLOT_BUSY))
			continue;
		amount = atomic_exchange(&s->amount, 0);
		atomic_store(&s->key, SLOT_FREE);
		return amount;
	}
	return 0;
}

/* Add, at most to the largest number and at least to 0. */
static void commit(struct ledger *l, int64_t delta)
{
	int64_t old = atomic_load(&l->committed), next;

	do {
		if (__builtin_add_overflow(old, delta, &next))
			next = INT64_MAX;
		if (next < 0)
			next = 0;
	} while (!atomic_compare_exchange_weak(&l->committed, &old, next));
}

static int exceeded(int64_t limit, int64_t old, int64_t ceiling,
		    struct aigw_err *err)
{
	char l[24], o[24], c[24];

	aigw_money_print(limit, l);
	aigw_money_print(old, o);
	aigw_money_print(ceiling, c);
	return aigw_fail_as(err, AIGW_E_QUOTA, "budget_exceeded",
			    "the request may cost USD %s, and USD %s of the "
			    "budget of %s are spent or held",
			    c, o, l);
}

int aigw_budget_hold(struct aigw_budget *b, const char *id, size_t len,
		     int64_t ceiling, struct aigw_err *err)
{
	struct ledger *l = b->l;
	int64_t limit = atomic_load(&l->limit);
	int64_t old = atomic_load(&l->committed), next;

	if (ceiling < 0)
		return aigw_fail(err, "budget: a negative ceiling");
	if (ceiling == 0)
		return 0;
	do {
		bool big = __builtin_add_overflow(old, ceiling, &next);

		if (limit != AIGW_BUDGET_NONE && (big || next > limit))
			return exceeded(limit, old, ceiling, err);
		if (big)
			next = INT64_MAX;
	} while (!atomic_compare_exchange_weak(&l->committed, &old, next));
	if (put(l, hash(l, id, len), ceiling))
		return 0;
	commit(l, -ceiling);
	return aigw_fail_as(err, AIGW_E_OVERLOADED, "ledger_full",
			    "the ledger has no room for another request on "
			    "its way");
}

int64_t aigw_budget_settle(struct aigw_budget *b, const char *id, size_t len,
			   int64_t spent)
{
	int64_t held = take(b->l, hash(b->l, id, len));

	commit(b->l, (spent < 0 ? 0 : spent) - held);
	return held;
}

int64_t aigw_budget_keep(struct aigw_budget *b, const char *id, size_t len)
{
	return take(b->l, hash(b->l, id, len));
}

int64_t aigw_budget_limit(const struct aigw_budget *b)
{
	return atomic_load(&b->l->limit);
}

void aigw_budget_read(const struct aigw_budget *b,
		      struct aigw_budget_state *state)
{
	struct ledger *l = b->l;

	state->committed = atomic_load(&l->committed);
	state->held = 0;
	for (size_t i = 0; i < AIGW_BUDGET_HOLDS; i++)
		state->held += atomic_load(&l->slot[i].amount);
}
