/* SPDX-License-Identifier: Apache-2.0 */
/* prices_read.c - the price table: from text to rows */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/opt.h"
#include "text/prices-int.h"
#include "text/sha256.h"

#define ROWS_MAX 65536

enum column {
	COL_PROVIDER,
	COL_MODEL,
	COL_FROM,
	COL_HOURS,
	COL_OVER,
	COL_UNIT, /* AIGW_UNITS columns from here */
	COL_CONTEXT = COL_UNIT + AIGW_UNITS,
	COL_MATCH,
	COLS
};

/* Column and what to divide its USD by to have the price of one. */
static const struct {
	const char *name;
	int64_t per;
} units[AIGW_UNITS] = {
	[AIGW_UNIT_IN] = {"in", 1000000},
	[AIGW_UNIT_CACHED] = {"cached", 1000000},
	[AIGW_UNIT_WRITE] = {"write", 1000000},
	[AIGW_UNIT_WRITE_1H] = {"write_1h", 1000000},
	[AIGW_UNIT_OUT] = {"out", 1000000},
	[AIGW_UNIT_AUDIO_IN] = {"audio_in", 1000000},
	[AIGW_UNIT_AUDIO_OUT] = {"audio_out", 1000000},
	[AIGW_UNIT_REQUEST] = {"request", 1000},
	[AIGW_UNIT_SEARCH] = {"search", 1000},
};

struct field {
	const char *s;
	size_t len;
};

static bool none(const struct field *f)
{
	return f->len == 1 && f->s[0] == '-';
}

/* Up to 18 digits as a number; false when it is none. */
static bool digits(const char *s, size_t len, int64_t *n)
{
	*n = 0;
	if (len == 0 || len > 18)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*n = *n * 10 + (s[i] - '0');
	}
	return true;
}

static int read_from(const struct field *f, int *from, struct aigw_err *err)
{
	int64_t y, m, d;

	*from = 0;
	if (none(f))
		return 0;
	if (f->len != 10 || f->s[4] != '-' || f->s[7] != '-' ||
	    !digits(f->s, 4, &y) || !digits(f->s + 5, 2, &m) ||
	    !digits(f->s + 8, 2, &d) || m < 1 || m > 12 || d < 1 || d > 31)
		return aigw_fail(err, "from: expected YYYY-MM-DD or -");
	*from = (int)(y * 10000 + m * 100 + d);
	return 0;
}

static bool read_time(const char *s, int *minutes)
{
	int64_t h, m;

	if (s[2] != ':' || !digits(s, 2, &h) || !digits(s + 3, 2, &m) ||
	    h > 23 || m > 59)
		return false;
	*minutes = (int)(h * 60 + m);
	return true;
}

static int read_hours(const struct field *f, struct aigw_price *row,
		      struct aigw_err *err)
{
	row->begin = row->end = 0;
	if (none(f))
		return 0;
	if (f->len != 11 || f->s[5] != '-' || !read_time(f->s, &row->begin) ||
	    !read_time(f->s + 6, &row->end) || row->begin == row->end)
		return aigw_fail(err, "hours: expected HH:MM-HH:MM or -");
	return 0;
}

static int read_unit(const struct field *f, int unit, int64_t *pico,
		     struct aigw_err *err)
{
	*pico = AIGW_NO_PRICE;
	if (none(f))
		return 0;
	if (aigw_money_parse(f->s, f->len, pico, err))
		return aigw_fail_in(err, "%s", units[unit].name);
	if (*pico < 0)
		return aigw_fail(err, "%s: below 0", units[unit].name);
	if (*pico % units[unit].per)
		return aigw_fail(err, "%s: finer than a pico-dollar for one",
				 units[unit].name);
	*pico /= units[unit].per;
	return 0;
}

/* Names are compared as bytes after the key was made lower case. */
static int check_name(const char *what, const struct field *f,
		      struct aigw_err *err)
{
	if (f->len == 0 || none(f))
		return aigw_fail(err, "%s: is missing", what);
	for (size_t i = 0; i < f->len; i++)
		if (f->s[i] >= 'A' && f->s[i] <= 'Z')
			return aigw_fail(err, "%s: no upper case", what);
	return 0;
}

static int read_row(struct field f[COLS], struct aigw_price *row,
		    struct aigw_err *err)
{
	if (check_name("provider", &f[COL_PROVIDER], err) ||
	    check_name("model", &f[COL_MODEL], err) ||
	    check_name("match", &f[COL_MATCH], err) ||
	    read_from(&f[COL_FROM], &row->from, err) ||
	    read_hours(&f[COL_HOURS], row, err))
		return -1;
	if (!digits(f[COL_OVER].s, f[COL_OVER].len, &row->over))
		return aigw_fail(err, "over: expected a number of tokens");
	row->context = 0;
	if (!none(&f[COL_CONTEXT]) &&
	    !digits(f[COL_CONTEXT].s, f[COL_CONTEXT].len, &row->context))
		return aigw_fail(err, "context: expected a number or -");
	for (int u = 0; u < AIGW_UNITS; u++)
		if (read_unit(&f[COL_UNIT + u], u, &row->pico[u], err))
			return -1;
	row->provider = f[COL_PROVIDER].s;
	row->provider_len = (unsigned)f[COL_PROVIDER].len;
	row->model = f[COL_MODEL].s;
	row->model_len = (unsigned)f[COL_MODEL].len;
	row->match = f[COL_MATCH].s;
	row->match_len = (unsigned)f[COL_MATCH].len;
	return 0;
}

static int read_line(const char *s, const char *end, struct aigw_price *row,
		     struct aigw_err *err)
{
	struct field f[COLS];
	int n = 0;

	while (n < COLS) {
		const char *tab = memchr(s, '\t', (size_t)(end - s));

		f[n].s = s;
		f[n++].len = (size_t)((tab ? tab : end) - s);
		if (!tab)
			break;
		s = tab + 1;
	}
	if (n < COLS || f[n - 1].s + f[n - 1].len != end)
		return aigw_fail(err, "expected %d columns with a tab between",
				 COLS);
	return read_row(f, row, err);
}

/* One more element behind `n`; NULL when memory is out. */
static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	return realloc(p, *cap * size);
}

static int add_run(struct aigw_price_table *t, struct aigw_err *err)
{
	const struct aigw_price *row = &t->rows[t->n - 1];
	struct aigw_price_run *runs;

	if (t->n_runs && aigw_price_same(row[-1].provider, row[-1].provider_len,
					 row->provider, row->provider_len)) {
		t->runs[t->n_runs - 1].n++;
		return 0;
	}
	runs = grow(t->runs, t->n_runs, &t->cap_runs, sizeof(*runs));
	if (!runs)
		return aigw_fail(err, "out of memory");
	t->runs = runs;
	runs[t->n_runs++] = (struct aigw_price_run){t->n - 1, 1};
	return 0;
}

static int add_line(struct aigw_price_table *t, const char *s, const char *end,
		    struct aigw_err *err)
{
	struct aigw_price *rows;

	if (end > s && end[-1] == '\r')
		end--;
	if (s == end || *s == '#')
		return 0;
	if (t->n == ROWS_MAX)
		return aigw_fail(err, "more than %d rows", ROWS_MAX);
	rows = grow(t->rows, t->n, &t->cap, sizeof(*rows));
	if (!rows)
		return aigw_fail(err, "out of memory");
	t->rows = rows;
	if (read_line(s, end, &rows[t->n], err))
		return -1;
	t->n++;
	return add_run(t, err);
}

void aigw_price_table_release(struct aigw_price_table *t)
{
	free(t->own);
	free(t->rows);
	free(t->runs);
	memset(t, 0, sizeof(*t));
}

static void add_id(struct aigw_prices *p, struct aigw_price_table *t,
		   const char *hex)
{
	char *at = p->id + strlen(p->id);

	snprintf(t->id, sizeof(t->id), "%.8s", hex);
	if (at > p->id)
		*at++ = '+';
	memcpy(at, t->id, sizeof(t->id));
}

int aigw_prices_read(struct aigw_prices *p, const char *name, const char *text,
		     size_t len, const char *hex, struct aigw_err *err)
{
	struct aigw_price_table *t = &p->table[p->n];
	const char *end = text + len;
	size_t line = 0;

	if (p->n == AIGW_PRICE_TABLES)
		return aigw_fail(err, "more than %d price tables",
				 AIGW_PRICE_TABLES);
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));

		line++;
		if (add_line(t, text, nl ? nl : end, err)) {
			aigw_price_table_release(t);
			return aigw_fail_in(err, "%s:%zu", name, line);
		}
		text = nl ? nl + 1 : end;
	}
	for (size_t i = 0; i < t->n; i++)
		if (t->rows[i].over && t->rows[i].over < p->no_tier)
			p->no_tier = t->rows[i].over;
	memset(p->memo, 0, sizeof(p->memo));
	add_id(p, t, hex);
	p->n++;
	return 0;
}

int aigw_prices_add(struct aigw_prices *p, const char *name, const char *text,
		    size_t len, struct aigw_err *err)
{
	char hex[65];

	aigw_sha256_hex(text, len, hex);
	return aigw_prices_read(p, name, text, len, hex, err);
}

static char *read_file(const char *path, size_t *len, struct aigw_err *err)
{
	FILE *f = fopen(path, "rbe");
	char *text = f ? malloc(AIGW_PRICES_BYTES) : NULL;
	char *fit;

	if (!text) {
		aigw_fail(err, "%s: %s", path, strerror(errno));
		goto out;
	}
	*len = fread(text, 1, AIGW_PRICES_BYTES, f);
	if (ferror(f)) {
		aigw_fail(err, "%s: %s", path, strerror(errno));
	} else if (*len == AIGW_PRICES_BYTES) {
		aigw_fail(err, "%s: larger than %d bytes", path,
			  AIGW_PRICES_BYTES - 1);
	} else {
		fit = realloc(text, *len + 1);
		fclose(f);
		return fit ? fit : text;
	}
out:
	free(text);
	if (f)
		fclose(f);
	return NULL;
}

int aigw_prices_read_file(struct aigw_prices *p, const char *path,
			  struct aigw_err *err)
{
	size_t len;
	char *text = read_file(path, &len, err);

	if (!text)
		return -1;
	if (aigw_prices_add(p, path, text, len, err)) {
		free(text);
		return -1;
	}
	p->table[p->n - 1].own = text;
	return 0;
}

const char *aigw_unit_name(enum aigw_unit unit)
{
	return units[unit].name;
}
