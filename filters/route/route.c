/* SPDX-License-Identifier: Apache-2.0 */
/* route.c - aigw-route: which provider and model a request goes to, and why */
#include "route.h"

#include <math.h>
#include <string.h>

#include "core/siphash.h"
#include "core/utf8.h"

#define PLAN_MAX (1 << 20) /* bytes of a plan */
#define REASON_MAX 4096
#define NAME_SHOWN 64 /* bytes of a client's model name in a message */

struct route {
	const struct aigw_conf *models;
	char *sticky;
	bool direct;
	int64_t attempts, deadline;

	struct aigw_stage *stage;
	struct table table;
	bool warned;
};

static const struct aigw_opt opts[] = {
	{"models", 0, AIGW_OPT_TREE, offsetof(struct route, models),
	 .help = "names that clients use, and the targets of each"},
	{"sticky", 0, AIGW_OPT_STRING, offsetof(struct route, sticky),
	 .arg = "MEMBER",
	 .help = "equal values of this member go to the same target: "
		 "client.principal"},
	{"direct", 0, AIGW_OPT_FLAG, offsetof(struct route, direct), "true",
	 .help = "take PROVIDER:MODEL for what it says"},
	{"max-attempts", 0, AIGW_OPT_INT, offsetof(struct route, attempts), "3",
	 "N", "calls of providers for one request at most", .min = 1,
	 .max = 100},
	{"deadline", 0, AIGW_OPT_TIME, offsetof(struct route, deadline), "10m",
	 "TIME", "for all attempts together", .min = 1, .max = 86400000},
	{.type = AIGW_OPT_END},
};

/* The targets of one request, the first one first. */
struct choice {
	const struct target *target[TARGETS_MAX];
	size_t n;
	int64_t weight; /* of all that may be chosen */
	bool sticky;	/* the key is the member that r->sticky names */
};

static int route_open(void *self, struct aigw_stage *stage,
		      struct aigw_err *err)
{
	struct route *r = self;

	r->stage = stage;
	if (!r->models || aigw_conf_null(r->models))
		return 0;
	return route_table_read(&r->table, r->models, err);
}

static void route_close(void *self)
{
	struct route *r = self;

	route_table_release(&r->table);
}

/* Choosing -------------------------------------------------------------- */

static const struct aigw_val *look(const void *env, const char *path)
{
	return aigw_env_get(env, path);
}

/* 1: it may be chosen, 0: not, -1: its condition could not be judged. */
static int eligible(const struct route *r, const struct target *to,
		    const struct aigw_env *env, struct aigw_err *err)
{
	bool yes = true;
	size_t i;

	for (i = 0; i < to->n_conds; i++) {
		if (!route_cond_holds(&to->conds[i], env))
			return 0;
	}
	if (to->when >= 0 && aigw_jq_test(r->table.jq, (size_t)to->when, look,
					  env, &yes, err) < 0)
		return -1;
	return yes;
}

/*
 * Weighted rendezvous (highest random weight, in Schindelhauer and Schomaker's
 * logarithmic form): of all targets the one with the largest weight / -ln(u)
 * is first, where u in (0, 1) is a hash of key and target. Shares follow the
 * weights, and when a target comes or goes only its own share moves. The hash
 * has a fixed key, so that each body and each machine chooses alike.
 */
static double score(uint64_t key, const struct target *to)
{
	struct aigw_sip sip = {{key, 0x61696777}};
	const char *model = to->model ? to->model : "";
	uint64_t h = aigw_siphash(sip, to->provider, strlen(to->provider));

	sip.key[1] = h;
	h = aigw_siphash(sip, model, strlen(model));
	return (double)to->weight /
	       -log(((double)(h >> 11) + 0.5) / 9007199254740992.0);
}

static uint64_t key_of(const struct route *r, const struct aigw_env *env,
		       struct choice *c)
{
	struct aigw_sip sip = {{0, 0}};
	const char *s = NULL;
	size_t len = 0;

	if (r->sticky)
		s = aigw_env_str(env, r->sticky, &len);
	c->sticky = s != NULL;
	if (!s)
		s = aigw_env_id(env, &len);
	return aigw_siphash(sip, s ? s : "", len);
}

/* The chosen one comes first, the others stay in their order. */
static void move_first(struct choice *c, uint64_t key)
{
	const struct target *first;
	double best = -1, s;
	size_t i, at = 0;

	for (i = 0; i < c->n; i++) {
		s = c->target[i]->weight > 0 ? score(key, c->target[i]) : 0;
		if (s > best) {
			best = s;
			at = i;
		}
	}
	first = c->target[at];
	memmove(&c->target[1], &c->target[0], at * sizeof(first));
	c->target[0] = first;
}

static int choose(const struct route *r, const struct alias *a,
		  const struct aigw_env *env, struct choice *c,
		  struct aigw_err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < a->n; i++) {
		rc = eligible(r, &a->targets[i], env, err);
		if (rc < 0)
			return -1;
		if (rc > 0) {
			c->target[c->n++] = &a->targets[i];
			c->weight += a->targets[i].weight;
		}
	}
	if (c->n == 0)
		return aigw_fail_as(err, AIGW_E_POLICY, "no_target",
				    "%s \"%.64s\": the conditions of all %zu "
				    "targets exclude this request",
				    a->pattern ? "pattern" : "alias", a->name,
				    a->n);
	move_first(c, key_of(r, env, c));
	return 0;
}

/* Plans ----------------------------------------------------------------- */

static void put_target(struct aigw_json *w, const char *provider,
		       size_t provider_len, const char *model, size_t len,
		       const char *price_as)
{
	aigw_json_object(w);
	aigw_json_key(w, "provider");
	aigw_json_strn(w, provider, provider_len);
	aigw_json_key(w, "model");
	aigw_json_strn(w, model, len);
	if (price_as) {
		aigw_json_key(w, "price_as");
		aigw_json_str(w, price_as);
	}
	aigw_json_close(w);
}

/* {"alias":NAME,"reason":"…","targets":[ */
static void begin_plan(struct aigw_json *w, const char *alias, size_t len,
		       const struct aigw_buf *reason)
{
	aigw_json_object(w);
	aigw_json_key(w, "alias");
	aigw_json_strn(w, alias, len);
	aigw_json_key(w, "reason");
	aigw_json_strn(w, reason->data, reason->len);
	aigw_json_key(w, "targets");
	aigw_json_array(w);
}

static int end_plan(const struct route *r, struct aigw_json *w,
		    struct aigw_env *env, struct aigw_err *err)
{
	aigw_json_close(w);
	aigw_json_key(w, "max_attempts");
	aigw_json_int(w, r->attempts);
	aigw_json_key(w, "deadline_ms");
	aigw_json_int(w, r->deadline);
	aigw_json_close(w);
	if (aigw_json_end(w, err) < 0)
		return -1;
	return aigw_env_set(env, "plan", w->out->data, w->out->len, err);
}

/* "alias fast: weight 3 of 4 by client.principal; 2 of 3 targets hold" */
static int explain(const struct route *r, const struct alias *a,
		   const struct choice *c, struct aigw_buf *out)
{
	char text[128];
	int rc;

	rc = aigw_buf_str(out, a->pattern ? "pattern " : "alias ");
	rc |= aigw_buf_str(out, a->name);
	if (c->n == 1)
		snprintf(text, sizeof(text), ": its only target");
	else if (c->weight == 0)
		snprintf(text, sizeof(text), ": first in order");
	else
		snprintf(text, sizeof(text), ": weight %lld of %lld",
			 (long long)c->target[0]->weight, (long long)c->weight);
	if (c->n == 1 && a->n > 1)
		snprintf(text, sizeof(text), ": only one of %zu targets holds",
			 a->n);
	rc |= aigw_buf_str(out, text);
	if (c->n > 1 && c->weight > 0 && c->sticky) {
		rc |= aigw_buf_str(out, " by ");
		rc |= aigw_buf_str(out, r->sticky);
	}
	if (c->n > 1 && c->n < a->n) {
		snprintf(text, sizeof(text), "; %zu of %zu targets hold", c->n,
			 a->n);
		rc |= aigw_buf_str(out, text);
	}
	return rc;
}

static int plan_alias(const struct route *r, const struct alias *a,
		      struct aigw_env *env, const char *model, size_t len,
		      struct aigw_err *err)
{
	struct choice c = {.n = 0};
	struct aigw_buf out, reason;
	struct aigw_json w;
	size_t i;
	int rc = -1;

	if (choose(r, a, env, &c, err) < 0)
		return -1;
	aigw_buf_init(&out, PLAN_MAX);
	aigw_buf_init(&reason, REASON_MAX);
	if (explain(r, a, &c, &reason) < 0) {
		aigw_fail(err, "no room for the reason of a plan");
		goto out;
	}
	aigw_json_init(&w, &out);
	begin_plan(&w, a->name, strlen(a->name), &reason);
	for (i = 0; i < c.n; i++) {
		const char *m = c.target[i]->model;

		put_target(&w, c.target[i]->provider,
			   strlen(c.target[i]->provider), m ? m : model,
			   m ? strlen(m) : len, c.target[i]->price_as);
	}
	rc = end_plan(r, &w, env, err);
out:
	aigw_buf_release(&reason);
	aigw_buf_release(&out);
	return rc;
}

static int plan_one(const struct route *r, struct aigw_env *env,
		    const char *why, const char *provider, size_t provider_len,
		    const char *model, size_t len, const char *alias,
		    size_t alias_len, struct aigw_err *err)
{
	struct aigw_buf out, reason;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&out, PLAN_MAX);
	aigw_buf_init(&reason, REASON_MAX);
	aigw_json_init(&w, &out);
	rc = aigw_buf_str(&reason, why);
	if (rc == 0) {
		begin_plan(&w, alias, alias_len, &reason);
		put_target(&w, provider, provider_len, model, len, NULL);
		rc = end_plan(r, &w, env, err);
	} else {
		aigw_fail(err, "out of memory");
	}
	aigw_buf_release(&reason);
	aigw_buf_release(&out);
	return rc;
}

/* "PROVIDER:MODEL", where a provider is a word as configuration spells it. */
static size_t provider_len(const char *model, size_t len)
{
	size_t n = 0;

	while (n < len && ((model[n] >= 'a' && model[n] <= 'z') ||
			   (model[n] >= '0' && model[n] <= '9') ||
			   model[n] == '-' || model[n] == '_'))
		n++;
	return n > 0 && n + 1 < len && model[n] == ':' ? n : 0;
}

static int unknown(const struct route *r, const char *model, size_t len,
		   struct aigw_err *err)
{
	char name[NAME_SHOWN + 1];
	const char *near;
	size_t n = len < NAME_SHOWN ? len : NAME_SHOWN;

	n = aigw_utf8_valid(model, n); /* it may have been cut */
	memcpy(name, model, n);
	name[n] = '\0';
	near = aigw_nearest(name, r->table.names);
	return aigw_fail_as(err, AIGW_E_NOT_FOUND, "model_not_found",
			    "no model \"%s\" is configured%s%s%s", name,
			    near ? "; did you mean \"" : "", near ? near : "",
			    near ? "\"?" : "");
}

static int plan(struct route *r, struct aigw_env *env, struct aigw_err *err)
{
	const struct alias *a;
	size_t len, n;
	const char *model = aigw_env_str(env, "req.model", &len);

	if (!model || len == 0)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "missing_model",
				    "req.model: expected the name of a model");
	a = route_table_find(&r->table, model, len);
	if (a)
		return plan_alias(r, a, env, model, len, err);
	n = r->direct ? provider_len(model, len) : 0;
	if (n > 0)
		return plan_one(r, env, "direct name", model, n, model + n + 1,
				len - n - 1, model, len, err);
	if (r->table.n > 0)
		return unknown(r, model, len, err);
	if (!r->warned)
		aigw_log(aigw_stage_log(r->stage), AIGW_WARNING,
			 "no models are configured: answers come from the "
			 "sandbox, not from a model");
	r->warned = true;
	return plan_one(r, env, "no models are configured", "sandbox", 7, model,
			len, model, len, err);
}

static enum aigw_verdict route_apply(void *self, struct aigw_env *env,
				     struct aigw_err *err)
{
	return plan(self, env, err) < 0 ? AIGW_FAILED : AIGW_NEXT;
}

AIGW_DEFINE_FILTER(route) = {
	.name = "route",
	.summary = "decide which provider and model a request goes to",
	.examples =
		"  $ aigw prompt -m fast -e hello | aigw-route -c aigw.yaml\n"
		"  $ aigw prompt -m sandbox:gpt-4o -e hello | aigw-route |\n"
		"      aigw-send | aigw text\n",
	.wants = AIGW_REQUEST,
	.size = sizeof(struct route),
	.opts = opts,
	.open = route_open,
	.apply = route_apply,
	.close = route_close,
};
