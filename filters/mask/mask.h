/* SPDX-License-Identifier: Apache-2.0 */
/* mask.h - the parts of aigw-mask: tokens, their map, and restoring */
#ifndef MASK_MASK_H
#define MASK_MASK_H

#include "aigw.h"
#include "find.h"

#define MASK_NAME_MAX 24   /* bytes of a user type's name */
#define MASK_USER_TYPES 64 /* --pattern */
#define MASK_KINDS (MASK_TYPES + MASK_USER_TYPES)
#define MASK_STREAM_SLOTS 256
#define MASK_STREAMS_MAX 65536	 /* open at a time */
#define MASK_OUT_MAX (64u << 20) /* bytes of any text made here */

/* map.c: tokens and what they stand for ---------------------------------- */

/* All derived from the state key; the key itself is not kept. */
struct mask_keys {
	unsigned char token[32], hash[32], seal[32], nonce[32];
};

/* Read the key: `path`, or aigw/state.key below $XDG_STATE_HOME, which is made
 * on first use; `loose`: others may read it. Wipe with mask_keys_wipe(). */
int mask_keys_load(struct mask_keys *keys, const char *path, bool loose,
		   struct aigw_err *err) AIGW_MUST_CHECK;
void mask_keys_wipe(struct mask_keys *keys);

struct mask_entry {
	char *name;	 /* "EMAIL_7Q2MK4TB" */
	size_t type_len; /* 5; the id is behind the _ */
	char *value;
	size_t len;
};

/* The values of one request. Zeroed is empty. */
struct mask_map {
	struct mask_entry *v;
	size_t n, cap;
	unsigned *slots; /* index + 1, by id */
	size_t size;
};
void mask_map_release(struct mask_map *map);

/*
 * The entry of a value, made if it is new. Values that differ only in ways
 * that do not matter for their type (case of an e-mail address, spaces of a
 * card number) share one, and the first spelling is what comes back. NULL when
 * memory is out.
 */
struct mask_value {
	unsigned kind;	  /* enum mask_type, or a user type */
	const char *type; /* its name */
	const char *s;
	size_t len;
};
const struct mask_entry *mask_map_add(struct mask_map *map,
				      const struct mask_keys *keys,
				      const char *scope, size_t scope_len,
				      const struct mask_value *value);

/* By id, in any case; NULL when it is none of ours. */
const struct mask_entry *mask_map_find(const struct mask_map *map,
				       const char *id, size_t len);

/* 16 hex digits that equal values of a type share, and nothing leads back. */
int mask_hash(const struct mask_keys *keys, const char *scope, size_t scope_len,
	      const struct mask_value *value, char out[17]);

/*
 * The map as base64 text under AES-256-GCM, bound to the envelope's id. The
 * nonce is an HMAC of id and content, so equal input gives equal output and no
 * nonce serves two contents.
 */
int mask_seal(const struct mask_keys *keys, const struct mask_map *map,
	      const char *id, size_t id_len, struct aigw_buf *out,
	      struct aigw_err *err) AIGW_MUST_CHECK;
/* Adds to `map`. A text that this key and id did not seal is an error. */
int mask_unseal(const struct mask_keys *keys, const char *text, size_t len,
		const char *id, size_t id_len, struct mask_map *map,
		struct aigw_err *err) AIGW_MUST_CHECK;

/* restore.c: tokens in an answer ------------------------------------------ */

#define MASK_HOLD_MAX 160 /* bytes a split token can have, escapes included */

/* One text on its way back, whole or in pieces. Zeroed, then `map` set. */
struct mask_restore {
	const struct mask_map *map;
	bool json; /* the text is JSON: escape what is put in */
	bool urls; /* restore inside URLs too */
	bool in_url, in_tag, in_target; /* of a link: behind "](" */
	char last[2];			/* the bytes before */
	char held[MASK_HOLD_MAX];
	size_t held_len;
};

/*
 * The next piece; `last` says that none follows. Appends to `out` everything
 * that can be decided and keeps the rest, at most MASK_HOLD_MAX bytes, which
 * can still become a token. -1 when `out` is full.
 */
int mask_restore(struct mask_restore *r, const char *s, size_t len, bool last,
		 struct aigw_buf *out) AIGW_MUST_CHECK;

/* The filter's instance: options, and what open() made of them ------------ */

enum mask_op { MASK_TOKEN, MASK_REDACT, MASK_STARS, MASK_HASH, MASK_KEEP };

struct mask_stream;

struct mask {
	char *state_key;
	bool loose, spans, keep_local_ip, restore_urls;
	int scope, media, numbers, token_ids;
	struct aigw_list ops, off, patterns, deny, allow, deny_files,
		allow_files;

	struct mask_keys keys;
	struct mask_finder *finder;
	struct mask_words *deny_words, *allow_words;
	struct mask_hits hits;
	const char *names[MASK_KINDS]; /* borrowed */
	enum mask_op op[MASK_KINDS];
	size_t kinds;
	char user_names[MASK_USER_TYPES][MASK_NAME_MAX + 1];
	struct mask_stream *streams[MASK_STREAM_SLOTS]; /* by id */
	size_t n_streams;
};

/* request.c: 0, or -1 and the request must not go on. */
int mask_request(struct mask *m, struct aigw_env *env, struct aigw_err *err);
/* answer.c */
int mask_answer(struct mask *m, struct aigw_env *env, struct aigw_err *err);
/* In a failed envelope the request too, so that it can be sent again. */
int mask_error(struct mask *m, struct aigw_env *env, struct aigw_err *err);
int mask_chunk(struct mask *m, struct aigw_env *env, struct aigw_err *err);
/* The stream of this envelope is over: send what is held back, unless the
 * client is gone (`quiet`), and forget it. */
int mask_stream_end(struct mask *m, struct aigw_env *env, bool quiet,
		    struct aigw_err *err);
void mask_streams_free(struct mask *m);
/* spans.c */
int mask_spans(void *self, FILE *in, FILE *out, const struct aigw_log *log);

#endif
