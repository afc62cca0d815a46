/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_JUDGE_INSIDE_H
#define STORAGE_STATE_JUDGE_INSIDE_H

/**
 * What judges of queues have in common:
 *
 *	judge_queue.c		made, told to be otherwise, dropped
 *	judge_job.c		found; ended by others than its worker
 *	judge_job_submit.c	a new one
 *	judge_job_room.c	whether there is room for it
 *	judge_job_lease.c	leases: given, extended, lost
 *	judge_job_end.c		complete, or failed
 */

#include <stdbool.h>

#include "proto/status.h"
#include "storage/state/job_draft.h"
#include "storage/state/judge.h"
#include "storage/state/queue_inside.h"

/** A lease is no longer than this; nor is one told to wait or be kept so. */
#define LEASE_MAX_MS     (UINT64_C(24) * 3600 * 1000)
#define JOB_WAIT_MAX_MS  (UINT64_C(10) * 365 * LEASE_MAX_MS)
#define JOB_ATTEMPTS_MAX 1000
/** Of a job and of a message. */
enum { CONTENT_TYPE_MAX_BYTES = 256 };

/** STATUS_OK, or NOT_FOUND and why. */
unsigned judge_find_queue(const struct draft *draft, const char *name,
			  struct judgement *out, struct queue **ret_queue);
unsigned judge_find_job(const struct draft *draft, const char *name,
			uint64_t id, struct judgement *out,
			struct job **ret_job);
/** Also ABORTED, if this is not the token of a lease that goes on. */
unsigned judge_find_leased(const struct draft *draft, const char *name,
			   uint64_t id, uint64_t token, struct judgement *out,
			   struct job **ret_job);
/** Text of a stranger, NULL is fine: INVALID_ARGUMENT. `what` for people. */
unsigned judge_text(const char *text, size_t n_max, const char *what,
		    struct judgement *out);
/** INVALID_ARGUMENT unless `value` is between the two. */
unsigned judge_number(uint64_t value, uint64_t min, uint64_t max,
		      const char *what, struct judgement *out);

/** Whether one more that has not ended is within the counts of its queue. */
unsigned judge_count(const struct draft *draft, const struct queue *queue,
		     const char *durable_id, struct judgement *out);
/**
 * Whether there is room for one more job of so many bytes: in the queue, in
 * what the caller may have, and in the store; then the draft has it. Where
 * there is not, done and cancelled jobs of the queue are forgotten for it.
 */
unsigned judge_room(struct draft *draft, const struct queue *queue,
		    uint64_t n_bytes, struct judgement *out);
/**
 * The same for a job's result. An eighth more is kept for results, and what the
 * caller may have is not asked: else work could not end where it waits.
 */
unsigned judge_room_for_result(struct draft *draft, const struct job *job,
			       uint64_t n_bytes, struct judgement *out);

#endif
