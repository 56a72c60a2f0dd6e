/* SPDX-License-Identifier: Apache-2.0 */
/* keyfile.c - where a store of keys is, what it says, and whether it changed */
#include "state/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_SIZE (64 * 1024)

int aigw_keys_path(const char *name, struct aigw_buf *path,
		   struct aigw_err *err)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	const char *under = "/aigw/";

	if (!state || state[0] != '/') {
		state = home && home[0] == '/' ? home : "/var/lib";
		if (state == home)
			under = "/.local/state/aigw/";
	}
	if (aigw_buf_str(path, state) < 0 || aigw_buf_str(path, under) < 0 ||
	    aigw_buf_add(path, name, strlen(name) + 1) < 0)
		return aigw_fail(err, "%s: path too long", name);
	path->len--; /* the NUL stays behind the end */
	return 0;
}

static struct aigw_stamp stamp(const struct stat *st)
{
	return (struct aigw_stamp){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.sec = st->st_mtim.tv_sec,
		.nsec = st->st_mtim.tv_nsec,
	};
}

struct aigw_stamp aigw_stamp_of(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct aigw_stamp){0};
	return stamp(&st);
}

bool aigw_stamp_same(const struct aigw_stamp *a, const struct aigw_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->sec == b->sec && a->nsec == b->nsec;
}

static int check(const struct stat *st, bool loose, struct aigw_err *err)
{
	if (!S_ISREG(st->st_mode))
		return aigw_fail(err, "no file");
	if (!loose && (st->st_mode & 022))
		return aigw_fail_as(err, AIGW_E_INTERNAL, "secret_permissions",
				    "others may write it (mode %03o): "
				    "chmod go-w",
				    (unsigned)st->st_mode & 0777);
	if (st->st_size > AIGW_KEYS_BYTES)
		return aigw_fail(err, "more than %d bytes", AIGW_KEYS_BYTES);
	return 0;
}

static int read_all(int fd, struct aigw_buf *text, struct aigw_err *err)
{
	ssize_t n;
	char *to;

	do {
		to = aigw_buf_room(text, READ_SIZE);
		if (!to)
			return aigw_fail(err, "too large, or out of memory");
		n = read(fd, to, READ_SIZE);
		if (n > 0)
			text->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	return n < 0 ? aigw_fail(err, "%s", strerror(errno)) : 0;
}

int aigw_keys_read(const char *path, bool loose, struct aigw_buf *text,
		   struct aigw_stamp *was, struct aigw_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	int rc = -1;

	if (fd < 0)
		return aigw_fail_as(err, AIGW_E_INTERNAL,
				    errno == ENOENT ? "no_store" : NULL,
				    "%s: %s", path, strerror(errno));
	if (fstat(fd, &st) < 0)
		aigw_fail(err, "%s", strerror(errno));
	else if (check(&st, loose, err) == 0)
		rc = read_all(fd, text, err);
	close(fd);
	if (rc < 0)
		return aigw_fail_in(err, "%s", path);
	if (was)
		*was = stamp(&st);
	return 0;
}
