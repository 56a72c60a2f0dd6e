/* SPDX-License-Identifier: Apache-2.0 */
/*
 * triggers.c - what every match of a pattern must contain, read off its text
 *
 * A small reader of the PCRE2 syntax makes a tree. It may widen what a pattern
 * matches (assertions and lazy or possessive quantifiers are dropped: they only
 * take matches away) but never narrow it; at whatever it does not know it gives
 * up. From the tree, `feed` finds which bytes can stand at each of the next few
 * places behind a given point of the pattern: that string of sets is a trigger
 * for this point, when the number of bytes before it is bounded.
 */
#include "triggers.h"

#include <string.h>

#define MANY 100000u /* stands for "no bound" */
#define NODES 512
#define DEPTH 24
#define FAR_MAX 1024u /* bytes a trigger may stand behind the start */
#define STEPS 200000  /* of feed() for one pattern: nested repeats multiply */

enum kind { SET, SEQ, ALT };

/* One item with its repeat count; SEQ and ALT own a list of children. */
struct node {
	enum kind kind;
	struct aigw_bytes set;
	unsigned min, max;
	int first, next; /* index, -1 ends */
};

struct reader {
	const unsigned char *p, *end;
	bool icase, failed;
	unsigned depth;
	int used;
	struct node *nodes;
};

bool aigw_bytes_has(const struct aigw_bytes *set, unsigned char c)
{
	return set->w[c >> 6] >> (c & 63) & 1;
}

static void set_add(struct aigw_bytes *set, unsigned c)
{
	set->w[c >> 6 & 3] |= UINT64_C(1) << (c & 63);
}

static void set_range(struct aigw_bytes *set, unsigned a, unsigned b)
{
	for (; a <= b; a++)
		set_add(set, a);
}

static void set_join(struct aigw_bytes *set, const struct aigw_bytes *more)
{
	for (int i = 0; i < 4; i++)
		set->w[i] |= more->w[i];
}

static void set_invert(struct aigw_bytes *set)
{
	for (int i = 0; i < 4; i++)
		set->w[i] = ~set->w[i];
}

static void set_fold(struct aigw_bytes *set)
{
	for (unsigned c = 'A'; c <= 'Z'; c++) {
		if (aigw_bytes_has(set, (unsigned char)c) ||
		    aigw_bytes_has(set, (unsigned char)(c + 32))) {
			set_add(set, c);
			set_add(set, c + 32);
		}
	}
}

static int node_new(struct reader *r, enum kind kind)
{
	if (r->used == NODES) {
		r->failed = true;
		return 0;
	}
	struct node *n = &r->nodes[r->used];

	memset(n, 0, sizeof(*n));
	n->kind = kind;
	n->min = n->max = 1;
	n->first = n->next = -1;
	return r->used++;
}

static bool at(const struct reader *r, const char *s)
{
	size_t n = strlen(s);

	return (size_t)(r->end - r->p) >= n && !memcmp(r->p, s, n);
}

static bool skip(struct reader *r, const char *s)
{
	if (!at(r, s))
		return false;
	r->p += strlen(s);
	return true;
}

static int hex(unsigned c)
{
	if (c >= '0' && c <= '9')
		return (int)c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : -1;
}

/* \d \w \s \h and their opposites; false when `c` is none of them. */
static bool class_escape(unsigned c, struct aigw_bytes *set)
{
	memset(set, 0, sizeof(*set));
	switch (c | 32) {
	case 'w':
		set_range(set, 'a', 'z');
		set_range(set, 'A', 'Z');
		set_add(set, '_');
		/* fall through */
	case 'd':
		set_range(set, '0', '9');
		break;
	case 's':
		set_range(set, '\t', '\r');
		set_add(set, ' ');
		break;
	case 'h':
		set_add(set, '\t');
		set_add(set, ' ');
		set_add(set, 0xA0);
		break;
	default:
		return false;
	}
	if (!(c & 32))
		set_invert(set);
	return true;
}

/* The byte an escape stands for, behind the backslash; -1 when it is none. */
static int byte_escape(struct reader *r)
{
	if (r->p == r->end)
		return -1;
	unsigned c = *r->p++;

	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'f':
		return '\f';
	case 'e':
		return 27;
	case 'a':
		return 7;
	case 'x':
		if (r->end - r->p < 2 || hex(r->p[0]) < 0 || hex(r->p[1]) < 0)
			return -1;
		c = (unsigned)(hex(r->p[0]) * 16 + hex(r->p[1]));
		r->p += 2;
		return (int)c;
	default:
		break;
	}
	if (c < 128 && hex(c) < 0 && !((c | 32) >= 'a' && (c | 32) <= 'z'))
		return (int)c;
	return -1;
}

/* One member of a class: a byte, or a whole set (then -1 is returned). */
static int class_item(struct reader *r, struct aigw_bytes *set)
{
	memset(set, 0, sizeof(*set));
	if (*r->p != '\\') {
		if (at(r, "[:") || at(r, "[.") || at(r, "[="))
			r->failed = true;
		return *r->p++;
	}
	r->p++;
	if (r->p < r->end && class_escape(*r->p, set)) {
		r->p++;
		return -1;
	}
	if (r->p < r->end && *r->p == 'b') {
		r->p++;
		return '\b';
	}
	int c = byte_escape(r);

	if (c < 0)
		r->failed = true;
	return c < 0 ? 0 : c;
}

/* Behind the `[`. */
static void read_class(struct reader *r, struct aigw_bytes *set)
{
	bool invert = skip(r, "^");
	bool first = true;
	struct aigw_bytes item;

	memset(set, 0, sizeof(*set));
	while (!r->failed && r->p < r->end && (*r->p != ']' || first)) {
		first = false;
		int a = class_item(r, &item);

		if (a < 0) {
			set_join(set, &item);
			if (r->end - r->p > 1 && *r->p == '-' && r->p[1] != ']')
				r->failed = true; /* a range that is none */
			continue;
		}
		int b = a;

		if (r->end - r->p > 1 && *r->p == '-' && r->p[1] != ']') {
			r->p++;
			b = class_item(r, &item);
		}
		if (b < a)
			r->failed = true;
		else
			set_range(set, (unsigned)a, (unsigned)b);
	}
	if (!skip(r, "]"))
		r->failed = true;
	if (r->icase)
		set_fold(set);
	if (invert)
		set_invert(set);
}

static unsigned read_number(struct reader *r)
{
	unsigned n = 0;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
		n = n * 10 + (*r->p++ - '0');
		if (n > 65535)
			r->failed = true, n = 0;
	}
	return n;
}

static bool digit_here(const struct reader *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static void read_repeat(struct reader *r, struct node *n)
{
	if (skip(r, "?")) {
		n->min = 0;
	} else if (skip(r, "*")) {
		n->min = 0;
		n->max = MANY;
	} else if (skip(r, "+")) {
		n->max = MANY;
	} else if (skip(r, "{")) {
		if (!digit_here(r)) {
			r->failed = true; /* a brace that means itself */
			return;
		}
		n->min = n->max = read_number(r);
		if (skip(r, ","))
			n->max = digit_here(r) ? read_number(r) : MANY;
		if (!skip(r, "}"))
			r->failed = true;
	} else {
		return;
	}
	if (!skip(r, "?"))
		(void)skip(r, "+");
}

static int read_alt(struct reader *r);

/* A name up to `close`, behind (?< and its likes. */
static void read_name(struct reader *r, char close)
{
	while (r->p < r->end && *r->p != (unsigned char)close)
		r->p++;
	if (r->p < r->end)
		r->p++;
	else
		r->failed = true;
}

/* Behind the `(`; an assertion becomes a node that is passed zero times. */
static int read_group(struct reader *r)
{
	bool assertion = false;

	if (skip(r, "?")) {
		if (skip(r, "=") || skip(r, "!") || skip(r, "<=") ||
		    skip(r, "<!"))
			assertion = true;
		else if (skip(r, "P<") || skip(r, "<"))
			read_name(r, '>');
		else if (!skip(r, ":") && !skip(r, ">"))
			r->failed = true;
	} else if (at(r, "*")) {
		r->failed = true; /* a verb */
	}
	if (r->failed || ++r->depth > DEPTH) {
		r->failed = true;
		return 0;
	}
	int n = read_alt(r);

	r->depth--;
	if (!skip(r, ")"))
		r->failed = true;
	if (assertion)
		r->nodes[n].min = r->nodes[n].max = 0;
	return n;
}

/* Assertions like \b and $ match no byte. */
static bool read_nothing(struct reader *r)
{
	return skip(r, "^") || skip(r, "$") || skip(r, "\\b") ||
	       skip(r, "\\B") || skip(r, "\\A") || skip(r, "\\z") ||
	       skip(r, "\\Z");
}

static int read_set(struct reader *r)
{
	int i = node_new(r, SET);
	struct aigw_bytes *set = &r->nodes[i].set;

	if (skip(r, "[")) {
		read_class(r, set);
	} else if (skip(r, ".")) {
		set_invert(set);
	} else if (skip(r, "\\")) {
		if (r->p < r->end && class_escape(*r->p, set)) {
			r->p++;
			return i;
		}
		int c = byte_escape(r);

		if (c < 0)
			r->failed = true;
		else
			set_add(set, (unsigned)c);
		if (r->icase)
			set_fold(set);
	} else {
		if (strchr("*+?{", *r->p))
			r->failed = true;
		set_add(set, *r->p++);
		if (r->icase)
			set_fold(set);
	}
	return i;
}

static int read_seq(struct reader *r)
{
	int seq = node_new(r, SEQ), last = -1;

	while (!r->failed && r->p < r->end && *r->p != '|' && *r->p != ')') {
		if (read_nothing(r))
			continue;
		bool group = skip(r, "(");
		int i = group ? read_group(r) : read_set(r);

		if (r->failed)
			break;
		unsigned none = r->nodes[i].max == 0;

		read_repeat(r, &r->nodes[i]);
		if (none)
			r->nodes[i].min = r->nodes[i].max = 0;
		if (last < 0)
			r->nodes[seq].first = i;
		else
			r->nodes[last].next = i;
		last = i;
	}
	return seq;
}

static int read_alt(struct reader *r)
{
	int alt = node_new(r, ALT), last = -1;

	do {
		int i = read_seq(r);

		if (r->failed)
			return 0;
		if (last < 0)
			r->nodes[alt].first = i;
		else
			r->nodes[last].next = i;
		last = i;
	} while (skip(r, "|"));
	return alt;
}

/* Leading (?i), (?s), (?m); others change what the rest means. */
static void read_options(struct reader *r)
{
	if (!at(r, "(?i)") && !at(r, "(?s)") && !at(r, "(?m)") &&
	    !at(r, "(?is)") && !at(r, "(?si)"))
		return;
	for (r->p += 2; *r->p != ')'; r->p++) {
		if (*r->p == 'i')
			r->icase = true;
	}
	r->p++;
}

static unsigned times(unsigned a, unsigned b)
{
	return a && b && a > MANY / b ? MANY : a * b;
}

static unsigned plus(unsigned a, unsigned b)
{
	return a + b > MANY ? MANY : a + b;
}

/* How many bytes node `i` matches, with its repeat count. */
static void lengths(const struct node *nodes, int i, unsigned *min,
		    unsigned *max)
{
	const struct node *n = &nodes[i];
	unsigned lo = n->kind == ALT ? MANY : 0, hi = 0, a, b;

	if (n->kind == SET)
		lo = hi = 1;
	for (int c = n->first; c >= 0; c = nodes[c].next) {
		lengths(nodes, c, &a, &b);
		if (n->kind == SEQ) {
			lo = plus(lo, a);
			hi = plus(hi, b);
		} else {
			lo = a < lo ? a : lo;
			hi = b > hi ? b : hi;
		}
	}
	*min = times(lo, n->min);
	*max = times(hi, n->max);
}

/*
 * Bit k of `from`: node `i` may begin k bytes behind the point. Adds the bytes
 * it can put at each place to `at` and returns where it may end. Places from
 * AIGW_TRIGGER_LEN on are of no interest and fall off. When *steps runs out
 * the answer is worthless.
 */
static unsigned feed(const struct node *nodes, int i, unsigned from,
		     struct aigw_bytes *at, unsigned *steps)
{
	const struct node *n = &nodes[i];
	unsigned ends = n->min ? 0 : from, now = from, out;
	const unsigned all = (1u << AIGW_TRIGGER_LEN) - 1;

	for (unsigned k = 1; k <= n->max && now && *steps; k++, now = out) {
		--*steps;
		out = n->kind == SEQ ? now : 0;
		for (int o = 0; n->kind == SET && o < AIGW_TRIGGER_LEN; o++) {
			if (now >> o & 1)
				set_join(&at[o], &n->set);
		}
		if (n->kind == SET)
			out = now << 1 & all;
		for (int c = n->first; c >= 0; c = nodes[c].next) {
			if (n->kind == SEQ)
				out = feed(nodes, c, out, at, steps);
			else
				out |= feed(nodes, c, now, at, steps);
		}
		if (k >= n->min || out == now)
			ends |= out;
		if (out == now)
			break; /* and so it would be for ever */
	}
	return ends;
}

/* How often a byte of the set comes by in text, roughly. */
static double share(const struct aigw_bytes *set)
{
	double sum = 0;

	for (unsigned c = 0; c < 256; c++) {
		if (!aigw_bytes_has(set, (unsigned char)c))
			continue;
		if (c == ' ')
			sum += 0.14;
		else if (c >= 'a' && c <= 'z')
			sum += 0.026;
		else if (c >= '0' && c <= '9')
			sum += 0.006;
		else if (c >= 'A' && c <= 'Z')
			sum += 0.002;
		else if (c >= 128 || c < ' ')
			sum += 0.0004;
		else
			sum += 0.003;
	}
	return sum > 1 ? 1 : sum;
}

/*
 * The trigger at child `i` of a sequence; its cost is how much of a text its
 * windows cover. Stops where the match may end or a longer one tells no more.
 */
static double trigger_at(const struct node *nodes, int i,
			 struct aigw_trigger *t, unsigned *steps)
{
	unsigned from = 1, open = 0;
	double p = 1, s;

	memset(t->at, 0, sizeof(t->at));
	t->len = 0;
	for (; i >= 0; i = nodes[i].next)
		from = feed(nodes, i, from, t->at, steps);
	while (open < AIGW_TRIGGER_LEN && !(from >> open & 1))
		open++;
	for (unsigned k = 0; k < open && p > 1e-8; k++) {
		s = share(&t->at[k]);
		/* bytes of a kind come together */
		if (k && s < 0.4 &&
		    !memcmp(&t->at[k], &t->at[k - 1], sizeof(t->at[k])))
			s = 0.4;
		p *= s;
		if (s < 0.5)
			t->len = k + 1;
	}
	return p * (t->before_max - t->before_min + 8);
}

/* The best trigger of one alternative; cost 1 or more means none. */
static double best_of(const struct node *nodes, int seq, struct aigw_trigger *t,
		      unsigned *steps)
{
	struct aigw_trigger one = {.len = 0};
	unsigned a, b;
	double best = 1;

	for (int i = nodes[seq].first; i >= 0; i = nodes[i].next) {
		if (one.before_max > FAR_MAX)
			break;
		double cost = trigger_at(nodes, i, &one, steps);

		if (one.len && cost < best) {
			best = cost;
			*t = one;
		}
		lengths(nodes, i, &a, &b);
		one.before_min = plus(one.before_min, a);
		one.before_max = plus(one.before_max, b);
	}
	return *steps ? best : 1;
}

size_t aigw_triggers_derive(const char *regex, size_t len,
			    struct aigw_trigger out[AIGW_TRIGGERS])
{
	struct node nodes[NODES];
	struct reader r = {.p = (const unsigned char *)regex,
			   .end = (const unsigned char *)regex + len,
			   .nodes = nodes};
	unsigned steps = STEPS;
	size_t n = 0;

	read_options(&r);
	int top = read_alt(&r);

	if (r.failed || r.p != r.end)
		return 0;
	for (int c = nodes[top].first; c >= 0; c = nodes[c].next) {
		if (n == AIGW_TRIGGERS)
			return 0;
		if (best_of(nodes, c, &out[n++], &steps) >= 1)
			return 0;
	}
	return n;
}
