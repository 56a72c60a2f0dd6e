/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prices.h - what a token costs: a table, a look-up, a sum in pico-dollars
 *
 * A table is text, one row a line, columns separated by one tab: "#" comments,
 * blank lines, and rows of
 *
 *   provider model from hours over in cached write write_1h out audio_in
 *   audio_out request search context match
 *
 * from     first day it holds, YYYY-MM-DD (UTC), or "-"
 * hours    only in this window of the day, HH:MM-HH:MM (UTC), or "-"
 * over     only when the input, cached tokens and all, is more tokens than this
 * in .. audio_out      USD per million tokens; "-": not sold
 * request, search      USD per thousand requests, web searches; "-": no fee
 * context  the model's window in tokens, or "-"
 * match    patterns for the model's name, separated by blanks: "*" is any run
 * of characters, "#" one digit; no upper case
 *
 * A row with "-" for `in` says that the model has no price per token.
 */
#ifndef AIGW_TEXT_PRICES_H
#define AIGW_TEXT_PRICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "core/err.h"

#define AIGW_PRICES_BYTES (4 * 1024 * 1024) /* of a --prices file */
#define AIGW_NO_PRICE (-1)

enum aigw_unit {
	AIGW_UNIT_IN,	    /* input that is none of the next three */
	AIGW_UNIT_CACHED,   /* read from the provider's cache */
	AIGW_UNIT_WRITE,    /* written to it, for five minutes or so */
	AIGW_UNIT_WRITE_1H, /* written to it for an hour */
	AIGW_UNIT_OUT,	    /* output, reasoning and all */
	AIGW_UNIT_AUDIO_IN,
	AIGW_UNIT_AUDIO_OUT,
	AIGW_UNIT_REQUEST,
	AIGW_UNIT_SEARCH,
	AIGW_UNITS
};

/* One row. Strings are borrowed from the table and not NUL-terminated. */
struct aigw_price {
	const char *provider, *model, *match;
	unsigned provider_len, model_len, match_len;
	int from;		  /* YYYYMMDD, or 0 */
	int begin, end;		  /* minutes of the day; equal: all day */
	int64_t over, context;	  /* context: 0 when not known */
	int64_t pico[AIGW_UNITS]; /* per token, request, search */
};

/* What to look up. The names need not be lower case. */
struct aigw_price_key {
	const char *provider, *model;
	size_t provider_len, model_len;
	time_t when;
	int64_t in; /* all input tokens of the request: picks the tier */
};

struct aigw_prices;

/*
 * The bundled table, and in front of it the one in `file` (NULL: none): where
 * that has a row for a key, the bundled one is not asked. Errors are of the
 * form FILE:LINE: reason. The caller frees.
 */
struct aigw_prices *aigw_prices_new(const char *file,
				    struct aigw_err *err) AIGW_MUST_CHECK;
/* The same from texts; `name` stands for the file's in errors. The text must
 * outlive the table. May be called again: the newest table is asked first. */
int aigw_prices_add(struct aigw_prices *prices, const char *name,
		    const char *text, size_t len,
		    struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_prices_free(struct aigw_prices *prices); /* NULL is fine */

/*
 * The name of the table that a row is from: the first 8 hexadecimal digits of
 * its SHA-256. For NULL, of all tables that were asked: the bundled one's, and
 * the file's behind a "+".
 */
const char *aigw_prices_id(const struct aigw_prices *prices,
			   const struct aigw_price *row);
size_t aigw_prices_rows(const struct aigw_prices *prices);

/*
 * The row for a key, or NULL when the price is unknown. Of all rows of the
 * provider that hold for the time and the number of tokens, the one wins that
 * says most about the name: a pattern without "*" and "#", then the pattern
 * with the most other characters; then one with hours, then the latest `from`,
 * then the highest `over`, then the first. Remembers a few answers, so a table
 * is for one thread.
 */
const struct aigw_price *aigw_prices_find(struct aigw_prices *prices,
					  const struct aigw_price_key *key);

/*
 * The cost of n[unit] tokens (requests, searches), exact. A unit without a
 * price costs what the wider one costs: cached and written input as input, an
 * hour's write as a write; a request or search without a fee costs nothing. -1
 * when audio or output tokens are there and not sold (code price_unknown), a
 * count is negative, or the sum does not fit in an int64_t.
 */
int aigw_price_sum(const struct aigw_price *price, const int64_t n[AIGW_UNITS],
		   int64_t *pico, struct aigw_err *err) AIGW_MUST_CHECK;
const char *aigw_unit_name(enum aigw_unit unit); /* its column: "write_1h" */
/* The price of one, after that rule; AIGW_NO_PRICE when not sold. */
int64_t aigw_price_of(const struct aigw_price *price, enum aigw_unit unit);

/* Made from data/prices.tsv by tools/mkprices.c. */
extern const char aigw_prices_bundled[];
extern const size_t aigw_prices_bundled_len;
extern const char aigw_prices_bundled_sha256[65];

#endif
