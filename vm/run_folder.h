/* SPDX-License-Identifier: MIT */
#ifndef VM_RUN_FOLDER_H
#define VM_RUN_FOLDER_H

/**
 * The private folder of monitors: who can open a monitor owns the machine. It
 * belongs to one helio-vm at a time.
 */

/**
 * Make it if it is not there, and lock it. Returns a descriptor that holds the
 * lock until it is closed; -EPERM: it is another user's, or others may enter
 * it; -EBUSY: another helio-vm has it; or another negative errno.
 */
int run_folder_open(const char *path);

#endif
