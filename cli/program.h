/* SPDX-License-Identifier: MIT */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

/** Heliograph's other programs. */

#include "cli/folder.h"

/**
 * The program beside this one, as it is in a build and where it is installed;
 * else the one in the folder of those that are not for people's fingers; else
 * the bare name, which is searched in $PATH. Returns 0 or a negative errno.
 */
int program_find(const char *name, char ret_path[FOLDER_PATH_BYTES]);

/**
 * Run it to its end, with our own standard output and error. Returns its exit
 * status, or a negative errno; -EINTR when a signal ended it.
 */
int program_run(char *const *words);

#endif
