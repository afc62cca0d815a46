/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_SMALL_DISK_H
#define TESTS_TORTURE_SMALL_DISK_H

/**
 * A file system in memory that is soon full, and that this process and its
 * children alone see: it is gone with them.
 */

#include <stdint.h>

struct small_disk {
	char path[192];
	char ballast[256]; /* a file that takes the room away */
};

/** Mount it at `path`, which is made. Once, before there are other threads. */
void small_disk_open(struct small_disk *disk, const char *path,
		     uint64_t n_bytes);
void small_disk_close(struct small_disk *disk);

/** Leave so much room, or a little less. Others may write meanwhile. */
void small_disk_fill(const struct small_disk *disk, uint64_t n_left);
void small_disk_make_room(const struct small_disk *disk);

#endif
