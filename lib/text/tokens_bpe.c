/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens_bpe.c - the merges of one piece, in three ways that agree
 *
 * The definition: begin with single bytes; while two neighbours form a token,
 * merge those whose token has the lowest rank, the leftmost first. Two facts
 * make it fast without that loop. A text has one encoding, and a row of tokens
 * is that encoding exactly when each neighbouring pair, merged alone, stays
 * two. And every token is the merge of one pair only (mkenc checks it), so
 * "do they form a token" is one look-up.
 */
#include "text/tokens-int.h"

/* Above this the square of the array merge costs more than the trie. */
#define MERGE_MAX 16u

/* The token that the merge of two neighbours makes, or IMG_NONE. */
static inline uint32_t pair_merged(const struct aigw_encoding *enc,
				   uint32_t left, uint32_t right)
{
	uint64_t key = pair_key(left, right), hash = pair_hash(key), slot, bit;

	bit = hash >> enc->filter_shift;
	if (!(enc->filter[bit / 64] >> bit % 64 & 1))
		return IMG_NONE;
	slot = hash >> enc->pairs_shift;
	while (enc->pairs[slot] != PAIR_EMPTY) {
		if (enc->pairs[slot] >> IMG_ID_BITS == key)
			return enc->pairs[slot] & IMG_NONE;
		slot = (slot + 1) & enc->pairs_mask;
	}
	return IMG_NONE;
}

/*
 * Do two neighbours stay two? Undo their merges, the latest first: the higher
 * rank was made later, and of equal ranks the right one. What then stands at
 * the border stood there until `limit`. If the two at the border merge at a
 * lower rank, they had merged across it. On the left the rank of the undone
 * token itself is too late, because that merge began further left.
 */
static bool pair_stays(const struct aigw_encoding *enc, uint32_t left,
		       uint32_t right)
{
	uint32_t limit = IMG_NONE;

	for (;;) {
		if (pair_merged(enc, left, right) < limit)
			return false;
		if (left > right && left >= 256) {
			limit = left;
			left = enc->split[left][1];
		} else if (right >= 256) {
			limit = right + 1;
			right = enc->split[right][0];
		} else {
			return true;
		}
	}
}

/* The same, remembered: key, answer, and a bit that says it is an entry. */
static inline bool pair_valid(struct bpe *bpe, uint32_t left, uint32_t right)
{
	uint64_t key = pair_key(left, right);
	uint64_t *memo = &bpe->memo[pair_hash(key) >> (64 - BPE_MEMO_LOG)];

	if (*memo >> 1 != (key << 1 | 1))
		*memo = (key << 1 | 1) << 1 | pair_stays(bpe->enc, left, right);
	return *memo & 1;
}

uint32_t bpe_find(const struct aigw_encoding *enc, const uint8_t *s, size_t n,
		  uint64_t hash)
{
	uint32_t slot = hash & enc->slots_mask, entry;
	uint32_t tag = (uint32_t)(hash >> (64 - SLOT_TAG_BITS));

	while ((entry = enc->slots[slot]) != SLOT_EMPTY) {
		if (entry >> SLOT_AT_BITS == tag) {
			const uint32_t *record =
				enc->records +
				(entry & ((1u << SLOT_AT_BITS) - 1));

			if ((*record & 0xff) == n && !memcmp(record + 1, s, n))
				return *record >> 8;
		}
		slot = (slot + 1) & enc->slots_mask;
	}
	return IMG_NONE;
}

/* The definition itself, for pieces so short that its square is small. */
size_t bpe_merge(struct bpe *bpe, const uint8_t *s, size_t n)
{
	const struct aigw_encoding *enc = bpe->enc;
	uint32_t *ids = bpe->ids, merged[BPE_SHORT];

	ids[0] = enc->bytes[s[0]];
	for (size_t i = 1; i < n; i++) {
		ids[i] = enc->bytes[s[i]];
		merged[i - 1] = enc->doubles[s[i - 1] | s[i] << 8];
	}
	while (n > 1) {
		size_t at = 0;

		for (size_t i = 1; i < n - 1; i++) {
			if (merged[i] < merged[at])
				at = i;
		}
		if (merged[at] == IMG_NONE)
			break;
		ids[at] = merged[at];
		n--;
		for (size_t i = at + 1; i < n; i++) {
			ids[i] = ids[i + 1];
			merged[i - 1] = merged[i];
		}
		if (at)
			merged[at - 1] = pair_merged(enc, ids[at - 1], ids[at]);
		if (at + 1 < n)
			merged[at] = pair_merged(enc, ids[at], ids[at + 1]);
	}
	return n;
}

/* The longest token that begins at `s`. */
static inline uint32_t longest(const struct aigw_encoding *enc,
			       const uint8_t *s, const uint8_t *end)
{
	uint32_t node = TRIE_ROOT, found = IMG_NONE;
	uint64_t unit = enc->trie[TRIE_ROOT];

	while (s < end) {
		uint32_t child = trie_base(unit) + *s++;

		unit = enc->trie[child];
		if (trie_parent(unit) != node)
			break;
		node = child;
		if (trie_token(unit) != IMG_NONE)
			found = trie_token(unit);
	}
	return found;
}

/*
 * Take the longest token that stays apart from the one before it; if none
 * does, nothing that ends here can, so mark the place dead, take the last
 * token back and go on with the next shorter one. Each place dies once.
 */
size_t bpe_backtrack(struct bpe *bpe, const uint8_t *s, size_t n)
{
	const struct aigw_encoding *enc = bpe->enc;
	uint32_t *ids = bpe->ids, token = longest(enc, s, s + n);
	uint64_t *dead = bpe->dead;
	size_t at = 0, count = 0, patience = 2 * n + 64;

	memset(dead, 0, (n / 64 + 1) * sizeof(*dead));
	while (at < n) {
		size_t end = at + enc->length[token];

		if (!(dead[end / 64] >> end % 64 & 1) &&
		    (!count || pair_valid(bpe, ids[count - 1], token))) {
			ids[count++] = token;
			at = end;
			token = longest(enc, s + at, s + n);
			continue;
		}
		if (!patience--)
			return 0;
		token = enc->prefix[token];
		if (token == IMG_NONE) {
			dead[at / 64] |= UINT64_C(1) << at % 64;
			token = ids[--count];
			at -= enc->length[token];
		}
	}
	return count;
}

size_t bpe_piece(struct bpe *bpe, const uint8_t *s, size_t n)
{
	if (n > BPE_LONG)
		return 0;
	return n <= MERGE_MAX ? bpe_merge(bpe, s, n) : bpe_backtrack(bpe, s, n);
}

void dp_init(struct dp *dp)
{
	memset(dp, 0, sizeof(*dp));
	dp->last[0] = IMG_NONE;
}

/* How many times the byte at `s` stands there, as far as that matters. */
static size_t repeated(const uint8_t *s, size_t n)
{
	size_t i = 1;

	if (n > 4 * IMG_MAX_TOKEN)
		n = 4 * IMG_MAX_TOKEN;
	while (i < n && s[i] == s[0])
		i++;
	return i;
}

/* All tokens that begin at `s`, by length. */
static void dp_match(const struct aigw_encoding *enc, struct dp *dp,
		     const uint8_t *s, size_t n)
{
	uint32_t node = TRIE_ROOT;
	uint64_t unit = enc->trie[TRIE_ROOT];

	if (n > IMG_MAX_TOKEN)
		n = IMG_MAX_TOKEN;
	dp->match[0] = dp->match[1] = 0;
	for (size_t i = 0; i < n; i++) {
		uint32_t child = trie_base(unit) + s[i];

		unit = enc->trie[child];
		if (trie_parent(unit) != node)
			break;
		node = child;
		if (trie_token(unit) != IMG_NONE) {
			dp->match[i / 64] |= UINT64_C(1) << i % 64;
			dp->id[i] = trie_token(unit);
		}
	}
}

void dp_step(struct bpe *bpe, struct dp *dp, const uint8_t *s, size_t n)
{
	uint32_t last = dp->last[dp->at % DP_RING];
	uint64_t count = dp->count[dp->at % DP_RING];

	/* One byte over and over is what hostile text looks like; the tokens
	 * that begin at the next one are the same. */
	if (!dp->run || --dp->run < (n < IMG_MAX_TOKEN ? n : IMG_MAX_TOKEN)) {
		dp_match(bpe->enc, dp, s, n);
		dp->run = repeated(s, n);
	}
	for (unsigned half = 0; half < 2; half++) {
		uint64_t todo = dp->match[half] & ~dp->found[half];

		for (; todo; todo &= todo - 1) {
			unsigned bit = (unsigned)__builtin_ctzll(todo);
			unsigned i = half * 64 + bit;
			size_t to = (dp->at + i + 1) % DP_RING;

			if (last != IMG_NONE &&
			    !pair_valid(bpe, last, dp->id[i]))
				continue;
			dp->found[half] |= UINT64_C(1) << bit;
			dp->last[to] = dp->id[i];
			dp->count[to] = count + 1;
		}
	}
	dp->found[0] = dp->found[0] >> 1 | dp->found[1] << 63;
	dp->found[1] >>= 1;
	dp->at++;
}
