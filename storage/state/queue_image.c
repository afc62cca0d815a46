/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <string.h>

#include "base/buffer.h"
#include "storage/state/image.h"
#include "storage/state/queue_inside.h"

/* ---- as rows ---- */

static int compare_after(const void *key, const struct order_node *node)
{
	return strcmp(key, const_container_of(node, struct queue, node)->name) <
			       0
		       ? -1
		       : 1;
}

static const struct queue *queue_after(const struct state *state,
				       const char *name)
{
	struct order_node *node =
		order_seek(&state->queues, name, compare_after);

	return node ? container_of(node, struct queue, node) : NULL;
}

static void set_name(struct image_cursor *cursor, const char *name)
{
	memcpy(cursor->name, name, strlen(name) + 1);
	cursor->id = 0;
}

static void end_part(struct image_cursor *cursor, int part)
{
	cursor->part = part;
	set_name(cursor, "");
}

static int add_queue(const struct queue *queue, struct buffer *out)
{
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Queue told = HELIO__STORE__V1__QUEUE__INIT, all;

	queue_describe(queue, &all);
	told.name = all.name;
	told.config = all.config;
	told.has_created_revision = true;
	told.created_revision = all.created_revision;
	told.owner = all.owner;
	told.owner_durable_id = all.owner_durable_id;
	row.what_case = HELIO__STORE__V1__ROW__WHAT_QUEUE;
	row.queue = &told;
	return image_add(out, &row);
}

static int add_queues(const struct state *state, struct image_cursor *cursor,
		      size_t n_bytes, struct buffer *out)
{
	while (out->n < n_bytes) {
		const struct queue *queue = queue_after(state, cursor->name);
		int r;

		if (!queue) {
			end_part(cursor, IMAGE_KEYS);
			break;
		}
		r = add_queue(queue, out);
		if (r < 0)
			return r;
		set_name(cursor, queue->name);
	}
	return 0;
}

static int add_job(const struct job *job, struct buffer *out)
{
	Helio__Store__V1__Row row = HELIO__STORE__V1__ROW__INIT;
	Helio__Store__V1__Job told;

	job_describe(job, false, &told);
	row.what_case = HELIO__STORE__V1__ROW__WHAT_JOB;
	row.job = &told;
	return image_add(out, &row);
}

/* Those made since it was begun are in the steps: so it ends. */
static const struct job *next_job(const struct state *state,
				  const struct image_cursor *cursor)
{
	const struct queue *queue = queue_lookup(state, cursor->name);
	const struct job *job =
		queue ? queue_next_job(queue, cursor->id) : NULL;

	return job && job->id < cursor->end_job ? job : NULL;
}

static int add_jobs(const struct state *state, struct image_cursor *cursor,
		    size_t n_bytes, struct buffer *out)
{
	while (out->n < n_bytes) {
		const struct job *job = next_job(state, cursor);
		const struct queue *queue;
		int r;

		if (job) {
			r = add_job(job, out);
			if (r < 0)
				return r;
			cursor->id = job->id;
			continue;
		}
		queue = queue_after(state, cursor->name);
		if (!queue) {
			end_part(cursor, IMAGE_OUTGOING);
			break;
		}
		set_name(cursor, queue->name);
	}
	return 0;
}

int queue_image(const struct state *state, struct image_cursor *cursor,
		size_t n_bytes, struct buffer *out)
{
	if (cursor->part == IMAGE_QUEUES)
		return add_queues(state, cursor, n_bytes, out);
	return add_jobs(state, cursor, n_bytes, out);
}

/* ---- and back ---- */

int queue_load(struct state *state, const Helio__Store__V1__Queue *row)
{
	struct queue *queue;
	struct party *owner;

	if (!row->name || !state_is_name(row->name) || !row->owner ||
	    !row->owner_durable_id || queue_lookup(state, row->name))
		return -EBADMSG;
	owner = party_get(state, row->owner, row->owner_durable_id);
	if (!owner)
		return -ENOMEM;
	queue = queue_new(state, row, row->created_revision, owner);
	party_unref(state, owner);
	if (!queue)
		return -ENOMEM;
	queue_add(queue);
	return 0;
}

static int load_job(struct queue *queue, const Helio__Store__V1__Job *row)
{
	struct party *submitter;
	struct job *job;
	int r;

	submitter = party_get(queue->state, row->submitter,
			      row->submitter_durable_id);
	if (!submitter)
		return -ENOMEM;
	job = job_new(queue, row, submitter);
	party_unref(queue->state, submitter);
	if (!job)
		return -ENOMEM;
	job->submitted = row->submitted_unix_ms;
	r = job_status_init(&job->status, queue->state, row, row->revision);
	if (r < 0) {
		job_free(job);
		return r;
	}
	job_add(job);
	job_number_is_used(queue->state, job->id);
	return 0;
}

int queue_load_job(struct state *state, const Helio__Store__V1__Job *row)
{
	struct queue *queue;

	if (!row->queue || !row->id || !row->submitter ||
	    !row->submitter_durable_id)
		return -EBADMSG;
	queue = queue_lookup(state, row->queue);
	if (!queue || queue_job(queue, row->id))
		return -EBADMSG;
	return load_job(queue, row);
}

/* ---- steps that the rows may have seen ---- */

static bool is_there(const struct state *state, const char *name, uint64_t id)
{
	const struct queue *queue = name ? queue_lookup(state, name) : NULL;

	return queue && queue_job(queue, id);
}

/*
 * What it is about is not there any more. All else is done again: the steps
 * that follow do what they did to it, in their order, and so it becomes what it
 * was. (Jobs that steps make are in no row.)
 */
static bool is_to_pass(const struct state *state,
		       const Helio__Store__V1__Change *change)
{
	const Helio__Store__V1__Job *job = change->job;

	switch (change->what_case) {
	case HELIO__STORE__V1__CHANGE__WHAT_QUEUE:
		return false;
	case HELIO__STORE__V1__CHANGE__WHAT_QUEUE_DROPPED:
		return !queue_lookup(state, change->queue_dropped);
	case HELIO__STORE__V1__CHANGE__WHAT_JOB:
		return !job->queue || !queue_lookup(state, job->queue);
	case HELIO__STORE__V1__CHANGE__WHAT_JOB_CHANGED:
		return !is_there(state, job->queue, job->id);
	default:
		return !is_there(state, change->job_gone->queue,
				 change->job_gone->id);
	}
}

int queue_load_change(struct state *state, const Helio__Store__V1__Step *step,
		      const Helio__Store__V1__Change *change)
{
	if (change->what_case == HELIO__STORE__V1__CHANGE__WHAT_JOB)
		job_number_is_used(state, change->job->id);
	if (is_to_pass(state, change))
		return 0;
	return state_apply_change(state, step, change);
}

void queue_loaded(struct state *state)
{
	struct order_node *node = order_first(&state->queues);

	for (; node; node = order_next(node)) {
		struct queue *queue = container_of(node, struct queue, node);

		queue->n_submitted = 0;
		queue->n_completed = 0;
		queue->n_failed = 0;
		queue->n_lapsed = 0;
	}
}
