/* SPDX-License-Identifier: Apache-2.0 */
/* opt.c - a row's value: from text, from YAML, to text */
#include "core/opt.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t n;
};

/* Largest first: what a value is shown in. */
static const struct unit sizes[] = {
	{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}, {NULL, 0},
};
static const struct unit times[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000},
	{"s", 1000},	 {"ms", 1},	 {NULL, 0},
};

static void *field(const struct aigw_opt *opt, void *self)
{
	return (char *)self + opt->offset;
}

static const void *cfield(const struct aigw_opt *opt, const void *self)
{
	return (const char *)self + opt->offset;
}

size_t aigw_opts_count(const struct aigw_opt *opts)
{
	size_t n = 0;

	while (opts && opts[n].type != AIGW_OPT_END)
		n++;
	return n;
}

static const struct aigw_opt *find(const struct aigw_opt *opts,
				   const char *name)
{
	for (; opts && opts->type != AIGW_OPT_END; opts++) {
		if (strcmp(opts->name, name) == 0)
			return opts;
	}
	return NULL;
}

static void hint(const struct aigw_opt *opts, const char *name,
		 char out[AIGW_HINT_MAX])
{
	size_t n = aigw_opts_count(opts), i;
	const char **words = calloc(n + 1, sizeof(*words));

	out[0] = '\0';
	for (i = 0; words && i < n; i++)
		words[i] = opts[i].name;
	if (words)
		aigw_hint(name, words, out);
	free(words);
}

/* Numbers --------------------------------------------------------------- */

static void spell(const struct aigw_opt *opt, int64_t n, char out[24])
{
	const struct unit *u = opt->type == AIGW_OPT_SIZE ? sizes : times;

	if (opt->type == AIGW_OPT_MONEY) {
		out[0] = '\0';
		if (n != AIGW_MONEY_NONE)
			aigw_money_print(n, out);
		return;
	}
	if (opt->type == AIGW_OPT_INT || n == 0) {
		snprintf(out, 24, "%" PRId64, n);
		return;
	}
	while (n % u->n != 0)
		u++;
	snprintf(out, 24, "%" PRId64 "%s", n / u->n, u->name);
}

static int fail_number(const struct aigw_opt *opt, struct aigw_err *err)
{
	switch (opt->type) {
	case AIGW_OPT_SIZE:
		return aigw_fail(err, "must be a size such as 512, 64K, 16M "
				      "or 2G");
	case AIGW_OPT_TIME:
		return aigw_fail(err, "must be a time such as 250ms, 30s, 5m, "
				      "2h or 1d");
	default:
		return aigw_fail(err, "must be a whole number");
	}
}

static int in_limits(const struct aigw_opt *opt, int64_t n,
		     struct aigw_err *err)
{
	char lo[24], hi[24];

	if (opt->min == 0 && opt->max == 0)
		return n >= 0 ? 0 : aigw_fail(err, "must not be negative");
	if (n >= opt->min && (n <= opt->max || opt->max < opt->min))
		return 0;
	spell(opt, opt->min, lo);
	if (opt->max < opt->min)
		return aigw_fail(err, "must be %s or more", lo);
	spell(opt, opt->max, hi);
	return aigw_fail(err, "must be %s to %s", lo, hi);
}

/* A number without a unit is bytes; of time, only 0 needs none. */
static const struct unit *unit_of(const struct aigw_opt *opt, const char *s,
				  int64_t n)
{
	static const struct unit one = {"", 1};
	const struct unit *u = opt->type == AIGW_OPT_SIZE ? sizes : times;

	if (*s == '\0' && (opt->type != AIGW_OPT_TIME || n == 0))
		return &one;
	while (opt->type != AIGW_OPT_INT && u->name) {
		if (strcmp(s, u->name) == 0)
			return u;
		u++;
	}
	return NULL;
}

static int set_number(const struct aigw_opt *opt, int64_t *to, const char *s,
		      struct aigw_err *err)
{
	bool minus = opt->type == AIGW_OPT_INT && *s == '-';
	const char *first = minus ? s + 1 : s, *p = first;
	const struct unit *u;
	int64_t n = 0;
	bool big = false;

	for (; *p >= '0' && *p <= '9'; p++)
		big = big || __builtin_mul_overflow(n, 10, &n) ||
		      __builtin_add_overflow(n, *p - '0', &n);
	u = p > first ? unit_of(opt, p, n) : NULL;
	if (!u)
		return fail_number(opt, err);
	if (big || __builtin_mul_overflow(n, u->n, &n))
		return aigw_fail(err, "is too large");
	n = minus ? -n : n;
	if (in_limits(opt, n, err) < 0)
		return -1;
	*to = n;
	return 0;
}

/* Other values ---------------------------------------------------------- */

static int set_flag(bool *to, const char *s, struct aigw_err *err)
{
	if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
		return aigw_fail(err, "must be true or false");
	*to = strcmp(s, "true") == 0;
	return 0;
}

static int set_word(const struct aigw_opt *opt, int *to, const char *s,
		    struct aigw_err *err)
{
	char all[256] = "";
	size_t at = 0;
	int i;

	for (i = 0; opt->words[i]; i++) {
		if (strcmp(opt->words[i], s) == 0) {
			*to = i;
			return 0;
		}
		if (at < sizeof(all))
			at += snprintf(all + at, sizeof(all) - at, "%s%s",
				       i ? ", " : "", opt->words[i]);
	}
	return aigw_fail(err, "must be one of %s", all);
}

static int set_string(char **to, const char *s, struct aigw_err *err)
{
	char *copy = strdup(s);

	if (!copy)
		return aigw_fail(err, "out of memory");
	free(*to);
	*to = copy;
	return 0;
}

static int list_add(struct aigw_list *list, const char *s, struct aigw_err *err)
{
	char **v = list->v, *copy = strdup(s);

	if (copy && (list->n & (list->n + 1)) == 0) /* 1, 3, 7 … are full */
		v = realloc(v, (2 * list->n + 2) * sizeof(*v));
	if (!v || !copy) {
		free(copy);
		return aigw_fail(err, "out of memory");
	}
	list->v = v;
	list->v[list->n++] = copy;
	return 0;
}

int aigw_opt_set(const struct aigw_opt *opt, void *self, const char *value,
		 struct aigw_err *err)
{
	void *to = field(opt, self);

	switch (opt->type) {
	case AIGW_OPT_FLAG:
		return set_flag(to, value, err);
	case AIGW_OPT_INT:
	case AIGW_OPT_SIZE:
	case AIGW_OPT_TIME:
		return set_number(opt, to, value, err);
	case AIGW_OPT_MONEY:
		return aigw_money_parse(value, strlen(value), to, err);
	case AIGW_OPT_STRING:
	case AIGW_OPT_PATH:
		return set_string(to, value, err);
	case AIGW_OPT_ENUM:
		return set_word(opt, to, value, err);
	case AIGW_OPT_LIST:
		return list_add(to, value, err);
	case AIGW_OPT_TREE:
	case AIGW_OPT_END:
		break;
	}
	return aigw_fail(err, "can only be set in a configuration file");
}

void aigw_opt_clear(const struct aigw_opt *opt, void *self)
{
	void *to = field(opt, self);
	struct aigw_list *list = to;

	switch (opt->type) {
	case AIGW_OPT_FLAG:
		*(bool *)to = false;
		break;
	case AIGW_OPT_INT:
	case AIGW_OPT_SIZE:
	case AIGW_OPT_TIME:
	case AIGW_OPT_MONEY:
		*(int64_t *)to = 0;
		break;
	case AIGW_OPT_STRING:
	case AIGW_OPT_PATH:
		free(*(char **)to);
		*(char **)to = NULL;
		break;
	case AIGW_OPT_ENUM:
		*(int *)to = 0;
		break;
	case AIGW_OPT_LIST:
		while (list->n > 0)
			free(list->v[--list->n]);
		free(list->v);
		list->v = NULL;
		break;
	case AIGW_OPT_TREE:
		*(const struct aigw_conf **)to = NULL;
		break;
	case AIGW_OPT_END:
		break;
	}
}

bool aigw_opt_has_flag(const struct aigw_opt *opt)
{
	return opt->type != AIGW_OPT_TREE && !opt->secret;
}

/* Tables ---------------------------------------------------------------- */

int aigw_opts_defaults(const struct aigw_opt *opts, void *self,
		       struct aigw_err *err)
{
	for (; opts && opts->type != AIGW_OPT_END; opts++) {
		if (opts->type == AIGW_OPT_MONEY)
			*(int64_t *)field(opts, self) = AIGW_MONEY_NONE;
		if (opts->fallback &&
		    aigw_opt_set(opts, self, opts->fallback, err) < 0)
			return aigw_fail_in(err, "default of %s", opts->name);
	}
	return 0;
}

int aigw_opts_set(const struct aigw_opt *opts, void *self, const char *name,
		  const char *value, struct aigw_err *err)
{
	const struct aigw_opt *opt = find(opts, name);
	char near[AIGW_HINT_MAX];

	if (!opt) {
		hint(opts, name, near);
		return aigw_fail(err, "no option \"%.64s\"%s", name, near);
	}
	if (!aigw_opt_has_flag(opt))
		return aigw_fail(err,
				 "%s: can only be set in a configuration "
				 "file",
				 name);
	if (aigw_opt_set(opt, self, value, err) < 0)
		return aigw_fail_in(err, "%s", name);
	return 0;
}

/* A path in a file is meant from where the file is, not from where we run. */
static int set_path(const struct aigw_opt *opt, void *self,
		    const struct aigw_conf *node, struct aigw_err *err)
{
	const char *s = aigw_conf_str(node), *dir = aigw_conf_dir(node);
	size_t size = strlen(dir) + strlen(s) + 2;
	char *path;
	int rc;

	if (s[0] == '/' || strcmp(s, "-") == 0 || strcmp(dir, ".") == 0)
		return set_string(field(opt, self), s, err);
	path = malloc(size);
	if (!path)
		return aigw_fail(err, "out of memory");
	snprintf(path, size, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, s);
	rc = set_string(field(opt, self), path, err);
	free(path);
	return rc;
}

static int set_list(const struct aigw_opt *opt, void *self,
		    const struct aigw_conf *node, struct aigw_err *err)
{
	size_t i, n = aigw_conf_len(node);
	const char *s = aigw_conf_str(node);

	aigw_opt_clear(opt, self);
	if (s)
		return list_add(field(opt, self), s, err);
	for (i = 0; i < n; i++) {
		s = aigw_conf_str(aigw_conf_at(node, i));
		if (!s)
			return aigw_fail(err, "item %zu must be a text", i + 1);
		if (list_add(field(opt, self), s, err) < 0)
			return -1;
	}
	return 0;
}

static int set_node(const struct aigw_opt *opt, void *self,
		    const struct aigw_conf *node, struct aigw_err *err)
{
	const char *s = aigw_conf_str(node);
	bool b;

	if (opt->type == AIGW_OPT_TREE) {
		*(const struct aigw_conf **)field(opt, self) = node;
		return 0;
	}
	if (opt->type == AIGW_OPT_LIST && aigw_conf_kind(node) != AIGW_CONF_MAP)
		return set_list(opt, self, node, err);
	if (!s)
		return aigw_fail(
			err, "must not be a %s",
			aigw_conf_kind(node) == AIGW_CONF_MAP ? "map" : "list");
	if (opt->type == AIGW_OPT_FLAG && aigw_conf_bool(node, &b, NULL) < 0)
		return aigw_fail(err, "must be true or false");
	if (opt->type == AIGW_OPT_PATH)
		return set_path(opt, self, node, err);
	return aigw_opt_set(opt, self, s, err);
}

static int set_key(const struct aigw_opt *opts, void *self,
		   const struct aigw_conf *node, struct aigw_origin *origin,
		   struct aigw_err *err)
{
	const char *key = aigw_conf_key(node);
	const struct aigw_opt *opt = find(opts, key);
	char near[AIGW_HINT_MAX];

	if (!opt) {
		hint(opts, key, near);
		return aigw_fail_as(err, AIGW_E_INTERNAL, "invalid_config",
				    "%s: no option \"%.64s\"%s",
				    aigw_conf_key_where(node), key, near);
	}
	if (aigw_conf_null(node))
		return 0; /* "key:" alone is as if it were not there */
	if (set_node(opt, self, node, err) < 0) {
		aigw_fail_in(err, "%s: %s", aigw_conf_where(node), key);
		if (err)
			err->code = "invalid_config";
		return -1;
	}
	if (origin)
		origin[opt - opts] = (struct aigw_origin){AIGW_FROM_FILE, node};
	return 0;
}

int aigw_opts_conf(const struct aigw_opt *opts, void *self,
		   const struct aigw_conf *node, struct aigw_origin *origin,
		   struct aigw_err *err)
{
	size_t i, n = aigw_conf_len(node);

	if (aigw_conf_null(node))
		return 0;
	if (aigw_conf_kind(node) != AIGW_CONF_MAP)
		return aigw_conf_fail(node, err, "must be a map of options");
	for (i = 0; i < n; i++) {
		if (set_key(opts, self, aigw_conf_at(node, i), origin, err) < 0)
			return -1;
	}
	return 0;
}

void aigw_opts_release(const struct aigw_opt *opts, void *self)
{
	for (; opts && opts->type != AIGW_OPT_END; opts++)
		aigw_opt_clear(opts, self);
}

static int show_list(const struct aigw_list *list, struct aigw_buf *out)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		if ((i > 0 && aigw_buf_str(out, ",") < 0) ||
		    aigw_buf_str(out, list->v[i]) < 0)
			return -1;
	}
	return 0;
}

int aigw_opts_show(const struct aigw_opt *opt, const void *self,
		   struct aigw_buf *out)
{
	const void *from = cfield(opt, self);
	const char *s;
	char n[24];

	switch (opt->type) {
	case AIGW_OPT_FLAG:
		return aigw_buf_str(out,
				    *(const bool *)from ? "true" : "false");
	case AIGW_OPT_INT:
	case AIGW_OPT_SIZE:
	case AIGW_OPT_TIME:
	case AIGW_OPT_MONEY:
		spell(opt, *(const int64_t *)from, n);
		return aigw_buf_str(out, n);
	case AIGW_OPT_STRING:
	case AIGW_OPT_PATH:
		s = *(char *const *)from;
		if (s && opt->secret)
			s = "<hidden>";
		return aigw_buf_str(out, s ? s : "");
	case AIGW_OPT_ENUM:
		return aigw_buf_str(out, opt->words[*(const int *)from]);
	case AIGW_OPT_LIST:
		if (opt->secret && ((const struct aigw_list *)from)->n > 0)
			return aigw_buf_str(out, "<hidden>");
		return show_list(from, out);
	case AIGW_OPT_TREE:
	case AIGW_OPT_END:
		break;
	}
	return 0;
}
