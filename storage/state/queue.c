/* SPDX-License-Identifier: MIT */

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/state/queue_inside.h"

#define SECOND_MS UINT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)

static struct queue *at_node(struct order_node *node)
{
	return container_of(node, struct queue, node);
}

static const char *name_at(const struct order_node *node)
{
	return const_container_of(node, struct queue, node)->name;
}

/* ---- what it is told to be ---- */

#define OR(in, field, otherwise) ((in)->has_##field ? (in)->field : (otherwise))

struct queue_limits queue_limits_of(const Helio__Store__V1__QueueConfig *in)
{
	return (struct queue_limits){
		.lease_ms = OR(in, lease_ms, 30 * SECOND_MS),
		.attempts_max = OR(in, attempts_max, 5),
		.backoff_ms = OR(in, backoff_ms, SECOND_MS),
		.backoff_max_ms = OR(in, backoff_max_ms, 300 * SECOND_MS),
		.keep_ms = OR(in, keep_ms, HOUR_MS),
		.keep_dead_ms = OR(in, keep_dead_ms, 7 * 24 * HOUR_MS),
		.jobs_max = OR(in, jobs_max, 2000000),
		.submitter_jobs_max = OR(in, submitter_jobs_max, 1000000),
		.bytes_max = OR(in, bytes_max, UINT64_C(512) << 20),
		.is_paused = OR(in, is_paused, false),
	};
}

void queue_configure(struct queue *queue,
		     const Helio__Store__V1__QueueConfig *config)
{
	const Helio__Store__V1__QueueConfig nothing =
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;

	queue->config = config ? *config : nothing;
	queue->config.base = nothing.base;
	queue->limits = queue_limits_of(&queue->config);
}

/* ---- made ---- */

static int init_maps(struct queue *queue)
{
	int r = map_init(&queue->by_key);

	if (!r)
		r = map_init(&queue->lines);
	if (!r)
		r = map_init(&queue->shares);
	return r;
}

DEFINE_CLEANUP(struct queue *, queue_free);

struct queue *queue_new(struct state *state, const Helio__Store__V1__Queue *in,
			uint64_t created_revision, struct party *owner)
{
	_cleanup_(queue_freep) struct queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->state = state;
	queue->owner = party_ref(owner);
	queue->created_revision = created_revision;
	memcpy(queue->name, in->name, strnlen(in->name, STATE_NAME_MAX_BYTES));
	queue_init_places(queue);
	queue_init_wake(queue);
	list_init(&queue->waiting);
	list_init(&queue->dropped);
	queue_configure(queue, in->config);
	if (init_maps(queue) < 0)
		return NULL;
	return take_ptr(queue);
}

/* Whatever other order they are in is not needed any more. */
static size_t free_jobs(struct queue *queue, size_t n_max)
{
	struct order_node *node;

	while (n_max && (node = order_pop(&queue->jobs))) {
		job_free(container_of(node, struct job, number));
		n_max--;
	}
	return n_max;
}

struct queue *queue_free(struct queue *queue)
{
	while (list_pop_front(&queue->waiting))
		;
	list_unlink(&queue->dropped);
	free_jobs(queue, SIZE_MAX);
	map_deinit(&queue->by_key);
	map_deinit(&queue->lines);
	map_deinit(&queue->shares);
	party_unref(queue->state, queue->owner);
	free(queue);
	return NULL;
}

/* ---- the state's ---- */

static int compare_names(const struct order_node *a, const struct order_node *b)
{
	return strcmp(name_at(a), name_at(b));
}

static int compare_name(const void *key, const struct order_node *node)
{
	return strcmp(key, name_at(node));
}

static int compare_wakes(const struct order_node *a, const struct order_node *b)
{
	uint64_t wake_a = const_container_of(a, struct queue, wake_node)->wake;
	uint64_t wake_b = const_container_of(b, struct queue, wake_node)->wake;

	return (wake_a > wake_b) - (wake_a < wake_b);
}

void queue_init_all(struct state *state)
{
	order_init(&state->queues, compare_names);
	order_init(&state->waking, compare_wakes);
	list_init(&state->dropped_queues);
}

bool queue_sweep(struct state *state, size_t n_max)
{
	while (n_max && !list_is_empty(&state->dropped_queues)) {
		struct queue *queue = container_of(state->dropped_queues.next,
						   struct queue, dropped);

		n_max = free_jobs(queue, n_max);
		if (n_max) {
			queue_free(queue);
			n_max--;
		}
	}
	return !list_is_empty(&state->dropped_queues);
}

void queue_free_all(struct state *state)
{
	struct order_node *node;

	while ((node = order_first(&state->queues))) {
		struct queue *queue = at_node(node);

		queue_remove(queue);
		queue_free(queue);
	}
	queue_sweep(state, SIZE_MAX);
}

struct queue *queue_lookup(const struct state *state, const char *name)
{
	struct order_node *node =
		order_seek(&state->queues, name, compare_name);

	return node && !compare_name(name, node) ? at_node(node) : NULL;
}

static void charge_shares(struct queue *queue, int sign)
{
	struct map_node *node = NULL;

	while ((node = map_walk(&queue->shares, node)))
		job_share_charge(queue,
				 container_of(node, struct job_share, node),
				 sign);
}

void queue_add(struct queue *queue)
{
	order_add(&queue->state->queues, &queue->node);
	order_add(&queue->state->waking, &queue->wake_node);
	queue->owner->account->n_things++;
	charge_shares(queue, 1);
}

void queue_remove(struct queue *queue)
{
	charge_shares(queue, -1);
	queue->owner->account->n_things--;
	order_remove(&queue->state->waking, &queue->wake_node);
	order_remove(&queue->state->queues, &queue->node);
}
