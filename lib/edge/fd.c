/* SPDX-License-Identifier: Apache-2.0 */
/* fd.c - whole writes, whole small files, and who is at the other end */
#include "edge/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536 /* bytes asked for at once */

static void wait_for(int fd, short what)
{
	struct pollfd p = {.fd = fd, .events = what};

	(void)poll(&p, 1, -1);
}

int aigw_fd_write(int fd, const void *p, size_t n, struct aigw_err *err)
{
	const char *at = p;
	ssize_t done;

	while (n > 0) {
		done = write(fd, at, n);
		if (done < 0 && errno == EAGAIN)
			wait_for(fd, POLLOUT);
		else if (done < 0 && errno != EINTR)
			return aigw_fail(err, "cannot write: %s",
					 strerror(errno));
		if (done > 0) {
			at += done;
			n -= (size_t)done;
		}
	}
	return 0;
}

long aigw_fd_read(int fd, void *p, size_t n)
{
	ssize_t got;

	for (;;) {
		got = read(fd, p, n);
		if (got >= 0 || (errno != EINTR && errno != EAGAIN))
			return got;
		if (errno == EAGAIN)
			wait_for(fd, POLLIN);
	}
}

bool aigw_fd_ready(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms) != 0;
}

bool aigw_fd_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int slurp(int fd, const char *path, struct aigw_buf *out,
		 struct aigw_err *err)
{
	char chunk[CHUNK];
	long n;

	while ((n = aigw_fd_read(fd, chunk, sizeof(chunk))) > 0) {
		if (aigw_buf_add(out, chunk, (size_t)n) < 0)
			return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
					    "%s: more than %zu bytes", path,
					    out->max);
	}
	return n < 0 ? aigw_fail(err, "%s: %s", path, strerror(errno)) : 0;
}

int aigw_fd_slurp(const char *path, struct aigw_buf *out, struct aigw_err *err)
{
	int fd, rc;

	if (strcmp(path, "-") == 0)
		return slurp(STDIN_FILENO, "stdin", out, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "no_input", "%s: %s",
				    path, strerror(errno));
	rc = slurp(fd, path, out, err);
	close(fd);
	return rc;
}
