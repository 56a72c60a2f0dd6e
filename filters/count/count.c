/* SPDX-License-Identifier: Apache-2.0 */
/* count.c - tokens and money: before the send a limit, after it a bill */
#include "count.h"

#include <string.h>

static const char *const unknown_words[] = {"refuse", "allow", NULL};

static const struct aigw_opt opts[] = {
	{.name = "max-in",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct count, max_in),
	 .arg = "TOKENS",
	 .help = "refuse requests of more input tokens",
	 .min = 1,
	 .max = INT64_MAX},
	{.name = "max-cost",
	 .type = AIGW_OPT_MONEY,
	 .offset = offsetof(struct count, max_cost),
	 .arg = "USD",
	 .help = "refuse requests that may cost more"},
	{.name = "budget",
	 .type = AIGW_OPT_MONEY,
	 .offset = offsetof(struct count, budget),
	 .arg = "USD",
	 .help = "spend no more than this in the run, or in the life of the "
		 "ledger"},
	{.name = "budget-unknown",
	 .type = AIGW_OPT_ENUM,
	 .offset = offsetof(struct count, unknown),
	 .fallback = "refuse",
	 .arg = "WORD",
	 .help = "with --budget or --max-cost, what to do with a request whose "
		 "ceiling is unknown",
	 .words = unknown_words},
	{.name = "ledger",
	 .type = AIGW_OPT_PATH,
	 .offset = offsetof(struct count, ledger),
	 .arg = "FILE",
	 .help = "share the budget with the aigw-count behind the send, which "
		 "gives back what was not spent"},
	{.name = "out-max",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct count, out_max),
	 .arg = "TOKENS",
	 .help = "output to reckon with when a request names no maximum "
		 "(without this option all of the model's context window)",
	 .min = 1,
	 .max = INT64_C(1) << 40},
	{.name = "expect-out",
	 .type = AIGW_OPT_INT,
	 .offset = offsetof(struct count, expect_out),
	 .fallback = "500",
	 .arg = "TOKENS",
	 .help = "output to expect, for the estimate",
	 .max = INT64_C(1) << 40},
	{.name = "prices",
	 .type = AIGW_OPT_PATH,
	 .offset = offsetof(struct count, prices_path),
	 .arg = "FILE",
	 .help = "prices that go before the bundled ones"},
	{.name = "price-as",
	 .type = AIGW_OPT_LIST,
	 .offset = offsetof(struct count, price_as),
	 .arg = "NAME=PROVIDER",
	 .help = "the table's name for one of your providers"},
	{.type = AIGW_OPT_END},
};

static int check_price_as(const struct aigw_list *list, struct aigw_err *err)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *cut = strchr(list->v[i], '=');

		if (!cut || cut == list->v[i] || !cut[1])
			return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "usage",
					    "price-as: must be NAME=PROVIDER, "
					    "not %s",
					    list->v[i]);
	}
	return 0;
}

static int open_count(void *self, struct aigw_stage *stage,
		      struct aigw_err *err)
{
	struct count *c = self;

	c->stage = stage;
	if (check_price_as(&c->price_as, err))
		return -1;
	c->prices = aigw_prices_new(c->prices_path, err);
	if (!c->prices)
		return -1;
	if (!c->ledger && c->budget == NO_LIMIT)
		return 0;
	c->money = aigw_budget_open(c->ledger, c->budget, err);
	return c->money ? 0 : -1;
}

static void close_count(void *self)
{
	struct count *c = self;

	count_tally_close(c);
	aigw_budget_close(c->money);
	c->money = NULL;
	aigw_prices_free(c->prices);
	c->prices = NULL;
}

static enum aigw_verdict apply(void *self, struct aigw_env *env,
			       struct aigw_err *err)
{
	if (aigw_env_kind(env) == AIGW_REQUEST)
		return count_before(self, env, err);
	return count_after(self, env, err);
}

AIGW_DEFINE_FILTER(count) = {
	.name = "count",
	.summary = "count tokens and money, before and after the send",
	.examples =
		"  $ aigw prompt -m gpt-4o -e hello | aigw-count | jq .cost\n"
		"  $ ... | aigw-count --budget 5 --ledger L | aigw-send |\n"
		"        aigw-count --ledger L\n",
	.wants = AIGW_REQUEST | AIGW_RESPONSE | AIGW_ERROR,
	.size = sizeof(struct count),
	.opts = opts,
	.open = open_count,
	.apply = apply,
	.close = close_count,
};

/* The member `cost` ------------------------------------------------------ */

static bool listed(const struct aigw_iter *it, const char *const *names)
{
	for (; *names; names++)
		if (strlen(*names) == it->key_len &&
		    memcmp(*names, it->key, it->key_len) == 0)
			return true;
	return false;
}

int count_cost_put(struct aigw_env *env, const char *const *names,
		   void (*add)(struct aigw_json *w, const void *arg),
		   const void *arg, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(aigw_env_get(env, "cost"));
	const struct aigw_val *v;
	struct aigw_json w;
	struct aigw_buf b;
	int rc;

	aigw_buf_init(&b, 64 * 1024);
	aigw_json_init(&w, &b);
	aigw_json_object(&w);
	while ((v = aigw_iter_next(&it))) {
		if (!it.object || listed(&it, names))
			continue;
		aigw_json_keyn(&w, it.key, it.key_len);
		aigw_json_val(&w, v);
	}
	add(&w, arg);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, "cost", b.data, b.len, err);
	aigw_buf_release(&b);
	return rc;
}

void count_cost_money(struct aigw_json *w, const char *key, int64_t pico)
{
	char text[24];

	aigw_money_print(pico, text);
	aigw_json_key(w, key);
	aigw_json_str(w, text);
}
