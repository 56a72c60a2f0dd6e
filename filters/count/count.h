/* SPDX-License-Identifier: Apache-2.0 */
/* count.h - what the parts of aigw-count share */
#ifndef AIGW_FILTERS_COUNT_H
#define AIGW_FILTERS_COUNT_H

#include "aigw.h"

#include <time.h>

#include "state/budget.h"
#include "text/chat.h"
#include "text/prices.h"
#include "text/tokens.h"

#define NO_LIMIT AIGW_MONEY_NONE
#define ENCODINGS_MAX 8

enum unknown_rule { UNKNOWN_REFUSE, UNKNOWN_ALLOW };

/* An encoding that some model wanted, open as long as the instance lives. */
struct tongue {
	struct aigw_encoding *enc;
	struct aigw_counter *counter;
};

struct count {
	/* options; the two amounts are text until open(): 0 is a limit too */
	int64_t max_in, out_max, expect_out;
	char *ledger, *prices_path;
	struct aigw_list price_as;
	int unknown; /* enum unknown_rule */

	struct aigw_stage *stage;
	int64_t max_cost, budget; /* pico-dollars, or NO_LIMIT */
	struct aigw_prices *prices;
	struct aigw_budget *money; /* NULL: neither --budget nor --ledger */
	struct tongue tongue[ENCODINGS_MAX];
	size_t n_tongues;
};

struct text {
	const char *s; /* NULL: absent */
	size_t len;
};

/* One place where the request may go, or went. All borrowed. */
struct target {
	struct text provider, model;
	struct text price_as; /* "MODEL" or "PROVIDER:MODEL" of the table */
	bool planned;	      /* by a plan, not by what the client wrote */
};

/* target.c: from names to prices -------------------------------------- */

struct text count_text_of(const struct aigw_val *v);
bool count_text_is(struct text t, const char *s);

/* plan.targets[i], or what an envelope without a plan says: the vendor whose
 * API the client speaks, and req.model. False when there is no such target. */
bool count_target_at(const struct aigw_env *env, size_t i, struct target *t);
/* Where the last attempt went, which is where the answer is from. */
void count_target_answered(const struct aigw_env *env, struct target *t);

/* The name that says which encoding, window and price a target's model has. */
struct text count_target_model(const struct target *t);

/* The price of a target for `in` input tokens. `answered` is the model that the
 * answer names, absent before the send. NULL: unknown. */
const struct aigw_price *count_target_price(const struct count *c,
					    const struct target *t,
					    struct text answered, int64_t in);

/* tally.c: tokens ------------------------------------------------------- */

struct tally {
	int64_t n;
	const char *encoding; /* static */
	bool exact, assumed;
};

/* The tokens of the request in the encoding of `model`. */
int count_tally_request(struct count *c, const struct aigw_env *env,
			struct text model, struct tally *t,
			struct aigw_err *err);
/* The tokens of res.blocks. */
int count_tally_answer(struct count *c, const struct aigw_env *env,
		       struct text model, struct tally *t,
		       struct aigw_err *err);
void count_tally_close(struct count *c);

/* before.c and after.c: the two halves of apply() ------------------------ */

enum aigw_verdict count_before(struct count *c, struct aigw_env *env,
			       struct aigw_err *err);
enum aigw_verdict count_after(struct count *c, struct aigw_env *env,
			      struct aigw_err *err);

/* count.c: the member `cost` ------------------------------------------- */

/*
 * Write `cost` anew: first the members that are there already, without those
 * that `add` writes (NULL-terminated `names`), then those.
 */
int count_cost_put(struct aigw_env *env, const char *const *names,
		   void (*add)(struct aigw_json *w, const void *arg),
		   const void *arg, struct aigw_err *err);
void count_cost_money(struct aigw_json *w, const char *key, int64_t pico);

#endif
