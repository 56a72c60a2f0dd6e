/* SPDX-License-Identifier: Apache-2.0 */
/* spans.c - aigw-mask --spans: what would be masked in lines of {id, text} */
#include <string.h>

#include "mask.h"

#define LINE_MAX_BYTES (64u << 20)

static const char *const scores[] = {
	[MASK_A] = "0.99", [MASK_B] = "0.85", [MASK_C] = "0.6"};

/* Code points of s[from..to); the text is valid UTF-8. */
static int64_t points(const char *s, size_t from, size_t to)
{
	int64_t n = 0;

	for (; from < to; from++)
		n += (s[from] & 0xC0) != 0x80;
	return n;
}

static void write_spans(const struct mask *m, const char *text,
			struct aigw_json *w)
{
	size_t at = 0;
	int64_t chars = 0;

	aigw_json_array(w);
	for (size_t i = 0; i < m->hits.n; i++) {
		const struct mask_span *s = &m->hits.v[i];

		if (m->op[s->type] == MASK_KEEP)
			continue;
		aigw_json_object(w);
		aigw_json_key(w, "type");
		aigw_json_str(w, m->names[s->type]);
		chars += points(text, at, s->start);
		aigw_json_key(w, "start");
		aigw_json_int(w, chars);
		chars += points(text, s->start, s->end);
		at = s->end;
		aigw_json_key(w, "end");
		aigw_json_int(w, chars);
		aigw_json_key(w, "bstart");
		aigw_json_int(w, (int64_t)s->start);
		aigw_json_key(w, "bend");
		aigw_json_int(w, (int64_t)s->end);
		aigw_json_key(w, "score");
		aigw_json_raw(w, scores[s->class], strlen(scores[s->class]));
		aigw_json_close(w);
	}
	aigw_json_close(w);
}

static int one_line(struct mask *m, const char *line, size_t len, FILE *out,
		    struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(line, len, err);
	const struct aigw_val *root = aigw_doc_root(doc);
	const struct aigw_val *id = aigw_val_get(root, "id");
	struct aigw_buf buf;
	struct aigw_json w;
	size_t n;
	const char *text = aigw_val_str(aigw_val_get(root, "text"), &n);
	int rc = -1;

	aigw_buf_init(&buf, 4 * (size_t)LINE_MAX_BYTES);
	if (!doc)
		goto out;
	if (!text || !id) {
		aigw_fail(err, "expected {\"id\":…,\"text\":\"…\"}");
		goto out;
	}
	if (mask_find(m->finder, text, n, &m->hits, err))
		goto out;
	aigw_json_init(&w, &buf);
	aigw_json_object(&w);
	aigw_json_key(&w, "id");
	aigw_json_val(&w, id);
	aigw_json_key(&w, "spans");
	write_spans(m, text, &w);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc && aigw_buf_add(&buf, "\n", 1))
		rc = aigw_fail(err, "out of memory");
	if (!rc)
		fwrite(buf.data, 1, buf.len, out);
out:
	aigw_buf_release(&buf);
	aigw_doc_free(doc);
	return rc;
}

/* One line without its end; 1, 0 at the end of the file, -1 when it is longer
 * than the maximum (it is skipped) or memory is out. */
static int next_line(FILE *in, struct aigw_buf *line)
{
	char part[4096];
	size_t n = 0;
	int c, rc = 0;

	line->len = 0;
	do {
		c = getc_unlocked(in);
		if (c == EOF && !n && !rc)
			return 0;
		if (c != EOF && c != '\n')
			part[n++] = (char)c;
		if (n == sizeof(part) || c == EOF || c == '\n') {
			if (rc >= 0)
				rc = aigw_buf_add(line, part, n) ? -1 : 1;
			n = 0;
		}
	} while (c != EOF && c != '\n');
	return rc;
}

int mask_spans(void *self, FILE *in, FILE *out, const struct aigw_log *log)
{
	struct mask *m = self;
	struct aigw_buf line;
	struct aigw_err err;
	int code = AIGW_EXIT_OK, rc;

	aigw_buf_init(&line, LINE_MAX_BYTES);
	for (size_t n = 1; (rc = next_line(in, &line)); n++) {
		memset(&err, 0, sizeof(err));
		if (rc < 0)
			aigw_fail(&err, "longer than %u bytes", LINE_MAX_BYTES);
		else if (line.len &&
			 !one_line(m, line.data, line.len, out, &err))
			continue;
		else if (!line.len)
			continue;
		aigw_log(log, AIGW_ERR, "line %zu: %s", n, err.text);
		code = AIGW_EXIT_RECORDS;
	}
	aigw_buf_release(&line);
	if (ferror(in) || fflush(out) || ferror(out)) {
		aigw_log(log, AIGW_ERR, "reading or writing failed");
		return AIGW_EXIT_IO;
	}
	return code;
}
