/* SPDX-License-Identifier: Apache-2.0 */
/* prices-int.h - the price table's inside, between its reader and its look-up
 */
#ifndef AIGW_TEXT_PRICES_INT_H
#define AIGW_TEXT_PRICES_INT_H

#include <string.h>

#include "text/prices.h"

#define AIGW_PRICE_TABLES 4

/* Rows of one provider that follow each other. */
struct aigw_price_run {
	size_t first, n;
};

struct aigw_price_table {
	char *own; /* the file's text; NULL when borrowed */
	struct aigw_price *rows;
	struct aigw_price_run *runs;
	size_t n, n_runs, cap, cap_runs;
	char id[9];
};

#define AIGW_PRICE_MEMOS 16
#define AIGW_PRICE_NAMES 96 /* bytes of provider and model in a memo */

/* What a look-up found, for the same names in the same minute. */
struct aigw_price_memo {
	char names[AIGW_PRICE_NAMES];
	size_t provider_len, model_len;
	int64_t minute;
	const struct aigw_price *row;
};

struct aigw_prices {
	struct aigw_price_table table[AIGW_PRICE_TABLES];
	size_t n;
	/* Up to so many tokens no row of a higher tier holds. */
	int64_t no_tier;
	struct aigw_price_memo memo[AIGW_PRICE_MEMOS];
	char id[AIGW_PRICE_TABLES * 9];
};

static inline bool aigw_price_same(const char *a, size_t alen, const char *b,
				   size_t blen)
{
	return alen == blen && memcmp(a, b, alen) == 0;
}

/* prices_read.c: add a table whose SHA-256 is known; add a file's. */
int aigw_prices_read(struct aigw_prices *prices, const char *name,
		     const char *text, size_t len, const char *hex,
		     struct aigw_err *err);
int aigw_prices_read_file(struct aigw_prices *prices, const char *path,
			  struct aigw_err *err);
void aigw_price_table_release(struct aigw_price_table *t);

#endif
