/* SPDX-License-Identifier: Apache-2.0 */
/* test-mask.c - tokens, the sealed map, restoring at every cut, --spans */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "../../filters/mask/mask.h"

extern const struct aigw_filter aigw_filter_mask;

static const struct mask_keys keys = {
	.token = "token key of thirty-two bytes ..",
	.hash = "hash key of thirty-two bytes ...",
	.seal = "seal key of thirty-two bytes ...",
	.nonce = "nonce key of thirty-two bytes .."};

static const struct mask_entry *add(struct mask_map *map, unsigned kind,
				    const char *s)
{
	const struct mask_value v = {kind, mask_types[kind].name, s, strlen(s)};
	const struct mask_entry *e = mask_map_add(map, &keys, "team", 4, &v);

	assert_non_null(e);
	return e;
}

static void tokens(void **st)
{
	struct mask_map map = {0}, other = {0};
	const struct mask_value elsewhere = {MASK_EMAIL, "EMAIL",
					     "jane@example.com", 16};

	(void)st;
	char *jane = strdup(add(&map, MASK_EMAIL, "Jane@example.com")->name);

	assert_int_equal(strlen(jane), strlen("EMAIL_7Q2MK4TB"));
	/* the same for the same value, in any spelling, in any order */
	assert_string_equal(add(&map, MASK_EMAIL, "jane@EXAMPLE.com")->name,
			    jane);
	add(&other, MASK_EMAIL, "eve@example.com");
	assert_string_equal(add(&other, MASK_EMAIL, "jane@example.com")->name,
			    jane);
	assert_string_equal(mask_map_find(&map, jane + 6, 8)->value,
			    "Jane@example.com");
	/* another for another scope, and for another type */
	assert_string_not_equal(
		mask_map_add(&other, &keys, "tea", 3, &elsewhere)->name, jane);
	assert_string_not_equal(
		add(&map, MASK_TERM, "jane@example.com")->name + 5, jane + 6);
	assert_string_equal(add(&map, MASK_CREDIT_CARD, "4111 1111")->name,
			    add(&map, MASK_CREDIT_CARD, "41111111")->name);
	assert_string_equal(add(&map, MASK_PHONE, "0044 20 79")->name,
			    add(&map, MASK_PHONE, "+442079")->name);
	assert_string_equal(add(&map, MASK_IBAN, "de89 37")->name,
			    add(&map, MASK_IBAN, "DE8937")->name);
	assert_null(mask_map_find(&map, "AAAAAAAA", 8));
	assert_null(mask_map_find(&map, "", 0));
	free(jane);
	mask_map_release(&map);
	mask_map_release(&other);
}

/* Forty bits collide once in a million lists: bring it about. */
static void collision(void **st)
{
	struct mask_map map = {0};
	char *id;

	(void)st;
	const struct mask_entry *e = add(&map, MASK_EMAIL, "a@example.com");

	id = strdup(e->name + 6);
	/* the entry becomes another value's */
	memcpy(map.v[0].value, "b@example.com", 13);
	e = add(&map, MASK_EMAIL, "a@example.com");
	assert_int_equal(strlen(e->name + 6), 12);
	assert_memory_equal(e->name + 6, id, 8);
	assert_string_equal(mask_map_find(&map, id, 8)->value, "b@example.com");
	assert_ptr_equal(mask_map_find(&map, e->name + 6, 12), e);
	assert_ptr_equal(add(&map, MASK_EMAIL, "a@example.com"), e);
	free(id);
	mask_map_release(&map);
}

static void many_tokens(void **st)
{
	struct mask_map map = {0};
	char value[40];

	(void)st;
	for (int i = 0; i < 10000; i++) {
		snprintf(value, sizeof(value), "user%d@example.com", i);
		add(&map, MASK_EMAIL, value);
	}
	assert_int_equal(map.n, 10000);
	for (size_t i = 0; i < map.n; i++)
		assert_ptr_equal(mask_map_find(&map, map.v[i].name + 6,
					       strlen(map.v[i].name + 6)),
				 &map.v[i]);
	mask_map_release(&map);
}

static void sealed(void **st)
{
	struct mask_map map = {0}, back = {0};
	struct mask_keys wrong = keys;
	struct aigw_buf a, b;
	struct aigw_err err = {0};

	(void)st;
	aigw_buf_init(&a, 1 << 20);
	aigw_buf_init(&b, 1 << 20);
	add(&map, MASK_EMAIL, "jane@example.com");
	add(&map, MASK_TERM, "\"quotes\\ and\nlines\" \xC3\xA9");
	assert_int_equal(mask_seal(&keys, &map, "id1", 3, &a, &err), 0);
	assert_null(memmem(a.data, a.len, "jane", 4));
	assert_int_equal(
		mask_unseal(&keys, a.data, a.len, "id1", 3, &back, &err), 0);
	assert_int_equal(back.n, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_string_equal(back.v[i].name, map.v[i].name);
		assert_string_equal(back.v[i].value, map.v[i].value);
	}
	mask_map_release(&back);

	/* equal input, equal output; another id, another nonce */
	assert_int_equal(mask_seal(&keys, &map, "id1", 3, &b, &err), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	b.len = 0;
	assert_int_equal(mask_seal(&keys, &map, "id2", 3, &b, &err), 0);
	assert_memory_not_equal(a.data, b.data, 16);

	/* another id, another key, and every changed or missing character */
	assert_int_equal(
		mask_unseal(&keys, a.data, a.len, "id2", 3, &back, &err), -1);
	assert_string_equal(err.code, "bad_state");
	wrong.seal[0] ^= 1;
	assert_int_equal(
		mask_unseal(&wrong, a.data, a.len, "id1", 3, &back, &err), -1);
	for (size_t i = 0; i < a.len; i++) {
		const char was = a.data[i];

		a.data[i] = was == 'A' ? 'B' : 'A';
		/* the last group's spare bits are not part of the text */
		if (i + 4 < a.len)
			assert_int_equal(mask_unseal(&keys, a.data, a.len,
						     "id1", 3, &back, &err),
					 -1);
		a.data[i] = was;
		assert_int_equal(mask_unseal(&keys, a.data, i, "id1", 3, &back,
					     &err),
				 -1);
	}
	assert_int_equal(back.n, 0);
	mask_map_release(&map);
	mask_map_release(&back);
	aigw_buf_release(&a);
	aigw_buf_release(&b);
}

/* Restoring --------------------------------------------------------------- */

struct fixture {
	struct mask_map map;
	char mail[32], quote[32]; /* names of the two entries */
};

static void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	strcpy(f->mail, add(&f->map, MASK_EMAIL, "jane@example.com")->name);
	/* a value that is hard to put into JSON, and holds a token */
	char value[64];

	snprintf(value, sizeof(value), "a\"b\\c\n[[%s]]", f->mail);
	strcpy(f->quote, add(&f->map, MASK_TERM, value)->name);
}

/* $M and $Q become the names; $m the mail's in lower case. */
static void expand(const struct fixture *f, const char *s, char *out)
{
	for (; *s; s++) {
		if (*s != '$') {
			*out++ = *s;
			continue;
		}
		const char *name = *++s == 'Q' ? f->quote : f->mail;

		for (; *name; name++)
			*out++ = *s == 'm' && *name >= 'A' && *name <= 'Z'
					 ? (char)(*name + 32)
					 : *name;
	}
	*out = 0;
}

static void feed(struct mask_restore *r, const char *s, size_t len, bool last,
		 struct aigw_buf *out)
{
	/* a copy of just this size, for ASan */
	char *part = malloc(len ? len : 1);

	memcpy(part, s, len);
	assert_int_equal(mask_restore(r, part, len, last, out), 0);
	assert_true(r->held_len <= MASK_HOLD_MAX);
	free(part);
}

/* In one piece, in two at every byte, and byte by byte: all the same. */
static void check(const struct fixture *f, bool json, bool urls, const char *in,
		  const char *want)
{
	const struct mask_restore fresh = {
		.map = &f->map, .json = json, .urls = urls};
	char text[1024], expect[1024];
	struct aigw_buf out;

	expand(f, in, text);
	expand(f, want, expect);
	aigw_buf_init(&out, 1 << 16);
	const size_t len = strlen(text), cuts = len + 2;

	for (size_t cut = 0; cut < cuts; cut++) {
		struct mask_restore r = fresh;

		out.len = 0;
		if (cut <= len) {
			feed(&r, text, cut, false, &out);
			feed(&r, text + cut, len - cut, true, &out);
		} else {
			for (size_t i = 0; i < len; i++)
				feed(&r, text + i, 1, false, &out);
			feed(&r, "", 0, true, &out);
		}
		if (out.len != strlen(expect) ||
		    (out.len && memcmp(out.data, expect, out.len))) {
			print_error(
				"in:   %s\nwant: %s\ngot:  %.*s (cut %zu)\n",
				text, expect, (int)out.len, out.data, cut);
			fail();
		}
		assert_int_equal(r.held_len, 0);
	}
	aigw_buf_release(&out);
}

#define JANE "jane@example.com"

static void restore_text(void **st)
{
	static const char *const pairs[][2] = {
		{"[[$M]]", JANE},
		{"Dear [[$M]], and [[$M]][[$M]].",
		 "Dear " JANE ", and " JANE JANE "."},
		{"`[[$M]]` | [[$m]] | \\[\\[$m\\]\\]",
		 "`" JANE "` | " JANE " | " JANE},
		{"&#91;&#91;$M&#93;&#93; &#x5B;$M&#x5d; &lbrack;$M&rbrack;",
		 JANE " " JANE " " JANE},
		{"\xEF\xBC\xBB\xEF\xBC\xBB$M\xEF\xBC\xBD\xEF\xBC\xBD", JANE},
		{"[$M] [[$M] [[[$M]]] <[[$M]]>",
		 JANE " " JANE " [" JANE "] <" JANE ">"},
		/* never again what was put in */
		{"[[$Q]]", "a\"b\\c\n[[$M]]"},
		/* nothing of ours */
		{"[[EMAIL_AAAAAAAA]] [1] [[x]] [[]] [ [[ $M ]] \\[ & &# [[$M",
		 "[[EMAIL_AAAAAAAA]] [1] [[x]] [[]] [ [[ $M ]] \\[ & &# [[$M"},
		{"a[i][j] = b[[0]]; \\begin{x} \\\\[2pt] &amp; \xEF\xBC\x81",
		 "a[i][j] = b[[0]]; \\begin{x} \\\\[2pt] &amp; \xEF\xBC\x81"},
		/* URLs that the model made up */
		{"![x](https://e.example/?q=[[$M]]) [[$M]]",
		 "![x](https://e.example/?q=[[$M]]) " JANE},
		{"[a](/x?[[$M]] [[$M]])", "[a](/x?[[$M]] [[$M]])"},
		{"see https://e.example/[[$M]] or [[$M]]",
		 "see https://e.example/[[$M]] or " JANE},
		{"<img src=\"https://e/? [[$M]]\"> <b>[[$M]]</b>",
		 "<img src=\"https://e/? [[$M]]\"> <b>" JANE "</b>"},
		{"<img src='//e/?[[$M]]'> a < b [[$M]]",
		 "<img src='//e/?[[$M]]'> a < b " JANE},
		{"", ""},
	};
	struct fixture f;

	(void)st;
	fixture_init(&f);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		check(&f, false, false, pairs[i][0], pairs[i][1]);
	check(&f, false, true, "https://e/?[[$M]] ![](x [[$M]])",
	      "https://e/?" JANE " ![](x " JANE ")");
	mask_map_release(&f.map);
}

static void restore_json(void **st)
{
	static const char *const pairs[][2] = {
		{"{\"to\":\"[[$M]]\",\"n\":[[1]]}",
		 "{\"to\":\"" JANE "\",\"n\":[[1]]}"},
		{"{\"q\":\"[[$Q]]\"}", "{\"q\":\"a\\\"b\\\\c\\n[[$M]]\"}"},
		{"{\"q\":\"\\u005b\\u005B$M\\u005d\\u005D\\u00e9\"}",
		 "{\"q\":\"" JANE "\\u00e9\"}"},
		{"{\"q\":\"\\\\[\\\\[$M\\\\]\\\\]\"}", "{\"q\":\"" JANE "\"}"},
		{"{\"u\":\"https:\\/\\/e\\/[[$M]]\",\"v\":\"[[$M]]\"}",
		 "{\"u\":\"https:\\/\\/e\\/[[$M]]\",\"v\":\"" JANE "\"}"},
	};
	struct fixture f;

	(void)st;
	fixture_init(&f);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		check(&f, true, false, pairs[i][0], pairs[i][1]);
	mask_map_release(&f.map);
}

/* --spans ------------------------------------------------------------------ */

static int spans_of(const char *in, size_t len, char **out, size_t *n)
{
	struct mask *m = calloc(1, sizeof(*m));
	struct aigw_err err = {0};
	FILE *from = fmemopen((char *)(uintptr_t)in, len, "r");
	FILE *to = open_memstream(out, n);

	assert_int_equal(aigw_opts_defaults(aigw_filter_mask.opts, m, &err), 0);
	m->spans = true;
	assert_int_equal(aigw_filter_mask.open(m, NULL, &err), 0);
	const int code = mask_spans(m, from, to, NULL);

	fclose(from);
	fclose(to);
	aigw_filter_mask.close(m);
	aigw_opts_release(aigw_filter_mask.opts, m);
	free(m);
	return code;
}

static void spans(void **st)
{
	static const char in[] =
		"{\"id\":\"a\",\"text\":\"\xC3\xA9 a@b.co \xF0\x9F\x98\x80 "
		"+442079460958\"}\n"
		"no json\n"
		"{\"id\":2,\"text\":1}\n"
		"\0{}\n"
		"\n"
		"{\"text\":\"\",\"id\":2.50}";
	static const char want[] =
		"{\"id\":\"a\",\"spans\":["
		"{\"type\":\"EMAIL\",\"start\":2,\"end\":8,\"bstart\":3,"
		"\"bend\":9,\"score\":0.99},"
		"{\"type\":\"PHONE\",\"start\":11,\"end\":24,\"bstart\":15,"
		"\"bend\":28,\"score\":0.85}]}\n"
		"{\"id\":2.50,\"spans\":[]}\n";
	char *out;
	size_t n;

	(void)st;
	assert_int_equal(spans_of(in, sizeof(in) - 1, &out, &n), 1);
	assert_string_equal(out, want);
	free(out);
	assert_int_equal(spans_of("{\"id\":1,\"text\":\"\"}\r\n", 20, &out, &n),
			 0);
	assert_string_equal(out, "{\"id\":1,\"spans\":[]}\n");
	free(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens),	cmocka_unit_test(collision),
		cmocka_unit_test(many_tokens),	cmocka_unit_test(sealed),
		cmocka_unit_test(restore_text), cmocka_unit_test(restore_json),
		cmocka_unit_test(spans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
