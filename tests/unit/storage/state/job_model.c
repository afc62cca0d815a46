/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/state/job_model.h"

#include <stdio.h>
#include <string.h>

uint64_t model_job_bytes(const struct model_job *job)
{
	return 384 + strlen(job->body) + strlen(job->error) +
	       strlen(job->result) + (job->key ? 1 : 0) + (job->order ? 1 : 0);
}

struct model_job *model_job(struct job_model *model, unsigned queue,
			    uint64_t id)
{
	for (size_t i = 0; i < model->n_jobs; i++)
		if (model->jobs[i].id == id && model->jobs[i].queue == queue)
			return &model->jobs[i];
	return NULL;
}

static void forget(struct job_model *model, struct model_job *job)
{
	size_t i = (size_t)(job - model->jobs);

	memmove(job, job + 1, (model->n_jobs - i - 1) * sizeof(*job));
	model->n_jobs--;
}

static void begin(struct job_model *model)
{
	model->has_changed = false;
	model->number = 0;
	model->was_there = false;
	model->n_leased = 0;
}

static bool is_open(const struct model_job *job)
{
	return job->state == MODEL_WAITING || job->state == MODEL_LEASED;
}

static bool is_late(const struct job_model *model, const struct model_job *job)
{
	return job->deadline && job->deadline <= model->now;
}

static void end(struct job_model *model, struct model_job *job,
		enum model_state state)
{
	const struct model_queue *queue = &model->queues[job->queue];

	job->state = state;
	job->ended = model->now;
	job->forget = model->now + (state == MODEL_DEAD ? queue->keep_dead_ms
							: queue->keep_ms);
}

static void change(struct job_model *model, struct model_job *job)
{
	job->revision = model->revision;
	model->has_changed = true;
}

/* ---- quotas ---- */

static uint64_t used_by(const struct job_model *model, unsigned person)
{
	uint64_t n = 0;

	for (size_t i = 0; i < model->n_jobs; i++)
		if (model->jobs[i].submitter == person)
			n += model_job_bytes(&model->jobs[i]);
	return n;
}

static uint64_t used_of(const struct job_model *model, unsigned queue)
{
	uint64_t n = 0;

	for (size_t i = 0; i < model->n_jobs; i++)
		if (model->jobs[i].queue == queue)
			n += model_job_bytes(&model->jobs[i]);
	return n;
}

/* Whoever has ended well and is to be forgotten first; `person` 0: anybody's */
static struct model_job *first_kept(struct job_model *model, unsigned queue,
				    unsigned person)
{
	struct model_job *first = NULL;

	for (size_t i = 0; i < model->n_jobs; i++) {
		struct model_job *job = &model->jobs[i];

		if (job->queue != queue ||
		    (person && job->submitter != person) ||
		    (job->state != MODEL_DONE && job->state != MODEL_CANCELLED))
			continue;
		if (!first || job->forget < first->forget ||
		    (job->forget == first->forget && job->id < first->id))
			first = job;
	}
	return first;
}

static bool has_room(struct job_model *model, unsigned queue, unsigned person,
		     uint64_t n_bytes)
{
	struct model_job *job;

	while (used_by(model, person) + n_bytes > model->party_bytes_max) {
		job = first_kept(model, queue, person);
		if (!job)
			return false;
		forget(model, job);
	}
	while (used_of(model, queue) + n_bytes >
	       model->queues[queue].bytes_max) {
		job = first_kept(model, queue, 0);
		if (!job)
			return false;
		forget(model, job);
	}
	return true;
}

static bool has_room_for_result(struct job_model *model, unsigned queue,
				uint64_t n_bytes)
{
	uint64_t max = model->queues[queue].bytes_max;

	max += max / 8 + 65536;
	while (used_of(model, queue) + n_bytes > max) {
		struct model_job *job = first_kept(model, queue, 0);

		if (!job)
			return false;
		forget(model, job);
	}
	return true;
}

static bool has_count(const struct job_model *model, unsigned queue,
		      unsigned person)
{
	uint64_t n = 0, n_own = 0;

	for (size_t i = 0; i < model->n_jobs; i++) {
		const struct model_job *job = &model->jobs[i];

		if (job->queue != queue || !is_open(job))
			continue;
		n++;
		n_own += job->submitter == person;
	}
	return n < model->queues[queue].jobs_max &&
	       n_own < model->queues[queue].submitter_jobs_max;
}

/* ---- submit ---- */

static struct model_job *with_key(struct job_model *model,
				  const struct model_submit *in)
{
	for (size_t i = 0; in->key && i < model->n_jobs; i++) {
		struct model_job *job = &model->jobs[i];

		if (job->queue == in->queue && job->key == in->key &&
		    job->submitter == in->submitter)
			return job;
	}
	return NULL;
}

static void add(struct job_model *model, const struct model_submit *in)
{
	struct model_job job = {
		.id = model->next_id++,
		.queue = in->queue,
		.submitter = in->submitter,
		.key = in->key,
		.order = in->order,
		.priority = in->priority,
		.attempts_max = in->attempts_max,
		.submitted = model->now,
		.state = MODEL_WAITING,
	};

	memcpy(job.body, in->body, sizeof(job.body));
	if (in->delay_ms)
		job.not_before = model->now + in->delay_ms;
	if (in->timeout_ms)
		job.deadline = model->now + in->timeout_ms;
	model->number = job.id;
	change(model, &job);
	model->queues[in->queue].n_submitted++;
	model->jobs[model->n_jobs++] = job;
}

enum model_verdict model_submit(struct job_model *model,
				const struct model_submit *in)
{
	struct job_model before = *model;
	const struct model_job *job;

	begin(model);
	if (!model->queues[in->queue].is_there)
		return MODEL_NOT_FOUND;
	job = with_key(model, in);
	if (job && strcmp(job->body, in->body) != 0)
		return MODEL_EXISTS;
	if (job) {
		model->number = job->id;
		model->was_there = true;
		return MODEL_OK;
	}
	if (has_count(model, in->queue, in->submitter) &&
	    has_room(model, in->queue, in->submitter,
		     384 + strlen(in->body) + (in->key ? 1 : 0) +
			     (in->order ? 1 : 0))) {
		add(model, in);
		return MODEL_OK;
	}
	*model = before;
	begin(model);
	return MODEL_EXHAUSTED;
}

/* ---- leases ---- */

static bool may_begin(const struct job_model *model,
		      const struct model_job *job)
{
	if (job->state != MODEL_WAITING || job->not_before > model->now ||
	    is_late(model, job))
		return false;
	for (size_t i = 0; job->order && i < model->n_jobs; i++) {
		const struct model_job *other = &model->jobs[i];

		if (other == job || other->queue != job->queue ||
		    other->order != job->order)
			continue;
		if (other->state == MODEL_LEASED ||
		    (other->state == MODEL_WAITING && other->id < job->id))
			return false;
	}
	return true;
}

static struct model_job *best(struct job_model *model, unsigned queue)
{
	struct model_job *best = NULL;

	for (size_t i = 0; i < model->n_jobs; i++) {
		struct model_job *job = &model->jobs[i];

		if (job->queue != queue || !may_begin(model, job))
			continue;
		if (!best || job->priority > best->priority ||
		    (job->priority == best->priority && job->id < best->id))
			best = job;
	}
	return best;
}

enum model_verdict model_lease(struct job_model *model, unsigned queue,
			       unsigned worker, uint64_t life, unsigned max,
			       uint64_t lease_ms)
{
	begin(model);
	if (!model->queues[queue].is_there)
		return MODEL_NOT_FOUND;
	if (model->queues[queue].is_paused)
		return MODEL_OK;
	for (; max; max--) {
		struct model_job *job = best(model, queue);

		if (!job)
			break;
		job->state = MODEL_LEASED;
		job->attempts++;
		job->token = model->revision;
		job->worker = worker;
		job->life = life;
		job->until =
			model->now +
			(lease_ms ? lease_ms : model->queues[queue].lease_ms);
		job->permille = 0;
		change(model, job);
		model->leased[model->n_leased++] = job->id;
	}
	model->number = model->n_leased;
	return MODEL_OK;
}

/* Whose the token is, for as long as time lets it. */
static enum model_verdict find_leased(struct job_model *model, unsigned queue,
				      uint64_t id, uint64_t token,
				      struct model_job **ret_job)
{
	struct model_job *job = model_job(model, queue, id);

	begin(model);
	if (!model->queues[queue].is_there || !job)
		return MODEL_NOT_FOUND;
	if (job->state != MODEL_LEASED || job->token != token ||
	    job->until <= model->now || is_late(model, job))
		return MODEL_ABORTED;
	*ret_job = job;
	return MODEL_OK;
}

enum model_verdict model_extend(struct job_model *model, unsigned queue,
				uint64_t id, uint64_t token, uint64_t lease_ms,
				unsigned permille)
{
	struct model_job *job = NULL;
	enum model_verdict verdict = find_leased(model, queue, id, token, &job);
	uint64_t until;

	if (verdict != MODEL_OK)
		return verdict;
	until = model->now +
		(lease_ms ? lease_ms : model->queues[queue].lease_ms);
	if (lease_ms == UINT64_MAX || (!lease_ms && until < job->until))
		until = job->until;
	job->until = until;
	job->permille = permille;
	change(model, job);
	model->number = until;
	return MODEL_OK;
}

enum model_verdict model_complete(struct job_model *model, unsigned queue,
				  uint64_t id, uint64_t token,
				  const char *result)
{
	struct model_job *job = model_job(model, queue, id);
	enum model_verdict verdict;

	begin(model);
	if (job && job->state == MODEL_DONE && job->token == token) {
		model->was_there = true;
		return MODEL_OK;
	}
	verdict = find_leased(model, queue, id, token, &job);
	if (verdict != MODEL_OK)
		return verdict;
	if (*result && !has_room_for_result(model, queue, strlen(result)))
		return MODEL_EXHAUSTED;
	job = model_job(model, queue, id);
	end(model, job, MODEL_DONE);
	snprintf(job->result, sizeof(job->result), "%s", result);
	model->queues[queue].n_completed++;
	change(model, job);
	return MODEL_OK;
}

/* ---- failures ---- */

static unsigned attempts_max(const struct job_model *model,
			     const struct model_job *job)
{
	return job->attempts_max ? job->attempts_max
				 : model->queues[job->queue].attempts_max;
}

static uint64_t backoff(const struct job_model *model,
			const struct model_job *job)
{
	const struct model_queue *queue = &model->queues[job->queue];
	uint64_t ms = queue->backoff_ms << (job->attempts - 1);

	return ms < queue->backoff_max_ms ? ms : queue->backoff_max_ms;
}

static void wait_until(struct model_job *job, uint64_t when)
{
	job->state = MODEL_WAITING;
	job->not_before = when;
}

enum model_verdict model_fail(struct job_model *model, unsigned queue,
			      uint64_t id, uint64_t token, const char *error,
			      bool is_final, bool is_given_back)
{
	struct model_job *job = NULL;
	enum model_verdict verdict = find_leased(model, queue, id, token, &job);
	uint64_t ms;

	if (verdict != MODEL_OK)
		return verdict;
	snprintf(job->error, sizeof(job->error), "%s", error);
	ms = backoff(model, job);
	if (is_given_back) {
		job->attempts--;
		wait_until(job, 0);
	} else if (is_final || job->attempts >= attempts_max(model, job)) {
		end(model, job, MODEL_DEAD);
	} else {
		wait_until(job, ms ? model->now + ms : 0);
	}
	if (!is_given_back)
		model->queues[queue].n_failed++;
	change(model, job);
	model->number = job->state;
	return MODEL_OK;
}

static void lapse(struct job_model *model, struct model_job *job)
{
	snprintf(job->error, sizeof(job->error), "the lease lapsed");
	if (job->attempts >= attempts_max(model, job))
		end(model, job, MODEL_DEAD);
	else
		wait_until(job, 0);
	model->queues[job->queue].n_lapsed++;
	change(model, job);
}

static void be_late(struct job_model *model, struct model_job *job)
{
	snprintf(job->error, sizeof(job->error), "deadline");
	end(model, job, MODEL_DEAD);
	change(model, job);
}

void model_worker_down(struct job_model *model, unsigned worker, uint64_t life)
{
	begin(model);
	for (size_t i = 0; i < model->n_jobs; i++) {
		struct model_job *job = &model->jobs[i];

		if (job->state != MODEL_LEASED || job->worker != worker ||
		    (life && job->life != life))
			continue;
		if (is_late(model, job))
			be_late(model, job);
		else
			lapse(model, job);
	}
}

/* ---- ended by others ---- */

enum model_verdict model_cancel(struct job_model *model, unsigned queue,
				uint64_t id, unsigned owner)
{
	struct model_job *job = model_job(model, queue, id);

	begin(model);
	if (!job || (owner && job->submitter != owner))
		return MODEL_NOT_FOUND;
	if (!is_open(job)) {
		model->number = job->state;
		return MODEL_OK;
	}
	end(model, job, MODEL_CANCELLED);
	change(model, job);
	return MODEL_OK;
}

enum model_verdict model_retry(struct job_model *model, unsigned queue,
			       uint64_t id)
{
	struct model_job *job = model_job(model, queue, id);

	begin(model);
	if (!job)
		return MODEL_NOT_FOUND;
	model->was_there = is_open(job);
	if (model->was_there)
		return MODEL_OK;
	if (job->state == MODEL_DONE || is_late(model, job))
		return MODEL_PRECONDITION;
	if (!has_count(model, queue, job->submitter))
		return MODEL_EXHAUSTED;
	wait_until(job, 0);
	job->attempts = 0;
	job->ended = 0;
	job->forget = 0;
	change(model, job);
	return MODEL_OK;
}

void model_drop(struct job_model *model, unsigned queue)
{
	begin(model);
	for (size_t i = model->n_jobs; i--;)
		if (model->jobs[i].queue == queue)
			forget(model, &model->jobs[i]);
	model->queues[queue] = (struct model_queue){ .is_there = false };
	model->has_changed = true;
}

void model_pass(struct job_model *model)
{
	begin(model);
	for (size_t i = model->n_jobs; i--;) {
		struct model_job *job = &model->jobs[i];

		if (!is_open(job) && job->forget <= model->now)
			forget(model, job);
		else if (is_open(job) && is_late(model, job))
			be_late(model, job);
		else if (job->state == MODEL_LEASED && job->until <= model->now)
			lapse(model, job);
	}
}
