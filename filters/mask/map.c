/* SPDX-License-Identifier: Apache-2.0 */
/* map.c - tokens, the values they stand for, and the sealed map of both */
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "mask.h"

#define ID_MIN 8
#define ID_MAX 48
#define NONCE 12
#define TAG 16
#define VERSION 1 /* first byte of a sealed map */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"; /* RFC 4648 */

void mask_map_release(struct mask_map *map)
{
	for (size_t i = 0; i < map->n; i++) {
		OPENSSL_cleanse(map->v[i].value, map->v[i].len);
		free(map->v[i].value);
		free(map->v[i].name);
	}
	free(map->v);
	free(map->slots);
	memset(map, 0, sizeof(*map));
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static unsigned slot_of(const struct mask_map *map, const char *id, size_t len)
{
	unsigned h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)upper(id[i])) * 16777619u;
	return h & (unsigned)(map->size - 1);
}

static const char *id_of(const struct mask_entry *e)
{
	return e->name + e->type_len + 1;
}

const struct mask_entry *mask_map_find(const struct mask_map *map,
				       const char *id, size_t len)
{
	if (!map->size || len < ID_MIN)
		return NULL;
	for (unsigned s = slot_of(map, id, len);;
	     s = (s + 1) & (map->size - 1)) {
		const struct mask_entry *e;
		size_t i = 0;

		if (!map->slots[s])
			return NULL;
		e = &map->v[map->slots[s] - 1];
		while (i < len && upper(id[i]) == id_of(e)[i])
			i++;
		if (i == len && !id_of(e)[len])
			return e;
	}
}

static void put(struct mask_map *map, size_t i)
{
	const char *id = id_of(&map->v[i]);
	unsigned s = slot_of(map, id, strlen(id));

	while (map->slots[s])
		s = (s + 1) & (unsigned)(map->size - 1);
	map->slots[s] = (unsigned)i + 1;
}

static int grow(struct mask_map *map)
{
	const size_t cap = map->cap ? map->cap * 2 : 16, size = cap * 2;
	struct mask_entry *v = realloc(map->v, cap * sizeof(*v));
	unsigned *slots;

	if (!v)
		return -1;
	map->v = v;
	slots = calloc(size, sizeof(*slots));
	if (!slots)
		return -1;
	free(map->slots);
	map->slots = slots;
	map->size = size;
	map->cap = cap;
	for (size_t i = 0; i < map->n; i++)
		put(map, i);
	return 0;
}

/* `name` is TYPE_ID; copies both. */
static const struct mask_entry *append(struct mask_map *map, const char *name,
				       size_t name_len, size_t type_len,
				       const char *value, size_t len)
{
	struct mask_entry *e;

	if (map->n == map->cap && grow(map))
		return NULL;
	e = &map->v[map->n];
	e->type_len = type_len;
	e->len = len;
	e->name = malloc(name_len + 1);
	e->value = malloc(len + 1);
	if (!e->name || !e->value) {
		free(e->name);
		free(e->value);
		return NULL;
	}
	memcpy(e->name, name, name_len);
	e->name[name_len] = 0;
	memcpy(e->value, value, len);
	e->value[len] = 0;
	put(map, map->n);
	return &map->v[map->n++];
}

/* The spelling that two writings of one thing share; `out` has room for it. */
static size_t normalise(unsigned kind, const char *s, size_t len, char *out)
{
	size_t n = 0;
	const bool digits = kind == MASK_CREDIT_CARD || kind == MASK_US_SSN ||
			    kind == MASK_PHONE;

	if (kind == MASK_PHONE && len > 2 && s[0] == '0' && s[1] == '0')
		s += 2, len -= 2; /* 0044 is +44 */
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (digits && !mask_digit(c) && !mask_alpha(c))
			continue;
		if (kind == MASK_IBAN && !mask_alnum(c))
			continue;
		if (kind == MASK_IBAN || kind == MASK_EMAIL ||
		    kind == MASK_IP || kind == MASK_TERM || digits)
			c = upper(c);
		out[n++] = c;
	}
	return n;
}

static bool same_value(const struct mask_value *a, const struct mask_entry *e)
{
	char *p, *q;
	bool same = false;

	if (strlen(a->type) != e->type_len ||
	    memcmp(a->type, e->name, e->type_len))
		return false;
	p = malloc(a->len + 1);
	q = malloc(e->len + 1);
	if (p && q) {
		const size_t n = normalise(a->kind, a->s, a->len, p);

		same = n == normalise(a->kind, e->value, e->len, q) &&
		       !memcmp(p, q, n);
	}
	free(p);
	free(q);
	return same;
}

/* HMAC-SHA256 of scope, type and normalised value, each closed by its length:
 * no two triples are the same bytes. */
static int digest(const unsigned char key[32], const char *scope,
		  size_t scope_len, const struct mask_value *v,
		  unsigned char mac[32])
{
	const size_t type_len = strlen(v->type);
	const uint64_t lens[2] = {scope_len, type_len};
	unsigned char *text =
		malloc(sizeof(lens) + scope_len + type_len + v->len + 1);
	size_t n = 0;
	int rc = -1;

	if (!text)
		return -1;
	for (int i = 0; i < 16; i++)
		text[n++] = (unsigned char)(lens[i / 8] >> 8 * (i % 8));
	if (scope_len)
		memcpy(text + n, scope, scope_len);
	n += scope_len;
	memcpy(text + n, v->type, type_len);
	n += type_len;
	n += normalise(v->kind, v->s, v->len, (char *)text + n);
	if (HMAC(EVP_sha256(), key, 32, text, n, mac, NULL))
		rc = 0;
	OPENSSL_cleanse(text, n);
	free(text);
	return rc;
}

const struct mask_entry *mask_map_add(struct mask_map *map,
				      const struct mask_keys *keys,
				      const char *scope, size_t scope_len,
				      const struct mask_value *value)
{
	unsigned char mac[32];
	char name[MASK_NAME_MAX + 1 + ID_MAX + 1];
	const size_t type_len = strlen(value->type);
	char *id = name + type_len + 1;

	if (type_len > MASK_NAME_MAX ||
	    digest(keys->token, scope, scope_len, value, mac))
		return NULL;
	memcpy(name, value->type, type_len);
	name[type_len] = '_';
	for (size_t i = 0; i < ID_MAX; i++) {
		const size_t bit = i * 5;
		const unsigned two =
			(unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];

		id[i] = base32[two >> (11 - bit % 8) & 31];
	}
	/* another value has these 40 bits already: take more of them */
	for (size_t n = ID_MIN; n <= ID_MAX; n += 4) {
		const struct mask_entry *e = mask_map_find(map, id, n);

		if (!e)
			return append(map, name, type_len + 1 + n, type_len,
				      value->s, value->len);
		if (same_value(value, e))
			return e;
	}
	return NULL;
}

int mask_hash(const struct mask_keys *keys, const char *scope, size_t scope_len,
	      const struct mask_value *value, char out[17])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char mac[32];

	if (digest(keys->hash, scope, scope_len, value, mac))
		return -1;
	for (int i = 0; i < 8; i++) {
		out[2 * i] = hex[mac[i] >> 4];
		out[2 * i + 1] = hex[mac[i] & 15];
	}
	out[16] = 0;
	return 0;
}

/* Sealing ------------------------------------------------------------------ */

/* {"EMAIL_7Q2MK4TB":"jane@example.com",...} */
static int write_map(const struct mask_map *map, struct aigw_buf *out,
		     struct aigw_err *err)
{
	struct aigw_json w;

	aigw_json_init(&w, out);
	aigw_json_object(&w);
	for (size_t i = 0; i < map->n; i++) {
		aigw_json_key(&w, map->v[i].name);
		aigw_json_strn(&w, map->v[i].value, map->v[i].len);
	}
	aigw_json_close(&w);
	return aigw_json_end(&w, err);
}

static int read_map(struct mask_map *map, const char *text, size_t len,
		    struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(text, len, err);
	struct aigw_iter it = aigw_iter_init(aigw_doc_root(doc));
	const struct aigw_val *v;
	int rc = doc ? 0 : -1;

	while (!rc && (v = aigw_iter_next(&it))) {
		size_t n;
		const char *s = aigw_val_str(v, &n);
		const char *id =
			it.key ? memrchr(it.key, '_', it.key_len) : NULL;

		if (!s || !id || it.key_len - (size_t)(id - it.key) <= ID_MIN)
			rc = aigw_fail(err, "a member that is no token");
		else if (!append(map, it.key, it.key_len, (size_t)(id - it.key),
				 s, n))
			rc = aigw_fail(err, "out of memory");
	}
	aigw_doc_free(doc);
	return rc;
}

/* nonce = HMAC(key, id length, id, text), the first bytes */
static int make_nonce(const struct mask_keys *keys, const char *id,
		      size_t id_len, const struct aigw_buf *text,
		      unsigned char nonce[NONCE])
{
	const struct mask_value all = {MASK_TYPES, "", text->data, text->len};
	unsigned char mac[32];

	if (digest(keys->nonce, id, id_len, &all, mac))
		return -1;
	memcpy(nonce, mac, NONCE);
	return 0;
}

/* `in` to `out`, `tag` written or, when opening, compared. */
static int aes_gcm(const struct mask_keys *keys, bool open,
		   const unsigned char nonce[NONCE], const char *id,
		   size_t id_len, const char *in, size_t len, char *out,
		   unsigned char tag[TAG])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	const unsigned char *from = (const unsigned char *)in;
	unsigned char *to = (unsigned char *)out;
	int n, ok;

	ok = c &&
	     EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, keys->seal, nonce,
			       !open) == 1 &&
	     EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)id,
			      (int)id_len) == 1 &&
	     EVP_CipherUpdate(c, to, &n, from, (int)len) == 1 &&
	     (!open ||
	      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1) &&
	     EVP_CipherFinal_ex(c, to + n, &n) == 1 &&
	     (open ||
	      EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);
	EVP_CIPHER_CTX_free(c);
	return ok ? 0 : -1;
}

int mask_seal(const struct mask_keys *keys, const struct mask_map *map,
	      const char *id, size_t id_len, struct aigw_buf *out,
	      struct aigw_err *err)
{
	struct aigw_buf text, box;
	char *p, *q;
	int rc = -1;

	aigw_buf_init(&text, MASK_OUT_MAX);
	aigw_buf_init(&box, MASK_OUT_MAX);
	if (write_map(map, &text, err))
		goto out;
	p = aigw_buf_room(&box, 1 + NONCE + text.len + TAG);
	q = aigw_buf_room(out, (1 + NONCE + text.len + TAG) / 3 * 4 + 5);
	if (!p || !q) {
		aigw_fail(err, "out of memory");
		goto out;
	}
	p[0] = VERSION;
	if (make_nonce(keys, id, id_len, &text, (unsigned char *)p + 1) ||
	    aes_gcm(keys, false, (unsigned char *)p + 1, id, id_len, text.data,
		    text.len, p + 1 + NONCE,
		    (unsigned char *)p + 1 + NONCE + text.len)) {
		aigw_fail(err, "the map could not be sealed");
		goto out;
	}
	out->len +=
		(size_t)EVP_EncodeBlock((unsigned char *)q, (unsigned char *)p,
					(int)(1 + NONCE + text.len + TAG));
	rc = 0;
out:
	if (text.data)
		OPENSSL_cleanse(text.data, text.len);
	aigw_buf_release(&text);
	aigw_buf_release(&box);
	return rc;
}

/* Strict base64, whole groups; the number of bytes, or -1. */
static long decode64(const char *text, size_t len, char *out)
{
	int n = len % 4 || !len || len > MASK_OUT_MAX
			? -1
			: EVP_DecodeBlock((unsigned char *)out,
					  (const unsigned char *)text,
					  (int)len);

	if (n < 0)
		return -1;
	return n - (text[len - 1] == '=') - (text[len - 2] == '=');
}

int mask_unseal(const struct mask_keys *keys, const char *text, size_t len,
		const char *id, size_t id_len, struct mask_map *map,
		struct aigw_err *err)
{
	struct aigw_buf box, plain;
	char *p, *q;
	long n;
	int rc = -1;

	aigw_buf_init(&box, MASK_OUT_MAX);
	aigw_buf_init(&plain, MASK_OUT_MAX);
	p = aigw_buf_room(&box, len + 4);
	q = aigw_buf_room(&plain, len + 4);
	if (!p || !q) {
		aigw_fail(err, "out of memory");
		goto out;
	}
	n = decode64(text, len, p);
	if (n < 1 + NONCE + TAG || p[0] != VERSION ||
	    aes_gcm(keys, true, (unsigned char *)p + 1, id, id_len,
		    p + 1 + NONCE, (size_t)n - 1 - NONCE - TAG, q,
		    (unsigned char *)p + n - TAG)) {
		aigw_fail_as(err, AIGW_E_POLICY, "bad_state",
			     "state.mask was not sealed for this envelope "
			     "with this state key");
		goto out;
	}
	plain.len = (size_t)n - 1 - NONCE - TAG;
	rc = read_map(map, plain.data, plain.len, err);
out:
	if (plain.data)
		OPENSSL_cleanse(plain.data, plain.len);
	aigw_buf_release(&box);
	aigw_buf_release(&plain);
	return rc;
}
