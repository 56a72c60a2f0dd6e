/* SPDX-License-Identifier: Apache-2.0 */
/* test-records.c - records, CSV, templates, ids, order, requests, replies */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/siphash.h"
#include "edge/attach.h"
#include "edge/fill.h"
#include "edge/ids.h"
#include "edge/order.h"
#include "edge/records.h"
#include "edge/reply.h"
#include "edge/request.h"

/* All records of `in` joined by '|'; bad ones are "!LINE". The bytes come
 * through a pipe in pieces of `piece`, so that every border is crossed. */
struct feed {
	const char *in;
	size_t len, piece;
	int fd;
};

static void feed_more(void *arg)
{
	struct feed *f = arg;
	size_t n = f->piece < f->len ? f->piece : f->len;

	if (n == 0) {
		if (f->fd >= 0)
			close(f->fd);
		f->fd = -1;
		return;
	}
	assert_int_equal(write(f->fd, f->in, n), (ssize_t)n);
	f->in += n;
	f->len -= n;
}

static void split(enum aigw_split how, const char *in, size_t len, size_t piece,
		  bool bom, char out[512])
{
	struct feed f = {in, len, piece, -1};
	struct aigw_records r;
	struct aigw_record rec;
	struct aigw_err err;
	enum aigw_got got;
	size_t at = 0;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	f.fd = fds[1];
	aigw_records_init(&r, fds[0], how, 16);
	r.cut_bom = bom;
	r.idle = feed_more;
	r.arg = &f;
	out[0] = '\0';
	while ((got = aigw_records_next(&r, &rec, &err)) != AIGW_GOT_END) {
		assert_int_not_equal(got, AIGW_GOT_FAILED);
		if (got == AIGW_GOT_BAD)
			at += (size_t)snprintf(out + at, 512 - at, "!%d|",
					       (int)rec.line);
		else
			at += (size_t)snprintf(out + at, 512 - at, "%.*s|",
					       (int)rec.len, rec.data);
	}
	aigw_records_release(&r);
	close(fds[0]);
}

static const struct {
	enum aigw_split how;
	bool bom;
	const char *in;
	size_t len;
	const char *want;
} splits[] = {
#define CASE(how, bom, in, want) \
	{ \
		how, bom, in, sizeof(in) - 1, want \
	}
	CASE(AIGW_SPLIT_LINES, true, "", ""),
	CASE(AIGW_SPLIT_LINES, true, "\n\r\n\n", ""),
	CASE(AIGW_SPLIT_LINES, true, "a\nb", "a|b|"),
	CASE(AIGW_SPLIT_LINES, true, "a\r\nb\r\n", "a|b|"),
	CASE(AIGW_SPLIT_LINES, true, "a\rb\n", "a\rb|"),
	CASE(AIGW_SPLIT_LINES, true,
	     "\xef\xbb\xbf"
	     "a\n\xef\xbb\xbf"
	     "b",
	     "a|\xef\xbb\xbf"
	     "b|"),
	CASE(AIGW_SPLIT_LINES, true, "\xef\xbb", "\xef\xbb|"),
	CASE(AIGW_SPLIT_LINES, true, "\xef\xbb\xbf", ""),
	CASE(AIGW_SPLIT_LINES, false,
	     "\xef\xbb\xbf"
	     "a",
	     "\xef\xbb\xbf"
	     "a|"),
	CASE(AIGW_SPLIT_LINES, true, "1234567890123456\nx",
	     "1234567890123456|x|"),
	CASE(AIGW_SPLIT_LINES, true, "1234567890123456\r\nx",
	     "1234567890123456|x|"),
	CASE(AIGW_SPLIT_LINES, true, "a\n12345678901234567\nx", "a|!2|x|"),
	CASE(AIGW_SPLIT_LINES, true, "a\n1234567890123456789012345678901",
	     "a|!2|"),
	CASE(AIGW_SPLIT_NUL, true, "a\nb\0c\0\0d\r", "a\nb|c|d\r|"),
	CASE(AIGW_SPLIT_NUL, true, "\nx\0y\n12345678901234567890\0z",
	     "\nx|!2|z|"),
	CASE(AIGW_SPLIT_WHOLE, true, "a\nb\r\n", "a\nb\r\n|"),
	CASE(AIGW_SPLIT_WHOLE, true, "12345678901234567890", "!1|"),
	CASE(AIGW_SPLIT_CSV, true, "a,b\r\nc,d", "a,b|c,d|"),
	CASE(AIGW_SPLIT_CSV, true, "\xef\xbb\xbf\"a\nb\",c\nd",
	     "\"a\nb\",c|d|"),
	CASE(AIGW_SPLIT_CSV, true, "\"a\"\"\n\"\nb", "\"a\"\"\n\"|b|"),
	CASE(AIGW_SPLIT_CSV, true, "a\"b,\nc", "a\"b,|c|"),
	CASE(AIGW_SPLIT_CSV, true, "\"a\"b\"\nc", "\"a\"b\"|c|"),
	CASE(AIGW_SPLIT_CSV, true, "x\n\"1234567890\n1234567890\"\ny",
	     "x|!2|y|"),
#undef CASE
};

static void records_end_where_they_should(void **state)
{
	char out[512];
	size_t i, piece;

	(void)state;
	for (i = 0; i < sizeof(splits) / sizeof(splits[0]); i++) {
		for (piece = 1; piece < 40; piece++) {
			split(splits[i].how, splits[i].in, splits[i].len, piece,
			      splits[i].bom, out);
			assert_string_equal(out, splits[i].want);
		}
	}
}

static void places_are_told(void **state)
{
	struct aigw_records r;
	struct aigw_record rec;
	struct aigw_err err;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "\n\"a\nb\"\nc\n", 9), 9);
	close(fds[1]);
	aigw_records_init(&r, fds[0], AIGW_SPLIT_CSV, 100);
	assert_int_equal(aigw_records_next(&r, &rec, &err), AIGW_GOT_RECORD);
	assert_int_equal(rec.number, 1);
	assert_int_equal(rec.line, 2);
	assert_int_equal(rec.offset, 1);
	assert_int_equal(aigw_records_next(&r, &rec, &err), AIGW_GOT_RECORD);
	assert_int_equal(rec.number, 2);
	assert_int_equal(rec.line, 4);
	assert_int_equal(rec.offset, 7);
	assert_int_equal(aigw_records_next(&r, &rec, &err), AIGW_GOT_END);
	aigw_records_release(&r);
	close(fds[0]);
}

static const struct {
	const char *in, *want; /* fields behind '<'; NULL: refused */
	int n;
} csvs[] = {
	{"a,b", "<a<b", 2},	    {",", "<<", 2},
	{"\"\"", "<", 1},	    {"\"a,b\",c", "<a,b<c", 2},
	{"\"a\"\"b\"", "<a\"b", 1}, {" a , b ", "< a < b ", 2},
	{"\"a\nb\"", "<a\nb", 1},   {"a\"b", NULL, 0},
	{"\"a", NULL, 0},	    {"\"a\"b", NULL, 0},
	{"a\rb", NULL, 0},	    {"\"a\" ,b", NULL, 0},
};

static void csv_is_strict(void **state)
{
	struct aigw_csv csv;
	struct aigw_err err;
	char out[64];
	const char *s;
	size_t i, j, len, at;
	int rc;

	(void)state;
	aigw_csv_init(&csv, 1000);
	for (i = 0; i < sizeof(csvs) / sizeof(csvs[0]); i++) {
		rc = aigw_csv_read(&csv, csvs[i].in, strlen(csvs[i].in), &err);
		assert_int_equal(rc, csvs[i].want ? 0 : -1);
		if (rc < 0) {
			assert_string_equal(err.code, "invalid_csv");
			continue;
		}
		assert_int_equal(csv.n, csvs[i].n);
		for (j = 0, at = 0; j < csv.n; j++) {
			s = aigw_csv_field(&csv, j, &len);
			at += (size_t)snprintf(out + at, sizeof(out) - at,
					       "<%.*s", (int)len, s);
		}
		assert_string_equal(out, csvs[i].want);
	}
	aigw_csv_release(&csv);
}

/* Templates ------------------------------------------------------------- */

static long name_ab(void *arg, const char *name, size_t len)
{
	(void)arg;
	return len == 1 && *name >= 'a' && *name <= 'b' ? *name - 'a' : -1;
}

static const char *value_ab(void *arg, size_t slot, size_t *len)
{
	static const char *const values[] = {"{{b}}", "B"};

	(void)arg;
	*len = strlen(values[slot]);
	return values[slot];
}

static void values_are_not_read_again(void **state)
{
	static const char text[] = "{{a}}-{{ b }}{{\"{{\"}}}} { {{a}}";
	struct aigw_fill f;
	struct aigw_buf out;
	struct aigw_err err;

	(void)state;
	aigw_buf_init(&out, 100);
	assert_int_equal(aigw_fill_init(&f, text, sizeof(text) - 1, &err), 0);
	assert_int_equal(aigw_fill_bind(&f, name_ab, NULL, &err), 0);
	assert_int_equal(aigw_fill(&f, value_ab, NULL, &out, &err), 0);
	assert_int_equal(aigw_buf_add(&out, "", 1), 0);
	assert_string_equal(out.data, "{{b}}-B{{}} { {{b}}");
	aigw_buf_release(&out);

	assert_int_equal(aigw_fill_init(&f, "x{{a", 4, &err), -1);
	assert_non_null(strstr(err.text, "byte 1"));
	assert_int_equal(aigw_fill_init(&f, "{{ }}", 5, &err), -1);
	assert_int_equal(aigw_fill_init(&f, "{{c}}", 5, &err), 0);
	assert_int_equal(aigw_fill_bind(&f, name_ab, NULL, &err), -1);
	assert_non_null(strstr(err.text, "\"c\""));
}

/* Hashes and sets ------------------------------------------------------- */

/* Of the 64 published values (key 00..0f, input 00, 00 01, …) some; the
 * paper's own example, of 15 bytes, among them. */
static void siphash_is_siphash(void **state)
{
	static const struct {
		size_t n;
		uint64_t want;
	} vectors[] = {
		{0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},
		{2, 0x0d6c8009d9a94f5a}, {7, 0xab0200f58b01d137},
		{8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5},
	};
	struct aigw_sip key = {{0x0706050403020100, 0x0f0e0d0c0b0a0908}};
	unsigned char in[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)i;
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
		assert_true(aigw_siphash(key, in, vectors[i].n) ==
			    vectors[i].want);
}

static void ids_are_remembered(void **state)
{
	struct aigw_ids ids;
	struct aigw_err err;
	char id[16];
	int i, round, n;

	(void)state;
	assert_int_equal(aigw_ids_init(&ids, &err), 0);
	for (round = 0; round < 2; round++) {
		for (i = 0; i < 50000; i++) {
			n = snprintf(id, sizeof(id), "r%d", i);
			assert_int_equal(aigw_ids_add(&ids, id, (size_t)n,
						      &err),
					 round == 0);
		}
	}
	assert_int_equal(aigw_ids_add(&ids, "r1\0", 3, &err), 1);
	assert_int_equal(ids.n, 50001);
	aigw_ids_release(&ids);
}

static void order_is_kept_within_bounds(void **state)
{
	static const uint64_t in[] = {3, 2, 5, 1, 4};
	struct aigw_order_item item;
	struct aigw_order o;
	struct aigw_err err;
	char digit, out[16] = "";
	size_t i, n = 0;

	(void)state;
	aigw_order_init(&o, 3, 100);
	for (i = 0; i < 5; i++) {
		digit = (char)('0' + in[i]);
		assert_int_equal(aigw_order_put(&o, in[i], &digit, 1, &err), 0);
		while (aigw_order_take(&o, aigw_order_full(&o), &item)) {
			out[n++] = item.data[0];
			free(item.data);
		}
	}
	assert_string_equal(out, "12345");
	for (i = 9; i > 5; i--)
		assert_int_equal(aigw_order_put(&o, i + 1, NULL, 0, &err), 0);
	assert_true(aigw_order_full(&o));
	assert_false(aigw_order_take(&o, false, &item));
	assert_true(aigw_order_take(&o, true, &item));
	assert_int_equal(item.seq, 7);
	assert_false(aigw_order_full(&o));
	assert_int_equal(aigw_order_put(&o, 20, "x", 1, &err), 0);
	aigw_order_release(&o);
}

/* Requests -------------------------------------------------------------- */

typedef int (*make_fn)(const struct aigw_maker *maker, struct aigw_made *made,
		       const char *text, size_t len, struct aigw_buf *out,
		       struct aigw_err *err);

static void make(make_fn fn, const struct aigw_maker *maker, const char *in,
		 const char *want, const char *code)
{
	struct aigw_made made = {.seq = 7};
	struct aigw_buf out;
	struct aigw_err err = {.code = NULL};
	int rc;

	aigw_buf_init(&out, 100000);
	assert_int_equal(aigw_buf_str(&out, "before"), 0);
	rc = fn(maker, &made, in, strlen(in), &out, &err);
	assert_int_equal(rc, want ? 0 : -1);
	assert_int_equal(aigw_buf_add(&out, "", 1), 0);
	assert_string_equal(out.data + 6, want ? want : "");
	if (!want)
		assert_string_equal(err.code, code);
	aigw_buf_release(&out);
}

#define HEAD(id) "{\"aigw\":1,\"id\":\"" id "\",\"seq\":7,"
#define CLIENT "\"client\":{\"api\":\"openai.chat\"}"

static void batch_lines_become_requests(void **state)
{
	struct aigw_ids ids;
	struct aigw_err err;
	struct aigw_maker m = {.model = "def", .max = 10000, .ids = &ids};
	make_fn fn = aigw_make_batch;

	(void)state;
	assert_int_equal(aigw_ids_init(&ids, &err), 0);
	make(fn, &m,
	     "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":"
	     "\"/v1/chat/completions\",\"body\":{\"seed\":9007199254740993 ,"
	     "\"model\":\"m\",\"t\":1.10,\"messages\":[\"\\u0000\"]}}",
	     HEAD("a") "\"op\":\"chat\"," CLIENT
		       ",\"req\":{\"seed\":9007199254740993 ,\"model\":\"m\","
		       "\"t\":1.10,\"messages\":[\"\\u0000\"]}}\n",
	     NULL);
	make(fn, &m, "{\"custom_id\":\"a\",\"body\":{\"messages\":[]}}", NULL,
	     "duplicate_custom_id");
	make(fn, &m, "{\"custom_id\":\"\",\"body\":{\"messages\":[]}}", NULL,
	     "invalid_id");
	make(fn, &m, "{\"custom_id\":5,\"body\":{\"messages\":[]}}", NULL,
	     "invalid_id");
	make(fn, &m, "{\"custom_id\":\"b\",\"body\":{\"messages\":{}}}", NULL,
	     "invalid_body");
	make(fn, &m, "{\"custom_id\":\"c\",\"body\":[]}", NULL, "invalid_body");
	make(fn, &m, "{\"custom_id\":\"d\",\"url\":\"/v1/x\",\"body\":{}}",
	     NULL, "url_mismatch");
	make(fn, &m, "{\"custom_id\":\"e\",\"method\":\"GET\",\"body\":{}}",
	     NULL, "invalid_method");
	make(fn, &m, "[]", NULL, "invalid_json_line");
	make(fn, &m, "{\"custom_id\":\"f\",\"custom_id\":\"g\"}", NULL,
	     "duplicate_key");
	make(fn, &m, "{\"custom_id\":\"h\"", NULL, "invalid_json");
	make(fn, &m,
	     "{\"custom_id\":\"i\",\"url\":\"/v1/embeddings\",\"body\":"
	     "{\"input\":\"x\"}}",
	     HEAD("i") "\"op\":\"embeddings\",\"client\":{\"api\":"
		       "\"openai.embeddings\"},\"req\":{\"input\":\"x\","
		       "\"model\":\"def\"}}\n",
	     NULL);
	m.max = 100;
	make(fn, &m,
	     "{\"custom_id\":\"j\",\"body\":{\"messages\":[\"0123456789\"]}}",
	     NULL, "too_large");
	aigw_ids_release(&ids);
}

static void doors_strip_what_filters_write(void **state)
{
	struct aigw_ids ids;
	struct aigw_err err;
	struct aigw_maker m = {.model = "def",
			       .max = 10000,
			       .ids = &ids,
			       .key = "k",
			       .key_len = 1};
	make_fn fn = aigw_make_body;

	(void)state;
	assert_int_equal(aigw_ids_init(&ids, &err), 0);
	make(fn, &m,
	     "{\"aigw\":1,\"id\":\"a\",\"seq\":99,\"x\":1.10,\"client\":{"
	     "\"api\":\"openai.chat\",\"principal\":\"root\",\"key_id\":\"k\","
	     "\"tags\":{\"t\":\"u\"}},\"plan\":{},\"usage\":{},\"cost\":{},"
	     "\"state\":{},\"attempts\":[],\"notes\":[],\"res\":{},\"err\":{},"
	     "\"timing\":{},\"trace\":{},\"req\":{\"model\":\"m\"}}",
	     HEAD("a") "\"x\":1.10,\"req\":{\"model\":\"m\"},\"client\":{"
		       "\"api\":\"openai.chat\",\"tags\":{\"t\":\"u\"},"
		       "\"auth\":{\"scheme\":\"bearer\",\"token\":\"k\"}}}\n",
	     NULL);
	make(fn, &m, "{\"aigw\":1,\"id\":\"a\",\"req\":{}}", NULL,
	     "duplicate_custom_id");
	make(fn, &m, "{\"aigw\":2,\"id\":\"b\",\"req\":{}}", NULL,
	     "invalid_envelope");
	make(fn, &m, "{\"aigw\":1,\"id\":\"c\",\"e\":\"done\"}", NULL,
	     "invalid_envelope");
	make(fn, &m, "{\"aigw\":1,\"id\":\"d\"}", NULL, "invalid_envelope");
	make(fn, &m, "{\"model\":\"m\"}", NULL, "invalid_body");
	make(fn, &m, "7", NULL, "invalid_body");
	aigw_ids_release(&ids);
}

/* Files ----------------------------------------------------------------- */

static void attach(const char *bytes, size_t len, const char *want)
{
	char path[] = "/tmp/aigw-attach-XXXXXX";
	int fd = mkstemp(path);
	struct aigw_buf out;
	struct aigw_json w;
	struct aigw_err err;
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	aigw_buf_init(&out, 10000);
	aigw_json_init(&w, &out);
	rc = aigw_attach(path, 64, &w, &err);
	unlink(path);
	assert_int_equal(rc, want ? 0 : -1);
	if (want) {
		assert_int_equal(aigw_buf_add(&out, "", 1), 0);
		assert_non_null(strstr(out.data, want));
	}
	aigw_buf_release(&out);
}

static void bytes_tell_what_a_file_is(void **state)
{
	char big[65] = {0};

	(void)state;
	attach("\x89PNG\r\n\x1a\n?", 9,
	       "{\"type\":\"image_url\",\"image_url\":{\"url\":"
	       "\"data:image/png;base64,iVBORw0KGgo/\"}}");
	attach("\xff\xd8\xff\xe0", 4, "data:image/jpeg;base64,/9j/4A==");
	attach("RIFF\0\0\0\0WEBP", 12, "data:image/webp;base64,");
	attach("RIFF\0\0\0\0WAVE", 12, "\"format\":\"wav\"");
	attach("%PDF-1", 6,
	       "\"file_data\":\"data:application/pdf;base64,JVBERi0x\"");
	attach("caf\xc3\xa9\n", 6,
	       "{\"type\":\"text\",\"text\":\"caf\xc3\xa9\\n\"}");
	attach("", 0, "{\"type\":\"text\",\"text\":\"\"}");
	attach("a\0b", 3, NULL);
	attach("\xff\xfe", 2, NULL);
	memset(big, 'a', sizeof(big));
	attach(big, 65, NULL);
}

/* Replies --------------------------------------------------------------- */

static void ids_tell_when(void **state)
{
	(void)state;
	assert_int_equal(
		aigw_reply_created("017f22e2-79b0-7cc3-98c4-dc0c0c07398f", 36),
		1645557742); /* RFC 9562 appendix A.6 */
	assert_int_equal(
		aigw_reply_created("017f22e2-79b0-4cc3-98c4-dc0c0c07398f", 36),
		-1);
	assert_int_equal(aigw_reply_created("r1", 2), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_end_where_they_should),
		cmocka_unit_test(places_are_told),
		cmocka_unit_test(csv_is_strict),
		cmocka_unit_test(values_are_not_read_again),
		cmocka_unit_test(siphash_is_siphash),
		cmocka_unit_test(ids_are_remembered),
		cmocka_unit_test(order_is_kept_within_bounds),
		cmocka_unit_test(batch_lines_become_requests),
		cmocka_unit_test(doors_strip_what_filters_write),
		cmocka_unit_test(bytes_tell_what_a_file_is),
		cmocka_unit_test(ids_tell_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
