/* SPDX-License-Identifier: Apache-2.0 */
/* keytext.c - keys as text: lines of a store, a list, a table */
#include "state/keys.h"

#include <string.h>

#include "state/utc.h"

#define CELL 61 /* bytes of a table's cell with its NUL; more is cut */

/* JSON -------------------------------------------------------------------- */

void aigw_key_hex(const unsigned char mac[AIGW_KEY_MAC],
		  char out[2 * AIGW_KEY_MAC])
{
	size_t i;

	for (i = 0; i < AIGW_KEY_MAC; i++) {
		*out++ = "0123456789abcdef"[mac[i] >> 4];
		*out++ = "0123456789abcdef"[mac[i] & 15];
	}
}

static void text_member(struct aigw_json *w, const char *name, const char *s)
{
	if (!s)
		return;
	aigw_json_key(w, name);
	aigw_json_str(w, s);
}

static void time_member(struct aigw_json *w, const char *name, int64_t seconds)
{
	char s[AIGW_UTC_LEN + 1];

	if (seconds == 0)
		return;
	aigw_utc_print(seconds, s);
	text_member(w, name, s);
}

static void list_member(struct aigw_json *w, const char *name,
			const char *const *words)
{
	if (!words)
		return;
	aigw_json_key(w, name);
	aigw_json_array(w);
	while (*words)
		aigw_json_str(w, *words++);
	aigw_json_close(w);
}

void aigw_key_write(struct aigw_json *w, const struct aigw_key *key,
		    const char *state)
{
	char mac[2 * AIGW_KEY_MAC];

	aigw_json_object(w);
	text_member(w, "id", key->id);
	if (!state) {
		aigw_key_hex(key->mac, mac);
		aigw_json_key(w, "hmac");
		aigw_json_strn(w, mac, sizeof(mac));
		aigw_json_key(w, "pepper_v");
		aigw_json_int(w, key->pepper_v);
	}
	text_member(w, "principal", key->principal);
	text_member(w, "state", state);
	text_member(w, "owner", key->owner);
	time_member(w, "created", key->created);
	time_member(w, "not_before", key->not_before);
	time_member(w, "expires", key->expires);
	time_member(w, "revoked_at", key->revoked_at);
	list_member(w, "models", key->models);
	list_member(w, "operations", key->operations);
	text_member(w, "rotated_from", key->rotated_from);
	text_member(w, "note", key->note);
	aigw_json_close(w);
}

int aigw_keys_lines(const struct aigw_keys *keys, int64_t now,
		    struct aigw_buf *out, struct aigw_err *err)
{
	size_t i, n = aigw_keys_count(keys);
	const struct aigw_key *key;
	struct aigw_json w;

	for (i = 0; i < n; i++) {
		key = aigw_keys_at(keys, i);
		aigw_json_init(&w, out);
		aigw_key_write(&w, key,
			       aigw_key_state_name(aigw_key_state(key, now)));
		if (aigw_json_end(&w, err) < 0)
			return -1;
		if (aigw_buf_str(out, "\n") < 0)
			return aigw_fail(err, "out of memory");
	}
	return 0;
}

/* Table ------------------------------------------------------------------- */

enum column { ID, PRINCIPAL, STATE, CREATED, EXPIRES, MODELS, NOTE, COLUMNS };
static const char *const heads[COLUMNS] = {
	[ID] = "ID",	       [PRINCIPAL] = "PRINCIPAL", [STATE] = "STATE",
	[CREATED] = "CREATED", [EXPIRES] = "EXPIRES",	  [MODELS] = "MODELS",
	[NOTE] = "NOTE",
};

/* Only what a terminal takes for text: the store is a file that others may
 * have edited. */
static void put(char cell[CELL], const char *s)
{
	size_t n = strlen(cell);

	for (; *s && n + 1 < CELL; s++)
		cell[n++] = *s < ' ' || *s > '~' ? '?' : *s;
	cell[n] = '\0';
}

/* The row of a key, or of the heads when it is NULL. */
static void fill(char row[COLUMNS][CELL], const struct aigw_key *key,
		 int64_t now)
{
	char when[AIGW_UTC_LEN + 1];
	size_t i;

	memset(row, 0, COLUMNS * sizeof(row[0]));
	for (i = 0; !key && i < COLUMNS; i++)
		put(row[i], heads[i]);
	if (!key)
		return;
	put(row[ID], key->id);
	put(row[PRINCIPAL], key->principal);
	put(row[STATE], aigw_key_state_name(aigw_key_state(key, now)));
	aigw_utc_print(key->created, when);
	put(row[CREATED], when);
	aigw_utc_print(key->expires, when);
	put(row[EXPIRES], key->expires ? when : "-");
	for (i = 0; key->models && key->models[i]; i++) {
		put(row[MODELS], i > 0 ? "," : "");
		put(row[MODELS], key->models[i]);
	}
	if (i == 0)
		put(row[MODELS], key->models ? "none" : "*");
	put(row[NOTE], key->note ? key->note : "-");
}

static int print(char row[COLUMNS][CELL], const size_t width[COLUMNS],
		 struct aigw_buf *out)
{
	size_t c, pad;
	char *to;

	for (c = 0; c < COLUMNS; c++) {
		pad = c == NOTE ? 1 : width[c] + 2 - strlen(row[c]);
		if (aigw_buf_str(out, row[c]) < 0 ||
		    !(to = aigw_buf_room(out, pad)))
			return -1;
		memset(to, c == NOTE ? '\n' : ' ', pad);
		out->len += pad;
	}
	return 0;
}

int aigw_keys_table(const struct aigw_keys *keys, int64_t now,
		    struct aigw_buf *out, struct aigw_err *err)
{
	size_t width[COLUMNS] = {0}, n = aigw_keys_count(keys), i, c, len;
	char row[COLUMNS][CELL];

	for (i = 0; i <= n; i++) {
		fill(row, i > 0 ? aigw_keys_at(keys, i - 1) : NULL, now);
		for (c = 0; c < COLUMNS; c++) {
			len = strlen(row[c]);
			width[c] = len > width[c] ? len : width[c];
		}
	}
	for (i = 0; i <= n; i++) {
		fill(row, i > 0 ? aigw_keys_at(keys, i - 1) : NULL, now);
		if (print(row, width, out) < 0)
			return aigw_fail(err, "out of memory");
	}
	return 0;
}
