/* SPDX-License-Identifier: Apache-2.0 */
/* keystore.c - a store of keys in memory: read once, found at once */
#include "state/keys.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/crypto.h>

#include "core/json.h"
#include "state/utc.h"

#define CHUNK (64 * 1024) /* texts are put by in pieces of this */
#define BAD_STORE AIGW_E_INTERNAL, "invalid_store"

struct entry {
	struct aigw_key key;
	uint32_t twin; /* index + 1 of the second line with this id */
};

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t bytes[];
};

/* `slots` is open addressing, at most half full: index + 1, or 0. */
struct aigw_keys {
	const struct aigw_pepper *pepper;
	struct entry *v;
	size_t n, cap;
	uint32_t *slots;
	size_t mask;
	struct chunk *chunks;
	unsigned char nobody[AIGW_KEY_MAC]; /* compared for unknown ids */
};

/* One line ---------------------------------------------------------------- */

enum type { ID, MAC, VERSION, PRINCIPAL, TEXT, TIME, LIST };

static const struct member {
	const char *name, *want;
	enum type type;
	size_t offset;
	bool must;
} members[] = {
#define FIELD(f) offsetof(struct aigw_key, f)
	{"id", "8 characters of base62", ID, FIELD(id), true},
	{"hmac", "64 hex digits", MAC, FIELD(mac), true},
	{"pepper_v", "a number from 1 up", VERSION, FIELD(pepper_v), true},
	{"principal", "1 to 128 of A-Z a-z 0-9 . _ @ + : / -, not unix:…",
	 PRINCIPAL, FIELD(principal), true},
	{"owner", "a text", TEXT, FIELD(owner), false},
	{"created", "a time like 2026-11-22T18:55:37Z", TIME, FIELD(created),
	 true},
	{"not_before", "a time like 2026-11-22T18:55:37Z", TIME,
	 FIELD(not_before), false},
	{"expires", "a time like 2026-11-22T18:55:37Z", TIME, FIELD(expires),
	 false},
	{"revoked_at", "a time like 2026-11-22T18:55:37Z", TIME,
	 FIELD(revoked_at), false},
	{"models", "a list of patterns", LIST, FIELD(models), false},
	{"operations", "a list of patterns", LIST, FIELD(operations), false},
	{"rotated_from", "a text", TEXT, FIELD(rotated_from), false},
	{"note", "a text", TEXT, FIELD(note), false},
#undef FIELD
};
#define MEMBERS (sizeof(members) / sizeof(members[0]))

static void *put_by(struct aigw_keys *keys, size_t size)
{
	struct chunk *c = keys->chunks;
	void *p;

	size = (size + sizeof(void *) - 1) & ~(sizeof(void *) - 1);
	if (!c || c->size - c->used < size) {
		c = malloc(sizeof(*c) + (size > CHUNK ? size : CHUNK));
		if (!c)
			return NULL;
		c->size = size > CHUNK ? size : CHUNK;
		c->used = 0;
		c->next = keys->chunks;
		keys->chunks = c;
	}
	p = (char *)c->bytes + c->used;
	c->used += size;
	return p;
}

/* Without NUL inside, so that it can be used as a C string. */
static const char *text(struct aigw_keys *keys, const struct aigw_val *v)
{
	const char *s;
	size_t len;
	char *copy;

	s = aigw_val_str(v, &len);
	if (!s || memchr(s, '\0', len))
		return NULL;
	copy = put_by(keys, len + 1);
	if (copy)
		memcpy(copy, s, len + 1);
	return copy;
}

static const char *const *list(struct aigw_keys *keys, const struct aigw_val *v)
{
	struct aigw_iter it = aigw_iter_init(v);
	const struct aigw_val *item;
	const char **words;
	size_t n = 0;

	if (aigw_val_type(v) != AIGW_ARRAY)
		return NULL;
	words = put_by(keys, (aigw_val_len(v) + 1) * sizeof(*words));
	if (!words)
		return NULL;
	while ((item = aigw_iter_next(&it))) {
		words[n] = text(keys, item);
		if (!words[n++])
			return NULL;
	}
	words[n] = NULL;
	return words;
}

static bool hex(const char *s, size_t len, unsigned char *out, size_t n)
{
	size_t i;
	int digit;

	if (!s || len != 2 * n)
		return false;
	for (i = 0; i < len; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			digit = s[i] - '0';
		else if (s[i] >= 'a' && s[i] <= 'f')
			digit = s[i] - 'a' + 10;
		else
			return false;
		out[i / 2] = (unsigned char)(out[i / 2] << 4 | digit);
	}
	return true;
}

static bool id(const char *s, size_t len, char out[AIGW_KEY_ID + 1])
{
	size_t i;

	if (!s || len != AIGW_KEY_ID)
		return false;
	for (i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') ||
		      ((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z')))
			return false;
	memcpy(out, s, len + 1);
	return true;
}

static bool set(struct aigw_keys *keys, const struct member *m,
		const struct aigw_val *v, void *field)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);
	int64_t *n = field;

	switch (m->type) {
	case ID:
		return id(s, len, field);
	case MAC:
		return hex(s, len, field, AIGW_KEY_MAC);
	case VERSION:
		return aigw_val_int(v, n) && *n > 0;
	case TIME:
		return s && aigw_utc_parse(s, len, n);
	case LIST:
		return (*(const char *const **)field = list(keys, v)) != NULL;
	case PRINCIPAL:
		if (!s || !aigw_principal_valid(s, len))
			return false;
		break;
	case TEXT:
		break;
	}
	return (*(const char **)field = text(keys, v)) != NULL;
}

static int read_members(struct aigw_keys *keys, const struct aigw_val *line,
			struct aigw_key *key, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(line);
	const struct aigw_val *v;
	size_t i, seen = 0;

	if (aigw_val_type(line) != AIGW_OBJECT)
		return aigw_fail_as(err, BAD_STORE, "want a JSON object");
	while ((v = aigw_iter_next(&it))) {
		for (i = 0; i < MEMBERS; i++)
			if (strlen(members[i].name) == it.key_len &&
			    !memcmp(members[i].name, it.key, it.key_len))
				break;
		if (i == MEMBERS)
			return aigw_fail_as(err, BAD_STORE,
					    "unknown member \"%.40s\"", it.key);
		if (!set(keys, &members[i], v, (char *)key + members[i].offset))
			return aigw_fail_as(err, BAD_STORE, "%s: want %s",
					    members[i].name, members[i].want);
		seen |= (size_t)1 << i;
	}
	for (i = 0; i < MEMBERS; i++)
		if (members[i].must && !(seen >> i & 1))
			return aigw_fail_as(err, BAD_STORE, "%s is missing",
					    members[i].name);
	if (keys->pepper && !aigw_pepper_has(keys->pepper, key->pepper_v))
		return aigw_fail_as(err, BAD_STORE,
				    "version %lld is not in the pepper",
				    (long long)key->pepper_v);
	return 0;
}

static int read_line(struct aigw_keys *keys, const char *s, size_t len,
		     struct aigw_key *key, struct aigw_err *err)
{
	struct aigw_doc *doc;
	int rc;

	if (len > AIGW_KEYS_LINE)
		return aigw_fail_as(err, BAD_STORE, "more than %d bytes",
				    AIGW_KEYS_LINE);
	doc = aigw_doc_parse(s, len, err);
	if (!doc)
		return -1;
	rc = read_members(keys, aigw_doc_root(doc), key, err);
	aigw_doc_free(doc);
	return rc;
}

/* All lines --------------------------------------------------------------- */

static struct aigw_key *next_key(struct aigw_keys *keys, struct aigw_err *err)
{
	size_t cap = keys->cap ? keys->cap * 2 : 16;
	struct entry *v;

	if (keys->n == AIGW_KEYS_MAX) {
		aigw_fail_as(err, BAD_STORE, "more than %d keys",
			     AIGW_KEYS_MAX);
		return NULL;
	}
	if (keys->n == keys->cap) {
		v = realloc(keys->v, cap * sizeof(*v));
		if (!v) {
			aigw_fail(err, "out of memory");
			return NULL;
		}
		keys->v = v;
		keys->cap = cap;
	}
	memset(&keys->v[keys->n], 0, sizeof(*keys->v));
	return &keys->v[keys->n].key;
}

static int read_lines(struct aigw_keys *keys, const char *s, size_t len,
		      struct aigw_err *err)
{
	const char *start = s, *stop, *end;
	struct aigw_key *key;

	if (len == 0)
		return 0;	   /* and there may be no text at all */
	if (len > AIGW_KEYS_BYTES) /* named as line 1: there is no better */
		return aigw_fail_as(err, BAD_STORE, "more than %d bytes",
				    AIGW_KEYS_BYTES);
	for (stop = s + len; s < stop; s = end + 1) {
		end = memchr(s, '\n', (size_t)(stop - s));
		if (!end)
			end = stop;
		key = next_key(keys, err);
		if (!key || read_line(keys, s, (size_t)(end - s), key, err) < 0)
			return -1;
		key->at = (size_t)(s - start);
		key->len = (size_t)(end - s);
		keys->n++;
	}
	return 0;
}

/* The eight characters as a number, mixed (the finaliser of MurmurHash3). */
static size_t hash(const char *s)
{
	uint64_t h;

	memcpy(&h, s, sizeof(h));
	h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
	h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return (size_t)(h ^ h >> 33);
}
_Static_assert(AIGW_KEY_ID == sizeof(uint64_t), "hash() takes an id whole");

/* The slot of an id, or the empty one where it belongs. */
static uint32_t *slot(const struct aigw_keys *keys, const char *s)
{
	size_t i = hash(s) & keys->mask;

	while (keys->slots[i] &&
	       memcmp(keys->v[keys->slots[i] - 1].key.id, s, AIGW_KEY_ID) != 0)
		i = (i + 1) & keys->mask;
	return &keys->slots[i];
}

/* On failure `*line` is where. */
static int index_all(struct aigw_keys *keys, size_t *line, struct aigw_err *err)
{
	size_t size = 2;
	struct entry *first;
	uint32_t *at;

	while (size < 2 * keys->n)
		size *= 2;
	keys->slots = calloc(size, sizeof(*keys->slots));
	if (!keys->slots)
		return aigw_fail(err, "out of memory");
	keys->mask = size - 1;
	for (*line = 0; *line < keys->n; ++*line) {
		at = slot(keys, keys->v[*line].key.id);
		if (!*at) {
			*at = (uint32_t)*line + 1;
			continue;
		}
		first = &keys->v[*at - 1];
		if (first->twin)
			return aigw_fail_as(err, BAD_STORE,
					    "a third line with this id");
		if (strcmp(first->key.principal,
			   keys->v[*line].key.principal) != 0)
			return aigw_fail_as(err, BAD_STORE,
					    "line %u gives this id to another "
					    "principal",
					    *at);
		first->twin = (uint32_t)*line + 1;
	}
	return 0;
}

struct aigw_keys *aigw_keys_parse(const char *name, const char *s, size_t len,
				  const struct aigw_pepper *pepper,
				  struct aigw_err *err)
{
	struct aigw_keys *keys = calloc(1, sizeof(*keys));
	size_t line = 0;

	if (!keys || getrandom(keys->nobody, sizeof(keys->nobody), 0) !=
			     (ssize_t)sizeof(keys->nobody)) {
		free(keys);
		aigw_fail(err, "%s: out of memory or randomness", name);
		return NULL;
	}
	keys->pepper = pepper;
	if (read_lines(keys, s, len, err) < 0)
		line = keys->n;
	else if (index_all(keys, &line, err) == 0)
		return keys;
	aigw_fail_in(err, "%s:%zu", name, line + 1);
	aigw_keys_free(keys);
	return NULL;
}

void aigw_keys_free(struct aigw_keys *keys)
{
	struct chunk *c;

	if (!keys)
		return;
	while ((c = keys->chunks)) {
		keys->chunks = c->next;
		free(c);
	}
	free(keys->slots);
	free(keys->v);
	free(keys);
}

size_t aigw_keys_count(const struct aigw_keys *keys)
{
	return keys->n;
}

const struct aigw_key *aigw_keys_at(const struct aigw_keys *keys, size_t n)
{
	return n < keys->n ? &keys->v[n].key : NULL;
}

const struct aigw_key *aigw_keys_find(const struct aigw_keys *keys,
				      const char *s, size_t len)
{
	uint32_t at = len == AIGW_KEY_ID ? *slot(keys, s) : 0;

	return at ? &keys->v[at - 1].key : NULL;
}

/* The key is the first member of its entry. */
const struct aigw_key *aigw_keys_twin(const struct aigw_keys *keys,
				      const struct aigw_key *key)
{
	uint32_t twin = ((const struct entry *)(const void *)key)->twin;

	return twin ? &keys->v[twin - 1].key : NULL;
}

enum aigw_key_state aigw_key_state(const struct aigw_key *key, int64_t now)
{
	if (key->revoked_at && key->revoked_at <= now)
		return AIGW_KEY_REVOKED;
	if (key->expires && key->expires <= now)
		return AIGW_KEY_EXPIRED;
	if (key->not_before > now)
		return AIGW_KEY_EARLY;
	return AIGW_KEY_LIVE;
}

const char *aigw_key_state_name(enum aigw_key_state state)
{
	static const char *const names[] = {
		[AIGW_KEY_LIVE] = "live",	[AIGW_KEY_EARLY] = "early",
		[AIGW_KEY_EXPIRED] = "expired", [AIGW_KEY_REVOKED] = "revoked",
		[AIGW_KEY_UNKNOWN] = "unknown",
	};

	return names[state];
}

/*
 * Always one hash and two comparisons, whoever asks; a second hash only while
 * the pepper of a key is being changed.
 */
int aigw_keys_verify(const struct aigw_keys *keys, const char *key, size_t len,
		     int64_t now, const struct aigw_key **who,
		     struct aigw_err *err)
{
	const struct aigw_key *first, *twin = NULL;
	unsigned char mac[AIGW_KEY_MAC];
	int64_t version;
	bool one, two;

	*who = NULL;
	if (!keys->pepper || !aigw_key_valid(key, len))
		return AIGW_KEY_UNKNOWN;
	first = aigw_keys_find(keys, aigw_key_id(key), AIGW_KEY_ID);
	if (first)
		twin = aigw_keys_twin(keys, first);
	version = first ? first->pepper_v : aigw_pepper_newest(keys->pepper);
	if (aigw_pepper_mac(keys->pepper, version, key, len, mac, err) < 0)
		return -1;
	one = !CRYPTO_memcmp(mac, first ? first->mac : keys->nobody,
			     sizeof(mac));
	if (twin && twin->pepper_v != version &&
	    aigw_pepper_mac(keys->pepper, twin->pepper_v, key, len, mac, err) <
		    0)
		return -1;
	two = !CRYPTO_memcmp(mac, twin ? twin->mac : keys->nobody, sizeof(mac));
	*who = one ? first : two ? twin : NULL;
	return *who ? (int)aigw_key_state(*who, now) : AIGW_KEY_UNKNOWN;
}
