/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - put values back where an answer has their tokens
 *
 * One pass from left to right, and what was put in is not looked at again. A
 * model may write a token in another case, escape its brackets for Markdown,
 * HTML or JSON, or drop one of each: the id alone has 40 random bits, so only
 * it decides. In a URL nothing is restored unless asked for: the model may have
 * made it up to carry the value out.
 */
#include <string.h>

#include "core/json.h"
#include "mask.h"

#define NAME_BYTES 96 /* of a token between its brackets, escapes included */

enum fit { NO, YES, MORE };

/* Ways to write a bracket; the same way is used for both of a pair. */
enum { WAYS = 8 };
static const char *const opening[WAYS] = {
	"[",	  "\\[",      "\\\\[",	      "&#91;",
	"&#x5b;", "&lbrack;", "\xEF\xBC\xBB", "\\u005b"};
static const char *const closing[WAYS] = {
	"]",	  "\\]",      "\\\\]",	      "&#93;",
	"&#x5d;", "&rbrack;", "\xEF\xBC\xBD", "\\u005d"};

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Is `word` at the beginning of the text, or may it be when more comes? */
static enum fit starts(const char *s, size_t len, const char *word)
{
	size_t i = 0;

	for (; word[i]; i++) {
		if (i == len)
			return i ? MORE : NO;
		if (lower(s[i]) != word[i])
			return NO;
	}
	return YES;
}

/* One of the brackets; `way` -1 for any, and set. Its length goes to *n. */
static enum fit bracket(const char *const *list, const char *s, size_t len,
			int *way, size_t *n)
{
	enum fit best = NO;

	if (!len)
		return MORE;
	for (int i = 0; i < WAYS; i++) {
		if (*way >= 0 && i != *way)
			continue;
		enum fit f = starts(s, len, list[i]);

		if (f == YES) {
			*way = i;
			*n = strlen(list[i]);
			return YES;
		}
		best = f == MORE ? MORE : best;
	}
	return best;
}

struct token {
	size_t len; /* bytes of the text it covers */
	const struct mask_entry *entry;
};

/* TYPE_ID, where the _ may be \_ or \\_; its last part is looked up. */
static enum fit name_at(const struct mask_map *map, const char *s, size_t len,
			size_t *n, const struct mask_entry **entry)
{
	char id[NAME_BYTES];
	size_t k = 0, i = 0;

	while (i < len && i < NAME_BYTES) {
		if (mask_alnum(s[i])) {
			id[k++] = s[i++];
			continue;
		}
		size_t slash = 0;

		while (slash < 2 && i + slash < len && s[i + slash] == '\\')
			slash++;
		if (i + slash == len)
			return MORE;
		if (s[i + slash] != '_')
			break;
		i += slash + 1;
		k = 0;
	}
	*n = i;
	if (i == len)
		return i < NAME_BYTES ? MORE : NO;
	*entry = mask_map_find(map, id, k);
	return *entry ? YES : NO;
}

/* Without a `last` piece the end of the text means that more may come. */
static enum fit token_at(const struct mask_map *map, const char *s, size_t len,
			 bool last, struct token *t)
{
	int way = -1, same;
	size_t n = 0, at = 0;
	unsigned opened = 0, closed = 0;
	enum fit f;

	while (opened < 2 &&
	       (f = bracket(opening, s + at, len - at, &way, &n)) != NO) {
		if (f == MORE)
			return last ? NO : MORE;
		at += n;
		opened++;
	}
	if (!opened)
		return NO;
	f = name_at(map, s + at, len - at, &n, &t->entry);
	if (f != YES)
		return f == MORE && !last ? MORE : NO;
	at += n;
	for (same = -1; closed < opened; closed++) {
		f = bracket(closing, s + at, len - at, &same, &n);
		if (f == MORE && !last)
			return MORE;
		if (f != YES)
			break;
		at += n;
	}
	t->len = at;
	return closed ? YES : NO;
}

/*
 * Follow the text: a URL goes on to white space or a quote, but in an HTML tag
 * to the end of the tag; the target of a Markdown link or image, to its bracket
 * or the end of the line.
 */
static void follow(struct mask_restore *r, char c)
{
	if (c == '\\')
		return; /* https:\/\/ in JSON */
	if (r->last[1] == '<' && mask_alpha(c))
		r->in_tag = true;
	if (c == '/' && r->last[1] == '/' && (r->last[0] == ':' || r->in_tag))
		r->in_url = true;
	if (r->last[1] == ']' && c == '(')
		r->in_target = true;
	if (c == '>')
		r->in_tag = false;
	if ((c == ')' && r->in_target) || c == '\n')
		r->in_target = r->in_url = false;
	if (!r->in_tag && (!c || strchr(" \t\r\n\"<>`", c)))
		r->in_url = false;
	r->last[0] = r->last[1];
	r->last[1] = c;
}

static int put_value(struct mask_restore *r, const struct mask_entry *e,
		     struct aigw_buf *out)
{
	struct aigw_buf quoted;
	struct aigw_json w;
	int rc;

	if (!r->json)
		return aigw_buf_add(out, e->value, e->len);
	aigw_buf_init(&quoted, MASK_OUT_MAX);
	aigw_json_init(&w, &quoted);
	aigw_json_strn(&w, e->value, e->len);
	rc = aigw_json_end(&w, NULL);
	if (!rc) /* the quotes are there already */
		rc = aigw_buf_add(out, quoted.data + 1, quoted.len - 2);
	aigw_buf_release(&quoted);
	return rc;
}

static bool may_open(char c)
{
	return c == '[' || c == '\\' || c == '&' || c == '\xEF';
}

/* `s` begins with what was held back. */
static int pass(struct mask_restore *r, const char *s, size_t len, bool last,
		struct aigw_buf *out)
{
	size_t done = 0, i = 0;

	while (i < len) {
		struct token t;
		enum fit f = NO;

		if (may_open(s[i]))
			f = token_at(r->map, s + i, len - i, last, &t);
		if (f == MORE)
			break;
		if (f == YES && (r->urls || (!r->in_url && !r->in_target))) {
			if (aigw_buf_add(out, s + done, i - done) ||
			    put_value(r, t.entry, out))
				return -1;
			i += t.len;
			done = i;
			r->last[0] = r->last[1] = 'x';
			continue;
		}
		follow(r, s[i++]);
	}
	if (aigw_buf_add(out, s + done, i - done))
		return -1;
	r->held_len = len - i;
	if (r->held_len > sizeof(r->held))
		return -1; /* token_at() asks for more than it may */
	memmove(r->held, s + i, r->held_len);
	return 0;
}

int mask_restore(struct mask_restore *r, const char *s, size_t len, bool last,
		 struct aigw_buf *out)
{
	struct aigw_buf both;
	int rc;

	if (!r->held_len)
		return len ? pass(r, s, len, last, out) : 0;
	aigw_buf_init(&both, r->held_len + len);
	rc = aigw_buf_add(&both, r->held, r->held_len);
	if (!rc && len)
		rc = aigw_buf_add(&both, s, len);
	if (!rc)
		rc = pass(r, both.data, both.len, last, out);
	aigw_buf_release(&both);
	return rc;
}
