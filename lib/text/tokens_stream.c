/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens_stream.c - count a text that comes in parts, in constant memory
 *
 * Parts are repaired into a window, and pieces that certainly end in it are
 * counted. A piece that fills the window is counted character by character
 * with the prefix counts of dp_step(). Where such a run ends can be decided
 * long after the place was passed: spaces go back to their last line end, a
 * word of o200k to its last uncased character. So the count at the last place
 * where the run could be cut is kept, and what follows is counted a second
 * time as a run of its own.
 */
#include "core/utf8.h"
#include "text/tokens-int.h"

/*
 * A piece is not decided by what is further than this behind its end, nor is a
 * special token longer, but for the runs that window_limit() knows.
 */
#define LOOKAHEAD 32u
#define RUN_LOOKAHEAD (IMG_MAX_TOKEN + LOOKAHEAD)

#define BIT(c) (1u << (c))
#define LETTERS (BIT(CP_UPPER) | BIT(CP_LOWER) | BIT(CP_LETTER))
#define PUNCTUATION (BIT(CP_OTHER) | BIT(CP_MARK))
#define UNCASED (BIT(CP_LETTER) | BIT(CP_MARK))
#define SPACES (BIT(CP_SPACE) | BIT(CP_NEWLINE))

static enum scan_family family(const struct aigw_counter *c)
{
	return c->bpe.enc->kind->family;
}

/*
 * Which run begins at `p`, and how many bytes of it are taken whatever they
 * are: the one character that may stand before letters, numbers, punctuation.
 */
static size_t run_classify(struct run *run, enum scan_family family,
			   const uint8_t *p)
{
	bool o200k = family == SCAN_O200K, prefix;
	unsigned words = o200k ? LETTERS | BIT(CP_MARK) : LETTERS;
	unsigned n, n2, c = cp_class(p, &n), c2 = cp_class(p + n, &n2);

	run->kind = o200k ? RUN_HEAD : RUN_LETTERS;
	if (LETTERS >> c & 1)
		return 0;
	prefix = family == SCAN_R50K ? *p == ' ' : c != CP_NEWLINE;
	if (prefix && words >> c2 & 1)
		return o200k && c == CP_MARK ? 0 : n;
	run->kind = RUN_NUMBERS;
	if (c == CP_NUMBER)
		return 0;
	if (family == SCAN_R50K && prefix && c2 == CP_NUMBER)
		return n;
	run->kind = RUN_MARKS;
	if (PUNCTUATION >> c & 1)
		return 0;
	if (*p == ' ' && PUNCTUATION >> c2 & 1)
		return n;
	run->kind = RUN_SPACES;
	return 0;
}

/* Does the run take a character of class `c`? */
static bool run_takes(struct run *run, enum scan_family family, unsigned c,
		      uint8_t byte)
{
	if (run->kind == RUN_HEAD && c == CP_LOWER) {
		run->kind = RUN_WORD;
		run->cut = false;
	}
	if (run->kind == RUN_MARKS && !(PUNCTUATION >> c & 1))
		run->kind = RUN_TAIL;
	switch (run->kind) {
	case RUN_LETTERS:
		return LETTERS >> c & 1;
	case RUN_NUMBERS:
		return c == CP_NUMBER;
	case RUN_MARKS:
		return true;
	case RUN_TAIL:
		return (c == CP_NEWLINE && family != SCAN_R50K) ||
		       (byte == '/' && family == SCAN_O200K);
	case RUN_SPACES:
		return SPACES >> c & 1;
	case RUN_HEAD:
		return (BIT(CP_UPPER) | UNCASED) >> c & 1;
	case RUN_WORD:
		return (BIT(CP_LOWER) | UNCASED) >> c & 1;
	case RUN_NONE:
		break;
	}
	return false;
}

/* Take a character of class `c` and `n` bytes. */
static void run_take(struct aigw_counter *ct, const uint8_t *p,
		     const uint8_t *end, unsigned c, unsigned n)
{
	struct run *run = &ct->stream.run;

	run->last = n;
	run->before_last[0] = dp_count(&run->whole);
	run->before_last[1] = dp_count(&run->rest);
	for (unsigned i = 0; i < n; i++) {
		dp_step(&ct->bpe, &run->whole, p + i, (size_t)(end - p) - i);
		if (run->cut)
			dp_step(&ct->bpe, &run->rest, p + i,
				(size_t)(end - p) - i);
	}
	if (run->kind == RUN_SPACES
		    ? c == CP_NEWLINE && family(ct) != SCAN_R50K
		    : run->kind == RUN_HEAD && UNCASED >> c & 1) {
		run->cut = true;
		run->cut_count = dp_count(&run->whole);
		dp_init(&run->rest);
	}
}

/*
 * The run ends before `p`: add what it counts; where the next piece begins.
 * `last`: so does the text.
 */
static const uint8_t *run_end(struct aigw_counter *ct, const uint8_t *p,
			      const uint8_t *end, bool last)
{
	struct stream *st = &ct->stream;
	struct run *run = &st->run;
	bool rest = run->cut && run->rest.at;
	struct dp *dp = rest ? &run->rest : &run->whole;

	if (rest)
		st->total += run->cut_count;
	if (run->kind == RUN_SPACES && !last && (rest || !run->cut)) {
		/* The last space belongs to what follows. */
		st->total += run->before_last[rest];
		run->kind = RUN_NONE;
		return p - run->last;
	}
	if (run->kind == RUN_HEAD || run->kind == RUN_WORD) {
		const uint8_t *q = scan_contraction(p, end, true);

		for (; p < q; p++)
			dp_step(&ct->bpe, dp, p, (size_t)(end - p));
	}
	st->total += dp_count(dp);
	run->kind = RUN_NONE;
	return p;
}

static bool at_special(const struct aigw_counter *ct, const uint8_t *p,
		       const uint8_t *end)
{
	size_t n;

	return ct->stream.specials == AIGW_SPECIAL_TOKEN && *p == '<' &&
	       special_at(ct->bpe.enc->kind, p, end, &n) != IMG_NONE;
}

/* Follow a run from `p`: where it ended, or where more text is needed. */
static const uint8_t *run_follow(struct aigw_counter *ct, const uint8_t *p,
				 const uint8_t *end, bool final)
{
	struct run *run = &ct->stream.run;

	while (final ? p < end : end - p >= RUN_LOOKAHEAD) {
		unsigned n, c = cp_class(p, &n);

		if (at_special(ct, p, end))
			return run_end(ct, p, end, true);
		if (!run_takes(run, family(ct), c, *p))
			return run_end(ct, p, end, false);
		run_take(ct, p, end, c, n);
		p += n;
	}
	return final ? run_end(ct, p, end, true) : p;
}

static const uint8_t *run_begin(struct aigw_counter *ct, const uint8_t *p,
				const uint8_t *end)
{
	struct run *run = &ct->stream.run;
	size_t n = run_classify(run, family(ct), p);

	run->cut = false;
	run->last = 0;
	dp_init(&run->whole);
	dp_init(&run->rest);
	for (; n; n--, p++)
		dp_step(&ct->bpe, &run->whole, p, (size_t)(end - p));
	return p;
}

/* The class of the character before `p`, which is not the first; its bytes. */
static unsigned class_before(const uint8_t *p, unsigned *n)
{
	do
		p--;
	while ((*p & 0xc0) == 0x80);
	return cp_class(p, n);
}

/*
 * Pieces that end at the limit or before are decided, whatever follows. Spaces
 * wait for the end of their run, which may hold another line end. A word of
 * o200k waits for the end of its capitals, which a small letter may follow:
 * if so, it has not ended at the uncased character before them.
 */
static const uint8_t *window_limit(const struct aigw_counter *ct,
				   const uint8_t *start, const uint8_t *end)
{
	const uint8_t *p = end - LOOKAHEAD;
	unsigned n, c, classes = SPACES;

	if (end - start <= LOOKAHEAD)
		return start;
	while (p > start && (*p & 0xc0) == 0x80)
		p--;
	c = cp_class(p, &n);
	if (c == CP_UPPER && family(ct) == SCAN_O200K)
		classes = BIT(CP_UPPER);
	else if (!(SPACES >> c & 1))
		return p;
	while (p > start && classes >> class_before(p, &n) & 1)
		p -= n;
	if (classes != SPACES && p > start &&
	    UNCASED >> class_before(p, &n) & 1)
		p--;
	return p;
}

/* Count the decided pieces of p..end; where the first undecided one begins. */
static const uint8_t *window_pieces(struct aigw_counter *ct, const uint8_t *p,
				    const uint8_t *end, bool final)
{
	const uint8_t *limit = final ? end : window_limit(ct, p, end);

	return count_pieces(ct, p, end, limit, &ct->stream.total);
}

/* Count what can be counted, and move the rest to the start of the window. */
static void window_drain(struct aigw_counter *ct, bool final)
{
	struct stream *st = &ct->stream;
	const uint8_t *p = st->window + st->kept, *end = st->window + st->len;
	const uint8_t *special;
	uint32_t id;
	size_t n;

	while (p < end) {
		if (st->run.kind != RUN_NONE) {
			p = run_follow(ct, p, end, final);
			if (st->run.kind != RUN_NONE)
				break;
			continue;
		}
		special = NULL;
		if (st->specials == AIGW_SPECIAL_TOKEN)
			special = special_find(ct->bpe.enc->kind, p, end, &id,
					       &n);
		if (special) {
			p = window_pieces(ct, p, special, true) + n;
			st->total++;
			continue;
		}
		p = window_pieces(ct, p, end, final);
		if ((size_t)(end - p) < BPE_LONG)
			break;
		p = run_begin(ct, p, end);
	}
	if (final && st->run.kind != RUN_NONE)
		p = run_end(ct, end, end, true);
	/* A run of spaces may yet have to give its last one back. */
	st->kept = st->run.kind == RUN_SPACES ? st->run.last : 0;
	p -= st->kept;
	st->len = (size_t)(end - p);
	memmove(st->window, p, st->len);
}

size_t utf8_bad(const uint8_t *p, const uint8_t *end, bool *cut)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t want, n = 1;

	*cut = false;
	if (*p < 0xc2 || *p > 0xf4)
		return 1;
	want = *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	if (*p == 0xe0)
		lo = 0xa0;
	else if (*p == 0xed)
		hi = 0x9f;
	else if (*p == 0xf0)
		lo = 0x90;
	else if (*p == 0xf4)
		hi = 0x8f;
	for (; n < want && p + n < end && p[n] >= lo && p[n] <= hi; n++) {
		lo = 0x80;
		hi = 0xbf;
	}
	*cut = n < want && p + n == end;
	return n;
}

/* Valid UTF-8 into the window. */
static void window_add(struct aigw_counter *ct, const uint8_t *p, size_t n)
{
	struct stream *st = &ct->stream;

	while (n) {
		size_t room = STREAM_WINDOW - st->len;
		size_t part = n < room ? n : room;

		/* Whole characters only. */
		while (part && part < n && (p[part] & 0xc0) == 0x80)
			part--;
		memcpy(st->window + st->len, p, part);
		st->len += part;
		p += part;
		n -= part;
		if (n)
			window_drain(ct, false);
	}
}

void aigw_count_begin(struct aigw_counter *c, enum aigw_specials specials)
{
	struct stream *st = &c->stream;

	st->specials = specials;
	st->total = 0;
	st->run.kind = RUN_NONE;
	st->part_len = 0;
	st->len = 0;
	st->kept = 0;
}

static const uint8_t replacement[] = {0xef, 0xbf, 0xbd};

/* Complete the character that the last part cut off; bytes taken from `p`. */
static size_t part_complete(struct aigw_counter *c, const uint8_t *p,
			    const uint8_t *end)
{
	struct stream *st = &c->stream;
	size_t taken = 0;

	while (st->part_len && p + taken < end) {
		bool cut;
		size_t bad;

		st->part[st->part_len] = p[taken];
		if (aigw_utf8_valid((const char *)st->part, st->part_len + 1) ==
		    st->part_len + 1) {
			window_add(c, st->part, st->part_len + 1);
			st->part_len = 0;
			return taken + 1;
		}
		bad = utf8_bad(st->part, st->part + st->part_len + 1, &cut);
		if (!cut) {
			/* What was there is all of it: p[taken] begins anew. */
			window_add(c, replacement, sizeof(replacement));
			st->part_len = 0;
			return taken;
		}
		st->part_len = bad;
		taken++;
	}
	return taken;
}

void aigw_count_feed(struct aigw_counter *c, const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s, *end = p + len;

	p += part_complete(c, p, end);
	while (p < end) {
		size_t n = aigw_utf8_valid((const char *)p, (size_t)(end - p));
		bool cut;

		window_add(c, p, n);
		p += n;
		if (p == end)
			break;
		n = utf8_bad(p, end, &cut);
		if (cut) {
			memcpy(c->stream.part, p, n);
			c->stream.part_len = n;
		} else {
			window_add(c, replacement, sizeof(replacement));
		}
		p += n;
	}
}

uint64_t aigw_count_end(struct aigw_counter *c)
{
	if (c->stream.part_len)
		window_add(c, replacement, sizeof(replacement));
	c->stream.part_len = 0;
	window_drain(c, true);
	return c->stream.total;
}
