/* SPDX-License-Identifier: Apache-2.0 */
/* keyhome.c - where the keys of this gateway are: a store and its pepper */
#include "state/keyhome.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* All folders on the way to a file; `path` is as it was afterwards. */
static int make_folders(char *path, struct aigw_err *err)
{
	char *slash;
	int rc = 0;

	for (slash = strchr(path + 1, '/'); slash && rc == 0;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			rc = aigw_fail(err, "%s: %s", path, strerror(errno));
		*slash = '/';
	}
	return rc;
}

static int fill(char **path, const char *name, bool make, struct aigw_err *err)
{
	struct aigw_buf b;
	int rc;

	if (*path)
		return 0;
	aigw_buf_init(&b, PATH_MAX);
	rc = aigw_keys_path(name, &b, err);
	if (rc == 0 && make)
		rc = make_folders(b.data, err);
	if (rc == 0)
		*path = aigw_buf_take(&b, NULL);
	if (rc == 0 && !*path)
		rc = aigw_fail(err, "out of memory");
	aigw_buf_release(&b);
	return rc;
}

int aigw_keyhome_fill(struct aigw_keyhome *home, bool make,
		      struct aigw_err *err)
{
	if (fill(&home->keys, "keys.jsonl", make, err) < 0)
		return -1;
	return fill(&home->pepper, "pepper", make, err);
}

struct aigw_pepper *aigw_keyhome_pepper(const struct aigw_keyhome *home,
					struct aigw_err *err)
{
	struct aigw_pepper *pepper;
	struct aigw_secret *text;

	text = home->pepper_from
		       ? aigw_secret_conf(home->pepper_from, err)
		       : aigw_secret_file(home->pepper, home->loose, err);
	if (!text)
		return NULL;
	pepper = aigw_pepper_new(text, err);
	aigw_secret_free(text);
	return pepper;
}

struct aigw_keys *aigw_keyhome_keys(const struct aigw_keyhome *home,
				    const struct aigw_pepper *pepper,
				    struct aigw_stamp *stamp,
				    struct aigw_err *err)
{
	struct aigw_keys *keys = NULL;
	struct aigw_buf text;

	aigw_buf_init(&text, AIGW_KEYS_BYTES + 64 * 1024);
	if (aigw_keys_read(home->keys, home->loose, &text, stamp, err) == 0)
		keys = aigw_keys_parse(home->keys, text.data, text.len, pepper,
				       err);
	aigw_buf_release(&text);
	return keys;
}
