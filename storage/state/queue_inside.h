/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_STATE_QUEUE_INSIDE_H
#define STORAGE_STATE_QUEUE_INSIDE_H

/**
 * struct queue and struct job, for the files that make them:
 *
 *	queue.c		made, found, freed
 *	queue_apply.c	steps that make, change and drop one
 *	queue_place.c	where a job stands, by its state
 *	queue_due.c	what time does
 *	queue_image.c	as rows, and back
 *	queue_tell.c	as it is told
 *	job.c		made, found
 *	job_apply.c	steps that change jobs, and how they are taken back
 *	job_line.c	one order key
 *	job_share.c	one submitter in one queue
 */

#include "storage/state/party.h"
#include "storage/state/queue.h"
#include "storage/state/state.h"
#include "storage/state/value.h"

/** The error of a job that was dead by its deadline, or lost its lease. */
#define JOB_ERROR_DEADLINE "deadline"
#define JOB_ERROR_LAPSED   "the lease lapsed"

/**
 * Jobs of a queue with one order key. One at most is let in, ready or delayed:
 * that with the lowest id, and none while one is leased. (Several may be leased
 * only while a store is read, halfway.)
 */
struct job_line {
	struct map_node node; /* in queue.lines */
	struct order behind;  /* by id: who waits and is not let in */
	struct job *front;    /* who is let in, or NULL */
	size_t n_leased;
	size_t n_refs; /* jobs with this key, whatever became of them */
	char key[];
};

/** What one submitter has in a queue. */
struct job_share {
	struct map_node node; /* in queue.shares, by durable id */
	struct party *party;  /* any of its account */
	struct order kept;    /* by due: done and cancelled jobs */
	uint64_t n_open;      /* jobs that have not ended */
	uint64_t n_bytes;
	size_t n_refs; /* jobs, those that may be brought back included */
};

static inline struct job *job_at_place(struct order_node *node)
{
	return node ? container_of(node, struct job, place) : NULL;
}

static inline struct job *job_at_due(struct order_node *node)
{
	return node ? container_of(node, struct job, due_node) : NULL;
}

static inline const struct job *const_job_at_place(
	const struct order_node *node)
{
	return const_container_of(node, struct job, place);
}

static inline const struct job *const_job_at_due(const struct order_node *node)
{
	return const_container_of(node, struct job, due_node);
}

/** Numbers of jobs that come are above this one. */
static inline void job_number_is_used(struct state *state, uint64_t id)
{
	if (state->next_job <= id && id < UINT64_MAX)
		state->next_job = id + 1;
}

/* ---- queue.c ---- */

/** Resolve a configuration: what is absent gets what store.proto says. */
struct queue_limits queue_limits_of(const Helio__Store__V1__QueueConfig *in);
/** NULL: as if nothing was said. */
void queue_configure(struct queue *queue,
		     const Helio__Store__V1__QueueConfig *config);
/**
 * As it is told to be; the owner is the caller's reference. It is not the
 * state's yet. NULL: no memory.
 */
struct queue *queue_new(struct state *state, const Helio__Store__V1__Queue *in,
			uint64_t created_revision, struct party *owner);
/** With all of its jobs; it is not the state's any more. Returns NULL. */
struct queue *queue_free(struct queue *queue);
/** One of the state's, and charged, with all that is in it; and not. */
void queue_add(struct queue *queue);
void queue_remove(struct queue *queue);

/* ---- queue_place.c ---- */

void queue_init_places(struct queue *queue);
/** Put a job where its status says, and out again. The line is not settled. */
void job_enter(struct job *job);
void job_leave(struct job *job);
/** A waiting one that its line lets in: ready or delayed. And out again. */
void job_let_in(struct job *job);
void job_let_out(struct job *job);

/* ---- queue_due.c ---- */

void queue_init_wake(struct queue *queue);
/** Something is due then: the queue wakes no later. */
void queue_wake_by(struct queue *queue, uint64_t when);

/* ---- job.c ---- */

/** What it is charged, beside its line's key. */
size_t job_bytes(const struct job *job);
/** For a job that is new: in no order yet. NULL: no memory. */
struct job *job_new(struct queue *queue, const Helio__Store__V1__Job *in,
		    struct party *submitter);
/** It is in no order any more. Returns NULL. NULL is fine. */
struct job *job_free(struct job *job);
/** Into the queue, and its line, and charged; out again. */
void job_add(struct job *job);
void job_remove(struct job *job);
/** Exchange what of it changes; it moves to where it belongs. */
void job_swap_status(struct job *job, struct job_status *status);

/** -ENOMEM or -EBADMSG. All of it is in `in`. */
int job_status_init(struct job_status *status, struct state *state,
		    const Helio__Store__V1__Job *in, uint64_t revision);
void job_status_deinit(struct job_status *status, struct state *state);

/* ---- job_line.c ---- */

/** A new reference; NULL: no memory. */
struct job_line *job_line_get(struct queue *queue, const char *key);
void job_line_unref(struct queue *queue, struct job_line *line);
/** Let in who is to be, and no other. NULL is fine. */
void job_line_settle(struct job_line *line);

/* ---- job_share.c ---- */

/** A new reference; NULL: no memory. */
struct job_share *job_share_get(struct queue *queue, struct party *submitter);
void job_share_unref(struct queue *queue, struct job_share *share);
/** Without a reference; NULL: it has none. */
struct job_share *job_share_lookup(const struct queue *queue,
				   const char *durable_id);
/** A hash of a key that belongs to this submitter. */
uint64_t job_share_hash(const struct queue *queue, const char *durable_id,
			const char *key);
/** All that it has is charged to it (1), or not any more (-1). */
void job_share_charge(struct queue *queue, struct job_share *share, int sign);

/* ---- queue_tell.c ---- */

/** What of it changes, all of it. Points into `job`. */
void job_status_describe(const struct job_status *status,
			 Helio__Store__V1__Job *out);

#endif
