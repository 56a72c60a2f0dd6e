/* SPDX-License-Identifier: Apache-2.0 */
/* mask.c - hide personal data and secrets in prompts, restore them in answers
 */
#include <string.h>

#include "mask.h"

static const char *const scopes[] = {"principal", "all", NULL};
static const char *const pass_or_refuse[] = {"pass", "refuse", NULL};
static const char *const refuse_or_pass[] = {"refuse", "pass", NULL};

#define AT(field) offsetof(struct mask, field)

static const struct aigw_opt opts[] = {
	{.name = "op",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(ops),
	 .arg = "TYPE=OP",
	 .help = "token, redact, mask, hash or keep for a type (or for *)"},
	{.name = "skip",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(off),
	 .arg = "TYPE",
	 .help = "do not look for this type"},
	{.name = "pattern",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(patterns),
	 .arg = "NAME=REGEX",
	 .help = "a type of your own: a PCRE2 pattern over bytes"},
	{.name = "deny",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(deny),
	 .arg = "TERM",
	 .help = "mask this term wherever it is a whole word"},
	{.name = "deny-file",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(deny_files),
	 .arg = "FILE",
	 .help = "terms to mask, one a line"},
	{.name = "allow",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(allow),
	 .arg = "TERM",
	 .help = "never mask exactly this"},
	{.name = "allow-file",
	 .type = AIGW_OPT_LIST,
	 .offset = AT(allow_files),
	 .arg = "FILE",
	 .help = "terms never to mask, one a line"},
	{.name = "keep-local-ip",
	 .type = AIGW_OPT_FLAG,
	 .offset = AT(keep_local_ip),
	 .fallback = "false",
	 .help = "leave private, loopback and documentation addresses"},
	{.name = "restore-urls",
	 .type = AIGW_OPT_FLAG,
	 .offset = AT(restore_urls),
	 .fallback = "false",
	 .help = "restore tokens inside URLs of an answer too"},
	{.name = "scope",
	 .type = AIGW_OPT_ENUM,
	 .offset = AT(scope),
	 .fallback = "principal",
	 .words = scopes,
	 .help = "where equal values get equal tokens"},
	{.name = "media",
	 .type = AIGW_OPT_ENUM,
	 .offset = AT(media),
	 .fallback = "pass",
	 .words = pass_or_refuse,
	 .help = "images, sound and files, which are not looked into"},
	{.name = "numbers",
	 .type = AIGW_OPT_ENUM,
	 .offset = AT(numbers),
	 .fallback = "refuse",
	 .words = refuse_or_pass,
	 .help = "card numbers written as JSON numbers"},
	{.name = "token-ids",
	 .type = AIGW_OPT_ENUM,
	 .offset = AT(token_ids),
	 .fallback = "refuse",
	 .words = refuse_or_pass,
	 .help = "prompts given as token ids"},
	{.name = "state-key",
	 .type = AIGW_OPT_PATH,
	 .offset = AT(state_key),
	 .arg = "FILE",
	 .help = "key of tokens and of the sealed map (without this option "
		 "state.key in $XDG_STATE_HOME/aigw, made on first use)"},
	{.name = "loose",
	 .type = AIGW_OPT_FLAG,
	 .offset = AT(loose),
	 .fallback = "false",
	 .help = "take a state key that others can read"},
	{.name = "spans",
	 .type = AIGW_OPT_FLAG,
	 .offset = AT(spans),
	 .fallback = "false",
	 .help = "read {\"id\",\"text\"} lines and say what is found where"},
	{0},
};

static const struct aigw_mode modes[] = {{"spans", mask_spans}, {0}};

static int find_type(const struct mask *m, const char *name, size_t len)
{
	for (size_t i = 0; i < m->kinds; i++) {
		if (strlen(m->names[i]) == len &&
		    !memcmp(m->names[i], name, len))
			return (int)i;
	}
	return -1;
}

/* The nearest name of a type, for "did you mean". */
static int no_type(const struct mask *m, const char *name, size_t len,
		   struct aigw_err *err)
{
	const char *names[MASK_KINDS + 1] = {0};
	char word[MASK_NAME_MAX + 1];
	const char *near;

	memcpy(names, m->names, m->kinds * sizeof(*names));
	len = len > MASK_NAME_MAX ? MASK_NAME_MAX : len;
	memcpy(word, name, len);
	word[len] = 0;
	near = aigw_nearest(word, names);
	return aigw_fail(err, "%s is no type%s%s%s", word,
			 near ? ": did you mean " : "", near ? near : "",
			 near ? "?" : "");
}

/* A type's name goes into tokens: UPPER_SNAKE, and new. */
static int add_type(struct mask *m, const char *name, size_t len,
		    struct aigw_err *err)
{
	const size_t user = m->kinds - MASK_TYPES;

	if (user == MASK_USER_TYPES)
		return aigw_fail(err, "more than %d patterns", MASK_USER_TYPES);
	if (!len || len > MASK_NAME_MAX)
		return aigw_fail(err, "a type's name has 1 to %d characters",
				 MASK_NAME_MAX);
	for (size_t i = 0; i < len; i++) {
		const char c = name[i];

		if (!(c >= 'A' && c <= 'Z') && c != '_' && !mask_digit(c))
			return aigw_fail(err, "a type's name has only A-Z, "
					      "0-9 and _");
	}
	if (find_type(m, name, len) >= 0)
		return aigw_fail(err, "%.*s is a type already", (int)len, name);
	memcpy(m->user_names[user], name, len);
	m->names[m->kinds++] = m->user_names[user];
	return 0;
}

static int read_patterns(struct mask *m, struct mask_user_pattern *out,
			 struct aigw_err *err)
{
	for (size_t i = 0; i < m->patterns.n; i++) {
		const char *row = m->patterns.v[i], *is = strchr(row, '=');

		if (!is)
			return aigw_fail(err, "pattern: expected NAME=REGEX");
		if (add_type(m, row, (size_t)(is - row), err))
			return aigw_fail_in(err, "pattern");
		out[i].type = (unsigned)m->kinds - 1;
		out[i].regex = is + 1;
	}
	return 0;
}

static int read_ops(struct mask *m, struct aigw_err *err)
{
	static const char *const words[] = {
		[MASK_TOKEN] = "token", [MASK_REDACT] = "redact",
		[MASK_STARS] = "mask",	[MASK_HASH] = "hash",
		[MASK_KEEP] = "keep",	NULL};

	for (size_t i = 0; i < m->kinds; i++)
		m->op[i] = i < MASK_TYPES && mask_types[i].secret ? MASK_REDACT
								  : MASK_TOKEN;
	for (size_t i = 0; i < m->ops.n; i++) {
		const char *row = m->ops.v[i], *is = strchr(row, '=');
		const size_t len = is ? (size_t)(is - row) : 0;
		const int type = is ? find_type(m, row, len) : -1;
		const bool all = len == 1 && *row == '*';
		int op = 0;

		if (!is)
			return aigw_fail(err, "op: expected TYPE=OP");
		if (type < 0 && !all)
			return no_type(m, row, len, err);
		while (words[op] && strcmp(words[op], is + 1))
			op++;
		if (!words[op])
			return aigw_fail(err,
					 "op: %.40s is none of token, "
					 "redact, mask, hash, keep",
					 is + 1);
		for (size_t k = 0; k < m->kinds; k++) {
			if (all || k == (size_t)type)
				m->op[k] = (enum mask_op)op;
		}
	}
	return 0;
}

static int read_words(struct mask_words **words, const struct aigw_list *terms,
		      const struct aigw_list *files, struct aigw_err *err)
{
	if (!terms->n && !files->n)
		return 0;
	*words = mask_words_new();
	if (!*words)
		return aigw_fail(err, "out of memory");
	for (size_t i = 0; i < terms->n; i++) {
		if (mask_words_add(*words, terms->v[i], strlen(terms->v[i]),
				   err))
			return -1;
	}
	for (size_t i = 0; i < files->n; i++) {
		if (mask_words_load(*words, files->v[i], err))
			return -1;
	}
	return 0;
}

static int make_finder(struct mask *m, struct aigw_err *err)
{
	struct mask_user_pattern mine[MASK_USER_TYPES];
	bool off[MASK_TYPES] = {false};
	struct mask_finder_opts o = {.off = off,
				     .patterns = mine,
				     .patterns_n = m->patterns.n,
				     .keep_local_ip = m->keep_local_ip};

	m->kinds = MASK_TYPES;
	for (size_t i = 0; i < MASK_TYPES; i++)
		m->names[i] = mask_types[i].name;
	for (size_t i = 0; i < m->off.n; i++) {
		const char *name = m->off.v[i];
		const int type = find_type(m, name, strlen(name));

		if (type < 0)
			return no_type(m, name, strlen(name), err);
		off[type] = true;
	}
	if (read_patterns(m, mine, err) || read_ops(m, err) ||
	    read_words(&m->deny_words, &m->deny, &m->deny_files, err) ||
	    read_words(&m->allow_words, &m->allow, &m->allow_files, err))
		return -1;
	o.deny = m->deny_words;
	o.allow = m->allow_words;
	m->finder = mask_finder_new(&o, err);
	return m->finder ? 0 : -1;
}

static int mask_open(void *self, struct aigw_stage *stage, struct aigw_err *err)
{
	struct mask *m = self;

	(void)stage;
	if (make_finder(m, err))
		return -1;
	return m->spans ? 0
			: mask_keys_load(&m->keys, m->state_key, m->loose, err);
}

static enum aigw_verdict mask_apply(void *self, struct aigw_env *env,
				    struct aigw_err *err)
{
	struct mask *m = self;
	int rc = 0;

	switch (aigw_env_kind(env)) {
	case AIGW_REQUEST:
		rc = mask_request(m, env, err);
		break;
	case AIGW_CHUNK:
		rc = mask_chunk(m, env, err);
		break;
	case AIGW_RESPONSE:
		rc = mask_stream_end(m, env, false, err);
		if (!rc)
			rc = mask_answer(m, env, err);
		break;
	case AIGW_ERROR:
		rc = mask_stream_end(m, env, false, err);
		if (!rc)
			(void)mask_error(m, env, err); /* or has tokens */
		break;
	case AIGW_CANCEL:
		rc = mask_stream_end(m, env, true, err);
		break;
	}
	return rc ? AIGW_FAILED : AIGW_NEXT;
}

static void mask_close(void *self)
{
	struct mask *m = self;

	mask_streams_free(m);
	mask_hits_release(&m->hits);
	mask_finder_free(m->finder);
	mask_words_free(m->deny_words);
	mask_words_free(m->allow_words);
	mask_keys_wipe(&m->keys);
}

AIGW_DEFINE_FILTER(mask) = {
	.name = "mask",
	.summary = "hide personal data and secrets in prompts, restore them "
		   "in answers",
	.examples = "  $ aigw prompt -e 'mail jane@example.com' | aigw-mask\n"
		    "  $ ... | aigw-mask | aigw-send | aigw-mask | aigw text\n"
		    "  $ aigw-mask --op EMAIL=redact --deny 'Project Falcon'\n"
		    "  $ aigw-mask --spans <texts.jsonl\n",
	.wants = AIGW_REQUEST | AIGW_CHUNK | AIGW_RESPONSE | AIGW_ERROR |
		 AIGW_CANCEL,
	.size = sizeof(struct mask),
	.opts = opts,
	.modes = modes,
	.open = mask_open,
	.apply = mask_apply,
	.close = mask_close,
};
