/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_JOB_DRAFT_H
#define STORAGE_STATE_JOB_DRAFT_H

/**
 * What is to become of a job, put into a draft. Times are the draft's. NULL and
 * -ENOMEM: no memory.
 */

#include "storage/state/draft.h"
#include "storage/state/queue.h"

/** A time that comes so much later; none that is too far away. */
static inline uint64_t time_after(uint64_t now, uint64_t ms)
{
	return ms < (uint64_t)INT64_MAX - now ? now + ms : (uint64_t)INT64_MAX;
}

/** What a new job is charged. */
uint64_t job_draft_bytes(const Helio__Store__V1__Job *in);
/** How often it is tried. */
unsigned job_attempts_max(const struct job *job);

/** A change of it that changes nothing yet. */
Helio__Store__V1__Job *job_draft(struct draft *draft, const struct job *job);
/** Have it end so. */
void job_draft_end(const struct draft *draft, const struct job *job,
		   Helio__Store__V1__Job *change,
		   Helio__Store__V1__JobState state);
/** Have it wait again, until then. */
void job_draft_wait(Helio__Store__V1__Job *change, uint64_t not_before);
void job_draft_error(Helio__Store__V1__Job *change, const char *error);

/** Late: it is dead. */
int job_draft_late(struct draft *draft, const struct job *job);
/** Its lease is over: it waits again, or is dead. */
int job_draft_lapsed(struct draft *draft, const struct job *job);
/** It is forgotten. */
int job_draft_gone(struct draft *draft, const struct job *job);

#endif
