/* SPDX-License-Identifier: Apache-2.0 */
/* chainfile.h - aigw.yaml(5) as a list of stages */
#ifndef AIGW_CORE_CHAINFILE_H
#define AIGW_CORE_CHAINFILE_H

#include "aigw.h"
#include "core/find.h"

#define AIGW_CHAIN_MAX 64 /* stages in a chain */

/* How a stage runs. */
enum aigw_body {
	AIGW_BODY_LINKED, /* in the process of the chain */
	AIGW_BODY_PIPED,  /* aigw-NAME, a process of its own */
	AIGW_BODY_FOREIGN /* any program */
};

/* One stage as the configuration describes it. All but what is marked is
 * borrowed from the chain file or from the table of filters. */
struct aigw_stage_conf {
	const struct aigw_filter *filter; /* NULL: foreign */
	enum aigw_body body;
	char *name;	       /* owned; unique: "count", "count#2" */
	struct aigw_list exec; /* owned; foreign: the program, no shell */
	char *deadline;	       /* owned; not linked: as written, or NULL */
	char *queue;	       /* owned; the same */
	bool resend;	       /* a new child gets what the last left open */
	const struct aigw_conf *node;	 /* the item of `chain:` */
	const struct aigw_conf *section; /* the filter's section, or NULL */
	const struct aigw_conf *options; /* the item's own, or NULL */
};

struct aigw_chainfile {
	struct aigw_conf *conf;	   /* the file; NULL when there is none */
	struct aigw_conf *builtin; /* the default chain, when it is used */
	char path[AIGW_PATH_MAX];  /* "" when there is none */
	enum aigw_config_rule rule;
	const char *log_flag; /* "-q", "-v" or NULL: for piped stages too */
	struct aigw_stage_conf *stages;
	size_t n;
};

/*
 * Find, read and check a configuration: `flag` as for aigw_config_find(),
 * `filters` ends with NULL. Sections of filters that the chain does not use
 * are checked too. On failure there is nothing to release.
 */
int aigw_chainfile_load(struct aigw_chainfile *cf, const char *flag,
			const struct aigw_filter *const *filters,
			struct aigw_err *err) AIGW_MUST_CHECK;
void aigw_chainfile_release(struct aigw_chainfile *cf);

/* The word of a body: "linked". */
const char *aigw_body_name(enum aigw_body body);

/*
 * A new instance of the stage's filter with its options filled: defaults, then
 * the section, then the item's options. For aigw_chain_take(); the caller
 * owns it. `origin`, or NULL, has a slot a row. Not for foreign stages.
 */
void *aigw_stage_conf_fill(const struct aigw_stage_conf *sc,
			   struct aigw_origin *origin,
			   struct aigw_err *err) AIGW_MUST_CHECK;

/*
 * The same for a stage that is not linked: an instance of `exec`
 * (aigw_filter_exec). A piped filter is found by aigw_program_find(); it gets
 * the configuration as -c FILE and the item's options as flags.
 */
void *aigw_stage_conf_child(const struct aigw_chainfile *cf,
			    const struct aigw_stage_conf *sc,
			    const struct aigw_filter *exec,
			    struct aigw_err *err) AIGW_MUST_CHECK;

#endif
