/* SPDX-License-Identifier: MIT */
#ifndef VM_QEMU_ARGUMENTS_H
#define VM_QEMU_ARGUMENTS_H

/** The command line of a QEMU: words for exec, and no shell ever sees them. */

#include "vm/definition.h"

/** The descriptor by which QEMU gets the socket of its monitor, listening. */
enum { QEMU_MONITOR_FD = 3 };

/**
 * The words for `program`, NULL after the last. The machine stands still until
 * its monitor says "cont", so nothing of it is missed. Returns 0 or -ENOMEM.
 */
int qemu_arguments_new(const char *program, const struct definition *definition,
		       char ***ret_words);

/** NULL is fine. */
char **qemu_arguments_free(char **words);
DEFINE_CLEANUP(char **, qemu_arguments_free);

#endif
