/* SPDX-License-Identifier: Apache-2.0 */
/* prompt.c - aigw-prompt: lines, files, CSV and API bodies into envelopes */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/utf8.h"
#include "edge/attach.h"
#include "edge/fd.h"
#include "edge/fill.h"
#include "edge/pairs.h"
#include "edge/records.h"
#include "edge/request.h"
#include "host.h"

#define FLUSH 65536	   /* bytes of output that are written at once */
#define KEY_MAX 4096	   /* bytes in an API key */
#define SILENCE_MS 2000	   /* of a quiet stdin before we say what we wait for */
#define TEXT_MAX (1 << 20) /* bytes in a system prompt or template file */

enum form { AUTO, LINES, NULLS, CSV, WHOLE, CHAT, BATCH };
static const char *const forms[] = {"auto", "lines", "null",  "csv",
				    "file", "chat",  "batch", NULL};
static const enum aigw_split splits[] = {
	[LINES] = AIGW_SPLIT_LINES, [NULLS] = AIGW_SPLIT_NUL,
	[CSV] = AIGW_SPLIT_CSV,	    [WHOLE] = AIGW_SPLIT_WHOLE,
	[CHAT] = AIGW_SPLIT_LINES,  [BATCH] = AIGW_SPLIT_LINES,
};
static const char *const policies[] = {"refuse", "replace", NULL};

struct prompt {
	/* options */
	int from, invalid;
	bool null, stream, help, version;
	char *model, *system, *template, *column, *id_column, *key_file;
	struct aigw_list texts, params, attach, tags;
	int64_t max_line;

	/* made of them */
	struct aigw_log log;
	struct aigw_maker maker;
	struct aigw_ids ids;
	struct aigw_doc *params_doc, *tags_doc;
	struct aigw_buf system_buf, template_buf, key_buf, parts;
	struct aigw_fill fill;

	/* the input being read */
	const char *name; /* as messages call it */
	enum form form;
	struct aigw_csv header, row;
	bool have_header;
	long prompt_at, id_at; /* columns, or -1 */
	const char *value;     /* of {{input}} */
	size_t value_len;
	struct aigw_buf clean, filled;

	struct aigw_buf out;
	uint64_t seq;
	bool failed, hinted;
	enum aigw_exit fatal;
};

#define AT(field) offsetof(struct prompt, field)
static const struct aigw_opt rows[] = {
	{"text", 'e', AIGW_OPT_LIST, AT(texts), .arg = "TEXT",
	 .help = "a prompt; stdin is then not read"},
	{"from", 'f', AIGW_OPT_ENUM, AT(from), .fallback = "auto",
	 .arg = "FORM", .words = forms, .help = "what the input is"},
	{"null", '0', AIGW_OPT_FLAG, AT(null), .help = "same as --from null"},
	{"model", 'm', AIGW_OPT_STRING, AT(model), .arg = "MODEL",
	 .help = "model or alias (default $AIGW_MODEL, else \"default\")"},
	{"system", 's', AIGW_OPT_STRING, AT(system), .arg = "TEXT|@FILE",
	 .help = "system message of every prompt"},
	{"template", 't', AIGW_OPT_STRING, AT(template), .arg = "TEXT|@FILE",
	 .help = "prompt in which {{input}}, {{file}} or a CSV column's "
		 "{{name}} is filled in"},
	{"param", 'p', AIGW_OPT_LIST, AT(params), .arg = "NAME=JSON",
	 .help = "request parameter: -p temperature=0.2"},
	{"attach", 'a', AIGW_OPT_LIST, AT(attach), .arg = "FILE",
	 .help = "image, PDF, audio or text that goes with every prompt"},
	{"column", 0, AIGW_OPT_STRING, AT(column), .arg = "NAME",
	 .help = "CSV column that is the prompt (default \"prompt\")"},
	{"id-column", 0, AIGW_OPT_STRING, AT(id_column), .arg = "NAME",
	 .help = "CSV column that is the id"},
	{"stream", 0, AIGW_OPT_FLAG, AT(stream),
	 .help = "ask for answers piece by piece"},
	{"tag", 0, AIGW_OPT_LIST, AT(tags), .arg = "NAME=TEXT",
	 .help = "label in client.tags"},
	{"api-key-file", 0, AIGW_OPT_PATH, AT(key_file), .arg = "FILE",
	 .help = "key for aigw-auth (default: $AIGW_API_KEY if set)"},
	{"invalid-utf8", 0, AIGW_OPT_ENUM, AT(invalid), .fallback = "refuse",
	 .arg = "HOW", .words = policies, .help = "records that are not UTF-8"},
	{"max-line", 0, AIGW_OPT_SIZE, AT(max_line), .fallback = "16M",
	 .arg = "SIZE", .min = 1024, .max = 1 << 30,
	 .help = "longest record, and longest envelope"},
	{"help", 'h', AIGW_OPT_FLAG, AT(help), .help = "this text"},
	{"version", 'V', AIGW_OPT_FLAG, AT(version), .help = "the version"},
	{.type = AIGW_OPT_END},
};

static void usage(FILE *out)
{
	fputs("Usage: aigw prompt [OPTION]... [FILE]...\n"
	      "Turn prompts into envelopes, one JSON object per line.\n\n"
	      "  $ aigw prompt -m fast -e 'Say hello' | aigw run | aigw text\n"
	      "  $ aigw prompt -m fast -t 'Review: {{input}}' *.c | ...\n"
	      "  $ aigw prompt --from csv -t 'Translate: {{text}}' <in.csv\n"
	      "  $ aigw prompt --from batch <requests.jsonl | ...\n\n"
	      "Each FILE is one prompt (- is stdin); without FILE each line of "
	      "stdin is one.\n--from says otherwise.\n\n",
	      out);
	aigw_opts_help(rows, out);
}

/* Output ---------------------------------------------------------------- */

static void flush(struct prompt *p)
{
	struct aigw_err err;

	if (p->out.len > 0 && p->fatal == AIGW_EXIT_OK &&
	    aigw_fd_write(STDOUT_FILENO, p->out.data, p->out.len, &err) < 0) {
		if (errno == EPIPE) {
			signal(SIGPIPE, SIG_DFL);
			raise(SIGPIPE);
		}
		aigw_log(&p->log, AIGW_ERR, "%s", err.text);
		p->fatal = AIGW_EXIT_IO;
	}
	p->out.len = 0;
}

/* The input makes us wait: let go of what is there, then tell people why. */
static void idle(void *arg)
{
	struct prompt *p = arg;

	flush(p);
	if (p->hinted || p->seq > 0 || !isatty(STDERR_FILENO))
		return;
	p->hinted = true;
	if (!aigw_fd_ready(STDIN_FILENO, SILENCE_MS))
		aigw_log(&p->log, AIGW_INFO,
			 "waiting for prompts on stdin; -e TEXT gives one "
			 "directly");
}

static void reject(struct prompt *p, const struct aigw_made *made,
		   const struct aigw_record *rec, struct aigw_err *why)
{
	const char *id = made->id_len > 0 ? made->id : NULL;
	struct aigw_env *env = aigw_env_new(id, made->id_len);
	struct aigw_err err = {.text = "out of memory"};

	aigw_fail_in(why, "%s: record %llu, line %llu, byte %llu", p->name,
		     (unsigned long long)rec->number,
		     (unsigned long long)rec->line,
		     (unsigned long long)rec->offset);
	p->failed = true;
	if (!env || aigw_env_set_int(env, "seq", (int64_t)p->seq, &err) < 0 ||
	    aigw_env_reject(env, why, "prompt", "client", "gateway", &err) <
		    0 ||
	    aigw_env_set_int(env, "err.line", (int64_t)rec->line, &err) < 0 ||
	    aigw_env_write(env, &p->out, &err) < 0) {
		aigw_log(&p->log, AIGW_ERR, "%s", err.text);
		p->fatal = AIGW_EXIT_SOFTWARE;
	}
	aigw_env_free(env);
}

/* Records --------------------------------------------------------------- */

/* U+FFFD for every byte that is not UTF-8, or a refusal. */
static int clean(struct prompt *p, struct aigw_record *rec,
		 struct aigw_err *err)
{
	size_t at = 0, ok;

	ok = aigw_utf8_valid(rec->data, rec->len);
	if (ok == rec->len)
		return 0;
	if (p->invalid == 0)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_utf8",
				    "not UTF-8 at its byte %zu "
				    "(--invalid-utf8=replace would go on)",
				    ok);
	p->clean.len = 0;
	for (;;) {
		if (aigw_buf_add(&p->clean, rec->data + at, ok) < 0)
			goto full;
		at += ok;
		if (at == rec->len)
			break;
		if (aigw_buf_str(&p->clean, "\xef\xbf\xbd") < 0)
			goto full;
		at++;
		ok = aigw_utf8_valid(rec->data + at, rec->len - at);
	}
	rec->data = p->clean.data;
	rec->len = p->clean.len;
	return 0;
full:
	return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
			    "record passes %zu bytes", p->clean.max);
}

static long find_column(void *arg, const char *name, size_t len)
{
	const struct aigw_csv *header = arg;
	const char *s;
	size_t i, n;

	for (i = 0; i < header->n; i++) {
		s = aigw_csv_field(header, i, &n);
		if (n == len && memcmp(s, name, n) == 0)
			return (long)i;
	}
	return -1;
}

static int need_column(struct prompt *p, const char *name, long *at,
		       struct aigw_err *err)
{
	*at = find_column(&p->header, name, strlen(name));
	if (*at >= 0)
		return 0;
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "unknown_column",
			    "the header has no column \"%.64s\"", name);
}

static int read_header(struct prompt *p, const struct aigw_record *rec,
		       struct aigw_err *err)
{
	p->prompt_at = p->id_at = -1;
	if (aigw_csv_read(&p->header, rec->data, rec->len, err) < 0)
		return -1;
	if (p->id_column && need_column(p, p->id_column, &p->id_at, err) < 0)
		return -1;
	if (p->template)
		return aigw_fill_bind(&p->fill, find_column, &p->header, err);
	if (!p->column && p->header.n == 1)
		p->prompt_at = 0;
	else if (need_column(p, p->column ? p->column : "prompt", &p->prompt_at,
			     err) < 0)
		return -1;
	return 0;
}

static const char *csv_value(void *arg, size_t slot, size_t *len)
{
	return aigw_csv_field(arg, slot, len);
}

static const char *text_value(void *arg, size_t slot, size_t *len)
{
	const struct prompt *p = arg;

	*len = slot == 0 ? p->value_len : strlen(p->name);
	return slot == 0 ? p->value : p->name;
}

static long text_name(void *arg, const char *name, size_t len)
{
	(void)arg;
	if (len == 5 && memcmp(name, "input", 5) == 0)
		return 0;
	return len == 4 && memcmp(name, "file", 4) == 0 ? 1 : -1;
}

static int ask_csv(struct prompt *p, struct aigw_made *made,
		   const struct aigw_record *rec, struct aigw_err *err)
{
	const char *text, *id = NULL;
	size_t len, id_len = 0;

	if (aigw_csv_read(&p->row, rec->data, rec->len, err) < 0)
		return -1;
	if (p->row.n != p->header.n)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_csv",
				    "%zu fields, the header has %zu", p->row.n,
				    p->header.n);
	if (p->template) {
		p->filled.len = 0;
		if (aigw_fill(&p->fill, csv_value, &p->row, &p->filled, err) <
		    0)
			return -1;
		text = p->filled.data;
		len = p->filled.len;
	} else {
		text = aigw_csv_field(&p->row, (size_t)p->prompt_at, &len);
	}
	if (p->id_at >= 0)
		id = aigw_csv_field(&p->row, (size_t)p->id_at, &id_len);
	return aigw_make_text(&p->maker, made, id, id_len, text ? text : "",
			      len, &p->out, err);
}

static int ask_text(struct prompt *p, struct aigw_made *made,
		    const struct aigw_record *rec, struct aigw_err *err)
{
	const char *text = rec->data;
	size_t len = rec->len;

	if (p->template) {
		p->value = text;
		p->value_len = len;
		p->filled.len = 0;
		if (aigw_fill(&p->fill, text_value, p, &p->filled, err) < 0)
			return -1;
		text = p->filled.data ? p->filled.data : "";
		len = p->filled.len;
	}
	return aigw_make_text(&p->maker, made, NULL, 0, text, len, &p->out,
			      err);
}

/* RFC 8259 section 8.1: a JSON text must not begin with a mark. */
static int ask_json(struct prompt *p, struct aigw_made *made,
		    const struct aigw_record *rec, struct aigw_err *err)
{
	if (rec->offset == 0 && rec->len >= 3 &&
	    memcmp(rec->data, "\xef\xbb\xbf", 3) == 0)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_json",
				    "a byte order mark (EF BB BF) stands "
				    "before the JSON text");
	return p->form == BATCH ? aigw_make_batch(&p->maker, made, rec->data,
						  rec->len, &p->out, err)
				: aigw_make_body(&p->maker, made, rec->data,
						 rec->len, &p->out, err);
}

static void one_record(struct prompt *p, struct aigw_record *rec)
{
	struct aigw_made made = {.seq = ++p->seq};
	struct aigw_err err;
	int rc = clean(p, rec, &err);

	if (rc == 0 && p->form == CSV)
		rc = ask_csv(p, &made, rec, &err);
	else if (rc == 0 && (p->form == CHAT || p->form == BATCH))
		rc = ask_json(p, &made, rec, &err);
	else if (rc == 0)
		rc = ask_text(p, &made, rec, &err);
	if (rc < 0)
		reject(p, &made, rec, &err);
	if (p->out.len >= FLUSH)
		flush(p);
}

/* A header that cannot be used leaves nothing to do with the rest. */
static bool take_header(struct prompt *p, struct aigw_record *rec)
{
	struct aigw_err err;

	if (clean(p, rec, &err) == 0 && read_header(p, rec, &err) == 0) {
		p->have_header = true;
		return true;
	}
	aigw_log(&p->log, AIGW_ERR, "%s: %s", p->name, err.text);
	p->fatal = AIGW_EXIT_DATA;
	return false;
}

/* Inputs ---------------------------------------------------------------- */

static void read_input(struct prompt *p, int fd)
{
	struct aigw_made none = {.id_len = 0};
	struct aigw_records r;
	struct aigw_record rec;
	struct aigw_err err;
	enum aigw_got got;

	p->have_header = false;
	aigw_records_init(&r, fd, splits[p->form], (size_t)p->max_line);
	r.cut_bom = p->form != CHAT && p->form != BATCH;
	r.idle = idle;
	r.arg = p;
	while (p->fatal == AIGW_EXIT_OK) {
		got = aigw_records_next(&r, &rec, &err);
		if (got == AIGW_GOT_END)
			break;
		if (got == AIGW_GOT_FAILED) {
			aigw_log(&p->log, AIGW_ERR, "%s: %s", p->name,
				 err.text);
			p->fatal = AIGW_EXIT_IO;
		} else if (got == AIGW_GOT_BAD) {
			p->seq++;
			reject(p, &none, &rec, &err);
		} else if (p->form == CSV && !p->have_header) {
			take_header(p, &rec);
		} else {
			one_record(p, &rec);
		}
	}
	aigw_records_release(&r);
}

static void read_file(struct prompt *p, const char *path)
{
	bool in = strcmp(path, "-") == 0;
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

	p->name = in ? "stdin" : path;
	if (fd < 0) {
		aigw_log(&p->log, AIGW_ERR, "%s: %s", path, strerror(errno));
		p->fatal = AIGW_EXIT_NOINPUT;
		return;
	}
	read_input(p, fd);
	if (!in)
		close(fd);
}

static void read_texts(struct prompt *p)
{
	struct aigw_record rec = {.line = 1};
	enum form form = p->form;
	size_t i;

	p->name = "-e";
	p->form = LINES;
	for (i = 0; i < p->texts.n && p->fatal == AIGW_EXIT_OK; i++) {
		rec.data = p->texts.v[i];
		rec.len = strlen(rec.data);
		rec.number = i + 1;
		one_record(p, &rec);
	}
	p->form = form;
}

/* Better now than when half of the prompts are sent and paid. */
static bool can_read(struct prompt *p, char **files, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		if (strcmp(files[i], "-") == 0 || access(files[i], R_OK) == 0)
			continue;
		aigw_log(&p->log, AIGW_ERR,
			 "%s: %s; operands are files, -e TEXT is a prompt",
			 files[i], strerror(errno));
		return false;
	}
	return true;
}

static enum aigw_exit run(struct prompt *p, char **files, int n)
{
	bool in = n == 0 && p->texts.n == 0;
	int i;

	if (!can_read(p, files, n))
		return AIGW_EXIT_NOINPUT;
	if (in && !aigw_fd_open(STDIN_FILENO)) {
		aigw_log(&p->log, AIGW_ERR, "stdin is closed");
		return AIGW_EXIT_IO;
	}
	p->form = p->from != AUTO ? (enum form)p->from
		  : p->null	  ? NULLS
		  : n > 0	  ? WHOLE
				  : LINES;
	read_texts(p);
	for (i = 0; i < n && p->fatal == AIGW_EXIT_OK; i++)
		read_file(p, files[i]);
	if (in)
		read_file(p, "-");
	flush(p);
	if (p->fatal == AIGW_EXIT_OK && close(STDOUT_FILENO) < 0) {
		aigw_log(&p->log, AIGW_ERR, "cannot write: %s",
			 strerror(errno));
		p->fatal = AIGW_EXIT_IO;
	}
	if (p->fatal != AIGW_EXIT_OK)
		return p->fatal;
	return p->failed ? AIGW_EXIT_RECORDS : AIGW_EXIT_OK;
}

/* Options --------------------------------------------------------------- */

static int load_text(const char *arg, struct aigw_buf *buf, const char **text,
		     size_t *len, struct aigw_err *err)
{
	*text = arg;
	*len = strlen(arg);
	if (arg[0] == '@') {
		if (aigw_fd_slurp(arg + 1, buf, err) < 0)
			return -1;
		*text = buf->data ? buf->data : "";
		*len = buf->len;
	}
	if (aigw_utf8_valid(*text, *len) != *len)
		return aigw_fail(err, "%s: not UTF-8 at byte %zu",
				 arg[0] == '@' ? arg + 1 : "text",
				 aigw_utf8_valid(*text, *len));
	return 0;
}

/* What the command line makes has a place of its own. */
static int check_params(const struct aigw_val *params, struct aigw_err *err)
{
	static const char *const own[][2] = {{"model", "-m"},
					     {"messages",
					      "-s, -e and the input"},
					     {"stream", "--stream"}};
	size_t i;

	for (i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (aigw_val_get(params, own[i][0]))
			return aigw_fail(err, "-p %s: use %s", own[i][0],
					 own[i][1]);
	}
	return 0;
}

/* Secrets come from a file or the environment; the last line end of a file
 * belongs to the editor. */
static int load_key(struct prompt *p, struct aigw_err *err)
{
	const char *env = getenv("AIGW_API_KEY");
	size_t i;

	if (!p->key_file && (!env || !*env))
		return 0;
	if (p->key_file && aigw_fd_slurp(p->key_file, &p->key_buf, err) < 0)
		return -1;
	if (!p->key_file && aigw_buf_str(&p->key_buf, env) < 0)
		return aigw_fail(err, "AIGW_API_KEY is too long");
	while (p->key_buf.len > 0 &&
	       strchr("\r\n", p->key_buf.data[p->key_buf.len - 1]))
		p->key_buf.len--;
	for (i = 0; i < p->key_buf.len; i++) {
		if (p->key_buf.data[i] <= ' ' || p->key_buf.data[i] > '~')
			return aigw_fail(err, "the API key is not one word of "
					      "printable ASCII");
	}
	if (p->key_buf.len == 0)
		return aigw_fail(err, "%s: no API key in it", p->key_file);
	p->maker.key = p->key_buf.data;
	p->maker.key_len = p->key_buf.len;
	return 0;
}

static int load_attachments(struct prompt *p, struct aigw_err *err)
{
	struct aigw_json w;
	size_t i, max = (size_t)p->max_line;

	aigw_buf_init(&p->parts, max);
	for (i = 0; i < p->attach.n; i++) {
		if (i > 0 && aigw_buf_str(&p->parts, ",") < 0)
			return aigw_fail(err, "out of memory");
		aigw_json_init(&w, &p->parts);
		if (aigw_attach(p->attach.v[i], max, &w, err) < 0)
			return -1;
		if (aigw_json_end(&w, err) < 0)
			return aigw_fail_in(err, "%s", p->attach.v[i]);
	}
	p->maker.parts = &p->parts;
	return 0;
}

static int check_forms(struct prompt *p, struct aigw_err *err)
{
	bool json = p->from == CHAT || p->from == BATCH;

	if (p->null && p->from != AUTO && p->from != NULLS)
		return aigw_fail(err, "-0 and --from %s exclude each other",
				 forms[p->from]);
	if (json && (p->system || p->template || p->attach.n > 0))
		return aigw_fail(err,
				 "--from %s: its messages are not ours to "
				 "change (-s, -t, -a)",
				 forms[p->from]);
	if (p->from != CSV && (p->column || p->id_column))
		return aigw_fail(err, "--column and --id-column need "
				      "--from csv");
	if (p->column && p->template)
		return aigw_fail(err, "--column and -t exclude each other");
	if (p->from == CSV && p->template && p->texts.n > 0)
		return aigw_fail(err, "-e and a template for CSV exclude "
				      "each other");
	return 0;
}

static int load(struct prompt *p, struct aigw_err *err)
{
	const char *model = getenv("AIGW_MODEL"), *text;
	size_t len;

	p->maker.force_model = p->model != NULL;
	p->maker.model = p->model	   ? p->model
			 : model && *model ? model
					   : "default";
	p->maker.stream = p->stream;
	p->maker.max = (size_t)p->max_line;
	p->maker.ids = &p->ids;
	aigw_buf_init(&p->clean, (size_t)p->max_line);
	aigw_buf_init(&p->filled, (size_t)p->max_line);
	aigw_buf_init(&p->out, 3 * (size_t)p->max_line + 2 * FLUSH);
	aigw_csv_init(&p->header, (size_t)p->max_line);
	aigw_csv_init(&p->row, (size_t)p->max_line);
	aigw_buf_init(&p->system_buf, TEXT_MAX);
	aigw_buf_init(&p->template_buf, TEXT_MAX);
	aigw_buf_init(&p->key_buf, KEY_MAX);
	if (check_forms(p, err) < 0)
		return -1;
	if (p->system && load_text(p->system, &p->system_buf, &p->maker.system,
				   &p->maker.system_len, err) < 0)
		return -1;
	if (p->template &&
	    (load_text(p->template, &p->template_buf, &text, &len, err) < 0 ||
	     aigw_fill_init(&p->fill, text, len, err) < 0))
		return -1;
	if (p->template && p->from != CSV &&
	    aigw_fill_bind(&p->fill, text_name, NULL, err) < 0)
		return -1;
	p->tags_doc = aigw_pairs_text(&p->tags, err);
	p->params_doc = p->tags_doc ? aigw_pairs_json(&p->params, err) : NULL;
	if (!p->params_doc)
		return -1;
	p->maker.tags = aigw_doc_root(p->tags_doc);
	p->maker.params = aigw_doc_root(p->params_doc);
	if (check_params(p->maker.params, err) < 0 || load_key(p, err) < 0)
		return -1;
	return load_attachments(p, err) < 0 ? -1 : aigw_ids_init(&p->ids, err);
}

static void unload(struct prompt *p)
{
	aigw_opts_release(rows, p);
	aigw_ids_release(&p->ids);
	aigw_doc_free(p->params_doc);
	aigw_doc_free(p->tags_doc);
	aigw_csv_release(&p->header);
	aigw_csv_release(&p->row);
	aigw_buf_release(&p->system_buf);
	aigw_buf_release(&p->template_buf);
	aigw_buf_release(&p->key_buf);
	aigw_buf_release(&p->parts);
	aigw_buf_release(&p->clean);
	aigw_buf_release(&p->filled);
	aigw_buf_release(&p->out);
}

int main(int argc, char **argv)
{
	struct prompt p = {.log = {stderr, "aigw-prompt", AIGW_INFO}};
	enum aigw_exit code = AIGW_EXIT_USAGE;
	struct aigw_err err;
	int n = 0;

	signal(SIGPIPE, SIG_DFL);
	if (aigw_opts_defaults(rows, &p, &err) < 0 ||
	    aigw_opts_argv(rows, &p, NULL, NULL, argc, argv, &n, NULL, &err) <
		    0) {
		aigw_log(&p.log, AIGW_ERR, "%s; try --help", err.text);
	} else if (p.help || p.version) {
		if (p.help)
			usage(stdout);
		else
			puts("aigw-prompt " AIGW_VERSION);
		code = fflush(stdout) == 0 ? AIGW_EXIT_OK : AIGW_EXIT_IO;
	} else if (n == 0 && p.texts.n == 0 && isatty(STDIN_FILENO)) {
		usage(stderr);
	} else if (!aigw_fd_open(STDOUT_FILENO)) {
		aigw_log(&p.log, AIGW_ERR, "stdout is closed");
		code = AIGW_EXIT_IO;
	} else if (load(&p, &err) < 0) {
		aigw_log(&p.log, AIGW_ERR, "%s", err.text);
		if (err.code && strcmp(err.code, "no_input") == 0)
			code = AIGW_EXIT_NOINPUT;
	} else {
		code = run(&p, argv + 1, n);
	}
	unload(&p);
	return (int)code;
}
