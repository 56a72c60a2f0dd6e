/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - the dialects of the providers, one file each, one table
 *
 * A dialect is pure: it turns a request into bytes and bytes into an answer,
 * and knows no network, no key and no clock. filters/send brings those; the
 * service and batch use the same codecs without them.
 */
#ifndef AIGW_WIRE_WIRE_H
#define AIGW_WIRE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buf.h"
#include "core/err.h"
#include "core/json.h"
#include "wire/answer.h"

#define AIGW_FAULT_WORD \
	128 /* bytes of a provider's code, param, request id \
	     */

/*
 * What went wrong at the provider's edge, one level richer than aigw_err.
 * `status` is the provider's (0 when there was none), `retry_after_ms` -1 when
 * not said. `phase` is a static word of aigw-envelope(5).
 */
struct aigw_fault {
	struct aigw_err why;
	int status;
	char code[AIGW_FAULT_WORD], param[AIGW_FAULT_WORD];
	char request_id[AIGW_FAULT_WORD];
	bool provider;	/* the provider says so; else we do */
	bool retryable; /* the same request may succeed later */
	bool dead;	/* this target is of no use for this request */
	int64_t retry_after_ms;
	const char *phase;
};

/* Something of the request does not arrive as it was: for `notes`. `kind` is
 * "dropped", "changed" or "added", `path` as in "req.logit_bias". */
typedef void (*aigw_note_fn)(void *arg, const char *kind, const char *path,
			     const char *why);

/* One request, all borrowed. */
struct aigw_ask {
	const char *api; /* the dialect of `req`: "openai.chat" */
	const struct aigw_val *req;
	const char *text; /* the bytes of `req` */
	size_t len;
	const char *model; /* the target's */
	size_t model_len;
	bool stream;
	bool stream_usage;  /* may ask for usage in a stream */
	int64_t max_tokens; /* where a dialect needs one and none was given */
	aigw_note_fn note;
	void *note_arg;
};

/* Where it goes, from configuration alone (but for `model`). */
struct aigw_place {
	const char *base_url;	 /* without a slash at its end */
	const char *api_version; /* or NULL */
	const char *model;
	size_t model_len;
};

struct aigw_dialect {
	const char *name;     /* `dialect:` of a provider: "azure" */
	const char *api;      /* what its bodies are: "openai.chat" */
	const char *base_url; /* when configuration gives none; or NULL */
	const char *key_header, *key_prefix; /* "Authorization", "Bearer " */
	const char *const
		*headers;      /* "name: value", NULL-terminated; or NULL */
	const char *id_header; /* the provider's request id */

	int (*url)(const struct aigw_place *at, struct aigw_buf *out);
	/* The body. A fault of the request has class bad_request; what cannot
	 * be said in this dialect, translate. */
	int (*request)(const struct aigw_ask *ask, struct aigw_buf *out,
		       struct aigw_err *err);
	/* A whole answer; fails with class upstream when it is none. */
	int (*answer)(struct aigw_answer *to, const struct aigw_val *root,
		      struct aigw_err *err);
	/* One event of a stream: 1 when it was the last one, 0, or -1 with the
	 * fault, which may be the provider's own. */
	int (*event)(struct aigw_answer *to, const char *data, size_t len,
		     struct aigw_fault *fault);
	/* What an error body says; `root` may be NULL (it was no JSON), status
	 * is set. Fills message, code, param and corrects the class. */
	void (*fault)(const struct aigw_val *root, struct aigw_fault *fault);
};

/* The table ends with NULL. */
extern const struct aigw_dialect *const aigw_dialects[];
/* By name, or NULL. */
const struct aigw_dialect *aigw_dialect_find(const char *name);

/* Read an error answer: class and retryable from the status, then what the
 * dialect makes of the body. Credentials may be quoted in the messages of 401
 * and 403, so those are our own words. */
void aigw_fault_read(const struct aigw_dialect *d, int status, const char *body,
		     size_t len, struct aigw_fault *fault);
/* Start one of our own: provider unset, retry_after unknown. */
void aigw_fault_init(struct aigw_fault *f, const char *phase);
/* The HTTP status a client should see for it. */
int aigw_fault_status(const struct aigw_fault *f);

/* For the dialects -------------------------------------------------------- */

/* Class, retryable and dead that an HTTP status means (facts: 1.4, 5.3). */
void aigw_fault_class(struct aigw_fault *f, int status);
void aigw_fault_word(char to[AIGW_FAULT_WORD], const struct aigw_val *v);
/* The message, cut and with control bytes made blanks. */
void aigw_fault_text(struct aigw_fault *f, const struct aigw_val *v);
/* Fill a fault from an err (which may be its own) and return -1. */
int aigw_fault_of(struct aigw_fault *f, const struct aigw_err *err);

/* Append as one segment of a path: all but unreserved characters as %XX
 * (RFC 3986 section 2.3). */
int aigw_url_segment(struct aigw_buf *out, const char *s, size_t len);

/* OpenAI's words, which several dialects share. */
enum aigw_finish aigw_openai_finish(const struct aigw_val *reason);

#endif
