/* SPDX-License-Identifier: Apache-2.0 */
/* attach.c - files as parts of a chat message */
#include "edge/attach.h"

#include <string.h>

#include "core/utf8.h"
#include "edge/fd.h"

enum part { IMAGE, DOCUMENT, AUDIO };

/* The bytes that tell a format, some at two places. */
static const struct magic {
	enum part part;
	const char *media; /* or, for audio, the name of the format */
	size_t at, len;
	const char *bytes;
	size_t at2, len2;
	const char *bytes2;
} magics[] = {
	{IMAGE, "image/png", 0, 8, "\x89PNG\r\n\x1a\n", 0, 0, ""},
	{IMAGE, "image/jpeg", 0, 3, "\xff\xd8\xff", 0, 0, ""},
	{IMAGE, "image/gif", 0, 6, "GIF87a", 0, 0, ""},
	{IMAGE, "image/gif", 0, 6, "GIF89a", 0, 0, ""},
	{IMAGE, "image/webp", 0, 4, "RIFF", 8, 4, "WEBP"},
	{DOCUMENT, "application/pdf", 0, 5, "%PDF-", 0, 0, ""},
	{AUDIO, "wav", 0, 4, "RIFF", 8, 4, "WAVE"},
	{AUDIO, "mp3", 0, 3, "ID3", 0, 0, ""},
	{AUDIO, "mp3", 0, 2, "\xff\xfb", 0, 0, ""},
};

static bool has(const struct aigw_buf *file, size_t at, const char *bytes,
		size_t len)
{
	return file->len >= at + len &&
	       memcmp(file->data + at, bytes, len) == 0;
}

static const struct magic *recognise(const struct aigw_buf *file)
{
	size_t i;

	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++) {
		if (has(file, magics[i].at, magics[i].bytes, magics[i].len) &&
		    has(file, magics[i].at2, magics[i].bytes2, magics[i].len2))
			return &magics[i];
	}
	return NULL;
}

int aigw_base64(struct aigw_buf *out, const void *p, size_t n)
{
	static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = p;
	char *to = aigw_buf_room(out, (n + 2) / 3 * 4);
	unsigned long v;

	if (!to)
		return -1;
	out->len += (n + 2) / 3 * 4;
	for (; n > 2; n -= 3, s += 3) {
		v = (unsigned long)s[0] << 16 | s[1] << 8 | s[2];
		*to++ = digit[v >> 18];
		*to++ = digit[v >> 12 & 63];
		*to++ = digit[v >> 6 & 63];
		*to++ = digit[v & 63];
	}
	if (n > 0) {
		v = (unsigned long)s[0] << 16 | (n > 1 ? s[1] << 8 : 0);
		*to++ = digit[v >> 18];
		*to++ = digit[v >> 12 & 63];
		*to++ = n > 1 ? digit[v >> 6 & 63] : '=';
		*to++ = '=';
	}
	return 0;
}

static void part_open(struct aigw_json *w, const char *type)
{
	aigw_json_object(w);
	aigw_json_key(w, "type");
	aigw_json_str(w, type);
	aigw_json_key(w, type);
	aigw_json_object(w);
}

static void put_binary(struct aigw_json *w, const struct magic *m,
		       const char *name, const struct aigw_buf *data)
{
	switch (m->part) {
	case IMAGE:
		part_open(w, "image_url");
		aigw_json_key(w, "url");
		break;
	case DOCUMENT:
		part_open(w, "file");
		aigw_json_key(w, "filename");
		aigw_json_str(w, name);
		aigw_json_key(w, "file_data");
		break;
	case AUDIO:
		part_open(w, "input_audio");
		aigw_json_key(w, "format");
		aigw_json_str(w, m->media);
		aigw_json_key(w, "data");
		break;
	}
	aigw_json_strn(w, data->data, data->len);
	aigw_json_close(w);
	aigw_json_close(w);
}

static int encode(const struct aigw_buf *file, const struct magic *m,
		  struct aigw_buf *to)
{
	if (m->part != AUDIO &&
	    (aigw_buf_str(to, "data:") < 0 || aigw_buf_str(to, m->media) < 0 ||
	     aigw_buf_str(to, ";base64,") < 0))
		return -1;
	return aigw_base64(to, file->data, file->len);
}

static void put_text(struct aigw_json *w, const struct aigw_buf *file)
{
	aigw_json_object(w);
	aigw_json_key(w, "type");
	aigw_json_str(w, "text");
	aigw_json_key(w, "text");
	aigw_json_strn(w, file->len > 0 ? file->data : "", file->len);
	aigw_json_close(w);
}

static bool is_text(const struct aigw_buf *file)
{
	return file->len == 0 ||
	       (aigw_utf8_valid(file->data, file->len) == file->len &&
		!memchr(file->data, '\0', file->len));
}

int aigw_attach(const char *path, size_t max, struct aigw_json *w,
		struct aigw_err *err)
{
	const char *slash = strrchr(path, '/'),
		   *name = slash ? slash + 1 : path;
	struct aigw_buf file, data;
	const struct magic *m;
	int rc = -1;

	aigw_buf_init(&file, max);
	aigw_buf_init(&data, max / 3 * 4 + 64);
	if (aigw_fd_slurp(path, &file, err) < 0)
		goto out;
	m = recognise(&file);
	if (m && aigw_utf8_valid(name, strlen(name)) != strlen(name))
		name = "attachment";
	if (m && encode(&file, m, &data) < 0) {
		aigw_fail(err, "%s: out of memory", path);
	} else if (m) {
		put_binary(w, m, name, &data);
		rc = 0;
	} else if (is_text(&file)) {
		put_text(w, &file);
		rc = 0;
	} else {
		aigw_fail_as(err, AIGW_E_BAD_REQUEST, "unknown_media",
			     "%s: neither image (PNG, JPEG, GIF, WebP), PDF, "
			     "audio (WAV, MP3) nor UTF-8 text",
			     path);
	}
out:
	aigw_buf_release(&data);
	aigw_buf_release(&file);
	return rc;
}
