/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

/**
 * A thread that does one thing after the other, for a loop that must not wait.
 *
 * A task belongs to the worker from when it is pushed until it is done; what is
 * in it is touched by the worker's thread alone meanwhile. Tasks are run in
 * the order in which they were pushed, and told to be done in that order.
 */

#include <stdbool.h>
#include <uv.h>

#include "base/list.h"

struct task {
	struct list link;
	void (*run)(struct task *task);  /* in the worker's thread */
	void (*done)(struct task *task); /* in the loop's; may free it */
};

struct worker {
	uv_thread_t thread;
	uv_mutex_t mutex;
	uv_cond_t more;
	int event_fd; /* by which the loop is woken */
	uv_poll_t finished;
	struct list to_do; /* struct task; under the mutex, as the next two */
	struct list done;
	bool is_ending;
	bool is_open;
};

/** Returns 0 or a negative errno. */
int worker_start(struct worker *worker, uv_loop_t *loop);

/** Only from the loop's thread. Once it was stopped a task is done at once. */
void worker_push(struct worker *worker, struct task *task);

/**
 * Do all that was pushed, and end the thread; each task is told done. Safe on a
 * zeroed one. The loop must be run once more, or closed, afterwards.
 */
void worker_stop(struct worker *worker);

#endif
