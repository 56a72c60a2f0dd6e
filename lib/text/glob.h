/* SPDX-License-Identifier: Apache-2.0 */
/* glob.h - names by pattern: `*` and `?`, and nothing else */
#ifndef AIGW_TEXT_GLOB_H
#define AIGW_TEXT_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Does all of `s` match? `*` is any run of bytes, also none and also "/"; `?`
 * is one character of UTF-8; everything else, `[` and `\` included, is itself,
 * upper and lower case apart. Time is at most proportional to plen * len,
 * memory constant: a long name costs its length, not a power of it.
 */
bool aigw_glob(const char *pattern, size_t plen, const char *s, size_t len);

#endif
