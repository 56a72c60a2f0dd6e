/* SPDX-License-Identifier: Apache-2.0 */
/* atomic.h - small files that are there whole, or as they were before */
#ifndef AIGW_STATE_ATOMIC_H
#define AIGW_STATE_ATOMIC_H

#include <stddef.h>

#include "core/err.h"

/*
 * Both write beside `path`, flush, and then give the file its name, so that a
 * crash, a full disk or a reader never meets a half of it.
 *
 * Replace: the new file has owner and mode of the old, or mode 0600; a
 * symbolic link stays one, what it leads to is replaced. It fails when the
 * owner cannot be kept.
 */
int aigw_file_replace(const char *path, const void *bytes, size_t len,
		      struct aigw_err *err) AIGW_MUST_CHECK;

/* Make, mode 0600. 1 when something of that name exists, which then stays. */
int aigw_file_create(const char *path, const void *bytes, size_t len,
		     struct aigw_err *err) AIGW_MUST_CHECK;

/* Keep other writers of the folder of `path` away: a descriptor to close(), or
 * -1 when another one holds it for longer than ten seconds. */
int aigw_file_lock(const char *path, struct aigw_err *err) AIGW_MUST_CHECK;

#endif
