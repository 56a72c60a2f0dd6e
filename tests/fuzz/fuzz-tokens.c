/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-tokens.c - every way of counting agrees, on any bytes
 *
 * The first byte chooses the encoding and how the rest is cut. Needs the
 * images ($AIGW_DATA_DIR); without them it fails, because then it tests
 * nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "text/tokens-int.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"o200k_base", "cl100k_base", "r50k_base",
				    "o200k_harmony"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static struct aigw_counter *counters[NAMES];

static void open_all(void)
{
	for (size_t i = 0; i < NAMES && !counters[i]; i++) {
		struct aigw_err err;
		struct aigw_encoding *enc = aigw_encoding_open(names[i], &err);

		if (enc)
			counters[i] = aigw_counter_new(enc, &err);
		if (!counters[i]) {
			fprintf(stderr, "%s\n", err.text);
			exit(1);
		}
	}
}

static void agree(uint64_t a, uint64_t b)
{
	if (a != b)
		abort();
}

/* As one piece, in each core. */
static void cores(struct aigw_counter *c, const uint8_t *p, size_t n)
{
	static struct dp dp;
	uint64_t found;

	if (!n || n > BPE_LONG)
		return;
	dp_init(&dp);
	for (size_t i = 0; i < n; i++)
		dp_step(&c->bpe, &dp, p + i, n - i);
	found = bpe_backtrack(&c->bpe, p, n);
	if (found)
		agree(found, dp_count(&dp));
	if (n <= BPE_SHORT)
		agree(bpe_merge(&c->bpe, p, n), dp_count(&dp));
}

static uint64_t parts(struct aigw_counter *c, const char *s, size_t n,
		      enum aigw_specials specials, size_t part)
{
	aigw_count_begin(c, specials);
	for (; n > part; n -= part, s += part)
		aigw_count_feed(c, s, part);
	aigw_count_feed(c, s, n);
	return aigw_count_end(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct aigw_counter *c;
	struct aigw_buf ids;
	struct aigw_err err;
	const char *s;
	size_t n, part;

	open_all();
	if (!size)
		return 0;
	s = (const char *)data + 1;
	n = size - 1;
	c = counters[*data % NAMES];
	part = 1 + (*data >> 2) * (*data >> 2);
	cores(c, data + 1, n);
	for (int i = AIGW_SPECIAL_TEXT; i <= AIGW_SPECIAL_TOKEN; i++) {
		uint64_t count = parts(c, s, n, i, part);

		aigw_buf_init(&ids, 4 * size);
		if (aigw_encode_text(c, s, n, i, &ids, &err))
			abort();
		agree(ids.len / sizeof(uint32_t), count);
		if (i == AIGW_SPECIAL_TEXT)
			agree(aigw_count_text(c, s, n), count);
		aigw_buf_release(&ids);
	}
	return 0;
}
