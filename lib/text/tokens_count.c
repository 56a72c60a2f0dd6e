/* SPDX-License-Identifier: Apache-2.0 */
/* tokens_count.c - a counter: pieces, the caches before them, and ids */
#include <stdlib.h>

#include "core/utf8.h"
#include "text/tokens-int.h"

struct aigw_counter *aigw_counter_new(const struct aigw_encoding *enc,
				      struct aigw_err *err)
{
	struct aigw_counter *c = calloc(1, sizeof(*c));

	if (!c) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	c->bpe.enc = enc;
	return c;
}

void aigw_counter_free(struct aigw_counter *c)
{
	free(c);
}

const struct aigw_encoding *aigw_counter_encoding(const struct aigw_counter *c)
{
	return c->bpe.enc;
}

/* A piece nobody has seen. Most words are tokens; `hash` is looked at for what
 * the caches could hold. */
static uint64_t count_new(struct aigw_counter *c, const uint8_t *p, size_t n,
			  uint64_t hash)
{
	struct dp *dp = &c->dp;
	size_t count;

	if (n <= CACHE_LONG && bpe_find(c->bpe.enc, p, n, hash) != IMG_NONE)
		return 1;
	count = bpe_piece(&c->bpe, p, n);
	if (count)
		return count;
	dp_init(dp);
	for (; n; n--, p++)
		dp_step(&c->bpe, dp, p, n);
	return dp_count(dp);
}

/* A short piece on its way through the cache. */
struct visit {
	const uint8_t *p;
	uint64_t n, hash;
	struct img_key key;
	struct cache_short *entry;
};

#define COUNT_ONE (UINT64_C(1) << 56) /* the last byte of an entry */

static inline void visit_begin(struct aigw_counter *c, struct visit *v,
			       const uint8_t *p, size_t n,
			       const uint8_t *readable)
{
	struct img_key k;

	if (readable - p >= 16) {
		memcpy(&k, p, 16);
		if (n < 8) {
			k.lo &= (UINT64_C(1) << 8 * n) - 1;
			k.hi = 0;
		} else {
			k.hi &= (UINT64_C(1) << 8 * (n - 8)) - 1;
		}
	} else {
		k = img_key_load(p, n);
	}
	v->p = p;
	v->n = n;
	v->hash = img_key_hash(k, n);
	v->entry = &c->cache_short[v->hash >> (64 - CACHE_SHORT_LOG)];
	__builtin_prefetch(v->entry);
	k.hi |= (uint64_t)n << 48;
	v->key = k;
}

/* Its count, or 0. */
static inline uint64_t visit_known(const struct visit *v)
{
	if (v->entry->lo != v->key.lo ||
	    (v->entry->hi & (COUNT_ONE - 1)) != v->key.hi)
		return 0;
	return v->entry->hi / COUNT_ONE;
}

/*
 * Memory is slow and a count is a sum: look at many pieces at once, and let
 * the loads of all of them run while the first is waited for.
 */
static uint64_t visit_all(struct aigw_counter *c, struct visit *v, size_t n)
{
	const struct aigw_encoding *enc = c->bpe.enc;
	uint64_t total = 0, count;
	size_t unknown = 0;

	for (size_t i = 0; i < n; i++) {
		count = visit_known(&v[i]);
		total += count;
		if (!count) {
			__builtin_prefetch(enc->slots +
					   (v[i].hash & enc->slots_mask));
			v[unknown++] = v[i];
		}
	}
	for (size_t i = 0; i < unknown; i++) {
		count = visit_known(&v[i]); /* it can stand twice */
		if (!count) {
			count = count_new(c, v[i].p, v[i].n, v[i].hash);
			v[i].entry->lo = v[i].key.lo;
			v[i].entry->hi = v[i].key.hi | count * COUNT_ONE;
		}
		total += count;
	}
	return total;
}

static uint64_t count_long(struct aigw_counter *c, const uint8_t *p, size_t n)
{
	struct cache_long *entry;
	uint64_t w[4] = {0, 0, 0, 0}, hash;

	memcpy(w, p, n);
	w[3] |= (uint64_t)n << 48;
	hash = img_key_hash((struct img_key){w[0], w[1]}, 0);
	hash ^= img_key_hash((struct img_key){w[2], w[3]}, 1);
	entry = &c->cache_long[hash >> (64 - CACHE_LONG_LOG)];
	if (entry->w[0] != w[0] || entry->w[1] != w[1] || entry->w[2] != w[2] ||
	    (entry->w[3] & (COUNT_ONE - 1)) != w[3]) {
		w[3] |= count_new(c, p, n, img_bytes_hash(p, n)) * COUNT_ONE;
		memcpy(entry->w, w, sizeof(w));
	}
	return entry->w[3] / COUNT_ONE;
}

#define VISITS 32

const uint8_t *count_pieces(struct aigw_counter *c, const uint8_t *p,
			    const uint8_t *end, const uint8_t *limit,
			    uint64_t *total)
{
	const struct aigw_encoding *enc = c->bpe.enc;
	scan_fn *next = scan_next[enc->kind->family];
	struct visit v[VISITS];
	size_t visits = 0;

	while (p < limit) {
		const uint8_t *q = next(p, end);
		size_t n = (size_t)(q - p);

		if (q > limit)
			break;
		if (n > CACHE_LONG) {
			*total += count_new(c, p, n, 0);
		} else if (n > CACHE_SHORT) {
			*total += count_long(c, p, n);
		} else if (n > 2) {
			visit_begin(c, &v[visits++], p, n, end);
		} else if (n == 2) {
			uint32_t both = enc->doubles[p[0] | p[1] << 8];

			*total += both == IMG_NONE ? 2 : 1;
		} else {
			++*total;
		}
		if (visits == VISITS) {
			*total += visit_all(c, v, visits);
			visits = 0;
		}
		p = q;
	}
	*total += visit_all(c, v, visits);
	return p;
}

uint64_t aigw_count_text(struct aigw_counter *c, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	uint64_t total = 0;

	if (aigw_utf8_valid(s, len) == len) {
		count_pieces(c, p, p + len, p + len, &total);
		return total;
	}
	aigw_count_begin(c, AIGW_SPECIAL_TEXT);
	aigw_count_feed(c, s, len);
	return aigw_count_end(c);
}

const uint8_t *special_find(const struct encoding_kind *kind, const uint8_t *p,
			    const uint8_t *end, uint32_t *id, size_t *n)
{
	while ((p = memchr(p, '<', (size_t)(end - p)))) {
		*id = special_at(kind, p, end, n);
		if (*id != IMG_NONE)
			return p;
		p++;
	}
	return NULL;
}

static int ids_add(struct aigw_buf *ids, const uint32_t *id, size_t n,
		   struct aigw_err *err)
{
	if (!aigw_buf_add(ids, id, n * sizeof(*id)))
		return 0;
	return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_long",
			    "more tokens than there is room for");
}

/* The tokens of a hard piece: the last one of every prefix, then backwards. */
static int encode_hard(struct aigw_counter *c, const uint8_t *p, size_t n,
		       struct aigw_buf *ids, struct aigw_err *err)
{
	uint32_t *last = malloc((n + 1) * sizeof(*last));
	struct dp *dp = &c->dp;
	size_t count, at = n;
	int rc;

	if (!last)
		return aigw_fail(err, "out of memory");
	dp_init(dp);
	for (size_t i = 0; i < n; i++) {
		dp_step(&c->bpe, dp, p + i, n - i);
		last[i + 1] = dp_last(dp);
	}
	/* Written over the end of `last`: never before what is still read. */
	for (count = 0; at; count++) {
		uint32_t id = last[at];

		at -= c->bpe.enc->length[id];
		last[n - count] = id;
	}
	rc = ids_add(ids, last + n + 1 - count, count, err);
	free(last);
	return rc;
}

static int encode_piece(struct aigw_counter *c, const uint8_t *p, size_t n,
			struct aigw_buf *ids, struct aigw_err *err)
{
	uint32_t id = IMG_NONE;
	size_t count;

	if (n <= BPE_SHORT)
		id = bpe_find(c->bpe.enc, p, n, img_bytes_hash(p, n));
	if (id != IMG_NONE)
		return ids_add(ids, &id, 1, err);
	count = bpe_piece(&c->bpe, p, n);
	return count ? ids_add(ids, c->bpe.ids, count, err)
		     : encode_hard(c, p, n, ids, err);
}

static int encode_pieces(struct aigw_counter *c, const uint8_t *p,
			 const uint8_t *end, struct aigw_buf *ids,
			 struct aigw_err *err)
{
	scan_fn *next = scan_next[c->bpe.enc->kind->family];

	while (p < end) {
		const uint8_t *q = next(p, end);

		if (encode_piece(c, p, (size_t)(q - p), ids, err))
			return -1;
		p = q;
	}
	return 0;
}

/* Valid UTF-8. */
static int encode_valid(struct aigw_counter *c, const uint8_t *p,
			const uint8_t *end, enum aigw_specials specials,
			struct aigw_buf *ids, struct aigw_err *err)
{
	while (specials == AIGW_SPECIAL_TOKEN) {
		size_t n;
		uint32_t id;
		const uint8_t *q =
			special_find(c->bpe.enc->kind, p, end, &id, &n);

		if (!q)
			break;
		if (encode_pieces(c, p, q, ids, err) ||
		    ids_add(ids, &id, 1, err))
			return -1;
		p = q + n;
	}
	return encode_pieces(c, p, end, ids, err);
}

int aigw_encode_text(struct aigw_counter *c, const char *s, size_t len,
		     enum aigw_specials specials, struct aigw_buf *ids,
		     struct aigw_err *err)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + len;
	struct aigw_buf text;
	int rc = -1;

	if (aigw_utf8_valid(s, len) == len)
		return encode_valid(c, p, end, specials, ids, err);
	aigw_buf_init(&text, 3 * len);
	while (p < end) {
		size_t n = aigw_utf8_valid((const char *)p, (size_t)(end - p));
		bool cut;

		if (aigw_buf_add(&text, p, n))
			goto out;
		p += n;
		if (p == end)
			break;
		p += utf8_bad(p, end, &cut);
		if (aigw_buf_add(&text, "\xef\xbf\xbd", 3))
			goto out;
	}
	p = (const uint8_t *)text.data;
	rc = encode_valid(c, p, p + text.len, specials, ids, err);
	aigw_buf_release(&text);
	return rc;
out:
	aigw_buf_release(&text);
	return aigw_fail(err, "out of memory");
}
