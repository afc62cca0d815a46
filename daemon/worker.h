/* SPDX-License-Identifier: MIT */
#ifndef DAEMON_WORKER_H
#define DAEMON_WORKER_H

/**
 * A thread that does one thing after the other, for a loop that must not wait.
 *
 * A job belongs to the worker from when it is pushed until it is done; what is
 * in it is touched by the worker's thread alone meanwhile. Jobs are run in the
 * order in which they were pushed, and told to be done in that order.
 */

#include <stdbool.h>
#include <uv.h>

#include "base/list.h"

struct job {
	struct list link;
	void (*run)(struct job *job);  /* in the worker's thread */
	void (*done)(struct job *job); /* in the loop's; may free it */
};

struct worker {
	uv_thread_t thread;
	uv_mutex_t mutex;
	uv_cond_t more;
	uv_async_t finished;
	struct list to_do; /* of struct job, under the mutex, as the next two */
	struct list done;
	bool is_ending;
	bool is_open;
};

/** Returns 0 or a negative errno. */
int worker_start(struct worker *worker, uv_loop_t *loop);

/** Only from the loop's thread. Once it was stopped a job is done at once. */
void worker_push(struct worker *worker, struct job *job);

/**
 * Do all that was pushed, and end the thread; each job is told done. Safe on a
 * zeroed one. The loop must be run once more, or closed, afterwards.
 */
void worker_stop(struct worker *worker);

#endif
