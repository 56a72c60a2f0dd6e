/* SPDX-License-Identifier: Apache-2.0 */
/* child.c - a program that runs beside us: lines to it, lines from it */
#include "core/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define CHUNK (256 * 1024) /* bytes read at once */
#define PIPE_SIZE (256 * 1024)
#define SAID_MAX 4096	   /* bytes of one stderr line */

static void free_child(struct child *c)
{
	aigw_buf_release(&c->queued);
	aigw_buf_release(&c->writing);
	aigw_buf_release(&c->partial);
	aigw_buf_release(&c->said);
	free(c->chunk);
	free(c);
}

static void on_closed(uv_handle_t *handle)
{
	struct child *c = handle->data;

	if (--c->handles == 0)
		free_child(c);
}

static void close_handle(uv_handle_t *handle)
{
	if (!uv_is_closing(handle))
		uv_close(handle, on_closed);
}

static void close_all(struct child *c)
{
	c->closing = true;
	close_handle((uv_handle_t *)&c->in);
	close_handle((uv_handle_t *)&c->out);
	close_handle((uv_handle_t *)&c->err);
	close_handle((uv_handle_t *)&c->flush);
	/* One that runs is waited for, or it stays as a zombie. */
	if (c->process.loop && !uv_is_active((uv_handle_t *)&c->process))
		close_handle((uv_handle_t *)&c->process);
}

static void end_output(struct child *c);

/* Somebody else may hold its stdout open: what it wrote itself is all there. */
static bool is_drained(const struct child *c)
{
	uv_os_fd_t fd;
	int left = 0;

	return !uv_fileno((const uv_handle_t *)&c->out, &fd) &&
	       !ioctl(fd, FIONREAD, &left) && !left;
}

/* It is gone when it has exited and everything it wrote was read. */
static void maybe_gone(struct child *c)
{
	const struct child_events *events = c->events;

	if (!c->exited || c->closing)
		return;
	if (!c->closed_out) {
		if (!c->paused && is_drained(c))
			end_output(c);
		return;
	}
	close_all(c);
	c->events = NULL;
	if (events)
		events->gone(c->arg, c->status);
}

static void on_exited(uv_process_t *process, int64_t status, int signum)
{
	struct child *c = process->data;

	c->exited = true;
	c->status = signum ? 128 + signum : (int)status;
	/* A grandchild may hold stdout open: it is not part of the bargain. */
	uv_kill(-process->pid, SIGKILL);
	if (c->closing)
		close_handle((uv_handle_t *)process);
	maybe_gone(c);
}

/* Writing ------------------------------------------------------------------ */

static void on_written(uv_write_t *write, int status)
{
	struct child *c = write->data;

	c->in_flight = false;
	/* Of a write that failed it may have read a part. */
	c->written += c->writing.len;
	c->writing.len = 0;
	if (c->closing)
		return;
	if (!status && c->queued.len)
		child_flush(c);
	if (c->ending)
		child_end(c);
	if (c->events && c->events->written)
		c->events->written(c->arg);
}

static void start_write(struct child *c)
{
	struct aigw_buf swap = c->writing;
	uv_buf_t buf;
	int n;

	buf = uv_buf_init(c->queued.data, (unsigned)c->queued.len);
	n = uv_try_write((uv_stream_t *)&c->in, &buf, 1);
	if (n > 0) {
		c->written += (uint64_t)n;
		aigw_buf_drop(&c->queued, (size_t)n);
	}
	if (!c->queued.len)
		return;
	c->writing = c->queued;
	c->queued = swap;
	c->queued.len = 0;
	buf = uv_buf_init(c->writing.data, (unsigned)c->writing.len);
	c->write.data = c;
	c->in_flight = !uv_write(&c->write, (uv_stream_t *)&c->in, &buf, 1,
				 on_written);
}

/* Not a prepare handle: one that is started while the loop runs those would
 * have to wait until something else happens. */
static void on_idle(uv_idle_t *idle)
{
	struct child *c = idle->data;

	uv_idle_stop(idle);
	maybe_gone(c);
	if (c->in_flight || c->closing || !c->queued.len)
		return;
	start_write(c);
	if (c->ending)
		child_end(c);
	if (c->events && c->events->written)
		c->events->written(c->arg);
}

struct aigw_buf *child_queue(struct child *c)
{
	return &c->queued;
}

void child_flush(struct child *c)
{
	if (!c->in_flight && !c->closing)
		uv_idle_start(&c->flush, on_idle);
}

size_t child_waiting(const struct child *c)
{
	return c->queued.len + c->writing.len;
}

uint64_t child_given(const struct child *c)
{
	return c->written + c->writing.len;
}

void child_end(struct child *c)
{
	c->ending = true;
	if (!c->closing && !child_waiting(c))
		close_handle((uv_handle_t *)&c->in);
}

/* Reading ------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf)
{
	struct child *c = handle->data;

	(void)size;
	*buf = uv_buf_init(c->chunk, CHUNK);
}

static void broken(struct child *c, const char *why)
{
	c->partial.len = c->scanned = 0;
	if (c->events)
		c->events->broken(c->arg, why);
}

/* Whole lines go straight from what was read; only a begun one is kept. */
static void take_output(struct child *c, const char *s, size_t len)
{
	const char *end;
	size_t n;

	while (len && c->events && (end = memchr(s, '\n', len))) {
		n = (size_t)(end - s);
		if (c->partial.len) {
			if (aigw_buf_add(&c->partial, s, n)) {
				broken(c, "its line is too long");
				return;
			}
			c->events->line(c->arg, c->partial.data,
					c->partial.len);
			c->partial.len = 0;
		} else {
			c->events->line(c->arg, s, n);
		}
		s += n + 1;
		len -= n + 1;
	}
	if (len && c->events && aigw_buf_add(&c->partial, s, len))
		broken(c, "its line is too long");
}

static void end_output(struct child *c)
{
	uv_read_stop((uv_stream_t *)&c->out);
	if (c->partial.len)
		broken(c, "it ended inside a line");
	c->closed_out = true;
	maybe_gone(c);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = stream->data;

	if (n > 0)
		take_output(c, buf->base, (size_t)n);
	if (n < 0)
		end_output(c);
	else
		maybe_gone(c);
}

static void say(struct child *c)
{
	if (c->said.len)
		aigw_log_child(c->log, c->stage, c->said.data, c->said.len);
	c->said.len = 0;
}

static void on_said(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct child *c = stream->data;
	ssize_t i;

	for (i = 0; i < n; i++) {
		if (buf->base[i] == '\n' ||
		    aigw_buf_add(&c->said, buf->base + i, 1))
			say(c);
	}
	if (n < 0) {
		say(c);
		uv_read_stop(stream);
	}
}

void child_pause(struct child *c, bool pause)
{
	if (c->paused == pause || c->closing || c->closed_out)
		return;
	c->paused = pause;
	if (pause)
		uv_read_stop((uv_stream_t *)&c->out);
	else
		uv_read_start((uv_stream_t *)&c->out, on_alloc, on_output);
	if (c->exited)
		uv_idle_start(&c->flush, on_idle); /* maybe all was read */
}

/* Life -------------------------------------------------------------------- */

void child_kill(struct child *c)
{
	if (!c->exited && uv_kill(-c->process.pid, SIGKILL))
		uv_unref((uv_handle_t *)&c->process); /* not ours to wait for */
	child_pause(c, false);
}

void child_drop(struct child *c)
{
	c->events = NULL;
	child_kill(c);
	if (!c->closing)
		close_all(c);
}

/* A pipe with our end on the loop; the child's end is returned, -1 on failure.
 * Pipes, not libuv's socket pairs: they cost half for lines of a few KB. */
static int open_pipe(uv_pipe_t *ours, bool we_read)
{
	int fd[2], theirs;

	if (pipe2(fd, O_CLOEXEC))
		return -1;
	theirs = fd[we_read];
	if (uv_pipe_open(ours, fd[!we_read])) {
		close(fd[0]);
		close(fd[1]);
		return -1;
	}
	/* Fewer switches between processes; a refusal does no harm. */
	fcntl(theirs, F_SETPIPE_SZ, PIPE_SIZE);
	return theirs;
}

static int spawn(struct child *c, uv_loop_t *loop, char **argv,
		 struct aigw_err *err)
{
	uv_process_options_t o = { 0 };
	uv_stdio_container_t io[3];
	int i, rc = 0;

	io[0].data.fd = open_pipe(&c->in, false);
	io[1].data.fd = open_pipe(&c->out, true);
	io[2].data.fd = open_pipe(&c->err, true);
	o.file = argv[0];
	o.args = argv;
	o.stdio = io;
	o.stdio_count = 3;
	o.flags = UV_PROCESS_DETACHED; /* a session and group of its own */
	o.exit_cb = on_exited;
	/* What we hold open is not the child's; 0, 1 and 2 are replaced. */
	syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
	for (i = 0; i < 3; i++) {
		io[i].flags = UV_INHERIT_FD;
		rc = io[i].data.fd < 0 ? UV_EMFILE : rc;
	}
	rc = rc ? rc : uv_spawn(loop, &c->process, &o);
	for (i = 0; i < 3; i++)
		if (io[i].data.fd >= 0)
			close(io[i].data.fd);
	return rc ? aigw_fail_as(err, AIGW_E_NOT_FOUND, "spawn", "%s: %s",
				 argv[0], uv_strerror(rc)) :
		    0;
}

struct child *child_start(uv_loop_t *loop, char **argv, size_t max,
			  const char *stage, const struct aigw_log *log,
			  const struct child_events *events, void *arg,
			  struct aigw_err *err)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c || !(c->chunk = malloc(CHUNK))) {
		free(c);
		aigw_fail(err, "out of memory");
		return NULL;
	}
	c->log = log;
	c->stage = stage;
	aigw_buf_init(&c->queued, max);
	aigw_buf_init(&c->writing, max);
	aigw_buf_init(&c->partial, max);
	aigw_buf_init(&c->said, SAID_MAX);
	uv_pipe_init(loop, &c->in, 0);
	uv_pipe_init(loop, &c->out, 0);
	uv_pipe_init(loop, &c->err, 0);
	uv_idle_init(loop, &c->flush);
	c->process.data = c->in.data = c->out.data = c->err.data = c;
	c->flush.data = c;
	c->handles = 5;
	if (spawn(c, loop, argv, err)) {
		if (!c->process.loop)
			c->handles--; /* it was never a handle */
		close_all(c);
		return NULL;
	}
	c->events = events;
	c->arg = arg;
	uv_read_start((uv_stream_t *)&c->out, on_alloc, on_output);
	uv_read_start((uv_stream_t *)&c->err, on_alloc, on_said);
	return c;
}
