/* SPDX-License-Identifier: Apache-2.0 */
/* tokens-int.h - what the files of the token counter know of each other */
#ifndef AIGW_TEXT_TOKENS_INT_H
#define AIGW_TEXT_TOKENS_INT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text/tokens-image.h"
#include "text/tokens.h"

/* What the grammars tell apart; tools/mkunicode.mjs has the same numbers. */
enum cp_class {
	CP_OTHER,
	CP_UPPER,  /* Lu, Lt */
	CP_LOWER,  /* Ll */
	CP_LETTER, /* Lm, Lo */
	CP_MARK,
	CP_NUMBER,
	CP_SPACE,  /* White_Space without the next */
	CP_NEWLINE /* CR, LF */
};

/* The class of the character at `p` (valid UTF-8), and its bytes. */
unsigned cp_class(const uint8_t *p, unsigned *n);

enum scan_family { SCAN_R50K, SCAN_CL100K, SCAN_O200K, SCAN_FAMILIES };

/*
 * The end of the piece that begins at `p` (p < end; valid UTF-8). `end` is
 * taken for the end of the text.
 */
typedef const uint8_t *scan_fn(const uint8_t *p, const uint8_t *end);

extern scan_fn *const scan_next[SCAN_FAMILIES];

/* Behind 's 't 're 've 'm 'll 'd at `p`, or `p`. */
const uint8_t *scan_contraction(const uint8_t *p, const uint8_t *end,
				bool fold);

struct special {
	const char *name;
	uint32_t id;
};

struct encoding_kind {
	const char *name, *image;
	enum scan_family family;
	const struct special *specials; /* ends with a NULL name */
	uint32_t reserved;		/* <|reserved_N|> from here, 0: none */
	uint32_t reserved_end;
};

struct aigw_encoding {
	const struct encoding_kind *kind;
	void *map;
	size_t size;
	uint32_t ids;
	unsigned filter_shift, pairs_shift; /* 64 - log */
	uint32_t pairs_mask, slots_mask;
	const uint32_t *bytes, *doubles;
	const uint64_t *filter, *pairs;
	const uint32_t (*split)[2];
	const uint32_t *prefix;
	const uint8_t *length;
	const uint64_t *trie;
	const uint32_t *slots, *records;
};

/* The special token that begins at `s`, its length in *n; IMG_NONE if none. */
uint32_t special_at(const struct encoding_kind *kind, const uint8_t *s,
		    const uint8_t *end, size_t *n);

#define BPE_SHORT 32u	      /* bytes, for the array merge */
#define BPE_LONG (64u * 1024) /* bytes, for backtracking; then prefixes */
#define BPE_MEMO_LOG 17	      /* pairs of tokens that are remembered */

/* What the cores need besides the encoding; part of a counter. */
struct bpe {
	const struct aigw_encoding *enc;
	uint64_t memo[1u << BPE_MEMO_LOG];
	uint64_t dead[BPE_LONG / 64 + 1];
	uint32_t ids[BPE_LONG]; /* what the first two cores found */
};

/* The token with exactly these bytes, or IMG_NONE. `hash` is theirs:
 * img_bytes_hash(). */
uint32_t bpe_find(const struct aigw_encoding *enc, const uint8_t *s, size_t n,
		  uint64_t hash);

/*
 * The tokens of a piece into bpe->ids, and how many: 0 when it is longer than
 * BPE_LONG or hard, which is a case for dp_step(). The other two are the cores
 * by themselves, for 1 <= n <= BPE_SHORT (never 0) and 1 <= n <= BPE_LONG.
 */
size_t bpe_piece(struct bpe *bpe, const uint8_t *s, size_t n);
size_t bpe_merge(struct bpe *bpe, const uint8_t *s, size_t n);
size_t bpe_backtrack(struct bpe *bpe, const uint8_t *s, size_t n);

/*
 * The count of every prefix of a piece of any length, in constant memory. The
 * last token of a prefix decides which tokens may follow, and none is longer
 * than IMG_MAX_TOKEN: a ring of twice that holds all that is still needed.
 */
#define DP_RING (2 * IMG_MAX_TOKEN)

struct dp {
	uint64_t at;		    /* bytes taken */
	uint64_t found[2];	    /* bit i: prefix at + 1 + i is known */
	uint32_t last[DP_RING];	    /* of prefix p at p % DP_RING */
	uint64_t count[DP_RING];    /* the same */
	size_t run;		    /* equal bytes from here on, at least */
	uint64_t match[2];	    /* lengths of the tokens that begin here */
	uint32_t id[IMG_MAX_TOKEN]; /* and the tokens */
};

void dp_init(struct dp *dp);
/* Take the byte at `s`. Up to `n` bytes are readable; those behind the end of
 * the piece do no harm, but all of the piece up to IMG_MAX_TOKEN bytes must be
 * among them. */
void dp_step(struct bpe *bpe, struct dp *dp, const uint8_t *s, size_t n);

static inline uint64_t dp_count(const struct dp *dp)
{
	return dp->count[dp->at % DP_RING];
}

static inline uint32_t dp_last(const struct dp *dp)
{
	return dp->last[dp->at % DP_RING];
}

/*
 * Counts of pieces seen before, in two direct-mapped tables: the whole key is
 * compared, so a collision costs time and never a wrong count, and nothing
 * grows. Bytes of the piece, then its length, then its count; a zero entry has
 * length 0 and is no piece.
 */
#define CACHE_SHORT 14u /* bytes in one entry */
#define CACHE_SHORT_LOG 16
#define CACHE_LONG 30u
#define CACHE_LONG_LOG 14

struct cache_short {
	uint64_t lo, hi;
};

struct cache_long {
	uint64_t w[4];
};

/* A text that comes in parts: see tokens_stream.c. */
#define STREAM_WINDOW (2 * BPE_LONG)

enum run_kind {
	RUN_NONE,
	RUN_LETTERS,
	RUN_NUMBERS,
	RUN_MARKS, /* punctuation, then the grammar's line ends */
	RUN_TAIL,  /* those line ends */
	RUN_SPACES,
	RUN_HEAD, /* o200k: no small letter so far */
	RUN_WORD  /* o200k: behind the first small letter */
};

struct run {
	enum run_kind kind;
	struct dp whole;    /* from the start of the run */
	bool cut;	    /* it can end where `rest` begins */
	uint64_t cut_count; /* and then counts this */
	struct dp rest;
	unsigned last;		 /* bytes of its last character */
	uint64_t before_last[2]; /* counts of whole and rest without it */
};

struct stream {
	enum aigw_specials specials;
	uint64_t total;
	struct run run;
	uint8_t part[4]; /* the beginning of a character */
	size_t part_len;
	size_t len;
	size_t kept; /* bytes in it that are counted already */
	uint8_t window[STREAM_WINDOW];
};

struct aigw_counter {
	struct bpe bpe;
	struct dp dp;
	struct cache_short cache_short[1u << CACHE_SHORT_LOG];
	struct cache_long cache_long[1u << CACHE_LONG_LOG];
	struct stream stream;
};

/*
 * Add the tokens of the pieces from `p` on that end at `limit` or before, in a
 * text that ends at `end`: where the first one not counted begins.
 */
const uint8_t *count_pieces(struct aigw_counter *c, const uint8_t *p,
			    const uint8_t *end, const uint8_t *limit,
			    uint64_t *total);
/* The first special token from `p` on, or NULL. */
const uint8_t *special_find(const struct encoding_kind *kind, const uint8_t *p,
			    const uint8_t *end, uint32_t *id, size_t *n);
/* The bytes at `p`, which are no UTF-8, that one U+FFFD stands for. `cut`: they
 * begin a character that the end has cut off. */
size_t utf8_bad(const uint8_t *p, const uint8_t *end, bool *cut);

#endif
