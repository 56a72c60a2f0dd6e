/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-mask.c - what must hold for any text: trigger windows find what a full
 * scan finds; spans are in order, apart, on the text; hiding every span and
 * restoring it gives the text back, cut anywhere; garbage is no sealed map.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../filters/mask/mask.h"
#include "core/utf8.h"

#define MATCHES 4096

static const struct mask_keys keys = {.token = "t", .seal = "s", .nonce = "n"};

struct seen {
	struct aigw_match v[MATCHES];
	size_t n;
};

static int on_match(void *arg, const struct aigw_match *m, struct aigw_err *err)
{
	struct seen *s = arg;

	if (s->n == MATCHES)
		return aigw_fail_as(err, AIGW_E_INTERNAL, "full", "full");
	s->v[s->n++] = *m;
	return 0;
}

static int by_all(const void *a, const void *b)
{
	const struct aigw_match *x = a, *y = b;

	if (x->pattern != y->pattern)
		return x->pattern < y->pattern ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static void both_scans(const char *s, size_t len)
{
	static struct aigw_patterns *set;
	static struct seen a, b;
	const char *list[64];
	struct aigw_err err;

	for (size_t i = 0; !set && i < mask_entities_n; i++)
		list[i] = mask_entities[i].regex;
	if (!set)
		set = aigw_patterns_new(list, mask_entities_n, &err);
	a.n = b.n = 0;
	if (!set)
		abort();
	if (aigw_patterns_scan(set, s, len, on_match, &a, &err) ||
	    aigw_patterns_scan_full(set, s, len, on_match, &b, &err))
		return;
	qsort(a.v, a.n, sizeof(*a.v), by_all);
	qsort(b.v, b.n, sizeof(*b.v), by_all);
	if (a.n != b.n)
		abort();
	for (size_t i = 0; i < a.n; i++) {
		if (by_all(&a.v[i], &b.v[i]) || a.v[i].end != b.v[i].end)
			abort();
	}
}

/* The text with all spans as tokens. */
static void hide(const char *s, size_t len, struct mask_map *map,
		 struct aigw_buf *out)
{
	static struct mask_finder *finder;
	const struct mask_finder_opts opts = {0};
	struct mask_hits hits = {0};
	struct aigw_err err;
	size_t at = 0;

	if (!finder)
		finder = mask_finder_new(&opts, &err);
	if (!finder || mask_find(finder, s, len, &hits, &err))
		abort(); /* no text makes our own patterns give up */
	for (size_t i = 0; i < hits.n; i++) {
		const struct mask_span *h = &hits.v[i];
		/* the plain type keeps each spelling apart */
		const struct mask_value v = {MASK_SECRET, "SECRET",
					     s + h->start, h->end - h->start};

		if (h->start < at || h->end <= h->start || h->end > len)
			abort();
		const struct mask_entry *e =
			mask_map_add(map, &keys, "", 0, &v);

		if (!e || aigw_buf_add(out, s + at, h->start - at) ||
		    aigw_buf_str(out, "[[") || aigw_buf_str(out, e->name) ||
		    aigw_buf_str(out, "]]"))
			abort();
		at = h->end;
	}
	if (aigw_buf_add(out, s + at, len - at))
		abort();
	mask_hits_release(&hits);
}

static void restore(const struct mask_map *map, const struct aigw_buf *in,
		    size_t cut, bool json, struct aigw_buf *out)
{
	struct mask_restore r = {.map = map, .json = json, .urls = true};

	out->len = 0;
	if (mask_restore(&r, in->data, cut, false, out) ||
	    mask_restore(&r, in->data + cut, in->len - cut, true, out))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	const size_t len = size > 8192 ? 8192 : size;
	struct mask_map map = {0}, none = {0};
	struct aigw_buf in, whole, cut;
	struct aigw_err err;

	if (!s || !len)
		return 0;
	aigw_buf_init(&in, 1 << 24);
	aigw_buf_init(&whole, 1 << 24);
	aigw_buf_init(&cut, 1 << 24);
	both_scans(s, len);
	hide(s, len, &map, &in);
	restore(&map, &in, 0, false, &whole);
	/* a bracket beside a token may be taken for the token's own */
	if (!memchr(s, '[', len) && !memchr(s, ']', len) &&
	    !memchr(s, '\\', len) && !memchr(s, '&', len) &&
	    !memmem(s, len, "\xEF\xBC", 2) &&
	    (whole.len != len || memcmp(whole.data, s, len)))
		abort();
	/* what goes into JSON came from JSON */
	const int ways = aigw_utf8_valid(s, len) == len ? 2 : 1;

	for (int json = 0; json < ways; json++) {
		restore(&map, &in, 0, json, &whole);
		for (size_t k = 1; k < in.len; k += 1 + in.len / 64) {
			restore(&map, &in, k, json, &cut);
			if (cut.len != whole.len ||
			    memcmp(cut.data, whole.data, cut.len))
				abort();
		}
	}
	if (!mask_unseal(&keys, s, len, "id", 2, &none, &err))
		abort();
	mask_map_release(&map);
	mask_map_release(&none);
	aigw_buf_release(&in);
	aigw_buf_release(&whole);
	aigw_buf_release(&cut);
	return 0;
}
