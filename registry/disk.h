/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_DISK_H
#define REGISTRY_DISK_H

/**
 * Small files that are there as a whole or not at all, whatever happens to the
 * process or the machine.
 */

#include <stddef.h>
#include <stdint.h>

/**
 * Put `n` bytes into the file `name` of the folder in place of what it holds.
 * When it returns 0 they are on the disk. Otherwise a negative errno, and the
 * file holds what it held before; unless the last step failed, which makes the
 * new name last: then it holds one of the two.
 */
int disk_write(int folder, const char *name, const uint8_t *bytes, size_t n);

/**
 * Read a whole file. Returns 0, -ENOENT, -EFBIG when it is above `n_max`, or
 * another negative errno. The caller frees *ret_bytes.
 */
int disk_read(int folder, const char *name, size_t n_max, uint8_t **ret_bytes,
	      size_t *ret_n);

/** Take a file away for good. Returns 0 or a negative errno. */
int disk_remove(int folder, const char *name);

#endif
