/* SPDX-License-Identifier: Apache-2.0 */
/* records.h - records out of a stream of bytes: lines, NUL, CSV, whole files */
#ifndef AIGW_EDGE_RECORDS_H
#define AIGW_EDGE_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

enum aigw_split {
	AIGW_SPLIT_LINES, /* "\n" or "\r\n"; the last one may lack its end */
	AIGW_SPLIT_NUL,	  /* "\0" */
	AIGW_SPLIT_CSV,	  /* lines, but not inside of quotes (RFC 4180) */
	AIGW_SPLIT_WHOLE  /* the whole input is one record */
};

enum aigw_got {
	AIGW_GOT_END,
	AIGW_GOT_RECORD,
	AIGW_GOT_BAD, /* longer than allowed: skipped; rec says where it was */
	AIGW_GOT_FAILED /* reading failed */
};

/* One record without its end. Records of no bytes are passed over. */
struct aigw_record {
	const char *data; /* borrowed until the next call */
	size_t len;
	uint64_t number; /* from 1 */
	uint64_t line;	 /* in which it begins, from 1 */
	uint64_t offset; /* of its first byte */
};

/* A reader; its memory does not grow with the number of records. */
struct aigw_records {
	int fd;
	enum aigw_split split;
	bool cut_bom; /* remove a UTF-8 byte order mark at the very start */
	void (*idle)(
		void *arg); /* before a read that would wait; may be NULL */
	void *arg;
	/* private */
	struct aigw_buf in;
	size_t max, pos, scan;
	uint64_t base, line, number, lost_line, lost_offset;
	int csv;
	bool eof, lost, started;
};

/* `max` bytes in a record. The descriptor stays the caller's. */
void aigw_records_init(struct aigw_records *r, int fd, enum aigw_split split,
		       size_t max);
void aigw_records_release(struct aigw_records *r);

/* BAD and FAILED fill err. */
enum aigw_got aigw_records_next(struct aigw_records *r, struct aigw_record *rec,
				struct aigw_err *err);

/* The fields of one CSV record. */
#define AIGW_CSV_FIELDS 4096
struct aigw_csv {
	struct aigw_buf text; /* all fields, unquoted, one behind the other */
	size_t n, end[AIGW_CSV_FIELDS];
};

void aigw_csv_init(struct aigw_csv *csv, size_t max);
void aigw_csv_release(struct aigw_csv *csv);

/*
 * Strict RFC 4180: quotes only around a whole field, doubled inside; anything
 * else is an error with its byte offset in the record.
 */
int aigw_csv_read(struct aigw_csv *csv, const char *rec, size_t len,
		  struct aigw_err *err) AIGW_MUST_CHECK;
/* The nth field; not NUL-terminated, borrowed until the next read. */
const char *aigw_csv_field(const struct aigw_csv *csv, size_t n, size_t *len);

#endif
