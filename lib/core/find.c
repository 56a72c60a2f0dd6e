/* SPDX-License-Identifier: Apache-2.0 */
/* find.c - where the configuration and our programs are */
#include "core/find.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_CONFIG "/etc/aigw/aigw.yaml"
#define USER_CONFIG "aigw/aigw.yaml"

/* The configuration ------------------------------------------------------ */

static const char *env(const char *name)
{
	const char *s = getenv(name);

	return s && *s ? s : NULL;
}

static int join(char path[AIGW_PATH_MAX], const char *a, const char *b,
		struct aigw_err *err)
{
	int n = snprintf(path, AIGW_PATH_MAX, "%s%s%s", a, *b ? "/" : "", b);

	if (n >= 0 && n < AIGW_PATH_MAX)
		return 0;
	path[0] = '\0';
	return aigw_fail(err, "%.60s…: the path is too long", a);
}

static bool is_there(const char *path)
{
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* The path of the user's file; empty when there is no home. */
static int user_config(char path[AIGW_PATH_MAX], struct aigw_err *err)
{
	const char *dir = env("XDG_CONFIG_HOME"), *home = env("HOME");

	path[0] = '\0';
	if (dir && dir[0] == '/')
		return join(path, dir, USER_CONFIG, err);
	if (home && home[0] == '/')
		return join(path, home, ".config/" USER_CONFIG, err);
	return 0;
}

int aigw_config_find(const char *flag, char path[AIGW_PATH_MAX],
		     enum aigw_config_rule *rule, struct aigw_err *err)
{
	const char *named = flag ? flag : env("AIGW_CONFIG");

	*rule = flag ? AIGW_CONFIG_FLAG : AIGW_CONFIG_ENV;
	if (named)
		return join(path, named, "", err);
	*rule = AIGW_CONFIG_USER;
	if (user_config(path, err) < 0)
		return -1;
	if (path[0] && is_there(path))
		return 0;
	*rule = AIGW_CONFIG_HOST;
	if (is_there(HOST_CONFIG))
		return join(path, HOST_CONFIG, "", err);
	*rule = AIGW_CONFIG_NONE;
	path[0] = '\0';
	return 0;
}

const char *aigw_config_rule_name(enum aigw_config_rule rule)
{
	static const char *const names[] = {
		[AIGW_CONFIG_FLAG] = "-c",
		[AIGW_CONFIG_ENV] = "$AIGW_CONFIG",
		[AIGW_CONFIG_USER] = "the user's configuration folder",
		[AIGW_CONFIG_HOST] = "the host's configuration folder",
		[AIGW_CONFIG_NONE] = "none found: every option has its default",
	};

	return names[rule];
}

/* Programs --------------------------------------------------------------- */

/* Called with a folder; other than 0 ends the walk. */
typedef int (*folder_fn)(void *arg, const char *folder);

/* A relative folder in a path would run what lies in the current folder. */
static int each_of(const char *list, folder_fn fn, void *arg)
{
	char folder[AIGW_PATH_MAX];
	size_t n;
	int rc = 0;

	while (rc == 0 && list && *list) {
		n = strcspn(list, ":");
		if (*list == '/' && n < sizeof(folder)) {
			memcpy(folder, list, n);
			folder[n] = '\0';
			rc = fn(arg, folder);
		}
		list += n + (list[n] == ':');
	}
	return rc;
}

static int each_folder(folder_fn fn, void *arg)
{
	char self[AIGW_PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;
	int rc = 0;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			*slash = '\0';
			rc = fn(arg, self);
		}
	}
	if (rc == 0)
		rc = each_of(env("AIGW_EXEC_PATH"), fn, arg);
	if (rc == 0)
		rc = each_of(env("PATH"), fn, arg);
	return rc;
}

struct search {
	const char *name;
	char *path; /* AIGW_PATH_MAX */
};

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

static int try_folder(void *arg, const char *folder)
{
	const struct search *s = arg;

	return join(s->path, folder, s->name, NULL) == 0 && is_program(s->path);
}

int aigw_program_find(const char *name, char path[AIGW_PATH_MAX],
		      struct aigw_err *err)
{
	struct search s = {.name = name, .path = path};

	if (name[0] && !strchr(name, '/') && each_folder(try_folder, &s))
		return 0;
	path[0] = '\0';
	return aigw_fail_as(err, AIGW_E_NOT_FOUND, "not_found",
			    "%.64s: no such program", name);
}

struct visit {
	aigw_program_fn fn;
	void *arg;
};

static int read_folder(void *arg, const char *folder)
{
	const struct visit *v = arg;
	char path[AIGW_PATH_MAX];
	struct dirent *e;
	DIR *dir = opendir(folder);
	int rc = 0;

	while (dir && rc == 0 && (e = readdir(dir))) {
		if (strncmp(e->d_name, "aigw-", 5) == 0 &&
		    join(path, folder, e->d_name, NULL) == 0 &&
		    is_program(path))
			rc = v->fn(v->arg, e->d_name);
	}
	if (dir)
		closedir(dir);
	return rc;
}

int aigw_programs_each(aigw_program_fn fn, void *arg)
{
	struct visit v = {.fn = fn, .arg = arg};

	return each_folder(read_folder, &v);
}
