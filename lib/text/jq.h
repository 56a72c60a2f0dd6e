/* SPDX-License-Identifier: Apache-2.0 */
/* jq.h - conditions in jq on a small view of an envelope */
#ifndef AIGW_TEXT_JQ_H
#define AIGW_TEXT_JQ_H

#include <stdbool.h>
#include <stddef.h>

#include "core/err.h"
#include "core/json.h"

/*
 * A set of jq programs, compiled together: a compilation costs 16 ms however
 * many there are, so a set is compiled once, and only where a rule exists.
 *
 * A program sees the members it names and nothing else: `.req.model` gives it
 * {"req":{"model":…}}. One whose look-ups cannot be told from its text (`..`,
 * `keys`, `. as $x`) sees all members of AIGW_JQ_MEMBERS. Numbers are doubles.
 *
 * The environment, other inputs, modules, ~/.jq and the standard streams are
 * out of its reach: such words are refused when it is added, and bound to
 * nothing when it is compiled. It cannot be interrupted: whoever writes the
 * configuration answers for loops and patterns; the view is bounded.
 */
struct aigw_jq;

#define AIGW_JQ_VIEW_MAX (4 << 20) /* bytes of text in a view, about */
#define AIGW_JQ_PROGRAMS 1024	   /* in one set */
#define AIGW_JQ_SIZE 65536	   /* bytes of one program */

/* What a program sees that does not say what it looks at; NULL-terminated. */
extern const char *const aigw_jq_members[];

struct aigw_jq *aigw_jq_new(void) AIGW_MUST_CHECK;
void aigw_jq_free(struct aigw_jq *jq); /* NULL is fine */

/* Copy a program into the set; its number, or -1. */
long aigw_jq_add(struct aigw_jq *jq, const char *program,
		 struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * After the last one; `culprit` gets the number of the program that err is
 * about. Not while other threads use the environment: HOME is taken out of it
 * meanwhile, or libjq would read ~/.jq.
 */
int aigw_jq_compile(struct aigw_jq *jq, size_t *culprit,
		    struct aigw_err *err) AIGW_MUST_CHECK;

/* The value at "req" or "req.model"; NULL when there is none. */
typedef const struct aigw_val *(*aigw_jq_look_fn)(const void *arg,
						  const char *path);

/*
 * Does the program hold: is its first output neither false nor null? No output
 * is false. A program that fails is an error of class policy, in words that
 * quote nothing of the view.
 */
int aigw_jq_test(struct aigw_jq *jq, size_t program, aigw_jq_look_fn look,
		 const void *arg, bool *yes,
		 struct aigw_err *err) AIGW_MUST_CHECK;

/* The paths a program sees, for tests and `aigw explain`: NULL behind the last
 * one. */
const char *aigw_jq_path(const struct aigw_jq *jq, size_t program, size_t n);

#endif
