/* SPDX-License-Identifier: MIT */
#ifndef VM_BIRTH_H
#define VM_BIRTH_H

/**
 * What is kept of a machine's start while it lives, in a file of the run
 * folder, so that it outlives helio-vm: who started it, and which life it is.
 *
 *     incarnation 1f2e3d4c5b6a7988
 *     started-by vm:web/uid:1000
 */

#include <stddef.h>
#include <stdint.h>

enum { BIRTH_STARTED_BY_MAX_BYTES = 255 };

struct birth {
	uint64_t incarnation;                            /* random, not 0 */
	char started_by[BIRTH_STARTED_BY_MAX_BYTES + 1]; /* a principal */
};

/** Write it as the file `name`, whole or not at all. 0 or a negative errno. */
int birth_write(int folder_fd, const char *name, const struct birth *birth);

/**
 * Returns 0; -ENOENT when there is no such file; -EINVAL when it is none of
 * ours; or another negative errno.
 */
int birth_read(int folder_fd, const char *name, struct birth *ret_birth);

#endif
