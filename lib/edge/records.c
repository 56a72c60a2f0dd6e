/* SPDX-License-Identifier: Apache-2.0 */
/* records.c - records out of a stream of bytes: lines, NUL, CSV, whole files */
#include "edge/records.h"

#include <errno.h>
#include <string.h>

#include "edge/fd.h"

#define CHUNK 65536 /* bytes asked for at once */

static const char bom[3] = {'\xef', '\xbb', '\xbf'};

void aigw_records_init(struct aigw_records *r, int fd, enum aigw_split split,
		       size_t max)
{
	*r = (struct aigw_records){
		.fd = fd, .split = split, .max = max, .line = 1};
	aigw_buf_init(&r->in, max + 2 * CHUNK);
}

void aigw_records_release(struct aigw_records *r)
{
	aigw_buf_release(&r->in);
}

/*
 * Where a CSV reader stands: a line end inside of quotes ends nothing. After
 * a misplaced quote the rest of the line is one bad record, which
 * aigw_csv_read() will refuse.
 */
enum { START, PLAIN, QUOTED, QUOTE, QUOTE_CR, BROKEN };

static int csv_step(int state, char c)
{
	switch (state) {
	case START:
		return c == '"' ? QUOTED : c == ',' ? START : PLAIN;
	case PLAIN:
		return c == '"' ? BROKEN : c == ',' ? START : PLAIN;
	case QUOTED:
		return c == '"' ? QUOTE : QUOTED;
	case QUOTE:
		return c == '"'	   ? QUOTED
		       : c == ','  ? START
		       : c == '\r' ? QUOTE_CR
				   : BROKEN;
	default:
		return BROKEN;
	}
}

static const char *csv_end(struct aigw_records *r, const char *p,
			   const char *end)
{
	for (; p < end; p++) {
		if (*p == '\n' && r->csv != QUOTED)
			return p;
		r->csv = csv_step(r->csv, *p);
	}
	return NULL;
}

/* Look at the bytes not looked at before; NULL: the end is not among them. */
static const char *find_end(struct aigw_records *r)
{
	const char *p = r->in.data + r->scan, *end = r->in.data + r->in.len;

	if (r->scan == r->in.len)
		return NULL;
	r->scan = r->in.len;
	switch (r->split) {
	case AIGW_SPLIT_LINES:
		return memchr(p, '\n', (size_t)(end - p));
	case AIGW_SPLIT_NUL:
		return memchr(p, '\0', (size_t)(end - p));
	case AIGW_SPLIT_CSV:
		return csv_end(r, p, end);
	case AIGW_SPLIT_WHOLE:
		break;
	}
	return NULL;
}

/* Go on by `n` bytes, counting the line ends among them. */
static void pass(struct aigw_records *r, size_t n)
{
	const char *p = r->in.data + r->pos, *end = p + n;

	r->pos += n;
	while (n > 0 && (p = memchr(p, '\n', (size_t)(end - p)))) {
		r->line++;
		p++;
	}
}

/* The record is too long: remember where it began and forget its bytes. */
static void lose(struct aigw_records *r)
{
	if (!r->lost) {
		r->lost = true;
		r->lost_line = r->line;
		r->lost_offset = r->base + r->pos;
	}
	pass(r, r->in.len - r->pos);
}

static int fill(struct aigw_records *r, struct aigw_err *err)
{
	char *to;
	long n;

	aigw_buf_drop(&r->in, r->pos);
	r->base += r->pos;
	r->scan -= r->pos;
	r->pos = 0;
	to = aigw_buf_room(&r->in, CHUNK);
	if (!to)
		return aigw_fail(err, "out of memory");
	if (r->idle && !aigw_fd_ready(r->fd, 0))
		r->idle(r->arg);
	n = aigw_fd_read(r->fd, to, CHUNK);
	if (n < 0)
		return aigw_fail(err, "cannot read: %s", strerror(errno));
	r->in.len += (size_t)n;
	r->eof = n == 0;
	return 0;
}

/* A mark may come in pieces, but never wait for more than a piece of it. */
static int skip_bom(struct aigw_records *r, struct aigw_err *err)
{
	size_t n;

	if (r->started)
		return 0;
	do {
		if (fill(r, err) < 0)
			return -1;
		n = r->in.len < sizeof(bom) ? r->in.len : sizeof(bom);
	} while (!r->eof && n < sizeof(bom) && memcmp(r->in.data, bom, n) == 0);
	r->started = true;
	if (r->cut_bom && n == sizeof(bom) && memcmp(r->in.data, bom, n) == 0)
		r->pos = r->scan = n;
	return 0;
}

/* The record is what lies between pos and `end`; `sep` bytes follow it. */
static bool take(struct aigw_records *r, struct aigw_record *rec,
		 const char *end, size_t sep)
{
	const char *data = r->in.data + r->pos;
	size_t len = (size_t)(end - data), cr = 0;

	*rec = (struct aigw_record){
		.data = data, .line = r->line, .offset = r->base + r->pos};
	if (len > 0 && data[len - 1] == '\r' &&
	    (r->split == AIGW_SPLIT_LINES || r->split == AIGW_SPLIT_CSV))
		cr = 1;
	rec->len = len - cr;
	pass(r, len + sep);
	r->scan = r->pos;
	r->csv = START;
	if (rec->len == 0 && !r->lost)
		return false;
	rec->number = ++r->number;
	return true;
}

static enum aigw_got got(struct aigw_records *r, struct aigw_record *rec,
			 struct aigw_err *err)
{
	if (!r->lost && rec->len <= r->max)
		return AIGW_GOT_RECORD;
	if (r->lost) {
		rec->line = r->lost_line;
		rec->offset = r->lost_offset;
	}
	r->lost = false;
	rec->len = 0;
	aigw_fail_as(err, AIGW_E_TOO_LARGE, "record_too_long",
		     "record is longer than %zu bytes", r->max);
	return AIGW_GOT_BAD;
}

enum aigw_got aigw_records_next(struct aigw_records *r, struct aigw_record *rec,
				struct aigw_err *err)
{
	const char *end;

	*rec = (struct aigw_record){0};
	if (skip_bom(r, err) < 0)
		return AIGW_GOT_FAILED;
	for (;;) {
		end = find_end(r);
		if (end && take(r, rec, end, 1))
			return got(r, rec, err);
		if (end)
			continue;
		if (r->in.len - r->pos > r->max + 2)
			lose(r);
		if (r->lost && r->split == AIGW_SPLIT_WHOLE)
			r->eof = true; /* it may be endless */
		if (r->eof) {
			if (r->pos == r->in.len && !r->lost)
				return AIGW_GOT_END;
			end = r->in.data + r->in.len;
			if (take(r, rec, end, 0))
				return got(r, rec, err);
			return AIGW_GOT_END;
		}
		if (fill(r, err) < 0)
			return AIGW_GOT_FAILED;
	}
}

/* CSV ------------------------------------------------------------------- */

void aigw_csv_init(struct aigw_csv *csv, size_t max)
{
	csv->n = 0;
	aigw_buf_init(&csv->text, max);
}

void aigw_csv_release(struct aigw_csv *csv)
{
	aigw_buf_release(&csv->text);
	csv->n = 0;
}

static int csv_fail(size_t at, const char *what, struct aigw_err *err)
{
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_csv",
			    "byte %zu: %s", at, what);
}

/* A field in quotes from `i`, which is behind the opening one; returns where
 * it ends, or -1. */
static long csv_quoted(struct aigw_csv *csv, const char *rec, size_t len,
		       size_t i, struct aigw_err *err)
{
	size_t open = i - 1;
	const char *quote;

	for (;;) {
		quote = memchr(rec + i, '"', len - i);
		if (!quote)
			return csv_fail(open, "this quote is never closed",
					err);
		if (aigw_buf_add(&csv->text, rec + i,
				 (size_t)(quote - rec) - i) < 0)
			return aigw_fail(err, "out of memory");
		i = (size_t)(quote - rec) + 1;
		if (i == len || rec[i] == ',')
			return (long)i;
		if (rec[i] != '"')
			return csv_fail(i,
					"a comma or the end of the line must "
					"follow the closing quote",
					err);
		if (aigw_buf_add(&csv->text, "\"", 1) < 0)
			return aigw_fail(err, "out of memory");
		i++;
	}
}

static long csv_plain(struct aigw_csv *csv, const char *rec, size_t len,
		      size_t i, struct aigw_err *err)
{
	const char *comma = memchr(rec + i, ',', len - i);
	size_t end = comma ? (size_t)(comma - rec) : len, n;

	for (n = i; n < end; n++) {
		if (rec[n] == '"')
			return csv_fail(n,
					"a quote inside of a field that does "
					"not begin with one",
					err);
		if (rec[n] == '\r')
			return csv_fail(n, "a lone carriage return", err);
	}
	if (aigw_buf_add(&csv->text, rec + i, end - i) < 0)
		return aigw_fail(err, "out of memory");
	return (long)end;
}

int aigw_csv_read(struct aigw_csv *csv, const char *rec, size_t len,
		  struct aigw_err *err)
{
	size_t i = 0;
	long end;

	csv->n = 0;
	csv->text.len = 0;
	for (;;) {
		if (csv->n == AIGW_CSV_FIELDS)
			return csv_fail(i, "too many fields", err);
		if (i < len && rec[i] == '"')
			end = csv_quoted(csv, rec, len, i + 1, err);
		else
			end = csv_plain(csv, rec, len, i, err);
		if (end < 0)
			return -1;
		csv->end[csv->n++] = csv->text.len;
		if ((size_t)end == len)
			return 0;
		i = (size_t)end + 1; /* behind the comma */
	}
}

const char *aigw_csv_field(const struct aigw_csv *csv, size_t n, size_t *len)
{
	size_t from = n > 0 ? csv->end[n - 1] : 0;

	*len = csv->end[n] - from;
	return csv->text.data ? csv->text.data + from : "";
}
