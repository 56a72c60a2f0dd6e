/* SPDX-License-Identifier: Apache-2.0 */
/* stageconf.c - a stage of a chain file as an instance of a filter */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/chainfile.h"

#define ONCE_DEADLINE "1h"

static void instance_free(const struct aigw_filter *f, void *self)
{
	if (!self)
		return;
	aigw_opts_release(f->opts, self);
	free(self);
}

void *aigw_stage_conf_fill(const struct aigw_stage_conf *sc,
			   struct aigw_origin *origin, struct aigw_err *err)
{
	const struct aigw_filter *f = sc->filter;
	void *self = calloc(1, f->size ? f->size : 1);

	if (!self) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	if (aigw_opts_defaults(f->opts, self, err) == 0 &&
	    aigw_opts_conf(f->opts, self, sc->section, origin, err) == 0 &&
	    aigw_opts_conf(f->opts, self, sc->options, origin, err) == 0)
		return self;
	instance_free(f, self);
	return NULL;
}

/* A child being described: its command line goes to the row `exec`. */
struct child {
	const struct aigw_filter *exec;
	void *self;
	const struct aigw_stage_conf *sc;
	struct aigw_err *err;
};

static int add_arg(struct child *c, const char *arg)
{
	return aigw_opts_set(c->exec->opts, c->self, "exec", arg, c->err);
}

/* "--name=value" */
static int add_flag(struct child *c, const char *name, const char *value,
		    size_t len)
{
	struct aigw_buf b;
	char *arg = NULL;
	int rc = -1;

	aigw_buf_init(&b, AIGW_CONF_BYTES);
	if (aigw_buf_str(&b, "--") == 0 && aigw_buf_str(&b, name) == 0 &&
	    aigw_buf_str(&b, "=") == 0 && aigw_buf_add(&b, value, len) == 0)
		arg = aigw_buf_take(&b, NULL);
	if (arg)
		rc = add_arg(c, arg);
	else
		aigw_fail(c->err, "out of memory");
	free(arg);
	aigw_buf_release(&b);
	return rc;
}

static int add_option(struct child *c, const struct aigw_opt *opt,
		      const void *self, const struct aigw_conf *node)
{
	const struct aigw_list *list;
	struct aigw_buf b;
	size_t i;
	int rc = 0;

	if (!aigw_opt_has_flag(opt))
		return aigw_conf_fail(node, c->err,
				      "%s: a piped stage takes this from the "
				      "section %s only",
				      opt->name, c->sc->filter->name);
	if (opt->type == AIGW_OPT_LIST) {
		list = (const void *)((const char *)self + opt->offset);
		if (list->n == 0)
			return aigw_conf_fail(node, c->err,
					      "%s: must not be empty for a "
					      "piped stage",
					      opt->name);
		for (i = 0; rc == 0 && i < list->n; i++)
			rc = add_flag(c, opt->name, list->v[i],
				      strlen(list->v[i]));
		return rc;
	}
	aigw_buf_init(&b, AIGW_CONF_BYTES);
	if (aigw_opts_show(opt, self, &b) < 0)
		rc = aigw_fail(c->err, "out of memory");
	else
		rc = add_flag(c, opt->name, b.data, b.len);
	aigw_buf_release(&b);
	return rc;
}

/* The item's options, checked here and handed on as flags. */
static int add_options(struct child *c)
{
	const struct aigw_filter *f = c->sc->filter;
	size_t n = aigw_opts_count(f->opts), i;
	struct aigw_origin *origin = calloc(n + 1, sizeof(*origin));
	void *self = calloc(1, f->size ? f->size : 1);
	int rc = -1;

	if (!origin || !self)
		aigw_fail(c->err, "out of memory");
	else
		rc = aigw_opts_conf(f->opts, self, c->sc->options, origin,
				    c->err);
	for (i = 0; rc == 0 && i < n; i++) {
		if (origin[i].kind == AIGW_FROM_FILE)
			rc = add_option(c, &f->opts[i], self, origin[i].node);
	}
	instance_free(f, self);
	free(origin);
	return rc;
}

static int describe_foreign(struct child *c)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < c->sc->exec.n; i++)
		rc = add_arg(c, c->sc->exec.v[i]);
	return rc;
}

/* With no configuration the child finds none either: the rules are the same. */
static int describe_piped(struct child *c, const struct aigw_chainfile *cf)
{
	char name[NAME_MAX + 1], path[AIGW_PATH_MAX];

	if (strcmp(cf->path, "-") == 0)
		return aigw_conf_fail(c->sc->node, c->err,
				      "a piped stage cannot read a "
				      "configuration from stdin");
	snprintf(name, sizeof(name), "aigw-%s", c->sc->filter->name);
	if (aigw_program_find(name, path, c->err) < 0 || add_arg(c, path) < 0 ||
	    add_arg(c, "-c") < 0 ||
	    add_arg(c, cf->path[0] ? cf->path : "/dev/null") < 0 ||
	    (cf->log_flag && add_arg(c, cf->log_flag) < 0))
		return -1;
	return add_options(c);
}

static int set_limit(struct child *c, const char *name, const char *value)
{
	if (!value ||
	    aigw_opts_set(c->exec->opts, c->self, name, value, c->err) == 0)
		return 0;
	return aigw_fail_in(c->err, "%s", aigw_conf_where(c->sc->node));
}

void *aigw_stage_conf_child(const struct aigw_chainfile *cf,
			    const struct aigw_stage_conf *sc,
			    const struct aigw_filter *exec,
			    struct aigw_err *err)
{
	struct child c = {.exec = exec, .sc = sc, .err = err};
	int rc;

	c.self = calloc(1, exec->size ? exec->size : 1);
	if (!c.self) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	rc = aigw_opts_defaults(exec->opts, c.self, err);
	if (rc == 0)
		rc = sc->filter ? describe_piped(&c, cf) : describe_foreign(&c);
	/* What costs money has its own, longer time limits. */
	if (rc == 0 && sc->filter && sc->filter->once)
		rc = set_limit(&c, "deadline", ONCE_DEADLINE);
	if (rc == 0 && !sc->resend)
		rc = set_limit(&c, "resend", "false");
	if (rc == 0 && set_limit(&c, "deadline", sc->deadline) == 0 &&
	    set_limit(&c, "queue", sc->queue) == 0)
		return c.self;
	instance_free(exec, c.self);
	return NULL;
}
