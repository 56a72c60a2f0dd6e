/* SPDX-License-Identifier: Apache-2.0 */
/* args.c - a command line in GNU style, and the option lines of --help */
#include <stdlib.h>
#include <string.h>

#include "core/opt.h"

#define WIDTH 80
#define NAMES_MAX 28 /* columns of "  -j, --jobs N"; longer ones get a line */

struct table {
	const struct aigw_opt *opts;
	void *self;
	struct aigw_origin *origin;
	bool *seen; /* rows given on this command line */
};

/* A command line being read. */
struct args {
	struct table table[2];
	int argc, next; /* argv[next] is read next */
	char **argv;
	struct aigw_err *err;
};

/* A row of one of the tables; `table` is NULL when there is none. */
struct found {
	struct table *table;
	const struct aigw_opt *opt;
};

static int fail_usage(struct args *a, const char *flag, const char *why)
{
	return aigw_fail_as(a->err, AIGW_E_INTERNAL, "usage", "%s: %s", flag,
			    why);
}

static struct found find_name(struct args *a, const char *name, size_t len)
{
	const struct aigw_opt *o;
	size_t t;

	for (t = 0; t < 2; t++) {
		o = a->table[t].opts;
		for (; o && o->type != AIGW_OPT_END; o++) {
			if (strncmp(o->name, name, len) == 0 && !o->name[len])
				return (struct found){&a->table[t], o};
		}
	}
	return (struct found){NULL, NULL};
}

static struct found find_letter(struct args *a, char letter)
{
	const struct aigw_opt *o;
	size_t t;

	for (t = 0; t < 2; t++) {
		o = a->table[t].opts;
		for (; o && o->type != AIGW_OPT_END; o++) {
			if (o->letter == letter)
				return (struct found){&a->table[t], o};
		}
	}
	return (struct found){NULL, NULL};
}

static int fail_unknown(struct args *a, const char *name, size_t len)
{
	size_t n = aigw_opts_count(a->table[0].opts), i;
	size_t m = aigw_opts_count(a->table[1].opts);
	const char **words = calloc(n + m + 1, sizeof(*words)), *near = NULL;
	char given[64], why[128] = "no such option";

	snprintf(given, sizeof(given), "--%.*s", (int)(len < 60 ? len : 60),
		 name);
	for (i = 0; words && i < n + m; i++)
		words[i] = i < n ? a->table[0].opts[i].name
				 : a->table[1].opts[i - n].name;
	if (words)
		near = aigw_nearest(given + 2, words);
	if (words && !near && strncmp(name, "no-", 3) == 0)
		near = aigw_nearest(given + 5, words);
	if (near)
		snprintf(why, sizeof(why), "no such option; did you mean --%s?",
			 near);
	free(words);
	return fail_usage(a, given, why);
}

/* What the file said is replaced, what this command line said is kept. */
static int give(struct args *a, struct found f, const char *flag,
		const char *value)
{
	size_t row = f.opt - f.table->opts;

	if (f.opt->type == AIGW_OPT_TREE)
		return fail_usage(a, flag, "is set in a configuration file");
	if (!aigw_opt_has_flag(f.opt))
		return fail_usage(a, flag,
				  "a secret is set in a configuration file; on "
				  "a command line everybody can read it");
	if (f.opt->type == AIGW_OPT_LIST && !f.table->seen[row])
		aigw_opt_clear(f.opt, f.table->self);
	f.table->seen[row] = true;
	if (f.table->origin)
		f.table->origin[row].kind = AIGW_FROM_FLAG;
	if (aigw_opt_set(f.opt, f.table->self, value, a->err) == 0)
		return 0;
	aigw_fail_in(a->err, "%s", flag);
	if (a->err)
		a->err->code = "usage";
	return -1;
}

static int give_next(struct args *a, struct found f, const char *flag)
{
	if (a->next >= a->argc)
		return fail_usage(a, flag, "needs a value");
	return give(a, f, flag, a->argv[a->next++]);
}

/* "--name", "--name=value", "--no-name"; `arg` is behind the dashes. */
static int read_long(struct args *a, const char *arg)
{
	size_t len = strcspn(arg, "=");
	struct found f = find_name(a, arg, len);
	bool no = !f.opt && len > 3 && strncmp(arg, "no-", 3) == 0;
	char flag[80];

	if (no)
		f = find_name(a, arg + 3, len - 3);
	if (!f.opt || (no && f.opt->type != AIGW_OPT_FLAG))
		return fail_unknown(a, arg, len);
	snprintf(flag, sizeof(flag), "--%s%s", no ? "no-" : "", f.opt->name);
	if (no && arg[len] == '=')
		return fail_usage(a, flag, "takes no value");
	if (arg[len] == '=')
		return give(a, f, flag, arg + len + 1);
	if (f.opt->type == AIGW_OPT_FLAG)
		return give(a, f, flag, no ? "false" : "true");
	return give_next(a, f, flag);
}

/* "-k", "-kj4", "-j4", "-j 4"; `arg` is behind the dash. */
static int read_letters(struct args *a, const char *arg)
{
	char flag[3] = "-?";
	struct found f;

	for (; *arg; arg++) {
		f = find_letter(a, *arg);
		flag[1] = *arg;
		if (!f.opt)
			return fail_usage(a, flag, "no such option");
		if (f.opt->type != AIGW_OPT_FLAG)
			return arg[1] ? give(a, f, flag, arg + 1)
				      : give_next(a, f, flag);
		if (give(a, f, flag, "true") < 0)
			return -1;
	}
	return 0;
}

/* Operands are never more than the arguments read, so they fit in front. */
static int read_args(struct args *a, int *operands)
{
	bool options = true;
	char *arg;
	int rc = 0;

	*operands = 0;
	while (rc == 0 && a->next < a->argc) {
		arg = a->argv[a->next++];
		if (!options || arg[0] != '-' || !arg[1])
			a->argv[++*operands] = arg;
		else if (strcmp(arg, "--") == 0)
			options = false;
		else if (arg[1] == '-')
			rc = read_long(a, arg + 2);
		else
			rc = read_letters(a, arg + 1);
	}
	return rc;
}

int aigw_opts_argv(const struct aigw_opt *opts, void *self,
		   const struct aigw_opt *more, void *more_self, int argc,
		   char **argv, int *operands, struct aigw_origin *origin,
		   struct aigw_err *err)
{
	size_t n = aigw_opts_count(opts);
	bool *seen = calloc(n + aigw_opts_count(more) + 1, sizeof(*seen));
	struct args a = {.table = {{opts, self, origin, seen},
				   {more, more_self, NULL, seen + n}},
			 .argc = argc,
			 .next = 1,
			 .argv = argv,
			 .err = err};
	int rc;

	if (!seen)
		return aigw_fail(err, "out of memory");
	rc = read_args(&a, operands);
	free(seen);
	return rc;
}

/* --help ---------------------------------------------------------------- */

/* "  -j, --jobs N", or "      models:" for what only a file can say. */
static int names(const struct aigw_opt *opt, char *out, size_t size)
{
	const char *no = "", *arg = opt->arg;
	char letter[8] = "    ";

	if (!aigw_opt_has_flag(opt))
		return snprintf(out, size, "      %s:", opt->name);
	if (opt->type == AIGW_OPT_FLAG) {
		arg = NULL;
		if (opt->fallback && strcmp(opt->fallback, "true") == 0)
			no = "[no-]";
	} else if (!arg) {
		arg = "VALUE";
	}
	if (opt->letter)
		snprintf(letter, sizeof(letter), "-%c, ", opt->letter);
	return snprintf(out, size, "  %s--%s%s%s%s", letter, no, opt->name,
			arg ? " " : "", arg ? arg : "");
}

/* "what it does: a, b or c (default a)" */
static void meaning(const struct aigw_opt *opt, char *out, size_t size)
{
	size_t i, n = snprintf(out, size, "%s", opt->help);

	for (i = 0; opt->type == AIGW_OPT_ENUM && opt->words[i]; i++) {
		if (n < size)
			n += snprintf(out + n, size - n, "%s%s",
				      i == 0		   ? ": "
				      : !opt->words[i + 1] ? " or "
							   : ", ",
				      opt->words[i]);
	}
	if (n >= size)
		return;
	if (!aigw_opt_has_flag(opt))
		snprintf(out + n, size - n, " (configuration file only)");
	else if (opt->fallback && opt->type != AIGW_OPT_FLAG)
		snprintf(out + n, size - n, " (default %s)", opt->fallback);
}

/* Words in the columns from `left` to the border; characters, not bytes. */
static void wrap(const char *s, int at, int left, FILE *out)
{
	size_t len, i;
	int width, used = 0; /* the first word follows the names */

	for (; *s; s += len + strspn(s + len, " ")) {
		len = strcspn(s, " ");
		for (width = 0, i = 0; i < len; i++)
			width += ((unsigned char)s[i] & 0xc0) != 0x80;
		if (used == 0)
			fprintf(out, "%*s", left - at, "");
		else if (used + 1 + width > WIDTH)
			fprintf(out, "\n%*s", left, "");
		else
			putc(' ', out);
		used = used == 0 || used + 1 + width > WIDTH ? left + width
							     : used + 1 + width;
		fwrite(s, 1, len, out);
	}
	putc('\n', out);
}

void aigw_opts_help(const struct aigw_opt *opts, FILE *out)
{
	const struct aigw_opt *o;
	char left[80], right[512];
	int width = 0, n;

	for (o = opts; o && o->type != AIGW_OPT_END; o++) {
		n = names(o, left, sizeof(left));
		if (n <= NAMES_MAX && n > width)
			width = n;
	}
	for (o = opts; o && o->type != AIGW_OPT_END; o++) {
		n = names(o, left, sizeof(left));
		meaning(o, right, sizeof(right));
		fputs(left, out);
		if (n > width) {
			putc('\n', out);
			n = 0;
		}
		wrap(right, n, width + 2, out);
	}
}
