/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - one line on stderr, control bytes escaped, never a prompt */
#ifndef AIGW_CORE_LOG_H
#define AIGW_CORE_LOG_H

#include <stdio.h>

#include "err.h"

enum aigw_level { AIGW_ERR, AIGW_WARNING, AIGW_INFO, AIGW_DEBUG };

/*
 * Where messages go. The program's main owns it; everything below is handed a
 * pointer. NULL is silence.
 */
struct aigw_log {
	FILE *out;	      /* stderr */
	const char *program;  /* "aigw-mask" */
	enum aigw_level level; /* say this and what is worse */
};

/*
 * "aigw-mask: warning: text\n", in one write. Control bytes, invalid UTF-8 and
 * line ends inside are escaped (\x1b), length is bounded.
 */
void aigw_log(const struct aigw_log *log, enum aigw_level level,
	      const char *fmt, ...) AIGW_PRINTF(3, 4);

/* A line of a child's stderr: "aigw-run: [mask] line". */
void aigw_log_child(const struct aigw_log *log, const char *stage,
		    const char *line, size_t len);

#endif
