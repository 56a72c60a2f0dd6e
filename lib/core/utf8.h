/* SPDX-License-Identifier: Apache-2.0 */
/* utf8.h - is it UTF-8, and one code point as UTF-8 (RFC 3629) */
#ifndef AIGW_CORE_UTF8_H
#define AIGW_CORE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* How many bytes at the start are valid: `len` when all are. No overlong
 * forms, no surrogates, nothing above U+10FFFF. */
size_t aigw_utf8_valid(const char *s, size_t len);

/* The bytes (1 to 4) of a code point that is no surrogate. */
size_t aigw_utf8_put(uint32_t c, char out[4]);

#endif
