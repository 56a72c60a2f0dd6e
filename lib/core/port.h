/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port.h - inherited descriptors on the loop, without touching their flags
 *
 * O_NONBLOCK belongs to the open file, not to the descriptor: setting it on an
 * inherited pipe or terminal changes it for every process that shares it. So an
 * input is watched through an epoll set of our own and read when it is ready,
 * and an output pipe is opened once more through /proc.
 */
#ifndef AIGW_CORE_PORT_H
#define AIGW_CORE_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <uv.h>

#include "err.h"

typedef void (*aigw_port_fn)(void *arg);

/* Readable or writable news about one descriptor. */
struct aigw_port {
	int fd;		/* to read from or write to */
	int epoll;	/* what the loop watches, or -1: always ready */
	bool own;	/* fd was opened here */
	bool blocking;	/* writes wait: a file */
	bool shared;	/* a pipe that could not be opened once more */
	bool socket;
	bool on;
	short handles;	/* still to be closed */
	uv_poll_t poll;
	uv_idle_t idle; /* for what is always ready */
	aigw_port_fn ready, gone;
	void *arg;
};

/* `ready` is called while the port is on; `gone` (outputs) when the reader has
 * closed. The port must stay where it is until the loop has run after close. */
int aigw_port_in(struct aigw_port *port, uv_loop_t *loop, int fd,
		 aigw_port_fn ready, void *arg,
		 struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_port_out(struct aigw_port *port, uv_loop_t *loop, int fd,
		  aigw_port_fn ready, aigw_port_fn gone, void *arg,
		  struct aigw_err *err) AIGW_MUST_CHECK;

/* Ask for `ready`, or stop asking. */
void aigw_port_on(struct aigw_port *port, bool on);

/* read(2) and write(2); -1 with errno, EAGAIN when it would wait. */
ssize_t aigw_port_read(struct aigw_port *port, void *to, size_t n);
ssize_t aigw_port_write(struct aigw_port *port, const void *from, size_t n);

void aigw_port_close(struct aigw_port *port);

#endif
