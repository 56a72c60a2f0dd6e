/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mask-bench.c - how fast personal data is found: MB/s with all types
 *
 * Texts of about 4 MB are made from the sentences below with numbers that are
 * the same in every run. Figures are medians of seven runs, in CPU time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../filters/mask/find.h"

#define SIZE (4u << 20)
#define RUNS 7

static const char *const prose[] = {
	"The committee met on Tuesday to discuss the budget for the spring. ",
	"She had walked along the river since morning, and it was raining. ",
	"In 1987 the town built a second bridge; it cost 4.2 million. ",
	"\"We should leave before noon,\" he said, closing the old book. ",
	"Most readers skip the preface, and that is a pity: it is good.\n\n",
	"Chapter 12 begins with a letter, dated 3 May, from the lighthouse. ",
	"Nothing in the garden had changed - not even the broken gate. ",
};
static const char *const code[] = {
	"static int parse(struct buf *b, size_t len)\n{\n",
	"\tfor (size_t i = 0; i < len; i++)\n\t\tb->data[i] ^= 0x5a;\n",
	"\tstd::vector<int> v = {1, 2, 3, 400, 65536};\n",
	"\treturn json_get(root, \"items[0].id\") != NULL ? 0 : -EINVAL;\n",
	"}\n\n# include <sys/types.h> /* v1.2.3 */\n",
	"    @property\n    def total(self): return self.a + self.b * 100\n",
	"const re = /^[a-z]+:\\/\\/(.*)$/; let t = \"2024-01-02T03:04:05Z\";\n",
};
static const char *const dense[] = {
	"Mail jane.doe+x@example.com or call +44 20 7946 0958 today. ",
	"Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00. ",
	"Host 192.0.2.17 and 2001:db8::17, SSN 536-90-4399. ",
	"postgres://app:hunter22@db.example.com/x?sig=abcdef123456 ",
	"Key AKIAIOSFODNN7EXAMPLE was seen at 10:30 on 2024-05-06. ",
};

static char *text_of(const char *const *parts, size_t n, size_t *len)
{
	char *s = malloc(SIZE);
	unsigned state = 12345;

	for (*len = 0; s;) {
		const char *p = parts[(state >> 16) % n];
		const size_t k = strlen(p);

		if (*len + k > SIZE)
			break;
		memcpy(s + *len, p, k);
		*len += k;
		state = state * 1103515245u + 12345u;
	}
	return s;
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int measure(struct mask_finder *finder, const char *name, const char *s,
		   size_t len)
{
	struct mask_hits hits = {0};
	struct aigw_err err = {0};
	double v[RUNS];

	for (int i = 0; i < RUNS; i++) {
		const double from = seconds();

		if (mask_find(finder, s, len, &hits, &err)) {
			fprintf(stderr, "%s: %s\n", name, err.text);
			return -1;
		}
		v[i] = (double)len / 1e6 / (seconds() - from);
	}
	qsort(v, RUNS, sizeof(*v), by_value);
	printf("mask %-6s %7.0f MB/s  (%zu found)\n", name, v[RUNS / 2],
	       hits.n);
	mask_hits_release(&hits);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		const char *const *parts;
		size_t n;
	} texts[] = {{"prose", prose, sizeof(prose) / sizeof(*prose)},
		     {"code", code, sizeof(code) / sizeof(*code)},
		     {"dense", dense, sizeof(dense) / sizeof(*dense)}};
	struct mask_finder_opts opts = {0};
	struct aigw_err err = {0};
	struct mask_finder *finder = mask_finder_new(&opts, &err);
	int rc = 0;

	if (!finder) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		size_t len;
		char *s = text_of(texts[i].parts, texts[i].n, &len);

		rc |= !s || measure(finder, texts[i].name, s, len);
		free(s);
	}
	for (int i = 1; i < argc; i++) { /* and files of your own */
		FILE *in = fopen(argv[i], "re");
		char *s = malloc(SIZE);

		if (in && s)
			rc |= measure(finder, argv[i], s,
				      fread(s, 1, SIZE, in));
		free(s);
		if (in)
			fclose(in);
	}
	mask_finder_free(finder);
	return rc ? 1 : 0;
}
