/* SPDX-License-Identifier: Apache-2.0 */
/*
 * budget.h - money set aside before it is spent, shared by processes
 *
 * A ledger counts what is committed: spent, or held for requests that are on
 * their way. Before the send a request's ceiling is held, or refused when it
 * does not fit; afterwards the hold is settled and what was not spent comes
 * back. All amounts are pico-dollars, never negative.
 *
 * With a path the ledger is a mapped file that any number of processes share
 * without a lock, and that stays behind: the next run goes on from it. A hold
 * that is never settled (a stage died) stays held. Nothing is synced to disk:
 * the ledger survives its processes, not the machine.
 */
#ifndef AIGW_STATE_BUDGET_H
#define AIGW_STATE_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "core/err.h"

#define AIGW_BUDGET_HOLDS 16384 /* requests on their way at a time */
#define AIGW_BUDGET_NONE (-1)	/* no limit */

struct aigw_budget;

/*
 * Open the ledger at `path`, made when absent (mode 0600), or one of this
 * process's own when `path` is NULL. `limit` replaces the ledger's, unless it
 * is AIGW_BUDGET_NONE: then the one that is there holds, and a new ledger has
 * none. Refused: a file that is no ledger, of another version or size, not
 * regular, a symbolic link, or another user's.
 */
struct aigw_budget *aigw_budget_open(const char *path, int64_t limit,
				     struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_budget_close(struct aigw_budget *budget); /* NULL is fine */

/*
 * Hold `ceiling` for the request `id`. -1, and nothing is held: class
 * AIGW_E_QUOTA, code budget_exceeded, when it does not fit (0 always fits);
 * class AIGW_E_OVERLOADED, code ledger_full, when too many are on their way.
 */
int aigw_budget_hold(struct aigw_budget *budget, const char *id, size_t len,
		     int64_t ceiling, struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * The request is over and cost `spent`: its hold is given back and `spent` is
 * committed, even beyond the limit, because it is the truth. Without a hold
 * `spent` is committed all the same. Returns what had been held, 0 when
 * nothing.
 */
int64_t aigw_budget_settle(struct aigw_budget *budget, const char *id,
			   size_t len, int64_t spent);

/* The request is over and nobody knows what it cost: its hold is spent. */
int64_t aigw_budget_keep(struct aigw_budget *budget, const char *id,
			 size_t len);

int64_t aigw_budget_limit(const struct aigw_budget *budget);

struct aigw_budget_state {
	int64_t committed, held; /* held is a part of committed */
};
/* A look at it, slow; others may change it meanwhile. */
void aigw_budget_read(const struct aigw_budget *budget,
		      struct aigw_budget_state *state);

#endif
