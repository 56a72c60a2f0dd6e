/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-key.c - keys, stores, peppers, times and patterns that somebody made up
 *
 * What must hold: an input that is taken as a key is one (its bytes say so
 * twice); a store that was read, written again line by line, reads back with
 * the same bytes from then on; a time that is taken prints as it was.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "state/keys.h"
#include "state/utc.h"
#include "text/glob.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void a_key(const char *s, size_t len, const struct aigw_keys *keys)
{
	const struct aigw_key *who;
	struct aigw_err err;

	if (aigw_key_valid(s, len)) {
		must(len == AIGW_KEY_LEN);
		must(memcmp(s, AIGW_KEY_PREFIX, strlen(AIGW_KEY_PREFIX)) == 0);
		must(memchr(s, '\0', len) == NULL);
	}
	must(aigw_keys_verify(keys, s, len, 1, &who, &err) ==
		     AIGW_KEY_UNKNOWN &&
	     !who);
}

/* Every line again as we would write it. */
static void write_all(const struct aigw_keys *keys, struct aigw_buf *out)
{
	struct aigw_json w;
	struct aigw_err err;
	size_t i;

	for (i = 0; i < aigw_keys_count(keys); i++) {
		aigw_json_init(&w, out);
		aigw_key_write(&w, aigw_keys_at(keys, i), NULL);
		must(aigw_json_end(&w, &err) == 0);
		must(aigw_buf_str(out, "\n") == 0);
	}
}

static void a_store(const char *s, size_t len)
{
	struct aigw_keys *keys, *again;
	struct aigw_buf once, twice;
	struct aigw_err err;

	keys = aigw_keys_parse("s", s, len, NULL, &err);
	if (!keys)
		return;
	aigw_buf_init(&once, AIGW_KEYS_BYTES);
	aigw_buf_init(&twice, AIGW_KEYS_BYTES);
	write_all(keys, &once);
	again = aigw_keys_parse("s", once.data, once.len, NULL, &err);
	must(again != NULL);
	write_all(again, &twice);
	must(once.len == twice.len &&
	     (once.len == 0 || !memcmp(once.data, twice.data, once.len)));
	a_key(s, len, keys);
	aigw_buf_release(&once);
	aigw_buf_release(&twice);
	aigw_keys_free(again);
	aigw_keys_free(keys);
}

static void a_pepper(const char *s, size_t len)
{
	struct aigw_secret *text = aigw_secret_new(s, len);
	struct aigw_pepper *pepper;
	struct aigw_err err;

	if (!text)
		return;
	pepper = aigw_pepper_new(text, &err);
	if (pepper)
		must(aigw_pepper_has(pepper, aigw_pepper_newest(pepper)));
	aigw_pepper_free(pepper);
	aigw_secret_free(text);
}

static void a_time(const char *s, size_t len)
{
	char out[AIGW_UTC_LEN + 1];
	int64_t seconds;

	if (!aigw_utc_parse(s, len, &seconds))
		return;
	aigw_utc_print(seconds, out);
	must(len == AIGW_UTC_LEN && !memcmp(s, out, len));
}

/* The first line is a pattern, the rest a name. */
static void a_pattern(const char *s, size_t len)
{
	const char *end = len ? memchr(s, '\n', len) : NULL;
	size_t n = end ? (size_t)(end - s) : 0;

	if (!end || n > 64)
		return;
	if (!memchr(s, '*', n) && !memchr(s, '?', n))
		must(aigw_glob(s, n, end + 1, len - n - 1) ==
		     (n == len - n - 1 && !memcmp(s, end + 1, n)));
	else
		(void)aigw_glob(s, n, end + 1, len - n - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct aigw_keys *none;
	struct aigw_err err;

	none = aigw_keys_parse("s", NULL, 0, NULL, &err);
	must(none != NULL);
	a_key(s, size, none);
	aigw_keys_free(none);
	a_store(s, size);
	a_pepper(s, size);
	a_time(s, size);
	a_pattern(s, size);
	(void)aigw_principal_valid(s, size);
	return 0;
}
