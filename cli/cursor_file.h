/* SPDX-License-Identifier: MIT */
#ifndef CLI_CURSOR_FILE_H
#define CLI_CURSOR_FILE_H

/**
 * A file that tells how far a log was shown: `LOG SEQUENCE`, of the first
 * record that was not. Each returns an exit code; unless it is EXIT_OK, why was
 * told. A path of NULL, and a file that is not there or empty, tell nothing.
 */

#include <stdint.h>

int cursor_file_read(const char *path, const char *log, uint64_t *ret_sequence);

/** In one step, so that a power cut leaves the old one or the new one. */
int cursor_file_write(const char *path, const char *log, uint64_t sequence);

#endif
