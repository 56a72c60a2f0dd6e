/* SPDX-License-Identifier: Apache-2.0 */
/* report.h - programs that read the configuration and print a page about it */
#ifndef AIGW_CORE_REPORT_H
#define AIGW_CORE_REPORT_H

#include "core/chainfile.h"

#define AIGW_REPORT_MAX (16 * 1024 * 1024) /* bytes of a page */

struct aigw_report {
	const char *program;  /* "aigw-list" */
	const char *summary;  /* one line */
	const char *examples; /* lines, each "  $ …" */
	const char *usage;    /* what follows "[OPTION]..." */
	/*
	 * Put the page into `out`: text, or one line of JSON. `words` are the
	 * operands. Returns 0, or an exit code with err.
	 */
	int (*print)(const struct aigw_chainfile *cf, bool json,
		     const struct aigw_list *words, struct aigw_buf *out,
		     struct aigw_err *err);
};

/* main(): options, configuration, page, exit code. */
int aigw_report_main(const struct aigw_report *report,
		     const struct aigw_filter *const *filters, int argc,
		     char **argv);

/* {"name":…,"filter":…,"body":…,"at":… and for a foreign stage "exec":[…]: an
 * object left open. */
void aigw_report_stage(struct aigw_json *w, const struct aigw_stage_conf *sc);

#endif
