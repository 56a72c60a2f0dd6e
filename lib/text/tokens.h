/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokens.h - exact token counts of OpenAI's encodings
 *
 * An encoding is a mapped file, shared by every process that has it open. A
 * counter adds the memory that makes counting fast; it is for one thread. Text
 * is bytes: what is no UTF-8 counts as U+FFFD, one for each maximal subpart
 * (Encoding Standard, "UTF-8 decode without BOM"), as in every oracle. Time is
 * linear in the bytes, whatever they are.
 *
 * Encodings: o200k_base, o200k_harmony, cl100k_base, p50k_base, p50k_edit,
 * r50k_base. Rank files: OpenAI's, by their published SHA-256
 * (tools/fetch-ranks). Grammar and classes: Unicode 16.
 */
#ifndef AIGW_TEXT_TOKENS_H
#define AIGW_TEXT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"

struct aigw_encoding;
struct aigw_counter;

/*
 * Open by name, or NULL (code unknown_encoding, or no_vocabulary when its
 * image is missing, cut, of another version, or not to be trusted: it must
 * belong to root or to the user of this process, and nobody else may write to
 * it). The image is looked for in $AIGW_DATA_DIR if that is set, else in
 * AIGW_DATADIR. Reads the header only; pages come as they are used.
 */
struct aigw_encoding *aigw_encoding_open(const char *name,
					 struct aigw_err *err) AIGW_MUST_CHECK;
/* Read all of it and compare its checksum, which takes milliseconds: for
 * programs that count for people, not for every stage of a pipe. */
int aigw_encoding_verify(const struct aigw_encoding *enc,
			 struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_encoding_free(struct aigw_encoding *enc); /* NULL is fine */
const char *aigw_encoding_name(const struct aigw_encoding *enc);

/*
 * Which encoding a model uses: data/models.tsv, exact names first, then
 * prefixes. A model that is not in it gets o200k_base and *assumed. Static.
 */
const char *aigw_encoding_for_model(const char *model, bool *assumed);

/* `enc` must outlive the counter. About 3 MB, touched as it is used. NULL when
 * memory is out. */
struct aigw_counter *aigw_counter_new(const struct aigw_encoding *enc,
				      struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_counter_free(struct aigw_counter *c); /* NULL is fine */
const struct aigw_encoding *aigw_counter_encoding(const struct aigw_counter *c);

/*
 * What is in the text that looks like <|endoftext|>: text, as in content that
 * users write, or a special token where the encoding has it.
 */
enum aigw_specials { AIGW_SPECIAL_TEXT, AIGW_SPECIAL_TOKEN };

/* Count a whole text. It cannot fail and allocates nothing. */
uint64_t aigw_count_text(struct aigw_counter *c, const char *s, size_t len);

/*
 * Count a text that comes in parts, cut anywhere, in constant memory. Counts
 * of parts do not add up, so a stream of deltas must be counted this way.
 * begin, any number of feeds, end. A counter has one such text at a time;
 * aigw_count_text() of valid UTF-8 and aigw_encode_text() may come between.
 */
void aigw_count_begin(struct aigw_counter *c, enum aigw_specials specials);
void aigw_count_feed(struct aigw_counter *c, const char *s, size_t len);
uint64_t aigw_count_end(struct aigw_counter *c);

/*
 * The tokens themselves, appended to `ids` as uint32_t, four bytes each: 0, or
 * -1 when that passes the maximum of `ids` (code too_long) or memory is out.
 */
int aigw_encode_text(struct aigw_counter *c, const char *s, size_t len,
		     enum aigw_specials specials, struct aigw_buf *ids,
		     struct aigw_err *err) AIGW_MUST_CHECK;

#endif
