/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CHECKPOINTS_H
#define LOGGER_CHECKPOINTS_H

/**
 * What was committed is moved to where it belongs by the reader's thread, while
 * commits go on: the writer, which would have to do it itself otherwise, keeps
 * its time for them. The view looks anew with it, so that no segment that has
 * ended stays open for want of readers.
 */

#include <stdbool.h>
#include <stdint.h>

#include "daemon/worker.h"

struct checkpoints {
	struct task task;
	uint64_t begun_ns; /* the last one */
	bool is_busy;
	bool is_due; /* something was committed since */
};

struct keeper;

/** Something was committed: begin one, unless one was begun just now. */
void checkpoints_committed(struct keeper *keeper, uint64_t now_ns);
/** Now and then: one for what the others left. */
void checkpoints_tick(struct keeper *keeper, uint64_t now_ns);

#endif
