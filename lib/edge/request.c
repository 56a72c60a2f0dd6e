/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - requests: envelopes made from prompts, bodies and batch lines */
#include "edge/request.h"

#include <string.h>

#include "aigw.h"

/* Only filters write these; at a door they are stripped (aigw-envelope(5)).
 * `client` is made anew, `seq` and `id` are ours to write. */
static const char *const reserved[] = {
	"aigw",	 "id",	 "seq",	   "client",   "plan",
	"usage", "cost", "state",  "attempts", "notes",
	"res",	 "err",	 "timing", "trace",    NULL,
};

/* The endpoints we know: what a batch line's url becomes. */
static const struct endpoint {
	const char *url, *op, *api, *needs;
	enum aigw_type type; /* of `needs`; AIGW_NULL: any */
} endpoints[] = {
	{"/v1/chat/completions", "chat", "openai.chat", "messages", AIGW_ARRAY},
	{"/v1/embeddings", "embeddings", "openai.embeddings", "input",
	 AIGW_NULL},
	{.url = NULL},
};

static int bad(struct aigw_err *err, const char *code, const char *what)
{
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, code, "%s", what);
}

/* Ids ------------------------------------------------------------------- */

static int own_id(const struct aigw_maker *maker, struct aigw_made *made,
		  const char *id, size_t len, const char *member,
		  struct aigw_err *err)
{
	int rc;

	if (!id || len == 0 || len > AIGW_MADE_ID)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_id",
				    "%s: expected a text of 1 to %d bytes",
				    member, AIGW_MADE_ID);
	rc = aigw_ids_add(maker->ids, id, len, err);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST,
				    "duplicate_custom_id",
				    "%s: an earlier record has it already",
				    member);
	memcpy(made->id, id, len);
	made->id_len = len;
	return 0;
}

static void new_id(struct aigw_made *made)
{
	char id[37];

	aigw_uuid7(id);
	memcpy(made->id, id, 36);
	made->id_len = 36;
}

/* Members --------------------------------------------------------------- */

static void put_head(struct aigw_json *w, const struct aigw_made *made)
{
	aigw_json_object(w);
	aigw_json_key(w, "aigw");
	aigw_json_int(w, 1);
	aigw_json_key(w, "id");
	aigw_json_strn(w, made->id, made->id_len);
	aigw_json_key(w, "seq");
	aigw_json_int(w, (int64_t)made->seq);
}

static void put_op(struct aigw_json *w, const char *op, bool stream)
{
	aigw_json_key(w, "op");
	aigw_json_str(w, op);
	if (stream) {
		aigw_json_key(w, "stream");
		aigw_json_bool(w, true);
	}
}

static void put_client(struct aigw_json *w, const struct aigw_maker *maker,
		       const char *api, const struct aigw_val *tags)
{
	aigw_json_key(w, "client");
	aigw_json_object(w);
	aigw_json_key(w, "api");
	aigw_json_str(w, api);
	if (aigw_val_len(tags) > 0) {
		aigw_json_key(w, "tags");
		aigw_json_val(w, tags);
	}
	if (maker->key) {
		aigw_json_key(w, "auth");
		aigw_json_object(w);
		aigw_json_key(w, "scheme");
		aigw_json_str(w, "bearer");
		aigw_json_key(w, "token");
		aigw_json_strn(w, maker->key, maker->key_len);
		aigw_json_close(w);
	}
	aigw_json_close(w);
}

static void put_message(struct aigw_json *w, const char *role, const char *text,
			size_t len, const struct aigw_buf *parts)
{
	aigw_json_object(w);
	aigw_json_key(w, "role");
	aigw_json_str(w, role);
	aigw_json_key(w, "content");
	if (parts && parts->len > 0) {
		aigw_json_array(w);
		aigw_json_object(w);
		aigw_json_key(w, "type");
		aigw_json_str(w, "text");
		aigw_json_key(w, "text");
		aigw_json_strn(w, text, len);
		aigw_json_close(w);
		aigw_json_raw(w, parts->data, parts->len);
		aigw_json_close(w);
	} else {
		aigw_json_strn(w, text, len);
	}
	aigw_json_close(w);
}

/* Closes the envelope; on failure its bytes are taken back. */
static int finish(struct aigw_json *w, struct aigw_buf *out, size_t start,
		  size_t max, struct aigw_err *err)
{
	aigw_json_close(w);
	if (aigw_json_end(w, err) == 0 && aigw_buf_add(out, "\n", 1) == 0 &&
	    out->len - start <= max)
		return 0;
	out->len = start;
	return aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
			    "the envelope would pass %zu bytes", max);
}

/* Prompts --------------------------------------------------------------- */

int aigw_make_text(const struct aigw_maker *maker, struct aigw_made *made,
		   const char *id, size_t id_len, const char *text, size_t len,
		   struct aigw_buf *out, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(maker->params);
	const struct aigw_val *v;
	size_t start = out->len;
	struct aigw_json w;

	made->id_len = 0;
	if (!id)
		new_id(made);
	else if (own_id(maker, made, id, id_len, "id", err) < 0)
		return -1;
	aigw_json_init(&w, out);
	put_head(&w, made);
	put_op(&w, "chat", maker->stream);
	put_client(&w, maker, "openai.chat", maker->tags);
	aigw_json_key(&w, "req");
	aigw_json_object(&w);
	aigw_json_key(&w, "model");
	aigw_json_str(&w, maker->model);
	aigw_json_key(&w, "messages");
	aigw_json_array(&w);
	if (maker->system)
		put_message(&w, "system", maker->system, maker->system_len,
			    NULL);
	put_message(&w, "user", text, len, maker->parts);
	aigw_json_close(&w);
	while ((v = aigw_iter_next(&it))) {
		aigw_json_keyn(&w, it.key, it.key_len);
		aigw_json_val(&w, v);
	}
	aigw_json_close(&w);
	return finish(&w, out, start, maker->max, err);
}

/* Bodies ---------------------------------------------------------------- */

/* Replace the text in `body` by one with a member set. */
static int set(struct aigw_buf *body, const char *name, const char *json,
	       size_t len, struct aigw_err *err)
{
	struct aigw_buf to;

	aigw_buf_init(&to, body->max);
	if (aigw_json_splice(body->data, body->len, name, json, len, &to, err) <
	    0) {
		aigw_buf_release(&to);
		return -1;
	}
	aigw_buf_release(body);
	*body = to;
	return 0;
}

static int set_val(struct aigw_buf *body, const char *name, const char *s,
		   const struct aigw_val *v, struct aigw_err *err)
{
	struct aigw_buf json;
	struct aigw_json w;
	int rc = -1;

	aigw_buf_init(&json, body->max);
	aigw_json_init(&w, &json);
	if (s)
		aigw_json_str(&w, s);
	else
		aigw_json_val(&w, v);
	if (aigw_json_end(&w, err) == 0)
		rc = set(body, name, json.data, json.len, err);
	aigw_buf_release(&json);
	return rc;
}

/* The client's bytes with what the command line says about all of them. */
static int edit(const struct aigw_maker *maker, const struct aigw_val *req,
		struct aigw_buf *body, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(maker->params);
	const struct aigw_val *v;

	if (maker->force_model || !aigw_val_get(req, "model")) {
		if (set_val(body, "model", maker->model, NULL, err) < 0)
			return -1;
	}
	while ((v = aigw_iter_next(&it))) {
		if (set_val(body, it.key, NULL, v, err) < 0)
			return -1;
	}
	return 0;
}

static int check_req(const struct aigw_val *req, const struct endpoint *to,
		     const char *where, struct aigw_err *err)
{
	const struct aigw_val *v = aigw_val_get(req, to->needs);

	if (aigw_val_type(req) != AIGW_OBJECT)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_body",
				    "%s: expected an object", where);
	if (!v || (to->type != AIGW_NULL && aigw_val_type(v) != to->type))
		return aigw_fail_as(
			err, AIGW_E_BAD_REQUEST, "invalid_body",
			"%s: expected a member \"%s\"%s", where, to->needs,
			to->type == AIGW_ARRAY ? " (an array)" : "");
	return 0;
}

static int write_body(const struct aigw_maker *maker,
		      const struct aigw_made *made, const struct endpoint *to,
		      const struct aigw_val *req, const char *text, size_t len,
		      struct aigw_buf *out, struct aigw_err *err)
{
	bool stream =
		maker->stream || aigw_val_true(aigw_val_get(req, "stream"));
	size_t start = out->len;
	struct aigw_buf body;
	struct aigw_json w;
	int rc = -1;

	aigw_buf_init(&body, maker->max);
	if (aigw_buf_add(&body, text, len) < 0) {
		aigw_fail_as(err, AIGW_E_TOO_LARGE, "too_large",
			     "body passes %zu bytes", maker->max);
		goto out;
	}
	if (edit(maker, req, &body, err) < 0)
		goto out;
	aigw_json_init(&w, out);
	put_head(&w, made);
	put_op(&w, to->op, stream);
	put_client(&w, maker, to->api, maker->tags);
	aigw_json_key(&w, "req");
	aigw_json_raw(&w, body.data, body.len);
	rc = finish(&w, out, start, maker->max, err);
out:
	aigw_buf_release(&body);
	return rc;
}

/* Envelopes ------------------------------------------------------------- */

static bool is_reserved(const char *key, size_t len)
{
	size_t i;

	for (i = 0; reserved[i]; i++) {
		if (strlen(reserved[i]) == len &&
		    memcmp(reserved[i], key, len) == 0)
			return true;
	}
	return false;
}

static int check_envelope(const struct aigw_maker *maker,
			  struct aigw_made *made, const struct aigw_val *env,
			  struct aigw_err *err)
{
	const struct aigw_val *id = aigw_val_get(env, "id");
	int64_t version;
	const char *s;
	size_t len;

	if (aigw_val_get(env, "e"))
		return bad(err, "invalid_envelope",
			   "an event of a stream is no request");
	if (!aigw_val_int(aigw_val_get(env, "aigw"), &version) || version != 1)
		return bad(err, "invalid_envelope", "aigw: expected 1");
	if (!id) {
		new_id(made);
	} else {
		s = aigw_val_str(id, &len);
		if (own_id(maker, made, s, s ? len : 0, "id", err) < 0)
			return -1;
	}
	if (aigw_val_type(aigw_val_get(env, "req")) != AIGW_OBJECT)
		return bad(err, "invalid_envelope", "req: expected an object");
	return 0;
}

/* Members as they were spelled, but for the reserved ones and req. */
static int put_members(struct aigw_json *w, const struct aigw_maker *maker,
		       const struct aigw_val *env, const char *text, size_t len,
		       struct aigw_buf *req, struct aigw_err *err)
{
	struct aigw_iter it = aigw_iter_init(env);
	const struct aigw_val *v;
	struct aigw_spans span;

	aigw_span_init(&span, text, len);
	while ((v = aigw_iter_next(&it)) && aigw_span_next(&span)) {
		if (is_reserved(it.key, it.key_len))
			continue;
		aigw_json_keyn(w, it.key, it.key_len);
		if (!aigw_span_is(&span, "req", 3)) {
			aigw_json_raw(w, span.value, span.value_len);
			continue;
		}
		if (aigw_buf_add(req, span.value, span.value_len) < 0)
			return aigw_fail(err, "out of memory");
		if (edit(maker, v, req, err) < 0)
			return -1;
		aigw_json_raw(w, req->data, req->len);
	}
	return 0;
}

static int write_envelope(const struct aigw_maker *maker,
			  struct aigw_made *made, const struct aigw_val *env,
			  const char *text, size_t len, struct aigw_buf *out,
			  struct aigw_err *err)
{
	const struct aigw_val *tags = maker->tags;
	size_t start = out->len, api_len;
	struct aigw_buf req;
	struct aigw_json w;
	const char *api;
	int rc = -1;

	if (check_envelope(maker, made, env, err) < 0)
		return -1;
	api = aigw_val_str(aigw_val_at(env, "client.api"), &api_len);
	if (aigw_val_len(tags) == 0)
		tags = aigw_val_at(env, "client.tags");
	if (aigw_val_type(tags) != AIGW_OBJECT)
		tags = NULL;
	aigw_buf_init(&req, maker->max);
	aigw_json_init(&w, out);
	put_head(&w, made);
	if (maker->stream && !aigw_val_get(env, "stream")) {
		aigw_json_key(&w, "stream");
		aigw_json_bool(&w, true);
	}
	if (put_members(&w, maker, env, text, len, &req, err) < 0) {
		out->len = start;
	} else {
		put_client(&w, maker, api ? api : "openai.chat", tags);
		rc = finish(&w, out, start, maker->max, err);
	}
	aigw_buf_release(&req);
	return rc;
}

/* Lines ----------------------------------------------------------------- */

int aigw_make_body(const struct aigw_maker *maker, struct aigw_made *made,
		   const char *text, size_t len, struct aigw_buf *out,
		   struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(text, len, err);
	const struct aigw_val *v = aigw_doc_root(doc);
	int rc = -1;

	made->id_len = 0;
	if (!doc)
		return -1;
	if (aigw_val_get(v, "aigw")) {
		rc = write_envelope(maker, made, v, text, len, out, err);
	} else if (check_req(v, &endpoints[0], "chat body", err) == 0) {
		new_id(made);
		rc = write_body(maker, made, &endpoints[0], v, text, len, out,
				err);
	}
	aigw_doc_free(doc);
	return rc;
}

static const struct endpoint *find_endpoint(const struct aigw_val *url,
					    struct aigw_err *err)
{
	const struct endpoint *to = endpoints;

	if (!url)
		return to;
	for (; to->url; to++) {
		if (aigw_val_is(url, to->url))
			return to;
	}
	bad(err, "url_mismatch",
	    "url: expected /v1/chat/completions or /v1/embeddings");
	return NULL;
}

static int write_batch(const struct aigw_maker *maker, struct aigw_made *made,
		       const struct aigw_val *line, const char *text,
		       size_t len, struct aigw_buf *out, struct aigw_err *err)
{
	const struct aigw_val *method = aigw_val_get(line, "method");
	const struct aigw_val *req = aigw_val_get(line, "body");
	const struct endpoint *to;
	struct aigw_spans span;
	const char *id;
	size_t id_len;

	if (aigw_val_type(line) != AIGW_OBJECT)
		return bad(err, "invalid_json_line", "expected an object");
	id = aigw_val_str(aigw_val_get(line, "custom_id"), &id_len);
	if (own_id(maker, made, id, id ? id_len : 0, "custom_id", err) < 0)
		return -1;
	if (method && !aigw_val_is(method, "POST"))
		return bad(err, "invalid_method", "method: expected POST");
	to = find_endpoint(aigw_val_get(line, "url"), err);
	if (!to || check_req(req, to, "body", err) < 0)
		return -1;
	aigw_span_init(&span, text, len);
	while (aigw_span_next(&span) && !aigw_span_is(&span, "body", 4))
		;
	return write_body(maker, made, to, req, span.value, span.value_len, out,
			  err);
}

int aigw_make_batch(const struct aigw_maker *maker, struct aigw_made *made,
		    const char *text, size_t len, struct aigw_buf *out,
		    struct aigw_err *err)
{
	struct aigw_doc *doc = aigw_doc_parse(text, len, err);
	const struct aigw_val *v = aigw_doc_root(doc);
	int rc;

	made->id_len = 0;
	if (!doc)
		return -1;
	if (aigw_val_get(v, "aigw"))
		rc = write_envelope(maker, made, v, text, len, out, err);
	else
		rc = write_batch(maker, made, v, text, len, out, err);
	aigw_doc_free(doc);
	return rc;
}
