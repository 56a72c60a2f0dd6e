/* SPDX-License-Identifier: Apache-2.0 */
/* utc.c - points in time as people and files write them */
#include "state/utc.h"

#include <string.h>
#include <time.h>

#define LAST INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static const char form[] = "0000-00-00T00:00:00Z";

static int number(const char *s, size_t digits)
{
	int n = 0;

	while (digits-- > 0)
		n = n * 10 + (*s++ - '0');
	return n;
}

/* timegm() takes 31 February for 3 March: what it made must print the same. */
bool aigw_utc_parse(const char *s, size_t len, int64_t *seconds)
{
	char again[AIGW_UTC_LEN + 1];
	struct tm tm = {0};
	size_t i;

	if (len != AIGW_UTC_LEN)
		return false;
	for (i = 0; i < len; i++)
		if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i])
			return false;
	tm.tm_year = number(s, 4) - 1900;
	tm.tm_mon = number(s + 5, 2) - 1;
	tm.tm_mday = number(s + 8, 2);
	tm.tm_hour = number(s + 11, 2);
	tm.tm_min = number(s + 14, 2);
	tm.tm_sec = number(s + 17, 2);
	*seconds = (int64_t)timegm(&tm);
	aigw_utc_print(*seconds, again);
	return memcmp(s, again, AIGW_UTC_LEN) == 0;
}

void aigw_utc_print(int64_t seconds, char out[AIGW_UTC_LEN + 1])
{
	time_t t = (time_t)(seconds < 0 ? 0 : seconds > LAST ? LAST : seconds);
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(out, AIGW_UTC_LEN + 1, "%Y-%m-%dT%H:%M:%SZ", &tm);
}
