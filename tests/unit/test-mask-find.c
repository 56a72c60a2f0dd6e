/* SPDX-License-Identifier: Apache-2.0 */
/* test-mask-find.c - what is personal data, what is a secret, what is neither
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "../../filters/mask/find.h"

#define K20 "a1B2c3D4e5F6g7H8i9J0"
#define K40 K20 K20

/* <<TYPE|what is to be found>>; everything else must not be. */
static const char *const marked[] = {
	"write to <<EMAIL|jane.doe+tag@mail.example.co.uk>>.",
	"<<EMAIL|o'neil@example.com>>, '<<EMAIL|bob@example.org>>'",
	"mailto:<<EMAIL|a_b%c@x-y.example.museum>>?subject=x",
	"我的邮箱是<<EMAIL|foo@example.com>>谢谢",
	"<<EMAIL|jörg@bücher.example>> <<EMAIL|иван@почта.рф>>",
	"git@github.com:acme/app.git git+ssh://git@host.example.com/x",
	"npm i @scope/pkg@1.2.3 lodash@4.17.21 pkg@1.0.0-rc.next",
	"icon@2x.png getty@tty1.service a@b .a@ @b.c user@localhost",
	"this@Activity.finish() a..b@example.com",
	"list of a@b.c@d.e? no",
	"leak bob <<EMAIL|bob@example.com>>:hunter22",
	"https://shop.example.com?email=<<EMAIL|bob@example.com>>&x=1",
	"-<<EMAIL|bob@example.com>>-",

	"<<CREDIT_CARD|4111111111111111>>",
	"<<CREDIT_CARD|4111 1111 1111 1111>> 12/26",
	"no 17 <<CREDIT_CARD|5555-5555-5555-4444>>",
	"<<CREDIT_CARD|378282246310005>> <<CREDIT_CARD|3782 822463 10005>>",
	"<<CREDIT_CARD|2223003122003222>>;<<CREDIT_CARD|30569309025904>>",
	"<<CREDIT_CARD|3530111333300000>>,<<CREDIT_CARD|630427373398>>",
	"<<CREDIT_CARD|4222222222222>>.",
	"1234 <<CREDIT_CARD|4111 1111 1111 1111>>",
	"<<CREDIT_CARD|4111111111111111>> <<CREDIT_CARD|5555555555554444>>",
	"4111111111111112 1700000000000 x4111111111111111 41111111111111111",
	"0.4111111111111111 550e8400-e29b-41d4-a716-630427373398",
	"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23",

	"<<IBAN|GB82WEST12345698765432>> <<IBAN|de89 3704 0044 0532 0130 00>>",
	"to <<IBAN|DE89 3704 0044 0532 0130 00>> and thanks",
	"<<IBAN|GB82 WEST 1234 5698 7654 32>>, <<IBAN|NO9386011117947>>",
	"GB83WEST12345698765432 GB82WEST123456987654321 XX82WEST1234569876",

	"<<PHONE|+14155552671>> <<PHONE|+44 20 7946 0958>>",
	"<<PHONE|+1 (212) 555-0123>>, <<PHONE|+44 (0)20 7946 0958>>",
	"<<PHONE|+33 1 23 45 67 89>>; <<PHONE|+49 30/1234567>>",
	"<<PHONE|+1-212-555-0123 ext. 45>> or <<PHONE|+12125550123x9>>",
	"<<PHONE|+91 98765 43210>> <<PHONE|+81 3-1234-5678>>",
	"tel:<<PHONE|+4915123456789>>",
	"<<PHONE|0044 20 7946 0958>>",
	"call <<PHONE|212-555-0123>> or <<PHONE|(212) 555-0123>>",
	"Tel. <<PHONE|030 1234567>>",
	"66 00 68 00 71 00 77 00 12:45:04.345673",
	"a+1234567890 +1000000 UTC+0200 1+12125550123 +0123456789 +12",
	"the total of 212-555-0123 and 0301234567 and 0012125550123",
	"+1 012 345 6789 +999 123456789",

	"from <<IP|192.0.2.17>>: <<IP|10.0.0.1>>, http://<<IP|8.8.8.8>>/x",
	"<<IP|2001:db8::8a2e:370:7334>> [<<IP|fe80::1>>]:80 <<IP|::1>>",
	"<<IP|fe80::1ff:fe23:4567:890a%eth0>> <<IP|::ffff:192.0.2.1>>",
	"v1.2.3.4 version 1.2.3.4 foo-1.2.3.4 x==1.2.3.4 Chrome/120.0.0.0",
	"1.3.0.1-rc2 see 2.3.4.1 Arrays and 7.1.1.2 of it",
	"<<IP|1.1.1.1>>, host <<IP|1.2.3.4>>, http://<<IP|1.2.3.4>>:80/",
	"1.3.6.1.4.1 256.1.1.1 1.2.3 01.02.03.04 0.0.0.0 255.255.255.0",
	"std::vector a::b 12:34:56 00:1A:2B:3C:4D:5E face::feed at 10:30::",
	"00:1A:2B:FF:FE:3C:4D:5E",

	"<<US_SSN|536-90-4399>>",
	"SSN: <<US_SSN|536904399>>",
	"social security number <<US_SSN|536 90 4399>>",
	"000-12-3456 666-12-3456 900-12-3456 123-00-4567 123-45-0000",
	"078-05-1120 219-09-9999 1536-90-4399 536-90-43991 536904399",

	"postgres://app:<<URL_PASSWORD|s3cr3t>>@db.example.com/x",
	"https://u:<<URL_PASSWORD|p@ss>>@h.example/",
	"https://x.example/?a=1&token=<<URL_PASSWORD|abcdef12>>&b=2",
	"?sig=<<URL_PASSWORD|a%2Bb%3D12>>#f ?api_key=<<URL_PASSWORD|zyx987>>",
	"https://u:${PASS}@h/ https://u:{{pw}}@h/ https://h:80/ u:p@h",
	"https://u:****@h.example/ redis://user@host/0",

	"Bearer <<JWT|eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIn0."
	"c2lnbmF0dXJl>>.",
	"eyJ0eXAiOiJKV1QifQ.eyJzdWIiOiIxIn0.c2ln eyJ.a.b",

	"x <<PRIVATE_KEY|-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n"
	"-----END RSA PRIVATE KEY----->>\ny",
	"<<PRIVATE_KEY|-----BEGIN PRIVATE KEY-----\\nMIIE\\n"
	"-----END PRIVATE KEY----->>\\n",
	"<<PRIVATE_KEY|-----BEGIN EC PRIVATE KEY-----\nDEK-Info: AES,00\n\n" K20
		K20 K20 K20 "\n" K20 "=>>\n\nThanks, Bob",
	"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
	"a line of -----BEGIN PRIVATE KEY----- and no more",

	"<<AWS_KEY|AKIAIOSFODNN7EXAMPLE>> XAKIAIOSFODNN7EXAMPLE",
	"aws_secret_access_key = "
	"<<AWS_KEY|wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY>>",
	"<<GITHUB_TOKEN|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>>",
	"<<GITHUB_TOKEN|github_pat_" K40 "_" K20 ">> ghx_" K20,
	"<<OPENAI_KEY|sk-proj-" K20 "T3BlbkFJ" K20 ">>",
	"<<OPENAI_KEY|sk-" K20 "T3BlbkFJ" K20 ">> task-" K20 " sk-learn-x",
	"<<ANTHROPIC_KEY|sk-ant-api03-" K40 "-_" K20 "AA>>",
	"sk-XXXXXXXXXXXXXXXXXXXXXXXXXXXX1 sk-abcdefghijklmnopqrstuvwxyz",
	"AccountName=x;AccountKey=<<AZURE_KEY|" K40 K40 "abcdef==>>;",
	"<<AZURE_KEY|" K20 K20 "abcdefghijklJQQJ99" K20 "abcdef>>",
	"<<AZURE_KEY|abc8Q~" K20 "abcdefghijklmn>>",
	"api-key: <<AZURE_KEY|0123456789abcdef0123456789abcdef>>",
	"md5: 0123456789abcdef0123456789abcdef",
	"<<AIGW_KEY|aigw_live_AbCdEf12_" K20 "abcdefghijkl012345>>",
	"<<SECRET|glpat-" K20 ">> <<SECRET|AIza" K20 "abcdefghijklmno>>",
	"<<SECRET|hf_" K20 K20 ">> <<SECRET|xoxb-123456789012-abc>>",

	/* two in one place: the longest, then the surer */
	"https://bob:<<URL_PASSWORD|hunter22>>@example.com/",
	"<<CREDIT_CARD|4111 1111 1111 1111>> <<PHONE|+44 20 7946 0958>>",
	"plain text without anything; 3.14, 2024-01-02, 12:30, #1234, C4, S3",
	"",
};

/* Take the marks out; returns how many spans there must be. */
static size_t unmark(const char *s, char *text, struct mask_span *want)
{
	size_t n = 0, len = 0;

	while (*s) {
		if (!strncmp(s, "<<", 2)) {
			const char *bar = strchr(s, '|');
			unsigned t = 0;

			while (t < MASK_TYPES &&
			       strncmp(mask_types[t].name, s + 2,
				       (size_t)(bar - s) - 2))
				t++;
			assert_true(t < MASK_TYPES);
			want[n].type = t;
			want[n].start = len;
			s = bar + 1;
		} else if (!strncmp(s, ">>", 2)) {
			want[n++].end = len;
			s += 2;
		} else {
			text[len++] = *s++;
		}
	}
	text[len] = 0;
	return n;
}

static void found(void **st)
{
	struct mask_finder_opts opts = {0};
	struct aigw_err err = {0};
	struct mask_finder *m = mask_finder_new(&opts, &err);
	struct mask_hits hits = {0};
	struct mask_span want[8];
	char text[1024];
	int bad = 0;

	(void)st;
	assert_non_null(m);
	for (size_t i = 0; i < sizeof(marked) / sizeof(*marked); i++) {
		const size_t n = unmark(marked[i], text, want);

		assert_int_equal(mask_find(m, text, strlen(text), &hits, &err),
				 0);
		int ok = hits.n == n;

		for (size_t k = 0; ok && k < n; k++)
			ok = hits.v[k].type == want[k].type &&
			     hits.v[k].start == want[k].start &&
			     hits.v[k].end == want[k].end;
		if (ok)
			continue;
		bad++;
		print_error("in: %s\n", marked[i]);
		for (size_t k = 0; k < hits.n; k++)
			print_error("  found %s: %.*s\n",
				    mask_types[hits.v[k].type].name,
				    (int)(hits.v[k].end - hits.v[k].start),
				    text + hits.v[k].start);
	}
	assert_int_equal(bad, 0);
	mask_hits_release(&hits);
	mask_finder_free(m);
}

static uint64_t state = 88172645463325252u;
static unsigned rnd(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33) % n;
}

struct seen {
	struct aigw_match v[20000];
	size_t n;
};
static int on_match(void *arg, const struct aigw_match *m, struct aigw_err *err)
{
	struct seen *s = arg;

	(void)err;
	assert_true(s->n < sizeof(s->v) / sizeof(*s->v));
	s->v[s->n++] = *m;
	return 0;
}
static int by_all(const void *a, const void *b)
{
	const struct aigw_match *x = a, *y = b;

	if (x->pattern != y->pattern)
		return x->pattern < y->pattern ? -1 : 1;
	return x->start < y->start ? -1 : x->start > y->start;
}

static struct aigw_patterns *table(void)
{
	const char *list[100];
	struct aigw_err err = {0};

	assert_true(mask_entities_n < 100);
	for (size_t i = 0; i < mask_entities_n; i++)
		list[i] = mask_entities[i].regex;
	struct aigw_patterns *set =
		aigw_patterns_new(list, mask_entities_n, &err);

	assert_non_null(set);
	for (size_t i = 0; i < mask_entities_n; i++)
		assert_true(aigw_patterns_triggered(set, i));
	return set;
}

static size_t same(struct aigw_patterns *set, const char *text, size_t len)
{
	static struct seen a, b;
	struct aigw_err err = {0};

	a.n = b.n = 0;
	assert_int_equal(aigw_patterns_scan(set, text, len, on_match, &a, &err),
			 0);
	assert_int_equal(
		aigw_patterns_scan_full(set, text, len, on_match, &b, &err), 0);
	qsort(a.v, a.n, sizeof(*a.v), by_all);
	qsort(b.v, b.n, sizeof(*b.v), by_all);
	assert_int_equal(a.n, b.n);
	for (size_t i = 0; i < a.n; i++)
		assert_true(a.v[i].pattern == b.v[i].pattern &&
			    a.v[i].start == b.v[i].start &&
			    a.v[i].end == b.v[i].end);
	return a.n;
}

/* Pieces of the texts above, cut and glued at random, with odd bytes. */
static void triggers_equal_full_scan(void **st)
{
	static const char odd[] = "@:/.-+ \n0159aAzZ_%\x00\x80\xC3\xE2(=";
	struct aigw_patterns *set = table();
	struct mask_span want[8];
	char text[1024], mix[4096];
	size_t matches = 0;

	(void)st;
	for (int round = 0; round < 3000; round++) {
		size_t len = 0;

		while (len + sizeof(text) < sizeof(mix)) {
			unmark(marked[rnd(sizeof(marked) / sizeof(*marked))],
			       text, want);
			size_t n = strlen(text), from = rnd((unsigned)n + 1);

			from = rnd(2) ? 0 : from;
			n = rnd((unsigned)(n - from) + 1);
			memcpy(mix + len, text + from, n);
			len += n;
			for (unsigned k = rnd(4); k; k--)
				mix[len++] = odd[rnd(sizeof(odd) - 1)];
		}
		matches += same(set, mix, len);
	}
	assert_true(matches > 50000);
	aigw_patterns_free(set);
}

static void triggers_on_naughty_strings(void **st)
{
	const char *dir = getenv("AIGW_VECTORS");
	char path[512];
	static char text[1 << 20];

	(void)st;
	snprintf(path, sizeof(path), "%s/blns/blns.txt",
		 dir ? dir : "../shared/vectors");
	FILE *in = fopen(path, "re");

	if (!in) {
		print_message("%s is not there\n", path);
		skip();
	}
	struct aigw_patterns *set = table();
	const size_t len = fread(text, 1, sizeof(text), in);

	fclose(in);
	assert_true(len > 1000);
	same(set, text, len);
	aigw_patterns_free(set);
}

static void user_lists(void **st)
{
	struct mask_words *deny = mask_words_new(), *ok = mask_words_new();
	const struct mask_user_pattern mine[] = {{MASK_TYPES, "PRJ-[0-9]{4}"},
						 {MASK_TYPES + 1, "\xC3."}};
	struct mask_finder_opts opts = {.deny = deny,
					.allow = ok,
					.patterns = mine,
					.patterns_n = 2,
					.keep_local_ip = true};
	struct mask_hits h = {0};
	struct aigw_err err = {0};
	static const char text[] =
		"MÜLLER  ag, Müller AGB, acme\tcorp; ACME Corp's Acmecorp 北京公司"
		" PRJ-1234 Bob@x.example eve@x.example 10.1.2.3 172.31.0.1 "
		"172.32.0.1 fe80::1 C++ C";

	(void)st;
	assert_int_equal(mask_words_add(deny, "Müller AG", 10, &err), 0);
	assert_int_equal(mask_words_add(deny, " Acme  Corp ", 12, &err), 0);
	assert_int_equal(mask_words_add(deny, "京公", 6, &err), 0);
	assert_int_equal(mask_words_add(deny, "C++", 3, &err), 0);
	assert_int_equal(mask_words_add(deny, "  ", 2, &err), 0);
	assert_int_equal(mask_words_count(deny), 4);
	assert_int_equal(mask_words_add(ok, "bob@X.example", 13, &err), 0);

	struct mask_finder *m = mask_finder_new(&opts, &err);
	static const char *const want[] = {
		"MÜLLER  ag",	 "ü",	       "acme\tcorp",
		"ACME Corp",	 "京公",       "PRJ-1234",
		"eve@x.example", "172.32.0.1", "C++"};

	assert_non_null(m);
	assert_int_equal(mask_find(m, text, strlen(text), &h, &err), 0);
	assert_int_equal(h.n, 9);
	for (size_t i = 0; i < h.n; i++) {
		assert_int_equal(h.v[i].end - h.v[i].start, strlen(want[i]));
		assert_memory_equal(text + h.v[i].start, want[i],
				    strlen(want[i]));
	}
	mask_hits_release(&h);
	mask_finder_free(m);
	mask_words_free(deny);
	mask_words_free(ok);
}

/* Texts that would be slow if anything were not linear. */
static void linear(void **st)
{
	static const char *const bits[] = {"@",
					   "a@",
					   "1",
					   "1.",
					   ":",
					   "1:",
					   "eyJ",
					   "eyJa.",
					   "://a:",
					   "+1 ",
					   "-----BEGIN PRIVATE KEY-----",
					   "1 ",
					   "DE89 ",
					   "sk-",
					   "a@a.",
					   "?key=",
					   "00 1",
					   "\xC3\x9C",
					   "(",
					   "+1(",
					   "0123-",
					   "AKIA"};
	const size_t size = 1 << 20;
	struct mask_finder_opts opts = {0};
	struct aigw_err err = {0};
	struct mask_finder *m = mask_finder_new(&opts, &err);
	struct mask_hits h = {0};
	char *text = malloc(size);

	(void)st;
	assert_non_null(m);
	assert_non_null(text);
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++) {
		const size_t n = strlen(bits[i]);

		for (size_t k = 0; k < size; k++)
			text[k] = bits[i][k % n];
		assert_int_equal(mask_find(m, text, size, &h, &err), 0);
	}
	free(text);
	mask_hits_release(&h);
	mask_finder_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found),
		cmocka_unit_test(triggers_equal_full_scan),
		cmocka_unit_test(triggers_on_naughty_strings),
		cmocka_unit_test(user_lists),
		cmocka_unit_test(linear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
