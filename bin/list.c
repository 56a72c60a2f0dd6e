/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - aigw-list: the filters, the chain, what its processes hold */
#include <string.h>

#include "core/report.h"
#include "host.h"

/* What a filter needs that others should not have (design: trust). */
static const struct {
	const char *filter, *holds;
} trust[] = {
	{"auth", "API keys and their pepper"},
	{"send", "provider keys and the network"},
	{"mask", "the key of masked values"},
};

static const struct {
	enum aigw_kind kind;
	const char *name;
} kinds[] = {
	{AIGW_REQUEST, "request"},   {AIGW_CHUNK, "chunk"},
	{AIGW_RESPONSE, "response"}, {AIGW_ERROR, "error"},
	{AIGW_CANCEL, "cancel"},
};
#define KINDS (sizeof(kinds) / sizeof(*kinds))

static const char *holds(const struct aigw_filter *f)
{
	size_t i;

	for (i = 0; f && i < sizeof(trust) / sizeof(*trust); i++) {
		if (strcmp(trust[i].filter, f->name) == 0)
			return trust[i].holds;
	}
	return NULL;
}

/* Is an earlier linked stage the same filter? What it holds is named once. */
static bool named_before(const struct aigw_chainfile *cf, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++) {
		if (cf->stages[j].body == AIGW_BODY_LINKED &&
		    cf->stages[j].filter == cf->stages[i].filter)
			return true;
	}
	return false;
}

/* JSON ------------------------------------------------------------------ */

static void json_filter(struct aigw_json *w, const struct aigw_chainfile *cf,
			const struct aigw_filter *f)
{
	size_t i;

	aigw_json_object(w);
	aigw_json_key(w, "name");
	aigw_json_str(w, f->name);
	aigw_json_key(w, "summary");
	aigw_json_str(w, f->summary);
	aigw_json_key(w, "wants");
	aigw_json_array(w);
	for (i = 0; i < KINDS; i++) {
		if (f->wants & kinds[i].kind)
			aigw_json_str(w, kinds[i].name);
	}
	aigw_json_close(w);
	aigw_json_key(w, "stages");
	aigw_json_array(w);
	for (i = 0; i < cf->n; i++) {
		if (cf->stages[i].filter == f)
			aigw_json_str(w, cf->stages[i].name);
	}
	aigw_json_close(w);
	aigw_json_close(w);
}

static void json_stage(struct aigw_json *w, const struct aigw_stage_conf *sc)
{
	aigw_report_stage(w, sc);
	aigw_json_close(w);
}

/* {"stages":[…],"holds":[…]}: the linked ones together, or one alone. */
static void json_process(struct aigw_json *w, const struct aigw_chainfile *cf,
			 size_t from, size_t to, bool linked)
{
	size_t i;

	aigw_json_object(w);
	aigw_json_key(w, "stages");
	aigw_json_array(w);
	for (i = from; i < to; i++) {
		if ((cf->stages[i].body == AIGW_BODY_LINKED) == linked)
			aigw_json_str(w, cf->stages[i].name);
	}
	aigw_json_close(w);
	aigw_json_key(w, "holds");
	aigw_json_array(w);
	for (i = from; i < to; i++) {
		if ((cf->stages[i].body == AIGW_BODY_LINKED) == linked &&
		    holds(cf->stages[i].filter) &&
		    !(linked && named_before(cf, i)))
			aigw_json_str(w, holds(cf->stages[i].filter));
	}
	aigw_json_close(w);
	aigw_json_close(w);
}

static int print_json(const struct aigw_chainfile *cf, struct aigw_buf *out,
		      struct aigw_err *err)
{
	const struct aigw_filter *const *f;
	struct aigw_json w;
	size_t i;

	aigw_json_init(&w, out);
	aigw_json_object(&w);
	aigw_json_key(&w, "filters");
	aigw_json_array(&w);
	for (f = aigw_filters; *f; f++)
		json_filter(&w, cf, *f);
	aigw_json_close(&w);
	aigw_json_key(&w, "chain");
	aigw_json_array(&w);
	for (i = 0; i < cf->n; i++)
		json_stage(&w, &cf->stages[i]);
	aigw_json_close(&w);
	aigw_json_key(&w, "processes");
	aigw_json_array(&w);
	json_process(&w, cf, 0, cf->n, true);
	for (i = 0; i < cf->n; i++) {
		if (cf->stages[i].body != AIGW_BODY_LINKED)
			json_process(&w, cf, i, i + 1, false);
	}
	aigw_json_close(&w);
	aigw_json_close(&w);
	if (aigw_json_end(&w, err) < 0)
		return -1;
	return aigw_buf_str(out, "\n");
}

/* Text ------------------------------------------------------------------ */

/* The whole text is remembered as failed when one piece did not fit. */
struct text {
	struct aigw_buf *out;
	bool failed;
};

static void say(struct text *t, const char *s)
{
	t->failed = t->failed || aigw_buf_str(t->out, s) < 0;
}

static void say_column(struct text *t, const char *s, size_t width)
{
	size_t len = strlen(s);

	say(t, s);
	do
		say(t, " ");
	while (++len < width);
}

static void say_filter(struct text *t, const struct aigw_chainfile *cf,
		       const struct aigw_filter *f)
{
	char body[64] = "-";
	size_t i, n = 0;

	for (i = 0; i < cf->n; i++) {
		if (cf->stages[i].filter == f && n < sizeof(body))
			n += snprintf(body + n, sizeof(body) - n, "%s%s",
				      n ? "," : "",
				      aigw_body_name(cf->stages[i].body));
	}
	say_column(t, f->name, 9);
	say_column(t, body, 16);
	say(t, f->summary);
	say(t, "\n         wants ");
	for (i = 0, n = 0; i < KINDS; i++) {
		if (!(f->wants & kinds[i].kind))
			continue;
		say(t, n++ ? ", " : "");
		say(t, kinds[i].name);
	}
	say(t, "\n");
}

static void say_linked(struct text *t, const struct aigw_chainfile *cf)
{
	const struct aigw_stage_conf *sc;
	size_t i, n = 0;

	for (i = 0; i < cf->n; i++) {
		sc = &cf->stages[i];
		if (sc->body != AIGW_BODY_LINKED)
			continue;
		say(t, n++ ? " " : "  linked:");
		say(t, n == 1 ? " " : "");
		say(t, sc->name);
	}
	if (n == 0)
		return;
	say(t, "\n    one process, which holds what any of them needs:\n");
	for (i = 0, n = 0; i < cf->n; i++) {
		sc = &cf->stages[i];
		if (sc->body != AIGW_BODY_LINKED || !holds(sc->filter) ||
		    named_before(cf, i))
			continue;
		say(t, "    - ");
		say(t, holds(sc->filter));
		say(t, "\n");
		n++;
	}
	if (n == 0)
		say(t, "    - nothing\n");
}

static void say_alone(struct text *t, const struct aigw_stage_conf *sc)
{
	size_t i;

	say(t, "  ");
	say(t, aigw_body_name(sc->body));
	say(t, ": ");
	say(t, sc->name);
	for (i = 0; i < sc->exec.n; i++) {
		say(t, i ? " " : " = ");
		say(t, sc->exec.v[i]);
	}
	say(t, "\n    a process of its own, which holds:\n    - ");
	if (!sc->filter)
		say(t, "what its user may read");
	else
		say(t, holds(sc->filter) ? holds(sc->filter) : "nothing");
	say(t, "\n");
}

static int print_text(const struct aigw_chainfile *cf, struct aigw_buf *out,
		      struct aigw_err *err)
{
	struct text t = {.out = out};
	const struct aigw_filter *const *f;
	size_t i;

	say(&t, "FILTER   BODY            SUMMARY\n");
	for (f = aigw_filters; *f; f++)
		say_filter(&t, cf, *f);
	say(&t, "\nchain, from ");
	say(&t, cf->builtin ? "the default" : cf->path);
	say(&t, ":\n ");
	for (i = 0; i < cf->n; i++) {
		say(&t, i ? " | " : " ");
		say(&t, cf->stages[i].name);
	}
	say(&t, "\n\nprocesses:\n");
	say_linked(&t, cf);
	for (i = 0; i < cf->n; i++) {
		if (cf->stages[i].body != AIGW_BODY_LINKED)
			say_alone(&t, &cf->stages[i]);
	}
	return t.failed ? aigw_fail(err, "the page is too long") : 0;
}

static int print(const struct aigw_chainfile *cf, bool json,
		 const struct aigw_list *words, struct aigw_buf *out,
		 struct aigw_err *err)
{
	int rc;

	if (words->n > 0) {
		aigw_fail(err, "%.64s: no operands are taken", words->v[0]);
		return AIGW_EXIT_USAGE;
	}
	rc = json ? print_json(cf, out, err) : print_text(cf, out, err);
	return rc < 0 ? AIGW_EXIT_SOFTWARE : 0;
}

int main(int argc, char **argv)
{
	static const struct aigw_report report = {
		.program = "aigw-list",
		.summary = "show the filters, the chain and what its "
			   "processes hold",
		.examples = "  $ aigw list\n"
			    "  $ aigw list -c aigw.yaml --json | jq .chain\n",
		.usage = "",
		.print = print,
	};

	return aigw_report_main(&report, aigw_filters, argc, argv);
}
