/* SPDX-License-Identifier: Apache-2.0 */
/* models.h - what is known of a model by its name: data/models.tsv */
#ifndef AIGW_TEXT_MODELS_H
#define AIGW_TEXT_MODELS_H

#include <stdbool.h>
#include <stddef.h>

enum aigw_image_rule {
	AIGW_IMAGE_TILES,  /* a: base, b: per 512x512 tile */
	AIGW_IMAGE_PATCHES /* a: per 1000 patches of 32x32, b: most patches */
};

struct aigw_model {
	const char *name;
	bool prefix; /* the name is the start of the model's */
	const char *encoding;
	int message, in_name, prime; /* tokens a chat adds: see the file */
	bool exact;		     /* they are published, and agree */
	enum aigw_image_rule image;
	int a, b;
};

/* The rows, made at build time; for models.c. */
extern const struct aigw_model aigw_models[];
extern const unsigned aigw_models_count;

/*
 * The first row that matches, whole names before beginnings; NULL when the
 * model is not in the table, which is no error: aigw_model_assumed() is then
 * what to count with, and to say so.
 */
const struct aigw_model *aigw_model_find(const char *name, size_t len);
const struct aigw_model *aigw_model_assumed(void);

#endif
