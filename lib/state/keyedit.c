/* SPDX-License-Identifier: Apache-2.0 */
/* keyedit.c - a store of keys changed: new, revoked, rotated */
#include "state/keys.h"

#include <string.h>
#include <unistd.h>

#include "core/json.h"
#include "state/atomic.h"
#include "state/utc.h"

#define ROOM (AIGW_KEYS_BYTES + 128 * 1024) /* READ_SIZE over a full store */

/* What a change sees and makes. */
struct edit {
	const struct aigw_keys *keys;
	const char *text;
	struct aigw_buf out;
	void *arg;
};
typedef int (*edit_fn)(struct edit *e, struct aigw_err *err);

static int full(struct aigw_err *err)
{
	return aigw_fail(err, "the store is full, or memory is out");
}

/* Lock, read, change, read back, replace: in this order and under the lock. */
static int change(const char *path, edit_fn fn, void *arg, struct aigw_err *err)
{
	struct aigw_keys *after = NULL, *before = NULL;
	struct edit e = {.arg = arg};
	struct aigw_buf text;
	int rc = -1, lock;

	aigw_buf_init(&text, ROOM);
	aigw_buf_init(&e.out, ROOM);
	lock = aigw_file_lock(path, err);
	if (lock < 0)
		return -1;
	if (aigw_keys_read(path, true, &text, NULL, err) < 0 &&
	    !(err->code && !strcmp(err->code, "no_store")))
		goto out;
	before = aigw_keys_parse(path, text.data, text.len, NULL, err);
	if (!before)
		goto out;
	e.keys = before;
	e.text = text.data;
	if (fn(&e, err) < 0)
		goto out;
	after = aigw_keys_parse(path, e.out.data, e.out.len, NULL, err);
	if (after)
		rc = aigw_file_replace(path, e.out.data, e.out.len, err);
out:
	aigw_keys_free(after);
	aigw_keys_free(before);
	aigw_buf_release(&e.out);
	aigw_buf_release(&text);
	close(lock);
	return rc;
}

static int copy_line(struct edit *e, const struct aigw_key *key,
		     struct aigw_err *err)
{
	if (aigw_buf_add(&e->out, e->text + key->at, key->len) < 0 ||
	    aigw_buf_str(&e->out, "\n") < 0)
		return full(err);
	return 0;
}

/* Set `member` of the object in `line` to a JSON text, in place. */
static int set(struct aigw_buf *line, const char *member,
	       const struct aigw_buf *json, struct aigw_err *err)
{
	struct aigw_buf out;

	aigw_buf_init(&out, AIGW_KEYS_LINE);
	if (aigw_json_splice(line->data, line->len, member, json->data,
			     json->len, &out, err) < 0) {
		aigw_buf_release(&out);
		return -1;
	}
	aigw_buf_release(line);
	*line = out;
	return 0;
}

static int set_text(struct aigw_buf *line, const char *member, const char *s,
		    size_t len, struct aigw_err *err)
{
	struct aigw_buf json;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&json, AIGW_KEYS_LINE);
	aigw_json_init(&w, &json);
	aigw_json_strn(&w, s, len);
	rc = aigw_json_end(&w, err);
	if (rc == 0)
		rc = set(line, member, &json, err);
	aigw_buf_release(&json);
	return rc;
}

static int set_time(struct aigw_buf *line, const char *member, int64_t seconds,
		    struct aigw_err *err)
{
	char s[AIGW_UTC_LEN + 1];

	aigw_utc_print(seconds, s);
	return set_text(line, member, s, AIGW_UTC_LEN, err);
}

static int set_int(struct aigw_buf *line, const char *member, int64_t n,
		   struct aigw_err *err)
{
	struct aigw_buf json;
	struct aigw_json w;
	int rc;

	aigw_buf_init(&json, AIGW_KEYS_LINE);
	aigw_json_init(&w, &json);
	aigw_json_int(&w, n);
	rc = aigw_json_end(&w, err);
	if (rc == 0)
		rc = set(line, member, &json, err);
	aigw_buf_release(&json);
	return rc;
}

/* A line of the store to change, and back into the new store. */
static int take_line(struct edit *e, const struct aigw_key *key,
		     struct aigw_buf *line, struct aigw_err *err)
{
	aigw_buf_init(line, AIGW_KEYS_LINE);
	return aigw_buf_add(line, e->text + key->at, key->len) < 0 ? full(err)
								   : 0;
}

static int put_line(struct edit *e, struct aigw_buf *line, struct aigw_err *err)
{
	if (aigw_buf_add(&e->out, line->data, line->len) < 0 ||
	    aigw_buf_str(&e->out, "\n") < 0)
		return full(err);
	return 0;
}

/* A copy of a line with one time set. */
static int copy_with_time(struct edit *e, const struct aigw_key *key,
			  const char *member, int64_t seconds,
			  struct aigw_err *err)
{
	struct aigw_buf line;
	int rc = -1;

	if (take_line(e, key, &line, err) == 0 &&
	    set_time(&line, member, seconds, err) == 0)
		rc = put_line(e, &line, err);
	aigw_buf_release(&line);
	return rc;
}

/* New --------------------------------------------------------------------- */

static int write_key(struct aigw_buf *line, const struct aigw_key *key,
		     struct aigw_err *err)
{
	struct aigw_json w;

	aigw_json_init(&w, line);
	aigw_key_write(&w, key, NULL);
	return aigw_json_end(&w, err);
}

static int edit_add(struct edit *e, struct aigw_err *err)
{
	const struct aigw_key *key = e->arg;
	struct aigw_buf line;
	size_t i;
	int rc = 0;

	if (aigw_keys_find(e->keys, key->id, AIGW_KEY_ID))
		return aigw_fail_as(err, AIGW_E_INTERNAL, "key_exists",
				    "the id %s is taken", key->id);
	for (i = 0; rc == 0 && i < aigw_keys_count(e->keys); i++)
		rc = copy_line(e, aigw_keys_at(e->keys, i), err);
	aigw_buf_init(&line, AIGW_KEYS_LINE);
	if (rc == 0)
		rc = write_key(&line, key, err);
	if (rc == 0)
		rc = put_line(e, &line, err);
	aigw_buf_release(&line);
	return rc;
}

int aigw_keys_add(const char *path, const struct aigw_key *key,
		  struct aigw_err *err)
{
	struct aigw_key copy = *key;

	return change(path, edit_add, &copy, err);
}

/* Revoke ------------------------------------------------------------------ */

struct revoke {
	const char *id;
	int64_t now;
};

static int no_such(const char *id, struct aigw_err *err)
{
	return aigw_fail_as(err, AIGW_E_NOT_FOUND, "no_such_key",
			    "no key has the id %.20s", id);
}

static int edit_revoke(struct edit *e, struct aigw_err *err)
{
	const struct revoke *r = e->arg;
	const struct aigw_key *key;
	size_t i, ended = 0;
	int rc = 0;

	if (!aigw_keys_find(e->keys, r->id, strlen(r->id)))
		return no_such(r->id, err);
	for (i = 0; rc == 0 && i < aigw_keys_count(e->keys); i++) {
		key = aigw_keys_at(e->keys, i);
		if (strcmp(key->id, r->id) != 0 || key->revoked_at) {
			rc = copy_line(e, key, err);
			continue;
		}
		ended++;
		rc = copy_with_time(e, key, "revoked_at", r->now, err);
	}
	if (rc == 0 && ended == 0)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "key_revoked",
				    "%s is revoked already", r->id);
	return rc;
}

int aigw_keys_revoke(const char *path, const char *id, int64_t now,
		     struct aigw_err *err)
{
	struct revoke r = {id, now};

	return change(path, edit_revoke, &r, err);
}

/* Rotate ------------------------------------------------------------------ */

struct rotate {
	const char *id;
	const unsigned char *mac;
	int64_t pepper_v, now, overlap;
};

static bool alive(const struct aigw_key *key, int64_t now)
{
	enum aigw_key_state state = aigw_key_state(key, now);

	return state == AIGW_KEY_LIVE || state == AIGW_KEY_EARLY;
}

/* The secret to replace; what its id has beside it goes. NULL with why not. */
static const struct aigw_key *
newest(const struct edit *e, const struct rotate *r, struct aigw_err *err)
{
	const struct aigw_key *a, *b;

	a = aigw_keys_find(e->keys, r->id, strlen(r->id));
	if (!a) {
		no_such(r->id, err);
		return NULL;
	}
	b = aigw_keys_twin(e->keys, a);
	if (b && r->overlap > 0 && alive(a, r->now) && alive(b, r->now)) {
		aigw_fail_as(err, AIGW_E_BAD_REQUEST, "rotation_open",
			     "two secrets of %s are live: wait until one has "
			     "expired, or end both with --overlap 0",
			     r->id);
		return NULL;
	}
	if (b && alive(b, r->now))
		a = b; /* the later line is the later secret */
	if (alive(a, r->now))
		return a;
	aigw_fail_as(err, AIGW_E_BAD_REQUEST, "key_ended",
		     "%s is %s: make a new key", r->id,
		     aigw_key_state_name(aigw_key_state(a, r->now)));
	return NULL;
}

/* The same line once more, with another secret. */
static int successor(struct edit *e, const struct rotate *r,
		     const struct aigw_key *old, struct aigw_err *err)
{
	char mac[2 * AIGW_KEY_MAC], from[AIGW_UTC_LEN + 1];
	struct aigw_buf line;
	int rc = -1;

	aigw_key_hex(r->mac, mac);
	aigw_utc_print(old->created, from);
	if (take_line(e, old, &line, err) == 0 &&
	    set_text(&line, "hmac", mac, sizeof(mac), err) == 0 &&
	    set_int(&line, "pepper_v", r->pepper_v, err) == 0 &&
	    set_time(&line, "created", r->now, err) == 0 &&
	    set_text(&line, "rotated_from", from, AIGW_UTC_LEN, err) == 0)
		rc = put_line(e, &line, err);
	aigw_buf_release(&line);
	return rc;
}

static int edit_rotate(struct edit *e, struct aigw_err *err)
{
	const struct rotate *r = e->arg;
	const struct aigw_key *old = newest(e, r, err), *key;
	int64_t end = r->now + r->overlap;
	size_t i;
	int rc = 0;

	if (!old)
		return -1;
	if (old->expires && old->expires < end)
		end = old->expires;
	for (i = 0; rc == 0 && i < aigw_keys_count(e->keys); i++) {
		key = aigw_keys_at(e->keys, i);
		if (key == old)
			rc = copy_with_time(e, key, "expires", end, err);
		else if (strcmp(key->id, r->id) != 0)
			rc = copy_line(e, key, err);
	}
	return rc < 0 ? -1 : successor(e, r, old, err);
}

int aigw_keys_rotate(const char *path, const char *id,
		     const unsigned char mac[AIGW_KEY_MAC], int64_t pepper_v,
		     int64_t now, int64_t overlap, struct aigw_err *err)
{
	struct rotate r = {id, mac, pepper_v, now, overlap};

	return change(path, edit_rotate, &r, err);
}
