/* SPDX-License-Identifier: Apache-2.0 */
/* models.c - the table of models */
#include "text/models.h"

#include <string.h>

#include "text/tokens.h"

static const struct aigw_model assumed_model = {
	"", true, "o200k_base", 3, 1, 3, false, AIGW_IMAGE_TILES, 85, 170};

const struct aigw_model *aigw_model_assumed(void)
{
	return &assumed_model;
}

static const struct aigw_model *find(const char *name, size_t len, bool prefix)
{
	for (unsigned i = 0; i < aigw_models_count; i++) {
		const struct aigw_model *m = &aigw_models[i];
		size_t n = strlen(m->name);

		if (m->prefix == prefix && (prefix ? n <= len : n == len) &&
		    !memcmp(name, m->name, n))
			return m;
	}
	return NULL;
}

const struct aigw_model *aigw_model_find(const char *name, size_t len)
{
	const struct aigw_model *m = find(name, len, false);

	return m ? m : find(name, len, true);
}

const char *aigw_encoding_for_model(const char *model, bool *assumed)
{
	const struct aigw_model *m = aigw_model_find(model, strlen(model));

	*assumed = !m;
	return m ? m->encoding : assumed_model.encoding;
}
