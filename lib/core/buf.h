/* SPDX-License-Identifier: Apache-2.0 */
/* buf.h - bytes that grow up to a maximum given at birth */
#ifndef AIGW_CORE_BUF_H
#define AIGW_CORE_BUF_H

#include <stddef.h>

#include "err.h"

/* `data` is NULL while empty; not NUL-terminated: NUL is data. */
struct aigw_buf {
	char *data;
	size_t len, cap, max;
};

/* `max` in bytes; nothing is allocated yet. */
void aigw_buf_init(struct aigw_buf *b, size_t max);
void aigw_buf_release(struct aigw_buf *b);

/* Room for `n` more bytes at the end: where to write them, or NULL when that
 * passes `max` or memory is out. Commit with `b->len += written`. */
char *aigw_buf_room(struct aigw_buf *b, size_t n) AIGW_MUST_CHECK;

/* Append; 0, or -1 as aigw_buf_room() and then nothing was appended. */
int aigw_buf_add(struct aigw_buf *b, const void *p, size_t n) AIGW_MUST_CHECK;
int aigw_buf_str(struct aigw_buf *b, const char *s) AIGW_MUST_CHECK;

/* Forget the first `n` bytes. */
void aigw_buf_drop(struct aigw_buf *b, size_t n);

/* Hand the bytes over with a NUL behind them; the caller frees. NULL when
 * memory is out. The buffer is empty afterwards. */
char *aigw_buf_take(struct aigw_buf *b, size_t *len) AIGW_MUST_CHECK;

#endif
