/* SPDX-License-Identifier: Apache-2.0 */
/* env_put.c - what filters put into envelopes: words, numbers, notes, errors */
#include <string.h>

#include "core/env_priv.h"
#include "core/utf8.h"

int aigw_env_set_str(struct aigw_env *env, const char *path, const char *s,
		     size_t len, struct aigw_err *err)
{
	struct aigw_buf buf;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&buf, AIGW_EDIT_MAX);
	aigw_json_init(&w, &buf);
	aigw_json_strn(&w, s, len);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, path, buf.data, buf.len, err);
	aigw_buf_release(&buf);
	return rc;
}

int aigw_env_set_int(struct aigw_env *env, const char *path, int64_t n,
		     struct aigw_err *err)
{
	struct aigw_buf buf;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&buf, 32);
	aigw_json_init(&w, &buf);
	aigw_json_int(&w, n);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, path, buf.data, buf.len, err);
	aigw_buf_release(&buf);
	return rc;
}

/* `notes` with one more item; a note that is no list is not ours to mend. */
int aigw_env_note(struct aigw_env *env, const char *by, const char *kind,
		  const char *more, size_t more_len, struct aigw_err *err)
{
	const struct aigw_val *v, *notes = aigw_env_get(env, "notes");
	struct aigw_iter it = aigw_iter_init(notes);
	struct aigw_buf buf;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&buf, AIGW_EDIT_MAX);
	aigw_json_init(&w, &buf);
	aigw_json_array(&w);
	while (aigw_val_type(notes) == AIGW_ARRAY && (v = aigw_iter_next(&it)))
		aigw_json_val(&w, v);
	aigw_json_object(&w);
	aigw_json_key(&w, "by");
	aigw_json_str(&w, by);
	aigw_json_key(&w, "kind");
	aigw_json_str(&w, kind);
	if (more)
		aigw_json_raw(&w, more, more_len);
	aigw_json_close(&w);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, "notes", buf.data, buf.len, err);
	aigw_buf_release(&buf);
	return rc;
}

int aigw_env_reject(struct aigw_env *env, const struct aigw_err *why,
		    const char *stage, const char *phase, const char *origin,
		    struct aigw_err *err)
{
	size_t len = strlen(why->text);
	struct aigw_buf buf;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&buf, 8 * sizeof(why->text) + 1024);
	aigw_json_init(&w, &buf);
	aigw_json_object(&w);
	aigw_json_key(&w, "class");
	aigw_json_str(&w, aigw_class_name(why->class));
	aigw_json_key(&w, "status");
	aigw_json_int(&w, aigw_class_status(why->class));
	aigw_json_key(&w, "code");
	aigw_json_str(&w, why->code ? why->code : aigw_class_name(why->class));
	aigw_json_key(&w, "message");
	/* A cut message may end inside a character. */
	aigw_json_strn(&w, why->text, aigw_utf8_valid(why->text, len));
	aigw_json_key(&w, "retryable");
	aigw_json_bool(&w, aigw_class_retryable(why->class));
	aigw_json_key(&w, "phase");
	aigw_json_str(&w, phase);
	aigw_json_key(&w, "origin");
	aigw_json_str(&w, origin);
	aigw_json_key(&w, "stage");
	aigw_json_str(&w, stage);
	aigw_json_close(&w);
	rc = aigw_json_end(&w, err);
	if (!rc)
		rc = aigw_env_set(env, "err", buf.data, buf.len, err);
	aigw_buf_release(&buf);
	return rc;
}
