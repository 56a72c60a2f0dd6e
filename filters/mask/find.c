/* SPDX-License-Identifier: Apache-2.0 */
/* find.c - run the patterns, check what they find, settle overlaps */
#include "find.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct rule {
	unsigned type;
	enum mask_class class;
	mask_check_fn check;
};

struct mask_finder {
	struct aigw_patterns *patterns;
	struct rule *rules;
	const struct mask_words *deny, *allow;
	bool deny_on, keep_local_ip;
};

void mask_hits_release(struct mask_hits *hits)
{
	free(hits->v);
	memset(hits, 0, sizeof(*hits));
}

static bool continues(char c)
{
	return ((unsigned char)c & 0xC0) == 0x80;
}

void mask_found(struct mask_find *f, unsigned type, enum mask_class class,
		size_t start, size_t end)
{
	struct mask_hits *h = f->hits;

	/* a user's pattern may cut a character: take all of it */
	for (int i = 0; i < 3 && start && continues(f->s[start]); i++)
		start--;
	for (int i = 0; i < 3 && end < f->len && continues(f->s[end]); i++)
		end++;
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 32;
		struct mask_span *v = realloc(h->v, cap * sizeof(*v));

		if (!v) {
			f->nomem = true;
			return;
		}
		h->v = v;
		h->cap = cap;
	}
	h->v[h->n++] = (struct mask_span){start, end, type, class};
}

struct search {
	const struct mask_finder *finder;
	struct mask_find f;
};

static int on_match(void *arg, const struct aigw_match *m, struct aigw_err *err)
{
	struct search *s = arg;
	const struct rule *r = &s->finder->rules[m->pattern];

	s->f.class = r->class;
	if (r->check)
		r->check(&s->f, r->type, m->start, m->end);
	else
		mask_found(&s->f, r->type, r->class, m->start, m->end);
	return s->f.nomem ? aigw_fail(err, "out of memory") : 0;
}

static int by_place(const void *a, const void *b)
{
	const struct mask_span *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

/* The better first: longer, then surer, then earlier, then by type. */
static int by_worth(const void *a, const void *b)
{
	const struct mask_span *x = a, *y = b;
	const size_t n = x->end - x->start, m = y->end - y->start;

	if (n != m)
		return n > m ? -1 : 1;
	if (x->class != y->class)
		return x->class < y->class ? -1 : 1;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->type < y->type ? -1 : x->type > y->type;
}

/*
 * Of overlapping spans keep the best. Every span kept so far is at least as
 * long as the next one, so the two overlap just when an end of the next one is
 * taken: that makes it linear in bytes and spans.
 */
static int settle(struct mask_hits *h)
{
	bool overlap = false;
	size_t kept = 0;

	if (h->n < 2)
		return 0;
	qsort(h->v, h->n, sizeof(*h->v), by_place);
	for (size_t i = 1; i < h->n; i++)
		overlap |= h->v[i].start < h->v[i - 1].end;
	if (!overlap)
		return 0;

	size_t base = h->v[0].start, top = 0;

	for (size_t i = 0; i < h->n; i++)
		top = h->v[i].end > top ? h->v[i].end : top;
	char *taken = calloc(top - base, 1);

	if (!taken)
		return -1;
	qsort(h->v, h->n, sizeof(*h->v), by_worth);
	for (size_t i = 0; i < h->n; i++) {
		const struct mask_span s = h->v[i];

		if (taken[s.start - base] || taken[s.end - 1 - base])
			continue;
		memset(taken + (s.start - base), 1, s.end - s.start);
		h->v[kept++] = s;
	}
	h->n = kept;
	free(taken);
	qsort(h->v, h->n, sizeof(*h->v), by_place);
	return 0;
}

/* Loopback, private, link-local, unspecified and documentation ranges. */
static bool local_ip(const char *s, size_t len)
{
	char text[64];
	unsigned char a[16];
	const char *zone = memchr(s, '%', len);

	len = zone ? (size_t)(zone - s) : len;
	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = 0;
	if (inet_pton(AF_INET, text, a) == 1) {
		const unsigned net = (unsigned)a[0] << 16 | a[1] << 8 | a[2];

		return a[0] == 10 || a[0] == 127 || net >> 8 == 0xC0A8 ||
		       net >> 8 == 0xA9FE || net >> 12 == 0xAC1 ||
		       net == 0xC00002 || net == 0xC63364 || net == 0xCB0071;
	}
	if (inet_pton(AF_INET6, text, a) != 1)
		return false;
	for (int i = 0; i < 15; i++) {
		if (a[i])
			return (a[0] & 0xFE) == 0xFC ||
			       (a[0] == 0xFE && (a[1] & 0xC0) == 0x80) ||
			       !memcmp(a, "\x20\x01\x0D\xB8", 4);
	}
	return a[15] < 2;
}

/* Drop what the user allows. */
static void allow(const struct mask_finder *finder, const char *s,
		  struct mask_hits *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->n; i++) {
		const char *p = s + h->v[i].start;
		const size_t n = h->v[i].end - h->v[i].start;

		if (mask_words_has(finder->allow, p, n))
			continue;
		if (finder->keep_local_ip && h->v[i].type == MASK_IP &&
		    local_ip(p, n))
			continue;
		h->v[kept++] = h->v[i];
	}
	h->n = kept;
}

struct mask_finder *mask_finder_new(const struct mask_finder_opts *o,
				    struct aigw_err *err)
{
	struct mask_finder *m = calloc(1, sizeof(*m));
	const size_t most = mask_entities_n + o->patterns_n;
	const char **regex = calloc(most, sizeof(*regex));
	size_t n = 0;

	if (m)
		m->rules = calloc(most, sizeof(*m->rules));
	if (!m || !regex || !m->rules) {
		aigw_fail(err, "out of memory");
		goto fail;
	}
	for (size_t i = 0; i < o->patterns_n; i++, n++) {
		regex[n] = o->patterns[i].regex;
		m->rules[n] = (struct rule){o->patterns[i].type, MASK_A, NULL};
	}
	for (size_t i = 0; i < mask_entities_n; i++) {
		const struct mask_entity *e = &mask_entities[i];

		if (o->off && o->off[e->type])
			continue;
		regex[n] = e->regex;
		m->rules[n++] = (struct rule){e->type, e->class, e->check};
	}
	m->deny = o->deny;
	m->allow = o->allow;
	m->deny_on = !o->off || !o->off[MASK_TERM];
	m->keep_local_ip = o->keep_local_ip;
	m->patterns = aigw_patterns_new(regex, n, err);
	if (!m->patterns)
		goto fail;
	free(regex);
	return m;
fail:
	free(regex);
	mask_finder_free(m);
	return NULL;
}

void mask_finder_free(struct mask_finder *m)
{
	if (!m)
		return;
	aigw_patterns_free(m->patterns);
	free(m->rules);
	free(m);
}

int mask_find(struct mask_finder *m, const char *s, size_t len,
	      struct mask_hits *hits, struct aigw_err *err)
{
	struct search search = {m, {.s = s, .len = len, .hits = hits}};

	hits->n = 0;
	if (aigw_patterns_scan(m->patterns, s, len, on_match, &search, err))
		return -1;
	if (m->deny_on)
		mask_words_find(m->deny, &search.f);
	if (search.f.nomem || settle(hits))
		return aigw_fail(err, "out of memory");
	if (hits->n && (m->allow || m->keep_local_ip))
		allow(m, s, hits);
	return 0;
}
