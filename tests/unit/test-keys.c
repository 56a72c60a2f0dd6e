/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test-keys.c - the form of keys, the pepper, the store and its changes
 *
 * The keys and hashes below were computed with Python's zlib.crc32 and hmac:
 * test data, nobody's keys. tests/golden/auth/ has the same.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "state/keys.h"
#include "state/utc.h"

#define FREE "aigw_live_TestFree_AThisIsTestDataAndNoRealSecretAt2ECxif"
#define WRONG "aigw_live_TestFree_ZThisIsTestDataAndNoRealSecretAt1Rbcb9"
#define TYPO "aigw_live_TestFree_AThisIsTestDataAndNoRealSecretAt2ECxi0"
#define UNKNOWN "aigw_live_TestWhoo_AThisIsTestDataAndNoRealSecretAt3Zsct5"

#define FREE_HMAC \
	"882fbb6bec80e5053f90a6b04dfc5028" \
	"a9fd25a421afff09161243e50c0daa82"
#define FREE_LINE \
	"{\"id\":\"TestFree\",\"hmac\":\"" FREE_HMAC "\",\"pepper_v\":1," \
	"\"principal\":\"team-a/bob\",\"created\":\"2026-01-01T00:00:00Z\"}\n"

static const char pepper_text[] = "1 000102030405060708090a0b0c0d0e0f"
				  "101112131415161718191a1b1c1d1e1f\n"
				  "2 202122232425262728292a2b2c2d2e2f"
				  "303132333435363738393a3b3c3d3e3f\n";

struct fixture {
	char folder[64], path[128];
	struct aigw_pepper *pepper;
};

static struct aigw_pepper *pepper_of(const char *text)
{
	struct aigw_secret *s = aigw_secret_new(text, strlen(text));
	struct aigw_err err;
	struct aigw_pepper *p = aigw_pepper_new(s, &err);

	aigw_secret_free(s);
	return p;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	strcpy(f->folder, "/tmp/aigw-test-keys.XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/keys.jsonl", f->folder);
	f->pepper = pepper_of(pepper_text);
	assert_non_null(f->pepper);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	aigw_pepper_free(f->pepper);
	unlink(f->path);
	rmdir(f->folder); /* fails when a temporary file was left there */
	assert_int_equal(access(f->folder, F_OK), -1);
	free(f);
	return 0;
}

/* Form -------------------------------------------------------------------- */

static void known_keys_are_valid(void **state)
{
	(void)state;
	assert_true(aigw_key_valid(FREE, AIGW_KEY_LEN));
	assert_true(aigw_key_valid(WRONG, AIGW_KEY_LEN));
	assert_true(aigw_key_valid(UNKNOWN, AIGW_KEY_LEN));
	assert_false(aigw_key_valid(TYPO, AIGW_KEY_LEN));
	assert_false(aigw_key_valid(FREE "x", AIGW_KEY_LEN + 1));
	assert_false(aigw_key_valid(FREE, AIGW_KEY_LEN - 1));
	assert_false(aigw_key_valid("", 0));
	assert_memory_equal(aigw_key_id(FREE), "TestFree", AIGW_KEY_ID);
}

static void every_changed_byte_is_noticed(void **state)
{
	char key[] = FREE;
	size_t i;
	int c;

	(void)state;
	for (i = 0; i < AIGW_KEY_LEN; i++) {
		for (c = 0; c < 256; c++) {
			key[i] = (char)c;
			if (aigw_key_valid(key, AIGW_KEY_LEN) != (c == FREE[i]))
				fail_msg("byte %d at %zu", c, i);
		}
		key[i] = FREE[i];
	}
}

static void new_keys_are_valid_and_differ(void **state)
{
	struct aigw_secret *a, *b;
	struct aigw_err err;
	size_t len;

	(void)state;
	a = aigw_key_new("TestFree", &err);
	b = aigw_key_new("TestFree", &err);
	assert_non_null(a);
	assert_non_null(b);
	assert_true(aigw_key_valid(aigw_secret_bytes(a, &len), AIGW_KEY_LEN));
	assert_int_equal(len, AIGW_KEY_LEN);
	assert_memory_equal(aigw_secret_bytes(a, NULL), FREE, 19);
	assert_memory_not_equal(aigw_secret_bytes(a, NULL),
				aigw_secret_bytes(b, NULL), AIGW_KEY_LEN);
	aigw_secret_free(a);
	aigw_secret_free(b);
}

/* With 62000 draws each character is expected 1000 times, deviation 31: eight
 * deviations off happen once in 10^13 runs, a modulo bias of 256 % 62 always.
 */
static void random_characters_are_even(void **state)
{
	unsigned seen[256] = {0}, kinds = 0, i;
	char *s = malloc(62001);
	struct aigw_err err;

	(void)state;
	assert_non_null(s);
	assert_int_equal(aigw_key_random(s, 62000, &err), 0);
	assert_int_equal(strlen(s), 62000);
	for (i = 0; i < 62000; i++)
		seen[(unsigned char)s[i]]++;
	for (i = 0; i < 256; i++) {
		if (seen[i] == 0)
			continue;
		kinds++;
		assert_in_range(seen[i], 1000 - 250, 1000 + 250);
	}
	assert_int_equal(kinds, 62);
	free(s);
}

static void principals_are_plain_words(void **state)
{
	char word[130];

	(void)state;
	assert_true(aigw_principal_valid("team-a/bob@example.org", 22));
	assert_false(aigw_principal_valid("", 0));
	assert_false(aigw_principal_valid("a b", 3));
	assert_false(aigw_principal_valid("a\nb", 3));
	assert_false(aigw_principal_valid("a\0b", 3));
	assert_false(aigw_principal_valid("unix:bob", 8));
	assert_true(aigw_principal_valid("unix", 4));
	memset(word, 'a', sizeof(word));
	assert_true(aigw_principal_valid(word, 128));
	assert_false(aigw_principal_valid(word, 129));
}

static void times_are_strict(void **state)
{
	static const char *const bad[] = {
		"2026-02-29T00:00:00Z",	 "2026-13-01T00:00:00Z",
		"2026-01-01T24:00:00Z",	 "2026-01-01T00:00:60Z",
		"2026-01-01 00:00:00Z",	 "2026-01-01T00:00:00z",
		"2026-01-01T00:00:00",	 "2026-01-01T00:00:00.0Z",
		"1969-12-31T23:59:59Z",	 "2026-00-01T00:00:00Z",
		"2026-01-01T00:00:00+0", "+026-01-01T00:00:00Z",
	};
	char out[AIGW_UTC_LEN + 1];
	int64_t t;
	size_t i;

	(void)state;
	assert_true(aigw_utc_parse("2026-11-22T18:55:37Z", 20, &t));
	assert_int_equal(t, 1795373737);
	aigw_utc_print(t, out);
	assert_string_equal(out, "2026-11-22T18:55:37Z");
	assert_true(aigw_utc_parse("2028-02-29T00:00:00Z", 20, &t));
	assert_true(aigw_utc_parse("9999-12-31T23:59:59Z", 20, &t));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (aigw_utc_parse(bad[i], strlen(bad[i]), &t))
			fail_msg("%s", bad[i]);
	aigw_utc_print(-5, out);
	assert_string_equal(out, "1970-01-01T00:00:00Z");
	aigw_utc_print(INT64_MAX, out);
	assert_string_equal(out, "9999-12-31T23:59:59Z");
}

/* Pepper ------------------------------------------------------------------ */

static void hashes_are_the_published_function(void **state)
{
	struct fixture *f = *state;
	unsigned char mac[AIGW_KEY_MAC];
	char hex[2 * AIGW_KEY_MAC];
	struct aigw_err err;

	assert_int_equal(aigw_pepper_newest(f->pepper), 2);
	assert_int_equal(aigw_pepper_mac(f->pepper, 1, FREE, AIGW_KEY_LEN, mac,
					 &err),
			 0);
	aigw_key_hex(mac, hex);
	assert_memory_equal(hex, FREE_HMAC, 64);
	assert_int_equal(aigw_pepper_mac(f->pepper, 3, FREE, AIGW_KEY_LEN, mac,
					 &err),
			 -1);
}

static void peppers_are_strict(void **state)
{
#define H "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	static const char *const bad[] = {
		"1 " H "0",
		"1 " H " ",
		"1  " H,
		"0 " H,
		"-1 " H,
		" 1 " H,
		H,
		"1 " H "\n1 " H,
		"1 " H "\n\n",
		"99999999 " H,
		"1 " H "\r\n2 " H "",
		"1",
	};
	struct aigw_pepper *p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (pepper_of(bad[i]))
			fail_msg("\"%s\"", bad[i]);
	p = pepper_of("7 " H);
	assert_non_null(p);
	assert_int_equal(aigw_pepper_newest(p), 7);
	assert_true(aigw_pepper_has(p, 7));
	assert_false(aigw_pepper_has(p, 1));
	aigw_pepper_free(p);
}

static void a_pepper_is_made_once(void **state)
{
	struct fixture *f = *state;
	struct aigw_secret *a, *b;
	struct aigw_err err;
	struct stat st;

	assert_int_equal(aigw_pepper_create(f->path, &err), 0);
	a = aigw_secret_file(f->path, false, &err);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(aigw_pepper_create(f->path, &err), 0);
	b = aigw_secret_file(f->path, false, &err);
	assert_non_null(a);
	assert_non_null(b);
	assert_string_equal(aigw_secret_bytes(a, NULL),
			    aigw_secret_bytes(b, NULL));
	aigw_secret_free(a);
	aigw_secret_free(b);
}

/* Store ------------------------------------------------------------------- */

static struct aigw_keys *parse(struct fixture *f, const char *text)
{
	struct aigw_err err = {0};
	struct aigw_keys *keys =
		aigw_keys_parse("s", text, strlen(text), f->pepper, &err);

	if (!keys)
		fail_msg("%s", err.text);
	return keys;
}

static int verify(const struct aigw_keys *keys, const char *key, int64_t now)
{
	const struct aigw_key *who;
	struct aigw_err err;
	int state = aigw_keys_verify(keys, key, strlen(key), now, &who, &err);

	assert_int_equal(who == NULL, state == AIGW_KEY_UNKNOWN);
	return state;
}

static void the_right_secret_is_known(void **state)
{
	struct aigw_keys *keys = parse(*state, FREE_LINE);
	struct aigw_keys *none = parse(*state, "");

	assert_int_equal(verify(keys, FREE, 1), AIGW_KEY_LIVE);
	assert_int_equal(verify(keys, WRONG, 1), AIGW_KEY_UNKNOWN);
	assert_int_equal(verify(keys, UNKNOWN, 1), AIGW_KEY_UNKNOWN);
	assert_int_equal(verify(keys, TYPO, 1), AIGW_KEY_UNKNOWN);
	assert_int_equal(verify(keys, "", 1), AIGW_KEY_UNKNOWN);
	assert_int_equal(verify(none, FREE, 1), AIGW_KEY_UNKNOWN);
	assert_null(aigw_keys_find(keys, "TestFre", 7));
	assert_null(aigw_keys_find(keys, "TestFre\0", 8));
	aigw_keys_free(keys);
	aigw_keys_free(none);
}

static void a_key_lives_from_to(void **state)
{
	struct aigw_key key = {.not_before = 100, .expires = 200};

	(void)state;
	assert_int_equal(aigw_key_state(&key, 99), AIGW_KEY_EARLY);
	assert_int_equal(aigw_key_state(&key, 100), AIGW_KEY_LIVE);
	assert_int_equal(aigw_key_state(&key, 199), AIGW_KEY_LIVE);
	assert_int_equal(aigw_key_state(&key, 200), AIGW_KEY_EXPIRED);
	key.revoked_at = 150;
	assert_int_equal(aigw_key_state(&key, 149), AIGW_KEY_LIVE);
	assert_int_equal(aigw_key_state(&key, 150), AIGW_KEY_REVOKED);
	assert_int_equal(aigw_key_state(&key, 300), AIGW_KEY_REVOKED);
}

static void bad_lines_are_named(void **state)
{
#define A "\"id\":\"TestFree\","
#define B "\"hmac\":\"" H "\","
#define C "\"pepper_v\":1,"
#define D "\"principal\":\"x\","
#define E "\"created\":\"2026-01-01T00:00:00Z\""
	static const struct {
		const char *text, *where, *why;
	} bad[] = {
		{"{" A B C D E "}\nx\n", "s:2: ", ""},
		{"{" A B C D E "}\n\n", "s:2: ", ""},
		{"[]\n", "s:1: ", "object"},
		{"{" B C D E "}\n", "s:1: ", "id is missing"},
		{"{" A C D E "}\n", "s:1: ", "hmac is missing"},
		{"{" A B D E "}\n", "s:1: ", "pepper_v is missing"},
		{"{" A B C E "}\n", "s:1: ", "principal is missing"},
		{"{" A B C D "\"note\":\"\"}", "s:1: ", "created is missing"},
		{"{" A A B C D E "}", "s:1: ", ""},
		{"{" A B C D E ",\"expire\":\"2027-01-01T00:00:00Z\"}",
		 "s:1: ", "unknown member"},
		{"{" A B C D E ",\"expires\":\"2027-01-01\"}",
		 "s:1: ", "expires: want a time"},
		{"{" A B C D E ",\"models\":\"gpt\"}", "s:1: ", "models: want"},
		{"{" A B C D E ",\"models\":[1]}", "s:1: ", "models: want"},
		{"{" A B C D E ",\"note\":\"a\\u0000b\"}",
		 "s:1: ", "note: want"},
		{"{" A B "\"pepper_v\":3," D E "}", "s:1: ", "version 3"},
		{"{" A B "\"pepper_v\":0," D E "}", "s:1: ", "pepper_v: want"},
		{"{" A B C "\"principal\":\"unix:a\"," E "}",
		 "s:1: ", "principal: want"},
		{"{\"id\":\"short\"," B C D E "}", "s:1: ", "id: want"},
		{"{\"id\":\"8 bytes!\"," B C D E "}", "s:1: ", "id: want"},
		{"{" A "\"hmac\":\"00\"," C D E "}", "s:1: ", "hmac: want"},
		{"{" A B C D E "}\n{" A B C D E "}\n{" A B C D E "}",
		 "s:3: ", "a third line"},
		{"{" A B C D E "}\n{" A B C "\"principal\":\"y\"," E "}",
		 "s:2: ", "line 1"},
	};
	struct fixture *f = *state;
	struct aigw_err err;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_null(aigw_keys_parse("s", bad[i].text,
					    strlen(bad[i].text), f->pepper,
					    &err));
		if (strncmp(err.text, bad[i].where, 5) != 0 ||
		    !strstr(err.text, bad[i].why))
			fail_msg("%s\n%s", bad[i].text, err.text);
	}
}

static void numbered(char *id, unsigned n)
{
	snprintf(id, AIGW_KEY_ID + 1, "%08u", n);
}

static void every_id_of_many_is_found(void **state)
{
	struct aigw_keys *keys;
	struct aigw_buf text;
	char id[AIGW_KEY_ID + 1];
	struct aigw_err err;
	unsigned i;

	aigw_buf_init(&text, AIGW_KEYS_BYTES);
	for (i = 0; i < 20000; i++) {
		numbered(id, i);
		assert_int_equal(aigw_buf_str(&text, "{\"id\":\""), 0);
		assert_int_equal(aigw_buf_str(&text, id), 0);
		assert_int_equal(aigw_buf_str(&text, "\"," B C D E "}\n"), 0);
	}
	keys = aigw_keys_parse("s", text.data, text.len,
			       ((struct fixture *)*state)->pepper, &err);
	assert_non_null(keys);
	assert_int_equal(aigw_keys_count(keys), 20000);
	for (i = 0; i < 20000; i++) {
		numbered(id, i);
		assert_ptr_equal(aigw_keys_find(keys, id, 8),
				 aigw_keys_at(keys, i));
	}
	numbered(id, 20000);
	assert_null(aigw_keys_find(keys, id, 8));
	aigw_keys_free(keys);
	aigw_buf_release(&text);
}

/* Changes ----------------------------------------------------------------- */

static char *slurp(const char *path)
{
	char *s = calloc(1, 65536);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_non_null(s);
	assert_true(fread(s, 1, 65535, f) < 65535);
	fclose(f);
	return s;
}

static void spit(const char *path, const char *s)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fputs(s, f) < 0, 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static void added_keys_read_back(void **state)
{
	static const char *const models[] = {"gpt-*", "\"\\\xc3\xa9", NULL};
	static const char *const none[] = {NULL};
	struct fixture *f = *state;
	struct aigw_key key = {.id = "AddedKey",
			       .pepper_v = 1,
			       .principal = "x",
			       .owner = "o",
			       .note = "n",
			       .created = 1,
			       .not_before = 2,
			       .expires = 3,
			       .models = models,
			       .operations = none};
	const struct aigw_key *back;
	struct aigw_keys *keys;
	struct aigw_err err;
	struct stat st;
	char *text;

	memset(key.mac, 0xa5, sizeof(key.mac));
	assert_int_equal(aigw_keys_add(f->path, &key, &err), 0);
	assert_int_equal(aigw_keys_add(f->path, &key, &err), -1);
	assert_string_equal(err.code, "key_exists");
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	text = slurp(f->path);
	keys = parse(f, text);
	back = aigw_keys_find(keys, "AddedKey", 8);
	assert_non_null(back);
	assert_memory_equal(back->mac, key.mac, sizeof(key.mac));
	assert_string_equal(back->owner, "o");
	assert_string_equal(back->note, "n");
	assert_int_equal(back->not_before, 2);
	assert_int_equal(back->expires, 3);
	assert_int_equal(back->revoked_at, 0);
	assert_string_equal(back->models[1], models[1]);
	assert_null(back->models[2]);
	assert_non_null(back->operations);
	assert_null(back->operations[0]);
	aigw_keys_free(keys);
	free(text);
}

static void other_lines_keep_their_bytes(void **state)
{
	static const char before[] =
		"{ \"created\":\"2026-01-01T00:00:00Z\", " A B C D
		"\"note\":\"\\u0041\" }\n";
	struct fixture *f = *state;
	struct aigw_err err;
	char *text;

	spit(f->path, before);
	assert_int_equal(chmod(f->path, 0640), 0);
	assert_int_equal(aigw_keys_add(f->path,
				       &(struct aigw_key){.id = "AddedKey",
							  .pepper_v = 1,
							  .principal = "x",
							  .created = 1},
				       &err),
			 0);
	assert_int_equal(aigw_keys_revoke(f->path, "AddedKey", 5, &err), 0);
	text = slurp(f->path);
	assert_memory_equal(text, before, strlen(before));
	assert_non_null(
		strstr(text, "\"revoked_at\":\"1970-01-01T00:00:05Z\""));
	free(text);
	assert_int_equal(aigw_keys_revoke(f->path, "AddedKey", 6, &err), -1);
	assert_string_equal(err.code, "key_revoked");
	assert_int_equal(aigw_keys_revoke(f->path, "NobodyAs", 6, &err), -1);
	assert_string_equal(err.code, "no_such_key");
}

static void a_broken_store_is_left_alone(void **state)
{
	static const char broken[] = FREE_LINE "{\"id\":";
	struct fixture *f = *state;
	struct aigw_err err;
	char *text;

	spit(f->path, broken);
	assert_int_equal(aigw_keys_revoke(f->path, "TestFree", 5, &err), -1);
	assert_non_null(strstr(err.text, "keys.jsonl:2: "));
	text = slurp(f->path);
	assert_string_equal(text, broken);
	free(text);
}

/* The states of both secrets of TestFree: 'L'ive or 'x'. */
static void check_secrets(struct fixture *f, int64_t now, size_t n,
			  const char *want)
{
	char *text = slurp(f->path);
	struct aigw_keys *keys = parse(f, text);
	size_t i;

	assert_int_equal(aigw_keys_count(keys), n);
	for (i = 0; i < n; i++)
		assert_int_equal(aigw_key_state(aigw_keys_at(keys, i), now) ==
					 AIGW_KEY_LIVE,
				 want[i] == 'L');
	aigw_keys_free(keys);
	free(text);
}

static int rotate(struct fixture *f, int64_t now, int64_t overlap, int fill)
{
	unsigned char mac[AIGW_KEY_MAC];
	struct aigw_err err;

	memset(mac, fill, sizeof(mac));
	return aigw_keys_rotate(f->path, "TestFree", mac, 2, now, overlap,
				&err);
}

static void rotation_overlaps(void **state)
{
	struct fixture *f = *state;
	int64_t t = 1800000000;
	char *text;

	spit(f->path, FREE_LINE);
	assert_int_equal(rotate(f, t, 100, 1), 0);
	check_secrets(f, t + 99, 2, "LL");
	check_secrets(f, t + 100, 2, "xL");
	text = slurp(f->path);
	assert_non_null(strstr(text, "\"pepper_v\":2"));
	assert_non_null(
		strstr(text, "\"rotated_from\":\"2026-01-01T00:00:00Z\""));
	free(text);
	assert_int_equal(rotate(f, t + 50, 100, 2), -1);
	check_secrets(f, t + 99, 2, "LL");
	assert_int_equal(rotate(f, t + 200, 100, 3), 0);
	check_secrets(f, t + 299, 2, "LL");
	check_secrets(f, t + 300, 2, "xL");
	assert_int_equal(rotate(f, t + 250, 0, 4), 0);
	check_secrets(f, t + 250, 2, "xL");
}

static void ended_keys_are_not_rotated(void **state)
{
	struct fixture *f = *state;
	struct aigw_err err;

	spit(f->path, FREE_LINE);
	assert_int_equal(aigw_keys_revoke(f->path, "TestFree", 5, &err), 0);
	assert_int_equal(rotate(f, 1800000000, 100, 1), -1);
	check_secrets(f, 1800000000, 1, "x");
}

/* Two processes at once: the lock keeps every line. */
static void writers_wait_for_each_other(void **state)
{
	struct fixture *f = *state;
	struct aigw_key key = {.pepper_v = 1, .principal = "x", .created = 1};
	struct aigw_err err;
	unsigned i, who = 0;
	int status;
	pid_t pid;
	char *text;

	pid = fork();
	assert_true(pid >= 0);
	who = pid == 0;
	for (i = 0; i < 25; i++) {
		numbered(key.id, i + 1000 * who);
		if (aigw_keys_add(f->path, &key, &err) < 0)
			break;
	}
	if (pid == 0)
		_exit(i == 25 ? 0 : 1);
	assert_int_equal(i, 25);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	text = slurp(f->path);
	check_secrets(f, 5, 50,
		      "LLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLLL");
	free(text);
}

/* A write that fails (the limit stands for a full disk) changes nothing. */
static void a_failed_write_changes_nothing(void **state)
{
	struct fixture *f = *state;
	struct aigw_err err;
	int status;
	pid_t pid;

	spit(f->path, FREE_LINE);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit none = {100, 100};

		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &none);
		_exit(aigw_keys_revoke(f->path, "TestFree", 5, &err) == -1 ? 0
									   : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	check_secrets(f, 1800000000, 1, "L");
}

static void a_store_others_write_is_refused(void **state)
{
	struct fixture *f = *state;
	struct aigw_buf text;
	struct aigw_err err;

	aigw_buf_init(&text, AIGW_KEYS_BYTES);
	assert_int_equal(aigw_keys_read(f->path, false, &text, NULL, &err), -1);
	assert_string_equal(err.code, "no_store");
	spit(f->path, FREE_LINE);
	assert_int_equal(chmod(f->path, 0620), 0);
	assert_int_equal(aigw_keys_read(f->path, false, &text, NULL, &err), -1);
	assert_string_equal(err.code, "secret_permissions");
	assert_int_equal(aigw_keys_read(f->path, true, &text, NULL, &err), 0);
	assert_int_equal(text.len, strlen(FREE_LINE));
	aigw_buf_release(&text);
}

#define WITH_FILES(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_keys_are_valid),
		cmocka_unit_test(every_changed_byte_is_noticed),
		cmocka_unit_test(new_keys_are_valid_and_differ),
		cmocka_unit_test(random_characters_are_even),
		cmocka_unit_test(principals_are_plain_words),
		cmocka_unit_test(times_are_strict),
		WITH_FILES(hashes_are_the_published_function),
		cmocka_unit_test(peppers_are_strict),
		WITH_FILES(a_pepper_is_made_once),
		WITH_FILES(the_right_secret_is_known),
		cmocka_unit_test(a_key_lives_from_to),
		WITH_FILES(bad_lines_are_named),
		WITH_FILES(every_id_of_many_is_found),
		WITH_FILES(added_keys_read_back),
		WITH_FILES(other_lines_keep_their_bytes),
		WITH_FILES(a_broken_store_is_left_alone),
		WITH_FILES(rotation_overlaps),
		WITH_FILES(ended_keys_are_not_rotated),
		WITH_FILES(writers_wait_for_each_other),
		WITH_FILES(a_failed_write_changes_nothing),
		WITH_FILES(a_store_others_write_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
