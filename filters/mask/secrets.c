/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.c - is it one? JSON web tokens, PEM blocks, keys of services */
#include <string.h>

#include "find.h"

#define HEADER_MAX 512 /* bytes of a JWT header that are looked at */

static int base64url(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (mask_digit(c))
		return c - '0' + 52;
	return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The header is base64url of an object with the member "alg" (RFC 7515). */
void mask_check_jwt(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	char head[HEADER_MAX];
	size_t n = 0;
	unsigned acc = 0, bits = 0, dots = 0;

	for (size_t i = a; i < b; i++)
		dots += f->s[i] == '.';
	if (dots > 2 && f->s[b - 1] == '.')
		b--; /* of the sentence */
	for (size_t i = a; i < b && f->s[i] != '.' && n < sizeof(head); i++) {
		acc = acc << 6 | (unsigned)base64url(f->s[i]);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			head[n++] = (char)(acc >> bits & 255);
		}
	}
	if (n > 5 && head[0] == '{' && memmem(head, n, "\"alg\"", 5))
		mask_found(f, type, MASK_A, a, b);
}

static bool base64_char(char c)
{
	return mask_alnum(c) || c == '+' || c == '/' || c == '=';
}

/* White space, or the escapes of JSON and source code for it. */
static size_t blank(const struct mask_find *f, size_t i)
{
	while (i < f->len) {
		char c = f->s[i];

		if (c == '\\' && i + 1 < f->len &&
		    (f->s[i + 1] == 'n' || f->s[i + 1] == 'r'))
			i += 2;
		else if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
			i++;
		else
			break;
	}
	return i;
}

/* Header lines of old PEM ("DEK-Info: …"): where the line ends, or `i`. */
static size_t header_line(const struct mask_find *f, size_t i)
{
	size_t k = i;

	while (k < f->len && (mask_alpha(f->s[k]) || f->s[k] == '-'))
		k++;
	if (k == i || k >= f->len || f->s[k] != ':')
		return i;
	while (k < f->len && f->s[k] != '\n' && f->s[k] != '\\')
		k++;
	return k;
}

/* The END line is missing: take what can be a key's body. */
static size_t pem_body(const struct mask_find *f, size_t i)
{
	size_t end = i, last = 0;

	for (;;) {
		size_t k = blank(f, i), stop = k;

		while (stop < f->len && base64_char(f->s[stop]))
			stop++;
		if (stop - k < 16 && (last < 60 || stop == k)) {
			stop = last ? k : header_line(f, k);
			if (stop == k)
				return end;
			i = end = stop;
			continue;
		}
		last = stop - k;
		i = end = stop;
	}
}

void mask_check_pem(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	static const char mark[] = "-----END ";
	const char *p = NULL;

	if (a < f->pem_until)
		return;
	if (!f->pem_open)
		p = memmem(f->s + b, f->len - b, mark, sizeof(mark) - 1);
	f->pem_open = !p;
	if (p) {
		size_t end = (size_t)(p - f->s) + sizeof(mark) - 1;
		size_t most = end + 64 < f->len ? end + 64 : f->len;
		const char *q = memmem(f->s + end, most - end, "-----", 5);

		end = q ? (size_t)(q - f->s) + 5 : end;
		f->pem_until = end;
		mask_found(f, type, MASK_A, a, end);
		return;
	}
	size_t end = pem_body(f, b);

	f->pem_until = end;
	if (end > b)
		mask_found(f, type, MASK_A, a, end);
}

/* Keys have digits and do not repeat one character; words and XXXX do not. */
void mask_check_random(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	bool digit = false;
	size_t same = 0;

	while (b > a && (f->s[b - 1] == '-' || f->s[b - 1] == '_'))
		b--;
	for (size_t i = a; i < b; i++) {
		digit |= mask_digit(f->s[i]);
		same += i > a && f->s[i] == f->s[i - 1];
	}
	if (digit && same * 2 < b - a)
		mask_found(f, type, f->class, a, b);
}
