/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkenc.c - make the mapped image of an encoding from its rank file
 *
 * mkenc RANKS IMAGE. RANKS has lines "base64 SP rank LF", as published. The
 * image holds what the engine looks up, ready to be mapped: see
 * lib/text/tokens-image.h. Facts the engine stands on are checked here, and a
 * rank file that breaks one makes no image: every single byte is a token and
 * ranks below 256, no token is longer than IMG_MAX_TOKEN, and every longer
 * token is the merge of exactly two others of lower rank.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text/tokens-image.h"

#define MAX_FILE (16u * 1024 * 1024)
#define MAX_TRIE (1u << TRIE_PARENT_BITS)

struct token {
	const uint8_t *s;
	uint32_t n; /* 0: a hole */
};

struct maker {
	uint8_t *text; /* the rank file, decoded in place */
	struct token *token;
	uint32_t ids;
	uint32_t *order; /* ids of all tokens, sorted by bytes */
	uint32_t count;
	struct img_header head;
	void *section[IMG_SECTIONS];
};

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("mkenc: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(1);
}

static void *zalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

static void *section_new(struct maker *m, enum img_section which, size_t n,
			 size_t size)
{
	m->section[which] = zalloc(n, size);
	m->head.section[which].len = n * size;
	return m->section[which];
}

static int base64_value(int c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Decode from `in` to `in` (it only shrinks) up to the space; the end. */
static const uint8_t *base64_decode(uint8_t *in, uint32_t *n)
{
	uint8_t *out = in, *start = in;
	uint32_t bits = 0, have = 0;

	for (; *in && *in != ' ' && *in != '='; in++) {
		int v = base64_value(*in);

		if (v < 0)
			return NULL;
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			*out++ = (uint8_t)(bits >> have);
		}
	}
	while (*in == '=')
		in++;
	*n = (uint32_t)(out - start);
	return in;
}

static void ranks_read(struct maker *m, const char *path)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f)
		die("%s: %s", path, strerror(errno));
	m->text = zalloc(MAX_FILE + 1, 1);
	n = fread(m->text, 1, MAX_FILE, f);
	if (ferror(f) || !feof(f) || memchr(m->text, 0, n))
		die("%s: cannot be read as a rank file", path);
	fclose(f);
}

static void ranks_parse(struct maker *m)
{
	uint8_t *p = m->text;
	unsigned line = 0;

	m->token = zalloc(IMG_NONE, sizeof(*m->token));
	while (*p) {
		struct token t = {p, 0};
		const uint8_t *end = base64_decode(p, &t.n);
		char *stop;
		unsigned long id;

		line++;
		if (!end || *end != ' ' || !t.n || t.n > IMG_MAX_TOKEN)
			die("line %u: no token", line);
		id = strtoul((const char *)end, &stop, 10);
		if (*stop != '\n' || id >= IMG_NONE || m->token[id].n)
			die("line %u: no new rank", line);
		if ((t.n == 1) != (id < 256))
			die("line %u: single bytes must come first", line);
		m->token[id] = t;
		if (id >= m->ids)
			m->ids = (uint32_t)id + 1;
		p = (uint8_t *)stop + 1;
	}
	m->head.ids = m->ids;
}

static int token_compare(const struct token *a, const struct token *b)
{
	int c = memcmp(a->s, b->s, a->n < b->n ? a->n : b->n);

	return c ? c : (a->n > b->n) - (a->n < b->n);
}

static int order_compare(const void *a, const void *b, void *token)
{
	const struct token *t = token;

	return token_compare(&t[*(const uint32_t *)a],
			     &t[*(const uint32_t *)b]);
}

static void tokens_sort(struct maker *m)
{
	m->order = zalloc(m->ids, sizeof(*m->order));
	for (uint32_t id = 0; id < m->ids; id++) {
		if (m->token[id].n)
			m->order[m->count++] = id;
	}
	qsort_r(m->order, m->count, sizeof(*m->order), order_compare, m->token);
	for (uint32_t i = 1; i < m->count; i++) {
		if (!token_compare(&m->token[m->order[i - 1]],
				   &m->token[m->order[i]]))
			die("rank %u: token stands twice", m->order[i]);
	}
}

static uint32_t token_find(const struct maker *m, const uint8_t *s, size_t n)
{
	struct token want = {s, (uint32_t)n};
	uint32_t lo = 0, hi = m->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int c = token_compare(&want, &m->token[m->order[mid]]);

		if (!c)
			return m->order[mid];
		if (c < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return IMG_NONE;
}

static void bytes_make(struct maker *m)
{
	uint32_t *bytes = section_new(m, IMG_BYTES, 256, sizeof(*bytes));
	uint32_t *doubles =
		section_new(m, IMG_DOUBLES, 65536, sizeof(*doubles));

	memset(bytes, 0xff, 256 * sizeof(*bytes));
	for (uint32_t i = 0; i < 65536; i++)
		doubles[i] = IMG_NONE;
	for (uint32_t id = 0; id < m->ids; id++) {
		const struct token *t = &m->token[id];

		if (t->n == 1)
			bytes[t->s[0]] = id;
		else if (t->n == 2)
			doubles[t->s[0] | t->s[1] << 8] = id;
	}
	for (int i = 0; i < 256; i++) {
		if (bytes[i] > 255)
			die("byte %d is no token", i);
	}
}

static void lengths_make(struct maker *m)
{
	uint8_t *length = section_new(m, IMG_LENGTH, m->ids, 1);
	uint32_t *prefix = section_new(m, IMG_PREFIX, m->ids, sizeof(*prefix));

	for (uint32_t id = 0; id < m->ids; id++) {
		const struct token *t = &m->token[id];

		length[id] = (uint8_t)t->n;
		prefix[id] = IMG_NONE;
		for (uint32_t n = t->n; n > 1 && prefix[id] == IMG_NONE; n--)
			prefix[id] = token_find(m, t->s, n - 1);
	}
}

/*
 * Merge the token's bytes with the tokens of lower rank only; two parts must
 * be left. It is the plain algorithm, because everything else rests on it.
 */
static void token_split(const struct maker *m, uint32_t id, uint32_t split[2])
{
	const struct token *t = &m->token[id];
	uint32_t at[IMG_MAX_TOKEN + 1], parts = t->n;

	for (uint32_t i = 0; i <= parts; i++)
		at[i] = i;
	while (parts > 2) {
		uint32_t best = id, where = 0;

		for (uint32_t i = 0; i + 2 <= parts; i++) {
			uint32_t found =
				token_find(m, t->s + at[i], at[i + 2] - at[i]);

			if (found < best) {
				best = found;
				where = i;
			}
		}
		if (best == id)
			die("rank %u cannot be reached", id);
		memmove(at + where + 1, at + where + 2,
			(parts - where - 1) * sizeof(*at));
		parts--;
	}
	split[0] = token_find(m, t->s, at[1]);
	split[1] = token_find(m, t->s + at[1], t->n - at[1]);
	if (split[0] >= id || split[1] >= id)
		die("rank %u is no merge of lower ranks", id);
}

static uint32_t log_for(uint64_t n)
{
	uint32_t log = 6;

	while ((UINT64_C(1) << log) < n)
		log++;
	return log;
}

static void pairs_make(struct maker *m)
{
	uint32_t flog = log_for(m->ids * 16ull), plog = log_for(m->ids);
	uint64_t *filter =
		section_new(m, IMG_FILTER, (UINT64_C(1) << flog) / 64, 8);
	uint64_t *pairs = section_new(m, IMG_PAIRS, UINT64_C(1) << plog, 8);
	uint32_t(*split)[2] = section_new(m, IMG_SPLIT, m->ids, 8);

	memset(pairs, 0xff, sizeof(*pairs) << plog);
	m->head.filter_log = flog;
	m->head.pairs_log = plog;
	for (uint32_t id = 256; id < m->ids; id++) {
		uint64_t key, hash, bit, slot;

		if (!m->token[id].n)
			continue;
		token_split(m, id, split[id]);
		key = pair_key(split[id][0], split[id][1]);
		hash = pair_hash(key);
		bit = hash >> (64 - flog);
		filter[bit / 64] |= UINT64_C(1) << bit % 64;
		slot = hash >> (64 - plog);
		while (pairs[slot] != PAIR_EMPTY)
			slot = (slot + 1) & ((UINT64_C(1) << plog) - 1);
		pairs[slot] = key << IMG_ID_BITS | id;
	}
}

static void vocabulary_make(struct maker *m)
{
	uint32_t log = log_for(m->ids + m->ids / 4), at = 0;
	uint32_t *slots = section_new(m, IMG_SLOTS, UINT64_C(1) << log, 4);
	uint32_t *records;
	size_t words = 0;

	m->head.slots_log = log;
	memset(slots, 0xff, sizeof(*slots) << log);
	for (uint32_t id = 0; id < m->ids; id++)
		words += m->token[id].n ? 1 + (m->token[id].n + 3) / 4 : 0;
	if (words >> SLOT_AT_BITS)
		die("too many token bytes");
	records = section_new(m, IMG_RECORDS, words, sizeof(*records));
	for (uint32_t id = 0; id < m->ids; id++) {
		const struct token *t = &m->token[id];
		uint64_t hash = img_bytes_hash(t->s, t->n), slot;

		if (!t->n)
			continue;
		slot = hash & ((UINT64_C(1) << log) - 1);
		while (slots[slot] != SLOT_EMPTY)
			slot = (slot + 1) & ((UINT64_C(1) << log) - 1);
		slots[slot] = (uint32_t)(hash >> (64 - SLOT_TAG_BITS))
				      << SLOT_AT_BITS |
			      at;
		records[at] = id << 8 | t->n;
		memcpy(records + at + 1, t->s, t->n);
		at += 1 + (t->n + 3) / 4;
	}
}

/* A node still to be expanded: tokens lo..hi of the order share `depth` bytes.
 */
struct branch {
	uint32_t node, lo, hi, depth;
};

struct trie {
	uint64_t *unit;
	uint32_t *next, *prev; /* ring of the free units; 0 is its head */
	uint32_t top;	       /* one more than the highest base + 255 */
};

static void trie_take(struct trie *t, uint32_t i)
{
	t->next[t->prev[i]] = t->next[i];
	t->prev[t->next[i]] = t->prev[i];
	t->next[i] = UINT32_MAX;
}

/* The lowest base, at least 1, at which all children find a free unit. */
static uint32_t trie_place(const struct trie *t, const uint8_t *child,
			   unsigned children)
{
	for (uint32_t at = t->next[0]; at; at = t->next[at]) {
		uint32_t base = at - child[0];
		unsigned i = 1;

		if (at <= child[0])
			continue;
		if (base + 256 >= MAX_TRIE)
			break;
		while (i < children && t->next[base + child[i]] != UINT32_MAX)
			i++;
		if (i == children)
			return base;
	}
	die("the trie is full");
	return 0;
}

/* The distinct next bytes of a branch, and where the tokens of each begin. */
static unsigned branch_children(const struct maker *m, const struct branch *b,
				uint8_t child[256], uint32_t first[257])
{
	unsigned n = 0;

	for (uint32_t i = b->lo; i < b->hi; i++) {
		const struct token *t = &m->token[m->order[i]];

		if (t->n > b->depth && (!n || child[n - 1] != t->s[b->depth])) {
			child[n] = t->s[b->depth];
			first[n++] = i;
		}
	}
	first[n] = b->hi;
	return n;
}

static void trie_expand(const struct maker *m, struct trie *t,
			const struct branch *b, struct branch *queue,
			uint32_t *tail)
{
	const struct token *shortest = &m->token[m->order[b->lo]];
	uint32_t id = b->depth && shortest->n == b->depth ? m->order[b->lo]
							  : IMG_NONE;
	uint32_t first[257], base = 0;
	uint8_t child[256];
	unsigned n = branch_children(m, b, child, first);

	if (n)
		base = trie_place(t, child, n);
	/* The parent is already there: the branch above has claimed the unit.
	 */
	t->unit[b->node] |= trie_unit(0, base, id);
	if (n && base + 256 > t->top)
		t->top = base + 256;
	for (unsigned i = 0; i < n; i++) {
		struct branch *c = &queue[(*tail)++];

		c->node = base + child[i];
		c->lo = first[i];
		c->hi = first[i + 1];
		c->depth = b->depth + 1;
		trie_take(t, c->node);
		t->unit[c->node] = trie_unit(b->node, 0, 0);
	}
}

static void trie_make(struct maker *m)
{
	struct trie t = {zalloc(MAX_TRIE, 8), zalloc(MAX_TRIE, 4),
			 zalloc(MAX_TRIE, 4), 256};
	struct branch *queue = zalloc(MAX_TRIE, sizeof(*queue));
	uint32_t head = 0, tail = 1;
	uint64_t *unit;

	/* Unit 0 is the root, and no parent of a free unit: nothing has its
	 * number there, because free units say parent MAX_TRIE - 1. */
	for (uint32_t i = 0; i < MAX_TRIE; i++) {
		t.unit[i] = trie_unit(MAX_TRIE - 1, 0, IMG_NONE);
		t.next[i] = (i + 1) % MAX_TRIE;
		t.prev[i] = (i + MAX_TRIE - 1) % MAX_TRIE;
	}
	t.unit[TRIE_ROOT] = trie_unit(MAX_TRIE - 1, 0, 0);
	queue[0] = (struct branch){TRIE_ROOT, 0, m->count, 0};
	while (head < tail) {
		struct branch b = queue[head++];

		trie_expand(m, &t, &b, queue, &tail);
	}
	unit = section_new(m, IMG_TRIE, t.top, sizeof(*unit));
	memcpy(unit, t.unit, t.top * sizeof(*unit));
	free(t.unit);
	free(t.next);
	free(t.prev);
	free(queue);
}

static void image_write(struct maker *m, const char *path)
{
	struct img_header *h = &m->head;
	uint64_t at = (sizeof(*h) + IMG_ALIGN - 1) & ~(uint64_t)(IMG_ALIGN - 1);
	uint64_t body = at;
	char tmp[4096];
	uint8_t *image;
	FILE *f;

	for (int i = 0; i < IMG_SECTIONS; i++) {
		h->section[i].at = at;
		at += h->section[i].len + IMG_ALIGN - 1;
		at &= ~(uint64_t)(IMG_ALIGN - 1);
	}
	memcpy(h->magic, IMG_MAGIC, sizeof(h->magic));
	h->version = IMG_VERSION;
	h->size = at;
	image = zalloc(at, 1);
	for (int i = 0; i < IMG_SECTIONS; i++)
		memcpy(image + h->section[i].at, m->section[i],
		       h->section[i].len);
	h->body = img_sum(image + body, at - body);
	h->head = img_sum(h, offsetof(struct img_header, head));
	memcpy(image, h, sizeof(*h));
	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		die("%s: name too long", path);
	f = fopen(tmp, "wb");
	if (!f || fwrite(image, 1, at, f) != at || fclose(f) ||
	    rename(tmp, path)) {
		unlink(tmp);
		die("%s: %s", path, strerror(errno));
	}
	free(image);
}

int main(int argc, char **argv)
{
	struct maker m = {0};

	if (argc != 3)
		die("usage: mkenc RANKS IMAGE");
	ranks_read(&m, argv[1]);
	ranks_parse(&m);
	tokens_sort(&m);
	bytes_make(&m);
	lengths_make(&m);
	pairs_make(&m);
	vocabulary_make(&m);
	trie_make(&m);
	image_write(&m, argv[2]);
	for (int i = 0; i < IMG_SECTIONS; i++)
		free(m.section[i]);
	free(m.order);
	free(m.token);
	free(m.text);
	return 0;
}
