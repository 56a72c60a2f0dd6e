/* SPDX-License-Identifier: Apache-2.0 */
/* keyhome.h - where the keys of this gateway are: a store and its pepper */
#ifndef AIGW_STATE_KEYHOME_H
#define AIGW_STATE_KEYHOME_H

#include "core/conf.h"
#include "state/keys.h"

/* Filled from options, which own the texts. */
struct aigw_keyhome {
	char *keys, *pepper;		     /* paths */
	const struct aigw_conf *pepper_from; /* instead of `pepper`, or NULL */
	bool loose;			     /* accept permissions that leak */
};

/* Fill the paths that are NULL with the defaults of aigw_keys_path(), from
 * malloc(); with `make`, also make the folder of a default, mode 0700. */
int aigw_keyhome_fill(struct aigw_keyhome *home, bool make,
		      struct aigw_err *err) AIGW_MUST_CHECK;

/* The caller frees both. `stamp` may be NULL; for `pepper` see
 * aigw_keys_parse(). Errors are those of aigw_keys_read() and of secret.h. */
struct aigw_pepper *aigw_keyhome_pepper(const struct aigw_keyhome *home,
					struct aigw_err *err) AIGW_MUST_CHECK;
struct aigw_keys *aigw_keyhome_keys(const struct aigw_keyhome *home,
				    const struct aigw_pepper *pepper,
				    struct aigw_stamp *stamp,
				    struct aigw_err *err) AIGW_MUST_CHECK;

#endif
