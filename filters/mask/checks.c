/* SPDX-License-Identifier: Apache-2.0 */
/* checks.c - is it one? cards, IBANs, e-mail addresses, SSNs, passwords */
#include <string.h>

#include "find.h"

bool mask_glued_before(const struct mask_find *f, size_t at)
{
	if (!at)
		return false;
	unsigned char c = (unsigned char)f->s[at - 1];

	if (c < 0x80)
		return mask_alnum((char)c) || c == '_';
	return at > 1 && c < 0xC0 && (unsigned char)f->s[at - 2] >= 0xC3 &&
	       (unsigned char)f->s[at - 2] <= 0xD4;
}

bool mask_glued_after(const struct mask_find *f, size_t at)
{
	if (at >= f->len)
		return false;
	unsigned char c = (unsigned char)f->s[at];

	if (c < 0x80)
		return mask_alnum((char)c) || c == '_';
	return c >= 0xC3 && c <= 0xD4;
}

static bool word_is(const char *s, size_t len, const char *word)
{
	for (size_t i = 0; i < len; i++) {
		char c = s[i];

		if (c >= 'A' && c <= 'Z')
			c += 32;
		if (c != word[i])
			return false;
	}
	return !word[len];
}

bool mask_context(const struct mask_find *f, size_t at,
		  const char *const *words)
{
	size_t floor = at > 80 ? at - 80 : 0;

	for (int n = 0; n < 5; n++) {
		while (at > floor && !mask_alpha(f->s[at - 1]))
			at--;
		size_t end = at;

		while (at > floor && mask_alpha(f->s[at - 1]))
			at--;
		if (at == end)
			return false;
		for (const char *const *w = words; *w; w++) {
			if (strlen(*w) >= end - at &&
			    word_is(f->s + at, end - at, *w))
				return true;
		}
	}
	return false;
}

static bool luhn(const char *d, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned v = (unsigned)(d[n - 1 - i] - '0');

		if (i % 2) {
			v *= 2;
			v -= v > 9 ? 9 : 0;
		}
		sum += v;
	}
	return sum % 10 == 0;
}

/* Issuer ranges as six leading digits, and the lengths they issue. */
struct issuer {
	unsigned from, to;
	unsigned min, max;
};
static const struct issuer issuers[] = {
	{400000, 499999, 13, 13}, /* Visa */
	{400000, 499999, 16, 16},
	{400000, 499999, 19, 19},
	{510000, 559999, 16, 16}, /* Mastercard */
	{222100, 272099, 16, 16},
	{340000, 349999, 15, 15}, /* American Express */
	{370000, 379999, 15, 15},
	{601100, 601199, 16, 19}, /* Discover */
	{622126, 622925, 16, 19},
	{644000, 659999, 16, 19},
	{352800, 358999, 16, 19}, /* JCB */
	{213100, 213199, 15, 15},
	{180000, 180099, 15, 15},
	{300000, 305999, 14, 19}, /* Diners Club */
	{309500, 309599, 14, 19},
	{360000, 369999, 14, 19},
	{380000, 399999, 14, 19},
	{620000, 629999, 16, 19}, /* UnionPay */
	{810000, 819999, 16, 19},
	{500000, 509999, 12, 19}, /* Maestro */
	{560000, 699999, 12, 19},
	{220000, 220499, 16, 19}, /* Mir */
	{820000, 829999, 16, 16}, /* RuPay */
};

bool mask_is_card(const char *digits, size_t n)
{
	unsigned iin = 0;

	if (n < 12 || n > 19)
		return false;
	for (size_t i = 0; i < 6; i++)
		iin = iin * 10 + (unsigned)(digits[i] - '0');
	for (size_t i = 0; i < sizeof(issuers) / sizeof(*issuers); i++) {
		const struct issuer *r = &issuers[i];

		if (iin >= r->from && iin <= r->to && n >= r->min &&
		    n <= r->max)
			return luhn(digits, n);
	}
	return false;
}

/* The ways people write a card: fours, 4-6-5, 4-6-4; else in one piece. */
static bool card_groups(const unsigned char *group, size_t n)
{
	bool fours = true;

	if (n == 1)
		return true;
	for (size_t i = 0; i + 1 < n; i++)
		fours &= group[i] == 4;
	if (n > 2 && fours && group[n - 1] <= 7)
		return true;
	if (n == 3 && group[0] == 4 && group[1] == 6)
		return group[2] == 4 || group[2] == 5;
	return n == 2 && group[0] >= 4 && group[1] >= 4;
}

/* Part of a UUID, a decimal fraction, a longer dotted number? */
static bool card_inside(const struct mask_find *f, size_t a, size_t b,
			size_t groups)
{
	const char *s = f->s;

	if (a > 4 && s[a - 1] == '-' && groups < 3) {
		size_t k = a - 1;

		while (k && a - 1 - k < 4 && mask_alnum(s[k - 1]))
			k--;
		if (a - 1 - k == 4 && k && s[k - 1] == '-')
			return true;
	}
	if (a > 1 && s[a - 1] == '.' && mask_digit(s[a - 2]))
		return true;
	return b + 1 < f->len && s[b] == '.' && mask_digit(s[b + 1]);
}

/* The card that begins at `a`, where a group of digits begins, or nothing. */
static void card_at(struct mask_find *f, unsigned type, size_t a)
{
	char digits[20];
	unsigned char group[20] = {0};
	size_t n = 0, groups = 1, best = 0, best_groups = 0;
	char sep = 0;

	for (size_t i = a; i < f->len && n < 20; i++) {
		char c = f->s[i];

		if (mask_digit(c)) {
			digits[n++] = c;
			group[groups - 1]++;
			if (n < 20 && !mask_glued_after(f, i + 1) &&
			    card_groups(group, groups) &&
			    mask_is_card(digits, n)) {
				best = i + 1;
				best_groups = groups;
			}
			continue;
		}
		if ((c != ' ' && c != '-' && c != '.') || (sep && c != sep) ||
		    i + 1 >= f->len || !mask_digit(f->s[i + 1]))
			break;
		sep = c;
		groups++;
	}
	if (best && !card_inside(f, a, best, best_groups))
		mask_found(f, type, MASK_A, a, best);
}

void mask_check_card(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	for (size_t i = a; i < b; i++) {
		if (mask_digit(f->s[i]) && (i == a || !mask_digit(f->s[i - 1])))
			card_at(f, type, i);
	}
}

/* Country and length of the whole IBAN, from the registry of ISO 13616. */
static const char iban_lengths[] =
	"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24"
	"DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27"
	"GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20"
	"LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24"
	"PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25"
	"SV28TL23TN24TR26UA29VA22VG24XK20YE30"
	/* partial registry, in use */
	"AO25BF28BJ28CF27CG27CI28CM27CV25DZ26GA27GQ27GW25IR26KM27MA28MG27"
	"ML28MZ25NE28SN28TD27TG28";

static size_t iban_length(char a, char b)
{
	for (const char *p = iban_lengths; *p; p += 4) {
		if (p[0] == a && p[1] == b)
			return (size_t)(p[2] - '0') * 10 + (size_t)(p[3] - '0');
	}
	return 0;
}

static unsigned mod97(unsigned rest, char c)
{
	if (mask_digit(c))
		return (rest * 10 + (unsigned)(c - '0')) % 97;
	return (rest * 100 + (unsigned)(c - 'A') + 10) % 97;
}

void mask_check_iban(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	char iban[34];
	size_t n = 0, i = a;
	const size_t want = iban_length(f->s[a] & ~32, f->s[a + 1] & ~32);
	unsigned rest = 0;

	(void)b;
	for (; i < f->len && n < want; i++) {
		char c = f->s[i];

		if (mask_alnum(c))
			iban[n++] = mask_alpha(c) ? (char)(c & ~32) : c;
		else if ((c != ' ' && c != '-') || f->s[i - 1] == c)
			return;
	}
	if (!want || n < want || mask_glued_after(f, i))
		return;
	for (size_t k = 4; k < n; k++)
		rest = mod97(rest, iban[k]);
	for (size_t k = 0; k < 4; k++)
		rest = mod97(rest, iban[k]);
	if (rest == 1)
		mask_found(f, type, MASK_A, a, i);
}

void mask_check_ssn(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	static const char *const words[] = {"ssn",  "social",
					    "ss",   "socialsecurity",
					    "itin", "taxpayer",
					    NULL};
	char d[9];
	size_t n = 0;
	bool plain = true, mixed = f->s[a + 3] != f->s[b - 5];

	for (size_t i = a; i < b && n < 9; i++) {
		if (mask_digit(f->s[i]))
			d[n++] = f->s[i];
		plain &= f->s[i] != '-';
	}
	if ((b - a != 9 && (mixed || b - a != 11)) || n != 9)
		return;
	if (!memcmp(d, "000", 3) || !memcmp(d, "666", 3) || d[0] == '9' ||
	    !memcmp(d + 3, "00", 2) || !memcmp(d + 5, "0000", 4) ||
	    !memcmp(d, "078051120", 9) || !memcmp(d, "219099999", 9))
		return;
	if (plain && !mask_context(f, a, words))
		return;
	mask_found(f, type, plain ? MASK_C : MASK_B, a, b);
}

/* Variables and blanks are no passwords: ${PASS}, {{pass}}, %s, ****, [[…]]. */
void mask_check_password(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	const char *s = f->s + a;
	size_t len = b - a, same = 0;

	if (s[0] == '$' || s[0] == '{' || s[0] == '%' || s[0] == '[')
		return;
	while (same < len && s[same] == s[0])
		same++;
	if (same == len && (s[0] == '*' || s[0] == 'x' || s[0] == '.'))
		return;
	while (len > 1 && strchr(".,;)]}`", s[len - 1]) && a + len == b &&
	       (b == f->len || f->s[b] != '@'))
		len--, b--;
	mask_found(f, type, MASK_A, a, b);
}

static bool label_ok(const char *s, size_t len)
{
	return len && len < 64 && s[0] != '-' && s[len - 1] != '-';
}

/* Letters only, at least two, and not what files and units end in. */
static bool tld_ok(const char *s, size_t len)
{
	static const char *const no[] = {"png",	  "jpg",    "jpeg",    "gif",
					 "webp",  "css",    "service", "socket",
					 "timer", "target", "mount",   "slice",
					 "scope", NULL};

	if (len >= 5 && !memcmp(s, "xn--", 4))
		return true;
	if (len < 2 || len > 24)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!mask_alpha(s[i]) && !(s[i] & 0x80))
			return false;
	}
	for (size_t i = 0; no[i]; i++) {
		if (strlen(no[i]) == len && word_is(s, len, no[i]))
			return false;
	}
	return true;
}

/* Where the domain that begins at `at` ends; `at` when it is none. */
static size_t domain_end(const struct mask_find *f, size_t at)
{
	size_t i = at, label = at, good = at, labels = 0;

	for (;; i++) {
		char c = i < f->len && i - at < 253 ? f->s[i] : 0;

		if (mask_alnum(c) || c == '-')
			continue;
		if ((unsigned char)c >= 0xC3 && (unsigned char)c <= 0xD4 &&
		    i + 1 < f->len) {
			i++;
			continue;
		}
		size_t len = i - label;

		while (c != '.' && len && f->s[label + len - 1] == '-')
			len--;
		if (!label_ok(f->s + label, len))
			break;
		if (++labels > 1 && tld_ok(f->s + label, len))
			good = label + len;
		if (c != '.')
			break;
		label = i + 1;
	}
	return good;
}

/* Is it user@host of a repository, or of a URL? */
static bool email_trap(const struct mask_find *f, size_t a, size_t host,
		       size_t end)
{
	static const char *const users[] = {"git", "hg", "svn", "gitea", NULL};
	const char next = end < f->len ? f->s[end] : 0;
	size_t k = a;

	for (int i = 0; users[i]; i++) {
		if (strlen(users[i]) == host - 1 - a &&
		    word_is(f->s + a, host - 1 - a, users[i]) &&
		    (next == ':' || next == '/'))
			return true;
	}
	while (k && a - k < 128 && !strchr(" \t\r\n/?=&#\"'<>", f->s[k - 1]))
		k--;
	if (k > 2 && !memcmp(f->s + k - 3, "://", 3))
		return true;
	return next == '(' || next == '@';
}

void mask_check_email(struct mask_find *f, unsigned type, size_t a, size_t b)
{
	while (a < b && strchr(".'-", f->s[a]))
		a++;
	if (a + 1 >= b || f->s[b - 2] == '.')
		return;
	for (size_t i = a; i + 1 < b; i++) {
		if (f->s[i] == '.' && f->s[i + 1] == '.')
			return;
	}
	size_t end = domain_end(f, b);

	if (end == b || email_trap(f, a, b, end))
		return;
	/* version numbers: pkg@1.2.3-rc.next, icon@2x.min */
	if (mask_digit(f->s[b]) && b + 1 < f->len &&
	    (f->s[b + 1] == '.' || f->s[b + 1] == 'x') &&
	    (mask_digit(f->s[b + 2]) || f->s[b + 1] == 'x'))
		return;
	mask_found(f, type, MASK_A, a, end);
}
