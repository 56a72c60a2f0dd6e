/* SPDX-License-Identifier: Apache-2.0 */
/* cond.c - `if:`: the simple conditions, without jq */
#include <stdlib.h>
#include <string.h>

#include "route.h"

static const char *const keys[] = {"member", "is",  "in",     "prefix",
				   "min",    "max", "exists", NULL};

static int read_number(const struct aigw_conf *node, bool *has, double *to,
		       struct aigw_err *err)
{
	const char *s = aigw_conf_str(node);
	char *end;

	if (!node)
		return 0;
	*has = true;
	*to = s ? strtod(s, &end) : 0;
	if (!s || end == s || *end || *to != *to)
		return aigw_conf_fail(node, err, "%s: must be a number",
				      aigw_conf_key(node));
	return 0;
}

/* A scalar, or (for `in` and `prefix`) a list of scalars. */
static int check_words(const struct aigw_conf *node, bool list,
		       struct aigw_err *err)
{
	size_t i;

	if (!node || aigw_conf_str(node))
		return 0;
	if (!list || aigw_conf_kind(node) != AIGW_CONF_LIST)
		return aigw_conf_fail(node, err, "%s: must be a text%s",
				      aigw_conf_key(node),
				      list ? " or a list of texts" : "");
	for (i = 0; i < aigw_conf_len(node); i++) {
		if (!aigw_conf_str(aigw_conf_at(node, i)))
			return aigw_conf_fail(aigw_conf_at(node, i), err,
					      "must be a text");
	}
	return 0;
}

static int check_keys(const struct aigw_conf *node, struct aigw_err *err)
{
	const char *near;
	size_t i, k;

	if (aigw_conf_kind(node) != AIGW_CONF_MAP)
		return aigw_conf_fail(node, err,
				      "a condition is a map with a member");
	for (i = 0; i < aigw_conf_len(node); i++) {
		const struct aigw_conf *v = aigw_conf_at(node, i);

		for (k = 0; keys[k] && strcmp(keys[k], aigw_conf_key(v)); k++)
			;
		if (keys[k])
			continue;
		near = aigw_nearest(aigw_conf_key(v), keys);
		return aigw_conf_fail(v, err, "unknown key \"%.64s\"%s%s%s",
				      aigw_conf_key(v),
				      near ? "; did you mean \"" : "",
				      near ? near : "", near ? "\"?" : "");
	}
	return 0;
}

static int read_one(struct cond *c, const struct aigw_conf *node,
		    struct aigw_err *err)
{
	const struct aigw_conf *is, *in, *exists;

	if (check_keys(node, err) < 0)
		return -1;
	is = aigw_conf_get(node, "is");
	in = aigw_conf_get(node, "in");
	exists = aigw_conf_get(node, "exists");
	c->member = aigw_conf_str(aigw_conf_get(node, "member"));
	c->prefix = aigw_conf_get(node, "prefix");
	c->is = is ? is : in;
	if (!c->member || !*c->member)
		return aigw_conf_fail(node, err,
				      "member: must name a member, such as "
				      "client.principal");
	if (is && in)
		return aigw_conf_fail(in, err, "is and in exclude each other");
	if (check_words(is, false, err) < 0 || check_words(in, true, err) < 0 ||
	    check_words(c->prefix, true, err) < 0 ||
	    read_number(aigw_conf_get(node, "min"), &c->has_min, &c->min, err) <
		    0 ||
	    read_number(aigw_conf_get(node, "max"), &c->has_max, &c->max, err) <
		    0)
		return -1;
	c->has_exists = exists != NULL;
	if (exists && aigw_conf_bool(exists, &c->exists, err) < 0)
		return -1;
	if (!c->is && !c->prefix && !c->has_min && !c->has_max && !exists)
		return aigw_conf_fail(node, err,
				      "needs one of is, in, prefix, min, max, "
				      "exists");
	return 0;
}

int route_cond_read(struct target *to, const struct aigw_conf *node,
		    struct aigw_err *err)
{
	bool list = aigw_conf_kind(node) == AIGW_CONF_LIST;
	size_t n = list ? aigw_conf_len(node) : 1, i;

	to->conds = calloc(n + 1, sizeof(*to->conds));
	if (!to->conds)
		return aigw_fail(err, "out of memory");
	to->n_conds = n;
	for (i = 0; i < n; i++) {
		if (read_one(&to->conds[i], list ? aigw_conf_at(node, i) : node,
			     err) < 0)
			return -1;
	}
	return 0;
}

/* Holding --------------------------------------------------------------- */

typedef bool (*word_fn)(const struct aigw_val *v, const char *word);

static bool equal(const struct aigw_val *v, const char *word)
{
	double d, n;
	char *end;

	switch (aigw_val_type(v)) {
	case AIGW_STRING:
		return aigw_val_is(v, word);
	case AIGW_BOOL:
		return strcmp(word, aigw_val_true(v) ? "true" : "false") == 0;
	case AIGW_NUMBER:
		n = strtod(word, &end);
		return end > word && !*end && aigw_val_double(v, &d) && d == n;
	default:
		return false;
	}
}

static bool begins(const struct aigw_val *v, const char *word)
{
	size_t len, n = strlen(word);
	const char *s = aigw_val_str(v, &len);

	return s && len >= n && memcmp(s, word, n) == 0;
}

static bool any(const struct aigw_conf *words, word_fn fn,
		const struct aigw_val *v)
{
	size_t i;

	if (aigw_conf_str(words))
		return fn(v, aigw_conf_str(words));
	for (i = 0; i < aigw_conf_len(words); i++) {
		if (fn(v, aigw_conf_str(aigw_conf_at(words, i))))
			return true;
	}
	return false;
}

bool route_cond_holds(const struct cond *c, const struct aigw_env *env)
{
	const struct aigw_val *v = aigw_env_get(env, c->member);
	double d;

	if (c->has_exists && (aigw_val_type(v) != AIGW_NULL) != c->exists)
		return false;
	if (c->is && !any(c->is, equal, v))
		return false;
	if (c->prefix && !any(c->prefix, begins, v))
		return false;
	if (!c->has_min && !c->has_max)
		return true;
	return aigw_val_double(v, &d) && (!c->has_min || d >= c->min) &&
	       (!c->has_max || d <= c->max);
}
