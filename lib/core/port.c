/* SPDX-License-Identifier: Apache-2.0 */
/* port.c - inherited descriptors on the loop, without touching their flags */
#include "core/port.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct aigw_port *port = poll->data;

	(void)status;
	(void)events;
	if (port->gone) {
		struct epoll_event ev;

		if (epoll_wait(port->epoll, &ev, 1, 0) == 1 &&
		    (ev.events & (EPOLLERR | EPOLLHUP))) {
			port->gone(port->arg);
			return;
		}
	}
	if (port->on)
		port->ready(port->arg);
}

static void on_idle(uv_idle_t *idle)
{
	struct aigw_port *port = idle->data;

	port->ready(port->arg);
}

/* Watch through an epoll set of our own; a file is always ready. */
static int watch(struct aigw_port *port, uv_loop_t *loop, struct aigw_err *err)
{
	struct epoll_event ev = { 0 };
	int rc;

	port->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (port->epoll < 0)
		return aigw_fail(err, "epoll: %s", strerror(errno));
	if (epoll_ctl(port->epoll, EPOLL_CTL_ADD, port->fd, &ev)) {
		rc = errno;
		close(port->epoll);
		port->epoll = -1;
		if (rc != EPERM)
			return aigw_fail(err, "descriptor %d: %s", port->fd,
					 strerror(rc));
		uv_idle_init(loop, &port->idle);
		port->idle.data = port;
		port->handles = 1;
		return 0;
	}
	rc = uv_poll_init(loop, &port->poll, port->epoll);
	if (rc)
		return aigw_fail(err, "poll: %s", uv_strerror(rc));
	port->poll.data = port;
	port->handles = 1;
	return 0;
}

static void want(struct aigw_port *port, unsigned events)
{
	struct epoll_event ev = { .events = events };

	epoll_ctl(port->epoll, EPOLL_CTL_MOD, port->fd, &ev);
}

int aigw_port_in(struct aigw_port *port, uv_loop_t *loop, int fd,
		 aigw_port_fn ready, void *arg, struct aigw_err *err)
{
	memset(port, 0, sizeof(*port));
	port->fd = fd;
	port->ready = ready;
	port->arg = arg;
	return watch(port, loop, err);
}

int aigw_port_out(struct aigw_port *port, uv_loop_t *loop, int fd,
		  aigw_port_fn ready, aigw_port_fn gone, void *arg,
		  struct aigw_err *err)
{
	char path[40];
	struct stat st;
	int again;

	memset(port, 0, sizeof(*port));
	port->fd = fd;
	port->epoll = -1;
	port->ready = ready;
	port->arg = arg;
	if (fstat(fd, &st))
		return aigw_fail(err, "descriptor %d: %s", fd,
				 strerror(errno));
	port->socket = S_ISSOCK(st.st_mode);
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd))) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		again = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
		if (again >= 0) {
			port->fd = again;
			port->own = true;
		}
		port->shared = again < 0 && S_ISFIFO(st.st_mode);
	}
	port->blocking = !port->own && !port->socket && !port->shared;
	if (port->blocking)
		return 0;
	port->gone = gone;
	if (watch(port, loop, err))
		return -1;
	if (port->epoll >= 0)
		uv_poll_start(&port->poll, UV_READABLE, on_poll);
	return 0;
}

void aigw_port_on(struct aigw_port *port, bool on)
{
	if (port->on == on || !port->handles)
		return;
	port->on = on;
	if (port->epoll < 0) {
		if (on)
			uv_idle_start(&port->idle, on_idle);
		else
			uv_idle_stop(&port->idle);
	} else if (port->gone) {
		/* Errors are always reported, so the poll stays. */
		want(port, on ? EPOLLOUT : 0);
	} else {
		want(port, on ? EPOLLIN : 0);
		if (on)
			uv_poll_start(&port->poll, UV_READABLE, on_poll);
		else
			uv_poll_stop(&port->poll);
	}
}

ssize_t aigw_port_read(struct aigw_port *port, void *to, size_t n)
{
	ssize_t got;

	do
		got = read(port->fd, to, n);
	while (got < 0 && errno == EINTR);
	return got;
}

ssize_t aigw_port_write(struct aigw_port *port, const void *from, size_t n)
{
	struct pollfd ready = { .fd = port->fd, .events = POLLOUT };
	ssize_t put;

	/* A pipe with room takes this much without waiting: pipe(7). */
	if (port->shared && n > PIPE_BUF)
		n = PIPE_BUF;
	if (port->shared && !poll(&ready, 1, 0)) {
		errno = EAGAIN;
		return -1;
	}
	do
		put = port->socket ? send(port->fd, from, n,
					  MSG_DONTWAIT | MSG_NOSIGNAL) :
				     write(port->fd, from, n);
	while (put < 0 && errno == EINTR);
	return put;
}

static void on_close(uv_handle_t *handle)
{
	(void)handle;
}

void aigw_port_close(struct aigw_port *port)
{
	if (port->handles) {
		if (port->epoll < 0)
			uv_close((uv_handle_t *)&port->idle, on_close);
		else
			uv_close((uv_handle_t *)&port->poll, on_close);
		port->handles = 0;
	}
	if (port->epoll >= 0)
		close(port->epoll);
	if (port->own)
		close(port->fd);
	port->epoll = -1;
	port->own = false;
}
