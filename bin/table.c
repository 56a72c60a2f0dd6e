/* SPDX-License-Identifier: Apache-2.0 */
/* table.c - the linked filters, expanded from filters.def */
#include "host.h"

#define FILTER(name) extern const struct aigw_filter aigw_filter_##name;
#include "../filters/filters.def"
#undef FILTER

const struct aigw_filter *const aigw_filters[] = {
#define FILTER(name) &aigw_filter_##name,
#include "../filters/filters.def"
#undef FILTER
	NULL
};
