/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - the state key: found or made, and what is derived from it */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "mask.h"
#include "state/atomic.h"
#include "state/secret.h"

#define KEY_MIN 32 /* characters in the file */
#define PATH_SIZE 4096

/* $XDG_STATE_HOME/aigw/state.key (XDG Base Directory Specification 0.8) */
static int default_path(char path[PATH_SIZE], struct aigw_err *err)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	int n;

	if (state && *state == '/')
		n = snprintf(path, PATH_SIZE, "%s/aigw/state.key", state);
	else if (home && *home == '/')
		n = snprintf(path, PATH_SIZE, "%s/.local/state/aigw/state.key",
			     home);
	else
		return aigw_fail(err, "neither XDG_STATE_HOME nor HOME is "
				      "set: give --state-key");
	return n < PATH_SIZE ? 0
			     : aigw_fail(err, "the path of the state key "
					      "is too long");
}

static int make_folders(char *path, struct aigw_err *err)
{
	for (char *p = path + 1; (p = strchr(p, '/')); p++) {
		int rc;

		*p = 0;
		rc = mkdir(path, 0700) && errno != EEXIST
			     ? aigw_fail(err, "%s: %s", path, strerror(errno))
			     : 0;
		*p = '/';
		if (rc)
			return -1;
	}
	return 0;
}

/* Two programs of one pipe may come here at once: one makes it, both read. */
static int make_key(char *path, struct aigw_err *err)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char key[32];
	char text[65];
	struct stat st;
	int rc;

	if (!stat(path, &st))
		return 0;
	if (make_folders(path, err))
		return -1;
	if (RAND_bytes(key, sizeof(key)) != 1)
		return aigw_fail(err, "no random numbers");
	for (int i = 0; i < 32; i++) {
		text[2 * i] = hex[key[i] >> 4];
		text[2 * i + 1] = hex[key[i] & 15];
	}
	text[64] = '\n';
	rc = aigw_file_create(path, text, sizeof(text), err);
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(text, sizeof(text));
	return rc < 0 ? -1 : 0;
}

static int derive(const char *key, size_t len, const char *label,
		  unsigned char out[32])
{
	return HMAC(EVP_sha256(), key, (int)len, (const unsigned char *)label,
		    strlen(label), out, NULL)
		       ? 0
		       : -1;
}

int mask_keys_load(struct mask_keys *keys, const char *path, bool loose,
		   struct aigw_err *err)
{
	char own[PATH_SIZE];
	struct aigw_secret *secret;
	const char *key;
	size_t len;
	int rc;

	if (!path) {
		if (default_path(own, err) || make_key(own, err))
			return -1;
		path = own;
	}
	secret = aigw_secret_file(path, loose, err);
	if (!secret)
		return -1;
	key = aigw_secret_bytes(secret, &len);
	if (len < KEY_MIN)
		rc = aigw_fail(err,
			       "%s: a state key has at least %d characters",
			       path, KEY_MIN);
	else if (derive(key, len, "aigw-mask token 1", keys->token) ||
		 derive(key, len, "aigw-mask hash 1", keys->hash) ||
		 derive(key, len, "aigw-mask seal 1", keys->seal) ||
		 derive(key, len, "aigw-mask nonce 1", keys->nonce))
		rc = aigw_fail(err, "HMAC-SHA256 is not available");
	else
		rc = 0;
	aigw_secret_free(secret);
	return rc;
}

void mask_keys_wipe(struct mask_keys *keys)
{
	OPENSSL_cleanse(keys, sizeof(*keys));
}
