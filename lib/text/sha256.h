/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sha256.h - the name of a file's content, without a crypto library
 *
 * For programs that need nothing else of OpenSSL, and for tools that run while
 * building. Not for secrets: it makes no promise about time.
 */
#ifndef AIGW_TEXT_SHA256_H
#define AIGW_TEXT_SHA256_H

#include <stddef.h>

/* The SHA-256 (FIPS 180-4) of `len` bytes as 64 lower-case hex digits. */
void aigw_sha256_hex(const void *data, size_t len, char hex[65]);

#endif
