/* SPDX-License-Identifier: Apache-2.0 */
/* tokens.c - the encodings by name, and their mapped images */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "text/tokens-int.h"

#ifndef AIGW_DATADIR
#define AIGW_DATADIR "/usr/local/share/aigw"
#endif

static const struct special r50k_specials[] = {
	{"<|endoftext|>", 50256},
	{NULL, 0},
};

static const struct special p50k_edit_specials[] = {
	{"<|endoftext|>", 50256},
	{"<|fim_prefix|>", 50281},
	{"<|fim_middle|>", 50282},
	{"<|fim_suffix|>", 50283},
	{NULL, 0},
};

static const struct special cl100k_specials[] = {
	{"<|endoftext|>", 100257},   {"<|fim_prefix|>", 100258},
	{"<|fim_middle|>", 100259},  {"<|fim_suffix|>", 100260},
	{"<|endofprompt|>", 100276}, {NULL, 0},
};

static const struct special o200k_specials[] = {
	{"<|endoftext|>", 199999},
	{"<|endofprompt|>", 200018},
	{NULL, 0},
};

static const struct special harmony_specials[] = {
	{"<|startoftext|>", 199998},
	{"<|endoftext|>", 199999},
	{"<|return|>", 200002},
	{"<|constrain|>", 200003},
	{"<|channel|>", 200005},
	{"<|start|>", 200006},
	{"<|end|>", 200007},
	{"<|message|>", 200008},
	{"<|call|>", 200012},
	{"<|endofprompt|>", 200018},
	{NULL, 0},
};

static const struct encoding_kind kinds[] = {
	{"o200k_base", "o200k_base", SCAN_O200K, o200k_specials, 0, 0},
	{"o200k_harmony", "o200k_base", SCAN_O200K, harmony_specials, 200000,
	 201088},
	{"cl100k_base", "cl100k_base", SCAN_CL100K, cl100k_specials, 0, 0},
	{"p50k_base", "p50k_base", SCAN_R50K, r50k_specials, 0, 0},
	{"p50k_edit", "p50k_base", SCAN_R50K, p50k_edit_specials, 0, 0},
	{"r50k_base", "r50k_base", SCAN_R50K, r50k_specials, 0, 0},
};

/* <|reserved_200013|>: any number of the range that has no name of its own. */
static uint32_t reserved_at(const struct encoding_kind *kind, const uint8_t *s,
			    const uint8_t *end, size_t *n)
{
	static const char head[] = "<|reserved_", tail[] = "|>";
	const size_t digits = 6, h = sizeof(head) - 1, t = sizeof(tail) - 1;
	uint32_t id = 0;

	if ((size_t)(end - s) < h + digits + t || memcmp(s, head, h) ||
	    memcmp(s + h + digits, tail, t))
		return IMG_NONE;
	for (size_t i = h; i < h + digits; i++) {
		if (s[i] < '0' || s[i] > '9')
			return IMG_NONE;
		id = id * 10 + (s[i] - '0');
	}
	if (id < kind->reserved || id >= kind->reserved_end)
		return IMG_NONE;
	/* The table of reserved names starts anew behind <|call|>. */
	for (const struct special *p = kind->specials; p->name; p++) {
		if (p->id == id && id <= 200012)
			return IMG_NONE;
	}
	*n = h + digits + t;
	return id;
}

uint32_t special_at(const struct encoding_kind *kind, const uint8_t *s,
		    const uint8_t *end, size_t *n)
{
	for (const struct special *p = kind->specials; p->name; p++) {
		*n = strlen(p->name);
		if ((size_t)(end - s) >= *n && !memcmp(s, p->name, *n))
			return p->id;
	}
	return kind->reserved ? reserved_at(kind, s, end, n) : IMG_NONE;
}

/* What a header must say about one section. */
static bool section_ok(const struct img_header *h, enum img_section which,
		       uint64_t len)
{
	uint64_t at = h->section[which].at;

	return h->section[which].len == len && at % IMG_ALIGN == 0 &&
	       at >= sizeof(*h) && at <= h->size && len <= h->size - at;
}

static bool header_ok(const struct img_header *h, size_t size)
{
	uint64_t trie = h->section[IMG_TRIE].len;
	uint64_t records = h->section[IMG_RECORDS].len;

	if (memcmp(h->magic, IMG_MAGIC, sizeof(h->magic)) ||
	    h->version != IMG_VERSION || h->size != size || size % 8 ||
	    h->head != img_sum(h, offsetof(struct img_header, head)))
		return false;
	if (h->ids <= 256 || h->ids >= IMG_NONE || h->filter_log < 6 ||
	    h->filter_log > 32 || h->pairs_log < 6 || h->pairs_log > 24 ||
	    h->slots_log < 6 || h->slots_log > 24)
		return false;
	return section_ok(h, IMG_BYTES, 256 * 4) &&
	       section_ok(h, IMG_DOUBLES, 65536 * 4) &&
	       section_ok(h, IMG_FILTER, UINT64_C(1) << h->filter_log >> 3) &&
	       section_ok(h, IMG_PAIRS, UINT64_C(8) << h->pairs_log) &&
	       section_ok(h, IMG_SPLIT, h->ids * UINT64_C(8)) &&
	       section_ok(h, IMG_PREFIX, h->ids * UINT64_C(4)) &&
	       section_ok(h, IMG_LENGTH, h->ids) && trie >= 256 * 8 &&
	       section_ok(h, IMG_TRIE, trie) &&
	       section_ok(h, IMG_SLOTS, UINT64_C(4) << h->slots_log) &&
	       section_ok(h, IMG_RECORDS, records);
}

static const void *section(const struct aigw_encoding *enc,
			   enum img_section which)
{
	const struct img_header *h = enc->map;

	return (const char *)enc->map + h->section[which].at;
}

static int image_use(struct aigw_encoding *enc)
{
	const struct img_header *h = enc->map;

	if (enc->size < sizeof(*h) || !header_ok(h, enc->size))
		return -1;
	enc->ids = h->ids;
	enc->filter_shift = 64 - h->filter_log;
	enc->pairs_shift = 64 - h->pairs_log;
	enc->pairs_mask = (1u << h->pairs_log) - 1;
	enc->slots_mask = (1u << h->slots_log) - 1;
	enc->bytes = section(enc, IMG_BYTES);
	enc->doubles = section(enc, IMG_DOUBLES);
	enc->filter = section(enc, IMG_FILTER);
	enc->pairs = section(enc, IMG_PAIRS);
	enc->split = section(enc, IMG_SPLIT);
	enc->prefix = section(enc, IMG_PREFIX);
	enc->length = section(enc, IMG_LENGTH);
	enc->trie = section(enc, IMG_TRIE);
	enc->slots = section(enc, IMG_SLOTS);
	enc->records = section(enc, IMG_RECORDS);
	return 0;
}

static int no_vocabulary(struct aigw_err *err, const char *path,
			 const char *why)
{
	return aigw_fail_as(err, AIGW_E_INTERNAL, "no_vocabulary",
			    "%s: %s (AIGW_DATA_DIR says where else to look)",
			    path, why);
}

/*
 * The tables are followed without further checks, so whoever can write the
 * file can steer this process: that must be root or its own user.
 */
static int image_map(struct aigw_encoding *enc, const char *path,
		     struct aigw_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return no_vocabulary(err, path, strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0) {
		close(fd);
		return no_vocabulary(err, path, "not a regular file");
	}
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & 022) {
		close(fd);
		return no_vocabulary(err, path,
				     "others than its user could change it");
	}
	enc->size = (size_t)st.st_size;
	enc->map = mmap(NULL, enc->size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (enc->map == MAP_FAILED) {
		enc->map = NULL;
		return no_vocabulary(err, path, strerror(errno));
	}
	if (image_use(enc))
		return no_vocabulary(err, path,
				     "damaged, or of another version");
	return 0;
}

int aigw_encoding_verify(const struct aigw_encoding *enc, struct aigw_err *err)
{
	const struct img_header *h = enc->map;
	size_t head = (sizeof(*h) + IMG_ALIGN - 1) & ~(size_t)(IMG_ALIGN - 1);

	if (h->body == img_sum((const char *)enc->map + head, enc->size - head))
		return 0;
	return no_vocabulary(err, enc->kind->image, "damaged");
}

static const struct encoding_kind *kind_find(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	return NULL;
}

struct aigw_encoding *aigw_encoding_open(const char *name, struct aigw_err *err)
{
	const struct encoding_kind *kind = kind_find(name);
	const char *dir = getenv("AIGW_DATA_DIR");
	struct aigw_encoding *enc;
	char path[4096];

	if (!kind) {
		aigw_fail_as(err, AIGW_E_BAD_REQUEST, "unknown_encoding",
			     "%s: no such encoding; want o200k_base, "
			     "o200k_harmony, cl100k_base, p50k_base, "
			     "p50k_edit or r50k_base",
			     name);
		return NULL;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/%s.bpe",
			     dir && *dir ? dir : AIGW_DATADIR,
			     kind->image) >= sizeof(path)) {
		no_vocabulary(err, name, "the name of its folder is too long");
		return NULL;
	}
	enc = calloc(1, sizeof(*enc));
	if (!enc) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	enc->kind = kind;
	if (image_map(enc, path, err)) {
		aigw_encoding_free(enc);
		return NULL;
	}
	return enc;
}

void aigw_encoding_free(struct aigw_encoding *enc)
{
	if (enc && enc->map)
		munmap(enc->map, enc->size);
	free(enc);
}

const char *aigw_encoding_name(const struct aigw_encoding *enc)
{
	return enc->kind->name;
}
