/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_ANSWER_CAGE_H
#define LOGGER_ANSWER_CAGE_H

/**
 * What the process that answers a question gives up before it reads it:
 *
 * - 1 GiB of memory, its time and 2 s of the processor, 64 descriptors, no
 * core;
 * - no new rights by exec, and no life beyond that of the logger;
 * - of the file system all but the log's folder, where the kernel has Landlock;
 * - of system calls all but those that read files and write to what is open.
 *
 * A build with a sanitizer, which needs more of both, keeps memory and calls.
 */

#include <stdint.h>

/** Returns 0, or a negative errno when the kernel refuses what it has. */
int answer_cage_enter(const char *folder, uint64_t timeout_ms);

#endif
