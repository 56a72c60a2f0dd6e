/* SPDX-License-Identifier: Apache-2.0 */
/* secret.c - keys and peppers: where they come from, memory that hides them */
#include "state/secret.h"

#include "core/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define UNAVAILABLE AIGW_E_INTERNAL, "secret_unavailable"
#define REAP_MS 5 /* between two looks whether it has ended */

extern char **environ;

struct aigw_secret {
	size_t mapped, len;
	char bytes[];
};

/* Locking may fail under RLIMIT_MEMLOCK; keeping it out of dumps may not. */
static struct aigw_secret *room_for(size_t len)
{
	size_t mapped = sizeof(struct aigw_secret) + len + 1;
	struct aigw_secret *s;

	s = mmap(NULL, mapped, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		return NULL;
	if (madvise(s, mapped, MADV_DONTDUMP) < 0) {
		munmap(s, mapped);
		return NULL;
	}
	(void)mlock(s, mapped);
	s->mapped = mapped;
	s->len = len;
	return s;
}

struct aigw_secret *aigw_secret_new(const void *bytes, size_t len)
{
	struct aigw_secret *s;

	if (len == 0 || len > AIGW_SECRET_MAX)
		return NULL;
	s = room_for(len);
	if (s)
		memcpy(s->bytes, bytes, len);
	return s;
}

const char *aigw_secret_bytes(const struct aigw_secret *s, size_t *len)
{
	if (len)
		*len = s ? s->len : 0;
	return s ? s->bytes : NULL;
}

void aigw_secret_free(struct aigw_secret *s)
{
	size_t mapped;

	if (!s)
		return;
	mapped = s->mapped;
	explicit_bzero(s, mapped);
	munmap(s, mapped);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Wait for bytes until the deadline; without one (-1) read() itself waits. */
static int wait_for(int fd, int64_t deadline, struct aigw_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int64_t left;
	int n;

	while (deadline >= 0) {
		left = deadline - now_ms();
		n = left > 0 ? poll(&p, 1, left > INT_MAX ? INT_MAX : (int)left)
			     : 0;
		if (n > 0)
			return 0;
		if (n == 0)
			return aigw_fail_as(err, UNAVAILABLE, "took too long");
		if (errno != EINTR)
			return aigw_fail_as(err, UNAVAILABLE, "%s",
					    strerror(errno));
	}
	return 0;
}

/* Fill `s` (with room for one byte more than allowed) to the end of `fd`. */
static int fill(struct aigw_secret *s, int fd, int64_t deadline,
		struct aigw_err *err)
{
	size_t room = s->len;
	ssize_t n;

	s->len = 0;
	do {
		if (wait_for(fd, deadline, err) < 0)
			return -1;
		n = read(fd, s->bytes + s->len, room - s->len);
		if (n < 0 && errno != EINTR)
			return aigw_fail_as(err, UNAVAILABLE, "%s",
					    strerror(errno));
		if (n > 0)
			s->len += (size_t)n;
		if (s->len == room)
			return aigw_fail_as(err, UNAVAILABLE,
					    "more than %d bytes",
					    AIGW_SECRET_MAX);
	} while (n != 0);
	if (s->len > 0 && s->bytes[s->len - 1] == '\n')
		s->len--;
	if (s->len > 0 && s->bytes[s->len - 1] == '\r')
		s->len--;
	if (s->len == 0)
		return aigw_fail_as(err, UNAVAILABLE, "empty");
	return 0;
}

static struct aigw_secret *slurp(int fd, int64_t deadline, struct aigw_err *err)
{
	struct aigw_secret *all = room_for(AIGW_SECRET_MAX + 3);
	struct aigw_secret *s = NULL;

	if (!all) {
		aigw_fail_as(err, UNAVAILABLE, "out of memory");
		return NULL;
	}
	if (fill(all, fd, deadline, err) == 0) {
		s = aigw_secret_new(all->bytes, all->len);
		if (!s)
			aigw_fail_as(err, UNAVAILABLE,
				     all->len > AIGW_SECRET_MAX
					     ? "too long"
					     : "out of memory");
	}
	aigw_secret_free(all);
	return s;
}

/* Only a file can be too open: a pipe belongs to who holds its ends. */
static int check_file(int fd, bool loose, struct aigw_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return aigw_fail_as(err, UNAVAILABLE, "%s", strerror(errno));
	if (S_ISFIFO(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode))
		return aigw_fail_as(err, UNAVAILABLE, "no file and no pipe");
	if (loose)
		return 0;
	if (st.st_mode & 077)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "secret_permissions",
				    "others may use it (mode %03o): chmod 600",
				    (unsigned)st.st_mode & 0777);
	if (st.st_uid != 0 && st.st_uid != geteuid() && geteuid() != 0)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "secret_permissions",
				    "it belongs to another user (uid %ld)",
				    (long)st.st_uid);
	return 0;
}

struct aigw_secret *aigw_secret_file(const char *path, bool loose,
				     struct aigw_err *err)
{
	struct aigw_secret *s = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		aigw_fail_as(err, UNAVAILABLE, "%s", strerror(errno));
	else if (check_file(fd, loose, err) == 0)
		s = slurp(fd, -1, err);
	if (fd >= 0)
		close(fd);
	if (!s)
		aigw_fail_in(err, "%s", path);
	return s;
}

struct aigw_secret *aigw_secret_fd(int fd, struct aigw_err *err)
{
	struct aigw_secret *s = slurp(fd, -1, err);

	if (!s)
		aigw_fail_in(err, "descriptor %d", fd);
	close(fd);
	return s;
}

struct aigw_secret *aigw_secret_credential(const char *name,
					   struct aigw_err *err)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	struct aigw_buf path;
	struct aigw_secret *s = NULL;

	aigw_buf_init(&path, PATH_MAX);
	if (!dir || dir[0] != '/')
		aigw_fail_as(err, UNAVAILABLE,
			     "$CREDENTIALS_DIRECTORY is not set");
	else if (!name[0] || name[0] == '.' || strchr(name, '/'))
		aigw_fail_as(err, UNAVAILABLE, "no name of a credential");
	else if (aigw_buf_str(&path, dir) < 0 || aigw_buf_str(&path, "/") < 0 ||
		 aigw_buf_add(&path, name, strlen(name) + 1) < 0)
		aigw_fail_as(err, UNAVAILABLE, "path too long");
	else
		s = aigw_secret_file(path.data, true, err);
	if (!s)
		aigw_fail_in(err, "credential %s", name);
	aigw_buf_release(&path);
	return s;
}

/* POSIX.1-2017 section 8.1. A key put here by mistake is not quoted. */
static bool is_variable(const char *name)
{
	return *name && !strchr("0123456789", *name) &&
	       !name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz"
				  "0123456789_")];
}

struct aigw_secret *aigw_secret_env(const char *name, struct aigw_err *err)
{
	const char *value;
	struct aigw_secret *s;

	if (!is_variable(name)) {
		aigw_fail_as(err, UNAVAILABLE,
			     "expected the name of an environment variable, "
			     "not a key itself");
		return NULL;
	}
	value = getenv(name);
	s = value ? aigw_secret_new(value, strlen(value)) : NULL;
	if (!s)
		aigw_fail_as(err, UNAVAILABLE, "$%s is %s", name,
			     !value	 ? "not set"
			     : !value[0] ? "empty"
					 : "too long");
	return s;
}

/* In a group of its own, so that what it starts can be ended with it; with
 * the signals of a fresh program, whatever ours are. */
static int start(char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	int rc;

	sigemptyset(&none);
	sigfillset(&usual);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP |
						POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &usual);
	posix_spawn_file_actions_init(&files);
	rc = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY,
					      0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(&files, out, 1);
	if (rc == 0)
		rc = posix_spawnp(pid, argv[0], &files, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/* Its end, by force when the deadline passes: 0, its exit code, or -1. */
static int reap(pid_t pid, int64_t deadline)
{
	const struct timespec nap = {.tv_nsec = REAP_MS * 1000000L};
	bool force = false;
	int status = 0;
	pid_t got;

	for (;;) {
		if (force)
			kill(-pid, SIGKILL);
		got = waitpid(pid, &status, force ? 0 : WNOHANG);
		if (got == pid || (got < 0 && errno != EINTR))
			break;
		if (got == 0 && now_ms() < deadline)
			nanosleep(&nap, NULL);
		else if (got == 0)
			force = true;
	}
	return got == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The bytes up to the end of the output, and then the end of the program: one
 * that fails says more by its code than by having printed nothing. */
static struct aigw_secret *finish(pid_t pid, int fd, int64_t deadline,
				  struct aigw_err *err)
{
	struct aigw_secret *s = slurp(fd, deadline, err);
	int code;

	close(fd); /* it must not wait for us to read */
	code = reap(pid, deadline);
	if (code > 0 && (s || code < 128)) /* 128 and up: a shell's signal */
		aigw_fail_as(err, UNAVAILABLE, "it ended with code %d", code);
	else if (code < 0 && s)
		aigw_fail_as(err, UNAVAILABLE, "took too long or was killed");
	if (code != 0) {
		aigw_secret_free(s);
		s = NULL;
	}
	return s;
}

struct aigw_secret *aigw_secret_command(char *const argv[], int timeout_ms,
					struct aigw_err *err)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct aigw_secret *s = NULL;
	int ends[2], rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		aigw_fail_as(err, UNAVAILABLE, "%s", strerror(errno));
		return NULL;
	}
	rc = start(argv, ends[1], &pid);
	close(ends[1]);
	if (rc == 0) {
		s = finish(pid, ends[0], deadline, err);
	} else {
		close(ends[0]);
		aigw_fail_as(err, UNAVAILABLE, "%s", strerror(rc));
	}
	if (!s)
		aigw_fail_in(err, "command %s", argv[0]);
	return s;
}
