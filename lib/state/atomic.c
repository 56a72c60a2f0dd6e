/* SPDX-License-Identifier: Apache-2.0 */
/* atomic.c - small files that are there whole, or as they were before */
#include "state/atomic.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES 1000
#define LOCK_NAP_MS 10

static int write_all(int fd, const char *s, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, s, len);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			s += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

static int open_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];

	if (!slash)
		return open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if ((size_t)(slash - path) + 2 > sizeof(folder)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(folder, path, (size_t)(slash - path) + 1);
	folder[slash - path + 1] = '\0';
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A new name is on the disk only when its folder is. */
static int flush_folder(const char *path)
{
	int fd = open_folder(path), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	if (rc < 0 && errno == EINVAL) /* a file system that cannot */
		rc = 0;
	close(fd);
	return rc;
}

static int take_over(int fd, const struct stat *old)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if ((st.st_uid != old->st_uid || st.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) < 0)
		return -1;
	return fchmod(fd, old->st_mode & 0777);
}

/* The bytes under a name of their own beside `path`; `old` may be NULL. */
static int write_beside(const char *path, char temp[PATH_MAX],
			const struct stat *old, const void *bytes, size_t len)
{
	int fd, n, rc = -1, why;

	n = snprintf(temp, PATH_MAX, "%s.XXXXXX", path);
	if (n < 0 || n >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(temp, O_CLOEXEC); /* mode 0600 */
	if (fd < 0)
		return -1;
	if (write_all(fd, bytes, len) == 0 &&
	    (!old || take_over(fd, old) == 0) && fsync(fd) == 0)
		rc = 0;
	why = errno;
	close(fd);
	if (rc < 0)
		unlink(temp);
	errno = why;
	return rc;
}

int aigw_file_replace(const char *path, const void *bytes, size_t len,
		      struct aigw_err *err)
{
	char temp[PATH_MAX];
	char *real = realpath(path, NULL);
	const char *to = real ? real : path;
	struct stat old;
	int rc = -1, why;

	if (!real && errno != ENOENT)
		goto out;
	if (real && stat(real, &old) < 0)
		goto out;
	if (write_beside(to, temp, real ? &old : NULL, bytes, len) < 0)
		goto out;
	rc = rename(temp, to);
	if (rc < 0) {
		why = errno;
		unlink(temp);
		errno = why;
	} else {
		rc = flush_folder(to);
	}
out:
	if (rc < 0)
		aigw_fail(err, "%s: %s", path, strerror(errno));
	free(real);
	return rc;
}

/* link() and not rename(): two that start at once agree on one file. */
int aigw_file_create(const char *path, const void *bytes, size_t len,
		     struct aigw_err *err)
{
	char temp[PATH_MAX];
	int rc;

	if (access(path, F_OK) == 0)
		return 1;
	rc = write_beside(path, temp, NULL, bytes, len);
	if (rc < 0)
		return aigw_fail(err, "%s: %s", path, strerror(errno));
	rc = link(temp, path);
	if (rc < 0 && errno == EEXIST)
		rc = 1;
	else if (rc == 0)
		rc = flush_folder(path);
	if (rc < 0)
		aigw_fail(err, "%s: %s", path, strerror(errno));
	unlink(temp);
	return rc;
}

/* The folder, because the file itself is another one after each change. */
int aigw_file_lock(const char *path, struct aigw_err *err)
{
	const struct timespec nap = {.tv_nsec = LOCK_NAP_MS * 1000000L};
	char *real = realpath(path, NULL);
	int fd = open_folder(real ? real : path);
	unsigned tries;

	free(real);
	if (fd < 0)
		return aigw_fail(err, "%s: %s", path, strerror(errno));
	for (tries = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; tries++) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			aigw_fail(err, "%s: %s", path, strerror(errno));
			close(fd);
			return -1;
		}
		if (tries == LOCK_TRIES) {
			close(fd);
			return aigw_fail(err, "%s: somebody else is writing",
					 path);
		}
		nanosleep(&nap, NULL);
	}
	return fd;
}
