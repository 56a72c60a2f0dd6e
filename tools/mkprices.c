/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mkprices.c - data/prices.tsv as C, with its SHA-256; runs while building
 *
 *   mkprices prices.tsv > prices-bundled.c
 */
#include <stdio.h>
#include <stdlib.h>

#include "text/sha256.h"

#define TABLE_MAX (4 * 1024 * 1024)

static void put(unsigned char c)
{
	if (c == '\n')
		fputs("\\n\"\n\t\"", stdout);
	else if (c == '\t')
		fputs("\\t", stdout);
	else if (c < ' ' || c > '~' || c == '"' || c == '\\' || c == '?')
		printf("\\%03o", c);
	else
		putchar(c);
}

int main(int argc, char **argv)
{
	static char text[TABLE_MAX];
	FILE *f = argc == 2 ? fopen(argv[1], "rb") : NULL;
	size_t len = f ? fread(text, 1, sizeof(text), f) : 0;
	char hex[65];

	if (!f || ferror(f) || !feof(f) || len == 0) {
		fprintf(stderr, "mkprices: cannot read the table\n");
		return 1;
	}
	fclose(f);
	aigw_sha256_hex(text, len, hex);
	printf("/* Made by tools/mkprices.c from %s. */\n"
	       "#include \"text/prices.h\"\n\n"
	       "const char aigw_prices_bundled[] =\n\t\"",
	       "data/prices.tsv");
	for (size_t i = 0; i < len; i++)
		put((unsigned char)text[i]);
	printf("\";\nconst size_t aigw_prices_bundled_len = %zu;\n", len);
	printf("const char aigw_prices_bundled_sha256[65] =\n\t\"%s\";\n", hex);
	return fflush(stdout) || ferror(stdout);
}
