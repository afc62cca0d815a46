/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_PLACE_H
#define TESTS_TORTURE_DISK_PLACE_H

/** Folders of a test's own, in memory if there is such a file system. */

#include <stddef.h>

struct place {
	char path[128];
};

void place_init(struct place *place);
/** Removes all of it. A test that fails leaves it, and has said where. */
void place_deinit(struct place *place);

void place_make(const struct place *place, const char *name, char *ret_path,
		size_t n_path);
/** Remove what is in a folder. */
void place_empty(const char *folder);
/** Make `to`, which is empty, the same as `from`. */
void place_copy(const char *from, const char *to);

void place_sort(size_t *numbers, size_t n);

#endif
