/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - a YAML file as a tree in which every node knows its place */
#ifndef AIGW_CORE_CONF_H
#define AIGW_CORE_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/*
 * Budgets: libyaml is quadratic on hostile input, so a file is refused beyond
 * them before it can cost anything.
 */
#define AIGW_CONF_BYTES (1024 * 1024)
#define AIGW_CONF_EVENTS 100000
#define AIGW_CONF_DEPTH 32

enum aigw_conf_kind { AIGW_CONF_SCALAR, AIGW_CONF_LIST, AIGW_CONF_MAP };

struct aigw_conf; /* a node; the root owns all */

/*
 * Read a file ("-" is stdin) or a text (`name` appears in messages). YAML 1.1
 * as libyaml reads it, one document, without anchors, aliases, tags, merge
 * keys, duplicate keys, NUL, or keys that are no scalars. Errors begin with
 * file:line:column. The caller frees the root.
 */
struct aigw_conf *aigw_conf_load(const char *path,
				 struct aigw_err *err) AIGW_MUST_CHECK;
struct aigw_conf *aigw_conf_parse(const char *name, const char *text,
				  size_t len,
				  struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_conf_free(struct aigw_conf *root); /* NULL is fine */

enum aigw_conf_kind aigw_conf_kind(const struct aigw_conf *node);
/* A plain (unquoted) ~, null or nothing. NULL counts as null too. */
bool aigw_conf_null(const struct aigw_conf *node);
/* A scalar's text with a NUL behind it; NULL for lists, maps and null. */
const char *aigw_conf_str(const struct aigw_conf *node);
/* "true"/"false" unquoted; -1 with err when it is something else. */
int aigw_conf_bool(const struct aigw_conf *node, bool *b,
		   struct aigw_err *err) AIGW_MUST_CHECK;

size_t aigw_conf_len(const struct aigw_conf *node);
/* The nth item of a list, or the nth value of a map. */
const struct aigw_conf *aigw_conf_at(const struct aigw_conf *node, size_t n);
/* The key under which a node stands in its map, or NULL. */
const char *aigw_conf_key(const struct aigw_conf *node);
/* A map's value by key, or NULL. */
const struct aigw_conf *aigw_conf_get(const struct aigw_conf *node,
				      const char *key);

/* "aigw.yaml:12:3", valid as long as the root. */
const char *aigw_conf_where(const struct aigw_conf *node);
/* The same of its key; of the node itself when it has no key. */
const char *aigw_conf_key_where(const struct aigw_conf *node);
/* The folder of the file, for relative paths; "." when there is none. */
const char *aigw_conf_dir(const struct aigw_conf *node);

/* Fail as "WHERE: reason" with code invalid_config; returns -1. */
int aigw_conf_fail(const struct aigw_conf *node, struct aigw_err *err,
		   const char *fmt, ...) AIGW_PRINTF(3, 4);

#endif
