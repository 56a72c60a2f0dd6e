/* SPDX-License-Identifier: Apache-2.0 */
/* chainfile.c - aigw.yaml(5) as a list of stages */
#include "core/chainfile.h"

#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 64
#define DEFAULT_CHAIN "chain: [auth, mask, route, count, send, count, mask]"

/* Top-level keys that are no section of a filter. */
static const char *const own_keys[] = {"aigw", "chain", "run"};
#define OWN_KEYS (sizeof(own_keys) / sizeof(*own_keys))

static const char *const bodies[] = {
	[AIGW_BODY_LINKED] = "linked",
	[AIGW_BODY_PIPED] = "piped",
	NULL,
};

/* An item of `chain:` that is a map. */
struct item {
	char *filter, *name, *deadline, *queue;
	int body;
	bool resend;
	struct aigw_list exec;
	const struct aigw_conf *options;
};

#define AT(field) .offset = offsetof(struct item, field)
static const struct aigw_opt item_opts[] = {
	{.name = "filter", .type = AIGW_OPT_STRING, AT(filter)},
	{.name = "exec", .type = AIGW_OPT_LIST, AT(exec)},
	{.name = "body",
	 .type = AIGW_OPT_ENUM,
	 AT(body),
	 .fallback = "linked",
	 .words = bodies},
	{.name = "name", .type = AIGW_OPT_STRING, AT(name)},
	{.name = "deadline", .type = AIGW_OPT_STRING, AT(deadline)},
	{.name = "queue", .type = AIGW_OPT_STRING, AT(queue)},
	{.name = "resend",
	 .type = AIGW_OPT_FLAG,
	 AT(resend),
	 .fallback = "true"},
	{.name = "options", .type = AIGW_OPT_TREE, AT(options)},
	{.type = AIGW_OPT_END},
};

const char *aigw_body_name(enum aigw_body body)
{
	return body == AIGW_BODY_FOREIGN ? "foreign" : bodies[body];
}

/* Names ----------------------------------------------------------------- */

/* The words that may stand where `node` does, and a hint if it is near one. */
static int fail_word(const struct aigw_filter *const *filters, bool keys,
		     const char *where, const char *what, const char *word,
		     struct aigw_err *err)
{
	const char *words[OWN_KEYS + 256];
	char hint[AIGW_HINT_MAX];
	size_t n = 0, i;

	for (i = 0; keys && i < OWN_KEYS; i++)
		words[n++] = own_keys[i];
	for (i = 0; filters[i] && i < 255; i++)
		words[n++] = filters[i]->name;
	words[n] = NULL;
	aigw_hint(word, words, hint);
	return aigw_fail_as(err, AIGW_E_INTERNAL, "invalid_config",
			    "%s: no %s \"%.64s\"%s", where, what, word, hint);
}

static const struct aigw_filter *
filter_by_name(const struct aigw_filter *const *filters, const char *name)
{
	for (; *filters; filters++) {
		if (strcmp((*filters)->name, name) == 0)
			return *filters;
	}
	return NULL;
}

static bool is_used(const struct aigw_chainfile *cf, const char *name)
{
	size_t i;

	for (i = 0; i < cf->n; i++) {
		if (strcmp(cf->stages[i].name, name) == 0)
			return true;
	}
	return false;
}

/* A name that was given is taken as it is, or not at all. */
static int check_name(const struct aigw_chainfile *cf, const char *name,
		      const struct aigw_conf *node, struct aigw_err *err)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._-";
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN || strspn(name, allowed) != len)
		return aigw_conf_fail(node, err,
				      "a name is 1 to %d letters, digits, "
				      "\".\", \"_\" or \"-\"",
				      NAME_MAX_LEN);
	if (is_used(cf, name))
		return aigw_conf_fail(node, err,
				      "the name \"%s\" is taken already", name);
	return 0;
}

/* count, count#2, count#3 … */
static char *free_name(const struct aigw_chainfile *cf, const char *base)
{
	char name[NAME_MAX_LEN + 16];
	int n = 1;

	snprintf(name, sizeof(name), "%.*s", NAME_MAX_LEN, base);
	while (is_used(cf, name))
		snprintf(name, sizeof(name), "%.*s#%d", NAME_MAX_LEN, base,
			 ++n);
	return strdup(name);
}

/* Items ----------------------------------------------------------------- */

static int check_item(const struct item *item, const struct aigw_conf *node,
		      const struct aigw_origin *body, struct aigw_err *err)
{
	bool linked = item->body == AIGW_BODY_LINKED;

	if (!item->filter && item->options)
		return aigw_conf_fail(node, err,
				      "options belong to a filter; exec has "
				      "arguments");
	if (!item->filter && linked && body->kind == AIGW_FROM_FILE)
		return aigw_conf_fail(node, err, "exec cannot be linked");
	if (item->filter && linked &&
	    (item->deadline || item->queue || !item->resend))
		return aigw_conf_fail(node, err,
				      "deadline, queue and resend are for "
				      "stages that are not linked");
	return 0;
}

/* What the item owns moves to the stage. */
static int take_item(struct aigw_chainfile *cf, struct item *item,
		     const struct aigw_conf *node,
		     const struct aigw_filter *const *filters,
		     struct aigw_err *err)
{
	struct aigw_stage_conf *sc = &cf->stages[cf->n];
	const char *base = item->filter, *slash;

	if (!item->filter == (item->exec.n == 0))
		return aigw_conf_fail(node, err, "needs either filter or exec");
	*sc = (struct aigw_stage_conf){.node = node, .body = item->body};
	if (item->exec.n > 0) {
		sc->body = AIGW_BODY_FOREIGN;
		slash = strrchr(item->exec.v[0], '/');
		base = slash ? slash + 1 : item->exec.v[0];
	} else {
		sc->filter = filter_by_name(filters, base);
		if (!sc->filter)
			return fail_word(filters, false, aigw_conf_where(node),
					 "filter", base, err);
		sc->section = aigw_conf_get(cf->conf, base);
		sc->options = item->options;
	}
	if (item->name && check_name(cf, item->name, node, err) < 0)
		return -1;
	sc->name = item->name ? strdup(item->name) : free_name(cf, base);
	if (!sc->name)
		return aigw_fail(err, "out of memory");
	sc->exec = item->exec;
	sc->deadline = item->deadline;
	sc->queue = item->queue;
	sc->resend = item->resend && !(sc->filter && sc->filter->once);
	item->exec = (struct aigw_list){NULL, 0};
	item->deadline = item->queue = NULL;
	cf->n++;
	return 0;
}

static int read_item(struct aigw_chainfile *cf, const struct aigw_conf *node,
		     const struct aigw_filter *const *filters,
		     struct aigw_err *err)
{
	struct aigw_origin origin[sizeof(item_opts) / sizeof(*item_opts)] = {
		{AIGW_FROM_DEFAULT, NULL}};
	struct item item = {.resend = true};
	const char *name = aigw_conf_str(node);
	int rc;

	if (name) {
		item.filter = strdup(name);
		rc = item.filter ? 0 : -1;
		if (rc < 0)
			aigw_fail(err, "out of memory");
	} else if (aigw_conf_kind(node) == AIGW_CONF_MAP) {
		rc = aigw_opts_conf(item_opts, &item, node, origin, err);
		if (rc == 0)
			rc = check_item(&item, node, &origin[2], err);
	} else {
		rc = aigw_conf_fail(node, err,
				    "a stage is the name of a filter or a map");
	}
	if (rc == 0)
		rc = take_item(cf, &item, node, filters, err);
	aigw_opts_release(item_opts, &item);
	return rc;
}

/* The file -------------------------------------------------------------- */

/* Are the options of a filter right? Nothing is opened. */
static int check_section(const struct aigw_filter *f,
			 const struct aigw_conf *section, struct aigw_err *err)
{
	void *self = calloc(1, f->size ? f->size : 1);
	int rc;

	if (!self)
		return aigw_fail(err, "out of memory");
	rc = aigw_opts_conf(f->opts, self, section, NULL, err);
	aigw_opts_release(f->opts, self);
	free(self);
	return rc;
}

static bool is_own_key(const char *key)
{
	size_t i;

	for (i = 0; i < OWN_KEYS; i++) {
		if (strcmp(own_keys[i], key) == 0)
			return true;
	}
	return false;
}

static int check_top(const struct aigw_conf *top,
		     const struct aigw_filter *const *filters,
		     struct aigw_err *err)
{
	const struct aigw_conf *node = aigw_conf_get(top, "aigw");
	const struct aigw_filter *f;
	size_t i;

	if (aigw_conf_null(top))
		return 0;
	if (aigw_conf_kind(top) != AIGW_CONF_MAP)
		return aigw_conf_fail(top, err, "must be a map of sections");
	if (!aigw_conf_str(node) || strcmp(aigw_conf_str(node), "1") != 0)
		return aigw_conf_fail(node ? node : top, err,
				      "expected \"aigw: 1\", the version of "
				      "this format");
	for (i = 0; i < aigw_conf_len(top); i++) {
		node = aigw_conf_at(top, i);
		if (is_own_key(aigw_conf_key(node)))
			continue;
		f = filter_by_name(filters, aigw_conf_key(node));
		if (!f)
			return fail_word(filters, true,
					 aigw_conf_key_where(node), "section",
					 aigw_conf_key(node), err);
		if (check_section(f, node, err) < 0)
			return -1;
	}
	return 0;
}

static int read_chain(struct aigw_chainfile *cf,
		      const struct aigw_filter *const *filters,
		      struct aigw_err *err)
{
	const struct aigw_conf *chain = aigw_conf_get(cf->conf, "chain");
	size_t i, n;

	if (aigw_conf_null(chain)) {
		cf->builtin = aigw_conf_parse("(default)", DEFAULT_CHAIN,
					      sizeof(DEFAULT_CHAIN) - 1, err);
		if (!cf->builtin)
			return -1;
		chain = aigw_conf_get(cf->builtin, "chain");
	}
	n = aigw_conf_len(chain);
	if (aigw_conf_kind(chain) != AIGW_CONF_LIST || n == 0)
		return aigw_conf_fail(chain, err,
				      "chain must be a list of stages");
	if (n > AIGW_CHAIN_MAX)
		return aigw_conf_fail(chain, err, "more than %d stages",
				      AIGW_CHAIN_MAX);
	cf->stages = calloc(n, sizeof(*cf->stages));
	if (!cf->stages)
		return aigw_fail(err, "out of memory");
	for (i = 0; i < n; i++) {
		if (read_item(cf, aigw_conf_at(chain, i), filters, err) < 0)
			return -1;
	}
	return 0;
}

int aigw_chainfile_load(struct aigw_chainfile *cf, const char *flag,
			const struct aigw_filter *const *filters,
			struct aigw_err *err)
{
	*cf = (struct aigw_chainfile){.conf = NULL};
	if (aigw_config_find(flag, cf->path, &cf->rule, err) < 0)
		return -1;
	if (cf->rule != AIGW_CONFIG_NONE) {
		cf->conf = aigw_conf_load(cf->path, err);
		if (!cf->conf)
			return -1;
	}
	if (check_top(cf->conf, filters, err) == 0 &&
	    read_chain(cf, filters, err) == 0)
		return 0;
	aigw_chainfile_release(cf);
	return -1;
}

static void stage_release(struct aigw_stage_conf *sc)
{
	while (sc->exec.n > 0)
		free(sc->exec.v[--sc->exec.n]);
	free(sc->exec.v);
	free(sc->name);
	free(sc->deadline);
	free(sc->queue);
}

void aigw_chainfile_release(struct aigw_chainfile *cf)
{
	while (cf->n > 0)
		stage_release(&cf->stages[--cf->n]);
	free(cf->stages);
	aigw_conf_free(cf->conf);
	aigw_conf_free(cf->builtin);
	*cf = (struct aigw_chainfile){.conf = NULL};
}
