/* SPDX-License-Identifier: Apache-2.0 */
/* utc.h - points in time as people and files write them */
#ifndef AIGW_STATE_UTC_H
#define AIGW_STATE_UTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIGW_UTC_LEN 20 /* "2026-11-22T18:55:37Z" */

/*
 * The one form of RFC 3339 that sorts and compares as text: UTC, `T` and `Z`,
 * whole seconds, years 1970 to 9999. Seconds since 1970; false when it is
 * anything else (a leap second included).
 */
bool aigw_utc_parse(const char *s, size_t len, int64_t *seconds);
/* `out` gets a NUL; seconds outside those years are clamped. */
void aigw_utc_print(int64_t seconds, char out[AIGW_UTC_LEN + 1]);

#endif
