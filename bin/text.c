/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - aigw-text: answers out of envelopes, for people and programs */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/fd.h"
#include "edge/order.h"
#include "edge/records.h"
#include "edge/reply.h"
#include "host.h"

#define FLUSH 65536		 /* bytes of output that are written at once */
#define HELD_MAX (64 << 20)	 /* bytes that wait behind a live answer */
#define WINDOW_BYTES (256 << 20) /* bytes that wait for their turn with -k */
#define BLOCKS 64		 /* of a live answer that we follow */

enum format { TEXT, JSON, OPENAI, BATCH };
static const char *const formats[] = {"text", "json", "openai", "batch", NULL};
enum when { WHEN_AUTO, WHEN_ALWAYS, WHEN_NEVER };
static const char *const whens[] = {"auto", "always", "never", NULL};

/*
 * The answer being shown while it arrives. One at a time: the first that
 * begins; what else ends meanwhile waits behind it.
 */
struct live {
	char id[AIGW_ID_MAX];
	size_t id_len;		/* 0: nobody is live */
	struct aigw_buf shown;	/* to compare with the whole answer */
	struct aigw_buf behind; /* records that wait */
	uint64_t hidden;	/* a bit for each block that is no text */
};

struct text {
	/* options */
	int format, stream;
	bool null, keep_order, help, version;
	char *errors_to;
	int64_t window, max_line;

	struct aigw_log log;
	struct aigw_order order;
	struct live live;
	struct aigw_buf out, one; /* `one` is the record being written */
	struct aigw_buf failures; /* for --errors-to */
	int failures_fd;
	bool follow; /* show answers while they arrive */
	bool permanent, halted, retryable, told_late, told_unnumbered;
	enum aigw_exit fatal;
};

#define AT(field) offsetof(struct text, field)
static const struct aigw_opt rows[] = {
	{"format", 'f', AIGW_OPT_ENUM, AT(format), .fallback = "text",
	 .arg = "FORM", .words = formats, .help = "how answers are written"},
	{"null", '0', AIGW_OPT_FLAG, AT(null),
	 .help = "end records with NUL, not with a line end"},
	{"keep-order", 'k', AIGW_OPT_FLAG, AT(keep_order),
	 .help = "in the order of the prompts, not of the answers"},
	{"window", 0, AIGW_OPT_INT, AT(window), .fallback = "65536", .arg = "N",
	 .min = 1, .max = 1 << 24, .help = "records -k holds back at most"},
	{"stream", 0, AIGW_OPT_ENUM, AT(stream), .fallback = "auto",
	 .arg = "WHEN", .words = whens,
	 .help = "show text while it arrives (auto: on a terminal)"},
	{"errors-to", 0, AIGW_OPT_PATH, AT(errors_to), .arg = "FILE",
	 .help = "failed records, to be read again by "
		 "aigw prompt --from chat"},
	{"max-line", 0, AIGW_OPT_SIZE, AT(max_line), .fallback = "16M",
	 .arg = "SIZE", .min = 1024, .max = 1 << 30,
	 .help = "longest envelope"},
	{"help", 'h', AIGW_OPT_FLAG, AT(help), .help = "this text"},
	{"version", 'V', AIGW_OPT_FLAG, AT(version), .help = "the version"},
	{.type = AIGW_OPT_END},
};

static void usage(FILE *out)
{
	fputs("Usage: ... | aigw text [OPTION]...\n"
	      "Print the answers of the envelopes on stdin.\n\n"
	      "  $ aigw prompt -e 'Say hello' | aigw run | aigw text\n"
	      "  $ aigw prompt --from batch <in.jsonl | aigw run |\n"
	      "      aigw text -f batch -k --errors-to failed.jsonl >out.jsonl\n"
	      "\n",
	      out);
	aigw_opts_help(rows, out);
}

/* Output ---------------------------------------------------------------- */

static void flush_to(struct text *t, int fd, struct aigw_buf *buf)
{
	struct aigw_err err;

	if (buf->len > 0 && t->fatal == AIGW_EXIT_OK &&
	    aigw_fd_write(fd, buf->data, buf->len, &err) < 0) {
		if (errno == EPIPE) {
			signal(SIGPIPE, SIG_DFL);
			raise(SIGPIPE);
		}
		aigw_log(&t->log, AIGW_ERR, "%s%s%s",
			 fd == STDOUT_FILENO ? "" : t->errors_to,
			 fd == STDOUT_FILENO ? "" : ": ", err.text);
		t->fatal = AIGW_EXIT_IO;
	}
	buf->len = 0;
}

static void flush(void *arg)
{
	struct text *t = arg;

	flush_to(t, STDOUT_FILENO, &t->out);
	flush_to(t, t->failures_fd, &t->failures);
}

static void fail(struct text *t, const char *why)
{
	aigw_log(&t->log, AIGW_ERR, "%s", why);
	t->fatal = AIGW_EXIT_SOFTWARE;
}

/* Each buffer takes a record more than what makes us write it out. */
static void add(struct text *t, struct aigw_buf *to, const char *p, size_t n)
{
	if (to->len >= FLUSH && (to == &t->out || to == &t->failures))
		flush(t);
	if (aigw_buf_add(to, p, n) < 0)
		fail(t, "out of memory");
}

/* Live answers ---------------------------------------------------------- */

static bool is_live(const struct text *t, const char *id, size_t len)
{
	return t->live.id_len > 0 && t->live.id_len == len &&
	       memcmp(t->live.id, id, len) == 0;
}

static void end_live(struct text *t)
{
	struct live *live = &t->live;

	live->id_len = 0;
	live->hidden = 0;
	live->shown.len = 0;
	if (live->behind.len > 0)
		add(t, &t->out, live->behind.data, live->behind.len);
	live->behind.len = 0;
}

/* Leave a half-shown answer; it will be written whole when it is there. */
static void abandon_live(struct text *t)
{
	if (t->live.shown.len > 0)
		add(t, &t->out, "\n", 1);
	end_live(t);
}

static void emit(struct text *t, const char *p, size_t n)
{
	if (t->live.id_len > 0 && t->live.behind.len + n > HELD_MAX)
		abandon_live(t);
	add(t, t->live.id_len > 0 ? &t->live.behind : &t->out, p, n);
}

/* The response is the record, what was shown before only a preview. */
static void finish_live(struct text *t)
{
	const struct aigw_buf *shown = &t->live.shown;
	const char *p = t->one.data;
	size_t n = t->one.len;

	if (shown->len > 0 && n >= shown->len &&
	    memcmp(p, shown->data, shown->len) == 0) {
		p += shown->len;
		n -= shown->len;
	} else if (shown->len > 0) {
		add(t, &t->out, "\n", 1);
	}
	if (n > 0)
		add(t, &t->out, p, n);
	end_live(t);
}

static void show(struct text *t, const struct aigw_val *v)
{
	struct live *live = &t->live;
	const char *s;
	int64_t i;
	size_t n;

	if (!aigw_val_int(aigw_val_get(v, "i"), &i) || i < 0 || i >= BLOCKS)
		return;
	if (aigw_val_is(aigw_val_get(v, "e"), "block")) {
		const struct aigw_val *type = aigw_val_get(v, "type");

		if ((!aigw_val_is(type, "text") &&
		     !aigw_val_is(type, "refusal")) ||
		    aigw_val_get(v, "choice"))
			live->hidden |= (uint64_t)1 << i;
		return;
	}
	s = aigw_val_str(aigw_val_get(v, "t"), &n);
	if (!s || !aigw_val_is(aigw_val_get(v, "e"), "d") ||
	    live->hidden >> i & 1)
		return;
	if (aigw_buf_add(&live->shown, s, n) < 0)
		abandon_live(t);
	else
		add(t, &t->out, s, n);
}

static void chunk(struct text *t, const struct aigw_val *v)
{
	size_t len;
	const char *id = aigw_val_str(aigw_val_get(v, "id"), &len);

	if (!t->follow || !id || len == 0 || len > AIGW_ID_MAX)
		return;
	if (t->live.id_len == 0 && aigw_val_is(aigw_val_get(v, "e"), "start")) {
		memcpy(t->live.id, id, len);
		t->live.id_len = len;
	}
	if (is_live(t, id, len))
		show(t, v);
}

/* Records --------------------------------------------------------------- */

static void take_turns(struct text *t, bool all)
{
	struct aigw_order_item item;

	while (t->fatal == AIGW_EXIT_OK &&
	       aigw_order_take(&t->order, all || aigw_order_full(&t->order),
			       &item)) {
		if (item.len > 0)
			emit(t, item.data, item.len);
		free(item.data);
	}
}

/* Numbers were given by aigw-prompt; without one there is no place to wait
 * for. Nothing is lost when order cannot be kept, but the run says so. */
static void in_order(struct text *t, const struct aigw_val *seq)
{
	struct aigw_err err;
	int64_t n;

	if (!aigw_val_int(seq, &n) || n < 1) {
		if (!t->told_unnumbered)
			aigw_log(&t->log, AIGW_ERR,
				 "an envelope has no seq: printed as it came");
		t->told_unnumbered = t->permanent = true;
		emit(t, t->one.data, t->one.len);
		return;
	}
	if (aigw_order_put(&t->order, (uint64_t)n, t->one.data, t->one.len,
			   &err) < 0)
		fail(t, err.text);
	if ((uint64_t)n < t->order.next ||
	    (aigw_order_full(&t->order) &&
	     t->order.heap[0].seq > t->order.next)) {
		if (!t->told_late)
			aigw_log(&t->log, AIGW_ERR,
				 "cannot keep the order: record %llu did not "
				 "come within the window of %lld",
				 (unsigned long long)t->order.next,
				 (long long)t->window);
		t->told_late = t->permanent = true;
	}
	take_turns(t, false);
}

static void deliver(struct text *t, const struct aigw_val *v)
{
	size_t len;
	const char *id = aigw_val_str(aigw_val_get(v, "id"), &len);

	if (id && is_live(t, id, len))
		finish_live(t);
	else if (t->keep_order)
		in_order(t, aigw_val_get(v, "seq"));
	else
		emit(t, t->one.data, t->one.len);
}

static int64_t created(const struct aigw_val *v)
{
	size_t len;
	const char *id = aigw_val_str(aigw_val_get(v, "id"), &len);
	int64_t at = id ? aigw_reply_created(id, len) : -1;

	return at >= 0 ? at : (int64_t)time(NULL);
}

static int render(struct text *t, const struct aigw_val *v,
		  struct aigw_err *err)
{
	struct aigw_json w;
	int rc = 0;

	t->one.len = 0;
	aigw_json_init(&w, &t->one);
	switch ((enum format)t->format) {
	case TEXT:
		rc = aigw_reply_text(v, &t->one, err);
		break;
	case JSON:
		rc = aigw_reply_json(v, &w, err);
		break;
	case OPENAI:
		aigw_reply_openai(v, created(v), &w);
		break;
	case BATCH:
		aigw_reply_batch(v, created(v), &w);
		break;
	}
	if (rc == 0 && t->format != TEXT)
		rc = aigw_json_end(&w, err);
	if (rc == 0 && t->null)
		return aigw_buf_add(&t->one, "", 1);
	if (rc == 0 && (t->one.len == 0 || t->one.data[t->one.len - 1] != '\n'))
		return aigw_buf_add(&t->one, "\n", 1);
	return rc;
}

/* Failures -------------------------------------------------------------- */

static void judge(struct text *t, const struct aigw_val *e)
{
	if (aigw_val_is(aigw_val_get(e, "class"), "quota") &&
	    aigw_val_is(aigw_val_get(e, "origin"), "gateway"))
		t->halted = true;
	else if (aigw_val_true(aigw_val_get(e, "retryable")))
		t->retryable = true;
	else
		t->permanent = true;
}

static const char *word(const struct aigw_val *v, const char *otherwise)
{
	const char *s = aigw_val_str(v, NULL);

	return s ? s : otherwise;
}

/* The whole line, so that nothing of the record is lost, but for a key that
 * no stage has taken out. */
static void keep_failure(struct text *t, const struct aigw_val *v,
			 const char *line, size_t len)
{
	struct aigw_buf text;
	struct aigw_err err;

	aigw_buf_init(&text, len + 64);
	if (!aigw_val_at(v, "client.auth")) {
		add(t, &t->failures, line, len);
	} else if (aigw_json_splice(line, len, "client.auth", NULL, 0, &text,
				    &err) == 0) {
		add(t, &t->failures, text.data, text.len);
	} else {
		fail(t, err.text);
	}
	add(t, &t->failures, "\n", 1);
	aigw_buf_release(&text);
}

static void failure(struct text *t, const struct aigw_val *v, const char *line,
		    size_t len)
{
	const struct aigw_val *e = aigw_val_get(v, "err");
	struct aigw_err err;

	judge(t, e);
	t->one.len = 0;
	if (t->errors_to)
		keep_failure(t, v, line, len);
	else if (t->format != TEXT && render(t, v, &err) < 0)
		fail(t, err.text);
	if (t->format == TEXT) {
		if (t->live.shown.len > 0)
			flush(t);
		aigw_log(&t->log, AIGW_ERR, "%s: %s: %s",
			 word(aigw_val_get(v, "id"), "?"),
			 word(aigw_val_get(e, "class"), "internal"),
			 word(aigw_val_get(e, "message"), "no message"));
	}
	deliver(t, v);
}

/* A request at the end of a pipe that has no aigw-send. */
static int unanswered(struct aigw_buf *out, const char *line, size_t len,
		      struct aigw_err *err)
{
	struct aigw_env *env = aigw_env_parse(line, len, err);
	struct aigw_err why;
	int rc = -1;

	aigw_fail_as(&why, AIGW_E_INTERNAL, "no_answer",
		     "not answered: nothing in the pipe sent it");
	if (env &&
	    aigw_env_reject(env, &why, "text", "client", "gateway", err) == 0)
		rc = aigw_env_write(env, out, err);
	aigw_env_free(env);
	if (rc == 0)
		out->len--; /* its line end */
	return rc;
}

static int one_line(struct text *t, const char *line, size_t len,
		    struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(line, len, err);
	const struct aigw_val *v = aigw_doc_root(doc);
	struct aigw_buf text;
	int rc = 0;

	if (!doc)
		return -1;
	aigw_buf_init(&text, len + 4096);
	if (!aigw_val_str(aigw_val_get(v, "id"), NULL)) {
		rc = aigw_fail(err, "no envelope: it has no id");
	} else if (aigw_val_get(v, "e")) {
		chunk(t, v);
	} else if (aigw_val_type(aigw_val_get(v, "err")) != AIGW_NULL) {
		failure(t, v, line, len);
	} else if (!aigw_val_get(v, "res")) {
		rc = unanswered(&text, line, len, err);
		if (rc == 0)
			rc = one_line(t, text.data, text.len, err);
	} else {
		rc = render(t, v, err);
		if (rc == 0)
			deliver(t, v);
	}
	aigw_buf_release(&text);
	aigw_doc_free(doc);
	return rc;
}

/* Main ------------------------------------------------------------------ */

static void read_all(struct text *t)
{
	struct aigw_records r;
	struct aigw_record rec;
	struct aigw_err err;
	enum aigw_got got;

	aigw_records_init(&r, STDIN_FILENO, AIGW_SPLIT_LINES,
			  (size_t)t->max_line);
	r.idle = flush;
	r.arg = t;
	while (t->fatal == AIGW_EXIT_OK) {
		got = aigw_records_next(&r, &rec, &err);
		if (got == AIGW_GOT_END)
			break;
		if (got == AIGW_GOT_FAILED) {
			aigw_log(&t->log, AIGW_ERR, "stdin: %s", err.text);
			t->fatal = AIGW_EXIT_IO;
		} else if (got == AIGW_GOT_BAD ||
			   one_line(t, rec.data, rec.len, &err) < 0) {
			aigw_log(&t->log, AIGW_ERR, "line %llu: %s",
				 (unsigned long long)rec.line, err.text);
			t->permanent = true;
		}
	}
	aigw_records_release(&r);
}

static enum aigw_exit run(struct text *t)
{
	read_all(t);
	take_turns(t, true);
	if (t->live.id_len > 0)
		abandon_live(t);
	flush(t);
	if (t->fatal == AIGW_EXIT_OK &&
	    (close(STDOUT_FILENO) < 0 ||
	     (t->errors_to && close(t->failures_fd) < 0))) {
		aigw_log(&t->log, AIGW_ERR, "cannot write: %s",
			 strerror(errno));
		t->fatal = AIGW_EXIT_IO;
	}
	if (t->fatal != AIGW_EXIT_OK)
		return t->fatal;
	return t->permanent   ? AIGW_EXIT_RECORDS
	       : t->halted    ? AIGW_EXIT_HALTED
	       : t->retryable ? AIGW_EXIT_TEMPFAIL
			      : AIGW_EXIT_OK;
}

static enum aigw_exit start(struct text *t)
{
	size_t max = (size_t)t->max_line;

	if (!aigw_fd_open(STDIN_FILENO) || !aigw_fd_open(STDOUT_FILENO)) {
		bool in = !aigw_fd_open(STDIN_FILENO);

		aigw_log(&t->log, AIGW_ERR, "%s is closed",
			 in ? "stdin" : "stdout");
		return AIGW_EXIT_IO;
	}
	t->follow = t->format == TEXT && !t->keep_order && !t->null &&
		    (t->stream == WHEN_ALWAYS ||
		     (t->stream == WHEN_AUTO && isatty(STDOUT_FILENO)));
	aigw_buf_init(&t->out, 4 * max + HELD_MAX + 2 * FLUSH);
	aigw_buf_init(&t->one, 3 * max + FLUSH);
	aigw_buf_init(&t->failures, 2 * max + 2 * FLUSH);
	aigw_buf_init(&t->live.shown, max);
	aigw_buf_init(&t->live.behind, HELD_MAX + 3 * max + FLUSH);
	aigw_order_init(&t->order, (size_t)t->window, WINDOW_BYTES);
	if (t->errors_to) {
		t->failures_fd =
			open(t->errors_to,
			     O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (t->failures_fd < 0) {
			aigw_log(&t->log, AIGW_ERR, "%s: %s", t->errors_to,
				 strerror(errno));
			return AIGW_EXIT_CANTCREAT;
		}
	}
	return run(t);
}

int main(int argc, char **argv)
{
	struct text t = {.log = {stderr, "aigw-text", AIGW_INFO},
			 .failures_fd = -1};
	enum aigw_exit code = AIGW_EXIT_USAGE;
	struct aigw_err err;
	int n = 0;

	signal(SIGPIPE, SIG_DFL);
	if (aigw_opts_defaults(rows, &t, &err) < 0 ||
	    aigw_opts_argv(rows, &t, NULL, NULL, argc, argv, &n, NULL, &err) <
		    0) {
		aigw_log(&t.log, AIGW_ERR, "%s; try --help", err.text);
	} else if (t.help || t.version) {
		if (t.help)
			usage(stdout);
		else
			puts("aigw-text " AIGW_VERSION);
		code = fflush(stdout) == 0 ? AIGW_EXIT_OK : AIGW_EXIT_IO;
	} else if (n > 0) {
		aigw_log(&t.log, AIGW_ERR, "%s: envelopes come on stdin",
			 argv[1]);
	} else if (isatty(STDIN_FILENO)) {
		usage(stderr);
	} else {
		code = start(&t);
	}
	aigw_opts_release(rows, &t);
	aigw_order_release(&t.order);
	aigw_buf_release(&t.out);
	aigw_buf_release(&t.one);
	aigw_buf_release(&t.failures);
	aigw_buf_release(&t.live.shown);
	aigw_buf_release(&t.live.behind);
	return (int)code;
}
