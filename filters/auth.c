/* SPDX-License-Identifier: Apache-2.0 */
/* auth.c - who asks, and may they: keys and Unix users become principals */
#include "aigw.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "state/keyhome.h"
#include "text/glob.h"

#define LOOK_MS 1000	 /* between two looks whether the files changed */
#define NAME_MAX_LEN 256 /* bytes of a model's or an operation's name */
#define PASSWD_ROOM (64 * 1024)

enum unix_rule { UNIX_ALLOW, UNIX_DENY };
static const char *const unix_words[] = {"allow", "deny", NULL};

/* What a name is checked against; one that is not `limited` may be any. */
struct globs {
	bool limited;
	const char *const *v;
	size_t n;
};

/* A row of `users`. */
struct user {
	char *principal;
	struct aigw_list models, operations;
};

static const struct aigw_opt user_opts[] = {
	{.name = "principal",
	 .type = AIGW_OPT_STRING,
	 .offset = offsetof(struct user, principal)},
	{.name = "models",
	 .type = AIGW_OPT_LIST,
	 .offset = offsetof(struct user, models)},
	{.name = "operations",
	 .type = AIGW_OPT_LIST,
	 .offset = offsetof(struct user, operations)},
	{.type = AIGW_OPT_END},
};

struct auth {
	struct aigw_keyhome home;
	const struct aigw_conf *users;
	int unix_rule;

	const struct aigw_log *log;
	struct aigw_pepper *pepper;
	struct aigw_keys *keys; /* NULL: there is no store */
	struct aigw_stamp keys_was, pepper_was;
	int64_t next_look;

	struct user me; /* this process's user */
	struct globs models, operations;
};

/* Who asks, while it is found out; nothing in it is owned. */
struct caller {
	const char *principal, *key_id; /* key_id NULL: a Unix user */
	struct globs models, operations;
};

static const struct aigw_opt opts[] = {
	{.name = "keys",
	 .type = AIGW_OPT_PATH,
	 .offset = offsetof(struct auth, home.keys),
	 .arg = "FILE",
	 .help = "the store that `aigw keys` writes; it must exist "
		 "(without this option keys.jsonl in "
		 "$XDG_STATE_HOME/aigw, if it exists)"},
	{.name = "pepper",
	 .type = AIGW_OPT_PATH,
	 .offset = offsetof(struct auth, home.pepper),
	 .arg = "FILE",
	 .help = "the key of the hashes in the store "
		 "(without this option pepper in $XDG_STATE_HOME/aigw)"},
	{.name = "pepper-from",
	 .type = AIGW_OPT_TREE,
	 .offset = offsetof(struct auth, home.pepper_from),
	 .help = "the pepper from elsewhere: {credential: NAME}, {fd: N}, "
		 "{command: [WORD, ...]}"},
	{.name = "unix",
	 .type = AIGW_OPT_ENUM,
	 .offset = offsetof(struct auth, unix_rule),
	 .fallback = "allow",
	 .arg = "RULE",
	 .words = unix_words,
	 .help = "a request without a key, which is then from the user who "
		 "runs this"},
	{.name = "users",
	 .type = AIGW_OPT_TREE,
	 .offset = offsetof(struct auth, users),
	 .help = "who the users of this machine are, {NAME: {principal:, "
		 "models:, operations:}}; others are refused"},
	{.name = "loose",
	 .type = AIGW_OPT_FLAG,
	 .offset = offsetof(struct auth, home.loose),
	 .fallback = "false",
	 .help = "take a pepper that others can read and a store that others "
		 "can write"},
	{.type = AIGW_OPT_END},
};

/* Files ------------------------------------------------------------------- */

/* Both files, or what was known before. A pepper from elsewhere stays: what
 * it came from may give it only once. */
static int load(struct auth *a, struct aigw_err *err)
{
	struct aigw_pepper *pepper = NULL;
	struct aigw_keys *keys;

	a->keys_was = aigw_stamp_of(a->home.keys);
	a->pepper_was = aigw_stamp_of(a->home.pepper);
	if (access(a->home.keys, F_OK) < 0)
		return aigw_fail_as(err, AIGW_E_INTERNAL,
				    errno == ENOENT ? "no_store" : NULL,
				    "%s: %s", a->home.keys, strerror(errno));
	if (!a->pepper || !a->home.pepper_from) {
		pepper = aigw_keyhome_pepper(&a->home, err);
		if (!pepper)
			return -1;
	}
	keys = aigw_keyhome_keys(&a->home, pepper ? pepper : a->pepper,
				 &a->keys_was, err);
	if (!keys) {
		aigw_pepper_free(pepper);
		return -1;
	}
	aigw_keys_free(a->keys);
	a->keys = keys;
	if (pepper) {
		aigw_pepper_free(a->pepper);
		a->pepper = pepper;
	}
	return 0;
}

/* One stat() of each file a second; they are small and on this machine. */
static void refresh(struct auth *a)
{
	struct aigw_stamp keys, pepper;
	struct aigw_err err;
	struct timespec t;
	int64_t now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	now = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
	if (now < a->next_look)
		return;
	a->next_look = now + LOOK_MS;
	keys = aigw_stamp_of(a->home.keys);
	pepper = aigw_stamp_of(a->home.pepper);
	if (aigw_stamp_same(&keys, &a->keys_was) &&
	    aigw_stamp_same(&pepper, &a->pepper_was))
		return;
	if (load(a, &err) < 0)
		aigw_log(a->log, AIGW_ERR, "keys not read again: %s", err.text);
	else
		aigw_log(a->log, AIGW_INFO, "%zu keys read again",
			 aigw_keys_count(a->keys));
}

/* Users ------------------------------------------------------------------- */

/* "alice", or "1000" when the number has no name fit for a principal. */
static int user_name(char *out, size_t size, struct aigw_err *err)
{
	char *room = malloc(PASSWD_ROOM);
	struct passwd pw, *found = NULL;
	size_t len;

	if (!room)
		return aigw_fail(err, "out of memory");
	if (getpwuid_r(geteuid(), &pw, room, PASSWD_ROOM, &found) != 0)
		found = NULL;
	len = found ? strlen(pw.pw_name) : 0;
	if (len < size && aigw_principal_valid(found ? pw.pw_name : "", len))
		memcpy(out, pw.pw_name, len + 1);
	else
		snprintf(out, size, "%lu", (unsigned long)geteuid());
	free(room);
	return 0;
}

/* "models:" with nothing behind it could mean all or none: ask. */
static int limit(struct globs *g, const struct aigw_list *list,
		 const struct aigw_conf *node, const char *key,
		 struct aigw_err *err)
{
	const struct aigw_conf *item = aigw_conf_get(node, key);

	if (!item)
		return 0;
	if (aigw_conf_null(item))
		return aigw_conf_fail(
			item, err, "%s: a list of patterns, [] for none", key);
	*g = (struct globs){true, (const char *const *)list->v, list->n};
	return 0;
}

/* A row of `users`: NAME: PRINCIPAL or NAME: {principal: …}. */
static int read_user(struct user *u, const struct aigw_conf *node,
		     struct globs *models, struct globs *operations,
		     struct aigw_err *err)
{
	const char *s = aigw_conf_str(node);

	if (s)
		return aigw_opts_set(user_opts, u, "principal", s, err);
	if (aigw_conf_kind(node) != AIGW_CONF_MAP)
		return aigw_conf_fail(node, err, "want a principal or a map");
	if (aigw_opts_conf(user_opts, u, node, NULL, err) < 0 ||
	    limit(models, &u->models, node, "models", err) < 0)
		return -1;
	return limit(operations, &u->operations, node, "operations", err);
}

static int check_principal(const struct user *u, const struct aigw_conf *node,
			   struct aigw_err *err)
{
	const char *s = u->principal;

	if (!s)
		return aigw_conf_fail(node, err, "principal: is missing");
	if (aigw_principal_valid(s, strlen(s)))
		return 0;
	return aigw_conf_fail(node, err,
			      "principal: 1 to 128 of A-Z a-z 0-9 "
			      ". _ @ + : / -, and not unix:…");
}

/* All rows are checked, the one of this user is kept. */
static int read_users(struct auth *a, const char *name, struct aigw_err *err)
{
	const struct aigw_conf *node;
	size_t i, n = aigw_conf_len(a->users);
	struct globs ignored;
	struct user other;
	bool mine;
	int rc;

	if (aigw_conf_kind(a->users) != AIGW_CONF_MAP)
		return aigw_conf_fail(a->users, err,
				      "users: a map of user names");
	for (i = 0; i < n; i++) {
		node = aigw_conf_at(a->users, i);
		mine = strcmp(aigw_conf_key(node), name) == 0;
		memset(&other, 0, sizeof(other));
		rc = mine ? read_user(&a->me, node, &a->models, &a->operations,
				      err)
			  : read_user(&other, node, &ignored, &ignored, err);
		if (rc == 0)
			rc = check_principal(mine ? &a->me : &other, node, err);
		aigw_opts_release(user_opts, &other);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static int who_am_i(struct auth *a, struct aigw_err *err)
{
	char name[128], principal[5 + sizeof(name)] = "unix:";

	if (a->unix_rule == UNIX_DENY && !a->users)
		return 0;
	if (user_name(name, sizeof(name), err) < 0)
		return -1;
	if (a->users)
		return read_users(a, name, err);
	memcpy(principal + 5, name, strlen(name) + 1);
	a->me.principal = strdup(principal);
	return a->me.principal ? 0 : aigw_fail(err, "out of memory");
}

static int open_auth(void *self, struct aigw_stage *stage, struct aigw_err *err)
{
	struct auth *a = self;
	bool must = a->home.keys != NULL;

	a->log = aigw_stage_log(stage);
	if (a->home.pepper && a->home.pepper_from)
		return aigw_conf_fail(a->home.pepper_from, err,
				      "pepper-from: there is a pepper too");
	if (aigw_keyhome_fill(&a->home, false, err) < 0 || who_am_i(a, err) < 0)
		return -1;
	if (load(a, err) == 0)
		return 0;
	if (!err->code || strcmp(err->code, "no_store") != 0)
		return -1;
	if (!must)
		return 0;
	aigw_fail_in(err, "`aigw keys new` makes a store");
	return -1;
}

static void close_auth(void *self)
{
	struct auth *a = self;

	aigw_keys_free(a->keys);
	aigw_pepper_free(a->pepper);
	aigw_opts_release(user_opts, &a->me);
}

/* Envelopes --------------------------------------------------------------- */

static int refuse(struct aigw_err *err, const char *code, const char *why)
{
	return aigw_fail_as(err, AIGW_E_AUTH, code, "%s", why);
}

static int forbid(struct aigw_err *err, const char *code, const char *why)
{
	return aigw_fail_as(err, AIGW_E_PERMISSION, code, "%s", why);
}

static struct globs key_globs(const char *const *list)
{
	struct globs g = {.limited = list != NULL, .v = list};

	while (list && list[g.n])
		g.n++;
	return g;
}

static bool matches(const struct globs *g, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (aigw_glob(g->v[i], strlen(g->v[i]), name, len))
			return true;
	return false;
}

static int by_user(const struct auth *a, struct caller *who,
		   struct aigw_err *err)
{
	if (a->unix_rule == UNIX_DENY)
		return refuse(err, "missing_credential",
			      "an API key is needed");
	if (!a->me.principal)
		return refuse(err, "unknown_user",
			      "this Unix user is not configured");
	*who = (struct caller){a->me.principal, NULL, a->models, a->operations};
	return 0;
}

static int by_key(const struct auth *a, const char *token, size_t len,
		  struct caller *who, struct aigw_err *err)
{
	const struct aigw_key *key = NULL;
	int state = AIGW_KEY_UNKNOWN;

	if (a->keys)
		state = aigw_keys_verify(a->keys, token, len,
					 (int64_t)time(NULL), &key, err);
	switch (state) {
	case AIGW_KEY_LIVE:
		*who = (struct caller){key->principal, key->id,
				       key_globs(key->models),
				       key_globs(key->operations)};
		return 0;
	case AIGW_KEY_EARLY:
		return refuse(err, "key_not_yet_valid",
			      "the API key is not valid yet");
	case AIGW_KEY_EXPIRED:
		return refuse(err, "key_expired", "the API key has expired");
	case AIGW_KEY_REVOKED:
		return refuse(err, "key_revoked", "the API key was revoked");
	case AIGW_KEY_UNKNOWN:
		return refuse(err, "invalid_api_key",
			      "the API key is not valid");
	}
	return -1; /* err says why it could not be checked */
}

/* client.auth is {"scheme":"bearer","token":KEY}; a second credential in it,
 * or beside it, is somebody trying which one wins. */
static int identify(const struct auth *a, const struct aigw_env *env,
		    struct caller *who, struct aigw_err *err)
{
	const struct aigw_val *client = aigw_env_get(env, "client");
	const struct aigw_val *auth = aigw_val_get(client, "auth");
	const char *token;
	size_t len;

	if (aigw_val_type(client) != AIGW_OBJECT &&
	    aigw_val_type(client) != AIGW_NULL)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_client",
				    "client is no object");
	if (!auth)
		return by_user(a, who, err);
	if ((aigw_val_type(auth) == AIGW_ARRAY && aigw_val_len(auth) > 1) ||
	    (aigw_val_type(auth) == AIGW_OBJECT && aigw_val_len(auth) > 2))
		return refuse(err, "ambiguous_credentials",
			      "there is more than one credential");
	token = aigw_val_str(aigw_val_get(auth, "token"), &len);
	if (!token || !aigw_val_is(aigw_val_get(auth, "scheme"), "bearer"))
		return refuse(err, "invalid_credential",
			      "the credential cannot be read");
	return by_key(a, token, len, who, err);
}

/* Names with control bytes are no names, and the next program may see them
 * end at a NUL. */
static bool readable(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 0x7f)
			return false;
	return len > 0 && len <= NAME_MAX_LEN;
}

/* A name that is there must be readable, even where any is allowed. */
static int name_of(const struct aigw_env *env, const char *path,
		   const char *fallback, const char **name, size_t *len,
		   struct aigw_err *err)
{
	const struct aigw_val *v = aigw_env_get(env, path);

	if (!v) {
		*name = fallback;
		*len = fallback ? strlen(fallback) : 0;
		return 0;
	}
	*name = aigw_val_str(v, len);
	if (*name && readable(*name, *len))
		return 0;
	return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_name",
			    "%s: want a string of 1 to %d bytes without "
			    "control characters",
			    path, NAME_MAX_LEN);
}

static int permit(const struct aigw_env *env, const struct caller *who,
		  struct aigw_err *err)
{
	const struct aigw_val *req = aigw_env_get(env, "req");
	const char *op, *model;
	size_t op_len, model_len;

	if (req && aigw_val_type(req) != AIGW_OBJECT)
		return aigw_fail_as(err, AIGW_E_BAD_REQUEST, "invalid_request",
				    "req is no object");
	if (name_of(env, "op", "chat", &op, &op_len, err) < 0 ||
	    name_of(env, "req.model", NULL, &model, &model_len, err) < 0)
		return -1;
	if (who->operations.limited && !matches(&who->operations, op, op_len))
		return forbid(err, "operation_not_allowed",
			      "this operation is not allowed");
	if (who->models.limited &&
	    (!model || !matches(&who->models, model, model_len)))
		return forbid(err, "model_not_allowed",
			      model ? "this model is not allowed"
				    : "a model must be named");
	return 0;
}

/* The credential goes, whatever becomes of the envelope; so does whatever the
 * line itself claimed to be. */
static int forget(struct aigw_env *env, struct aigw_err *err)
{
	const struct aigw_val *client = aigw_env_get(env, "client");
	static const char *const paths[] = {"client.auth", "client.principal",
					    "client.key_id"};
	size_t i;

	if (aigw_val_type(client) != AIGW_OBJECT)
		return aigw_env_remove(env, "client", err);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (aigw_env_remove(env, paths[i], err) < 0)
			return -1;
	return 0;
}

static enum aigw_verdict apply(void *self, struct aigw_env *env,
			       struct aigw_err *err)
{
	struct auth *a = self;
	struct caller who = {0};
	int rc;

	refresh(a);
	rc = identify(a, env, &who, err);
	if (rc == 0)
		rc = permit(env, &who, err);
	if (rc < 0) {
		(void)!forget(env, NULL);
		return AIGW_FAILED;
	}
	if (forget(env, err) < 0 ||
	    aigw_env_set_str(env, "client.principal", who.principal,
			     strlen(who.principal), err) < 0 ||
	    (who.key_id && aigw_env_set_str(env, "client.key_id", who.key_id,
					    strlen(who.key_id), err) < 0))
		return AIGW_FAILED;
	return AIGW_NEXT;
}

AIGW_DEFINE_FILTER(auth) = {
	.name = "auth",
	.summary = "say who asks, and refuse who may not",
	.examples = "  $ aigw prompt -m fast -e 'Say hello' | aigw-auth\n"
		    "  $ aigw keys new team-a/bob --models 'gpt-*' -o bob.key\n"
		    "  $ aigw-auth --unix deny --keys /etc/aigw/keys.jsonl\n",
	.wants = AIGW_REQUEST,
	.size = sizeof(struct auth),
	.opts = opts,
	.open = open_auth,
	.apply = apply,
	.close = close_auth,
};
