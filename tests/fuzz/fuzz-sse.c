/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz-sse.c - streams that a provider made up
 *
 * The first byte chooses the dialect and how the rest is cut. What must hold:
 * the same events and the same answer come out however the bytes are cut, the
 * answer is JSON, and nothing passes its maximum.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "wire/sse.h"
#include "wire/wire.h"

#define MAX (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void write_answer(const struct aigw_answer *a, struct aigw_buf *out)
{
	struct aigw_json w;
	struct aigw_err err;

	aigw_json_init(&w, out);
	aigw_answer_write(a, &w);
	must(aigw_json_end(&w, &err) == 0);
	if (!a->has_usage)
		return;
	aigw_json_init(&w, out);
	aigw_answer_write_usage(a, &w);
	must(aigw_json_end(&w, &err) == 0);
}

/* Decode with `step` bytes at a time; the answer goes to `out`. */
static void decode(const struct aigw_dialect *d, const char *s, size_t len,
		   size_t step, struct aigw_buf *out)
{
	struct aigw_answer a;
	struct aigw_sse sse;
	struct aigw_sse_event ev;
	struct aigw_fault f;
	int rc = 0, got = 0;

	aigw_answer_init(&a, MAX, NULL, NULL);
	aigw_sse_init(&sse, 2 * MAX);
	aigw_fault_init(&f, "stream");
	for (size_t i = 0; i < len && rc == 0 && got >= 0; i += step) {
		size_t n = step < len - i ? step : len - i;

		must(aigw_sse_feed(&sse, s + i, n, &f.why) == 0);
		while (rc == 0 && (got = aigw_sse_next(&sse, &ev, &f.why)) > 0)
			rc = d->event(&a, ev.data, ev.data_len, &f);
	}
	if (rc == 0 && got >= 0 && aigw_sse_finish(&sse, &ev, &f.why) > 0)
		rc = d->event(&a, ev.data, ev.data_len, &f);
	must(a.used <= MAX && rc >= -1 && rc <= 1);
	write_answer(&a, out);
	if (rc < 0)
		must(aigw_buf_str(out, aigw_class_name(f.why.class)) == 0);
	aigw_sse_release(&sse);
	aigw_answer_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct aigw_dialect *d;
	struct aigw_buf once, again;
	const char *s = (const char *)data + 1;

	if (size < 2 || size > MAX)
		return 0;
	d = aigw_dialect_find(data[0] & 1 ? "anthropic" : "openai");
	aigw_buf_init(&once, 16 * MAX);
	aigw_buf_init(&again, 16 * MAX);
	decode(d, s, size - 1, size, &once);
	decode(d, s, size - 1, (size_t)(data[0] >> 1) % 16 + 1, &again);
	must(once.len == again.len &&
	     memcmp(once.data, again.data, once.len) == 0);
	aigw_buf_release(&once);
	aigw_buf_release(&again);
	return 0;
}
