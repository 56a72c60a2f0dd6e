/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - the form of an API key */
#include "state/keys.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX (sizeof(AIGW_KEY_PREFIX) - 1)
#define SECRET 32
#define CHECK 6
#define BODY (AIGW_KEY_LEN - CHECK) /* what the checksum is about */

_Static_assert(PREFIX + AIGW_KEY_ID + 1 + SECRET + CHECK == AIGW_KEY_LEN,
	       "the parts of a key make its length");

static const char base62[] =
	"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* CRC-32 as in zlib and GitHub's tokens (reflected 0xedb88320), by nibbles: a
 * table of 16 is in the cache when a table of 256 is not. */
static const uint32_t nibbles[16] = {
	0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
	0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
	0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

static uint32_t crc32(const char *s, size_t len)
{
	uint32_t crc = UINT32_MAX;
	size_t i;

	for (i = 0; i < len; i++) {
		crc ^= (unsigned char)s[i];
		crc = crc >> 4 ^ nibbles[crc & 15];
		crc = crc >> 4 ^ nibbles[crc & 15];
	}
	return ~crc;
}

static void checksum(const char *body, char out[CHECK])
{
	uint32_t crc = crc32(body, BODY);
	size_t i = CHECK;

	while (i-- > 0) {
		out[i] = base62[crc % 62];
		crc /= 62;
	}
}

static bool alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

bool aigw_key_valid(const char *key, size_t len)
{
	char check[CHECK];
	size_t i;

	if (len != AIGW_KEY_LEN || memcmp(key, AIGW_KEY_PREFIX, PREFIX) != 0)
		return false;
	for (i = PREFIX; i < BODY; i++)
		if (i == PREFIX + AIGW_KEY_ID ? key[i] != '_' : !alnum(key[i]))
			return false;
	checksum(key, check);
	return memcmp(key + BODY, check, CHECK) == 0;
}

const char *aigw_key_id(const char *key)
{
	return key + PREFIX;
}

/* 248 is the last multiple of 62 in a byte: above it some would be likelier. */
int aigw_key_random(char *out, size_t n, struct aigw_err *err)
{
	unsigned char pool[64];
	size_t i, left = 0;
	ssize_t got;

	for (i = 0; i < n;) {
		if (left == 0) {
			got = getrandom(pool, sizeof(pool), 0);
			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return aigw_fail(err, "getrandom: %s",
						 strerror(errno));
			left = (size_t)got;
		}
		left--;
		if (pool[left] < 248)
			out[i++] = base62[pool[left] % 62];
	}
	out[n] = '\0';
	explicit_bzero(pool, sizeof(pool));
	return 0;
}

struct aigw_secret *aigw_key_new(const char *id, struct aigw_err *err)
{
	char key[AIGW_KEY_LEN + 1] = AIGW_KEY_PREFIX;
	struct aigw_secret *s = NULL;

	memcpy(key + PREFIX, id, AIGW_KEY_ID);
	key[PREFIX + AIGW_KEY_ID] = '_';
	if (aigw_key_random(key + PREFIX + AIGW_KEY_ID + 1, SECRET, err) == 0) {
		checksum(key, key + BODY);
		s = aigw_secret_new(key, AIGW_KEY_LEN);
		if (!s)
			aigw_fail(err, "out of memory");
	}
	explicit_bzero(key, sizeof(key));
	return s;
}

bool aigw_principal_valid(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || len > 128 || (len >= 5 && !memcmp(s, "unix:", 5)))
		return false;
	for (i = 0; i < len; i++)
		if (!alnum(s[i]) && (!s[i] || !strchr("._@+:/-", s[i])))
			return false;
	return true;
}
