/* SPDX-License-Identifier: MIT */
#ifndef CLI_ENTRY_IN_H
#define CLI_ENTRY_IN_H

/**
 * Records from lines of JSON, as `helio log -o json` writes them. They may be
 * anybody's: what a record cannot be is refused by its name.
 */

#include <stddef.h>

#include "base/arena.h"
#include "proto/run.h"

enum { ENTRY_IN_ERROR_BYTES = 160, ENTRY_IN_ARENA_BYTES = 64 << 20 };

/**
 * Read one line. `record` points into the line and `arena`, which is to be
 * empty. What is not known of a line is passed over, as `log` and `message`
 * are. Returns 0; -EINVAL, and `error` says what is wrong; or -ENOMEM or
 * -EMSGSIZE of the arena.
 */
int entry_in(struct arena *arena, const char *text, size_t n,
	     struct run_record *record, char error[ENTRY_IN_ERROR_BYTES]);

#endif
