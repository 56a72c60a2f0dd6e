/* SPDX-License-Identifier: Apache-2.0 */
/*
 * phone.c - is it a phone number? country codes and how long numbers are there
 *
 * The table is written from the public assignments of ITU-T E.164 and the
 * lengths that national numbering plans publish; where a plan is open or
 * changing, the range is wide. It decides lengths, not which ranges are in use.
 */
#include <string.h>

#include "find.h"

struct country {
	unsigned short code;
	unsigned char min, max; /* digits behind the code */
};

static const struct country countries[] = {
	{1, 10, 10},  {7, 10, 10},  {20, 8, 10},  {211, 9, 9},	 {212, 9, 9},
	{213, 8, 9},  {216, 8, 8},  {218, 8, 9},  {220, 7, 9},	 {221, 9, 9},
	{222, 8, 8},  {223, 8, 8},  {224, 8, 9},  {225, 8, 10},	 {226, 8, 8},
	{227, 8, 8},  {228, 8, 8},  {229, 8, 10}, {230, 7, 10},	 {231, 7, 9},
	{232, 8, 8},  {233, 8, 9},  {234, 7, 14}, {235, 8, 8},	 {236, 8, 8},
	{237, 8, 9},  {238, 7, 7},  {239, 7, 7},  {240, 9, 9},	 {241, 7, 8},
	{242, 9, 9},  {243, 7, 10}, {244, 9, 9},  {245, 7, 9},	 {246, 7, 7},
	{247, 4, 6},  {248, 7, 7},  {249, 9, 9},  {250, 8, 9},	 {251, 9, 9},
	{252, 6, 9},  {253, 8, 8},  {254, 7, 10}, {255, 9, 9},	 {256, 9, 9},
	{257, 8, 8},  {258, 8, 9},  {260, 9, 9},  {261, 9, 10},	 {262, 9, 9},
	{263, 5, 10}, {264, 7, 9},  {265, 7, 9},  {266, 8, 8},	 {267, 7, 10},
	{268, 8, 9},  {269, 7, 7},  {27, 5, 10},  {290, 4, 5},	 {291, 7, 7},
	{297, 7, 7},  {298, 6, 6},  {299, 6, 6},  {30, 10, 12},	 {31, 7, 11},
	{32, 8, 9},   {33, 9, 9},   {34, 9, 9},	  {350, 8, 8},	 {351, 9, 9},
	{352, 4, 11}, {353, 7, 10}, {354, 7, 9},  {355, 6, 9},	 {356, 8, 8},
	{357, 8, 8},  {358, 5, 12}, {359, 6, 12}, {36, 8, 9},	 {370, 8, 8},
	{371, 8, 8},  {372, 7, 10}, {373, 8, 8},  {374, 8, 8},	 {375, 6, 11},
	{376, 6, 9},  {377, 8, 9},  {378, 6, 10}, {379, 6, 10},	 {380, 9, 10},
	{381, 6, 12}, {382, 8, 9},  {383, 8, 12}, {385, 7, 9},	 {386, 5, 8},
	{387, 8, 9},  {389, 8, 8},  {39, 6, 12},  {40, 6, 9},	 {41, 9, 12},
	{420, 9, 12}, {421, 6, 9},  {423, 7, 9},  {43, 4, 13},	 {44, 7, 10},
	{45, 8, 8},   {46, 7, 12},  {47, 5, 8},	  {48, 6, 10},	 {49, 4, 14},
	{500, 5, 5},  {501, 7, 11}, {502, 8, 11}, {503, 7, 11},	 {504, 8, 11},
	{505, 8, 8},  {506, 8, 10}, {507, 7, 11}, {508, 6, 9},	 {509, 8, 8},
	{51, 8, 9},   {52, 10, 11}, {53, 6, 10},  {54, 10, 11},	 {55, 8, 11},
	{56, 9, 11},  {57, 8, 11},  {58, 10, 10}, {590, 9, 9},	 {591, 8, 9},
	{592, 7, 7},  {593, 8, 11}, {594, 9, 9},  {595, 6, 11},	 {596, 9, 9},
	{597, 6, 7},  {598, 7, 13}, {599, 7, 8},  {60, 8, 10},	 {61, 6, 10},
	{62, 7, 13},  {63, 6, 13},  {64, 5, 10},  {65, 8, 11},	 {66, 8, 13},
	{670, 7, 8},  {672, 6, 6},  {673, 7, 7},  {674, 7, 7},	 {675, 7, 8},
	{676, 5, 7},  {677, 5, 7},  {678, 5, 7},  {679, 7, 11},	 {680, 7, 7},
	{681, 6, 9},  {682, 5, 5},  {683, 4, 7},  {685, 5, 10},	 {686, 5, 8},
	{687, 6, 6},  {688, 5, 7},  {689, 6, 9},  {690, 4, 7},	 {691, 7, 7},
	{692, 7, 7},  {800, 8, 8},  {808, 8, 8},  {81, 8, 13},	 {82, 6, 14},
	{84, 7, 10},  {850, 8, 10}, {852, 6, 11}, {853, 7, 8},	 {855, 8, 10},
	{856, 8, 10}, {86, 7, 12},  {870, 9, 12}, {878, 12, 12}, {880, 6, 10},
	{881, 8, 10}, {882, 7, 12}, {883, 8, 12}, {886, 7, 11},	 {888, 11, 11},
	{90, 7, 13},  {91, 8, 13},  {92, 8, 12},  {93, 9, 9},	 {94, 9, 9},
	{95, 6, 10},  {960, 7, 10}, {961, 7, 8},  {962, 8, 9},	 {963, 8, 9},
	{964, 8, 10}, {965, 7, 8},  {966, 8, 10}, {967, 7, 9},	 {968, 7, 9},
	{970, 8, 10}, {971, 5, 12}, {972, 7, 12}, {973, 8, 8},	 {974, 7, 11},
	{975, 7, 8},  {976, 8, 10}, {977, 8, 11}, {979, 9, 9},	 {98, 7, 10},
	{992, 9, 9},  {993, 8, 8},  {994, 9, 9},  {995, 9, 9},	 {996, 9, 10},
	{998, 9, 9},
};

/* The country whose code these digits begin with; codes are prefix-free. */
static const struct country *country_of(const char *d, size_t n)
{
	unsigned code = 0;

	for (size_t k = 0; k < 3 && k < n; k++) {
		code = code * 10 + (unsigned)(d[k] - '0');
		for (size_t i = 0; i < sizeof(countries) / sizeof(*countries);
		     i++) {
			if (countries[i].code == code)
				return &countries[i];
		}
	}
	return NULL;
}

/* Digits with a country code, all of them: is that a number? */
static bool number_ok(const char *d, size_t n)
{
	const struct country *c = country_of(d, n);

	if (!c || n > 15)
		return false;
	size_t rest = n - (c->code > 99 ? 3 : c->code > 9 ? 2 : 1);

	if (rest < c->min || rest > c->max)
		return false;
	return c->code != 1 || d[1] > '1'; /* no area begins with 0 or 1 */
}

/* Bytes of one separator at `i`: space, hyphens, dots, slash, brackets, and
 * no-break spaces and dashes of Unicode. 0 when there is none. */
static size_t separator(const struct mask_find *f, size_t i)
{
	const size_t left = f->len - i;
	const char *s = f->s + i;

	if (left && *s && strchr(" -./()", *s))
		return 1;
	if (left > 1 && !memcmp(s, "\xC2\xA0", 2))
		return 2;
	if (left > 2 &&
	    (!memcmp(s, "\xE2\x80\xAF", 3) || !memcmp(s, "\xE2\x80\x91", 3) ||
	     !memcmp(s, "\xE2\x80\x93", 3)))
		return 3;
	return 0;
}

/* Behind separators the next digit, or `len` when there is none near. */
static size_t next_digit(const struct mask_find *f, size_t i, bool *open)
{
	for (int n = 0; n < 4; n++) {
		if (i >= f->len)
			break;
		if (mask_digit(f->s[i]))
			return i;
		if (f->s[i] == '(') {
			if (*open)
				break;
			*open = true;
		} else if (f->s[i] == ')') {
			if (!*open)
				break;
			*open = false;
		}
		size_t k = separator(f, i);

		if (!k)
			break;
		i += k;
	}
	return f->len;
}

/* " x123", " ext. 123", "#123" behind a number. */
static size_t extension(const struct mask_find *f, size_t end)
{
	static const char *const words[] = {"extension", "ext.", "ext",
					    "x",	 "#",	 NULL};
	size_t i = end;

	while (i < f->len && i - end < 2 && (f->s[i] == ' ' || f->s[i] == ','))
		i++;
	for (size_t w = 0; words[w]; w++) {
		size_t n = strlen(words[w]), k = i + n;

		if (f->len - i < n || strncasecmp(f->s + i, words[w], n))
			continue;
		while (k < f->len && k - i - n < 2 &&
		       (f->s[k] == ' ' || f->s[k] == ':'))
			k++;
		size_t digits = k;

		while (k < f->len && k - digits < 7 && mask_digit(f->s[k]))
			k++;
		if (k > digits && k - digits < 7 && !mask_glued_after(f, k))
			return k;
	}
	return end;
}

/*
 * The longest number whose first digit is at `i`, cut where a group of digits
 * ends; 0 when there is none. `groups` counts them. A "(0)" behind the country
 * code is written but not dialled.
 */
static size_t number_end(const struct mask_find *f, size_t i, bool open,
			 size_t *groups)
{
	char d[16];
	size_t n = 0, best = 0, seen = 1;

	while (i < f->len && n < 16) {
		if (n && n < 4 && f->s[i] == '0' && f->s[i - 1] == '(' &&
		    i + 1 < f->len && f->s[i + 1] == ')')
			i++;
		else if (mask_digit(f->s[i]))
			d[n++] = f->s[i++];
		if (i < f->len && mask_digit(f->s[i]))
			continue;
		if (number_ok(d, n) &&
		    (!mask_glued_after(f, i) || extension(f, i) > i)) {
			/* "(0)20 (7946" must not end inside a bracket */
			best = open && i < f->len && f->s[i] == ')' ? i + 1 : i;
			*groups = seen;
		}
		i = next_digit(f, i, &open);
		seen++;
	}
	return best;
}

void mask_check_phone(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	size_t groups;
	size_t end = number_end(f, b - 1, f->s[b - 2] == '(', &groups);

	if (end)
		mask_found(f, type, MASK_B, a, extension(f, end));
}

static const char *const phone_words[] = {
	"phone",  "telephone", "tel",  "call",	   "calling",  "called",
	"mobile", "cell",      "fax",  "contact",  "whatsapp", "sms",
	"text",	  "reach",     "dial", "hotline",  "telefon",  "fon",
	"handy",  "mobil",     "tlf",  "portable", "numero",   "telefono",
	"movil",  "cellulare", "ring", "callback", "landline", NULL};

/* 00 44 …: leading zeros are common in other numbers, so a number in one piece
 * wants a word before it. */
void mask_check_phone_00(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	size_t groups = 0, first = a + 2, end;

	(void)b;
	first += f->s[first] == ' ';
	end = number_end(f, first, false, &groups);
	/* 00 68 00 71 are bytes */
	if (end && memmem(f->s + first, end - first, " 00 ", 4))
		return;
	if (end && (groups > 2 || mask_context(f, a, phone_words)))
		mask_found(f, type, MASK_B, a, extension(f, end));
}

/* (212) 555-0123 in brackets, or 212-555-0123 behind a word. */
void mask_check_phone_us(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	const char *open = memchr(f->s + a, '(', b - a);
	const char *close = memchr(f->s + a, ')', b - a);

	if (!open != !close || (a && f->s[a - 1] == '(' && !close))
		return;
	if (!open && !mask_context(f, a, phone_words))
		return;
	mask_found(f, type, MASK_C, a, extension(f, b));
}

/* 030 1234567, (020) 7946 0958: only behind a word. */
void mask_check_phone_home(struct mask_find *f, unsigned type, size_t a,
			   size_t b)
{
	size_t digits = 0, end = a, i = a;
	bool open = false;

	(void)b;
	if (a > 1 && f->s[a - 1] == ':' && mask_digit(f->s[a - 2]))
		return; /* of a time: 12:45:04.345673 */
	while (i < f->len && digits < 14) {
		i = next_digit(f, i, &open);
		while (i < f->len && mask_digit(f->s[i])) {
			digits++;
			end = ++i;
		}
	}
	if (digits < 8 || digits > 12 || mask_glued_after(f, end) ||
	    !mask_context(f, a, phone_words))
		return;
	mask_found(f, type, MASK_C, a, extension(f, end));
}
