/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jqscan.c - what a jq program looks at, and what it must not say
 *
 * No parser: it reads tokens. A program is closed when each look at its input
 * is a chain of names from a place where that is plain to see, and functions
 * stand behind a `|` only, so that their input is something looked up before.
 * Everything else is open; that is always right, and slower.
 */
#include "text/jqscan.h"

#include <string.h>

#define NESTING 64 /* of brackets and interpolations */

enum token { NOTHING, NAME, FIELD, PIPE, SQUARE, OTHER };

struct scanner {
	const char *p;
	struct aigw_jq_scan *scan;
	struct aigw_err *err;
	enum token last;
	size_t chain; /* names in the chain that ends with the last token */
	char closer[NESTING];
	size_t depth;
};

/* They leave the program: the environment, inputs, files, standard streams,
 * the end of the process. */
static const char *const refused[] = {
	"env",
	"input",
	"inputs",
	"import",
	"include",
	"debug",
	"stderr",
	"halt",
	"halt_error",
	"modulemeta",
	"input_filename",
	"input_line_number",
	"get_search_list",
	NULL,
};

static int run(struct scanner *s, bool inside);

static bool is_word(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

static size_t word_len(const char *p)
{
	size_t n = 0;

	while (is_word(p[n], n == 0))
		n++;
	return n;
}

static bool is(const char *p, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(p, word, n) == 0;
}

static int refuse(struct scanner *s, const char *word, size_t n)
{
	return aigw_fail_as(s->err, AIGW_E_INTERNAL, "invalid_config",
			    "\"%.*s\" is refused: a condition sees its "
			    "envelope and nothing else",
			    (int)n, word);
}

/* Names ----------------------------------------------------------------- */

static void add_path(struct scanner *s, const char *name, size_t n)
{
	struct aigw_jq_scan *scan = s->scan;
	struct aigw_jq_name *path;

	if (scan->n == AIGW_JQ_PATHS || n >= AIGW_JQ_NAME || n == 0 ||
	    memchr(name, '.', n)) {
		scan->open = true;
		return;
	}
	path = &scan->path[scan->n++];
	memset(path, 0, sizeof(*path));
	memcpy(path->top, name, n);
}

/* `.a.b.c` is seen as "a.b": two levels are what is worth to cut. */
static void add_name(struct scanner *s, const char *name, size_t n)
{
	struct aigw_jq_scan *scan = s->scan;

	if (s->last != FIELD)
		s->chain = 0;
	s->chain++;
	if (s->chain == 1)
		add_path(s, name, n);
	else if (s->chain == 2 && n < AIGW_JQ_NAME && !scan->open)
		memcpy(scan->path[scan->n - 1].sub, name, n);
	s->last = FIELD;
}

/* Strings --------------------------------------------------------------- */

/* Behind the opening quote; `plain` becomes false when the bytes are not the
 * string. */
static int string(struct scanner *s, bool *plain)
{
	*plain = true;
	for (; *s->p != '"'; s->p++) {
		if (!*s->p)
			return aigw_fail(s->err, "a string does not end");
		if (*s->p != '\\')
			continue;
		*plain = false;
		s->p++;
		if (*s->p == '(') {
			s->scan->open = true;
			s->p++;
			if (run(s, true) < 0)
				return -1;
		}
		if (!*s->p)
			return aigw_fail(s->err, "a string does not end");
	}
	s->p++;
	return 0;
}

/* A text, or the name in `.["name"]`. */
static int literal(struct scanner *s)
{
	const char *name = ++s->p;
	bool name_like = s->last == SQUARE, plain;

	if (string(s, &plain) < 0)
		return -1;
	if (name_like && plain)
		add_path(s, name, (size_t)(s->p - name) - 1);
	s->last = OTHER;
	return 0;
}

/* A '.': `.name`, `."name"`, `..`, `.5` or the input itself. */
static int dot(struct scanner *s)
{
	const char *name = ++s->p;
	size_t n = word_len(name);
	bool plain;

	if (n > 0) {
		s->p += n;
		add_name(s, name, n);
		return 0;
	}
	if (*name == '"') {
		s->p++;
		if (string(s, &plain) < 0)
			return -1;
		n = (size_t)(s->p - name) - 2;
		if (!plain)
			s->scan->open = true;
		else
			add_name(s, name + 1, n);
		return 0;
	}
	if (*name < '0' || *name > '9')
		s->scan->open = true;
	s->last = OTHER;
	return 0;
}

static int word(struct scanner *s)
{
	static const char *const harmless[] = {"and",	"or",	"true",
					       "false", "null", NULL};
	size_t n = word_len(s->p), i;
	const char *at = s->p;

	for (i = 0; refused[i]; i++) {
		if (is(at, n, refused[i]))
			return refuse(s, at, n);
	}
	s->p += n;
	for (i = 0; harmless[i] && !is(at, n, harmless[i]); i++)
		;
	if (!harmless[i] && s->last != PIPE) {
		s->scan->open = true;
		add_path(s, at, n); /* {name} looks it up */
	}
	s->last = NAME;
	return 0;
}

static int variable(struct scanner *s)
{
	size_t n;

	s->p++;
	n = word_len(s->p);
	if (is(s->p, n, "ENV"))
		return refuse(s, s->p - 1, n + 1);
	s->p += n;
	s->scan->open = true;
	s->last = OTHER;
	return 0;
}

/* Operators ------------------------------------------------------------- */

static int bracket(struct scanner *s, char c, bool inside, bool *end)
{
	const char *open = "([{", *at = strchr(open, c);

	*end = false;
	s->last = OTHER;
	if (at) {
		if (s->depth == NESTING)
			return aigw_fail(s->err, "nested too deep");
		s->closer[s->depth++] = ")]}"[at - open];
		if (c == '[')
			s->last = SQUARE;
		return 0;
	}
	if (s->depth > 0 && s->closer[s->depth - 1] == c) {
		s->depth--;
		return 0;
	}
	if (inside && c == ')') {
		*end = true;
		return 0;
	}
	return aigw_fail(s->err, "\"%c\" closes nothing", c);
}

/* Assignments give the whole input back, changed. */
static void operator(struct scanner *s)
{
	char c = *s->p++;

	if (c == '@') {
		if (s->last != PIPE)
			s->scan->open = true;
		s->p += word_len(s->p);
		s->last = NAME;
		return;
	}
	s->last = OTHER;
	if (c == '|' && *s->p != '=') {
		s->last = PIPE;
	} else if (strchr("=<>!", c) && *s->p == '=') {
		s->p++;
	} else if (c == '=' || *s->p == '=') {
		s->scan->open = true;
	}
}

/*
 * The whole program, or (`inside` a string) up to the parenthesis that ends an
 * interpolation; each interpolation takes one level of nesting.
 */
static int run(struct scanner *s, bool inside)
{
	size_t floor = s->depth;
	bool end = false;
	int rc = 0;

	if (inside && s->depth == NESTING)
		return aigw_fail(s->err, "nested too deep");
	if (inside)
		s->closer[s->depth++] = '\0'; /* nothing inside closes it */
	while (rc == 0 && !end && *s->p) {
		if (strchr(" \t\r\n", *s->p)) {
			s->p++;
		} else if (*s->p == '#') {
			s->p += strcspn(s->p, "\n");
		} else if (*s->p == '"') {
			rc = literal(s);
		} else if (*s->p == '.') {
			rc = dot(s);
		} else if (*s->p == '$') {
			rc = variable(s);
		} else if (is_word(*s->p, true)) {
			rc = word(s);
		} else if (strchr("()[]{}", *s->p)) {
			rc = bracket(s, *s->p, inside, &end);
			if (rc == 0 && !end)
				s->p++;
		} else if (*s->p >= '0' && *s->p <= '9') {
			s->p += strspn(s->p, "0123456789.");
			s->last = OTHER;
		} else {
			operator(s);
		}
	}
	if (rc == 0 && s->depth != floor + (inside ? 1 : 0))
		rc = aigw_fail(s->err, "a bracket is not closed");
	s->depth = floor;
	return rc;
}

int aigw_jq_scan(const char *program, struct aigw_jq_scan *scan,
		 struct aigw_err *err)
{
	struct scanner s = {.p = program, .scan = scan, .err = err};

	scan->open = false;
	scan->n = 0;
	if (strspn(program, " \t\r\n") == strlen(program))
		return aigw_fail(err, "an empty program");
	return run(&s, false);
}
