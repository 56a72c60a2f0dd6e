/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h - keys and peppers: where they come from, and memory that hides them
 *
 * A secret lives in pages of its own that stay out of core dumps and, where
 * the limit allows, out of swap, and that are wiped when it is freed. It has no
 * printf form: no function here writes one anywhere, and no error quotes one.
 */
#ifndef AIGW_STATE_SECRET_H
#define AIGW_STATE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "core/conf.h"
#include "core/err.h"

#define AIGW_SECRET_MAX (64 * 1024) /* bytes */

struct aigw_secret;

/*
 * The ways to get one. All return a secret that the caller frees, or NULL with
 * the reason (class AIGW_E_INTERNAL, code secret_unavailable or
 * secret_permissions). One line end (LF or CRLF) at the end is taken off; an
 * empty one, or one above AIGW_SECRET_MAX, is refused.
 *
 * A file must belong to this user or to root and be closed to group and
 * others, unless `loose`. A pipe (`<(pass show key)`) has no such check.
 */
struct aigw_secret *aigw_secret_file(const char *path, bool loose,
				     struct aigw_err *err) AIGW_MUST_CHECK;

/* Read to the end; the descriptor is closed in any case. */
struct aigw_secret *aigw_secret_fd(int fd,
				   struct aigw_err *err) AIGW_MUST_CHECK;

/* $CREDENTIALS_DIRECTORY/NAME, as systemd's LoadCredential= puts it there. Its
 * modes are systemd's business and are not checked. */
struct aigw_secret *
aigw_secret_credential(const char *name, struct aigw_err *err) AIGW_MUST_CHECK;

/* What a program prints, started without a shell and found on PATH. It blocks,
 * so it is for open(); the program and its group are killed after
 * `timeout_ms`. Its stderr is ours. */
struct aigw_secret *aigw_secret_command(char *const argv[], int timeout_ms,
					struct aigw_err *err) AIGW_MUST_CHECK;

/* A copy of an environment variable. Whoever calls this has been told to: the
 * original stays readable in /proc/PID/environ. */
struct aigw_secret *aigw_secret_env(const char *name,
				    struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * From configuration, a map with one source:
 *
 *     {file: PATH, loose: true}    relative to the folder of the YAML file
 *     {fd: 3}  {credential: NAME}  {env: NAME}
 *     {command: [pass, show, openai], timeout: 10}    seconds; 10 by default
 *
 * A scalar is refused: it would be the secret itself. Errors begin with
 * file:line:column and have the code invalid_config when the map is wrong.
 */
struct aigw_secret *aigw_secret_conf(const struct aigw_conf *node,
				     struct aigw_err *err) AIGW_MUST_CHECK;

/* A copy of bytes (any; not trimmed); NULL when memory is out or len is 0 or
 * above the maximum. The caller wipes the original. */
struct aigw_secret *aigw_secret_new(const void *bytes,
				    size_t len) AIGW_MUST_CHECK;

/* The bytes, with a NUL behind them that is not counted; `len` may be NULL.
 * Valid until aigw_secret_free(), which wipes them. NULL is fine. */
const char *aigw_secret_bytes(const struct aigw_secret *s, size_t *len);
void aigw_secret_free(struct aigw_secret *s);

#endif
