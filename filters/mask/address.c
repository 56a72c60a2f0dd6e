/* SPDX-License-Identifier: Apache-2.0 */
/* address.c - is it an IP address, or a version, a section, a C++ name? */
#include <arpa/inet.h>
#include <string.h>

#include "find.h"

/* foo-1.2.3.4, Name/1.2.3.4, ==1.2.3.4 are versions. */
static bool version_before(const struct mask_find *f, size_t a)
{
	static const char *const words[] = {"version",	"ver",	    "v",
					    "release",	"build",    "rev",
					    "firmware", "section",  "chapter",
					    "clause",	"figure",   "oid",
					    "upgrade",	"upgraded", NULL};
	const char *s = f->s;

	if (a > 1 && (s[a - 1] == '-' || s[a - 1] == '/') &&
	    mask_alpha(s[a - 2]))
		return true;
	if (a > 1 && s[a - 1] == '=' && strchr("=<>~!", s[a - 2]))
		return true;
	if (a > 0 && (s[a - 1] == '^' || s[a - 1] == '~'))
		return true;
	/* only the very word before: "in version 2 the host 10.0.0.1" */
	size_t k = a;

	while (k && a - k < 4 && strchr(" :=\"'", s[k - 1]))
		k--;
	size_t end = k;

	while (k && end - k < 16 && mask_alpha(s[k - 1]))
		k--;
	for (size_t i = 0; words[i]; i++) {
		if (strlen(words[i]) == end - k &&
		    !strncasecmp(words[i], s + k, end - k))
			return true;
	}
	return false;
}

/*
 * 2.3.4.1 is the number of a section more often than a host: of addresses with
 * only small numbers, those with a word, a port, brackets or a URL around them
 * and the well-known resolvers are taken.
 */
static bool section(const struct mask_find *f, size_t a, size_t b,
		    const unsigned char ip[4])
{
	static const char *const words[] = {
		"ip",	  "ips",      "address",    "addresses", "host",
		"server", "dns",      "from",	    "ping",	 "ssh",
		"client", "gateway",  "router",	    "addr",	 "connect",
		"login",  "resolver", "nameserver", NULL};
	const char next = b < f->len ? f->s[b] : 0;
	const char before = a ? f->s[a - 1] : 0;

	for (int i = 0; i < 4; i++) {
		if (ip[i] > 19)
			return false;
	}
	if ((ip[0] == ip[1] && ip[1] == ip[2] && ip[2] == ip[3]) ||
	    (ip[0] == 10 && next != ' ') || next == '/' || before == '@' ||
	    (next == ':' && b + 1 < f->len && mask_digit(f->s[b + 1])) ||
	    (before && strchr("[(/\"'`=", before)))
		return false;
	return !mask_context(f, a, words);
}

void mask_check_ipv4(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	char text[16];
	unsigned char ip[4];

	if (b - a >= sizeof(text))
		return;
	memcpy(text, f->s + a, b - a);
	text[b - a] = 0;
	if (inet_pton(AF_INET, text, ip) != 1 || mask_glued_before(f, a) ||
	    mask_glued_after(f, b) || version_before(f, a))
		return;
	if (ip[0] == 0 || (ip[0] == 255 && ip[1] == 255 && ip[2] == 255))
		return; /* "this host" and netmasks name nobody */
	if (b + 1 < f->len && f->s[b] == '-' && mask_alpha(f->s[b + 1]))
		return; /* 1.3.0.1-rc2 */
	if (!section(f, a, b, ip))
		mask_found(f, type, MASK_B, a, b);
}

/*
 * Names of C++ and Rust (a::b, std::d) have the same syntax. An address has
 * digits, and a known prefix of four or three groups.
 */
static bool looks_like_address(const char *s, size_t len)
{
	size_t digits = 0, groups = 0, pairs = 0, run = 0, first = 0;

	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != ':' && s[i] != '.') {
			digits += mask_digit(s[i]);
			run++;
			continue;
		}
		groups += run > 0;
		pairs += run == 2;
		if (!first)
			first = run ? run : 9;
		run = 0;
	}
	if (len == 3 && !memcmp(s, "::1", 3))
		return true;
	if (groups == 8 && pairs == 8)
		return false; /* EUI-64 */
	return digits && (groups >= 3 || first == 4);
}

void mask_check_ipv6(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	char text[48];
	unsigned char ip[16];

	while (b > a &&
	       (f->s[b - 1] == '.' ||
		(f->s[b - 1] == ':' && b - a > 1 && f->s[b - 2] != ':')))
		b--;
	if (b - a >= sizeof(text) || b - a < 3)
		return;
	memcpy(text, f->s + a, b - a);
	text[b - a] = 0;
	if (inet_pton(AF_INET6, text, ip) != 1 || mask_glued_before(f, a) ||
	    mask_glued_after(f, b) || !looks_like_address(text, b - a))
		return;
	if (b + 1 < f->len && f->s[b] == '%' && mask_alnum(f->s[b + 1])) {
		b++; /* a zone: fe80::1%eth0 */
		for (size_t n = 0; n < 16 && b < f->len &&
				   (mask_alnum(f->s[b]) || f->s[b] == '.');
		     n++)
			b++;
	}
	mask_found(f, type, MASK_A, a, b);
}
