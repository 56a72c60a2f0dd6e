/* SPDX-License-Identifier: Apache-2.0 */
/* opt.h - one row is a flag, a YAML key, a line of --help and of the man page */
#ifndef AIGW_CORE_OPT_H
#define AIGW_CORE_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "buf.h"
#include "conf.h"
#include "err.h"

/* What a row's value is, and the field it fills at `offset`. */
enum aigw_opt_type {
	AIGW_OPT_END = 0,
	AIGW_OPT_FLAG,	/* bool: --name and --no-name; YAML true, false */
	AIGW_OPT_INT,	/* int64_t, within min..max */
	AIGW_OPT_SIZE,	/* int64_t, bytes: 512, 64K, 16M, 2G (powers of 1024) */
	AIGW_OPT_TIME,	/* int64_t, milliseconds: 250ms, 30s, 5m, 2h, 1d */
	AIGW_OPT_MONEY, /* int64_t, pico-dollars: "0.25" is USD 0.25;
			 * AIGW_MONEY_NONE when not given */
	AIGW_OPT_STRING, /* char *, NULL when not given and no fallback */
	AIGW_OPT_PATH,	/* char *, a file; in YAML relative to the YAML's folder */
	AIGW_OPT_ENUM,	/* int, the index in `words` */
	AIGW_OPT_LIST,	/* struct aigw_list; the flag may be repeated */
	AIGW_OPT_TREE	/* const struct aigw_conf *; YAML only, no flag */
};

#define AIGW_MONEY_NONE (-1)

struct aigw_list {
	char **v;
	size_t n;
};

struct aigw_opt {
	const char *name; /* "max-line": --max-line and max-line: */
	char letter;	  /* 'j' for -j, or 0 */
	enum aigw_opt_type type;
	size_t offset;	      /* offsetof(struct x, field) */
	const char *fallback; /* the default, in the spelling of a flag */
	const char *arg;      /* "FILE" in --help */
	const char *help;     /* one line, no full stop */
	const char *const *words; /* AIGW_OPT_ENUM: NULL-terminated */
	int64_t min, max;	  /* AIGW_OPT_INT/SIZE/TIME; 0, 0: no limits
				   * but not negative; max < min: no upper */
	bool secret; /* a value `aigw explain` must not show */
};

/* Where a value came from, for `aigw explain`. */
enum aigw_origin_kind {
	AIGW_FROM_DEFAULT,
	AIGW_FROM_FILE,
	AIGW_FROM_FLAG
};
struct aigw_origin {
	enum aigw_origin_kind kind;
	const struct aigw_conf *node; /* AIGW_FROM_FILE: where */
};

/* The number of rows before AIGW_OPT_END. `opts` may be NULL: none. */
size_t aigw_opts_count(const struct aigw_opt *opts);

/* Fill the fields of `self` (zeroed) with the fallbacks. */
int aigw_opts_defaults(const struct aigw_opt *opts, void *self,
		       struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * Then with the keys of a YAML mapping. An unknown key is an error that names
 * file:line:column and the nearest known key. `origin` has one slot a row, or
 * is NULL. `node` NULL or null is an empty mapping. What TREE rows point to
 * belongs to the configuration, which must outlive `self`.
 */
int aigw_opts_conf(const struct aigw_opt *opts, void *self,
		   const struct aigw_conf *node, struct aigw_origin *origin,
		   struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * Then one value by name ("jobs", "4"), as a flag or -o name=value gives it.
 * FLAG rows take "true" and "false"; a LIST row gets one item more. TREE rows
 * and secrets are refused: see aigw_opt_has_flag().
 */
int aigw_opts_set(const struct aigw_opt *opts, void *self, const char *name,
		  const char *value, struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * Then the command line: GNU style, --name=value, --name value, -n value,
 * -nvalue, bundled letters, `--` ends, options may follow operands. Operands
 * are moved to argv[1..*operands]. Unknown: an error with the nearest flag.
 * `opts` and `more` (may be NULL) are tables for `self` and `more_self`.
 */
int aigw_opts_argv(const struct aigw_opt *opts, void *self,
		   const struct aigw_opt *more, void *more_self, int argc,
		   char **argv, int *operands, struct aigw_origin *origin,
		   struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * One row: its value from the spelling of a flag (a reason does not name the
 * row), the field freed and zeroed, and whether it may stand on a command line:
 * a TREE cannot, and a secret must not, because everybody can read it there.
 */
int aigw_opt_set(const struct aigw_opt *opt, void *self, const char *value,
		 struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_opt_clear(const struct aigw_opt *opt, void *self);
bool aigw_opt_has_flag(const struct aigw_opt *opt);

/* Free what the rows own and clear the fields. */
void aigw_opts_release(const struct aigw_opt *opts, void *self);

/* The option lines of --help, aligned, wrapped at 80 columns. */
void aigw_opts_help(const struct aigw_opt *opts, FILE *out);

/* A value as text in the spelling of a flag; "<hidden>" for a secret that is
 * given, the items of a LIST with commas between, nothing for a TREE. */
int aigw_opts_show(const struct aigw_opt *opt, const void *self,
		   struct aigw_buf *out) AIGW_MUST_CHECK;

/* The nearest of NULL-terminated `words` to `s` when close enough, or NULL:
 * "did you mean". Linear in the words, bounded in their length. */
const char *aigw_nearest(const char *s, const char *const *words);

/* The same as the end of a message: "; did you mean \"jobs\"?", or "". */
#define AIGW_HINT_MAX 80
void aigw_hint(const char *s, const char *const *words,
	       char out[AIGW_HINT_MAX]);

/* USD as a decimal string ("12.5", up to 12 decimals) and pico-dollars. */
int aigw_money_parse(const char *s, size_t len, int64_t *pico,
		     struct aigw_err *err) AIGW_MUST_CHECK;
/* Shortest exact decimal, at least "0"; out has room for 24 bytes. */
void aigw_money_print(int64_t pico, char out[24]);

#endif
