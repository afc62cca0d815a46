/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HELD_WRITER_H
#define TESTS_HELD_WRITER_H

/**
 * A worker without a thread: when it does something, and when the loop hears of
 * it, is said by the test, whose --wrap=worker_push brings the tasks.
 */

#include <stdbool.h>

#include "base/list.h"
#include "daemon/worker.h"

struct held_writer {
	struct list to_do, run; /* struct task */
	bool is_stopped;        /* what is pushed is done at once */
};

void held_writer_init(struct held_writer *writer);

void held_writer_push(struct held_writer *writer, struct task *task);

/** It does the oldest that it has to do, of which the loop does not hear. */
void held_writer_run_one(struct held_writer *writer);
/** The loop hears of the oldest that was done. */
void held_writer_tell_one(struct held_writer *writer);
/** All it has to do is done, and the loop hears of all. */
void held_writer_catch_up(struct held_writer *writer);

static inline bool held_writer_is_idle(const struct held_writer *writer)
{
	return list_is_empty(&writer->to_do) && list_is_empty(&writer->run);
}

#endif
