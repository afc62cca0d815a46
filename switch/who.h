/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_WHO_H
#define SWITCH_WHO_H

/**
 * Patterns of principals, as policy and quotas write them.
 *
 * A pattern is a principal's path in which `*` stands for any run of bytes but
 * `/`, also none. A last part that is `**` takes in the whole subtree and the
 * path itself; `**` alone takes in everybody.
 */

#include <stdbool.h>
#include <stddef.h>

struct who {
	const char *text; /* borrowed; a last `**` is cut off */
	size_t n;
	bool is_subtree;
};

/** Returns NULL, or what is wrong with the text, for people. */
const char *who_parse(const char *text, size_t n, struct who *ret_who);

bool who_matches(const struct who *who, const char *path, size_t n_path);

#endif
