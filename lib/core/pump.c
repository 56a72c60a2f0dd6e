/* SPDX-License-Identifier: Apache-2.0 */
/* pump.c - lines in, envelopes through a chain, lines out */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "core/env_priv.h"
#include "core/port.h"

#define READ_SIZE (64 * 1024)	  /* bytes asked for at once */
#define OUT_HIGH (1024 * 1024)	  /* bytes waiting at which input stops */
#define OUT_LOW (OUT_HIGH / 4)	  /* and at which it goes on */
#define OUT_WRITE (256 * 1024)	  /* bytes that are written without waiting */

/* With keep_order: what came out before its turn. */
struct turn {
	struct aigw_env *first, *last; /* chunks, then the answer */
	bool done;
};

struct pump {
	struct aigw_chain *chain;
	const struct aigw_pump_opts *opts;
	const struct aigw_log *log;
	uv_loop_t *loop;
	struct aigw_port in, out;
	uv_prepare_t prepare;
	uv_signal_t sigint, sigterm;

	struct aigw_buf inbuf, outbuf;
	size_t at;	/* bytes of inbuf that are done with */
	size_t scanned; /* bytes behind them that hold no line end */
	uint64_t line;	/* number of the last line */
	bool skipping;	/* the rest of a line that was too long */
	bool in_lines;	/* lines() is running */
	bool chain_full, out_full;
	bool eof;
	int signal; /* the one that asked to stop */
	int failed; /* errno of a write: nothing more can be said */
	int broken; /* errno of a read: the input ends here */

	struct turn *turns; /* keep_order: opts->window of them */
	uint64_t seq, turn;
};

static void lines(struct pump *p);

/* Out --------------------------------------------------------------------- */

static void set_out_full(struct pump *p, bool full)
{
	if (p->out_full == full)
		return;
	p->out_full = full;
	aigw_chain_hold(p->chain, full);
	if (!full)
		lines(p);
}

/* The reader is gone or the disk is full: nothing more can be said. */
static void give_up(struct pump *p, int error)
{
	p->failed = error;
	p->outbuf.len = 0;
	uv_stop(p->loop);
}

static void flush(struct pump *p)
{
	size_t done = 0;
	ssize_t n;

	while (done < p->outbuf.len && !p->failed) {
		n = aigw_port_write(&p->out, p->outbuf.data + done,
				    p->outbuf.len - done);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN) {
			break;
		} else {
			give_up(p, errno);
			return;
		}
	}
	aigw_buf_drop(&p->outbuf, done);
	aigw_port_on(&p->out, p->outbuf.len > 0);
	if (p->outbuf.len > OUT_HIGH)
		set_out_full(p, true);
	else if (p->outbuf.len < OUT_LOW)
		set_out_full(p, false);
}

static void on_writable(void *arg)
{
	flush(arg);
}

static void on_reader_gone(void *arg)
{
	give_up(arg, EPIPE);
}

static void write_env(struct pump *p, struct aigw_env *env)
{
	struct aigw_err err;

	if (aigw_env_write(env, &p->outbuf, &err)) {
		aigw_log(p->log, AIGW_ERR, "%s", err.text);
		give_up(p, ENOMEM);
	}
	aigw_env_free(env);
	if (p->outbuf.len > OUT_WRITE && !p->out_full)
		flush(p);
}

/* Its turn has come: what waited goes out, and the turns behind it that are
 * done already. */
static void take_turns(struct pump *p)
{
	struct turn *t = &p->turns[p->turn % (uint64_t)p->opts->window];
	struct aigw_env *env;

	for (;;) {
		while ((env = t->first)) {
			t->first = env->next;
			write_env(p, env);
		}
		if (!t->done)
			return;
		t->done = false;
		t = &p->turns[++p->turn % (uint64_t)p->opts->window];
	}
}

static void sink_in_order(struct pump *p, struct aigw_env *env)
{
	struct turn *t = &p->turns[env->seq % (uint64_t)p->opts->window];
	uint64_t seq = env->seq;

	t->done = env->counted;
	env->next = NULL;
	if (t->first)
		t->last->next = env;
	else
		t->first = env;
	t->last = env;
	if (seq == p->turn)
		take_turns(p);
}

static void sink(void *arg, struct aigw_env *env)
{
	struct pump *p = arg;

	/* What has no turn, or an id that is used twice: it does not wait. */
	if (p->turns && env->seq >= p->turn)
		sink_in_order(p, env);
	else
		write_env(p, env);
	if (!p->in_lines)
		lines(p);
}

/* In ------------------------------------------------------------------------ */

/* May another envelope start? A turn that has not come keeps its place. */
static bool may_start(const struct pump *p)
{
	if (p->out_full || p->failed || p->chain_full)
		return false;
	if (p->turns && p->seq + 1 - p->turn >= (uint64_t)p->opts->window)
		return false;
	return aigw_chain_pending(p->chain) < (size_t)p->opts->window;
}

static void push(struct pump *p, struct aigw_env *env)
{
	if (p->turns && !(aigw_env_kind(env) & (AIGW_CHUNK | AIGW_CANCEL)))
		env->seq = ++p->seq;
	if (!aigw_chain_push(p->chain, env))
		p->chain_full = true;
}

/* A line that is no envelope goes on as an error that says where. */
static void push_bad(struct pump *p, const struct aigw_err *why)
{
	struct aigw_err err;
	struct aigw_env *env;
	char id[40];
	int n = snprintf(id, sizeof(id), "line:%llu",
			 (unsigned long long)p->line);

	env = aigw_env_new(id, (size_t)n);
	if (env &&
	    !aigw_env_reject(env, why, "input", "client", "gateway",
			     &err) &&
	    !aigw_env_set_int(env, "err.line", (int64_t)p->line, &err)) {
		push(p, env);
		return;
	}
	aigw_env_free(env);
	aigw_log(p->log, AIGW_ERR, "line %llu: %s",
		 (unsigned long long)p->line, why->text);
	give_up(p, ENOMEM);
}

static bool blank(const char *s, size_t len)
{
	return len == 0 || (len == 1 && *s == '\r');
}

static void push_line(struct pump *p, const char *s, size_t len)
{
	struct aigw_err err = { 0 };
	struct aigw_env *env;

	p->line++;
	if (blank(s, len))
		return;
	env = aigw_env_parse(s, len, &err);
	if (env)
		push(p, env);
	else
		push_bad(p, &err);
}

static void push_too_long(struct pump *p)
{
	struct aigw_err err = { 0 };

	p->line++;
	aigw_fail_as(&err, AIGW_E_TOO_LARGE, "line_too_long",
		     "line is longer than %lld bytes; raise --max-line",
		     (long long)p->opts->max_line);
	push_bad(p, &err);
}

/* One line, or what there is of one that is too long; false: not yet whole. */
static bool take_line(struct pump *p)
{
	const char *s = p->inbuf.data + p->at, *end;
	size_t len = p->inbuf.len - p->at;
	bool too_long;

	end = memchr(s + p->scanned, '\n', len - p->scanned);
	if (!end && !p->eof && len <= (size_t)p->opts->max_line) {
		p->scanned = len;
		return false;
	}
	if (end)
		len = (size_t)(end - s);
	too_long = len > (size_t)p->opts->max_line;
	p->scanned = 0;
	p->at += len + (end != NULL);
	if (too_long && !p->skipping)
		push_too_long(p);
	else if (!p->skipping)
		push_line(p, s, len);
	p->skipping = (p->skipping || too_long) && !end;
	return true;
}

/* All lines that are there, as far as the chain takes them. */
static void lines(struct pump *p)
{
	if (p->in_lines)
		return;
	p->in_lines = true;
	while (may_start(p) && p->at < p->inbuf.len && take_line(p))
		;
	p->in_lines = false;
	aigw_port_on(&p->in, !p->eof && may_start(p));
	if (p->eof && p->at == p->inbuf.len)
		aigw_chain_end(p->chain);
}

static void on_readable(void *arg)
{
	struct pump *p = arg;
	ssize_t n;
	char *to;

	aigw_buf_drop(&p->inbuf, p->at);
	p->at = 0;
	to = aigw_buf_room(&p->inbuf, READ_SIZE);
	if (!to) {
		give_up(p, ENOMEM);
		return;
	}
	n = aigw_port_read(&p->in, to, READ_SIZE);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0)
		p->broken = errno;
	if (n <= 0)
		p->eof = true;
	else
		p->inbuf.len += (size_t)n;
	lines(p);
}

static void on_room(void *arg)
{
	struct pump *p = arg;

	p->chain_full = false;
	lines(p);
}

/* The whole --------------------------------------------------------------- */

/* Before the loop waits: write what is ready, and end when all is over. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct pump *p = prepare->data;

	if (p->outbuf.len && !p->out.on)
		flush(p);
	if (aigw_chain_ended(p->chain) && !aigw_chain_pending(p->chain) &&
	    !p->outbuf.len)
		uv_stop(p->loop);
}

static void on_signal(uv_signal_t *handle, int signum)
{
	struct pump *p = handle->data;

	if (p->signal) {
		uv_stop(p->loop);
		return;
	}
	p->signal = signum;
	p->eof = true;
	p->inbuf.len = p->at = 0;
	lines(p);
}

static void watch_signal(struct pump *p, uv_signal_t *handle, int signum)
{
	struct sigaction old;

	uv_signal_init(p->loop, handle);
	handle->data = p;
	/* What the parent ignores for us (nohup, a shell's "&") stays ignored. */
	if (sigaction(signum, NULL, &old) || old.sa_handler != SIG_IGN)
		uv_signal_start(handle, on_signal, signum);
	uv_unref((uv_handle_t *)handle);
}

static int start(struct pump *p, int in, int out, struct aigw_err *err)
{
	p->turn = 1;
	p->in.epoll = p->out.epoll = -1;
	aigw_buf_init(&p->inbuf, (size_t)p->opts->max_line + 2 * READ_SIZE);
	aigw_buf_init(&p->outbuf, OUT_HIGH + 16 * (size_t)AIGW_LINE_MAX);
	uv_prepare_init(p->loop, &p->prepare);
	p->prepare.data = p;
	uv_prepare_start(&p->prepare, on_prepare);
	watch_signal(p, &p->sigint, SIGINT);
	watch_signal(p, &p->sigterm, SIGTERM);
	aigw_chain_sink(p->chain, sink, on_room, p);
	if (p->opts->keep_order) {
		p->turns = calloc((size_t)p->opts->window, sizeof(*p->turns));
		if (!p->turns)
			return aigw_fail(err, "out of memory");
	}
	if (aigw_port_in(&p->in, p->loop, in, on_readable, p, err))
		return -1;
	return aigw_port_out(&p->out, p->loop, out, on_writable, on_reader_gone,
			     p, err);
}

/* What still comes when the run was broken off. */
static void drop(void *arg, struct aigw_env *env)
{
	(void)arg;
	aigw_env_free(env);
}

static void no_room(void *arg)
{
	(void)arg;
}

static void stop(struct pump *p)
{
	struct aigw_env *env;
	int64_t i;

	aigw_chain_sink(p->chain, drop, no_room, NULL);
	aigw_port_close(&p->in);
	aigw_port_close(&p->out);
	uv_close((uv_handle_t *)&p->prepare, NULL);
	uv_close((uv_handle_t *)&p->sigint, NULL);
	uv_close((uv_handle_t *)&p->sigterm, NULL);
	for (i = 0; p->turns && i < p->opts->window; i++)
		while ((env = p->turns[i].first)) {
			p->turns[i].first = env->next;
			aigw_env_free(env);
		}
	free(p->turns);
	aigw_buf_release(&p->inbuf);
	aigw_buf_release(&p->outbuf);
}

static int exit_code(struct pump *p)
{
	if (p->broken)
		aigw_log(p->log, AIGW_ERR, "standard input: %s",
			 strerror(p->broken));
	if (p->failed && p->failed != EPIPE)
		aigw_log(p->log, AIGW_ERR, "standard output: %s",
			 strerror(p->failed));
	if (p->broken || (p->failed && p->failed != EPIPE))
		return AIGW_EXIT_IO;
	return (int)aigw_chain_exit(p->chain);
}

int aigw_pump(struct aigw_chain *chain, uv_loop_t *loop, int in, int out,
	      const struct aigw_pump_opts *opts, const struct aigw_log *log,
	      int *signum)
{
	struct pump p = { .chain = chain, .opts = opts, .log = log,
			  .loop = loop };
	struct aigw_err err;
	int failed = start(&p, in, out, &err);

	if (failed) {
		aigw_log(log, AIGW_ERR, "%s", err.text);
	} else {
		aigw_port_on(&p.in, true);
		uv_run(loop, UV_RUN_DEFAULT);
	}
	*signum = p.failed == EPIPE ? SIGPIPE : p.signal;
	stop(&p);
	uv_run(loop, UV_RUN_NOWAIT);
	return failed ? AIGW_EXIT_IO : exit_code(&p);
}
