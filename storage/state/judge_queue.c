/* SPDX-License-Identifier: MIT */

#include <string.h>

#include "storage/state/judge_inside.h"

typedef Helio__Store__V1__QueueConfig queue_config;

/* ---- configurations ---- */

static unsigned judge_times(const struct queue_limits *limits,
			    struct judgement *out)
{
	unsigned status = judge_number(limits->lease_ms, 1, LEASE_MAX_MS,
				       "lease_ms", out);

	if (status == STATUS_OK)
		status = judge_number(limits->backoff_max_ms, 0,
				      JOB_WAIT_MAX_MS, "backoff_max_ms", out);
	if (status == STATUS_OK)
		status = judge_number(limits->backoff_ms, 0, JOB_WAIT_MAX_MS,
				      "backoff_ms", out);
	if (status == STATUS_OK)
		status = judge_number(limits->keep_ms, 0, JOB_WAIT_MAX_MS,
				      "keep_ms", out);
	if (status == STATUS_OK)
		status = judge_number(limits->keep_dead_ms, 0, JOB_WAIT_MAX_MS,
				      "keep_dead_ms", out);
	return status;
}

static unsigned judge_config(const queue_config *config, struct judgement *out)
{
	struct queue_limits limits = queue_limits_of(config);
	unsigned status = judge_times(&limits, out);

	if (status == STATUS_OK)
		status = judge_number(limits.attempts_max, 1, JOB_ATTEMPTS_MAX,
				      "attempts_max", out);
	return status;
}

static bool is_equal(const struct queue_limits *a, const struct queue_limits *b)
{
	return a->lease_ms == b->lease_ms &&
	       a->attempts_max == b->attempts_max &&
	       a->backoff_ms == b->backoff_ms &&
	       a->backoff_max_ms == b->backoff_max_ms &&
	       a->keep_ms == b->keep_ms && a->keep_dead_ms == b->keep_dead_ms &&
	       a->jobs_max == b->jobs_max &&
	       a->submitter_jobs_max == b->submitter_jobs_max &&
	       a->bytes_max == b->bytes_max && a->is_paused == b->is_paused;
}

static bool is_as_told(const struct queue *queue, const queue_config *config)
{
	struct queue_limits limits = queue_limits_of(config);

	return is_equal(&limits, &queue->limits);
}

#define TAKE(into, from, field)                                        \
	((from)->has_##field ? ((into)->has_##field = true,            \
				(void)((into)->field = (from)->field)) \
			     : (void)0)

/* What is absent in `from` stays. */
static void merge(queue_config *into, const queue_config *from)
{
	TAKE(into, from, lease_ms);
	TAKE(into, from, attempts_max);
	TAKE(into, from, backoff_ms);
	TAKE(into, from, backoff_max_ms);
	TAKE(into, from, keep_ms);
	TAKE(into, from, keep_dead_ms);
	TAKE(into, from, jobs_max);
	TAKE(into, from, submitter_jobs_max);
	TAKE(into, from, bytes_max);
	TAKE(into, from, is_paused);
}

/* `into` is in the arena; `from` may be NULL. */
static queue_config *merged(struct draft *draft, const queue_config *with,
			    const queue_config *from)
{
	queue_config *into = arena_alloc(&draft->arena, sizeof(*into));

	if (!into)
		return NULL;
	*into = (queue_config)HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	if (with)
		merge(into, with);
	if (from)
		merge(into, from);
	return into;
}

/* ---- made, and told to be otherwise ---- */

static unsigned draft_queue(struct draft *draft, char *name,
			    queue_config *config, struct judgement *out)
{
	Helio__Store__V1__Queue *queue =
		arena_alloc(&draft->arena, sizeof(*queue));
	Helio__Store__V1__Change *change = queue ? draft_add(draft) : NULL;

	if (!change)
		return judge_no_memory(out);
	*queue = (Helio__Store__V1__Queue)HELIO__STORE__V1__QUEUE__INIT;
	queue->name = name;
	queue->config = config;
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_QUEUE;
	change->queue = queue;
	return STATUS_OK;
}

static unsigned judge_number_of(const struct draft *draft,
				struct judgement *out)
{
	const struct state *state = draft->state;

	if (state->queues.n_nodes >= STATE_QUEUES_MAX)
		return judge_no(out, STATUS_RESOURCE_EXHAUSTED,
				"the store has %d queues, which is the most",
				STATE_QUEUES_MAX);
	return judge_things(draft, out);
}

unsigned judge_queue_create(struct draft *draft,
			    const Helio__Store__V1__CreateQueueRequest *in,
			    struct judgement *out)
{
	queue_config *config = merged(draft, NULL, in->config);
	const struct queue *queue;
	unsigned status;

	if (!config)
		return judge_no_memory(out);
	if (!in->name || !state_is_name(in->name))
		return judge_no(out, STATUS_INVALID_ARGUMENT,
				"this is no name of a queue");
	status = judge_config(config, out);
	if (status != STATUS_OK)
		return status;
	queue = queue_lookup(draft->state, in->name);
	out->was_there = queue && is_as_told(queue, config);
	if (out->was_there)
		return STATUS_OK;
	if (queue)
		return judge_no(out, STATUS_ALREADY_EXISTS,
				"queue %s has another configuration",
				queue->name);
	status = judge_number_of(draft, out);
	if (status != STATUS_OK)
		return status;
	return draft_queue(draft, in->name, config, out);
}

unsigned judge_queue_change(struct draft *draft,
			    const Helio__Store__V1__ChangeQueueRequest *in,
			    struct judgement *out)
{
	struct queue *queue = NULL;
	unsigned status = judge_find_queue(draft, in->name, out, &queue);
	queue_config *config;

	if (status != STATUS_OK)
		return status;
	config = merged(draft, &queue->config, in->config);
	if (!config)
		return judge_no_memory(out);
	status = judge_config(config, out);
	if (status != STATUS_OK)
		return status;
	out->was_there = is_as_told(queue, config);
	if (out->was_there)
		return STATUS_OK;
	return draft_queue(draft, in->name, config, out);
}

unsigned judge_queue_drop(struct draft *draft,
			  const Helio__Store__V1__DropQueueRequest *in,
			  struct judgement *out)
{
	Helio__Store__V1__Change *change;
	struct queue *queue = NULL;
	unsigned status = judge_find_queue(draft, in->name, out, &queue);

	if (status != STATUS_OK)
		return status;
	change = draft_add(draft);
	if (!change)
		return judge_no_memory(out);
	change->what_case = HELIO__STORE__V1__CHANGE__WHAT_QUEUE_DROPPED;
	change->queue_dropped = in->name;
	return STATUS_OK;
}
