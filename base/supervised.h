/* SPDX-License-Identifier: MIT */
#ifndef BASE_SUPERVISED_H
#define BASE_SUPERVISED_H

/**
 * What a program does for who started it, such as `helio up`: it says when it
 * is ready, ends with its parent, says as much as it was told to, and ends with
 * a status that says what to do about it.
 */

#include "base/options.h"

enum { EXIT_USAGE = 2, EXIT_UNAVAILABLE = 5, EXIT_INTERNAL = 70 };

struct supervised {
	int ready_fd;  /* is told READY, or -1 */
	int parent;    /* the process to end with, or 0 */
	int log_level; /* an enum diag_level, or -1: not said */
};

/** Nothing is asked of it. */
#define SUPERVISED_DEFAULTS                     \
	{                                       \
		.ready_fd = -1, .log_level = -1 \
	}

/** --parent and --log. What --ready-fd means is for each program to say. */
extern const struct options_row supervised_rows[];

/** Once; more often is nothing. A failure is logged. */
void supervised_say_ready(struct supervised *supervised);

/**
 * From now on SIGTERM comes when the parent ends. Returns 0, or -ESRCH, which
 * is logged: it has ended already.
 */
int supervised_end_with_parent(const struct supervised *supervised);

#endif
