/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_QUEUE_H
#define STORAGE_STATE_QUEUE_H

/**
 * Queues of jobs.
 *
 * A waiting job is in one of four places: delayed, until its time has come;
 * behind another one with the same order key; ready, by priority and id; or
 * none, while it is leased or has ended. What a job is may not be on disk yet:
 * who answers with it waits until state.committed has come to job.revision.
 */

#include <helio/store/v1/journal.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/order.h"

struct draft;
struct party;
struct state;
struct value;

enum {
	JOB_BODY_MAX_BYTES = 1024 * 1024,
	JOB_RESULT_MAX_BYTES = 64 * 1024,
	JOB_ERROR_MAX_BYTES = 1024,
	JOB_PROGRESS_MAX_BYTES = 256,
	JOB_KEY_MAX_BYTES = 256, /* also of an order key */
	JOB_BYTES = 384,         /* charged beside its bytes */
	QUEUE_LEASES_MAX = 64,   /* of one request */
};

/** What of a job changes: see Job in store.proto. Times 0: none. */
struct job_status {
	Helio__Store__V1__JobState state;
	uint32_t attempts;
	uint64_t not_before;
	uint64_t token;
	struct party *worker; /* NULL: never leased */
	uint64_t worker_incarnation;
	uint64_t lease_until;
	uint32_t progress_permille;
	char *progress; /* or NULL */
	char *error;    /* or NULL */
	struct value *result;
	uint64_t ended;
	uint64_t revision;
};

struct job {
	struct map_node id_node;  /* in queue.by_id */
	struct order_node number; /* in queue.jobs, by id */
	struct map_node key_node; /* in queue.by_key, if it has a key */
	/* In queue.ready, or queue.delayed: by what is due first. */
	struct order_node place;
	/* In queue.due: its deadline, its lease's end, its end of being kept.
	 */
	struct order_node due_node;
	struct list order_link;  /* in order_line.jobs, by id */
	struct order_line *line; /* NULL: no order key, or ended */
	enum { JOB_NOWHERE, JOB_READY, JOB_DELAYED, JOB_BEHIND } where;
	bool is_due_known;
	uint64_t due; /* by which it is in queue.due */

	struct queue *queue;
	uint64_t id;
	int32_t priority;
	uint32_t attempts_max; /* 0: the queue's */
	uint64_t deadline;
	uint64_t submitted;
	struct party *submitter;
	struct value *body;
	char *content_type;   /* or NULL */
	char *key;            /* or NULL */
	uint8_t body_hash[8]; /* of what a repeat has to have as well */
	size_t n_bytes;       /* charged to the submitter */
	struct job_status status;
	struct list followers; /* the service's */
};

struct queue_limits {
	uint64_t lease_ms;
	unsigned attempts_max;
	uint64_t backoff_ms, backoff_max_ms;
	uint64_t keep_ms, keep_dead_ms;
	uint64_t jobs_max, submitter_jobs_max, bytes_max;
	bool is_paused;
};

struct queue {
	struct order_node node; /* in state.queues */
	struct state *state;
	char name[65];
	Helio__Store__V1__QueueConfig *config;
	struct queue_limits limits;
	struct party *owner;
	uint64_t created_revision;
	struct map by_id;
	struct map by_key;      /* of submitter's durable id and key */
	struct map lines;       /* struct order_line, by order key */
	struct order jobs;      /* by id */
	struct order ready;     /* by priority, then id */
	struct order delayed;   /* by not_before */
	struct order due;       /* by due */
	uint64_t n_of_state[6]; /* by JobState */
	uint64_t n_bytes;
	/* Of this life of the store, by what was applied. */
	uint64_t n_submitted, n_completed, n_failed, n_lapsed;
	struct list waiting; /* the service's: who waits for a lease */
};

struct queue *queue_lookup(const struct state *state, const char *name);
struct job *queue_job(const struct queue *queue, uint64_t id);
/** The submitter's own, by the key it gave. */
struct job *queue_job_by_key(const struct queue *queue, const char *durable_id,
			     const char *key);
/** The first job by id after `after`, or NULL. */
struct job *queue_next_job(const struct queue *queue, uint64_t after);
static inline bool job_has_ended(const struct job *job)
{
	return job->status.state >= HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE;
}

/** Make ready what may begin by `now`. True: something is ready. */
bool queue_advance(struct queue *queue, uint64_t now);

/** As it is told, without the bodies if `is_brief`. Points into `job`. */
void job_describe(const struct job *job, bool is_brief,
		  Helio__Store__V1__Job *ret_job);
void queue_describe(const struct queue *queue, Helio__Store__V1__Queue *ret);

/* ---- between the files that are the state ---- */

int queue_apply_set(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Queue *change);
int queue_apply_drop(struct state *state, const Helio__Store__V1__Step *step,
		     const char *name);
int queue_apply_job(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Job *change);
int queue_apply_changed(struct state *state, const Helio__Store__V1__Step *step,
			const Helio__Store__V1__Job *change);
int queue_apply_gone(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__JobGone *change);
/** Of all queues: when the first job is due. */
uint64_t queue_due(const struct state *state);
int queue_draft_due(struct state *state, uint64_t now, size_t n_max,
		    struct draft *draft);
void queue_free_all(struct state *state);

#endif
