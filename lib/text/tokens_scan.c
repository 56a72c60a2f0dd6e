/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens_scan.c - cut a text into the pieces that are merged on their own
 *
 * The published grammars are regular expressions for a backtracking engine.
 * Here each is one decision on the class of the first characters, then a run.
 * The expressions stand above the functions that replace them; \s is
 * White_Space, and the classes are those of Unicode 16, because the tables
 * decide where pieces end.
 */
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "text/tokens-int.h"
#include "text/unicode-classes.inc"

#define CLASS(c) (1u << (c))
#define LETTERS (CLASS(CP_UPPER) | CLASS(CP_LOWER) | CLASS(CP_LETTER))
#define PUNCTUATION (CLASS(CP_OTHER) | CLASS(CP_MARK))
#define SPACES (CLASS(CP_SPACE) | CLASS(CP_NEWLINE))
/* o200k: what may stand before the last lower case letter, and after it. */
#define UNCASED (CLASS(CP_LETTER) | CLASS(CP_MARK))
#define HEAD (CLASS(CP_UPPER) | UNCASED)
#define TAIL (CLASS(CP_LOWER) | UNCASED)

static inline unsigned class_at(const uint8_t *p, unsigned *n)
{
	uint32_t c = *p;

	if (c < 0x80) {
		*n = 1;
		return cp_blocks[c];
	}
	if (c < 0xe0) {
		*n = 2;
		c = (c & 31) << 6 | (p[1] & 63u);
	} else if (c < 0xf0) {
		*n = 3;
		c = (c & 15) << 12 | (p[1] & 63u) << 6 | (p[2] & 63u);
	} else {
		*n = 4;
		c = (c & 7) << 18 | (p[1] & 63u) << 12 | (p[2] & 63u) << 6 |
		    (p[3] & 63u);
	}
	return cp_blocks[cp_index[c >> 7] * 128u + (c & 127)];
}

unsigned cp_class(const uint8_t *p, unsigned *n)
{
	return class_at(p, n);
}

/* Is there a character at `p`, of one of these classes? */
static inline bool is(const uint8_t *p, const uint8_t *end, unsigned classes)
{
	unsigned n;

	return p < end && classes >> class_at(p, &n) & 1;
}

static inline const uint8_t *run(const uint8_t *p, const uint8_t *end,
				 unsigned classes)
{
	while (p < end) {
		unsigned n, c = class_at(p, &n);

		if (!(classes >> c & 1))
			break;
		p += n;
	}
	return p;
}

/* Behind the ASCII letters at `p`: small ones, or after `fold` |= 0x20 all. */
static inline const uint8_t *letters(const uint8_t *p, const uint8_t *end,
				     uint8_t fold)
{
#if defined(__SSE2__)
	/* Signed bytes: c - 'a' - 128 is below 26 - 128 for a..z alone. */
	const __m128i or = _mm_set1_epi8((char)fold);
	const __m128i base = _mm_set1_epi8((char)('a' + 128));
	const __m128i limit = _mm_set1_epi8(26 - 128);

	while (end - p >= 16) {
		__m128i c = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i in = _mm_cmplt_epi8(
			_mm_sub_epi8(_mm_or_si128(c, or), base), limit);
		unsigned out = (unsigned)_mm_movemask_epi8(in) ^ 0xffff;

		if (out)
			return p + __builtin_ctz(out);
		p += 16;
	}
#endif
	while (p < end && (uint8_t)((*p | fold) - 'a') < 26)
		p++;
	return p;
}

/*
 * 's 't 're 've 'm 'll 'd behind `p`, or `p`. Folded, 's has a third spelling:
 * U+017F is a small letter s to the expression's (?i:).
 */
const uint8_t *scan_contraction(const uint8_t *p, const uint8_t *end, bool fold)
{
	uint8_t a, b;

	if (end - p < 2 || *p != '\'')
		return p;
	a = fold ? p[1] | 0x20 : p[1];
	if (a == 's' || a == 't' || a == 'm' || a == 'd')
		return p + 2;
	if (end - p < 3)
		return p;
	if (fold && p[1] == 0xc5 && p[2] == 0xbf)
		return p + 3;
	b = fold ? p[2] | 0x20 : p[2];
	if (((a == 'r' || a == 'v') && b == 'e') || (a == 'l' && b == 'l'))
		return p + 3;
	return p;
}

static const uint8_t *numbers(const uint8_t *p, const uint8_t *end,
			      unsigned most)
{
	while (most-- && is(p, end, CLASS(CP_NUMBER))) {
		unsigned n;

		class_at(p, &n);
		p += n;
	}
	return p;
}

/*
 * `newlines`: \s*[\r\n]+|\s+(?!\S)|\s+ and otherwise \s+(?!\S)|\s+
 * Up to the last line end; else to the end of the text; else all but the last
 * space, which belongs to what follows; but a single one alone.
 */
static const uint8_t *spaces(const uint8_t *p, const uint8_t *end,
			     bool newlines)
{
	const uint8_t *start = p, *line = NULL, *last = p;

	while (p < end) {
		unsigned n, c = class_at(p, &n);

		if (!(SPACES >> c & 1))
			break;
		last = p;
		p += n;
		if (c == CP_NEWLINE)
			line = p;
	}
	if (newlines && line)
		return line;
	return p == end || last == start ? p : last;
}

/*
 * ` ?[^\s\p{L}\p{N}]+[\r\n/]*`, the last part as far as the grammar has it.
 * NULL when there is none at `p`.
 */
static inline const uint8_t *punctuation(const uint8_t *p, const uint8_t *end,
					 bool newlines, bool slashes)
{
	const uint8_t *q = p + (*p == ' ');

	p = run(q, end, PUNCTUATION);
	if (p == q)
		return NULL;
	while (p < end && ((newlines && (*p == '\r' || *p == '\n')) ||
			   (slashes && *p == '/')))
		p++;
	return p;
}

/*
 * 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
 */
static const uint8_t *next_r50k(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = scan_contraction(p, end, false);

	if (q != p)
		return q;
	q = p + (*p == ' ');
	if (is(q, end, LETTERS))
		return run(letters(q, end, 0x20), end, LETTERS);
	if (is(q, end, CLASS(CP_NUMBER)))
		return run(q, end, CLASS(CP_NUMBER));
	q = punctuation(p, end, false, false);
	return q ? q : spaces(p, end, false);
}

/*
 * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}
 * | ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
 */
static const uint8_t *next_cl100k(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = scan_contraction(p, end, true);
	unsigned n, c;

	if (q != p)
		return q;
	c = class_at(p, &n);
	if (c == CP_NUMBER)
		return numbers(p, end, 3);
	if (LETTERS >> c & 1)
		return run(letters(p, end, 0x20), end, LETTERS);
	if (c != CP_NEWLINE && is(p + n, end, LETTERS))
		return run(letters(p + n, end, 0x20), end, LETTERS);
	q = punctuation(p, end, true, false);
	return q ? q : spaces(p, end, true);
}

/*
 * [\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+ at `p`, or NULL.
 * When no small letter ends the first run it gives back what follows its last
 * uncased character. `upper` is where the first run ended.
 */
static inline const uint8_t *word(const uint8_t *p, const uint8_t *end,
				  const uint8_t **upper)
{
	const uint8_t *uncased = NULL;

	while (p < end) {
		unsigned n, c = class_at(p, &n);

		if (c == CP_LOWER)
			return run(letters(p, end, 0), end, TAIL);
		if (!(HEAD >> c & 1))
			break;
		p += n;
		if (c != CP_UPPER)
			uncased = p;
	}
	*upper = p;
	return uncased;
}

/*
 * X?[U B]*[L B]+(?i:'s|...)?|X?[U B]+[L B]*(?i:'s|...)?|\p{N}{1,3}
 * | ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
 * with X = [^\r\n\p{L}\p{N}], U = \p{Lu}\p{Lt}, L = \p{Ll}, B =
 * \p{Lm}\p{Lo}\p{M}. A mark can be X: then the word behind it is tried first,
 * and failing that the mark is a word by itself.
 */
static const uint8_t *next_o200k(const uint8_t *p, const uint8_t *end)
{
	const uint8_t *q = NULL, *upper = NULL;
	unsigned n, c = class_at(p, &n);

	if (c == CP_NUMBER)
		return numbers(p, end, 3);
	if (LETTERS >> c & 1) {
		q = word(p, end, &upper);
		return scan_contraction(q ? q : upper, end, true);
	}
	if (c != CP_NEWLINE && is(p + n, end, HEAD | TAIL)) {
		q = word(p + n, end, &upper);
		if (!q && c != CP_MARK)
			q = upper;
	}
	if (!q && c == CP_MARK)
		q = word(p, end, &upper);
	if (q)
		return scan_contraction(q, end, true);
	q = punctuation(p, end, true, true);
	return q ? q : spaces(p, end, true);
}

scan_fn *const scan_next[SCAN_FAMILIES] = {
	[SCAN_R50K] = next_r50k,
	[SCAN_CL100K] = next_cl100k,
	[SCAN_O200K] = next_o200k,
};
