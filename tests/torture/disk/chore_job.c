/* SPDX-License-Identifier: MIT */

#include "proto/status.h"
#include "storage/state/queue.h"
#include "storage/state/state.h"
#include "tests/torture/disk/chore.h"

/* ---- queues ---- */

static void fill_config(struct chore *chore,
			Helio__Store__V1__QueueConfig *config)
{
	*config = (Helio__Store__V1__QueueConfig)
		HELIO__STORE__V1__QUEUE_CONFIG__INIT;
	set(&config->has_lease_ms, &config->lease_ms, 100 + below(chore, 5000));
	set(&config->has_keep_ms, &config->keep_ms, 1 + below(chore, 5000));
	set(&config->has_keep_dead_ms, &config->keep_dead_ms,
	    1 + below(chore, 9000));
	config->has_attempts_max = true;
	config->attempts_max = 1 + (uint32_t)below(chore, 4);
}

unsigned chore_create_queue(struct chore *chore)
{
	Helio__Store__V1__CreateQueueRequest in =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config;

	fill_config(chore, &config);
	in.name = a_queue(chore);
	in.config = &config;
	return judge_queue_create(chore->draft, &in, chore->out);
}

unsigned chore_change_queue(struct chore *chore)
{
	Helio__Store__V1__ChangeQueueRequest in =
		HELIO__STORE__V1__CHANGE_QUEUE_REQUEST__INIT;
	Helio__Store__V1__QueueConfig config;

	fill_config(chore, &config);
	in.name = a_queue(chore);
	in.config = &config;
	return judge_queue_change(chore->draft, &in, chore->out);
}

unsigned chore_drop_queue(struct chore *chore)
{
	Helio__Store__V1__DropQueueRequest in =
		HELIO__STORE__V1__DROP_QUEUE_REQUEST__INIT;

	in.name = a_queue(chore);
	return judge_queue_drop(chore->draft, &in, chore->out);
}

/* ---- jobs ---- */

/* Any job of any queue, or NULL. */
static const struct job *pick_job(struct chore *chore, char **ret_queue)
{
	const struct state *state = chore->draft->state;
	const struct queue *queue;

	*ret_queue = a_queue(chore);
	queue = queue_lookup(state, *ret_queue);
	if (!queue)
		return NULL;
	return queue_next_job(queue, below(chore, state->next_job));
}

unsigned chore_submit(struct chore *chore)
{
	Helio__Store__V1__SubmitRequest in;

	chore_fill_submit(chore, &in);
	return judge_submit(chore->draft, &in, chore->out);
}

unsigned chore_lease(struct chore *chore)
{
	Helio__Store__V1__LeaseRequest in =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;
	struct queue *queue;

	in.queue = a_queue(chore);
	in.has_max = true;
	in.max = 1 + (uint32_t)below(chore, 5);
	queue = queue_lookup(chore->draft->state, in.queue);
	if (queue)
		queue_advance(queue, chore->now);
	return judge_lease(chore->draft, &in, chore->out);
}

unsigned chore_extend(struct chore *chore)
{
	static char progress[] = "half";
	Helio__Store__V1__ExtendRequest in =
		HELIO__STORE__V1__EXTEND_REQUEST__INIT;
	const struct job *job = pick_job(chore, &in.queue);

	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	set(&in.has_token, &in.token, job->status.token);
	in.has_progress_permille = true;
	in.progress_permille = (uint32_t)below(chore, 1001);
	in.progress = is(chore, 50) ? progress : NULL;
	return judge_extend(chore->draft, &in, chore->out);
}

unsigned chore_complete(struct chore *chore)
{
	Helio__Store__V1__CompleteRequest in =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	struct transaction transaction;
	const struct job *job = pick_job(chore, &in.queue);

	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	set(&in.has_token, &in.token, job->status.token);
	chore_fill(chore, &transaction);
	if (is(chore, 70))
		in.transaction = &transaction.in;
	in.has_result = true;
	in.result = a_body(chore);
	return judge_complete(chore->draft, &in, chore->out);
}

unsigned chore_fail(struct chore *chore)
{
	static char error[] = "it broke";
	Helio__Store__V1__FailRequest in = HELIO__STORE__V1__FAIL_REQUEST__INIT;
	const struct job *job = pick_job(chore, &in.queue);

	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	set(&in.has_token, &in.token, job->status.token);
	in.error = error;
	in.has_is_final = in.is_final = is(chore, 20);
	in.has_is_given_back = in.is_given_back = is(chore, 20);
	return judge_fail(chore->draft, &in, chore->out);
}

unsigned chore_cancel(struct chore *chore)
{
	Helio__Store__V1__CancelRequest in =
		HELIO__STORE__V1__CANCEL_REQUEST__INIT;
	const struct job *job = pick_job(chore, &in.queue);

	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	return judge_cancel(chore->draft, &in, is(chore, 50), chore->out);
}

unsigned chore_retry(struct chore *chore)
{
	Helio__Store__V1__RetryRequest in =
		HELIO__STORE__V1__RETRY_REQUEST__INIT;
	const struct job *job = pick_job(chore, &in.queue);

	if (!job)
		return STATUS_NOT_FOUND;
	set(&in.has_id, &in.id, job->id);
	return judge_retry(chore->draft, &in, chore->out);
}
