/* SPDX-License-Identifier: Apache-2.0 */
/* money.c - dollars as decimal text and as whole pico-dollars */
#include <inttypes.h>
#include <string.h>

#include "core/opt.h"

#define DECIMALS 12 /* pico */
#define DOLLAR INT64_C(1000000000000)

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

int aigw_money_parse(const char *s, size_t len, int64_t *pico,
		     struct aigw_err *err)
{
	int64_t n = 0;
	size_t i = 0, decimals = 0;
	bool point = false;

	if (len == 0 || !digit(s[0]) || !digit(s[len - 1]))
		goto bad;
	for (; i < len; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (!digit(s[i]) || (point && ++decimals > DECIMALS))
			goto bad;
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, s[i] - '0', &n))
			goto big;
	}
	for (; decimals < DECIMALS; decimals++) {
		if (__builtin_mul_overflow(n, 10, &n))
			goto big;
	}
	*pico = n;
	return 0;
bad:
	return aigw_fail(err, "must be an amount of USD such as 12.5, with up "
			      "to 12 decimals");
big:
	return aigw_fail(err, "is more than 9223372 USD");
}

void aigw_money_print(int64_t pico, char out[24])
{
	uint64_t n = pico < 0 ? -(uint64_t)pico : (uint64_t)pico;
	size_t len;

	snprintf(out, 24, "%s%" PRIu64 ".%012" PRIu64, pico < 0 ? "-" : "",
		 n / DOLLAR, n % DOLLAR);
	len = strlen(out);
	while (out[len - 1] == '0')
		len--;
	if (out[len - 1] == '.')
		len--;
	out[len] = '\0';
}
