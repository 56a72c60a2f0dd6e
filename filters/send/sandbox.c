/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - the provider `sandbox`, step by step, with the faults asked for
 */
#include "sandbox.h"

#include <stdlib.h>
#include <string.h>

#define MODEL_MAX 256

const struct aigw_opt sandbox_opts[] = {
	{.name = "latency",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct sandbox_opts, latency),
	 .fallback = "0ms",
	 .help = "wait before the first byte"},
	{.name = "gap",
	 .type = AIGW_OPT_TIME,
	 .offset = offsetof(struct sandbox_opts, gap),
	 .fallback = "0ms",
	 .help = "wait between two deltas of a stream"},
	{.name = "status",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct sandbox_opts, status),
	 .fallback = "0",
	 .max = 599,
	 .help = "answer with this HTTP status"},
	{.name = "retry_after",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct sandbox_opts, retry_after),
	 .fallback = "-1",
	 .min = -1,
	 .max = 86400000,
	 .help = "milliseconds in retry-after-ms of that status"},
	{.name = "fail",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct sandbox_opts, fail),
	 .fallback = "0",
	 .help = "faults only in the first N attempts of a request"},
	{.name = "cut",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct sandbox_opts, cut),
	 .fallback = "-1",
	 .min = -1,
	 .max = INT32_MAX,
	 .help = "break off after N deltas"},
	{.name = "error_after",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct sandbox_opts, error_after),
	 .fallback = "-1",
	 .min = -1,
	 .max = INT32_MAX,
	 .help = "an error in the answer after N deltas"},
	{.name = "stall",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct sandbox_opts, stall),
	 .fallback = "-1",
	 .min = -1,
	 .max = INT32_MAX,
	 .help = "say nothing more after N deltas"},
	{.name = "garbage",
	 .type = AIGW_OPT_FLAG,
	 .offset = offsetof(struct sandbox_opts, garbage),
	 .fallback = "false",
	 .help = "an answer that is no JSON"},
	{.type = AIGW_OPT_END},
};

struct sandbox {
	struct sandbox_opts opts;
	char model[MODEL_MAX];
	char id[32]; /* of the answer; the tool calls' is made of it */
	struct speech speech;
	const struct aigw_val *req;
	struct tally *tally;
	bool stream, begun, short_of_tokens;
	size_t choice, choices, pos; /* told so far: choice, byte of it */
	long block;		     /* the open one, or -1 */
	int64_t deltas;
};

/* FNV-1a: the same request gets the same id. */
static uint64_t hash(const char *s, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3u;
	return h;
}

/* "status=429&cut=3": rows of the table above. */
static int set_faults(struct sandbox *s, const char *query,
		      struct aigw_err *err)
{
	char copy[MODEL_MAX], *rest = copy, *item, *value;

	snprintf(copy, sizeof(copy), "%s", query);
	while ((item = strsep(&rest, "&"))) {
		value = strchr(item, '=');
		if (value)
			*value++ = '\0';
		if (aigw_opts_set(sandbox_opts, &s->opts, item,
				  value ? value : "true", err)) {
			aigw_fail_in(err, "model %s?%s", s->model, query);
			err->class = AIGW_E_BAD_REQUEST;
			err->code = "bad_model";
			return -1;
		}
	}
	return 0;
}

static int set_model(struct sandbox *s, const struct sandbox_ask *ask,
		     struct aigw_err *err)
{
	char *query;

	if (ask->model_len >= MODEL_MAX ||
	    memchr(ask->model, '\0', ask->model_len))
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "bad_model",
				    "a model's name of %zu bytes",
				    ask->model_len);
	memcpy(s->model, ask->model, ask->model_len);
	query = strchr(s->model, '?');
	if (query)
		*query++ = '\0';
	if (query && set_faults(s, query, err))
		return -1;
	if (s->opts.fail && ask->attempt > s->opts.fail)
		s->opts = (struct sandbox_opts){.retry_after = -1,
						.cut = -1,
						.error_after = -1,
						.stall = -1,
						.latency = s->opts.latency,
						.gap = s->opts.gap};
	return 0;
}

static int64_t number(const struct aigw_val *req, const char *name)
{
	int64_t n;

	return aigw_val_int(aigw_val_get(req, name), &n) ? n : -1;
}

/* max_tokens and n are kept to, as a model would. */
static void set_limits(struct sandbox *s)
{
	int64_t max = number(s->req, "max_completion_tokens");
	int64_t n = number(s->req, "n");
	size_t len;

	if (max < 0)
		max = number(s->req, "max_tokens");
	s->choices = n > 1 && n <= AIGW_CHOICES_MAX ? (size_t)n : 1;
	if (max < 0 || s->speech.type != AIGW_TEXT)
		return;
	len = tally_cut(s->tally, s->model, s->speech.text.data,
			s->speech.text.len, max);
	s->short_of_tokens = len < s->speech.text.len;
	s->speech.text.len = len;
}

struct sandbox *sandbox_new(const struct sandbox_ask *ask, struct aigw_err *err)
{
	struct sandbox *s = calloc(1, sizeof(*s));

	if (!s) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	s->opts = *ask->opts;
	s->req = ask->req;
	s->tally = ask->tally;
	s->stream = ask->stream;
	s->block = -1;
	speech_init(&s->speech);
	snprintf(s->id, sizeof(s->id), "sandbox-%016llx",
		 (unsigned long long)hash(ask->text, ask->len));
	if (set_model(s, ask, err) ||
	    sandbox_speak(s->req, s->model, strlen(s->model), &s->speech,
			  err)) {
		sandbox_free(s);
		return NULL;
	}
	set_limits(s);
	return s;
}

void sandbox_free(struct sandbox *s)
{
	if (!s)
		return;
	speech_release(&s->speech);
	free(s);
}

int64_t sandbox_latency(const struct sandbox *s)
{
	return s->opts.latency;
}

int64_t sandbox_wait(const struct sandbox *s)
{
	if (s->opts.stall >= 0 && s->deltas >= s->opts.stall && s->begun)
		return -1;
	if (!s->begun)
		return s->opts.latency;
	return s->stream ? s->opts.gap : 0;
}

/* Faults ------------------------------------------------------------------- */

static int refuse(const struct sandbox *s, struct aigw_fault *f)
{
	aigw_fault_init(f, "headers");
	f->provider = true;
	aigw_fault_class(f, (int)s->opts.status);
	f->retry_after_ms = s->opts.retry_after;
	snprintf(f->code, sizeof(f->code), "sandbox_%d", f->status);
	snprintf(f->request_id, sizeof(f->request_id), "%s", s->id);
	return aigw_fail_as(&f->why, f->why.class, NULL,
			    "the sandbox was asked for status %d", f->status);
}

static int break_off(const struct sandbox *s, struct aigw_fault *f)
{
	aigw_fault_init(f, s->stream ? "stream" : "body");
	f->retryable = true;
	return aigw_fail_as(&f->why, AIGW_E_NETWORK, "truncated",
			    "the answer broke off");
}

static int fail_inside(const struct sandbox *s, struct aigw_fault *f)
{
	aigw_fault_init(f, s->stream ? "stream" : "body");
	f->provider = true;
	aigw_fault_class(f, 529);
	f->status = 0;
	snprintf(f->code, sizeof(f->code), "overloaded_error");
	return aigw_fail_as(&f->why, AIGW_E_OVERLOADED, NULL,
			    "the sandbox was asked for an error here");
}

static int no_json(struct aigw_fault *f)
{
	aigw_fault_init(f, "body");
	f->retryable = true;
	return aigw_fail_as(&f->why, AIGW_E_UPSTREAM, "bad_answer",
			    "the provider's answer is no JSON");
}

/* The answer --------------------------------------------------------------- */

static int begin(struct sandbox *s, struct aigw_answer *to,
		 struct aigw_err *err)
{
	s->begun = true;
	if (aigw_buf_str(&to->id, s->id) || aigw_buf_str(&to->model, s->model))
		return aigw_fail(err, "out of memory");
	return 0;
}

static int open_block(struct sandbox *s, struct aigw_answer *to,
		      struct aigw_err *err)
{
	struct aigw_block_new new = {.type = s->speech.type,
				     .choice = s->choice};
	char id[64];

	if (new.type == AIGW_TOOL_CALL) {
		/* behind "sandbox-", and the choice makes it unique */
		snprintf(id, sizeof(id), "call_%s_%zu", s->id + 8, s->choice);
		new.id = id;
		new.id_len = strlen(id);
		new.name = s->speech.name.data;
		new.name_len = s->speech.name.len;
	}
	s->block = aigw_answer_block(to, &new, err);
	return s->block < 0 ? -1 : 0;
}

/* The next piece: in a stream up to the end of the blanks behind a word. */
static size_t piece(const struct sandbox *s)
{
	const char *p = s->speech.text.data;
	size_t end = s->speech.text.len, n = s->pos;

	if (!s->stream)
		return end - s->pos;
	while (n < end && p[n] != ' ' && p[n] != '\n')
		n++;
	while (n < end && (p[n] == ' ' || p[n] == '\n'))
		n++;
	return n - s->pos;
}

static int close_block(struct sandbox *s, struct aigw_answer *to,
		       struct aigw_err *err)
{
	enum aigw_finish finish = AIGW_FINISH_STOP;
	const char *word;

	if (s->speech.type == AIGW_TOOL_CALL)
		finish = AIGW_FINISH_TOOL_CALLS;
	else if (s->short_of_tokens)
		finish = AIGW_FINISH_LENGTH;
	word = aigw_finish_word(finish);
	aigw_answer_end(to, (size_t)s->block);
	s->block = -1;
	s->pos = 0;
	return aigw_answer_finish(to, s->choice++, finish, word, strlen(word),
				  err);
}

/* Usage in OpenAI's form; none when the vocabulary is not installed. */
static int tell_usage(struct sandbox *s, struct aigw_answer *to,
		      struct aigw_err *err)
{
	struct aigw_usage u = {.cached = 0, .cache_write = -1, .reasoning = 0};
	struct aigw_buf raw;
	struct aigw_json w;
	int rc;

	u.in = tally_request(s->tally, s->model, s->req);
	u.out = tally_answer(s->tally, s->model, to);
	if (u.in < 0 || u.out < 0)
		return 0;
	aigw_buf_init(&raw, 256);
	aigw_json_init(&w, &raw);
	aigw_json_object(&w);
	aigw_json_key(&w, "prompt_tokens");
	aigw_json_int(&w, u.in);
	aigw_json_key(&w, "completion_tokens");
	aigw_json_int(&w, u.out);
	aigw_json_key(&w, "total_tokens");
	aigw_json_int(&w, u.in + u.out);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_answer_usage(to, &u, raw.data, raw.len, err);
	aigw_buf_release(&raw);
	return rc;
}

/* One thing at a time: open, a piece, close, and in the end the usage. */
static int advance(struct sandbox *s, struct aigw_answer *to,
		   struct aigw_err *err)
{
	size_t n;

	if (s->choice == s->choices)
		return tell_usage(s, to, err);
	if (s->block < 0)
		return open_block(s, to, err) ? -1 : 1;
	if (s->pos == s->speech.text.len)
		return close_block(s, to, err) ? -1 : 1;
	n = piece(s);
	s->deltas++;
	if (aigw_answer_delta(to, (size_t)s->block,
			      s->speech.type == AIGW_TOOL_CALL ? AIGW_PART_ARGS
							       : AIGW_PART_TEXT,
			      s->speech.text.data + s->pos, n, err))
		return -1;
	s->pos += n;
	return 1;
}

int sandbox_step(struct sandbox *s, struct aigw_answer *to,
		 struct aigw_fault *f)
{
	if (!s->begun) {
		if (s->opts.status >= 400)
			return refuse(s, f);
		if (s->opts.garbage)
			return no_json(f);
		return begin(s, to, &f->why) ? -1 : 1;
	}
	if (s->opts.cut >= 0 && s->deltas >= s->opts.cut)
		return break_off(s, f);
	if (s->opts.error_after >= 0 && s->deltas >= s->opts.error_after)
		return fail_inside(s, f);
	return advance(s, to, &f->why);
}
