/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "storage/state/queue_inside.h"
#include "storage/state/undo.h"

/* What a step did to a queue. */
struct queue_undo {
	struct undo undo;
	struct queue *queue;
	Helio__Store__V1__QueueConfig config; /* the one it had */
};

static struct queue_undo *undo_of(struct undo *undo)
{
	return container_of(undo, struct queue_undo, undo);
}

static void just_free(struct state *state, struct undo *undo)
{
	free(undo_of(undo));
}

static void take_back_new(struct state *state, struct undo *undo)
{
	queue_remove(undo_of(undo)->queue);
	queue_free(undo_of(undo)->queue);
	free(undo_of(undo));
}

static void take_back_config(struct state *state, struct undo *undo)
{
	queue_configure(undo_of(undo)->queue, &undo_of(undo)->config);
	free(undo_of(undo));
}

static void take_back_drop(struct state *state, struct undo *undo)
{
	queue_add(undo_of(undo)->queue);
	free(undo_of(undo));
}

/* Its jobs are freed a few at a time: see queue_sweep(). */
static void let_go_drop(struct state *state, struct undo *undo)
{
	struct queue *queue = undo_of(undo)->queue;

	if (state->on_queue_dropped)
		state->on_queue_dropped(state, queue);
	list_push_back(&state->dropped_queues, &queue->dropped);
	free(undo_of(undo));
}

static struct queue_undo *undo_new(struct queue *queue,
				   void (*take_back)(struct state *state,
						     struct undo *undo),
				   void (*let_go)(struct state *state,
						  struct undo *undo))
{
	struct queue_undo *undo = calloc(1, sizeof(*undo));

	if (!undo)
		return NULL;
	undo->undo = (struct undo){ .take_back = take_back, .let_go = let_go };
	undo->queue = queue;
	return undo;
}

static int apply_new(struct state *state, const Helio__Store__V1__Step *step,
		     const Helio__Store__V1__Queue *change)
{
	_cleanup_(freep) struct queue_undo *undo =
		undo_new(NULL, take_back_new, just_free);
	struct party *owner;

	if (!undo)
		return -ENOMEM;
	owner = party_get(state, step->principal ? step->principal : "",
			  step->durable_id ? step->durable_id : "");
	if (!owner)
		return -ENOMEM;
	undo->queue = queue_new(state, change, step->revision, owner);
	party_unref(state, owner);
	if (!undo->queue)
		return -ENOMEM;
	queue_add(undo->queue);
	undo_add(state, &take_ptr(undo)->undo);
	return 0;
}

int queue_apply_set(struct state *state, const Helio__Store__V1__Step *step,
		    const Helio__Store__V1__Queue *change)
{
	struct queue_undo *undo;
	struct queue *queue;

	if (!change->name || !state_is_name(change->name))
		return -EBADMSG;
	queue = queue_lookup(state, change->name);
	if (!queue)
		return apply_new(state, step, change);
	undo = undo_new(queue, take_back_config, just_free);
	if (!undo)
		return -ENOMEM;
	undo->config = queue->config;
	queue_configure(queue, change->config);
	undo_add(state, &undo->undo);
	return 0;
}

int queue_apply_drop(struct state *state, const Helio__Store__V1__Step *step,
		     const char *name)
{
	struct queue *queue = queue_lookup(state, name);
	struct queue_undo *undo;

	if (!queue)
		return -EBADMSG;
	undo = undo_new(queue, take_back_drop, let_go_drop);
	if (!undo)
		return -ENOMEM;
	queue_remove(queue);
	undo_add(state, &undo->undo);
	return 0;
}
