/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_QUEUE_H
#define STORAGE_STATE_QUEUE_H

/**
 * Queues of jobs.
 *
 * A waiting job is ready, by priority and id; or delayed, until its time has
 * come; or behind another one with the same order key. What a job is may not be
 * on disk yet: who answers with it waits until state.committed has come to
 * job.revision.
 *
 * What a queue is told to do otherwise holds from then on: a lease that was
 * given, a backoff that has begun and an ended job's time to be forgotten stay
 * as they are.
 */

#include <helio/store/v1/journal.pb-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/order.h"

struct buffer;
struct draft;
struct job_line;
struct job_share;
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
	QUEUE_ADVANCE_MAX = 1024,
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
	uint64_t forget; /* when it is not known any more */
	uint64_t revision;
};

/** By what a job is found, beside its id: private. */
enum job_place {
	JOB_NOWHERE, /* dead */
	JOB_READY,   /* in queue.ready */
	JOB_DELAYED, /* in queue.delayed */
	JOB_BEHIND,  /* in its line's behind */
	JOB_LEASED,  /* in queue.leased */
	JOB_KEPT,    /* done or cancelled: in its share's kept */
};

/* What is compared stands beside the node that it is compared for. */
struct job {
	struct order_node number; /* in queue.jobs, by id */
	uint64_t id;
	int32_t priority;
	enum job_place where;
	struct order_node place; /* where `where` says */
	/* In queue.due: its deadline, its lease's end, when it is forgotten; in
	 * queue.kept, if it is done or cancelled. */
	struct order_node due_node;
	uint64_t due; /* UINT64_MAX: never, and in neither */

	struct map_node key_node; /* in queue.by_key, if it has a key */
	struct queue *queue;
	struct job_line *line;   /* NULL: no order key */
	struct job_share *share; /* of its submitter */
	struct party *submitter;
	struct value *body;
	const char *content_type; /* or NULL */
	const char *key;          /* or NULL */
	uint64_t deadline;        /* 0: none */
	uint64_t submitted;
	uint32_t attempts_max; /* 0: the queue's */
	uint32_t n_bytes;      /* charged to the submitter */
	struct job_status status;
	struct list followers; /* the service's */
	char texts[];          /* what the texts above point to */
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
	struct order_node node;      /* in state.queues */
	struct order_node wake_node; /* in state.waking */
	uint64_t wake;               /* nothing is due before */
	struct state *state;
	char name[65];
	Helio__Store__V1__QueueConfig config; /* as it was given */
	struct queue_limits limits;
	struct party *owner; /* who created it */
	uint64_t created_revision;
	struct map by_key;      /* of submitter's durable id and key */
	struct map lines;       /* struct job_line, by order key */
	struct map shares;      /* struct job_share, by durable id */
	struct order jobs;      /* by id */
	struct order ready;     /* by priority, then id */
	struct order delayed;   /* by not_before */
	struct order leased;    /* by worker, then id */
	struct order due, kept; /* by due */
	uint64_t n_of_state[6]; /* by JobState */
	uint64_t n_open;        /* waiting and leased */
	uint64_t n_bytes;
	/* Of this life of the store, by what was applied. */
	uint64_t n_submitted, n_completed, n_failed, n_lapsed;
	struct list waiting; /* the service's: who waits for a lease */
	struct list dropped; /* in state.dropped_queues */
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

/**
 * Make ready what may begin by `now`, the longest due first, and not more than
 * QUEUE_ADVANCE_MAX; the rest is due still. True: there may be a lease.
 */
bool queue_advance(struct queue *queue, uint64_t now);

/** As it is told, without body and result if `is_brief`. Points into `job`. */
void job_describe(const struct job *job, bool is_brief,
		  Helio__Store__V1__Job *ret_job);
/** Points into `queue`; who waits for a lease is not counted. */
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
/**
 * When the first job of any queue is due, or before that: queue_draft_due()
 * puts nothing into the draft then, and this is right again.
 */
uint64_t queue_due(const struct state *state);
int queue_draft_due(struct state *state, uint64_t now, size_t n_max,
		    struct draft *draft);
/** As state_sweep(). */
bool queue_sweep(struct state *state, size_t n_max);
void queue_init_all(struct state *state);
/** The service's links, of followers and who waits, are taken out. */
void queue_free_all(struct state *state);
void queue_dump(const struct state *state, struct buffer *out);

#endif
