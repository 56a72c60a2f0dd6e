/* SPDX-License-Identifier: Apache-2.0 */
/* filter-main.c - main() of aigw-<name>, built once for each filter */
#include "host.h"

#define JOIN(a, b) a##b
#define SYMBOL(name) JOIN(aigw_filter_, name)

extern const struct aigw_filter SYMBOL(AIGW_FILTER);

int main(int argc, char **argv)
{
	return aigw_filter_main(&SYMBOL(AIGW_FILTER), argc, argv);
}
