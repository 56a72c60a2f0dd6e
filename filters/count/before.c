/* SPDX-License-Identifier: Apache-2.0 */
/* before.c - a request: what it may cost, and whether it may go on */
#include <string.h>

#include "count.h"

#define UNBOUNDED (-1)
#define TARGETS_MAX 64 /* of a plan */

/* By how much an estimate of the input may be too low. The widest gaps known
 * between o200k_base and another model's encoding are of this size. */
#define MARGIN 2

/* What is known of a request before it is sent. */
struct quote {
	struct tally in;
	int64_t out_max; /* of all choices together, or UNBOUNDED */
	bool out_assumed;
	bool priced;  /* every target has a price: `estimate` is set */
	bool bounded; /* and a bound: `ceiling` is set too */
	int64_t estimate, ceiling;
	const char *prices;
};

static const char *const quote_names[] = {"in",	     "method",	"encoding",
					  "assumed", "out_max", "estimate",
					  "ceiling", "price",	"prices",
					  NULL};

static void write_assumed(struct aigw_json *w, const struct quote *q)
{
	if (!q->in.assumed && !q->out_assumed)
		return;
	aigw_json_key(w, "assumed");
	aigw_json_array(w);
	if (q->in.assumed)
		aigw_json_str(w, "encoding");
	if (q->out_assumed)
		aigw_json_str(w, "out_max");
	aigw_json_close(w);
}

static void write_quote(struct aigw_json *w, const void *arg)
{
	const struct quote *q = arg;

	aigw_json_key(w, "in");
	aigw_json_int(w, q->in.n);
	aigw_json_key(w, "method");
	aigw_json_str(w, q->in.exact ? "exact" : "estimate");
	aigw_json_key(w, "encoding");
	aigw_json_str(w, q->in.encoding);
	write_assumed(w, q);
	if (q->out_max != UNBOUNDED) {
		aigw_json_key(w, "out_max");
		aigw_json_int(w, q->out_max);
	}
	if (q->priced)
		count_cost_money(w, "estimate", q->estimate);
	if (q->bounded)
		count_cost_money(w, "ceiling", q->ceiling);
	aigw_json_key(w, "price");
	aigw_json_str(w, q->priced ? "known" : "unknown");
	aigw_json_key(w, "prices");
	aigw_json_str(w, q->prices);
}

/* The largest maximum that the request names, in any dialect, or UNBOUNDED. */
static int64_t asked_out(const struct aigw_env *env)
{
	static const char *const paths[] = {"req.max_completion_tokens",
					    "req.max_tokens",
					    "req.max_output_tokens", NULL};
	int64_t most = UNBOUNDED, n;

	for (size_t i = 0; paths[i]; i++)
		if (aigw_val_int(aigw_env_get(env, paths[i]), &n) && n > most)
			most = n;
	return most;
}

/* Answers asked for; more than any provider gives is as good as no bound. */
static int64_t choices(const struct aigw_env *env)
{
	int64_t n;

	if (!aigw_val_int(aigw_env_get(env, "req.n"), &n) || n < 1)
		return 1;
	return n;
}

static bool times(int64_t a, int64_t b, int64_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

/* The most output there can be, of all choices together. */
static int64_t most_out(const struct count *c, const struct aigw_env *env,
			const struct aigw_price *price, int64_t in,
			bool *assumed)
{
	int64_t out = asked_out(env);

	if (count_text_is(count_text_of(aigw_env_get(env, "op")), "embeddings"))
		return 0;
	if (out == UNBOUNDED) {
		*assumed = true;
		if (c->out_max)
			out = c->out_max;
		else if (price && price->context)
			out = price->context > in ? price->context - in : 0;
	}
	if (out == UNBOUNDED || !times(out, choices(env), &out))
		return UNBOUNDED;
	return out;
}

static int64_t dearer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * What one target may cost at most: input may all be written to a cache, which
 * costs more than reading it; audio costs more than text where it may occur.
 */
static int most_cost(const struct aigw_price *price, int64_t in, int64_t out,
		     bool audio, int64_t *pico, struct aigw_err *err)
{
	struct aigw_price top = *price;
	int64_t n[AIGW_UNITS] = {0};

	for (int u = AIGW_UNIT_IN; u <= AIGW_UNIT_WRITE_1H; u++)
		top.pico[AIGW_UNIT_IN] =
			dearer(top.pico[AIGW_UNIT_IN], price->pico[u]);
	if (audio) {
		top.pico[AIGW_UNIT_IN] =
			dearer(top.pico[AIGW_UNIT_IN],
			       price->pico[AIGW_UNIT_AUDIO_IN]);
		top.pico[AIGW_UNIT_OUT] =
			dearer(top.pico[AIGW_UNIT_OUT],
			       price->pico[AIGW_UNIT_AUDIO_OUT]);
	}
	n[AIGW_UNIT_IN] = in;
	n[AIGW_UNIT_OUT] = out;
	n[AIGW_UNIT_REQUEST] = 1;
	return aigw_price_sum(&top, n, pico, err);
}

static int usual_cost(const struct count *c, const struct aigw_price *price,
		      const struct quote *q, int64_t n_choices, int64_t *pico,
		      struct aigw_err *err)
{
	int64_t n[AIGW_UNITS] = {0};
	int64_t out = c->expect_out;

	if (!times(out, n_choices, &out))
		out = c->expect_out;
	if (q->out_max != UNBOUNDED && q->out_max < out)
		out = q->out_max;
	n[AIGW_UNIT_IN] = q->in.n;
	n[AIGW_UNIT_OUT] = out;
	n[AIGW_UNIT_REQUEST] = 1;
	return aigw_price_sum(price, n, pico, err);
}

/* Add one target to the quote: the first gives the estimate, the dearest the
 * ceiling, and one without a price or a bound takes them away. */
static void quote_target(const struct count *c, const struct aigw_env *env,
			 struct quote *q, const struct target *t, bool first)
{
	const struct aigw_price *price =
		count_target_price(c, t, (struct text){NULL, 0}, q->in.n);
	bool audio = aigw_env_get(env, "req.audio") ||
		     aigw_env_get(env, "req.modalities");
	struct aigw_err err;
	int64_t in, out, pico;

	out = most_out(c, env, price, q->in.n, &q->out_assumed);
	if (first) {
		q->out_max = out;
		q->prices = aigw_prices_id(c->prices, price);
	}
	if (first && price &&
	    usual_cost(c, price, q, choices(env), &q->estimate, &err))
		price = NULL;
	if (!price)
		q->priced = false;
	if (!price || out == UNBOUNDED ||
	    !times(q->in.n, q->in.exact ? 1 : MARGIN, &in) ||
	    most_cost(price, in, out, audio, &pico, &err))
		q->bounded = false;
	else
		q->ceiling = dearer(q->ceiling, pico);
}

static int make_quote(struct count *c, const struct aigw_env *env,
		      struct quote *q, struct aigw_err *err)
{
	struct target t;

	memset(q, 0, sizeof(*q));
	if (aigw_val_len(aigw_env_get(env, "plan.targets")) > TARGETS_MAX)
		return aigw_fail(err, "plan: more than %d targets",
				 TARGETS_MAX);
	count_target_at(env, 0, &t);
	if (count_tally_request(c, env, count_target_model(&t), &q->in, err))
		return -1;
	q->priced = q->bounded = true;
	for (size_t i = 0; count_target_at(env, i, &t); i++)
		quote_target(c, env, q, &t, i == 0);
	q->bounded = q->bounded && q->priced;
	return 0;
}

/* Is a request whose ceiling nobody knows to be refused? */
static int no_ceiling(const struct count *c, const struct quote *q,
		      const char *limit, struct aigw_err *err)
{
	if (c->unknown == UNKNOWN_ALLOW)
		return 0;
	if (!q->priced)
		return aigw_fail_as(err, AIGW_E_POLICY, "price_unknown",
				    "%s is set, and the price of the model is "
				    "unknown",
				    limit);
	return aigw_fail_as(err, AIGW_E_POLICY, "output_unbounded",
			    "%s is set, and the request names no maximum of "
			    "output tokens",
			    limit);
}

static int check_request(const struct count *c, const struct quote *q,
			 struct aigw_err *err)
{
	char limit[24], cost[24];

	if (c->max_in && q->in.n > c->max_in)
		return aigw_fail_as(err, AIGW_E_TOO_LARGE, "input_too_long",
				    "the request has %lld input tokens, more "
				    "than %lld",
				    (long long)q->in.n, (long long)c->max_in);
	if (c->max_cost == NO_LIMIT)
		return 0;
	if (!q->bounded)
		return no_ceiling(c, q, "max-cost", err);
	if (q->ceiling <= c->max_cost)
		return 0;
	aigw_money_print(q->ceiling, cost);
	aigw_money_print(c->max_cost, limit);
	return aigw_fail_as(err, AIGW_E_POLICY, "cost_too_high",
			    "the request may cost USD %s, more than %s", cost,
			    limit);
}

static int check_budget(struct count *c, const struct aigw_env *env,
			const struct quote *q, struct aigw_err *err)
{
	const char *id;
	size_t len;

	if (!c->money)
		return 0;
	if (!q->bounded)
		return aigw_budget_limit(c->money) == AIGW_BUDGET_NONE
			       ? 0
			       : no_ceiling(c, q, "budget", err);
	id = aigw_env_id(env, &len);
	if (!aigw_budget_hold(c->money, id, len, q->ceiling, err))
		return 0;
	if (err->class == AIGW_E_QUOTA)
		aigw_stage_exit(c->stage, AIGW_EXIT_HALTED);
	return -1;
}

static bool limited(const struct count *c)
{
	return c->max_in || c->max_cost != NO_LIMIT || c->money;
}

enum aigw_verdict count_before(struct count *c, struct aigw_env *env,
			       struct aigw_err *err)
{
	struct text op = count_text_of(aigw_env_get(env, "op"));
	struct quote q;

	if (op.s && !count_text_is(op, "chat") &&
	    !count_text_is(op, "embeddings")) {
		if (!limited(c))
			return AIGW_NEXT;
		aigw_fail_as(err, AIGW_E_POLICY, "op_not_counted",
			     "a limit is set, and this operation cannot be "
			     "counted");
		return AIGW_FAILED;
	}
	if (make_quote(c, env, &q, err) ||
	    count_cost_put(env, quote_names, write_quote, &q, err) ||
	    check_request(c, &q, err) || check_budget(c, env, &q, err))
		return AIGW_FAILED;
	return AIGW_NEXT;
}
