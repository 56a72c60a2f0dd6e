/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - the table of dialects, and what they share */
#include "wire/wire.h"

#include <string.h>

#include "wire/dialects.h"

#define BODY_MAX (256 * 1024) /* bytes of an error body that are read */

const struct aigw_dialect *const aigw_dialects[] = {
	&aigw_dialect_openai,
	&aigw_dialect_azure,
	&aigw_dialect_anthropic,
	NULL,
};

const struct aigw_dialect *aigw_dialect_find(const char *name)
{
	for (size_t i = 0; aigw_dialects[i]; i++)
		if (strcmp(aigw_dialects[i]->name, name) == 0)
			return aigw_dialects[i];
	return NULL;
}

void aigw_fault_init(struct aigw_fault *f, const char *phase)
{
	*f = (struct aigw_fault){.retry_after_ms = -1, .phase = phase};
}

/*
 * The statuses the providers document (facts/providers.md 1.4, and RFC 9110).
 * `dead`: the key or account of this target will not do, another one may.
 */
static const struct status_row {
	int status;
	enum aigw_class class;
	bool retryable, dead;
} statuses[] = {
	{400, AIGW_E_BAD_REQUEST, false, false},
	{401, AIGW_E_AUTH, false, true},
	{402, AIGW_E_QUOTA, false, true},
	{403, AIGW_E_PERMISSION, false, true},
	{404, AIGW_E_NOT_FOUND, false, false},
	{408, AIGW_E_TIMEOUT, true, false},
	{409, AIGW_E_OVERLOADED, true, false},
	{413, AIGW_E_TOO_LARGE, false, false},
	{422, AIGW_E_BAD_REQUEST, false, false},
	{429, AIGW_E_RATE_LIMIT, true, false},
	{503, AIGW_E_OVERLOADED, true, false},
	{504, AIGW_E_TIMEOUT, true, false},
	{529, AIGW_E_OVERLOADED, true, false}, /* Anthropic */
};

void aigw_fault_class(struct aigw_fault *f, int status)
{
	f->status = status;
	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		const struct status_row *row = &statuses[i];

		if (row->status != status)
			continue;
		f->why.class = row->class;
		f->retryable = row->retryable;
		f->dead = row->dead;
		return;
	}
	f->retryable = status >= 500;
	f->dead = false;
	f->why.class = status >= 400 && status < 500 ? AIGW_E_BAD_REQUEST
						     : AIGW_E_UPSTREAM;
}

void aigw_fault_word(char to[AIGW_FAULT_WORD], const struct aigw_val *v)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);

	if (!s) /* OpenRouter's codes are numbers */
		s = aigw_val_num(v, &len);
	if (!s || len >= AIGW_FAULT_WORD)
		return;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x21 || (unsigned char)s[i] > 0x7e)
			return; /* no machine word */
	memcpy(to, s, len);
	to[len] = '\0';
}

void aigw_fault_text(struct aigw_fault *f, const struct aigw_val *v)
{
	size_t len = 0;
	const char *s = aigw_val_str(v, &len);
	enum aigw_class class = f->why.class;
	const char *code = f->why.code;

	if (!s || !len)
		return;
	aigw_fail_as(&f->why, class, code, "%s", s);
	for (char *p = f->why.text; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
}

int aigw_fault_of(struct aigw_fault *f, const struct aigw_err *err)
{
	if (err != &f->why)
		f->why = *err;
	return -1;
}

/* Messages of these quote a part of the key, or name our account. */
static void own_words(struct aigw_fault *f)
{
	if (f->why.class == AIGW_E_AUTH)
		aigw_fail_as(&f->why, AIGW_E_AUTH, f->why.code,
			     "the provider refused the gateway's credentials");
	else if (f->why.class == AIGW_E_PERMISSION)
		aigw_fail_as(&f->why, AIGW_E_PERMISSION, f->why.code,
			     "the provider does not permit this to the "
			     "gateway's credentials");
}

void aigw_fault_read(const struct aigw_dialect *d, int status, const char *body,
		     size_t len, struct aigw_fault *f)
{
	struct aigw_doc *doc = NULL;
	struct aigw_err ignored;

	f->provider = true;
	aigw_fault_class(f, status);
	aigw_fail_as(&f->why, f->why.class, NULL,
		     "the provider answered with status %d", status);
	if (len && len <= BODY_MAX)
		doc = aigw_doc_parse(body, len, &ignored);
	d->fault(doc ? aigw_doc_root(doc) : NULL, f);
	aigw_doc_free(doc);
	own_words(f);
}

/* A 401 or 403 towards the client would say that *its* key is bad. */
int aigw_fault_status(const struct aigw_fault *f)
{
	if (f->provider &&
	    (f->why.class == AIGW_E_AUTH || f->why.class == AIGW_E_PERMISSION))
		return 502;
	return aigw_class_status(f->why.class);
}

int aigw_url_segment(struct aigw_buf *out, const char *s, size_t len)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		char esc[3] = {'%', hex[c >> 4], hex[c & 15]};
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '-' || c == '_' ||
			     c == '~' || (c == '.' && len > 2);

		if (aigw_buf_add(out, plain ? s + i : esc, plain ? 1 : 3))
			return -1;
	}
	return 0;
}

int aigw_bad_answer(struct aigw_err *err, const char *what)
{
	return aigw_fail_as(err, AIGW_E_UPSTREAM, "bad_answer",
			    "the provider's answer: %s", what);
}

int aigw_splice_into(struct aigw_buf *b, const char *path, const char *value,
		     struct aigw_err *err)
{
	struct aigw_buf out;

	aigw_buf_init(&out, b->max);
	if (aigw_json_splice(b->data, b->len, path, value,
			     value ? strlen(value) : 0, &out, err)) {
		aigw_buf_release(&out);
		return -1;
	}
	aigw_buf_release(b);
	*b = out;
	return 0;
}

static int set_model(const struct aigw_ask *ask, struct aigw_buf *out,
		     struct aigw_err *err)
{
	struct aigw_buf model;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&model, ask->model_len * 6 + 2);
	aigw_json_init(&w, &model);
	aigw_json_strn(&w, ask->model, ask->model_len);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_json_splice(ask->text, ask->len, "model", model.data,
				      model.len, out, err);
	aigw_buf_release(&model);
	return rc;
}

int aigw_same_dialect(const struct aigw_ask *ask, struct aigw_buf *out,
		      struct aigw_err *err)
{
	if (set_model(ask, out, err))
		return -1;
	if (aigw_val_get(ask->req, "ext") &&
	    aigw_splice_into(out, "ext", NULL, err))
		return -1;
	if (ask->stream == aigw_val_true(aigw_val_get(ask->req, "stream")))
		return 0;
	return aigw_splice_into(out, "stream", ask->stream ? "true" : "false",
				err);
}
