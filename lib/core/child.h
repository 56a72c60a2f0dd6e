/* SPDX-License-Identifier: Apache-2.0 */
/* child.h - a program that runs beside us: lines to it, lines from it */
#ifndef AIGW_CORE_CHILD_H
#define AIGW_CORE_CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "buf.h"
#include "err.h"
#include "log.h"

/* What a child says; all on the loop's thread. */
struct child_events {
	/* One line without its end; the bytes are borrowed. */
	void (*line)(void *arg, const char *line, size_t len);
	/* It wrote more than a line may hold, or ended inside one. */
	void (*broken)(void *arg, const char *why);
	/* What was queued is `written` bytes in all since the start. */
	void (*written)(void *arg);
	/* It has ended and all it wrote was read; `status` as exit(3), or
	 * 128 + the signal. The child is freed after this. */
	void (*gone)(void *arg, int status);
};

struct child {
	uv_process_t process;
	uv_pipe_t in, out, err; /* its stdin, stdout, stderr */
	uv_idle_t flush;	/* writes what was queued in this turn */
	uv_write_t write;
	const struct child_events *events; /* NULL: nobody listens any more */
	void *arg;
	const struct aigw_log *log;
	const char *stage;
	struct aigw_buf queued, writing; /* for its stdin */
	struct aigw_buf partial, said;	 /* a line begun on stdout, stderr */
	size_t scanned;
	uint64_t written; /* bytes it was given */
	short handles;	  /* not yet closed */
	bool exited, closed_out, closing, ending, in_flight, paused;
	int status;
	char *chunk; /* what is read into */
};

/*
 * Start `argv` (found on PATH, no shell) in a process group of its own, with
 * stdin, stdout and stderr as pipes and nothing else open, signals at their
 * defaults. `max` bounds a line of it and what may be queued. `stage` names it
 * in the log. NULL with the reason when it cannot be started.
 */
struct child *child_start(uv_loop_t *loop, char **argv, size_t max,
			  const char *stage, const struct aigw_log *log,
			  const struct child_events *events, void *arg,
			  struct aigw_err *err) AIGW_MUST_CHECK;

/* The buffer to append whole lines to; then child_flush(). */
struct aigw_buf *child_queue(struct child *c);
void child_flush(struct child *c);
/* Bytes that it has not taken yet. */
size_t child_waiting(const struct child *c);

/* Bytes that it may have read, counted from its start. */
uint64_t child_given(const struct child *c);

/* Stop reading from it, or go on. */
void child_pause(struct child *c, bool pause);
/* Close its stdin when all is written. */
void child_end(struct child *c);
/* Kill its process group. gone() follows. */
void child_kill(struct child *c);
/* Nobody listens any more: kill it, free it when the loop has run. */
void child_drop(struct child *c);

#endif
