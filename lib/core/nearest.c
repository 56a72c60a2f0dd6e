/* SPDX-License-Identifier: Apache-2.0 */
/* nearest.c - which word was meant */
#include <string.h>

#include "core/opt.h"

#define WORD_MAX 32  /* longer words are compared by this much */
#define PREFIX_MIN 3 /* bytes that may stand for a whole word */

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * Edits between two words: a letter more, less, other, or two neighbours
 * swapped (the "optimal string alignment" distance). Three rows of the matrix
 * are enough.
 */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
	size_t rows[3][WORD_MAX + 1], i, j;
	size_t *prev2 = rows[0], *prev = rows[1], *row = rows[2], *spare;

	for (j = 0; j <= m; j++)
		prev[j] = j;
	for (i = 1; i <= n; i++) {
		row[0] = i;
		for (j = 1; j <= m; j++) {
			row[j] = min(prev[j - 1] + (a[i - 1] != b[j - 1]),
				     min(prev[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				row[j] = min(row[j], prev2[j - 2] + 1);
		}
		spare = prev2;
		prev2 = prev;
		prev = row;
		row = spare;
	}
	return prev[m];
}

const char *aigw_nearest(const char *s, const char *const *words)
{
	size_t n = strnlen(s, WORD_MAX), best = 1 + n / 4 + 1, d;
	const char *found = NULL;

	for (; *words; words++) {
		if (n >= PREFIX_MIN && strncmp(s, *words, n) == 0)
			d = 1;
		else
			d = distance(s, n, *words, strnlen(*words, WORD_MAX));
		if (d < best && d < n) {
			best = d;
			found = *words;
		}
	}
	return found;
}

void aigw_hint(const char *s, const char *const *words, char out[AIGW_HINT_MAX])
{
	const char *near = aigw_nearest(s, words);

	out[0] = '\0';
	if (near)
		snprintf(out, AIGW_HINT_MAX, "; did you mean \"%.60s\"?", near);
}
