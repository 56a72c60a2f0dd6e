/* SPDX-License-Identifier: Apache-2.0 */
/* keys.c - aigw-keys: make, list, revoke and rotate API keys */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/find.h"
#include "host.h"
#include "state/atomic.h"
#include "state/keyhome.h"
#include "state/utc.h"

#define KEYS_ROOM (AIGW_KEYS_BYTES + 64 * 1024)
#define LIST_ROOM ((size_t)4 * AIGW_KEYS_BYTES)
#define USAGE AIGW_E_BAD_REQUEST, "usage"

/* Everything a command line of ours can say; most commands use a part. */
struct args {
	char *config;
	struct aigw_keyhome home;
	const struct aigw_conf *other;
	bool help, version;

	struct aigw_list models, operations; /* new */
	char *expires, *not_before, *owner, *note;
	char *output;	 /* new, rotate */
	int64_t overlap; /* rotate; milliseconds */
	bool json;	 /* list */

	struct aigw_conf *conf; /* the file, which owns what is above */
	char *const *operands;
	int n_operands;
};

#define ROW(NAME, TYPE, FIELD, ...) \
	{ \
		.name = NAME, .type = AIGW_OPT_##TYPE, \
		.offset = offsetof(struct args, FIELD), __VA_ARGS__ \
	}

static const struct aigw_opt where_opts[] = {
	ROW("config", STRING, config, .letter = 'c', .arg = "FILE",
	    .help = "the configuration whose section `auth` says where the "
		    "files are"),
	ROW("keys", PATH, home.keys, .arg = "FILE",
	    .help = "the store (default keys.jsonl in $XDG_STATE_HOME/aigw)"),
	ROW("pepper", PATH, home.pepper, .arg = "FILE",
	    .help = "the key of the hashes in it (default pepper in the same "
		    "folder; made when the store is)"),
	ROW("loose", FLAG, home.loose, .fallback = "false",
	    .help = "take a pepper that others can read"),
	ROW("help", FLAG, help, .letter = 'h', .fallback = "false",
	    .help = "say this and end"),
	ROW("version", FLAG, version, .letter = 'V', .fallback = "false",
	    .help = "say the version and end"),
	{.type = AIGW_OPT_END},
};

/* The rows of `auth` in a configuration; what is not ours to read is `other`,
 * and aigw-auth will check it. */
static const struct aigw_opt conf_opts[] = {
	ROW("keys", PATH, home.keys),
	ROW("pepper", PATH, home.pepper),
	ROW("pepper-from", TREE, home.pepper_from),
	ROW("loose", FLAG, home.loose),
	ROW("unix", TREE, other),
	ROW("users", TREE, other),
	{.type = AIGW_OPT_END},
};

#define OUTPUT \
	ROW("output", STRING, output, .letter = 'o', .arg = "FILE", \
	    .help = "write the key there, mode 0600; it must not exist; " \
		    "- is standard output")

static const struct aigw_opt new_opts[] = {
	ROW("models", LIST, models, .letter = 'm', .arg = "GLOB",
	    .help = "only models that match, like 'gpt-*'; may be repeated"),
	ROW("operations", LIST, operations, .arg = "GLOB",
	    .help = "only operations that match, like chat; may be repeated"),
	ROW("expires", STRING, expires, .letter = 'e', .arg = "WHEN",
	    .help = "90d, 2027-01-01 or 2027-01-01T12:00:00Z"),
	ROW("not-before", STRING, not_before, .arg = "WHEN",
	    .help = "not valid before"),
	ROW("owner", STRING, owner, .arg = "TEXT",
	    .help = "the person to ask about it"),
	ROW("note", STRING, note, .arg = "TEXT", .help = "what it is for"),
	OUTPUT,
	{.type = AIGW_OPT_END},
};

static const struct aigw_opt list_opts[] = {
	ROW("json", FLAG, json, .fallback = "false",
	    .help = "one JSON object a line"),
	{.type = AIGW_OPT_END},
};

static const struct aigw_opt rotate_opts[] = {
	ROW("overlap", TIME, overlap, .fallback = "24h", .arg = "TIME",
	    .help = "how long the secret before is still valid"),
	OUTPUT,
	{.type = AIGW_OPT_END},
};

static const struct aigw_opt no_opts[] = {{.type = AIGW_OPT_END}};

/* Files ------------------------------------------------------------------- */

/* The configuration counts where the command line is silent, so it is read
 * into a second struct and the gaps are filled from there. */
static int read_conf(struct args *a, struct aigw_err *err)
{
	struct args said = {0};
	int rc;

	if (aigw_config_open(a->config, &a->conf, err) < 0)
		return -1;
	if (!a->conf)
		return 0;
	rc = aigw_opts_conf(conf_opts, &said, aigw_conf_get(a->conf, "auth"),
			    NULL, err);
	if (rc == 0) {
		if (!a->home.pepper)
			a->home.pepper_from = said.home.pepper_from;
		a->home.loose |= said.home.loose;
		if (!a->home.keys) {
			a->home.keys = said.home.keys;
			said.home.keys = NULL;
		}
		if (!a->home.pepper) {
			a->home.pepper = said.home.pepper;
			said.home.pepper = NULL;
		}
	}
	aigw_opts_release(conf_opts, &said);
	return rc;
}

static struct aigw_keys *read_store(const struct args *a, struct aigw_err *err)
{
	return aigw_keyhome_keys(&a->home, NULL, NULL, err);
}

/* A new pepper beside keys that were hashed with another would look right and
 * fit none of them: it is made only while there are no keys. */
static int first_pepper(const struct args *a, struct aigw_err *err)
{
	struct aigw_keys *keys;
	bool any;

	if (access(a->home.pepper, F_OK) == 0)
		return 0;
	keys = read_store(a, err);
	if (!keys && !(err->code && !strcmp(err->code, "no_store")))
		return -1;
	any = keys && aigw_keys_count(keys) > 0;
	aigw_keys_free(keys);
	if (any)
		return aigw_fail(err,
				 "%s: no such file, but %s has keys that need "
				 "it",
				 a->home.pepper, a->home.keys);
	return aigw_pepper_create(a->home.pepper, err);
}

/* A new secret --------------------------------------------------------- */

struct fresh {
	struct aigw_secret *key;
	unsigned char mac[AIGW_KEY_MAC];
	int64_t pepper_v;
	bool written; /* to a file */
};

static bool to_stdout(const struct args *a)
{
	return !a->output || strcmp(a->output, "-") == 0;
}

/* A key in a pipe or a log is one that leaked: it has to be asked for. */
static int check_output(const struct args *a, struct aigw_err *err)
{
	if (a->output || isatty(STDOUT_FILENO))
		return 0;
	return aigw_fail_as(err, USAGE,
			    "standard output is no terminal: -o FILE writes "
			    "the key to a file, -o - to standard output");
}

static int make_secret(const struct args *a, const char *id, struct fresh *f,
		       struct aigw_err *err)
{
	struct aigw_pepper *pepper;
	const char *key;
	size_t len;
	int rc = -1;

	if (!a->home.pepper_from && first_pepper(a, err) < 0)
		return -1;
	pepper = aigw_keyhome_pepper(&a->home, err);
	if (!pepper)
		return -1;
	f->key = aigw_key_new(id, err);
	if (f->key) {
		key = aigw_secret_bytes(f->key, &len);
		f->pepper_v = aigw_pepper_newest(pepper);
		rc = aigw_pepper_mac(pepper, f->pepper_v, key, len, f->mac,
				     err);
	}
	aigw_pepper_free(pepper);
	return rc;
}

/* Before the store: a key that nobody could keep must not become valid. */
static int write_secret(const struct args *a, struct fresh *f,
			struct aigw_err *err)
{
	char line[AIGW_KEY_LEN + 1];
	int rc;

	if (to_stdout(a))
		return 0;
	memcpy(line, aigw_secret_bytes(f->key, NULL), AIGW_KEY_LEN);
	line[AIGW_KEY_LEN] = '\n';
	rc = aigw_file_create(a->output, line, sizeof(line), err);
	explicit_bzero(line, sizeof(line));
	if (rc == 1)
		rc = aigw_fail(err, "%s: exists already", a->output);
	f->written = rc == 0;
	return rc;
}

/* After the store: the key itself, or the id of the one that is in the file. */
static int show_secret(const struct args *a, const char *id,
		       const struct fresh *f, struct aigw_err *err)
{
	if (!to_stdout(a)) {
		printf("%s\n", id);
	} else {
		/* unbuffered: stdio's copy would outlive the secret */
		setvbuf(stdout, NULL, _IONBF, 0);
		fwrite(aigw_secret_bytes(f->key, NULL), 1, AIGW_KEY_LEN,
		       stdout);
		putchar('\n');
	}
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return aigw_fail_as(err, AIGW_E_INTERNAL, "output",
			    "key %s is valid but could not be shown: revoke it",
			    id);
}

/* The store did not take it. */
static void take_back(const struct args *a, const struct fresh *f)
{
	if (f->written)
		unlink(a->output);
}

/* Commands ---------------------------------------------------------------- */

/* "90d" from now, "2027-01-01", or all of it. */
static int read_when(const char *s, int64_t now, int64_t *when,
		     struct aigw_err *err)
{
	static const struct aigw_opt span[] = {{.name = "span",
						.type = AIGW_OPT_TIME},
					       {.type = AIGW_OPT_END}};
	char full[AIGW_UTC_LEN + 1];
	int64_t ms;

	if (!s)
		return 0;
	if (strlen(s) == 10) {
		snprintf(full, sizeof(full), "%sT00:00:00Z", s);
		if (aigw_utc_parse(full, AIGW_UTC_LEN, when))
			return 0;
	}
	if (aigw_utc_parse(s, strlen(s), when))
		return 0;
	if (aigw_opts_set(span, &ms, "span", s, NULL) < 0)
		return aigw_fail_as(err, USAGE,
				    "\"%.40s\": want 90d, 2027-01-01 or "
				    "2027-01-01T12:00:00Z",
				    s);
	*when = now + ms / 1000;
	return 0;
}

/* A copy that ends with NULL; NULL itself for "no limit". */
static int word_list(const struct aigw_list *list, const char *const **words,
		     struct aigw_err *err)
{
	const char **copy;
	size_t i;

	*words = NULL;
	if (list->n == 0)
		return 0;
	copy = calloc(list->n + 1, sizeof(*copy));
	if (!copy)
		return aigw_fail(err, "out of memory");
	for (i = 0; i < list->n; i++)
		copy[i] = list->v[i];
	*words = copy;
	return 0;
}

static int describe(const struct args *a, struct aigw_key *key, int64_t now,
		    struct aigw_err *err)
{
	key->principal = a->operands[0];
	key->owner = a->owner;
	key->note = a->note;
	key->created = now;
	if (!aigw_principal_valid(key->principal, strlen(key->principal)))
		return aigw_fail_as(err, USAGE,
				    "PRINCIPAL: want 1 to 128 of A-Z a-z 0-9 "
				    ". _ @ + : / -, not beginning with unix:");
	if (read_when(a->expires, now, &key->expires, err) < 0)
		return aigw_fail_in(err, "--expires");
	if (read_when(a->not_before, now, &key->not_before, err) < 0)
		return aigw_fail_in(err, "--not-before");
	if (key->expires && key->expires <= now)
		return aigw_fail_as(err, USAGE, "--expires: is in the past");
	return 0;
}

static int run_new(const struct args *a, struct aigw_err *err)
{
	int64_t now = (int64_t)time(NULL);
	struct aigw_key key = {0};
	struct fresh f = {0};
	int rc = -1;

	if (check_output(a, err) < 0 || describe(a, &key, now, err) < 0 ||
	    word_list(&a->models, &key.models, err) < 0 ||
	    word_list(&a->operations, &key.operations, err) < 0 ||
	    aigw_key_random(key.id, AIGW_KEY_ID, err) < 0 ||
	    make_secret(a, key.id, &f, err) < 0)
		goto out;
	memcpy(key.mac, f.mac, sizeof(key.mac));
	key.pepper_v = f.pepper_v;
	if (write_secret(a, &f, err) < 0)
		goto out;
	rc = aigw_keys_add(a->home.keys, &key, err);
	if (rc < 0)
		take_back(a, &f);
	else
		rc = show_secret(a, key.id, &f, err);
out:
	aigw_secret_free(f.key);
	free((void *)(uintptr_t)key.models);
	free((void *)(uintptr_t)key.operations);
	return rc;
}

static int run_rotate(const struct args *a, struct aigw_err *err)
{
	int64_t now = (int64_t)time(NULL);
	const char *id = a->operands[0];
	struct fresh f = {0};
	int rc = -1;

	if (check_output(a, err) < 0)
		return -1;
	if (strlen(id) != AIGW_KEY_ID)
		return aigw_fail_as(err, AIGW_E_NOT_FOUND, "no_such_key",
				    "no key has the id %.20s", id);
	if (make_secret(a, id, &f, err) < 0 || write_secret(a, &f, err) < 0)
		goto out;
	rc = aigw_keys_rotate(a->home.keys, id, f.mac, f.pepper_v, now,
			      a->overlap / 1000, err);
	if (rc < 0)
		take_back(a, &f);
	else
		rc = show_secret(a, id, &f, err);
out:
	aigw_secret_free(f.key);
	return rc;
}

static int run_revoke(const struct args *a, struct aigw_err *err)
{
	return aigw_keys_revoke(a->home.keys, a->operands[0],
				(int64_t)time(NULL), err);
}

static int run_list(const struct args *a, struct aigw_err *err)
{
	int64_t now = (int64_t)time(NULL);
	struct aigw_keys *keys = read_store(a, err);
	struct aigw_buf out;
	int rc;

	if (!keys && err->code && !strcmp(err->code, "no_store"))
		keys = aigw_keys_parse(a->home.keys, NULL, 0, NULL, err);
	if (!keys)
		return -1;
	aigw_buf_init(&out, LIST_ROOM);
	rc = a->json ? aigw_keys_lines(keys, now, &out, err)
		     : aigw_keys_table(keys, now, &out, err);
	if (rc == 0 && (fwrite(out.data, 1, out.len, stdout) != out.len ||
			fflush(stdout) != 0))
		rc = aigw_fail_as(err, AIGW_E_INTERNAL, "output",
				  "standard output: %s", strerror(errno));
	aigw_buf_release(&out);
	aigw_keys_free(keys);
	return rc;
}

/* The command line -------------------------------------------------------- */

static const struct command {
	const char *name, *operand, *what;
	const struct aigw_opt *opts;
	int (*run)(const struct args *a, struct aigw_err *err);
} commands[] = {
	{"new", "PRINCIPAL", "make a key", new_opts, run_new},
	{"list", NULL, "who has one; never the keys", list_opts, run_list},
	{"revoke", "ID", "end a key now", no_opts, run_revoke},
	{"rotate", "ID", "give a key a new secret", rotate_opts, run_rotate},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void help(const struct command *only)
{
	const struct command *c;
	size_t i;

	fputs("  $ aigw keys new team-a/bob --models 'gpt-*' --expires 90d\n"
	      "  $ aigw keys new ci -o ci.key\n"
	      "  $ aigw keys list\n"
	      "  $ aigw keys rotate 3fG0aZ9k --overlap 24h -o bob.key\n"
	      "  $ aigw keys revoke 3fG0aZ9k\n\n",
	      stdout);
	for (i = 0; i < COMMANDS; i++) {
		c = &commands[i];
		if (only && c != only)
			continue;
		printf("aigw keys %s%s%s: %s\n", c->name, c->operand ? " " : "",
		       c->operand ? c->operand : "", c->what);
		aigw_opts_help(c->opts, stdout);
	}
	fputs("\nWith all of them:\n", stdout);
	aigw_opts_help(where_opts, stdout);
}

static const struct command *find_command(const char *name,
					  struct aigw_err *err)
{
	const char *words[COMMANDS + 1] = {NULL}, *near;
	size_t i;

	for (i = 0; i < COMMANDS; i++) {
		words[i] = commands[i].name;
		if (name && !strcmp(name, words[i]))
			return &commands[i];
	}
	near = name ? aigw_nearest(name, words) : NULL;
	if (!name)
		aigw_fail_as(err, USAGE,
			     "want new, list, revoke or rotate; --help says "
			     "more");
	else if (near)
		aigw_fail_as(err, USAGE,
			     "no command \"%.40s\"; did you mean %s?", name,
			     near);
	else
		aigw_fail_as(err, USAGE, "no command \"%.40s\"", name);
	return NULL;
}

static int run(const struct command *c, struct args *a, int argc, char **argv,
	       struct aigw_err *err)
{
	if (aigw_opts_defaults(where_opts, a, err) < 0 ||
	    aigw_opts_defaults(c->opts, a, err) < 0 ||
	    aigw_opts_argv(c->opts, a, where_opts, a, argc, argv,
			   &a->n_operands, NULL, err) < 0)
		return -1;
	a->operands = argv + 1;
	if (a->help || a->version) {
		if (a->help)
			help(c);
		else
			puts("aigw-keys " AIGW_VERSION);
		return 0;
	}
	if (a->n_operands != (c->operand ? 1 : 0))
		return aigw_fail_as(err, USAGE,
				    "usage: aigw keys %s [OPTION]... %s",
				    c->name, c->operand ? c->operand : "");
	if (read_conf(a, err) < 0 ||
	    aigw_keyhome_fill(&a->home, c->run == run_new, err) < 0)
		return -1;
	return c->run(a, err);
}

static enum aigw_exit exit_code(const struct aigw_err *err)
{
	static const struct {
		const char *code;
		enum aigw_exit exit;
	} known[] = {
		{"usage", AIGW_EXIT_USAGE},
		{"output", AIGW_EXIT_IO},
		{"invalid_config", AIGW_EXIT_CONFIG},
		{"invalid_store", AIGW_EXIT_DATA},
		{"no_such_key", AIGW_EXIT_DATA},
		{"key_revoked", AIGW_EXIT_DATA},
		{"key_ended", AIGW_EXIT_DATA},
		{"rotation_open", AIGW_EXIT_TEMPFAIL},
		{"no_store", AIGW_EXIT_NOINPUT},
		{"secret_unavailable", AIGW_EXIT_NOINPUT},
		{"secret_permissions", AIGW_EXIT_NOPERM},
	};
	size_t i;

	for (i = 0; err->code && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].code, err->code))
			return known[i].exit;
	return AIGW_EXIT_CANTCREAT;
}

int main(int argc, char **argv)
{
	const struct aigw_log log = {stderr, "aigw-keys", AIGW_WARNING};
	const char *name = argc > 1 ? argv[1] : NULL;
	const struct command *c;
	struct aigw_err err = {0};
	struct args a = {0};
	int rc;

	rc = aigw_program_init(&log);
	if (rc != 0)
		return rc;
	if (name && (!strcmp(name, "--help") || !strcmp(name, "-h"))) {
		help(NULL);
		return fflush(stdout) == 0 ? AIGW_EXIT_OK : AIGW_EXIT_IO;
	}
	if (name && (!strcmp(name, "--version") || !strcmp(name, "-V"))) {
		puts("aigw-keys " AIGW_VERSION);
		return fflush(stdout) == 0 ? AIGW_EXIT_OK : AIGW_EXIT_IO;
	}
	c = find_command(name, &err);
	rc = -1;
	if (c)
		rc = run(c, &a, argc - 1, argv + 1, &err);
	if (rc < 0)
		aigw_log(&log, AIGW_ERR, "%s", err.text);
	if (c)
		aigw_opts_release(c->opts, &a);
	aigw_opts_release(where_opts, &a);
	aigw_conf_free(a.conf);
	return rc < 0 ? exit_code(&err) : AIGW_EXIT_OK;
}
