/* SPDX-License-Identifier: Apache-2.0 */
/* tokens.c - aigw-tokens: count the tokens of a text, of lines, of requests */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "core/log.h"
#include "core/opt.h"
#include "edge/fd.h"
#include "edge/records.h"
#include "text/chat.h"
#include "text/tokens.h"

#define READ_BYTES (64 * 1024)
#define FLUSH READ_BYTES
#define ENCODINGS 8			     /* open at once; there are fewer */
#define OUT_MAX ((size_t)1024 * 1024 * 1024) /* one answer with its ids */

struct tokens {
	/* options */
	char *encoding, *model;
	bool ids, jsonl, special, chat, help, version;
	int64_t max_line;

	struct aigw_log log;
	struct aigw_counter *counter[ENCODINGS];
	size_t counters;
	struct aigw_buf out, id; /* `id`: uint32_t each */
	enum aigw_exit code;
};

#define ROW(NAME, TYPE, FIELD, ...) \
	{ \
		.name = NAME, .type = AIGW_OPT_##TYPE, \
		.offset = offsetof(struct tokens, FIELD), __VA_ARGS__ \
	}

static const struct aigw_opt rows[] = {
	ROW("encoding", STRING, encoding, .letter = 'e', .arg = "NAME",
	    .help = "o200k_base, o200k_harmony, cl100k_base, p50k_base, "
		    "p50k_edit, r50k_base"),
	ROW("model", STRING, model, .letter = 'm', .arg = "NAME",
	    .help = "the encoding of this model (default o200k_base)"),
	ROW("ids", FLAG, ids, .help = "print the tokens too"),
	ROW("jsonl", FLAG, jsonl,
	    .help = "count the member `text` of each line; `id` is copied"),
	ROW("special", FLAG, special,
	    .help = "take <|endoftext|> and the like for what they name"),
	ROW("chat", FLAG, chat,
	    .help = "count chat completion requests: messages, tools, images"),
	ROW("max-line", SIZE, max_line, .fallback = "64M", .arg = "SIZE",
	    .min = 1024, .max = 1 << 30,
	    .help = "longest line, request, or text with --ids"),
	ROW("help", FLAG, help, .letter = 'h', .help = "this text"),
	ROW("version", FLAG, version, .letter = 'V', .help = "the version"),
	{.type = AIGW_OPT_END},
};

static void usage(FILE *out)
{
	fputs("Usage: aigw tokens [OPTION]... <TEXT\n"
	      "Count the tokens of the text on stdin, exactly.\n\n"
	      "  $ aigw tokens -m gpt-4o <prompt.txt\n"
	      "  $ aigw tokens -e cl100k_base --ids --jsonl <texts.jsonl\n"
	      "  $ aigw tokens --chat --jsonl <requests.jsonl\n"
	      "\n",
	      out);
	aigw_opts_help(rows, out);
}

static int fail_as(struct tokens *t, enum aigw_exit code, const char *why)
{
	aigw_log(&t->log, AIGW_ERR, "%s", why);
	t->code = code;
	return -1;
}

/* The counter of an encoding, opened when it is first needed. */
static struct aigw_counter *counter_of(struct tokens *t, const char *name,
				       struct aigw_err *err)
{
	struct aigw_encoding *enc;
	struct aigw_counter *c;

	for (size_t i = 0; i < t->counters; i++) {
		c = t->counter[i];
		if (!strcmp(aigw_encoding_name(aigw_counter_encoding(c)), name))
			return c;
	}
	enc = t->counters < ENCODINGS ? aigw_encoding_open(name, err) : NULL;
	if (!enc)
		return NULL;
	c = aigw_encoding_verify(enc, err) ? NULL : aigw_counter_new(enc, err);
	if (!c) {
		aigw_encoding_free(enc);
		return NULL;
	}
	t->counter[t->counters++] = c;
	return c;
}

/* What -e or -m or, in a request, its model asks for. */
static struct aigw_counter *counter_for(struct tokens *t, const char *model,
					bool *assumed, struct aigw_err *err)
{
	const char *name = t->encoding;

	*assumed = false;
	if (t->model)
		model = t->model;
	if (!name && model)
		name = aigw_encoding_for_model(model, assumed);
	return counter_of(t, name ? name : "o200k_base", err);
}

static void counters_free(struct tokens *t)
{
	while (t->counters) {
		struct aigw_counter *c = t->counter[--t->counters];
		const struct aigw_encoding *enc = aigw_counter_encoding(c);

		aigw_counter_free(c);
		aigw_encoding_free((struct aigw_encoding *)enc);
	}
}

static int flush(struct tokens *t)
{
	struct aigw_err err;

	if (t->out.len &&
	    aigw_fd_write(STDOUT_FILENO, t->out.data, t->out.len, &err))
		return fail_as(t, AIGW_EXIT_IO, err.text);
	t->out.len = 0;
	return 0;
}

/* One answer; `ids` NULL: without. */
static int print(struct tokens *t, const struct aigw_val *id, uint64_t n,
		 const struct aigw_buf *ids, const char *method,
		 const char *encoding, bool assumed, struct aigw_err *err)
{
	struct aigw_json w;

	aigw_json_init(&w, &t->out);
	aigw_json_object(&w);
	if (id) {
		aigw_json_key(&w, "id");
		aigw_json_val(&w, id);
	}
	aigw_json_key(&w, "n");
	aigw_json_int(&w, (int64_t)n);
	if (ids) {
		aigw_json_key(&w, "ids");
		aigw_json_array(&w);
		for (size_t i = 0; i < ids->len; i += sizeof(uint32_t)) {
			uint32_t token;

			memcpy(&token, ids->data + i, sizeof(token));
			aigw_json_int(&w, token);
		}
		aigw_json_close(&w);
	}
	if (method) {
		aigw_json_key(&w, "method");
		aigw_json_str(&w, method);
	}
	aigw_json_key(&w, "encoding");
	aigw_json_str(&w, encoding);
	if (assumed) {
		aigw_json_key(&w, "assumed");
		aigw_json_bool(&w, true);
	}
	aigw_json_close(&w);
	if (aigw_json_end(&w, err))
		return -1;
	if (aigw_buf_add(&t->out, "\n", 1))
		return aigw_fail(err, "out of memory");
	return 0;
}

static enum aigw_specials specials(const struct tokens *t)
{
	return t->special ? AIGW_SPECIAL_TOKEN : AIGW_SPECIAL_TEXT;
}

static int count_text(struct tokens *t, const struct aigw_val *id,
		      const char *s, size_t len, struct aigw_err *err)
{
	bool assumed;
	struct aigw_counter *c = counter_for(t, NULL, &assumed, err);
	uint64_t n;

	if (!c)
		return -1;
	if (t->ids) {
		t->id.len = 0;
		if (aigw_encode_text(c, s, len, specials(t), &t->id, err))
			return -1;
		n = t->id.len / sizeof(uint32_t);
	} else if (t->special) {
		aigw_count_begin(c, AIGW_SPECIAL_TOKEN);
		aigw_count_feed(c, s, len);
		n = aigw_count_end(c);
	} else {
		n = aigw_count_text(c, s, len);
	}
	return print(t, id, n, t->ids ? &t->id : NULL, NULL,
		     aigw_encoding_name(aigw_counter_encoding(c)), assumed,
		     err);
}

static int count_chat(struct tokens *t, const struct aigw_val *id,
		      const struct aigw_val *body, struct aigw_err *err)
{
	struct aigw_chat_count count;
	const char *model = t->model;
	size_t len = 0;
	bool assumed;
	struct aigw_counter *c;

	if (!model)
		model = aigw_val_str(aigw_val_get(body, "model"), &len);
	else
		len = strlen(model);
	c = counter_for(t, model, &assumed, err);
	if (!c || aigw_chat_count(c, model, len, body, &count, err))
		return -1;
	return print(t, id, count.n, NULL, count.exact ? "exact" : "estimate",
		     aigw_encoding_name(aigw_counter_encoding(c)), assumed,
		     err);
}

/* A line, or with --chat the whole input: {"id":...,"text":...}, or a request.
 */
static int count_record(struct tokens *t, const char *s, size_t len,
			struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(s, len, err);
	const struct aigw_val *v = aigw_doc_root(doc), *id;
	const char *text;
	size_t n;
	int rc;

	if (!doc)
		return -1;
	id = aigw_val_get(v, "id");
	text = aigw_val_str(aigw_val_get(v, "text"), &n);
	if (aigw_val_type(v) != AIGW_OBJECT)
		rc = aigw_fail(err, "expected an object");
	else if (t->chat)
		rc = count_chat(t, id, v, err);
	else if (!text)
		rc = aigw_fail(err, "expected a string in member text");
	else
		rc = count_text(t, id, text, n, err);
	aigw_doc_free(doc);
	return rc;
}

/* Any size, in the memory of one window. */
static int count_stream(struct tokens *t)
{
	struct aigw_err err;
	bool assumed;
	struct aigw_counter *c = counter_for(t, NULL, &assumed, &err);
	char part[READ_BYTES];
	long n;

	if (!c)
		return fail_as(t, AIGW_EXIT_CONFIG, err.text);
	aigw_count_begin(c, specials(t));
	while ((n = aigw_fd_read(STDIN_FILENO, part, sizeof(part))) > 0)
		aigw_count_feed(c, part, (size_t)n);
	if (n < 0)
		return fail_as(t, AIGW_EXIT_NOINPUT, strerror(errno));
	if (print(t, NULL, aigw_count_end(c), NULL, NULL,
		  aigw_encoding_name(aigw_counter_encoding(c)), assumed, &err))
		return fail_as(t, AIGW_EXIT_SOFTWARE, err.text);
	return flush(t);
}

static int count_whole(struct tokens *t)
{
	struct aigw_buf in;
	struct aigw_err err;
	int rc = -1;

	aigw_buf_init(&in, (size_t)t->max_line);
	if (aigw_fd_slurp("-", &in, &err))
		fail_as(t, AIGW_EXIT_DATA, err.text);
	else if (t->chat ? count_record(t, in.data, in.len, &err)
			 : count_text(t, NULL, in.data ? in.data : "", in.len,
				      &err))
		fail_as(t, AIGW_EXIT_DATA, err.text);
	else
		rc = flush(t);
	aigw_buf_release(&in);
	return rc;
}

static int count_lines(struct tokens *t)
{
	struct aigw_records in;
	struct aigw_record rec;
	enum aigw_got got;
	struct aigw_err err;
	int rc = 0;

	aigw_records_init(&in, STDIN_FILENO, AIGW_SPLIT_LINES,
			  (size_t)t->max_line);
	in.cut_bom = true;
	while (!rc &&
	       (got = aigw_records_next(&in, &rec, &err)) != AIGW_GOT_END) {
		size_t before = t->out.len;

		if (got == AIGW_GOT_FAILED) {
			rc = fail_as(t, AIGW_EXIT_NOINPUT, err.text);
			break;
		}
		if (got == AIGW_GOT_BAD ||
		    count_record(t, rec.data, rec.len, &err)) {
			t->out.len = before;
			if (err.code && !strcmp(err.code, "no_vocabulary")) {
				rc = fail_as(t, AIGW_EXIT_CONFIG, err.text);
				break;
			}
			aigw_log(&t->log, AIGW_ERR,
				 "line %llu at byte %llu: %s",
				 (unsigned long long)rec.line,
				 (unsigned long long)rec.offset, err.text);
			t->code = AIGW_EXIT_RECORDS;
		}
		if (t->out.len >= FLUSH)
			rc = flush(t);
	}
	aigw_records_release(&in);
	return rc ? rc : flush(t);
}

static void run(struct tokens *t)
{
	struct aigw_err err;
	bool assumed;

	/* A name nobody knows is told before anything is read. */
	if ((t->encoding || t->model || !t->chat) &&
	    !counter_for(t, NULL, &assumed, &err)) {
		fail_as(t,
			err.class == AIGW_E_BAD_REQUEST ? AIGW_EXIT_USAGE
							: AIGW_EXIT_CONFIG,
			err.text);
		return;
	}
	if (t->jsonl)
		count_lines(t);
	else if (t->ids || t->chat)
		count_whole(t);
	else
		count_stream(t);
}

int main(int argc, char **argv)
{
	struct tokens t = {.log = {stderr, "aigw-tokens", AIGW_INFO}};
	struct aigw_err err;
	int n = 0;

	signal(SIGPIPE, SIG_DFL);
	aigw_buf_init(&t.out, OUT_MAX);
	aigw_buf_init(&t.id, OUT_MAX);
	if (aigw_opts_defaults(rows, &t, &err) ||
	    aigw_opts_argv(rows, &t, NULL, NULL, argc, argv, &n, NULL, &err)) {
		fail_as(&t, AIGW_EXIT_USAGE, err.text);
	} else if (t.help || t.version) {
		if (t.help)
			usage(stdout);
		else
			puts("aigw-tokens " AIGW_VERSION);
		t.code = fflush(stdout) ? AIGW_EXIT_IO : AIGW_EXIT_OK;
	} else if (n > 0) {
		aigw_log(&t.log, AIGW_ERR, "%s: the text comes on stdin",
			 argv[1]);
		t.code = AIGW_EXIT_USAGE;
	} else if (t.encoding && t.model) {
		fail_as(&t, AIGW_EXIT_USAGE, "--encoding or --model, not both");
	} else if (t.chat && (t.ids || t.special)) {
		fail_as(&t, AIGW_EXIT_USAGE,
			"--chat goes without --ids and --special");
	} else if (!aigw_fd_open(STDIN_FILENO)) {
		fail_as(&t, AIGW_EXIT_IO, "stdin is closed");
	} else if (!aigw_fd_open(STDOUT_FILENO)) {
		fail_as(&t, AIGW_EXIT_IO, "stdout is closed");
	} else if (isatty(STDIN_FILENO)) {
		usage(stderr);
		t.code = AIGW_EXIT_USAGE;
	} else {
		run(&t);
	}
	counters_free(&t);
	aigw_buf_release(&t.out);
	aigw_buf_release(&t.id);
	aigw_opts_release(rows, &t);
	return (int)t.code;
}
