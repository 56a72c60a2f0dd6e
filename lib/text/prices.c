/* SPDX-License-Identifier: Apache-2.0 */
/* prices.c - what a token costs: a look-up, and a sum in pico-dollars */
#include <stdlib.h>

#include "text/prices-int.h"

#define NAME_MAX_LEN 256 /* no model or provider has a longer name */

struct aigw_prices *aigw_prices_new(const char *file, struct aigw_err *err)
{
	struct aigw_prices *p = calloc(1, sizeof(*p));

	if (!p) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	p->no_tier = INT64_MAX;
	if (aigw_prices_read(p, "bundled prices", aigw_prices_bundled,
			     aigw_prices_bundled_len,
			     aigw_prices_bundled_sha256, err) ||
	    (file && aigw_prices_read_file(p, file, err))) {
		aigw_prices_free(p);
		return NULL;
	}
	return p;
}

void aigw_prices_free(struct aigw_prices *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		aigw_price_table_release(&p->table[i]);
	free(p);
}

const char *aigw_prices_id(const struct aigw_prices *p,
			   const struct aigw_price *row)
{
	for (size_t i = 0; row && i < p->n; i++) {
		const struct aigw_price_table *t = &p->table[i];

		if (row >= t->rows && row < t->rows + t->n)
			return t->id;
	}
	return p->id;
}

size_t aigw_prices_rows(const struct aigw_prices *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += p->table[i].n;
	return n;
}

/* Look-up --------------------------------------------------------------- */

/* A key as rows want it. */
struct query {
	char provider[NAME_MAX_LEN], model[NAME_MAX_LEN];
	size_t provider_len, model_len;
	int day, minute;     /* of the calendar, of the day */
	int64_t minutes, in; /* since the epoch */
};

static bool lower(char out[NAME_MAX_LEN], const char *s, size_t len)
{
	if (len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] = s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i];
	return true;
}

static bool query_init(struct query *q, const struct aigw_price_key *key)
{
	struct tm tm;

	if (!lower(q->provider, key->provider, key->provider_len) ||
	    !lower(q->model, key->model, key->model_len) ||
	    !gmtime_r(&key->when, &tm))
		return false;
	q->provider_len = key->provider_len;
	q->model_len = key->model_len;
	q->day = (tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 +
		 tm.tm_mday;
	q->minute = tm.tm_hour * 60 + tm.tm_min;
	q->minutes = key->when / 60;
	q->in = key->in;
	return true;
}

/*
 * Does the pattern fit the whole name? Steps back to the last "*" only, so the
 * work is bounded by the product of two short lengths.
 */
static bool fits(const char *p, const char *p_end, const char *s,
		 const char *s_end)
{
	const char *star = NULL, *from = NULL;

	while (s < s_end) {
		if (p < p_end && *p == '*') {
			star = ++p;
			from = s;
		} else if (p < p_end &&
			   (*p == '#' ? *s >= '0' && *s <= '9' : *p == *s)) {
			p++;
			s++;
		} else if (star) {
			p = star;
			s = ++from;
		} else {
			return false;
		}
	}
	while (p < p_end && *p == '*')
		p++;
	return p == p_end;
}

/* What a pattern says about a name: its own characters, and far more when it
 * leaves nothing open. 0 when it does not fit. */
static int weight(const char *p, const char *end, const struct query *q)
{
	int n = 0, open = 0;

	if (!fits(p, end, q->model, q->model + q->model_len))
		return 0;
	for (; p < end; p++) {
		n += *p != '*' && *p != '#';
		open |= *p == '*' || *p == '#';
	}
	return 1 + n + (open ? 0 : 2 * NAME_MAX_LEN);
}

/* The best of a row's patterns. */
static int row_weight(const struct aigw_price *row, const struct query *q)
{
	const char *p = row->match, *end = p + row->match_len;
	int best = 0;

	while (p < end) {
		const char *gap = memchr(p, ' ', (size_t)(end - p));
		const char *stop = gap ? gap : end;
		bool near = *p == '*' || *p == '#' ||
			    (q->model_len && *p == q->model[0]);
		int w = near ? weight(p, stop, q) : 0;

		if (w > best)
			best = w;
		p = stop + 1;
	}
	return best;
}

static bool holds(const struct aigw_price *row, const struct query *q)
{
	if (row->from > q->day || (row->over && row->over >= q->in))
		return false;
	if (row->begin == row->end)
		return true;
	if (row->begin < row->end)
		return q->minute >= row->begin && q->minute < row->end;
	return q->minute >= row->begin || q->minute < row->end;
}

/* Between two rows whose patterns say the same. */
static bool before(const struct aigw_price *a, const struct aigw_price *b)
{
	bool ha = a->begin != a->end, hb = b->begin != b->end;

	if (ha != hb)
		return ha;
	if (a->from != b->from)
		return a->from > b->from;
	return a->over > b->over;
}

static const struct aigw_price *table_find(const struct aigw_price_table *t,
					   const struct query *q)
{
	const struct aigw_price *best = NULL;
	int most = 0;

	for (size_t r = 0; r < t->n_runs; r++) {
		const struct aigw_price *row = &t->rows[t->runs[r].first];
		const struct aigw_price *end = row + t->runs[r].n;

		if (!aigw_price_same(row->provider, row->provider_len,
				     q->provider, q->provider_len))
			continue;
		for (; row < end; row++) {
			int w = row_weight(row, q);

			if (w == 0 || w < most || !holds(row, q))
				continue;
			if (w > most || before(row, best)) {
				best = row;
				most = w;
			}
		}
	}
	return best;
}

/* Where the answer to a query is kept, or NULL when it is not worth it. */
static struct aigw_price_memo *memo_slot(struct aigw_prices *p,
					 const struct query *q)
{
	uint64_t h = q->provider_len;

	if (q->in > p->no_tier ||
	    q->provider_len + q->model_len > AIGW_PRICE_NAMES)
		return NULL;
	for (size_t i = 0; i < q->model_len; i++)
		h = h * 31 + (unsigned char)q->model[i];
	return &p->memo[h % AIGW_PRICE_MEMOS];
}

static bool memo_is(const struct aigw_price_memo *m, const struct query *q)
{
	return m->minute == q->minutes && m->provider_len == q->provider_len &&
	       m->model_len == q->model_len &&
	       memcmp(m->names, q->provider, q->provider_len) == 0 &&
	       memcmp(m->names + q->provider_len, q->model, q->model_len) == 0;
}

static void memo_set(struct aigw_price_memo *m, const struct query *q,
		     const struct aigw_price *row)
{
	memcpy(m->names, q->provider, q->provider_len);
	memcpy(m->names + q->provider_len, q->model, q->model_len);
	m->provider_len = q->provider_len;
	m->model_len = q->model_len;
	m->minute = q->minutes;
	m->row = row;
}

const struct aigw_price *aigw_prices_find(struct aigw_prices *p,
					  const struct aigw_price_key *key)
{
	const struct aigw_price *row = NULL;
	struct aigw_price_memo *memo;
	struct query q;

	if (!query_init(&q, key))
		return NULL;
	memo = memo_slot(p, &q);
	if (memo && memo_is(memo, &q))
		return memo->row;
	for (size_t i = p->n; i > 0 && !row; i--)
		row = table_find(&p->table[i - 1], &q);
	if (row && row->pico[AIGW_UNIT_IN] < 0)
		row = NULL;
	if (memo)
		memo_set(memo, &q, row);
	return row;
}

/* Sums ------------------------------------------------------------------ */

int64_t aigw_price_of(const struct aigw_price *price, enum aigw_unit unit)
{
	if (price->pico[unit] != AIGW_NO_PRICE)
		return price->pico[unit];
	switch (unit) {
	case AIGW_UNIT_CACHED:
	case AIGW_UNIT_WRITE:
		return price->pico[AIGW_UNIT_IN];
	case AIGW_UNIT_WRITE_1H:
		return aigw_price_of(price, AIGW_UNIT_WRITE);
	case AIGW_UNIT_REQUEST:
	case AIGW_UNIT_SEARCH:
		return 0;
	default:
		return AIGW_NO_PRICE;
	}
}

int aigw_price_sum(const struct aigw_price *price, const int64_t n[AIGW_UNITS],
		   int64_t *pico, struct aigw_err *err)
{
	__int128 sum = 0;

	for (int u = 0; u < AIGW_UNITS; u++) {
		int64_t one = aigw_price_of(price, u);

		if (n[u] < 0)
			return aigw_fail(err, "%s: a negative count",
					 aigw_unit_name(u));
		if (n[u] > 0 && one < 0)
			return aigw_fail_as(err, AIGW_E_POLICY, "price_unknown",
					    "%.*s: no price for %s",
					    (int)price->model_len, price->model,
					    aigw_unit_name(u));
		if (n[u] > 0)
			sum += (__int128)one * n[u];
	}
	if (sum > INT64_MAX)
		return aigw_fail(err, "the cost is beyond counting");
	*pico = (int64_t)sum;
	return 0;
}
