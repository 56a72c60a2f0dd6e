/* SPDX-License-Identifier: Apache-2.0 */
/* pairs.h - NAME=VALUE arguments as a JSON object */
#ifndef AIGW_EDGE_PAIRS_H
#define AIGW_EDGE_PAIRS_H

#include "core/err.h"
#include "core/json.h"
#include "core/opt.h"

/* NAME=TEXT: members that are strings; a name twice is an error. The caller
 * frees. */
struct aigw_doc *aigw_pairs_text(const struct aigw_list *list,
				 struct aigw_err *err) AIGW_MUST_CHECK;

/* NAME=JSON: dots in the name lead into objects, the last value of a name
 * wins. The caller frees. */
struct aigw_doc *aigw_pairs_json(const struct aigw_list *list,
				 struct aigw_err *err) AIGW_MUST_CHECK;

#endif
