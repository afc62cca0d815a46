/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_REGISTRY_CAGE_H
#define REGISTRY_REGISTRY_CAGE_H

/**
 * What this process gives up before it reads a stranger's bytes: should a
 * descriptor ever break it, little can be done from in here.
 *
 * - 1 GiB of memory, 256 descriptors, 64 MiB of a file, no core;
 * - no new rights by exec;
 * - of the file system only the store's folder, where the kernel has Landlock;
 * - of system calls those that it needs: others fail with EPERM. An address of
 *   a module (tcp, vchan) needs more of them, and goes without this.
 *
 * A build with a sanitizer, which needs more of everything, keeps its rights.
 */

/**
 * `folder` is the store's. Returns 0, or a negative errno when the kernel
 * refuses what it has; what it does not have is no error.
 */
int registry_cage_enter(int folder, const char *address);

#endif
