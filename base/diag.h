/* SPDX-License-Identifier: MIT */
#ifndef BASE_DIAG_H
#define BASE_DIAG_H

/**
 * Diagnostics of the programs, one line each on standard error.
 *
 * Libraries do not log. A line is written with a single write() that never
 * blocks: what standard error does not take at once is counted, and the next
 * line that gets through tells how many were lost. Control bytes are escaped,
 * for much of what is logged comes from peers.
 */

#include <stdint.h>

enum diag_level { DIAG_ERROR, DIAG_WARNING, DIAG_INFO, DIAG_DEBUG };

/** "info" for DIAG_INFO. Returns 0 or -EINVAL. */
int diag_level_from_name(const char *name, enum diag_level *ret_level);

/** What stands before each line, and the least important level shown. */
void diag_init(const char *program, enum diag_level level);

__attribute__((format(printf, 2, 3))) void diag_log(enum diag_level level,
						    const char *format, ...);

#define log_error(...)   diag_log(DIAG_ERROR, __VA_ARGS__)
#define log_warning(...) diag_log(DIAG_WARNING, __VA_ARGS__)
#define log_info(...)    diag_log(DIAG_INFO, __VA_ARGS__)
#define log_debug(...)   diag_log(DIAG_DEBUG, __VA_ARGS__)

#endif
