/* SPDX-License-Identifier: Apache-2.0 */
/* jq.c - conditions in jq on a small view of an envelope; alone knows libjq */
#include "text/jq.h"

#include <jq.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"
#include "text/jqscan.h"

const char *const aigw_jq_members[] = {
	"aigw", "id",	"seq",	 "op",	  "stream", "client",
	"req",	"cost", "notes", "trace", "timing", NULL,
};

/*
 * A program stands behind these on its first line. A name bound nearer hides
 * the built-in one, so what the scanner may have missed finds nothing.
 */
static const char guard[] =
	"def env: null; def input: null; def inputs: null; "
	"def debug: .; def stderr: .; def halt: null; def halt_error: null; "
	"def halt_error($x): null; def modulemeta: null; "
	"def input_filename: null; def get_search_list: null; "
	"{} as $ENV | ";

struct program {
	char *text;
	char **path; /* what it sees; NULL-terminated */
};

struct aigw_jq {
	struct program *programs;
	size_t n;
	jq_state *state; /* all programs as one; NULL until compiled */
	char said[256];	 /* the compiler's first message */
};

struct aigw_jq *aigw_jq_new(void)
{
	return calloc(1, sizeof(struct aigw_jq));
}

static void program_release(struct program *p)
{
	size_t i;

	for (i = 0; p->path && p->path[i]; i++)
		free(p->path[i]);
	free(p->path);
	free(p->text);
}

void aigw_jq_free(struct aigw_jq *jq)
{
	size_t i;

	if (!jq)
		return;
	if (jq->state)
		jq_teardown(&jq->state);
	for (i = 0; i < jq->n; i++)
		program_release(&jq->programs[i]);
	free(jq->programs);
	free(jq);
}

/* Programs -------------------------------------------------------------- */

static bool covered(char **paths, size_t n, const char *top, const char *path)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (strcmp(paths[i], top) == 0 || strcmp(paths[i], path) == 0)
			return true;
	}
	return false;
}

/* Whole members first: what is inside of them need not be named again. */
static int add_paths(struct program *p, const struct aigw_jq_scan *scan,
		     bool whole)
{
	char path[2 * AIGW_JQ_NAME + 1];
	const struct aigw_jq_name *name;
	size_t i, n = 0;

	while (p->path[n])
		n++;
	for (i = 0; i < scan->n; i++) {
		name = &scan->path[i];
		if ((scan->open || !name->sub[0]) != whole)
			continue;
		snprintf(path, sizeof(path), "%s%s%s", name->top,
			 whole ? "" : ".", whole ? "" : name->sub);
		if (covered(p->path, n, name->top, path))
			continue;
		p->path[n] = strdup(path);
		if (!p->path[n++])
			return -1;
	}
	return 0;
}

static int add_open(struct program *p)
{
	size_t i;

	for (i = 0; aigw_jq_members[i]; i++) {
		p->path[i] = strdup(aigw_jq_members[i]);
		if (!p->path[i])
			return -1;
	}
	return 0;
}

static int set_paths(struct program *p, const struct aigw_jq_scan *scan)
{
	size_t members = sizeof(aigw_jq_members) / sizeof(*aigw_jq_members);

	p->path = calloc(members + scan->n + 1, sizeof(*p->path));
	if (!p->path || (scan->open && add_open(p) < 0))
		return -1;
	return add_paths(p, scan, true) < 0 ? -1 : add_paths(p, scan, false);
}

long aigw_jq_add(struct aigw_jq *jq, const char *program, struct aigw_err *err)
{
	struct aigw_jq_scan scan;
	struct program *more, *p;

	if (jq->n == AIGW_JQ_PROGRAMS)
		return aigw_fail(err, "more than %d jq programs",
				 AIGW_JQ_PROGRAMS);
	if (strlen(program) > AIGW_JQ_SIZE)
		return aigw_fail(err, "jq program is longer than %d bytes",
				 AIGW_JQ_SIZE);
	if (aigw_jq_scan(program, &scan, err) < 0)
		return -1;
	more = realloc(jq->programs, (jq->n + 1) * sizeof(*more));
	if (!more)
		return aigw_fail(err, "out of memory");
	jq->programs = more;
	p = &more[jq->n];
	*p = (struct program){.text = strdup(program)};
	if (!p->text || set_paths(p, &scan) < 0) {
		program_release(p);
		return aigw_fail(err, "out of memory");
	}
	return (long)jq->n++;
}

const char *aigw_jq_path(const struct aigw_jq *jq, size_t program, size_t n)
{
	return jq->programs[program].path[n];
}

/* Compiling ------------------------------------------------------------- */

/* "jq: error: syntax error, … (Unix shell quoting issues?) at <top-level>,
 * line 2:\n<the program>": keep what was wrong and the line. */
static void said(void *arg, jv message)
{
	static const char prefix[] = "jq: error: ", blame[] = " (Unix shell";
	static const char place[] = " at <top-level>, ";
	struct aigw_jq *jq = arg;
	jv text = jq_format_error(message);
	const char *s = jv_string_value(text), *at;
	size_t n = strcspn(s, "\n");

	if (strncmp(s, prefix, sizeof(prefix) - 1) == 0) {
		s += sizeof(prefix) - 1;
		n -= sizeof(prefix) - 1;
	}
	at = memmem(s, n, place, sizeof(place) - 1);
	if (!jq->said[0] && at) {
		const char *end = memmem(s, n, blame, sizeof(blame) - 1);
		const char *line = at + sizeof(place) - 1;
		size_t line_len = n - (size_t)(line - s);

		if (line_len > 0 && line[line_len - 1] == ':')
			line_len--;
		snprintf(jq->said, sizeof(jq->said), "%.*s: %.*s",
			 (int)line_len, line, (int)((end ? end : at) - s), s);
	} else if (!jq->said[0]) {
		snprintf(jq->said, sizeof(jq->said), "%.*s", (int)n, s);
	}
	jv_free(text);
}

/*
 * libjq 1.6 reads ~/.jq in front of every program, where any built-in can be
 * given another meaning, and has no switch against it.
 */
static jq_state *compile_away_from_home(struct aigw_jq *jq, const char *text)
{
	const char *home = getenv("HOME");
	char *copy = home ? strdup(home) : NULL;
	jq_state *state;

	if (home && !copy)
		return NULL;
	if (home)
		unsetenv("HOME");
	state = jq_init();
	jq->said[0] = '\0';
	if (state) {
		jq_set_error_cb(state, said, jq);
		if (!jq_compile(state, text))
			jq_teardown(&state);
	}
	if (copy)
		setenv("HOME", copy, 1);
	free(copy);
	return state;
}

static int add_branch(struct aigw_buf *out, size_t i, const char *text)
{
	char head[64];

	snprintf(head, sizeof(head), "%s $n == %zu then (", i ? "elif" : "if",
		 i);
	return aigw_buf_str(out, head) < 0 || aigw_buf_str(out, text) < 0
		       ? -1
		       : aigw_buf_str(out, "\n) ");
}

/* The input of the whole is [n, view]. The scanner has seen to it that no
 * program closes a bracket that it did not open. */
static char *join(const struct aigw_jq *jq)
{
	struct aigw_buf out;
	char *text = NULL;
	size_t i;

	aigw_buf_init(&out, AIGW_JQ_PROGRAMS * (AIGW_JQ_SIZE + 128));
	if (aigw_buf_str(&out, guard) < 0 ||
	    aigw_buf_str(&out, ".[0] as $n | .[1] | ") < 0)
		goto out;
	for (i = 0; i < jq->n; i++) {
		if (add_branch(&out, i, jq->programs[i].text) < 0)
			goto out;
	}
	if (aigw_buf_str(&out, "else null end") == 0)
		text = aigw_buf_take(&out, NULL);
out:
	aigw_buf_release(&out);
	return text;
}

/* Which one is it? Each alone, as it was written. */
static int blame(struct aigw_jq *jq, size_t *culprit, struct aigw_err *err)
{
	struct aigw_buf out;
	jq_state *state;
	size_t i;

	for (i = 0; i < jq->n; i++) {
		aigw_buf_init(&out, AIGW_JQ_SIZE + sizeof(guard));
		state = NULL;
		if (aigw_buf_str(&out, guard) == 0 &&
		    aigw_buf_add(&out, jq->programs[i].text,
				 strlen(jq->programs[i].text) + 1) == 0)
			state = compile_away_from_home(jq, out.data);
		aigw_buf_release(&out);
		if (!state) {
			*culprit = i;
			return aigw_fail_as(err, AIGW_E_INTERNAL,
					    "invalid_config", "%s", jq->said);
		}
		jq_teardown(&state);
	}
	*culprit = 0;
	return aigw_fail(err, "jq: %s", jq->said);
}

int aigw_jq_compile(struct aigw_jq *jq, size_t *culprit, struct aigw_err *err)
{
	char *text;

	if (jq->n == 0 || jq->state)
		return 0;
	text = join(jq);
	if (!text)
		return aigw_fail(err, "out of memory");
	jq->state = compile_away_from_home(jq, text);
	free(text);
	return jq->state ? 0 : blame(jq, culprit, err);
}

/* Running --------------------------------------------------------------- */

/* The depth is that of the envelope, which its parser has bounded. */
static jv convert(const struct aigw_val *v, size_t *left)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *item;
	size_t len = 0;
	const char *s;
	double d;
	jv to;

	s = aigw_val_str(v, &len);
	if (*left < len + 16) {
		*left = 0;
		return jv_null();
	}
	*left -= len + 16;
	switch (aigw_val_type(v)) {
	case AIGW_STRING:
		return jv_string_sized(s, (int)len);
	case AIGW_NUMBER:
		return aigw_val_double(v, &d) ? jv_number(d) : jv_null();
	case AIGW_BOOL:
		return jv_bool(aigw_val_true(v));
	case AIGW_ARRAY:
		to = jv_array();
		while (*left > 0 && (item = aigw_iter_next(&it)))
			to = jv_array_append(to, convert(item, left));
		return to;
	case AIGW_OBJECT:
		to = jv_object();
		while (*left > 0 && (item = aigw_iter_next(&it)))
			to = jv_object_set(
				to, jv_string_sized(it.key, (int)it.key_len),
				convert(item, left));
		return to;
	case AIGW_NULL:
		break;
	}
	return jv_null();
}

/* A member inside of another: its object appears when it is one. */
static jv set_inside(jv view, const char *path, const char *dot,
		     const struct aigw_val *parent, const struct aigw_val *v,
		     size_t *left)
{
	jv top = jv_string_sized(path, (int)(dot - path)), object;

	if (aigw_val_type(parent) != AIGW_OBJECT)
		return jv_object_set(view, top, convert(parent, left));
	object = jv_object_get(jv_copy(view), jv_copy(top));
	if (jv_get_kind(object) != JV_KIND_OBJECT) {
		jv_free(object);
		object = jv_object();
	}
	if (v)
		object = jv_object_set(object, jv_string(dot + 1),
				       convert(v, left));
	return jv_object_set(view, top, object);
}

static int make_view(const struct program *p, aigw_jq_look_fn look,
		     const void *arg, jv *view, struct aigw_err *err)
{
	const struct aigw_val *v, *parent;
	size_t left = AIGW_JQ_VIEW_MAX, i;
	char top[AIGW_JQ_NAME];
	const char *path, *dot;

	*view = jv_object();
	for (i = 0; p->path[i]; i++) {
		path = p->path[i];
		dot = strchr(path, '.');
		v = look(arg, path);
		if (dot) {
			snprintf(top, sizeof(top), "%.*s", (int)(dot - path),
				 path);
			parent = look(arg, top);
			if (parent)
				*view = set_inside(*view, path, dot, parent, v,
						   &left);
		} else if (v) {
			*view = jv_object_set(*view, jv_string(path),
					      convert(v, &left));
		}
	}
	if (left > 0)
		return 0;
	jv_free(*view);
	return aigw_fail_as(err, AIGW_E_POLICY, "condition_failed",
			    "what the condition looks at is larger than %d "
			    "bytes",
			    AIGW_JQ_VIEW_MAX);
}

int aigw_jq_test(struct aigw_jq *jq, size_t program, aigw_jq_look_fn look,
		 const void *arg, bool *yes, struct aigw_err *err)
{
	bool failed;
	jv view, out;

	if (make_view(&jq->programs[program], look, arg, &view, err) < 0)
		return -1;
	view = jv_array_append(
		jv_array_append(jv_array(), jv_number((double)program)), view);
	jq_start(jq->state, view, 0);
	out = jq_next(jq->state);
	failed = !jv_is_valid(out) && jv_invalid_has_msg(jv_copy(out));
	*yes = jv_is_valid(out) && jv_get_kind(out) != JV_KIND_NULL &&
	       jv_get_kind(out) != JV_KIND_FALSE;
	jv_free(out);
	if (failed)
		return aigw_fail_as(err, AIGW_E_POLICY, "condition_failed",
				    "the jq program of a condition failed on "
				    "this envelope");
	return 0;
}
