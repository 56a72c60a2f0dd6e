/* SPDX-License-Identifier: Apache-2.0 */
/* retry.c - when to come back to a provider that said no */
#include "send.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_MS 500
#define MOST_MS 8000
#define DAY_MS 86400000

int64_t retry_backoff(int64_t n, uint64_t roll)
{
	int64_t wait = FIRST_MS;

	while (--n > 0 && wait < MOST_MS)
		wait *= 2;
	/* multiply by an odd constant: neighbours get unlike numbers */
	roll = (roll + 1) * 0x9e3779b97f4a7c15u >> 32;
	return wait - (int64_t)(roll % (uint64_t)(wait / 4 + 1));
}

/* A number, perhaps with a fraction, times `unit` ms; -1 when it is none. */
static int64_t number(const char *s, double unit, const char **rest)
{
	char *end;
	double d;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	d = strtod(s, &end);
	if (errno || d * unit > DAY_MS)
		return -1;
	*rest = end;
	return (int64_t)(d * unit + 0.999);
}

static int64_t whole_number(const char *s, double unit)
{
	const char *rest;
	int64_t n = s ? number(s, unit, &rest) : -1;

	return n >= 0 && *rest == '\0' ? n : -1;
}

/* Seconds or an HTTP date (RFC 9110 section 10.2.3). */
static int64_t seconds_or_date(const char *s, int64_t now)
{
	int64_t n = whole_number(s, 1000), at;

	if (n >= 0 || !s)
		return n;
	at = (int64_t)curl_getdate(s, NULL);
	if (at < 0 || at - now > DAY_MS / 1000)
		return -1;
	return at > now ? (at - now) * 1000 : 0;
}

int64_t retry_duration(const char *s)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {{"ms", 1}, {"h", 3600000}, {"m", 60000}, {"s", 1000}};
	int64_t total = 0, n;
	size_t i;

	if (!s || !*s)
		return -1;
	while (*s) {
		const char *number_at = s;

		if (number(s, 1, &s) < 0)
			return -1;
		for (i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (!strncmp(s, units[i].unit, strlen(units[i].unit)))
				break;
		if (i == sizeof(units) / sizeof(*units))
			return -1;
		n = number(number_at, units[i].ms, &s);
		if (n < 0 || total + n > DAY_MS)
			return -1;
		total += n;
		s += strlen(units[i].unit);
	}
	return total;
}

/* Which bucket is empty decides; a reset of one that is not says nothing. */
static int64_t bucket(const struct transfer *t, const char *what)
{
	const char *value;
	char name[64];

	snprintf(name, sizeof(name), "x-ratelimit-remaining-%s", what);
	value = transfer_header(t, name);
	if (!value || strcmp(value, "0"))
		return -1;
	snprintf(name, sizeof(name), "x-ratelimit-reset-%s", what);
	value = transfer_header(t, name);
	return value ? retry_duration(value) : -1;
}

int64_t retry_after(const struct transfer *t, int64_t now)
{
	int64_t ms, requests, tokens;

	ms = whole_number(transfer_header(t, "retry-after-ms"), 1);
	if (ms < 0)
		ms = whole_number(transfer_header(t, "x-ms-retry-after-ms"), 1);
	if (ms < 0)
		ms = seconds_or_date(transfer_header(t, "retry-after"), now);
	if (ms >= 0 || transfer_status(t) != 429)
		return ms;
	requests = bucket(t, "requests");
	tokens = bucket(t, "tokens");
	return requests > tokens ? requests : tokens;
}

int retry_should(const struct transfer *t)
{
	const char *value = transfer_header(t, "x-should-retry");

	if (value && strcmp(value, "true") == 0)
		return 1;
	return value && strcmp(value, "false") == 0 ? 0 : -1;
}
