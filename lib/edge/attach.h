/* SPDX-License-Identifier: Apache-2.0 */
/* attach.h - files as parts of a chat message */
#ifndef AIGW_EDGE_ATTACH_H
#define AIGW_EDGE_ATTACH_H

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"

/*
 * Write a file as one content part of OpenAI's chat format. What it is, its
 * first bytes say, never its name: PNG, JPEG, GIF and WebP become image_url
 * parts and PDF a file part, both as data: URLs (RFC 2397); WAV and MP3 become
 * input_audio; valid UTF-8 without NUL becomes a text part, byte for byte.
 * Anything else is refused. `max` in bytes, of the file.
 */
int aigw_attach(const char *path, size_t max, struct aigw_json *w,
		struct aigw_err *err) AIGW_MUST_CHECK;

/* Append base64 (RFC 4648 section 4, padded). */
int aigw_base64(struct aigw_buf *out, const void *p, size_t n) AIGW_MUST_CHECK;

#endif
