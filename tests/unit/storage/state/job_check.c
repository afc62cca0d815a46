/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "storage/state/queue_inside.h"
#include "tests/unit/storage/state/job_world.h"

#define WAITING HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED  HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DEAD    HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD

/* What of one queue was counted by hand. */
struct tally {
	size_t n_of_place[JOB_KEPT + 1];
	uint64_t n_of_state[6];
	size_t n_jobs, n_keys, n_due, n_kept;
	uint64_t n_open, n_bytes;
};

static enum job_place place_of(const struct job *job)
{
	const struct job_line *line = job->line;

	if (job->status.state == LEASED)
		return JOB_LEASED;
	if (job->status.state == DEAD)
		return JOB_NOWHERE;
	if (job->status.state != WAITING)
		return JOB_KEPT;
	if (line && line->front != job)
		return JOB_BEHIND;
	assert_true(job->where == JOB_READY || job->where == JOB_DELAYED);
	return job->where;
}

/* One at a time, in the order in which they were submitted. */
static void check_line(const struct queue *queue, const struct job *job)
{
	const struct job *other = NULL;
	size_t n_leased = 0;

	while ((other = queue_next_job(queue, other ? other->id : 0))) {
		if (other->line != job->line)
			continue;
		n_leased += other->status.state == LEASED;
		if (other->status.state == WAITING && other->id < job->id)
			assert_true(job->where != JOB_READY &&
				    job->where != JOB_DELAYED);
		if (other->status.state == LEASED && other != job)
			assert_true(job->where != JOB_READY &&
				    job->where != JOB_DELAYED &&
				    job->where != JOB_LEASED);
	}
	assert_int_equal(n_leased, job->line->n_leased);
	assert_true(n_leased <= 1);
	if (!n_leased && job->status.state == WAITING)
		assert_non_null(job->line->front);
}

static void check_job(const struct queue *queue, const struct job *job,
		      struct tally *tally)
{
	assert_int_equal(job->where, place_of(job));
	assert_int_equal(job->n_bytes, job_bytes(job));
	assert_ptr_equal(queue_job(queue, job->id), job);
	tally->n_of_place[job->where]++;
	tally->n_of_state[job->status.state]++;
	tally->n_jobs++;
	tally->n_open += !job_has_ended(job);
	tally->n_bytes += job->n_bytes;
	tally->n_due += job->due != UINT64_MAX && job->where != JOB_KEPT;
	tally->n_kept += job->where == JOB_KEPT;
	assert_true(queue->wake <= job->due);
	if (job->line)
		check_line(queue, job);
	if (!job->key)
		return;
	tally->n_keys++;
	assert_ptr_equal(queue_job_by_key(queue,
					  job->submitter->account->durable_id,
					  job->key),
			 job);
}

static void check_order(const struct order *order, size_t n)
{
	struct order_node *node = order_first(order);

	assert_int_equal(order->n_nodes, n);
	for (; node; node = order_next(node)) {
		assert_true(n--);
		if (order_next(node))
			assert_true(order->compare(node, order_next(node)) < 0);
	}
	assert_int_equal(n, 0);
}

static void check_shares(const struct queue *queue, const struct tally *tally)
{
	struct map_node *node = NULL;
	uint64_t n_open = 0, n_bytes = 0;
	size_t n_kept = 0;

	while ((node = map_walk(&queue->shares, node))) {
		const struct job_share *share =
			container_of(node, struct job_share, node);

		check_order(&share->kept, share->kept.n_nodes);
		n_open += share->n_open;
		n_bytes += share->n_bytes;
		n_kept += share->kept.n_nodes;
	}
	assert_int_equal(n_open, tally->n_open);
	assert_int_equal(n_bytes, tally->n_bytes);
	assert_int_equal(n_kept, tally->n_kept);
}

static void check_queue(const struct queue *queue)
{
	const struct job *job = NULL;
	struct tally tally = { .n_jobs = 0 };

	while ((job = queue_next_job(queue, job ? job->id : 0)))
		check_job(queue, job, &tally);
	check_order(&queue->jobs, tally.n_jobs);
	check_order(&queue->ready, tally.n_of_place[JOB_READY]);
	check_order(&queue->delayed, tally.n_of_place[JOB_DELAYED]);
	check_order(&queue->leased, tally.n_of_place[JOB_LEASED]);
	check_order(&queue->due, tally.n_due);
	check_order(&queue->kept, tally.n_kept);
	check_shares(queue, &tally);
	assert_int_equal(queue->by_key.n_nodes, tally.n_keys);
	assert_int_equal(queue->n_open, tally.n_open);
	assert_int_equal(queue->n_bytes, tally.n_bytes);
	assert_memory_equal(queue->n_of_state, tally.n_of_state,
			    sizeof(tally.n_of_state));
}

/* What all queues are charged is what accounts and the state have. */
static void check_charged(const struct state *state)
{
	struct order_node *at = order_first(&state->queues);
	uint64_t n_jobs = 0, n_open = 0, n_bytes = 0, n_charged = 0;
	struct map_node *node = NULL;

	for (; at; at = order_next(at)) {
		n_open += container_of(at, struct queue, node)->n_open;
		n_bytes += container_of(at, struct queue, node)->n_bytes;
	}
	while ((node = map_walk(&state->accounts, node))) {
		n_jobs += container_of(node, struct account, node)->n_jobs;
		n_charged += container_of(node, struct account, node)->n_bytes;
	}
	assert_int_equal(n_jobs, n_open);
	assert_int_equal(n_charged, n_bytes);
	assert_int_equal(state->n_bytes, n_bytes);
}

void world_check(const struct state *state)
{
	struct order_node *node = order_first(&state->queues);

	for (; node; node = order_next(node))
		check_queue(container_of(node, struct queue, node));
	check_order(&state->queues, state->queues.n_nodes);
	if (!state->buckets.n_nodes && !state->n_outgoing)
		check_charged(state);
}
