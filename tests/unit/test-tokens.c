/* SPDX-License-Identifier: Apache-2.0 */
/* test-tokens.c - the token counter: vectors, cores, streams, images, chats */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/json.h"
#include "text/chat.h"
#include "text/tokens-int.h"

static const char *const names[] = {"o200k_base",  "o200k_harmony",
				    "cl100k_base", "p50k_base",
				    "p50k_edit",   "r50k_base"};
#define NAMES (sizeof(names) / sizeof(names[0]))

static struct aigw_encoding *encodings[NAMES];
static struct aigw_counter *counters[NAMES];

static int open_all(void **state)
{
	struct aigw_err err;

	(void)state;
	for (size_t i = 0; i < NAMES; i++) {
		encodings[i] = aigw_encoding_open(names[i], &err);
		if (!encodings[i]) {
			print_error("%s\n", err.text);
			return -1;
		}
		counters[i] = aigw_counter_new(encodings[i], &err);
		assert_non_null(counters[i]);
	}
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < NAMES; i++) {
		aigw_counter_free(counters[i]);
		aigw_encoding_free(encodings[i]);
	}
	return 0;
}

static struct aigw_counter *counter(const char *name)
{
	for (size_t i = 0; i < NAMES; i++) {
		if (!strcmp(names[i], name))
			return counters[i];
	}
	fail_msg("%s: not tested", name);
	return NULL;
}

static uint64_t random_state = 88172645463325252u;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)((random_state >> 32) * n >> 32);
}

/* In parts of random length. */
static uint64_t count_parts(struct aigw_counter *c, const char *s, size_t len,
			    enum aigw_specials specials, uint32_t longest)
{
	aigw_count_begin(c, specials);
	while (len) {
		size_t n = 1 + random_below(longest);

		n = n < len ? n : len;
		aigw_count_feed(c, s, n);
		s += n;
		len -= n;
	}
	return aigw_count_end(c);
}

/* Every way of counting gives `n`, and the ids are those. */
static void check(struct aigw_counter *c, const char *s, size_t len,
		  enum aigw_specials specials, const uint32_t *want, size_t n)
{
	struct aigw_buf ids;
	struct aigw_err err;

	aigw_buf_init(&ids, 64 * 1024 * 1024);
	assert_int_equal(aigw_encode_text(c, s, len, specials, &ids, &err), 0);
	assert_int_equal(ids.len / sizeof(*want), n);
	if (n)
		assert_memory_equal(ids.data, want, n * sizeof(*want));
	aigw_buf_release(&ids);
	if (specials == AIGW_SPECIAL_TEXT)
		assert_int_equal(aigw_count_text(c, s, len), n);
	assert_int_equal(count_parts(c, s, len, specials, 3), n);
}

static FILE *vectors(const char *file)
{
	const char *dir = getenv("AIGW_VECTORS");
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/tokens/%s",
		 dir ? dir : "../shared/vectors", file);
	f = fopen(path, "r");
	if (!f) {
		print_message("# no %s\n", path);
		skip();
	}
	return f;
}

static size_t unhex(const char *hex, size_t len, char *out)
{
	for (size_t i = 0; i < len / 2; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		out[i] = (char)byte;
	}
	return len / 2;
}

static void check_line(const struct aigw_val *v)
{
	size_t len, n = 0, hexed;
	const char *s = aigw_val_str(aigw_val_get(v, "text"), &len);
	const char *hex = aigw_val_str(aigw_val_get(v, "hex"), &hexed);
	const char *name = aigw_val_str(aigw_val_get(v, "enc"), NULL);
	const struct aigw_val *ids = aigw_val_get(v, "ids"), *id;
	struct aigw_iter it = aigw_iter_init(ids);
	uint32_t *want = calloc(aigw_val_len(ids) + 1, sizeof(*want));
	char *bytes = malloc(hex ? hexed + 1 : len + 1);

	assert_non_null(want);
	assert_non_null(bytes);
	while ((id = aigw_iter_next(&it))) {
		int64_t i;

		assert_true(aigw_val_int(id, &i));
		want[n++] = (uint32_t)i;
	}
	if (hex)
		len = unhex(hex, hexed, bytes);
	else
		memcpy(bytes, s, len);
	check(counter(name), bytes, len,
	      aigw_val_get(v, "allowed_special") ? AIGW_SPECIAL_TOKEN
						 : AIGW_SPECIAL_TEXT,
	      want, n);
	free(want);
	free(bytes);
}

static void check_chat(const struct aigw_val *v)
{
	struct aigw_chat_count count;
	const char *model = aigw_val_str(aigw_val_get(v, "model"), NULL);
	struct aigw_err err;
	int64_t want;
	bool assumed;
	struct aigw_counter *c =
		counter(aigw_encoding_for_model(model, &assumed));

	assert_true(
		aigw_val_int(aigw_val_get(v, "usage_prompt_tokens"), &want));
	assert_int_equal(aigw_chat_count(c, NULL, 0, v, &count, &err), 0);
	assert_int_equal(count.n, want);
	assert_true(count.exact);
	assert_false(assumed);
}

static void each_line(const char *file, size_t least,
		      void (*check_one)(const struct aigw_val *))
{
	FILE *f = vectors(file);
	char *line = NULL;
	size_t cap = 0, lines = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, f)) > 0) {
		struct aigw_err err;
		struct aigw_doc *doc = aigw_doc_parse(line, (size_t)n, &err);

		assert_non_null(doc);
		check_one(aigw_doc_root(doc));
		aigw_doc_free(doc);
		lines++;
	}
	free(line);
	fclose(f);
	assert_true(lines >= least);
}

static void test_ids(void **state)
{
	(void)state;
	each_line("ids.jsonl", 1000, check_line);
}

static void test_invalid_utf8(void **state)
{
	(void)state;
	each_line("invalid-utf8.jsonl", 100, check_line);
}

static void test_special(void **state)
{
	(void)state;
	each_line("special.jsonl", 10, check_line);
}

static void test_chat(void **state)
{
	(void)state;
	each_line("chat.jsonl", 16, check_chat);
}

static uint64_t prefixes(struct aigw_counter *c, const uint8_t *p, size_t n)
{
	static struct dp dp;

	dp_init(&dp);
	for (; n; n--, p++)
		dp_step(&c->bpe, &dp, p, n);
	return dp_count(&dp);
}

/* Bytes of a small alphabet, in runs: what tokens are made of. */
static void fill(uint8_t *p, size_t n)
{
	static const char han[] = "\xe4\xb8\xad";
	const char *const alphabets[] = {"ab",	 "-",	  "-= ",  " \n",
					 "the ", "aeiou", "0/*-", han};
	const char *a = alphabets[random_below(8)];
	uint32_t letters = (uint32_t)strlen(a);

	for (size_t i = 0; i < n;) {
		size_t run = random_below(4) ? 1 : 1 + random_below(40);
		char c = random_below(9) ? a[random_below(letters)]
					 : (char)random_below(256);

		while (run-- && i < n)
			p[i++] = (uint8_t)c;
	}
}

static void test_cores(void **state)
{
	uint8_t p[600];

	(void)state;
	for (int round = 0; round < 20000; round++) {
		struct aigw_counter *c = counters[random_below(NAMES)];
		size_t n = 1 + random_below(random_below(8) ? BPE_SHORT
							    : sizeof(p));
		uint64_t want, found;

		fill(p, n);
		want = prefixes(c, p, n);
		found = bpe_backtrack(&c->bpe, p, n);
		assert_true(!found || found == want); /* 0: it gave up */
		if (n <= BPE_SHORT)
			assert_int_equal(bpe_merge(&c->bpe, p, n), want);
	}
}

/*
 * A text whose pieces are longer than the window of a stream: runs of one
 * class, cut and continued by the characters that decide where they end.
 */
static size_t long_text(char *s, size_t max)
{
	static const char *const runs[] = {"a",
					   "A",
					   " ",
					   "\n",
					   "-",
					   "\t",
					   "\xd0\x94",
					   "\xe4\xb8\xad",
					   "7",
					   "/",
					   "\xc2\xa0",
					   "\xcc\x81",
					   "aB",
					   " \n",
					   "A\xe4\xb8\xad"};
	static const char *const ends[] = {"",
					   "'s",
					   "x",
					   "'LL",
					   " ",
					   "\n",
					   "A",
					   "1",
					   "!",
					   "\r\n",
					   "\xcc\x81",
					   "'",
					   "\xe4\xb8\xad",
					   "<|endoftext|>",
					   "\xff",
					   "\xe4\xb8"};
	size_t len = 0;

	while (len < max) {
		const char *run = runs[random_below(15)];
		const char *end = ends[random_below(16)];
		size_t times = random_below(2) ? random_below(9)
					       : random_below(150000);

		while (times-- && len + 16 < max) {
			memcpy(s + len, run, strlen(run));
			len += strlen(run);
		}
		memcpy(s + len, end, strlen(end));
		len += strlen(end);
		if (len + 16 >= max)
			break;
	}
	return len;
}

static void test_streams(void **state)
{
	const size_t max = 400000;
	char *s = malloc(max + 32);

	(void)state;
	assert_non_null(s);
	for (int round = 0; round < 48; round++) {
		struct aigw_counter *c = counters[round % NAMES];
		enum aigw_specials specials =
			round & 1 ? AIGW_SPECIAL_TOKEN : AIGW_SPECIAL_TEXT;
		size_t len = long_text(s, max);
		struct aigw_buf ids;
		struct aigw_err err;

		aigw_buf_init(&ids, 8 * max);
		assert_int_equal(
			aigw_encode_text(c, s, len, specials, &ids, &err), 0);
		assert_int_equal(count_parts(c, s, len, specials, 100000),
				 ids.len / sizeof(uint32_t));
		if (specials == AIGW_SPECIAL_TEXT)
			assert_int_equal(aigw_count_text(c, s, len),
					 ids.len / sizeof(uint32_t));
		aigw_buf_release(&ids);
	}
	free(s);
}

/* A row of one character must not cost more than its length. */
static void test_linear(void **state)
{
	static const char *const rows[] = {"-", " ", "a", "=", "\n", "_"};
	const size_t len = 1000000;
	char *s = malloc(len);

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		clock_t start = clock();

		memset(s, *rows[i], len);
		aigw_count_text(counters[0], s, len);
		/* 0.2 s where it was written; quadratic is minutes. */
		assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
	}
	free(s);
}

static void test_room(void **state)
{
	struct aigw_buf ids;
	struct aigw_err err;

	(void)state;
	aigw_buf_init(&ids, 8);
	assert_int_equal(aigw_encode_text(counters[0], "1 2 3", 5,
					  AIGW_SPECIAL_TEXT, &ids, &err),
			 -1);
	assert_string_equal(err.code, "too_long");
	aigw_buf_release(&ids);
}

static void write_file(const char *path, const char *data, size_t n, int mode)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
}

static void refuse(const char *path, const char *data, size_t n, int mode)
{
	struct aigw_err err;

	write_file(path, data, n, mode);
	assert_null(aigw_encoding_open("r50k_base", &err));
	assert_string_equal(err.code, "no_vocabulary");
}

static void test_damaged(void **state)
{
	char dir[] = "/tmp/test-tokens.XXXXXX", path[64];
	const char *data = getenv("AIGW_DATA_DIR");
	char *saved = data ? strdup(data) : NULL, *copy;
	const struct aigw_encoding *r50k = encodings[NAMES - 1];
	struct aigw_encoding *enc;
	struct aigw_err err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/r50k_base.bpe", dir);
	setenv("AIGW_DATA_DIR", dir, 1);
	copy = malloc(r50k->size);
	assert_non_null(copy);
	memcpy(copy, r50k->map, r50k->size);

	assert_null(aigw_encoding_open("r50k_base", &err));
	refuse(path, "", 0, 0644);
	refuse(path, copy, 100, 0644);
	refuse(path, copy, r50k->size - 64, 0644);
	refuse(path, copy, r50k->size, 0666);
	for (size_t at = 0; at < sizeof(struct img_header); at++) {
		copy[at] ^= 1;
		refuse(path, copy, r50k->size, 0644);
		copy[at] ^= 1;
	}
	for (size_t at = 1000; at < r50k->size; at += r50k->size / 17) {
		copy[at] ^= 1;
		write_file(path, copy, r50k->size, 0644);
		enc = aigw_encoding_open("r50k_base", &err);
		assert_non_null(enc);
		assert_int_equal(aigw_encoding_verify(enc, &err), -1);
		aigw_encoding_free(enc);
		copy[at] ^= 1;
	}
	write_file(path, copy, r50k->size, 0644);
	enc = aigw_encoding_open("r50k_base", &err);
	assert_non_null(enc);
	assert_int_equal(aigw_encoding_verify(enc, &err), 0);
	aigw_encoding_free(enc);

	unlink(path);
	rmdir(dir);
	free(copy);
	if (saved)
		setenv("AIGW_DATA_DIR", saved, 1);
	else
		unsetenv("AIGW_DATA_DIR");
	free(saved);
	assert_null(aigw_encoding_open("o300k_base", &err));
	assert_string_equal(err.code, "unknown_encoding");
}

static void test_models(void **state)
{
	static const struct {
		const char *model, *encoding;
		bool assumed;
	} rows[] = {
		{"gpt-4o", "o200k_base", false},
		{"gpt-4o-mini-2024-07-18", "o200k_base", false},
		{"gpt-4", "cl100k_base", false},
		{"gpt-4-0613", "cl100k_base", false},
		{"gpt-5.1", "o200k_base", false},
		{"gpt-oss-120b", "o200k_harmony", false},
		{"ft:gpt-4o:org", "o200k_base", false},
		{"ft:gpt-4:org", "cl100k_base", false},
		{"text-davinci-003", "p50k_base", false},
		{"text-davinci-edit-001", "p50k_edit", false},
		{"davinci", "r50k_base", false},
		{"gpt2", "r50k_base", false},
		{"o1-preview", "o200k_base", false},
		{"o1", "o200k_base", false},
		{"o12", "o200k_base", true},
		{"gpt-6-astra", "o200k_base", true},
		{"claude-opus-5", "o200k_base", true},
		{"davinci-2", "o200k_base", true},
		{"", "o200k_base", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool assumed;

		assert_string_equal(aigw_encoding_for_model(rows[i].model,
							    &assumed),
				    rows[i].encoding);
		assert_int_equal(assumed, rows[i].assumed);
	}
}

static void test_image_tokens(void **state)
{
	const struct aigw_model *tiles = aigw_model_find("gpt-4o", 6);
	const struct aigw_model *patches = aigw_model_find("gpt-5.5", 7);

	(void)state;
	assert_int_equal(aigw_image_tokens(tiles, 1024, 1024, false), 765);
	assert_int_equal(aigw_image_tokens(tiles, 2048, 4096, false), 1105);
	assert_int_equal(aigw_image_tokens(tiles, 2048, 4096, true), 85);
	assert_int_equal(aigw_image_tokens(patches, 256, 256, false), 77);
	assert_int_equal(aigw_image_tokens(patches, 512, 512, false), 308);
	assert_int_equal(aigw_image_tokens(patches, 1024, 1024, false), 1229);
	assert_int_equal(aigw_image_tokens(patches, 1280, 720, false), 1104);
	assert_int_equal(aigw_image_tokens(patches, 1920, 1080, false), 2448);
}

static void test_image_size(void **state)
{
	static const struct {
		const char *base64;
		uint32_t width, height;
	} rows[] = {
		/* PNG 300x200, GIF 16x9, JPEG 640x480 behind APP0, WebP lossy
		 * 320x240, lossless 100x50, extended 1000x2000 */
		{"iVBORw0KGgoAAAANSUhEUgAAASwAAADICAIAAAA=", 300, 200},
		{"R0lGODlhEAAJAIAAAA==", 16, 9},
		{"/9j/4AAQSkZJRgABAQAAAQABAAD/wAARCAHgAoADASIAAhEBAxEB", 640,
		 480},
		{"UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASpAAfAAAgA0JaQA", 320, 240},
		{"UklGRiQAAABXRUJQVlA4TBgAAAAvY0AMAAAA", 100, 50},
		{"UklGRiQAAABXRUJQVlA4WAoAAAAAAAAA5wMAzwcA", 1000, 2000},
		{"iVBORw0KGgo=", 0, 0},
		{"/9j/4AAQ", 0, 0},
		{"R0lG", 0, 0},
		{"!!!!", 0, 0},
		{"", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t w, h;

		assert_int_equal(aigw_image_size(rows[i].base64,
						 strlen(rows[i].base64), &w,
						 &h),
				 rows[i].width != 0);
		if (rows[i].width) {
			assert_int_equal(w, rows[i].width);
			assert_int_equal(h, rows[i].height);
		}
	}
}

/* A request, what it counts more than {"messages":[]}, and how sure that is. */
static void test_chat_parts(void **state)
{
	static const struct {
		const char *body;
		unsigned n;
		bool exact;
	} rows[] = {
		{"{\"messages\":[]}", 3, true},
		{"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		 "\"text\",\"text\":\"hello\"}]}]}",
		 8, true},
		{"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		 "\"image_url\",\"image_url\":{\"url\":\"http://x/y\","
		 "\"detail\":\"low\"}}]}]}",
		 7 + 85, false},
		{"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		 "\"image_url\",\"image_url\":{\"url\":\"data:image/png;"
		 "base64,iVBORw0KGgoAAAANSUhEUgAAASwAAADICAIAAAA=\"}}]}]}",
		 7 + 85 + 170, false},
		{"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		 "\"mystery\",\"x\":{\"y\":[\"hello\"]}}]}]}",
		 7 + 1 + 3, false},
		{"{\"messages\":[],\"response_format\":{\"type\":\"text\"}}", 3,
		 true},
		{"{\"messages\":[],\"response_format\":{\"type\":"
		 "\"json_schema\",\"json_schema\":{\"schema\":{}}}}",
		 3 + 30 + 1, false},
	};
	struct aigw_chat_count count;
	struct aigw_err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct aigw_doc *doc = aigw_doc_parse(
			rows[i].body, strlen(rows[i].body), &err);

		assert_non_null(doc);
		assert_int_equal(aigw_chat_count(counters[0], "gpt-4o", 6,
						 aigw_doc_root(doc), &count,
						 &err),
				 0);
		assert_int_equal(count.n, rows[i].n);
		assert_int_equal(count.exact, rows[i].exact);
		/* An assumed model, or another's encoding, is no exact count.
		 */
		assert_int_equal(aigw_chat_count(counters[0], "gpt-4", 5,
						 aigw_doc_root(doc), &count,
						 &err),
				 0);
		assert_false(count.exact);
		aigw_doc_free(doc);
	}
	assert_int_equal(aigw_chat_count(counters[0], "gpt-4o", 6, NULL, &count,
					 &err),
			 -1);
	assert_string_equal(err.code, "bad_request");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_invalid_utf8),
		cmocka_unit_test(test_special),
		cmocka_unit_test(test_chat),
		cmocka_unit_test(test_chat_parts),
		cmocka_unit_test(test_cores),
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_linear),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_models),
		cmocka_unit_test(test_image_tokens),
		cmocka_unit_test(test_image_size),
	};

	return cmocka_run_group_tests(tests, open_all, close_all);
}
