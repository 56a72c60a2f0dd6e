/* SPDX-License-Identifier: Apache-2.0 */
/* glob.c - names by pattern: `*` and `?`, and nothing else */
#include "text/glob.h"

/* Where the character that begins at `i` ends; a stray byte is one too. */
static size_t next(const char *s, size_t len, size_t i)
{
	i++;
	while (i < len && ((unsigned char)s[i] & 0xc0) == 0x80)
		i++;
	return i;
}

/*
 * Only the last `*` is ever reconsidered: what stands between two of them
 * matches best as far left as it can, so an earlier one never has to give up
 * what it left over. That is what keeps this from going exponential.
 */
bool aigw_glob(const char *pattern, size_t plen, const char *s, size_t len)
{
	size_t p = 0, i = 0, after = 0, from = 0; /* `after` the last star */

	while (i < len) {
		if (p < plen && pattern[p] == '*') {
			after = ++p;
			from = i;
			if (p == plen)
				return true;
		} else if (p < plen && pattern[p] == '?') {
			p++;
			i = next(s, len, i);
		} else if (p < plen && pattern[p] == s[i]) {
			p++;
			i++;
		} else if (after > 0) {
			p = after;
			i = ++from;
		} else {
			return false;
		}
	}
	while (p < plen && pattern[p] == '*')
		p++;
	return p == plen;
}
