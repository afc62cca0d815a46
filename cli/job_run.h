/* SPDX-License-Identifier: MIT */
#ifndef CLI_JOB_RUN_H
#define CLI_JOB_RUN_H

/**
 * Jobs of a queue that a shell command does: each a run of its own, with the
 * body on standard input. What the command says becomes what is said of the
 * job; a run whose lease is lost is ended.
 */

#include <stdbool.h>
#include <uv.h>

#include "base/list.h"
#include "rpc/heliograph-store.h"

/** The command's way to say that trying again does not help: EX_DATAERR. */
enum { JOB_RUN_FINAL = 65, JOB_RUN_RESULT_MAX = 64 << 10 };

struct job_runs {
	uv_loop_t *uv; /* borrowed, as the next three */
	struct helio *bus;
	const char *command;
	const char *queue;
	struct list running;
	bool is_giving_back; /* what is ended now was not tried */
};

void job_runs_init(struct job_runs *runs);

/** Ends what runs, without a word of its job. */
void job_runs_deinit(struct job_runs *runs);

/** End all, and give their jobs back. */
void job_runs_stop(struct job_runs *runs);

/** In on_job, on_settled and on_lost of the worker. */
void job_runs_start(struct job_runs *runs, struct helio_work *work,
		    const struct helio_job *job);
void job_runs_settled(struct helio_work *work, unsigned status,
		      const char *reason);
void job_runs_lost(struct helio_work *work, const char *reason);

#endif
