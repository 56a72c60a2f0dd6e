/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.c - NAME=VALUE arguments as a JSON object */
#include "edge/pairs.h"

#include <string.h>

#include "core/buf.h"
#include "core/utf8.h"

#define NAME_MAX_BYTES 128
#define TEXT_MAX (1 << 20)

/* The name's length, or -1. The name itself is repeated only when it is one. */
static long name_len(const char *pair, struct aigw_err *err)
{
	const char *eq = strchr(pair, '=');

	if (!eq || eq == pair || eq - pair >= NAME_MAX_BYTES)
		return aigw_fail(err, "expected NAME=VALUE");
	if (aigw_utf8_valid(pair, strlen(pair)) != strlen(pair))
		return aigw_fail(err, "%.*s: not UTF-8", (int)(eq - pair),
				 pair);
	return (long)(eq - pair);
}

struct aigw_doc *aigw_pairs_text(const struct aigw_list *list,
				 struct aigw_err *err)
{
	struct aigw_doc *doc = NULL;
	struct aigw_buf text;
	struct aigw_json w;
	size_t i;
	long n;

	aigw_buf_init(&text, TEXT_MAX);
	aigw_json_init(&w, &text);
	aigw_json_object(&w);
	for (i = 0; i < list->n; i++) {
		n = name_len(list->v[i], err);
		if (n < 0)
			goto out;
		aigw_json_keyn(&w, list->v[i], (size_t)n);
		aigw_json_str(&w, list->v[i] + n + 1);
	}
	aigw_json_close(&w);
	if (aigw_json_end(&w, err) == 0)
		doc = aigw_doc_parse(text.data, text.len, err);
out:
	aigw_buf_release(&text);
	return doc;
}

static int set(struct aigw_buf *text, const char *pair, struct aigw_err *err)
{
	long n = name_len(pair, err);
	char name[NAME_MAX_BYTES];
	struct aigw_buf next;
	struct aigw_doc *doc;
	const char *json;
	int rc;

	if (n < 0)
		return -1;
	memcpy(name, pair, (size_t)n);
	name[n] = '\0';
	json = pair + n + 1;
	doc = aigw_doc_parse(json, strlen(json), err);
	if (!doc)
		return aigw_fail(err,
				 "%s: its value must be JSON; a text keeps its "
				 "quotes: %s='\"…\"'",
				 name, name);
	aigw_doc_free(doc);
	aigw_buf_init(&next, text->max);
	rc = aigw_json_splice(text->data, text->len, name, json, strlen(json),
			      &next, err);
	if (rc < 0) {
		aigw_buf_release(&next);
		return -1;
	}
	aigw_buf_release(text);
	*text = next;
	return 0;
}

struct aigw_doc *aigw_pairs_json(const struct aigw_list *list,
				 struct aigw_err *err)
{
	struct aigw_doc *doc = NULL;
	struct aigw_buf text;
	size_t i;

	aigw_buf_init(&text, TEXT_MAX);
	if (aigw_buf_str(&text, "{}") < 0) {
		aigw_fail(err, "out of memory");
		return NULL;
	}
	for (i = 0; i < list->n; i++) {
		if (set(&text, list->v[i], err) < 0)
			goto out;
	}
	doc = aigw_doc_parse(text.data, text.len, err);
out:
	aigw_buf_release(&text);
	return doc;
}
