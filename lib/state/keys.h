/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keys.h - API keys: their form, their pepper, the store, its changes
 *
 * A key is aigw_live_<id 8><secret 32><checksum 6>, all base62. The id is
 * public; the checksum (CRC-32 of all before it) tells a typo from a guess; the
 * secret is 190 random bits, so a fast keyed hash protects it at rest: the
 * store holds HMAC-SHA256(pepper, whole key) and the version of the pepper.
 *
 * A store is a text file, one JSON object a line:
 *
 *     {"id":"0aZ…","hmac":"<64 hex>","pepper_v":1,"principal":"team-a/bob",
 *      "owner":"bob@example.org","created":"2026-11-22T18:55:37Z",
 *      "not_before":…,"expires":…,"revoked_at":…,"models":["gpt-*"],
 *      "operations":["chat"],"rotated_from":"<created of the one before>",
 *      "note":"CI"}
 *
 * id, hmac, pepper_v, principal and created must be there; a member that is
 * none of these is an error, because a mistyped "expires" would be no limit.
 * Two lines may share an id and a principal: the two secrets of a rotation.
 */
#ifndef AIGW_STATE_KEYS_H
#define AIGW_STATE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "state/secret.h"

#define AIGW_KEY_PREFIX "aigw_live_"
#define AIGW_KEY_LEN 57 /* bytes of a whole key */
#define AIGW_KEY_ID 8
#define AIGW_KEY_MAC 32

#define AIGW_KEYS_MAX 1000000		    /* lines of a store */
#define AIGW_KEYS_BYTES (256 * 1024 * 1024) /* of a store */
#define AIGW_KEYS_LINE (64 * 1024)	    /* bytes of one line */

/* Form ------------------------------------------------------------------- */

/* Prefix, length, alphabet and checksum; says nothing about who holds it. */
bool aigw_key_valid(const char *key, size_t len);
/* The id inside a valid key: AIGW_KEY_ID bytes, no NUL. */
const char *aigw_key_id(const char *key);
/* Random base62 without bias: `n` characters and a NUL. */
int aigw_key_random(char *out, size_t n, struct aigw_err *err) AIGW_MUST_CHECK;
/* A new key with this id (AIGW_KEY_ID characters); the caller frees it. */
struct aigw_secret *aigw_key_new(const char *id,
				 struct aigw_err *err) AIGW_MUST_CHECK;
/* May this be whom a key or a user speaks for: 1..128 of A-Z a-z 0-9 and
 * "._@+:/-", and not "unix:…", which is for users that have no other name. */
bool aigw_principal_valid(const char *s, size_t len);

/* Pepper ------------------------------------------------------------------ */

/*
 * A text of one or more lines "VERSION HEX": a number from 1 up, a space, 64
 * hex digits. New keys are made with the highest version, the others stay for
 * the keys that were made with them.
 */
struct aigw_pepper;

/* The caller frees it, and may free `text` at once. */
struct aigw_pepper *aigw_pepper_new(const struct aigw_secret *text,
				    struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_pepper_free(struct aigw_pepper *p); /* NULL is fine */
int64_t aigw_pepper_newest(const struct aigw_pepper *p);
bool aigw_pepper_has(const struct aigw_pepper *p, int64_t version);
int aigw_pepper_mac(const struct aigw_pepper *p, int64_t version,
		    const char *key, size_t len,
		    unsigned char mac[AIGW_KEY_MAC],
		    struct aigw_err *err) AIGW_MUST_CHECK;
/* Write a file with a random version 1, mode 0600. One that is there already
 * stays as it is, and that is a success. */
int aigw_pepper_create(const char *path, struct aigw_err *err) AIGW_MUST_CHECK;

/* Store ------------------------------------------------------------------- */

/* One line. Texts are NULL, times 0 (seconds since 1970) when not given; lists
 * end with NULL, and one that is not given (NULL) allows everything. */
struct aigw_key {
	char id[AIGW_KEY_ID + 1];
	unsigned char mac[AIGW_KEY_MAC];
	int64_t pepper_v;
	const char *principal, *owner, *note, *rotated_from;
	int64_t created, not_before, expires, revoked_at;
	const char *const *models, *const *operations;
	size_t at, len; /* its bytes in the text, without the line end */
};

enum aigw_key_state {
	AIGW_KEY_LIVE,
	AIGW_KEY_EARLY, /* not_before is to come */
	AIGW_KEY_EXPIRED,
	AIGW_KEY_REVOKED,
	AIGW_KEY_UNKNOWN /* no such id, another secret, or no key at all */
};

struct aigw_keys;

/*
 * Read a store; `name` begins the messages ("keys.jsonl:3: …"). With a pepper,
 * its version must be known for every line; NULL is for reading only. The text
 * is not kept. The caller frees it; `pepper` must outlive it.
 */
struct aigw_keys *aigw_keys_parse(const char *name, const char *text,
				  size_t len, const struct aigw_pepper *pepper,
				  struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_keys_free(struct aigw_keys *keys); /* NULL is fine */
size_t aigw_keys_count(const struct aigw_keys *keys);
const struct aigw_key *aigw_keys_at(const struct aigw_keys *keys, size_t n);
/* The first line with an id (any bytes), or NULL; and the one behind it. */
const struct aigw_key *aigw_keys_find(const struct aigw_keys *keys,
				      const char *id, size_t len);
const struct aigw_key *aigw_keys_twin(const struct aigw_keys *keys,
				      const struct aigw_key *key);

enum aigw_key_state aigw_key_state(const struct aigw_key *key, int64_t now);
const char *aigw_key_state_name(enum aigw_key_state state);

/*
 * Whose key is this? Its state, and `*who` when the secret is right (NULL for
 * AIGW_KEY_UNKNOWN), or -1. Constant time: an id that nobody has costs the same
 * as a wrong secret. Without a pepper nothing is known.
 */
int aigw_keys_verify(const struct aigw_keys *keys, const char *key, size_t len,
		     int64_t now, const struct aigw_key **who,
		     struct aigw_err *err) AIGW_MUST_CHECK;

/* Text -------------------------------------------------------------------- */

void aigw_key_hex(const unsigned char mac[AIGW_KEY_MAC],
		  char out[2 * AIGW_KEY_MAC]); /* no NUL */
/* The object of a store's line; with a `state` it has that instead of the
 * hash, for people. */
void aigw_key_write(struct aigw_json *w, const struct aigw_key *key,
		    const char *state);
/* All keys without their hashes, as JSON lines and as a table. */
int aigw_keys_lines(const struct aigw_keys *keys, int64_t now,
		    struct aigw_buf *out, struct aigw_err *err) AIGW_MUST_CHECK;
int aigw_keys_table(const struct aigw_keys *keys, int64_t now,
		    struct aigw_buf *out, struct aigw_err *err) AIGW_MUST_CHECK;

/* Files ------------------------------------------------------------------- */

/* Where both files are unless somebody says otherwise: NAME in the folder
 * $XDG_STATE_HOME/aigw, else ~/.local/state/aigw, else /var/lib/aigw. */
int aigw_keys_path(const char *name, struct aigw_buf *path,
		   struct aigw_err *err) AIGW_MUST_CHECK;

/* What a file was when it was read; all zero: it was not there. */
struct aigw_stamp {
	uint64_t dev, ino, size;
	int64_t sec;
	long nsec;
};
/* The stamp of a path now; an unreadable one counts as not there. */
struct aigw_stamp aigw_stamp_of(const char *path);
bool aigw_stamp_same(const struct aigw_stamp *a, const struct aigw_stamp *b);

/*
 * The bytes of a store, to `text`. A store that others can write to is refused
 * unless `loose`: they could give themselves more than they have. `stamp` may
 * be NULL. -1 with code "no_store" when there is none.
 */
int aigw_keys_read(const char *path, bool loose, struct aigw_buf *text,
		   struct aigw_stamp *stamp,
		   struct aigw_err *err) AIGW_MUST_CHECK;

/* Changes ----------------------------------------------------------------- */

/*
 * All three lock the store against other writers, put the new text beside it,
 * check that it reads back, and rename it: whoever reads sees the old store or
 * the new one, and a failure leaves the old. Other lines keep their bytes, the
 * file its owner and mode; a new one has mode 0600.
 */

/* Append a line. `key->at` and `key->len` are not used. */
int aigw_keys_add(const char *path, const struct aigw_key *key,
		  struct aigw_err *err) AIGW_MUST_CHECK;
/* End all secrets of an id that are not revoked yet. */
int aigw_keys_revoke(const char *path, const char *id, int64_t now,
		     struct aigw_err *err) AIGW_MUST_CHECK;
/*
 * Append a line for a new secret of this id, with the rights of the newest one,
 * which ends `overlap` seconds from now. A secret that ended before is
 * dropped; while two are live only overlap 0 is possible and ends both.
 */
int aigw_keys_rotate(const char *path, const char *id,
		     const unsigned char mac[AIGW_KEY_MAC], int64_t pepper_v,
		     int64_t now, int64_t overlap,
		     struct aigw_err *err) AIGW_MUST_CHECK;

#endif
