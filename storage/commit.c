/* SPDX-License-Identifier: MIT */

#include "storage/commit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "rpc/heliograph.h"
#include "storage/news.h"
#include "storage/service.h"
#include "storage/state/record.h"
#include "storage/wish.h"

enum {
	/* Of a batch: with a step that was added when it was almost full. */
	STEPS_BYTES_MAX = 2 * BATCH_BYTES,
	SPARE_BYTES_MAX = 4 * 1024 * 1024,
};

/* ---- batches ---- */

static struct batch *batch_free(struct batch *batch)
{
	if (batch)
		buffer_deinit(&batch->steps);
	free(batch);
	return NULL;
}

static struct batch *batch_new(struct commits *commits)
{
	struct batch *batch = take_ptr(commits->spare);

	if (!batch)
		batch = calloc(1, sizeof(*batch));
	if (!batch)
		return NULL;
	if (!batch->steps.n_bytes_max)
		buffer_init(&batch->steps, STEPS_BYTES_MAX);
	buffer_clear(&batch->steps);
	batch->first = batch->last = 0;
	list_init(&batch->link);
	list_init(&batch->wishes);
	return batch;
}

void batch_done(struct commits *commits, struct batch *batch)
{
	if (commits->spare || batch->steps.n_max > SPARE_BYTES_MAX)
		batch_free(batch);
	else
		commits->spare = batch;
}

void commits_init(struct commits *commits, struct journal *journal,
		  uint64_t snapshot_bytes)
{
	*commits = (struct commits){ .journal = journal };
	snapshot_init(&commits->snapshot);
	if (snapshot_bytes)
		commits->snapshot.journal_bytes = snapshot_bytes;
	list_init(&commits->full);
	list_init(&commits->writing);
	list_init(&commits->stalled);
}

void commits_deinit(struct commits *commits)
{
	batch_free(commits->filling);
	batch_free(commits->spare);
	snapshot_deinit(&commits->snapshot);
	journal_close(commits->journal);
	*commits = (struct commits){ .journal = NULL };
}

/* ---- gathering ---- */

static int add(struct service *service, struct batch *batch,
	       struct draft *draft)
{
	size_t n = batch->steps.n;
	struct queue *dropped = news_look(service, &draft->step);
	int r = lanes_name(&service->outbox.lanes, draft);

	if (r == 0)
		r = record_add(&batch->steps, &draft->step.base);
	if (r == 0)
		r = state_apply(&service->state, &draft->step);
	if (r < 0) {
		batch->steps.n = n;
		lanes_forget(&service->outbox.lanes);
		return r;
	}
	if (!batch->first)
		batch->first = draft->step.revision;
	batch->last = draft->step.revision;
	service->commits.n_steps++;
	news_tell(service, &draft->step, dropped);
	return 0;
}

int commit_step(struct service *service, struct draft *draft)
{
	struct commits *commits = &service->commits;
	int r;

	if (!draft->step.n_changes)
		return 0;
	commits_take_back(commits);
	if (!commits->filling)
		commits->filling = batch_new(commits);
	if (!commits->filling)
		return -ENOMEM;
	r = add(service, commits->filling, draft);
	if (commits->filling->steps.n >= BATCH_BYTES)
		list_push_back(&commits->full,
			       &take_ptr(commits->filling)->link);
	return r;
}

void commits_take_back(struct commits *commits)
{
	struct batch *batch = take_ptr(commits->waiting);

	if (!batch)
		return;
	if (atomic_exchange_explicit(&commits->offered, NULL,
				     memory_order_acq_rel))
		commits->filling = batch;
	else
		list_push_back(&commits->writing, &batch->link);
}

static struct batch *find(struct list *batches, uint64_t revision)
{
	struct list *link;

	list_for_each (link, batches) {
		struct batch *batch = container_of(link, struct batch, link);

		if (batch->last >= revision)
			return batch;
	}
	return NULL;
}

/* The first batch after which this is on disk. */
static struct batch *batch_of(struct commits *commits, uint64_t revision)
{
	struct batch *batch = find(&commits->writing, revision);

	if (!batch && commits->waiting && commits->waiting->last >= revision)
		batch = commits->waiting;
	if (!batch)
		batch = find(&commits->full, revision);
	return batch ? batch : commits->filling;
}

void commit_wait(struct service *service, struct wish *wish, uint64_t revision)
{
	struct commits *commits = &service->commits;
	struct batch *batch = batch_of(commits, revision);

	list_push_back(batch ? &batch->wishes : &commits->stalled, &wish->link);
}

uint64_t commits_last_under_way(const struct service *service)
{
	const struct commits *commits = &service->commits;

	if (commits->waiting)
		return commits->waiting->last;
	if (!list_is_empty(&commits->writing))
		return const_container_of(commits->writing.prev, struct batch,
					  link)
			->last;
	return service->state.committed;
}

/* ---- in the writer's thread ---- */

static void set_steps(struct journal_batch *out, const struct batch *batch)
{
	out->first = batch->first;
	out->last = batch->last;
	out->steps = batch->steps.bytes;
	out->n_steps = batch->steps.n;
}

static void reopen(struct commit *commit)
{
	commit->r_reopened = journal_reopen(commit->commits->journal,
					    &commit->last, &commit->why);
}

/* After what did not go well the steps that are offered are taken back. */
static bool take_offered(struct commit *commit)
{
	struct commits *commits = commit->commits;

	if (commits->went_well)
		commit->batch = atomic_exchange_explicit(
			&commits->offered, NULL, memory_order_acq_rel);
	if (commit->batch)
		set_steps(&commit->out, commit->batch);
	return commit->batch != NULL;
}

static void work(struct commit *commit)
{
	struct commits *commits = commit->commits;

	if (!commit->is_reopening)
		commit->r = journal_commit(commits->journal, &commit->out);
	if (commit->is_reopening || commit->r == -EIO || commit->r == -ESTALE)
		reopen(commit);
	commits->went_well = !commit->is_reopening && commit->r >= 0;
	journal_size(commits->journal, &commit->size);
}

static void run(struct task *task)
{
	struct commit *commit = container_of(task, struct commit, task);

	if (!commit->is_ahead || take_offered(commit))
		work(commit);
	commit->went_well = commit->commits->went_well;
}

/* ---- beginning ---- */

struct batch *commits_next(struct commits *commits)
{
	struct list *link = list_pop_front(&commits->full);

	if (link)
		return container_of(link, struct batch, link);
	return take_ptr(commits->filling);
}

static struct commit *commit_new(struct commits *commits)
{
	struct commit *commit = &commits->commits[commits->commits[0].is_busy];

	*commit = (struct commit){
		.task = { .run = run, .done = commit_done },
		.commits = commits,
		.r_reopened = 1,
	};
	return commit;
}

static void push(struct service *service, struct commit *commit)
{
	commit->is_busy = true;
	service->commits.n_busy++;
	worker_push(&service->writer, &commit->task);
}

/*
 * A commit is under way: what fills is offered to the writer, who takes it when
 * he comes to a commit that is ahead. There is one behind the first. What a
 * snapshot has to do with a commit is for the loop to begin.
 *
 * After one that did not go well he takes nothing, until the loop has begun the
 * next: so those that are under way come to their end first.
 */
static void offer(struct service *service)
{
	struct commits *commits = &service->commits;
	struct commit *commit;

	if (!commits->filling || !list_is_empty(&commits->full) ||
	    !service->is_open || commits->is_held ||
	    snapshot_wants_part(&commits->snapshot, &commits->size))
		return;
	commits->waiting = take_ptr(commits->filling);
	atomic_store_explicit(&commits->offered, commits->waiting,
			      memory_order_release);
	if (commits->n_busy > 1)
		return;
	commit = commit_new(commits);
	commit->is_ahead = true;
	push(service, commit);
}

/*
 * A piece has what is on disk with it and no more, so there is none with a
 * batch behind which others wait already.
 */
static void fill(struct service *service, struct commit *commit)
{
	struct commits *commits = &service->commits;

	if (commit->batch) {
		set_steps(&commit->out, commit->batch);
		list_push_back(&commits->writing, &commit->batch->link);
	}
	if (!commits->filling && list_is_empty(&commits->full))
		snapshot_fill(&commits->snapshot, &service->state,
			      commits->journal, &commit->out);
}

static void begin(struct service *service)
{
	struct commits *commits = &service->commits;
	struct batch *batch = commits_next(commits);
	struct commit *commit;

	if (!batch && (!commits->snapshot.is_running || !service->is_open))
		return;
	commit = commit_new(commits);
	commit->batch = batch;
	fill(service, commit);
	push(service, commit);
}

void commit_begin(struct service *service)
{
	struct commits *commits = &service->commits;

	if (commits->is_stuck)
		return;
	commits_take_back(commits);
	if (commits->n_busy)
		offer(service);
	else
		begin(service);
}

void commit_retry(struct service *service)
{
	struct commits *commits = &service->commits;
	struct commit *commit;

	if (commits->n_busy || !commits->is_stuck)
		return;
	commit = commit_new(commits);
	commit->is_reopening = true;
	push(service, commit);
}
