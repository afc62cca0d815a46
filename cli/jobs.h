/* SPDX-License-Identifier: MIT */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

/**
 * Requests that a shell command answers, some at a time; the others wait.
 *
 * A request stays with its job until `on_end` is told how it ended, which
 * happens once for each, unless the jobs are abandoned before.
 */

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/list.h"
#include "rpc/heliograph.h"

struct job_end {
	unsigned status;    /* enum helio_status */
	const char *reason; /* unless the status is HELIO_OK */
	const void *output; /* else: what the command wrote */
	size_t n_output;
};

/** The request is the callee's to answer; the texts live until it returns. */
typedef void (*jobs_end_fn)(struct helio_request *request,
			    const struct job_end *end, void *userdata);

struct jobs {
	struct list waiting;
	struct list running;
	uint64_t n_running;
	uint64_t n_max;      /* that run at a time; more than 0 */
	const char *command; /* borrowed */
	uv_loop_t *uv;       /* borrowed */
	jobs_end_fn on_end;
	void *userdata;
};

void jobs_init(struct jobs *jobs);

/** Ends every command; on_end is not called. Fine without an uv loop. */
void jobs_abandon(struct jobs *jobs);

/** Answer `request` by the command. on_end may be called before it returns. */
void jobs_add(struct jobs *jobs, struct helio_request *request,
	      const struct helio_message *message);

/** As helio_serve_options.on_cancelled, of requests that were added. */
void jobs_on_cancelled(struct helio_request *request, void *userdata);

#endif
