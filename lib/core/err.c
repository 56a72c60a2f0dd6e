/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - the reason of a failure, the classes, the exit codes */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What follows the colon of a context is kept even if the context is long. */
#define CONTEXT_MAX 200

static const struct {
	const char *name;
	int status; /* of HTTP: RFC 9110 section 15, RFC 6585 section 4; 402 for
		     * what is used up, because clients try again after 429 */
	bool retryable;
} classes[AIGW_E_CLASSES] = {
	[AIGW_E_INTERNAL] = {"internal", 500, false},
	[AIGW_E_BAD_REQUEST] = {"bad_request", 400, false},
	[AIGW_E_AUTH] = {"auth", 401, false},
	[AIGW_E_PERMISSION] = {"permission", 403, false},
	[AIGW_E_NOT_FOUND] = {"not_found", 404, false},
	[AIGW_E_TOO_LARGE] = {"too_large", 413, false},
	[AIGW_E_RATE_LIMIT] = {"rate_limit", 429, true},
	[AIGW_E_QUOTA] = {"quota", 402, false},
	[AIGW_E_OVERLOADED] = {"overloaded", 503, true},
	[AIGW_E_UPSTREAM] = {"upstream", 502, true},
	[AIGW_E_TIMEOUT] = {"timeout", 504, true},
	[AIGW_E_NETWORK] = {"network", 502, true},
	[AIGW_E_CONTENT_FILTER] = {"content_filter", 400, false},
	[AIGW_E_CANCELLED] = {"cancelled", 499,
			      false}, /* no RFC: nginx's number */
	[AIGW_E_POLICY] = {"policy", 403, false},
	[AIGW_E_TRANSLATE] = {"translate", 422, false},
	[AIGW_E_UNKNOWN] = {"unknown", 502, false},
};

/* A text that was cut must not end inside a UTF-8 sequence. */
static void cut_clean(char *text, size_t len)
{
	size_t lead = len;
	unsigned char c;

	while (lead > 0 && len - lead < 4 &&
	       ((unsigned char)text[lead - 1] & 0xc0) == 0x80)
		lead--;
	if (lead == 0)
		return;
	c = (unsigned char)text[lead - 1];
	if (c >= 0xc0 && len - lead < (c >= 0xf0 ? 3u : c >= 0xe0 ? 2u : 1u))
		text[lead - 1] = '\0';
}

AIGW_PRINTF(3, 0)
static void say(char *text, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(text, size, fmt, ap);

	if (n < 0)
		text[0] = '\0';
	else if ((size_t)n >= size)
		cut_clean(text, size - 1);
}

int aigw_fail(struct aigw_err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->class = AIGW_E_INTERNAL;
	err->code = NULL;
	va_start(ap, fmt);
	say(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int aigw_fail_as(struct aigw_err *err, enum aigw_class class, const char *code,
		 const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return -1;
	err->class = class;
	err->code = code;
	va_start(ap, fmt);
	say(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

int aigw_fail_in(struct aigw_err *err, const char *fmt, ...)
{
	char context[CONTEXT_MAX];
	size_t len, room;
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	say(context, sizeof(context), fmt, ap);
	va_end(ap);
	len = strlen(context);
	room = sizeof(err->text) - (len + 2) - 1; /* for the reason */
	if (strlen(err->text) > room) {
		err->text[room] = '\0';
		cut_clean(err->text, room);
	}
	memmove(err->text + len + 2, err->text, strlen(err->text) + 1);
	memcpy(err->text, context, len);
	memcpy(err->text + len, ": ", 2);
	return -1;
}

const char *aigw_class_name(enum aigw_class class)
{
	return classes[(unsigned)class < AIGW_E_CLASSES ? class : 0].name;
}

int aigw_class_status(enum aigw_class class)
{
	return classes[(unsigned)class < AIGW_E_CLASSES ? class : 0].status;
}

const char *aigw_exit_text(enum aigw_exit code)
{
	switch (code) {
	case AIGW_EXIT_OK:
		return "all passed";
	case AIGW_EXIT_RECORDS:
		return "finished; at least one envelope carries an error";
	case AIGW_EXIT_HALTED:
		return "a budget or --halt stopped the run";
	case AIGW_EXIT_USAGE:
		return "wrong usage";
	case AIGW_EXIT_DATA:
		return "wrong input data";
	case AIGW_EXIT_NOINPUT:
		return "an input cannot be read";
	case AIGW_EXIT_UNAVAILABLE:
		return "a program or service is unavailable";
	case AIGW_EXIT_SOFTWARE:
		return "internal error";
	case AIGW_EXIT_CANTCREAT:
		return "an output cannot be created";
	case AIGW_EXIT_IO:
		return "input or output failed";
	case AIGW_EXIT_TEMPFAIL:
		return "only failures that may pass are left; run again";
	case AIGW_EXIT_NOPERM:
		return "not permitted";
	case AIGW_EXIT_CONFIG:
		return "wrong configuration";
	case AIGW_EXIT_TESTS:
		return "template tests failed";
	}
	return "unknown";
}

bool aigw_class_retryable(enum aigw_class class)
{
	return classes[(unsigned)class < AIGW_E_CLASSES ? class : 0].retryable;
}
