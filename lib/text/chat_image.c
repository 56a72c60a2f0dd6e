/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chat_image.c - the size of an image from its header, and what that counts
 *
 * PNG: W3C PNG 5.2, 11.2.2. GIF89a section 18. JPEG: ITU-T T.81 B.1.1.3, B.2.2.
 * WebP: RFC 9649. Only headers are read, straight out of the base64.
 */
#include <math.h>
#include <string.h>

#include "text/chat.h"

/* A JPEG may carry its thumbnail and colour profile before its size. */
#define HEADER_MAX (1024u * 1024)

struct image {
	const char *base64;
	size_t len; /* of the image, in bytes */
};

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Byte `at`, or -1. */
static int byte(const struct image *im, size_t at)
{
	const char *q = im->base64 + at / 3 * 4 + at % 3;
	int a, b;

	if (at >= im->len)
		return -1;
	a = digit(q[0]);
	b = digit(q[1]);
	if (a < 0 || b < 0)
		return -1;
	switch (at % 3) {
	case 0:
		return a << 2 | b >> 4;
	case 1:
		return (a << 4 | b >> 2) & 0xff;
	default:
		return (a << 6 | b) & 0xff;
	}
}

/* `n` bytes as a number, the first one highest if `big`; 0 past the end. */
static uint32_t number(const struct image *im, size_t at, unsigned n, bool big)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < n; i++) {
		int b = byte(im, at + i);

		if (b < 0)
			return 0;
		v |= (uint32_t)b << 8 * (big ? n - 1 - i : i);
	}
	return v;
}

static bool begins(const struct image *im, size_t at, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (byte(im, at + i) != (unsigned char)s[i])
			return false;
	}
	return true;
}

/* From marker to marker to the frame header, SOF0..15 without DHT, JPG, DAC. */
static bool jpeg_size(const struct image *im, uint32_t *w, uint32_t *h)
{
	size_t at = 2;

	while (at < HEADER_MAX && byte(im, at) == 0xff) {
		int marker = byte(im, at + 1);

		if (marker == 0xff) {
			at++;
			continue;
		}
		if (marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 &&
		    marker != 0xc8 && marker != 0xcc) {
			*h = number(im, at + 5, 2, true);
			*w = number(im, at + 7, 2, true);
			return true;
		}
		if (marker < 0xc0 || marker == 0xd9 || marker == 0xda)
			return false;
		at += 2 + number(im, at + 2, 2, true);
	}
	return false;
}

static bool webp_size(const struct image *im, uint32_t *w, uint32_t *h)
{
	if (begins(im, 12, "VP8X", 4)) {
		*w = 1 + number(im, 24, 3, false);
		*h = 1 + number(im, 27, 3, false);
	} else if (begins(im, 12, "VP8L", 4)) {
		uint32_t bits = number(im, 21, 4, false);

		*w = 1 + (bits & 0x3fff);
		*h = 1 + (bits >> 14 & 0x3fff);
	} else if (begins(im, 12, "VP8 ", 4)) {
		*w = number(im, 26, 2, false) & 0x3fff;
		*h = number(im, 28, 2, false) & 0x3fff;
	} else {
		return false;
	}
	return true;
}

bool aigw_image_size(const char *base64, size_t len, uint32_t *width,
		     uint32_t *height)
{
	struct image im = {base64, 0};

	while (len && base64[len - 1] == '=')
		len--;
	im.len = len / 4 * 3 + (len % 4 ? len % 4 - 1 : 0);
	*width = *height = 0;
	if (begins(&im, 0, "\x89PNG\r\n\x1a\n", 8)) {
		*width = number(&im, 16, 4, true);
		*height = number(&im, 20, 4, true);
	} else if (begins(&im, 0, "GIF8", 4)) {
		*width = number(&im, 6, 2, false);
		*height = number(&im, 8, 2, false);
	} else if (begins(&im, 0, "RIFF", 4) && begins(&im, 8, "WEBP", 4)) {
		webp_size(&im, width, height);
	} else if (begins(&im, 0, "\xff\xd8", 2)) {
		jpeg_size(&im, width, height);
	}
	return *width && *height;
}

static uint64_t parts(double length, double part)
{
	return (uint64_t)ceil(length / part);
}

/* Fit into 2048x2048, then the shorter side to 768, never up; tiles of 512. */
static uint64_t tiles(double w, double h)
{
	double scale = 1, side = w < h ? w : h;

	if (w > 2048 || h > 2048)
		scale = 2048 / (w > h ? w : h);
	if (side * scale > 768)
		scale = 768 / side;
	return parts(floor(w * scale), 512) * parts(floor(h * scale), 512);
}

/* 32x32 each; too many: scale so that a whole number fits across. */
static uint64_t patches(double w, double h, double most)
{
	double across, down, scale;

	if (ceil(w / 32) * ceil(h / 32) <= most)
		return parts(w, 32) * parts(h, 32);
	scale = sqrt(most * 1024 / (w * h));
	across = floor(w * scale / 32);
	down = floor(h * scale / 32);
	if (across < 1 || down < 1)
		return (uint64_t)most;
	scale *= fmin(across / (w * scale / 32), down / (h * scale / 32));
	return parts(floor(w * scale), 32) * parts(floor(h * scale), 32);
}

uint64_t aigw_image_tokens(const struct aigw_model *m, uint32_t width,
			   uint32_t height, bool low)
{
	if (m->image == AIGW_IMAGE_TILES) {
		uint64_t n = low ? 0 : tiles(width, height);

		return (uint64_t)m->a + (uint64_t)m->b * n;
	}
	return (patches(width, height, m->b) * (uint64_t)m->a + 999) / 1000;
}
