/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - one line on stderr, control bytes escaped, never a prompt */
#include "core/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"

#define TEXT_MAX 2048 /* bytes of one message, before escaping */
#define LINE_MAX (4 * TEXT_MAX + 256)

/* The line is made here, so that it leaves in one write. */
struct line {
	char bytes[LINE_MAX];
	size_t len;
};

/*
 * Bytes of the character at `s`, or 0 when it must be escaped: broken UTF-8,
 * and what terminals obey: C0 and C1 controls, line and paragraph separators.
 */
static size_t char_len(const char *s, size_t left)
{
	unsigned char c = *s;
	size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;

	if (n > left || aigw_utf8_valid(s, n) != n)
		return 0;
	if (n == 1)
		return c >= 0x20 && c != 0x7f;
	if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
		return 0;
	if (n == 3 &&
	    (!memcmp(s, "\xe2\x80\xa8", 3) || !memcmp(s, "\xe2\x80\xa9", 3)))
		return 0;
	return n;
}

static void add(struct line *l, const char *s, size_t n)
{
	if (n > sizeof(l->bytes) - 1 - l->len) /* room for the line end */
		return;
	memcpy(l->bytes + l->len, s, n);
	l->len += n;
}

static void add_str(struct line *l, const char *s)
{
	add(l, s, strlen(s));
}

static void add_text(struct line *l, const char *text, size_t len)
{
	static const char hex[16] = "0123456789abcdef";
	char escape[4] = {'\\', 'x'};
	bool cut = len > TEXT_MAX;
	size_t i, n;

	if (cut)
		len = TEXT_MAX;
	for (i = 0; i < len; i += n) {
		n = char_len(text + i, len - i);
		if (n > 0) {
			add(l, text + i, n);
			continue;
		}
		n = 1;
		escape[2] = hex[(unsigned char)text[i] >> 4];
		escape[3] = hex[(unsigned char)text[i] & 15];
		add(l, escape, sizeof(escape));
	}
	if (cut)
		add_str(l, "...");
}

/* Unbuffered as stderr is, fwrite() is one write(2). */
static void put(const struct aigw_log *log, struct line *l)
{
	l->bytes[l->len++] = '\n';
	fwrite(l->bytes, 1, l->len, log->out);
	fflush(log->out);
}

void aigw_log(const struct aigw_log *log, enum aigw_level level,
	      const char *fmt, ...)
{
	static const char *const words[] = {
		[AIGW_ERR] = "error: ",
		[AIGW_WARNING] = "warning: ",
		[AIGW_INFO] = "",
		[AIGW_DEBUG] = "debug: ",
	};
	char text[TEXT_MAX + 2]; /* one byte too many shows that it was cut */
	struct line l = {.len = 0};
	va_list ap;
	int n;

	if (!log || level > log->level)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	add_str(&l, log->program);
	add_str(&l, ": ");
	add_str(&l, words[level]);
	add_text(&l, text,
		 (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1);
	put(log, &l);
}

void aigw_log_child(const struct aigw_log *log, const char *stage,
		    const char *line, size_t len)
{
	struct line l = {.len = 0};

	if (!log)
		return;
	add_str(&l, log->program);
	add_str(&l, ": [");
	add_str(&l, stage);
	add_str(&l, "] ");
	add_text(&l, line, len);
	put(log, &l);
}
