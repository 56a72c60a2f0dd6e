/* SPDX-License-Identifier: Apache-2.0 */
/* scan.h - step over pieces of a text that is known to be valid JSON */
#ifndef AIGW_CORE_SCAN_H
#define AIGW_CORE_SCAN_H

#include <string.h>

/* The first byte behind the string that starts at `p` (its quote). */
static inline const char *aigw_skip_string(const char *p, const char *end)
{
	const char *q, *s, *start = p + 1;

	for (p = start;; p = q + 1) {
		q = memchr(p, '"', (size_t)(end - p));
		if (!q)
			return end;
		for (s = q; s > start && s[-1] == '\\'; s--)
			;
		if ((q - s) % 2 == 0)
			return q + 1;
	}
}

static inline const char *aigw_skip_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* The first byte behind the value that starts at `p`. */
static inline const char *aigw_skip_value(const char *p, const char *end)
{
	size_t depth = 0;

	do {
		switch (*p) {
		case '"':
			p = aigw_skip_string(p, end);
			continue;
		case '{':
		case '[':
			depth++;
			break;
		case '}':
		case ']':
			depth--;
			break;
		default:
			if (depth)
				break;
			while (p < end && !strchr(",]} \t\r\n", *p))
				p++;
			return p;
		}
		p++;
	} while (depth && p < end);
	return p;
}

#endif
