/* SPDX-License-Identifier: Apache-2.0 */
/* fd.h - whole writes, whole small files, and who is at the other end */
#ifndef AIGW_EDGE_FD_H
#define AIGW_EDGE_FD_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buf.h"
#include "core/err.h"

/*
 * Write all of it, through EINTR, short writes, and a descriptor that somebody
 * else made non-blocking. The reason names the errno; EPIPE reaches here only
 * when SIGPIPE is ignored.
 */
int aigw_fd_write(int fd, const void *p, size_t n,
		  struct aigw_err *err) AIGW_MUST_CHECK;

/* Read once, through EINTR and EAGAIN; 0 is the end, -1 has an errno. */
long aigw_fd_read(int fd, void *p, size_t n);

/* Is there something to read (or the end) within `ms` milliseconds? */
bool aigw_fd_ready(int fd, int ms);

/* Is the descriptor open at all? */
bool aigw_fd_open(int fd);

/* A file's bytes behind what is in `out`; "-" is stdin. The code is
 * "no_input" when it cannot be opened, "too_large" when it passes out->max. */
int aigw_fd_slurp(const char *path, struct aigw_buf *out,
		  struct aigw_err *err) AIGW_MUST_CHECK;

#endif
