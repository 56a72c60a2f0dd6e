/* SPDX-License-Identifier: Apache-2.0 */
/* pepper.c - what a stolen store lacks: the keys of the keyed hash */
#include "state/keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "state/atomic.h"

#define BYTES 32
#define VERSIONS 64	    /* lines of a pepper file */
#define VERSION_MAX 9999999 /* seven digits */

/* The hash is keyed once; a key to check gets a copy of that state. */
struct version {
	int64_t n;
	EVP_MAC_CTX *keyed;
};

struct aigw_pepper {
	EVP_MAC *hmac;
	int64_t newest;
	size_t n;
	struct version versions[VERSIONS];
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const struct version *version(const struct aigw_pepper *p, int64_t n)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (p->versions[i].n == n)
			return &p->versions[i];
	return NULL;
}

static int add(struct aigw_pepper *p, int64_t n,
	       const unsigned char secret[BYTES], struct aigw_err *err)
{
	char sha256[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, sha256,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *keyed = EVP_MAC_CTX_new(p->hmac);

	if (!keyed || EVP_MAC_init(keyed, secret, BYTES, params) != 1) {
		EVP_MAC_CTX_free(keyed);
		return aigw_fail(err, "libcrypto has no HMAC-SHA256");
	}
	p->versions[p->n++] = (struct version){n, keyed};
	if (n > p->newest)
		p->newest = n;
	return 0;
}

/* "VERSION HEX" from `s` to `end`. */
static int read_line(struct aigw_pepper *p, const char *s, const char *end,
		     struct aigw_err *err)
{
	unsigned char secret[BYTES];
	int64_t n = 0;
	size_t i;
	int rc = -1, hi, lo;

	while (s < end && *s >= '0' && *s <= '9' && n <= VERSION_MAX)
		n = n * 10 + (*s++ - '0');
	if (n < 1 || n > VERSION_MAX || end - s != 1 + 2 * BYTES || *s != ' ')
		goto out;
	for (s++, i = 0; i < BYTES; i++, s += 2) {
		hi = hex(s[0]);
		lo = hex(s[1]);
		if (hi < 0 || lo < 0)
			goto out;
		secret[i] = (unsigned char)(hi << 4 | lo);
	}
	rc = 0;
out:
	if (rc < 0)
		aigw_fail(err, "want \"VERSION HEX\", with 64 hex digits");
	else if (version(p, n))
		rc = aigw_fail(err, "version %lld is there twice",
			       (long long)n);
	else if (p->n == VERSIONS)
		rc = aigw_fail(err, "more than %d versions", VERSIONS);
	else
		rc = add(p, n, secret, err);
	explicit_bzero(secret, sizeof(secret));
	return rc;
}

struct aigw_pepper *aigw_pepper_new(const struct aigw_secret *text,
				    struct aigw_err *err)
{
	struct aigw_pepper *p = calloc(1, sizeof(*p));
	const char *s, *end, *stop;
	size_t len, line = 1;

	if (p)
		p->hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!p || !p->hmac) {
		aigw_fail(err, "pepper: out of memory, or no HMAC");
		goto fail;
	}
	s = aigw_secret_bytes(text, &len);
	for (stop = s + len; s < stop; s = end + 1, line++) {
		end = memchr(s, '\n', (size_t)(stop - s));
		if (!end)
			end = stop;
		if (read_line(p, s, end, err) < 0) {
			aigw_fail_in(err, "pepper, line %zu", line);
			goto fail;
		}
	}
	return p;
fail:
	aigw_pepper_free(p);
	return NULL;
}

void aigw_pepper_free(struct aigw_pepper *p)
{
	if (!p)
		return;
	while (p->n > 0)
		EVP_MAC_CTX_free(p->versions[--p->n].keyed);
	EVP_MAC_free(p->hmac);
	free(p);
}

int64_t aigw_pepper_newest(const struct aigw_pepper *p)
{
	return p->newest;
}

bool aigw_pepper_has(const struct aigw_pepper *p, int64_t n)
{
	return version(p, n) != NULL;
}

int aigw_pepper_mac(const struct aigw_pepper *p, int64_t n, const char *key,
		    size_t len, unsigned char mac[AIGW_KEY_MAC],
		    struct aigw_err *err)
{
	const struct version *v = version(p, n);
	EVP_MAC_CTX *ctx;
	size_t got = 0;
	int ok;

	if (!v)
		return aigw_fail(err, "no pepper of version %lld",
				 (long long)n);
	ctx = EVP_MAC_CTX_dup(v->keyed);
	ok = ctx && EVP_MAC_update(ctx, (const unsigned char *)key, len) == 1 &&
	     EVP_MAC_final(ctx, mac, &got, AIGW_KEY_MAC) == 1 &&
	     got == AIGW_KEY_MAC;
	EVP_MAC_CTX_free(ctx);
	return ok ? 0 : aigw_fail(err, "HMAC failed");
}

/* Version 1 with random digits. */
int aigw_pepper_create(const char *path, struct aigw_err *err)
{
	unsigned char secret[BYTES];
	char text[2 + 2 * BYTES + 1] = "1 ";
	size_t i;
	int rc;

	if (getrandom(secret, BYTES, 0) != BYTES)
		return aigw_fail(err, "getrandom: %s", strerror(errno));
	for (i = 0; i < BYTES; i++) {
		text[2 + 2 * i] = "0123456789abcdef"[secret[i] >> 4];
		text[3 + 2 * i] = "0123456789abcdef"[secret[i] & 15];
	}
	text[2 + 2 * BYTES] = '\n';
	rc = aigw_file_create(path, text, sizeof(text), err);
	explicit_bzero(secret, sizeof(secret));
	explicit_bzero(text, sizeof(text));
	return rc < 0 ? -1 : 0;
}
