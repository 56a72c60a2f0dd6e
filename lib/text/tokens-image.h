/* SPDX-License-Identifier: Apache-2.0 */
/* tokens-image.h - the mapped vocabulary: tools/mkenc.c writes, tokens.c reads
 */
#ifndef AIGW_TEXT_TOKENS_IMAGE_H
#define AIGW_TEXT_TOKENS_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * One file per rank file. Little endian, sections aligned to 64 bytes, in the
 * order of the enum, nothing behind the last. A token's id is its rank, and
 * the 256 single bytes have the ranks below 256: a higher rank was merged
 * later, and a rank below 256 was never merged at all.
 */
#define IMG_MAGIC "aigwbpe\n"
#define IMG_VERSION 1u
#define IMG_ALIGN 64u
#define IMG_MAX_TOKEN 128u /* bytes; the longest token of all four files */
#define IMG_ID_BITS 18
#define IMG_NONE ((1u << IMG_ID_BITS) - 1) /* no token */

enum img_section {
	IMG_BYTES,   /* uint32_t[256]: byte -> token */
	IMG_DOUBLES, /* uint32_t[65536]: two bytes -> token, or IMG_NONE */
	IMG_FILTER,  /* uint64_t[]: one bit per hashed pair that may exist */
	IMG_PAIRS,   /* uint64_t[]: hash of (left, right) -> merged token */
	IMG_SPLIT,   /* uint32_t[ids][2]: the last merge that made the token */
	IMG_PREFIX,  /* uint32_t[ids]: longest token that begins it, or NONE */
	IMG_LENGTH,  /* uint8_t[ids]: bytes of the token, 0 for holes */
	IMG_TRIE,    /* uint64_t[]: double array over the bytes of all tokens */
	IMG_SLOTS,   /* uint32_t[]: hash of a token's bytes -> record */
	IMG_RECORDS, /* uint32_t[]: id << 8 | length, then the bytes, padded */
	IMG_SECTIONS
};

struct img_header {
	char magic[8];
	uint32_t version;
	uint32_t ids;	     /* one more than the highest id */
	uint32_t filter_log; /* bits in the filter, as a power of two */
	uint32_t pairs_log;  /* slots */
	uint32_t slots_log;
	uint32_t reserved;
	uint64_t size; /* of the whole file */
	uint64_t body; /* img_sum() of everything behind the header */
	struct {
		uint64_t at, len; /* bytes */
	} section[IMG_SECTIONS];
	uint64_t head; /* img_sum() of all above */
};

/* Trie unit: parent 22 bits, base 24 bits, token 18 bits (IMG_NONE: none).
 * The child for byte b of node n is unit base(n) + b, if its parent is n. */
#define TRIE_ROOT 0u
#define TRIE_PARENT_BITS 22
#define TRIE_BASE_BITS 24

static inline uint64_t trie_unit(uint64_t parent, uint64_t base, uint64_t token)
{
	return parent << 42 | base << 18 | token;
}

static inline uint32_t trie_parent(uint64_t unit)
{
	return (uint32_t)(unit >> 42);
}

static inline uint32_t trie_base(uint64_t unit)
{
	return (uint32_t)(unit >> 18) & ((1u << TRIE_BASE_BITS) - 1);
}

static inline uint32_t trie_token(uint64_t unit)
{
	return (uint32_t)unit & IMG_NONE;
}

/* Pair slot: left, right, merged, 18 bits each; all ones where empty. The
 * filter bit and the slot come from the top of one product. */
#define PAIR_EMPTY UINT64_MAX

static inline uint64_t pair_key(uint32_t left, uint32_t right)
{
	return (uint64_t)left << IMG_ID_BITS | right;
}

static inline uint64_t pair_hash(uint64_t key)
{
	return (key ^ key >> 17) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Up to 16 bytes as two words, zero filled: the key of caches and of the
 * vocabulary's hash. */
struct img_key {
	uint64_t lo, hi;
};

static inline struct img_key img_key_load(const void *p, size_t n)
{
	struct img_key k = {0, 0};

	if (n > 8) {
		memcpy(&k.lo, p, 8);
		memcpy(&k.hi, (const char *)p + 8, n - 8);
	} else {
		memcpy(&k.lo, p, n);
	}
	return k;
}

static inline uint64_t img_key_hash(struct img_key k, size_t n)
{
	uint64_t h = (k.lo ^ n) * UINT64_C(0x9fb21c651e98df25);

	h ^= h >> 32;
	h = (h ^ k.hi) * UINT64_C(0xd6e8feb86659fd93);
	return h ^ h >> 29;
}

/* Hash of any number of bytes. Slots use the low bits of it as the place and
 * the high SLOT_TAG_BITS as a tag: tag << SLOT_AT_BITS | record, where record
 * counts uint32_t; all ones where empty. */
#define SLOT_AT_BITS 21
#define SLOT_TAG_BITS 11
#define SLOT_EMPTY UINT32_MAX

static inline uint64_t img_bytes_hash(const void *p, size_t n)
{
	const char *s = p;
	uint64_t h = 0;
	size_t left = n;

	for (; left > 16; left -= 16, s += 16)
		h = img_key_hash(img_key_load(s, 16), 16) ^ (h << 7 | h >> 57);
	return img_key_hash(img_key_load(s, left), n) ^ (h << 7 | h >> 57);
}

/* Not a signature: it finds a damaged file, the file's owner is its trust.
 * `n` is a multiple of 8. Four lanes, because one would wait for itself. */
static inline uint64_t img_sum(const void *p, size_t n)
{
	const uint64_t k = UINT64_C(0x9e3779b97f4a7c15);
	const char *s = p;
	uint64_t lane[4] = {1, 2, 3, 5}, w[4], sum = n;
	size_t i = 0;

	for (; i + 32 <= n; i += 32) {
		memcpy(w, s + i, 32);
		for (int j = 0; j < 4; j++) {
			lane[j] = (lane[j] ^ w[j]) * k;
			lane[j] ^= lane[j] >> 29;
		}
	}
	for (; i < n; i += 8) {
		memcpy(w, s + i, 8);
		lane[i / 8 % 4] = (lane[i / 8 % 4] ^ w[0]) * k;
	}
	for (int j = 0; j < 4; j++) {
		sum = (sum ^ lane[j]) * k;
		sum ^= sum >> 31;
	}
	return sum;
}

#endif
