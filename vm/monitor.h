/* SPDX-License-Identifier: MIT */
#ifndef VM_MONITOR_H
#define VM_MONITOR_H

/**
 * The socket of a machine's monitor: NAME.qmp in the run folder.
 *
 * It is made here and handed to QEMU, so that it can be connected to at once
 * and no wait for QEMU is needed. QEMU calls listen() on it too, and since then
 * the kernel tells QEMU's process id to whoever connects.
 */

#include <sys/types.h>

#include "vm/definition.h"

enum { MONITOR_FILE_BYTES = DEFINITION_NAME_MAX_BYTES + 16 };

/** The name of a machine's file: NAME, and a suffix as ".qmp". */
void monitor_file(const char *name, const char *suffix,
		  char ret_file[MONITOR_FILE_BYTES]);

/** Returns a listening descriptor, or a negative errno. */
int monitor_listen(int run_fd, const char *name);

/**
 * Returns a connected descriptor, non-blocking; -ENOENT or -ECONNREFUSED when
 * nobody has it open; or another negative errno.
 */
int monitor_connect(int run_fd, const char *name);

/** Whose socket it was when we connected: 0 or a negative errno. */
int monitor_peer(int fd, pid_t *ret_pid);

#endif
