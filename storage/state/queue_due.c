/* SPDX-License-Identifier: MIT */

#include <errno.h>

#include "storage/state/job_draft.h"
#include "storage/state/queue_inside.h"

/* ---- when ---- */

void queue_init_wake(struct queue *queue)
{
	queue->wake = UINT64_MAX;
}

static void wake_at(struct queue *queue, uint64_t when)
{
	struct order *waking = &queue->state->waking;

	order_remove(waking, &queue->wake_node);
	queue->wake = when;
	order_add(waking, &queue->wake_node);
}

void queue_wake_by(struct queue *queue, uint64_t when)
{
	if (when < queue->wake)
		wake_at(queue, when);
}

uint64_t queue_due(const struct state *state)
{
	struct order_node *node = order_first(&state->waking);

	return node ? container_of(node, struct queue, wake_node)->wake
		    : UINT64_MAX;
}

/* What was due and is not any more left `wake` too early. */
static void set_wake(struct queue *queue)
{
	struct job *delayed = job_at_place(order_first(&queue->delayed));
	struct job *due = job_at_due(order_first(&queue->due));
	struct job *kept = job_at_due(order_first(&queue->kept));
	uint64_t when = delayed ? delayed->status.not_before : UINT64_MAX;

	if (due && due->due < when)
		when = due->due;
	if (kept && kept->due < when)
		when = kept->due;
	wake_at(queue, when);
}

/* ---- what ---- */

static int draft_one(struct draft *draft, const struct job *job, uint64_t now)
{
	bool is_late = job->deadline && job->deadline <= now;

	if (job_has_ended(job))
		return job_draft_gone(draft, job);
	if (is_late)
		return job_draft_late(draft, job);
	return job_draft_lapsed(draft, job);
}

/* How many changes were put into the draft, or -ENOMEM. */
static int draft_order(struct draft *draft, const struct order *order,
		       uint64_t now, size_t n_max)
{
	struct order_node *node = order_first(order);
	int n = 0;

	while (node && job_at_due(node)->due <= now && (size_t)n < n_max) {
		if (draft_one(draft, job_at_due(node), now) < 0)
			return -ENOMEM;
		node = order_next(node);
		n++;
	}
	return n;
}

static int draft_queue(struct draft *draft, struct queue *queue, uint64_t now,
		       size_t n_max)
{
	int n, n_more;

	queue_advance(queue, now);
	n = draft_order(draft, &queue->due, now, n_max);
	if (n < 0)
		return n;
	n_more = draft_order(draft, &queue->kept, now, n_max - (size_t)n);
	if (n_more < 0)
		return n_more;
	if (!n && !n_more)
		set_wake(queue);
	return n + n_more;
}

int queue_draft_due(struct state *state, uint64_t now, size_t n_max,
		    struct draft *draft)
{
	struct order_node *node = order_first(&state->waking), *next;

	for (; node; node = next) {
		struct queue *queue =
			container_of(node, struct queue, wake_node);
		int n;

		if (queue->wake > now)
			break;
		if (!n_max)
			return 1;
		next = order_next(node);
		n = draft_queue(draft, queue, now, n_max);
		if (n < 0)
			return n;
		n_max -= (size_t)n;
	}
	return !n_max;
}
