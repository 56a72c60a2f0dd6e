/* SPDX-License-Identifier: Apache-2.0 */
/* siphash.c - SipHash-2-4: a short keyed hash (Aumasson, Bernstein 2012) */
#include "core/siphash.h"

static uint64_t rotl(uint64_t x, int n)
{
	return x << n | x >> (64 - n);
}

static void rounds(uint64_t v[4], int n)
{
	while (n-- > 0) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

/* Up to eight bytes, the first is the lowest. */
static uint64_t little(const unsigned char *p, size_t n)
{
	uint64_t x = 0;

	while (n-- > 0)
		x = x << 8 | p[n];
	return x;
}

static void absorb(uint64_t v[4], uint64_t m)
{
	v[3] ^= m;
	rounds(v, 2);
	v[0] ^= m;
}

uint64_t aigw_siphash(struct aigw_sip key, const void *p, size_t n)
{
	uint64_t v[4] = {
		key.key[0] ^ 0x736f6d6570736575,
		key.key[1] ^ 0x646f72616e646f6d,
		key.key[0] ^ 0x6c7967656e657261,
		key.key[1] ^ 0x7465646279746573,
	};
	const unsigned char *s = p;
	size_t left = n;

	for (; left >= 8; left -= 8, s += 8)
		absorb(v, little(s, 8));
	absorb(v, (uint64_t)n << 56 | little(s, left));
	v[2] ^= 0xff;
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
