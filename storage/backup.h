/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKUP_H
#define STORAGE_BACKUP_H

/**
 * `helio-store backup`: a copy of a store, by another process than the one that
 * has it, while that goes on. It needs the file, and no bus.
 */

/** The words from `backup` on. Returns the program's exit status. */
int backup_main(int argc, char **argv);

#endif
