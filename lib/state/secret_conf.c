/* SPDX-License-Identifier: Apache-2.0 */
/* secret_conf.c - a secret from where a map of the configuration says it is */
#include "state/secret.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/buf.h"

#define COMMAND_SECONDS 10 /* what a command gets unless configured */

static int number(const struct aigw_conf *node, int min, int max, int *n,
		  struct aigw_err *err)
{
	const char *s = aigw_conf_str(node);
	char *end = NULL;
	long v = 0;

	errno = 0;
	if (s && *s >= '0' && *s <= '9')
		v = strtol(s, &end, 10);
	if (!end || *end || errno || v < min || v > max)
		return aigw_conf_fail(node, err, "a number from %d to %d", min,
				      max);
	*n = (int)v;
	return 0;
}

static struct aigw_secret *conf_file(const struct aigw_conf *map,
				     const struct aigw_conf *node,
				     struct aigw_err *err)
{
	const struct aigw_conf *flag = aigw_conf_get(map, "loose");
	const char *name = aigw_conf_str(node);
	struct aigw_secret *s = NULL;
	struct aigw_buf path;
	bool loose = false;

	aigw_buf_init(&path, PATH_MAX);
	if (flag && aigw_conf_bool(flag, &loose, err) < 0)
		goto out;
	if (name[0] != '/' && (aigw_buf_str(&path, aigw_conf_dir(node)) < 0 ||
			       aigw_buf_str(&path, "/") < 0))
		goto too_long;
	if (aigw_buf_add(&path, name, strlen(name) + 1) < 0)
		goto too_long;
	s = aigw_secret_file(path.data, loose, err);
	goto out;
too_long:
	aigw_fail_as(err, AIGW_E_INTERNAL, "secret_unavailable",
		     "path too long");
out:
	aigw_buf_release(&path);
	return s;
}

static struct aigw_secret *conf_fd(const struct aigw_conf *map,
				   const struct aigw_conf *node,
				   struct aigw_err *err)
{
	int fd;

	(void)map;
	if (number(node, 3, INT_MAX, &fd, err) < 0)
		return NULL;
	return aigw_secret_fd(fd, err);
}

static struct aigw_secret *conf_credential(const struct aigw_conf *map,
					   const struct aigw_conf *node,
					   struct aigw_err *err)
{
	(void)map;
	return aigw_secret_credential(aigw_conf_str(node), err);
}

static struct aigw_secret *conf_env(const struct aigw_conf *map,
				    const struct aigw_conf *node,
				    struct aigw_err *err)
{
	(void)map;
	return aigw_secret_env(aigw_conf_str(node), err);
}

static struct aigw_secret *conf_command(const struct aigw_conf *map,
					const struct aigw_conf *node,
					struct aigw_err *err)
{
	const struct aigw_conf *limit = aigw_conf_get(map, "timeout");
	size_t i, n = aigw_conf_len(node);
	struct aigw_secret *s = NULL;
	int seconds = COMMAND_SECONDS;
	char **argv;

	if (limit && number(limit, 1, 600, &seconds, err) < 0)
		return NULL;
	argv = calloc(n + 1, sizeof(*argv));
	if (!argv) {
		aigw_fail_as(err, AIGW_E_INTERNAL, "secret_unavailable",
			     "out of memory");
		return NULL;
	}
	for (i = 0; i < n; i++) {
		/* execve() takes char *const[] and changes nothing */
		argv[i] = (char *)aigw_conf_str(aigw_conf_at(node, i));
		if (!argv[i])
			break;
	}
	if (n == 0 || i < n)
		aigw_conf_fail(node, err, "command: a list of words");
	else
		s = aigw_secret_command(argv, seconds * 1000, err);
	free(argv);
	return s;
}

static const struct {
	const char *key, *also; /* `also` may stand beside it */
	enum aigw_conf_kind kind;
	struct aigw_secret *(*get)(const struct aigw_conf *map,
				   const struct aigw_conf *node,
				   struct aigw_err *err);
} sources[] = {
	{"file", "loose", AIGW_CONF_SCALAR, conf_file},
	{"fd", NULL, AIGW_CONF_SCALAR, conf_fd},
	{"credential", NULL, AIGW_CONF_SCALAR, conf_credential},
	{"env", NULL, AIGW_CONF_SCALAR, conf_env},
	{"command", "timeout", AIGW_CONF_LIST, conf_command},
};
#define SOURCES (sizeof(sources) / sizeof(sources[0]))

struct aigw_secret *aigw_secret_conf(const struct aigw_conf *node,
				     struct aigw_err *err)
{
	size_t i, known = 0;
	const struct aigw_conf *source = NULL;
	struct aigw_secret *s;

	if (aigw_conf_kind(node) != AIGW_CONF_MAP) {
		aigw_conf_fail(node, err,
			       "a map that says where the secret is: "
			       "{file: PATH}, {fd: N}, {credential: NAME}, "
			       "{env: NAME} or {command: [WORD, ...]}");
		return NULL;
	}
	for (i = 0; i < SOURCES && !source; i++)
		source = aigw_conf_get(node, sources[i].key);
	if (source) {
		i--;
		known = 1 + (sources[i].also &&
			     aigw_conf_get(node, sources[i].also));
	}
	if (!source || aigw_conf_len(node) != known) {
		aigw_conf_fail(node, err,
			       "exactly one of file (and loose), fd, "
			       "credential, env, command (and timeout)");
		return NULL;
	}
	if (aigw_conf_kind(source) != sources[i].kind ||
	    aigw_conf_null(source)) {
		aigw_conf_fail(source, err, "%s: %s", sources[i].key,
			       sources[i].kind == AIGW_CONF_LIST
				       ? "a list of words"
				       : "a word");
		return NULL;
	}
	s = sources[i].get(node, source, err);
	if (!s && err && !(err->code && !strcmp(err->code, "invalid_config")))
		aigw_fail_in(err, "%s", aigw_conf_where(source));
	return s;
}
