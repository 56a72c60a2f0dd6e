/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - one way to say what went wrong, and the exit codes */
#ifndef AIGW_CORE_ERR_H
#define AIGW_CORE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define AIGW_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define AIGW_MUST_CHECK __attribute__((warn_unused_result))

/* What kind of failure it is; the names are err.class of aigw-envelope(5). */
enum aigw_class {
	AIGW_E_INTERNAL = 0,
	AIGW_E_BAD_REQUEST,
	AIGW_E_AUTH,
	AIGW_E_PERMISSION,
	AIGW_E_NOT_FOUND,
	AIGW_E_TOO_LARGE,
	AIGW_E_RATE_LIMIT,
	AIGW_E_QUOTA,
	AIGW_E_OVERLOADED,
	AIGW_E_UPSTREAM,
	AIGW_E_TIMEOUT,
	AIGW_E_NETWORK,
	AIGW_E_CONTENT_FILTER,
	AIGW_E_CANCELLED,
	AIGW_E_POLICY,
	AIGW_E_TRANSLATE,
	AIGW_E_UNKNOWN, /* sent, and no answer came: it may have happened */
	AIGW_E_CLASSES
};

/*
 * The reason of a failure. It lives on the caller's stack; a function that
 * returns -1 has filled it. `code` is a static string, never owned.
 */
struct aigw_err {
	enum aigw_class class;
	const char *code; /* machine word such as "invalid_json", or NULL */
	char text[400];   /* for people; never a secret, never a prompt */
};

/*
 * Exit codes of every program: sysexits(3) and four of our own, one table.
 * aigw_exit_text() says one in words for man pages and --help.
 */
enum aigw_exit {
	AIGW_EXIT_OK = 0,
	AIGW_EXIT_RECORDS = 1, /* finished; at least one envelope has an err */
	AIGW_EXIT_HALTED = 3,  /* a budget or --halt stopped the run */
	AIGW_EXIT_USAGE = 64,
	AIGW_EXIT_DATA = 65,
	AIGW_EXIT_NOINPUT = 66,
	AIGW_EXIT_UNAVAILABLE = 69,
	AIGW_EXIT_SOFTWARE = 70,
	AIGW_EXIT_CANTCREAT = 73,
	AIGW_EXIT_IO = 74,
	AIGW_EXIT_TEMPFAIL = 75,
	AIGW_EXIT_NOPERM = 77,
	AIGW_EXIT_CONFIG = 78,
	AIGW_EXIT_TESTS = 100
};

/*
 * Say why and return -1, so that a function can end with
 * `return aigw_fail(err, "%s: no such model", name);`. The class is
 * AIGW_E_INTERNAL; aigw_fail_as() names class and code. `err` may be NULL.
 */
int aigw_fail(struct aigw_err *err, const char *fmt, ...) AIGW_PRINTF(2, 3);
int aigw_fail_as(struct aigw_err *err, enum aigw_class class, const char *code,
		 const char *fmt, ...) AIGW_PRINTF(4, 5);

/* Put "CONTEXT: " before the reason and return -1. */
int aigw_fail_in(struct aigw_err *err, const char *fmt, ...) AIGW_PRINTF(2, 3);

/* The word of a class ("rate_limit"), and the HTTP status it maps to. */
const char *aigw_class_name(enum aigw_class class);
int aigw_class_status(enum aigw_class class);
/* May the same request succeed when it is sent again later? */
bool aigw_class_retryable(enum aigw_class class);
const char *aigw_exit_text(enum aigw_exit code);

#endif
