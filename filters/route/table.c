/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - `models:` of the configuration as a table of aliases */
#include <stdlib.h>
#include <string.h>

#include "route.h"
#include "text/glob.h"

#define WEIGHT_MAX 1000000

static const char *const keys[] = {"provider", "model", "price_as", "weight",
				   "if",       "when",	NULL};

static int check_key(const struct aigw_conf *node, struct aigw_err *err)
{
	const char *key = aigw_conf_key(node), *near;
	size_t k;

	for (k = 0; keys[k]; k++) {
		if (strcmp(keys[k], key) == 0)
			return 0;
	}
	near = aigw_nearest(key, keys);
	return aigw_conf_fail(node, err, "unknown key \"%.64s\"%s%s%s", key,
			      near ? "; did you mean \"" : "", near ? near : "",
			      near ? "\"?" : "");
}

static int read_weight(struct target *to, const struct aigw_conf *node,
		       struct aigw_err *err)
{
	const char *s = aigw_conf_str(node);
	char *end;

	if (!node)
		return 0;
	to->weight = s ? strtoll(s, &end, 10) : -1;
	if (!s || end == s || *end || to->weight < 0 || to->weight > WEIGHT_MAX)
		return aigw_conf_fail(node, err,
				      "weight: must be a whole number from 0 "
				      "to %d",
				      WEIGHT_MAX);
	return 0;
}

static int read_when(struct table *t, struct target *to,
		     const struct aigw_conf *node, struct aigw_err *err)
{
	struct aigw_err why;

	if (!node)
		return 0;
	if (!aigw_conf_str(node))
		return aigw_conf_fail(node, err,
				      "when: must be a jq program in a text");
	if (!t->jq)
		t->jq = aigw_jq_new();
	if (!t->jq)
		return aigw_fail(err, "out of memory");
	to->when_node = node;
	to->when = aigw_jq_add(t->jq, aigw_conf_str(node), &why);
	return to->when < 0 ? aigw_conf_fail(node, err, "when: %s", why.text)
			    : 0;
}

/* "provider:model" for {provider: …, model: …}. */
static int read_short(struct target *to, const struct aigw_conf *node,
		      struct aigw_err *err)
{
	const char *s = aigw_conf_str(node), *colon = strchr(s, ':');
	char *copy = colon ? strdup(s) : NULL;

	if (!colon || colon == s || !colon[1])
		return aigw_conf_fail(node, err,
				      "a target is PROVIDER:MODEL or a map "
				      "with a provider");
	if (!copy)
		return aigw_fail(err, "out of memory");
	copy[colon - s] = '\0';
	to->provider = to->owned = copy;
	to->model = copy + (colon - s) + 1;
	return 0;
}

static int read_text(const char **to, const struct aigw_conf *node,
		     struct aigw_err *err)
{
	*to = aigw_conf_str(node);
	if (node && (!*to || !**to))
		return aigw_conf_fail(node, err, "%s: must be a text",
				      aigw_conf_key(node));
	return 0;
}

static int read_target(struct table *t, struct target *to,
		       const struct aigw_conf *node, struct aigw_err *err)
{
	const struct aigw_conf *cond;
	size_t i;

	to->when = -1;
	if (aigw_conf_str(node))
		return read_short(to, node, err);
	if (aigw_conf_kind(node) != AIGW_CONF_MAP)
		return aigw_conf_fail(node, err,
				      "a target is PROVIDER:MODEL or a map "
				      "with a provider");
	for (i = 0; i < aigw_conf_len(node); i++) {
		if (check_key(aigw_conf_at(node, i), err) < 0)
			return -1;
	}
	to->provider = aigw_conf_str(aigw_conf_get(node, "provider"));
	if (!to->provider || !*to->provider)
		return aigw_conf_fail(node, err,
				      "provider: must name a provider");
	if (read_text(&to->model, aigw_conf_get(node, "model"), err) < 0 ||
	    read_text(&to->price_as, aigw_conf_get(node, "price_as"), err) < 0)
		return -1;
	cond = aigw_conf_get(node, "if");
	if (cond && route_cond_read(to, cond, err) < 0)
		return -1;
	if (read_weight(to, aigw_conf_get(node, "weight"), err) < 0)
		return -1;
	return read_when(t, to, aigw_conf_get(node, "when"), err);
}

static int read_alias(struct table *t, struct alias *a,
		      const struct aigw_conf *node, struct aigw_err *err)
{
	bool list = aigw_conf_kind(node) == AIGW_CONF_LIST;
	size_t n = list ? aigw_conf_len(node) : 1;

	a->name = aigw_conf_key(node);
	a->pattern = strpbrk(a->name, "*?") != NULL;
	if (n == 0 || n > TARGETS_MAX || aigw_conf_null(node))
		return aigw_conf_fail(node, err, "%.64s: needs 1 to %d targets",
				      a->name, TARGETS_MAX);
	a->targets = calloc(n, sizeof(*a->targets));
	if (!a->targets)
		return aigw_fail(err, "out of memory");
	for (a->n = 0; a->n < n; a->n++) {
		/* counted before it is read: a half-read one is released */
		struct target *to = &a->targets[a->n];

		if (read_target(t, to, list ? aigw_conf_at(node, a->n) : node,
				err) < 0) {
			a->n++;
			return -1;
		}
	}
	return 0;
}

/* jq's complaint with the place of the program that it is about. */
static int compile(struct table *t, struct aigw_err *err)
{
	struct aigw_err why;
	size_t culprit = 0, i, j;

	if (!t->jq || aigw_jq_compile(t->jq, &culprit, &why) == 0)
		return 0;
	for (i = 0; i < t->n; i++) {
		for (j = 0; j < t->aliases[i].n; j++) {
			const struct target *to = &t->aliases[i].targets[j];

			if (to->when == (long)culprit)
				return aigw_conf_fail(to->when_node, err,
						      "when: %s", why.text);
		}
	}
	return aigw_fail(err, "%s", why.text);
}

int route_table_read(struct table *t, const struct aigw_conf *models,
		     struct aigw_err *err)
{
	size_t n = aigw_conf_len(models), i, names = 0;

	if (aigw_conf_kind(models) != AIGW_CONF_MAP)
		return aigw_conf_fail(models, err,
				      "models: must be a map from names to "
				      "targets");
	t->aliases = calloc(n + 1, sizeof(*t->aliases));
	t->names = calloc(n + 1, sizeof(*t->names));
	if (!t->aliases || !t->names)
		return aigw_fail(err, "out of memory");
	for (i = 0; i < n; i++) {
		t->n = i + 1;
		if (read_alias(t, &t->aliases[i], aigw_conf_at(models, i),
			       err) < 0)
			return -1;
		if (!t->aliases[i].pattern)
			t->names[names++] = t->aliases[i].name;
	}
	return compile(t, err);
}

void route_table_release(struct table *t)
{
	size_t i, j;

	for (i = 0; i < t->n; i++) {
		for (j = 0; j < t->aliases[i].n; j++) {
			free(t->aliases[i].targets[j].conds);
			free(t->aliases[i].targets[j].owned);
		}
		free(t->aliases[i].targets);
	}
	free(t->aliases);
	free(t->names);
	aigw_jq_free(t->jq);
	*t = (struct table){.n = 0};
}

const struct alias *route_table_find(const struct table *t, const char *model,
				     size_t len)
{
	const struct alias *a;
	size_t i;

	for (i = 0; i < t->n; i++) {
		a = &t->aliases[i];
		if (!a->pattern && strlen(a->name) == len &&
		    memcmp(a->name, model, len) == 0)
			return a;
	}
	for (i = 0; i < t->n; i++) {
		a = &t->aliases[i];
		if (a->pattern &&
		    aigw_glob(a->name, strlen(a->name), model, len))
			return a;
	}
	return NULL;
}
