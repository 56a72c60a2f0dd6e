/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - the routing table: aliases, targets, conditions */
#ifndef ROUTE_H
#define ROUTE_H

#include "aigw.h"
#include "text/jq.h"

#define TARGETS_MAX 64 /* of one alias */

/* One entry of `if:`; all that it says must hold. The texts belong to the
 * configuration. */
struct cond {
	const char *member;		     /* "client.principal" */
	const struct aigw_conf *is, *prefix; /* a scalar or a list of them */
	bool has_min, has_max, has_exists, exists;
	double min, max;
};

struct target {
	const char *provider;
	const char *model; /* NULL: as it was asked for */
	const char *price_as; /* the model whose price holds, or NULL */
	int64_t weight;	   /* share of first tries */
	struct cond *conds;
	size_t n_conds;
	char *owned; /* what "provider:model" was cut from */
	long when;   /* program of the table's jq set, or -1 */
	const struct aigw_conf *when_node;
};

struct alias {
	const char *name;
	bool pattern; /* it has a `*` or `?` */
	struct target *targets;
	size_t n;
};

struct table {
	struct alias *aliases; /* as in the configuration */
	size_t n;
	const char **names; /* for "did you mean"; NULL-terminated */
	struct aigw_jq *jq; /* NULL: there is no `when:` */
};

/* Read `models:`; errors name file:line:column. */
int route_table_read(struct table *t, const struct aigw_conf *models,
		     struct aigw_err *err) AIGW_MUST_CHECK;
void route_table_release(struct table *t);
/* The exact name first, then patterns in order; or NULL. */
const struct alias *route_table_find(const struct table *t, const char *model,
				     size_t len);

/* `if:` of a target, a map or a list of maps. */
int route_cond_read(struct target *to, const struct aigw_conf *node,
		    struct aigw_err *err) AIGW_MUST_CHECK;
bool route_cond_holds(const struct cond *c, const struct aigw_env *env);

#endif
