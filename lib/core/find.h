/* SPDX-License-Identifier: Apache-2.0 */
/* find.h - where the configuration and our programs are */
#ifndef AIGW_CORE_FIND_H
#define AIGW_CORE_FIND_H

#include <stddef.h>

#include "err.h"

#define AIGW_PATH_MAX 4096 /* bytes with the NUL, as PATH_MAX of Linux */

/* By which rule a configuration was found, in the order they are tried. */
enum aigw_config_rule {
	AIGW_CONFIG_FLAG, /* -c FILE */
	AIGW_CONFIG_ENV,  /* $AIGW_CONFIG, unless it is empty */
	AIGW_CONFIG_USER, /* $XDG_CONFIG_HOME/aigw/aigw.yaml, or ~/.config */
	AIGW_CONFIG_HOST, /* /etc/aigw/aigw.yaml */
	AIGW_CONFIG_NONE  /* none: every filter has its defaults */
};

/*
 * Find the configuration: `flag` is the value of -c, or NULL. A file that was
 * named need not exist (loading it says so); of the two others the first that
 * exists is taken, and one that may not be looked at is taken too, so that a
 * wrong permission is an error and not another configuration. `path` is empty
 * for AIGW_CONFIG_NONE. Directories are those of the XDG Base Directory
 * Specification 0.8.
 */
int aigw_config_find(const char *flag, char path[AIGW_PATH_MAX],
		     enum aigw_config_rule *rule,
		     struct aigw_err *err) AIGW_MUST_CHECK;

/* "-c", "$AIGW_CONFIG" … for people. */
const char *aigw_config_rule_name(enum aigw_config_rule rule);

/*
 * Find a program of ours, "aigw-mask": in the folder of the running program, in
 * the folders of $AIGW_EXEC_PATH, in those of $PATH (empty and relative ones
 * are skipped). Fails with class AIGW_E_NOT_FOUND and code not_found.
 */
int aigw_program_find(const char *name, char path[AIGW_PATH_MAX],
		      struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * Call `fn` with the name of every program beside, in $AIGW_EXEC_PATH and on
 * $PATH that begins with "aigw-"; a name may come more than once. It stops when
 * `fn` returns other than 0, and returns that.
 */
typedef int (*aigw_program_fn)(void *arg, const char *name);
int aigw_programs_each(aigw_program_fn fn, void *arg);

#endif
