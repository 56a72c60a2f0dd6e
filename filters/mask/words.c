/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.c - the user's terms: found as whole words, case folded
 *
 * The text is cut into tokens: a run of letters, digits and _, or one other
 * character (so that scripts without spaces work too). A hash of a token finds
 * the terms that begin with it. Folding covers ASCII, Latin-1 and Latin
 * Extended-A, Greek and Cyrillic, where it keeps the number of bytes.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "find.h"

#define TERM_MAX 512	     /* bytes */
#define FILE_MAX (16u << 20) /* bytes of all terms of one file */

struct term {
	struct term *next;
	uint32_t hash;
	size_t len;
	char s[]; /* folded, single spaces */
};

struct mask_words {
	struct term **slots;
	size_t size, n;	 /* size: 0 or a power of two */
	bool first[256]; /* some term begins with this folded byte */
};

static unsigned fold_latin(unsigned c)
{
	if (c >= 0xC0 && c <= 0xDE && c != 0xD7)
		return c + 32;
	if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) ||
	    (c >= 0x14A && c <= 0x177))
		return c | 1;
	if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E))
		return c + (c & 1);
	return c == 0x178 ? 0xFF : c;
}

static unsigned fold_other(unsigned c)
{
	if (c >= 0x391 && c <= 0x3A9)
		return c + 32;
	if (c == 0x3C2)
		return 0x3C3;
	if (c == 0x386)
		return 0x3AC;
	if (c >= 0x388 && c <= 0x38A)
		return c + 37;
	if (c == 0x38C)
		return 0x3CC;
	if (c == 0x38E || c == 0x38F)
		return c + 63;
	if (c >= 0x410 && c <= 0x42F)
		return c + 32;
	if (c >= 0x400 && c <= 0x40F)
		return c + 80;
	if ((c >= 0x460 && c <= 0x481) || (c >= 0x48A && c <= 0x4BF) ||
	    (c >= 0x4D0 && c <= 0x52F))
		return c | 1;
	return c;
}

/* Fold the character at `s`; its bytes go to `out`. Returns how many. */
static size_t fold(const char *s, size_t left, char out[4])
{
	const unsigned char a = (unsigned char)s[0];
	size_t n = a < 0xC0 ? 1 : a < 0xE0 ? 2 : a < 0xF0 ? 3 : 4;

	if (n > left)
		n = 1;
	memcpy(out, s, n);
	if (a >= 'A' && a <= 'Z') {
		out[0] = (char)(a + 32);
	} else if (n == 2) {
		unsigned c = (a & 31u) << 6 | ((unsigned char)s[1] & 63u);

		c = c < 0x180 ? fold_latin(c) : fold_other(c);
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
	}
	return n;
}

static bool space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Of an alphabet whose words are written with spaces between them? */
static bool letter(char c)
{
	unsigned char u = (unsigned char)c;

	return mask_alnum(c) || c == '_' || (u >= 0xC3 && u <= 0xE1);
}

/* The token at `s`: where it ends, and its hash. */
static size_t token(const char *s, size_t len, uint32_t *hash)
{
	size_t i = 0;
	uint32_t h = 2166136261u;
	char out[4];
	bool word = len && letter(s[0]);

	while (i < len && i < TERM_MAX && (letter(s[i]) == word || !i)) {
		size_t n = fold(s + i, len - i, out);

		for (size_t k = 0; k < n; k++)
			h = (h ^ (unsigned char)out[k]) * 16777619u;
		i += n;
		if (!word)
			break;
	}
	*hash = h;
	return i;
}

struct mask_words *mask_words_new(void)
{
	return calloc(1, sizeof(struct mask_words));
}

void mask_words_free(struct mask_words *words)
{
	if (!words)
		return;
	for (size_t i = 0; i < words->size; i++) {
		for (struct term *t = words->slots[i], *next; t; t = next) {
			next = t->next;
			free(t);
		}
	}
	free(words->slots);
	free(words);
}

size_t mask_words_count(const struct mask_words *words)
{
	return words ? words->n : 0;
}

static int grow(struct mask_words *w)
{
	size_t size = w->size ? w->size * 2 : 64;
	struct term **slots = calloc(size, sizeof(*slots));

	if (!slots)
		return -1;
	for (size_t i = 0; i < w->size; i++) {
		for (struct term *t = w->slots[i], *next; t; t = next) {
			struct term **at = &slots[t->hash & (size - 1)];

			next = t->next;
			t->next = *at;
			*at = t;
		}
	}
	free(w->slots);
	w->slots = slots;
	w->size = size;
	return 0;
}

int mask_words_add(struct mask_words *w, const char *s, size_t len,
		   struct aigw_err *err)
{
	struct term *t;
	char out[4];

	while (len && space(s[len - 1]))
		len--;
	while (len && space(*s))
		s++, len--;
	if (!len)
		return 0;
	if (len > TERM_MAX)
		return aigw_fail(err, "a term of %zu bytes; %d are allowed",
				 len, TERM_MAX);
	t = malloc(sizeof(*t) + len);
	if (!t || (w->n >= w->size && grow(w))) {
		free(t);
		return aigw_fail(err, "out of memory");
	}
	t->len = 0;
	for (size_t i = 0, n; i < len; i += n) {
		n = fold(s + i, len - i, out);
		if (!space(s[i])) {
			memcpy(t->s + t->len, out, n);
			t->len += n;
		} else if (t->s[t->len - 1] != ' ') {
			t->s[t->len++] = ' ';
		}
	}
	token(t->s, t->len, &t->hash);
	t->next = w->slots[t->hash & (w->size - 1)];
	w->slots[t->hash & (w->size - 1)] = t;
	w->first[(unsigned char)t->s[0]] = true;
	w->n++;
	return 0;
}

int mask_words_load(struct mask_words *words, const char *path,
		    struct aigw_err *err)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t cap = 0, total = 0;
	ssize_t n;
	int rc = 0;

	if (!in)
		return aigw_fail(err, "%s: %s", path, strerror(errno));
	while (!rc && (n = getline(&line, &cap, in)) >= 0) {
		total += (size_t)n;
		if (total > FILE_MAX)
			rc = aigw_fail(err, "more than %u bytes", FILE_MAX);
		else if (line[0] != '#')
			rc = mask_words_add(words, line, (size_t)n, err);
	}
	if (!rc && ferror(in))
		rc = aigw_fail(err, "%s", strerror(errno));
	free(line);
	fclose(in);
	return rc ? aigw_fail_in(err, "%s", path) : 0;
}

/* Does the text begin with the term? How many bytes of it, or 0. */
static size_t match(const struct term *t, const char *s, size_t len)
{
	size_t i = 0, k = 0, last = 0;
	char out[4];

	while (k < t->len) {
		if (i >= len)
			return 0;
		if (t->s[k] == ' ') {
			size_t from = i;

			while (i < len && i - from < 16 && space(s[i]))
				i++;
			if (i == from)
				return 0;
			k++;
			continue;
		}
		size_t n = fold(s + i, len - i, out);

		if (n > t->len - k || memcmp(out, t->s + k, n))
			return 0;
		last = i;
		i += n;
		k += n;
	}
	/* a whole word, not the beginning of a longer one */
	return i < len && letter(s[i]) && letter(s[last]) ? 0 : i;
}

/* The longest term that the text begins with; `tok` is set to its token. */
static size_t longest(const struct mask_words *w, const char *s, size_t len,
		      size_t *tok)
{
	uint32_t hash;
	char out[4];
	size_t best = 0;

	*tok = token(s, len, &hash);
	fold(s, len, out);
	if (!w->first[(unsigned char)out[0]])
		return 0;
	for (struct term *t = w->slots[hash & (w->size - 1)]; t; t = t->next) {
		size_t n = t->hash == hash ? match(t, s, len) : 0;

		best = n > best ? n : best;
	}
	return best;
}

bool mask_words_has(const struct mask_words *words, const char *s, size_t len)
{
	size_t tok;

	return words && words->n && len && longest(words, s, len, &tok) == len;
}

void mask_words_find(const struct mask_words *words, struct mask_find *f)
{
	size_t tok;

	if (!words || !words->n)
		return;
	for (size_t i = 0; i < f->len; i += tok) {
		size_t n = longest(words, f->s + i, f->len - i, &tok);

		if (n)
			mask_found(f, MASK_TERM, MASK_A, i, i + n);
	}
}
