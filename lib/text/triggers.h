/* SPDX-License-Identifier: Apache-2.0 */
/* triggers.h - what every match of a pattern must contain, read off its text */
#ifndef AIGW_TEXT_TRIGGERS_H
#define AIGW_TEXT_TRIGGERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIGW_TRIGGER_LEN 8 /* bytes in one trigger */
#define AIGW_TRIGGERS 16   /* of one pattern */

/* A set of byte values. */
struct aigw_bytes {
	uint64_t w[4];
};

/*
 * A short string of byte sets. Every match holds one, behind at least
 * `before_min` and at most `before_max` bytes of the match.
 */
struct aigw_trigger {
	struct aigw_bytes at[AIGW_TRIGGER_LEN];
	unsigned len;
	unsigned before_min, before_max;
};

bool aigw_bytes_has(const struct aigw_bytes *set, unsigned char c);

/*
 * Derive triggers from the source of a PCRE2 pattern in byte mode. Every match
 * holds at least one of those returned, and they are the ones that ordinary
 * text holds most rarely. Returns how many were written to `out`; 0 when the
 * pattern uses something this reader does not know (back references, \p, \K,
 * recursion, inline options past the start, POSIX classes), or matches without
 * a bound before anything telling: then only a full scan is right.
 */
size_t aigw_triggers_derive(const char *regex, size_t len,
			    struct aigw_trigger out[AIGW_TRIGGERS]);

#endif
