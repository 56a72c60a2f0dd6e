/* SPDX-License-Identifier: Apache-2.0 */
/* patterns.h - many regular expressions over one text, in linear time */
#ifndef AIGW_TEXT_PATTERNS_H
#define AIGW_TEXT_PATTERNS_H

#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * A set of PCRE2 patterns, compiled by its JIT. Bytes are bytes: no UTF mode,
 * so a text may hold anything and \xC3\xA9 is how a pattern says "é".
 *
 * One pass of a bit-parallel automaton looks for the triggers of all patterns
 * (triggers.h); only near them does PCRE2 run, and it may only begin a match
 * there, but sees the whole text. The result is that of a full scan: for each
 * pattern by itself the leftmost matches, none overlapping the one before.
 *
 * One set serves one thread at a time.
 */
struct aigw_patterns;

/* PCRE2's match limit for one attempt. A pattern that needs more is not decided
 * and the scan fails: what cannot be verified must not pass. */
#define AIGW_MATCH_LIMIT 100000u

/*
 * Compile `n` patterns (NUL-terminated, borrowed for the call). A match's span
 * is its first capture group when that took part and lies in the match, else
 * all of it. A pattern that can match nothing is refused. NULL with class
 * AIGW_E_INTERNAL and the number of the pattern, the reason and the offset.
 */
struct aigw_patterns *aigw_patterns_new(const char *const *regex, size_t n,
					struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_patterns_free(struct aigw_patterns *set); /* NULL is fine */

struct aigw_match {
	unsigned pattern;  /* index in the list given to _new() */
	size_t start, end; /* bytes of the text */
};

/* Gets each match, per pattern in the order of the text; -1 ends the scan. */
typedef int (*aigw_match_fn)(void *arg, const struct aigw_match *match,
			     struct aigw_err *err);

/*
 * -1 when `fn` said so, or with class AIGW_E_POLICY and code "cannot_verify"
 * when PCRE2 reached a limit.
 */
int aigw_patterns_scan(struct aigw_patterns *set, const char *text, size_t len,
		       aigw_match_fn fn, void *arg,
		       struct aigw_err *err) AIGW_MUST_CHECK;

/* The same without triggers: what tests compare with, and many times slower. */
int aigw_patterns_scan_full(struct aigw_patterns *set, const char *text,
			    size_t len, aigw_match_fn fn, void *arg,
			    struct aigw_err *err) AIGW_MUST_CHECK;

/* Does pattern `i` have triggers, or is it always scanned in full? */
int aigw_patterns_triggered(const struct aigw_patterns *set, size_t i);

#endif
