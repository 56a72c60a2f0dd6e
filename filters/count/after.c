/* SPDX-License-Identifier: Apache-2.0 */
/* after.c - an answer or a failure: what it cost, and what the ledger gets */
#include <string.h>

#include "count.h"

/* How much the ledger learns from an envelope. */
enum outcome {
	OUTCOME_KNOWN,	/* the bill is the truth */
	OUTCOME_LEAST,	/* it cost that or more: nothing is given back */
	OUTCOME_UNKNOWN /* it may have cost anything up to the ceiling */
};

struct bill {
	int64_t n[AIGW_UNITS];
	int64_t in; /* all input, which picks the tier */
	struct text source;
	bool priced, summed; /* `total` is set when both are true */
	int64_t total;
	const char *prices; /* NULL: nothing was looked up */
};

static const char *const bill_names[] = {"total", "source", "price", "prices",
					 NULL};
/* What is written when nothing was looked up: the quote's words stay. */
static const char *const end_names[] = {"total", "source", NULL};

static void write_bill(struct aigw_json *w, const void *arg)
{
	const struct bill *b = arg;

	if (b->prices) {
		aigw_json_key(w, "price");
		aigw_json_str(w, b->priced ? "known" : "unknown");
		aigw_json_key(w, "prices");
		aigw_json_str(w, b->prices);
	}
	if (b->priced && b->summed)
		count_cost_money(w, "total", b->total);
	aigw_json_key(w, "source");
	aigw_json_strn(w, b->source.s, b->source.len);
}

static struct text word(const char *s)
{
	return (struct text){s, strlen(s)};
}

/* A count inside usage; 0 when it is absent, -1 when it is none. */
static int64_t number(const struct aigw_val *usage, const char *path)
{
	const struct aigw_val *v = aigw_val_at(usage, path);
	int64_t n;

	if (aigw_val_type(v) == AIGW_NULL)
		return 0;
	return aigw_val_int(v, &n) && n >= 0 ? n : -1;
}

/*
 * Usage as disjoint parts, each with a price of its own. The sums are in
 * `usage` as every provider's were brought to: `in` and `out` include all. The
 * rest is in `raw`, where providers put what only they have. -1 when the parts
 * do not add up to the sums.
 */
static int fill(struct bill *b, const struct aigw_val *usage,
		struct aigw_err *err)
{
	const int64_t cached = number(usage, "cached");
	const int64_t write = number(usage, "cache_write");
	const int64_t write_1h =
		number(usage, "raw.cache_creation.ephemeral_1h_input_tokens");
	const int64_t audio_in =
		number(usage, "raw.prompt_tokens_details.audio_tokens");
	const int64_t audio_out =
		number(usage, "raw.completion_tokens_details.audio_tokens");
	const int64_t out = number(usage, "out");
	int64_t *n = b->n;

	b->in = number(usage, "in");
	n[AIGW_UNIT_CACHED] = cached;
	n[AIGW_UNIT_WRITE] = write - write_1h;
	n[AIGW_UNIT_WRITE_1H] = write_1h;
	n[AIGW_UNIT_AUDIO_IN] = audio_in;
	n[AIGW_UNIT_AUDIO_OUT] = audio_out;
	n[AIGW_UNIT_OUT] = out - audio_out;
	n[AIGW_UNIT_REQUEST] = 1;
	n[AIGW_UNIT_SEARCH] =
		number(usage, "raw.server_tool_use.web_search_requests");
	for (int u = 0; u < AIGW_UNITS; u++)
		if (n[u] < 0 || b->in < 0)
			return aigw_fail(err, "usage: a count below 0");
	if (cached > b->in || write > b->in - cached ||
	    audio_in > b->in - cached - write ||
	    number(usage, "reasoning") > out)
		return aigw_fail(err, "usage: the parts are more than the sum");
	n[AIGW_UNIT_IN] = b->in - cached - write - audio_in;
	return 0;
}

static bool complete(const struct aigw_val *usage)
{
	int64_t n;

	return aigw_val_int(aigw_val_get(usage, "in"), &n) &&
	       aigw_val_int(aigw_val_get(usage, "out"), &n);
}

static int put_usage(struct aigw_env *env, const struct bill *b, int64_t out,
		     struct aigw_err *err)
{
	struct aigw_json w;
	struct aigw_buf buf;
	int rc;

	aigw_buf_init(&buf, 4096);
	aigw_json_init(&w, &buf);
	aigw_json_object(&w);
	aigw_json_key(&w, "in");
	aigw_json_int(&w, b->in);
	aigw_json_key(&w, "out");
	aigw_json_int(&w, out);
	aigw_json_key(&w, "source");
	aigw_json_strn(&w, b->source.s, b->source.len);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, "usage", buf.data, buf.len, err);
	aigw_buf_release(&buf);
	return rc;
}

/* A provider that sent no usage: count the request and what came back. */
static int count_both(struct count *c, struct aigw_env *env, struct bill *b,
		      struct text model, struct aigw_err *err)
{
	struct tally in = {0}, out;

	if (aigw_val_int(aigw_env_get(env, "cost.in"), &in.n))
		in.exact = count_text_is(
			count_text_of(aigw_env_get(env, "cost.method")),
			"exact");
	else if (count_tally_request(c, env, model, &in, err))
		return -1;
	if (count_tally_answer(c, env, model, &out, err))
		return -1;
	b->in = b->n[AIGW_UNIT_IN] = in.n;
	b->n[AIGW_UNIT_OUT] = out.n;
	b->n[AIGW_UNIT_REQUEST] = 1;
	b->source = word(in.exact && out.exact ? "exact" : "estimate");
	b->summed = true;
	return put_usage(env, b, out.n, err);
}

static int note_mismatch(struct aigw_env *env, const char *why,
			 struct aigw_err *err)
{
	struct aigw_json w;
	struct aigw_buf buf;
	int rc;

	aigw_buf_init(&buf, 4096);
	aigw_json_init(&w, &buf);
	aigw_json_object(&w);
	aigw_json_key(&w, "path");
	aigw_json_str(&w, "usage");
	aigw_json_key(&w, "why");
	aigw_json_str(&w, why);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc) /* the inside of the object */
		rc = aigw_env_note(env, "count", "mismatch", buf.data + 1,
				   buf.len - 2, err);
	aigw_buf_release(&buf);
	return rc;
}

static void price_bill(const struct count *c, const struct aigw_env *env,
		       const struct target *t, struct bill *b)
{
	struct text answered = count_text_of(aigw_env_get(env, "res.model"));
	const struct aigw_price *price =
		count_target_price(c, t, answered, b->in);
	struct aigw_err err;

	b->priced = price != NULL;
	b->prices = aigw_prices_id(c->prices, price);
	if (!price || !b->summed ||
	    !aigw_price_sum(price, b->n, &b->total, &err))
		return;
	if (err.code) /* a part has no price */
		b->priced = false;
	b->summed = false;
	b->source = word("unknown");
}

static int make_bill(struct count *c, struct aigw_env *env, struct bill *b,
		     struct aigw_err *err)
{
	const struct aigw_val *usage = aigw_env_get(env, "usage");
	struct aigw_err why;
	struct target t;

	count_target_answered(env, &t);
	if (!complete(usage)) {
		if (count_both(c, env, b, count_target_model(&t), err))
			return -1;
		count_target_answered(env, &t); /* the envelope has changed */
	} else if (fill(b, usage, &why)) {
		if (note_mismatch(env, why.text, err))
			return -1;
		b->source = word("unknown");
		count_target_answered(env, &t);
	} else {
		b->source = count_text_of(aigw_val_get(usage, "source"));
		if (!b->source.s)
			b->source = word("provider");
		b->summed = true;
	}
	price_bill(c, env, &t, b);
	return 0;
}

/* Classes of failures after which a request without an attempt on record may
 * have been sent all the same: the stage died, or did not answer in time. */
static bool may_have_gone(const struct aigw_env *env)
{
	static const char *const classes[] = {"unknown",   "timeout",
					      "network",   "upstream",
					      "cancelled", "internal",
					      NULL};
	struct text class = count_text_of(aigw_env_get(env, "err.class"));

	if (count_text_is(count_text_of(aigw_env_get(env, "err.phase")),
			  "connect"))
		return false;
	for (size_t i = 0; classes[i]; i++)
		if (count_text_is(class, classes[i]))
			return true;
	return !class.s;
}

/* Did an attempt end before the model had anything to do? A 4xx is a refusal;
 * of the last attempt the error itself says where it ended. */
static bool was_free(const struct aigw_env *env, const struct aigw_val *attempt,
		     bool last)
{
	struct text phase = count_text_of(aigw_val_get(attempt, "phase"));
	int64_t status;

	if (aigw_val_int(aigw_val_get(attempt, "status"), &status))
		return status >= 400 && status < 500;
	if (!phase.s && last)
		phase = count_text_of(aigw_env_get(env, "err.phase"));
	return count_text_is(phase, "connect");
}

static bool all_free(const struct aigw_env *env)
{
	const struct aigw_val *attempts = aigw_env_get(env, "attempts");
	struct aigw_iter it = aigw_iter_init(attempts);
	size_t left = aigw_val_len(attempts);
	const struct aigw_val *v;

	if (left == 0)
		return !may_have_gone(env);
	while ((v = aigw_iter_next(&it)))
		if (!was_free(env, v, --left == 0))
			return false;
	return true;
}

static int fail_bill(struct count *c, struct aigw_env *env, struct bill *b,
		     enum outcome *outcome, struct aigw_err *err)
{
	*outcome = OUTCOME_KNOWN;
	if (complete(aigw_env_get(env, "usage"))) {
		if (count_text_is(count_text_of(aigw_env_get(env, "err.phase")),
				  "stream"))
			*outcome = OUTCOME_LEAST;
		return make_bill(c, env, b, err);
	}
	if (all_free(env)) {
		b->priced = b->summed = true;
		b->source = word("exact");
		return 0;
	}
	*outcome = OUTCOME_UNKNOWN;
	b->source = word("unknown");
	return 0;
}

static void settle(struct count *c, const struct aigw_env *env,
		   const struct bill *b, enum outcome outcome)
{
	size_t len;
	const char *id = aigw_env_id(env, &len);
	int64_t held;

	if (!c->money)
		return;
	if (outcome == OUTCOME_KNOWN && b->priced && b->summed) {
		aigw_budget_settle(c->money, id, len, b->total);
		return;
	}
	held = aigw_budget_keep(c->money, id, len);
	if (b->priced && b->summed && b->total > held)
		aigw_budget_settle(c->money, id, len, b->total - held);
}

enum aigw_verdict count_after(struct count *c, struct aigw_env *env,
			      struct aigw_err *err)
{
	bool failed = aigw_env_kind(env) == AIGW_ERROR;
	enum outcome outcome = OUTCOME_KNOWN;
	struct bill b = {0};
	int rc;

	if (aigw_env_get(env, "cost.source") ||
	    (failed && !aigw_env_get(env, "cost")))
		return AIGW_NEXT; /* settled already, or never counted */
	rc = failed ? fail_bill(c, env, &b, &outcome, err)
		    : make_bill(c, env, &b, err);
	if (rc)
		return AIGW_FAILED;
	settle(c, env, &b, outcome);
	if (count_cost_put(env, b.prices ? bill_names : end_names, write_bill,
			   &b, err))
		return AIGW_FAILED;
	return AIGW_NEXT;
}
