/* SPDX-License-Identifier: Apache-2.0 */
/* explain.c - aigw-explain: every option in effect and where it was set */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/report.h"
#include "host.h"

#define HIDDEN "<hidden>"
#define COMMENT_COLUMN 40

/* One stage as it would be opened. */
struct stage {
	const struct aigw_stage_conf *sc;
	void *self;
	struct aigw_origin *origin; /* a slot a row */
};

/* Secrets --------------------------------------------------------------- */

/* Does the key of a map promise a secret? Its last word tells. */
static bool is_secret_key(const char *key)
{
	static const char *const words[] = {
		"key",	  "keys",   "secret",	     "secrets",
		"token",  "tokens", "password",	     "passwd",
		"pepper", "cookie", "authorization", "credentials",
	};
	const char *last = key, *p;
	size_t i;

	for (p = key; p && *p; p++) {
		if (*p == '-' || *p == '_' || *p == '.')
			last = p + 1;
	}
	for (i = 0; key && i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(last, words[i]) == 0)
			return true;
	}
	return false;
}

/* {file: F} says where a secret is, it is none. */
static bool is_reference_key(const char *key)
{
	static const char *const words[] = {"file", "env", "fd", "credential",
					    "command"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcmp(key, words[i]) == 0)
			return true;
	}
	return false;
}

/* Is what `node` says hidden, when what is around it is (or is not)? */
static bool is_hidden(const struct aigw_conf *node, bool around)
{
	const char *key = aigw_conf_key(node), *s = aigw_conf_str(node);

	if (around)
		return !key || !is_reference_key(key);
	if (s && s[strspn(s, "0123456789.")] == '\0')
		return false; /* max-tokens: 100 */
	return key && is_secret_key(key);
}

/* "https://user:pass@host" without what stands before the @. */
static char *without_user(const char *s)
{
	const char *scheme = strstr(s, "://"), *rest, *at, *p;
	char *out;
	size_t size;

	if (!scheme)
		return strdup(s);
	rest = scheme + 3;
	at = NULL;
	for (p = rest; *p && !strchr("/?#", *p); p++) {
		if (*p == '@')
			at = p;
	}
	if (!at)
		return strdup(s);
	size = strlen(s) + sizeof(HIDDEN);
	out = malloc(size);
	if (out)
		snprintf(out, size, "%.*s" HIDDEN "%s", (int)(rest - s), s, at);
	return out;
}

/* JSON ------------------------------------------------------------------ */

static void json_text(struct aigw_json *w, const char *s)
{
	char *shown = s ? without_user(s) : NULL;

	if (s && !shown)
		w->failed = true;
	else
		aigw_json_str(w, shown);
	free(shown);
}

/* Deep as configurations are: AIGW_CONF_DEPTH. */
static void json_node(struct aigw_json *w, const struct aigw_conf *node,
		      bool hidden)
{
	bool map = aigw_conf_kind(node) == AIGW_CONF_MAP;
	const struct aigw_conf *child;
	size_t i;

	if (aigw_conf_kind(node) == AIGW_CONF_SCALAR) {
		json_text(w, hidden && aigw_conf_str(node)
				     ? HIDDEN
				     : aigw_conf_str(node));
		return;
	}
	if (map)
		aigw_json_object(w);
	else
		aigw_json_array(w);
	for (i = 0; i < aigw_conf_len(node); i++) {
		child = aigw_conf_at(node, i);
		if (map)
			aigw_json_key(w, aigw_conf_key(child));
		json_node(w, child, map ? is_hidden(child, hidden) : hidden);
	}
	aigw_json_close(w);
}

/* Nobody gave it, and it has no default. */
static bool is_unset(const struct aigw_opt *opt, const void *field)
{
	switch (opt->type) {
	case AIGW_OPT_STRING:
	case AIGW_OPT_PATH:
		return !*(char *const *)field;
	case AIGW_OPT_MONEY:
		return *(const int64_t *)field == AIGW_MONEY_NONE;
	default:
		return false;
	}
}

static void json_value(struct aigw_json *w, const struct aigw_opt *opt,
		       const void *self)
{
	const void *field = (const char *)self + opt->offset;
	const struct aigw_list *list = field;
	struct aigw_buf b;
	size_t i;

	if (is_unset(opt, field)) {
		json_text(w, NULL);
		return;
	}
	switch (opt->type) {
	case AIGW_OPT_FLAG:
		aigw_json_bool(w, *(const bool *)field);
		return;
	case AIGW_OPT_INT:
		aigw_json_int(w, *(const int64_t *)field);
		return;
	case AIGW_OPT_STRING:
	case AIGW_OPT_PATH:
		json_text(w, opt->secret ? HIDDEN : *(char *const *)field);
		return;
	case AIGW_OPT_LIST:
		aigw_json_array(w);
		for (i = 0; i < list->n; i++)
			json_text(w, opt->secret ? HIDDEN : list->v[i]);
		aigw_json_close(w);
		return;
	case AIGW_OPT_TREE:
		json_node(w, *(const struct aigw_conf *const *)field,
			  opt->secret);
		return;
	default:
		aigw_buf_init(&b, 4096);
		w->failed = w->failed || aigw_opts_show(opt, self, &b) < 0;
		aigw_json_strn(w, b.data ? b.data : "", b.len);
		aigw_buf_release(&b);
	}
}

static const char *origin_name(const struct aigw_origin *origin)
{
	switch (origin->kind) {
	case AIGW_FROM_FILE:
		return "file";
	case AIGW_FROM_FLAG:
		return "flag";
	default:
		return "default";
	}
}

static const char *type_name(enum aigw_opt_type type)
{
	static const char *const names[] = {
		[AIGW_OPT_END] = "",	    [AIGW_OPT_FLAG] = "flag",
		[AIGW_OPT_INT] = "number",  [AIGW_OPT_SIZE] = "size",
		[AIGW_OPT_TIME] = "time",   [AIGW_OPT_MONEY] = "money",
		[AIGW_OPT_STRING] = "text", [AIGW_OPT_PATH] = "file",
		[AIGW_OPT_ENUM] = "word",   [AIGW_OPT_LIST] = "list",
		[AIGW_OPT_TREE] = "map",
	};

	return names[type];
}

static void json_option(struct aigw_json *w, const struct stage *s, size_t i)
{
	const struct aigw_opt *opt = &s->sc->filter->opts[i];

	aigw_json_object(w);
	aigw_json_key(w, "name");
	aigw_json_str(w, opt->name);
	aigw_json_key(w, "type");
	aigw_json_str(w, type_name(opt->type));
	aigw_json_key(w, "value");
	json_value(w, opt, s->self);
	aigw_json_key(w, "from");
	aigw_json_str(w, origin_name(&s->origin[i]));
	if (s->origin[i].kind == AIGW_FROM_FILE) {
		aigw_json_key(w, "at");
		aigw_json_str(w, aigw_conf_where(s->origin[i].node));
	}
	aigw_json_close(w);
}

static void json_stage(struct aigw_json *w, const struct stage *s)
{
	const struct aigw_stage_conf *sc = s->sc;
	size_t n = s->self ? aigw_opts_count(sc->filter->opts) : 0, i;

	aigw_report_stage(w, sc);
	if (s->self) {
		aigw_json_key(w, "options");
		aigw_json_array(w);
		for (i = 0; i < n; i++)
			json_option(w, s, i);
		aigw_json_close(w);
	}
	aigw_json_close(w);
}

static void json_head(struct aigw_json *w, const struct aigw_chainfile *cf)
{
	static const char *const rules[] = {
		[AIGW_CONFIG_FLAG] = "flag", [AIGW_CONFIG_ENV] = "env",
		[AIGW_CONFIG_USER] = "user", [AIGW_CONFIG_HOST] = "host",
		[AIGW_CONFIG_NONE] = "none",
	};

	aigw_json_key(w, "config");
	aigw_json_object(w);
	aigw_json_key(w, "path");
	aigw_json_str(w, cf->path[0] ? cf->path : NULL);
	aigw_json_key(w, "rule");
	aigw_json_str(w, rules[cf->rule]);
	aigw_json_close(w);
}

/* YAML, with where each value came from in comments ---------------------- */

struct page {
	struct aigw_buf *out;
	bool failed;
	size_t column; /* characters since the line began */
};

static void put(struct page *p, const char *s)
{
	p->failed = p->failed || aigw_buf_str(p->out, s) < 0;
	for (; *s; s++) {
		if (*s == '\n')
			p->column = 0;
		else
			p->column += ((unsigned char)*s & 0xc0) != 0x80;
	}
}

/* Plain where YAML reads it back as the same text, else as JSON writes it. */
static void put_text(struct page *p, const char *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_./+";
	static const char inside[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_./+-@$()";
	size_t len = strlen(s);
	struct aigw_json w;

	if (strcmp(s, HIDDEN) == 0 ||
	    (len > 0 && strchr(safe, s[0]) && strspn(s, inside) == len &&
	     strcmp(s, "null") != 0)) {
		put(p, s);
		return;
	}
	len = p->out->len;
	aigw_json_init(&w, p->out);
	aigw_json_str(&w, s);
	p->failed = p->failed || aigw_json_end(&w, NULL) < 0;
	for (; len < p->out->len; len++)
		p->column += ((unsigned char)p->out->data[len] & 0xc0) != 0x80;
}

/* A value that is a text; NULL is not set. */
static void put_value(struct page *p, const char *s)
{
	char *shown = s ? without_user(s) : NULL;

	if (s && !shown)
		p->failed = true;
	put(p, " ");
	if (shown)
		put_text(p, shown);
	else
		put(p, "~");
	free(shown);
}

static void put_key(struct page *p, size_t depth, const char *key)
{
	while (depth-- > 0)
		put(p, "  ");
	if (key) {
		put_text(p, key);
		put(p, ":");
	} else {
		put(p, "-");
	}
}

static void put_where(struct page *p, const char *from)
{
	do
		put(p, " ");
	while (p->column < COMMENT_COLUMN);
	put(p, "# ");
	put(p, from);
	put(p, "\n");
}

/* Deep as configurations are: AIGW_CONF_DEPTH. */
static void put_node(struct page *p, size_t depth, const struct aigw_conf *node,
		     const char *key, bool hidden)
{
	bool map = aigw_conf_kind(node) == AIGW_CONF_MAP;
	const struct aigw_conf *child;
	size_t i, n = aigw_conf_len(node);

	put_key(p, depth, key);
	if (aigw_conf_kind(node) == AIGW_CONF_SCALAR)
		put_value(p, hidden && aigw_conf_str(node)
				     ? HIDDEN
				     : aigw_conf_str(node));
	else if (n == 0)
		put(p, map ? " {}" : " []");
	put_where(p, node ? aigw_conf_where(node) : "default");
	for (i = 0; i < n; i++) {
		child = aigw_conf_at(node, i);
		put_node(p, depth + 1, child, aigw_conf_key(child),
			 map ? is_hidden(child, hidden) : hidden);
	}
}

static void put_list(struct page *p, const struct aigw_list *list, bool secret)
{
	size_t i;

	put(p, list->n ? "" : " []");
	for (i = 0; i < list->n; i++) {
		put(p, i ? "," : " [");
		put_value(p, secret ? HIDDEN : list->v[i]);
	}
	put(p, list->n ? " ]" : "");
}

static void put_option(struct page *p, const struct stage *s, size_t i)
{
	const struct aigw_opt *opt = &s->sc->filter->opts[i];
	const void *field = (const char *)s->self + opt->offset;
	const char *from = origin_name(&s->origin[i]);
	struct aigw_buf b;
	char *text;

	if (opt->type == AIGW_OPT_TREE) {
		put_node(p, 1, *(const struct aigw_conf *const *)field,
			 opt->name, opt->secret);
		return;
	}
	put_key(p, 1, opt->name);
	if (opt->type == AIGW_OPT_LIST) {
		put_list(p, field, opt->secret);
	} else if (is_unset(opt, field)) {
		put(p, " ~");
	} else {
		aigw_buf_init(&b, AIGW_CONF_BYTES);
		p->failed = p->failed || aigw_opts_show(opt, s->self, &b) < 0;
		text = aigw_buf_take(&b, NULL);
		put_value(p, text);
		free(text);
		aigw_buf_release(&b);
	}
	if (s->origin[i].kind == AIGW_FROM_FILE)
		from = aigw_conf_where(s->origin[i].node);
	put_where(p, from);
}

static void put_stage(struct page *p, const struct stage *s)
{
	const struct aigw_stage_conf *sc = s->sc;
	size_t n = s->self ? aigw_opts_count(sc->filter->opts) : 0, i;

	put(p, "\n");
	put_key(p, 0, sc->name);
	put_where(p, aigw_body_name(sc->body));
	for (i = 0; i < n; i++)
		put_option(p, s, i);
	if (!s->self) {
		put(p, "  exec:");
		put_list(p, &sc->exec, false);
		put_where(p, aigw_conf_where(sc->node));
	}
	if (sc->deadline) {
		put(p, "  deadline:");
		put_value(p, sc->deadline);
		put_where(p, aigw_conf_where(sc->node));
	}
	if (sc->queue) {
		put(p, "  queue:");
		put_value(p, sc->queue);
		put_where(p, aigw_conf_where(sc->node));
	}
	if (sc->body != AIGW_BODY_LINKED && !sc->resend) {
		put(p, "  resend:");
		put_value(p, "false");
		put_where(p, sc->filter ? "aigw-send has effects" :
					  aigw_conf_where(sc->node));
	}
}

static void put_head(struct page *p, const struct aigw_chainfile *cf)
{
	size_t i;

	put(p, "# configuration: ");
	if (cf->path[0]) {
		put(p, cf->path);
		put(p, ", found by ");
	}
	put(p, aigw_config_rule_name(cf->rule));
	put(p, "\n# chain: ");
	for (i = 0; i < cf->n; i++) {
		put(p, i ? " | " : "");
		put(p, cf->stages[i].name);
	}
	put(p, cf->builtin ? " (the default)\n" : "\n");
}

/* The page -------------------------------------------------------------- */

/* `flags` are those the stage's program would be given. */
static int stage_open(struct stage *s, const struct aigw_stage_conf *sc,
		      const struct aigw_list *flags, struct aigw_err *err)
{
	const struct aigw_filter *f = sc->filter;
	int operands;

	*s = (struct stage){.sc = sc};
	if (!f)
		return flags->n == 0 ? 0
				     : aigw_fail(err,
						 "%s: a foreign stage has "
						 "no options",
						 sc->name);
	s->origin = calloc(aigw_opts_count(f->opts) + 1, sizeof(*s->origin));
	if (!s->origin)
		return aigw_fail(err, "out of memory");
	s->self = aigw_stage_conf_fill(sc, s->origin, err);
	if (!s->self)
		return -1;
	if (aigw_opts_argv(f->opts, s->self, NULL, NULL, flags->n + 1,
			   flags->v - 1, &operands, s->origin, err) < 0)
		return -1;
	if (operands > 0)
		return aigw_fail(err, "%.64s: no option of %s", flags->v[0],
				 f->name);
	return 0;
}

static void stage_close(struct stage *s)
{
	if (s->self)
		aigw_opts_release(s->sc->filter->opts, s->self);
	free(s->self);
	free(s->origin);
}

static int fail_stage(const struct aigw_chainfile *cf, const char *name,
		      struct aigw_err *err)
{
	const char *words[AIGW_CHAIN_MAX + 1];
	char hint[AIGW_HINT_MAX];
	size_t i;

	for (i = 0; i < cf->n; i++)
		words[i] = cf->stages[i].name;
	words[i] = NULL;
	aigw_hint(name, words, hint);
	aigw_fail(err, "no stage \"%.64s\" in the chain%s", name, hint);
	return AIGW_EXIT_USAGE;
}

static int print_stages(const struct aigw_chainfile *cf, const char *only,
			const struct aigw_list *flags, struct aigw_json *w,
			struct page *p, struct aigw_err *err)
{
	struct stage s;
	size_t i, n = 0;
	int rc = 0;

	for (i = 0; rc == 0 && i < cf->n; i++) {
		if (only && strcmp(cf->stages[i].name, only) != 0)
			continue;
		n++;
		rc = stage_open(&s, &cf->stages[i], flags, err);
		if (rc == 0 && w)
			json_stage(w, &s);
		if (rc == 0 && p)
			put_stage(p, &s);
		stage_close(&s);
	}
	if (rc < 0)
		return flags->n ? AIGW_EXIT_USAGE : AIGW_EXIT_CONFIG;
	return n > 0 ? 0 : fail_stage(cf, only, err);
}

static int print(const struct aigw_chainfile *cf, bool json,
		 const struct aigw_list *words, struct aigw_buf *out,
		 struct aigw_err *err)
{
	const char *only = words->n > 0 ? words->v[0] : NULL;
	struct aigw_list flags = {.v = words->v + 1};
	struct page p = {.out = out};
	struct aigw_json w;
	int code;

	flags.n = words->n > 0 ? words->n - 1 : 0;
	if (!json) {
		put_head(&p, cf);
		code = print_stages(cf, only, &flags, NULL, &p, err);
		if (code == 0 && p.failed)
			code = AIGW_EXIT_SOFTWARE;
		if (code == AIGW_EXIT_SOFTWARE)
			aigw_fail(err, "the page is too long");
		return code;
	}
	aigw_json_init(&w, out);
	aigw_json_object(&w);
	json_head(&w, cf);
	aigw_json_key(&w, "stages");
	aigw_json_array(&w);
	code = print_stages(cf, only, &flags, &w, NULL, err);
	if (code != 0)
		return code;
	aigw_json_close(&w);
	aigw_json_close(&w);
	if (aigw_json_end(&w, err) < 0)
		return AIGW_EXIT_SOFTWARE;
	return aigw_buf_str(out, "\n") < 0 ? AIGW_EXIT_SOFTWARE : 0;
}

int main(int argc, char **argv)
{
	static const struct aigw_report report = {
		.program = "aigw-explain",
		.summary = "show every option in effect and where it was set",
		.examples = "  $ aigw explain\n"
			    "  $ aigw explain -c aigw.yaml mask\n"
			    "  $ aigw explain count -- --budget 0.50\n",
		.usage = " [STAGE [-- FLAG...]]",
		.print = print,
	};

	return aigw_report_main(&report, aigw_filters, argc, argv);
}
