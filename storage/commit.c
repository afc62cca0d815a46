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
	/* After the disk was full, steps that nobody waits for. */
	OWN_PAUSE_MS = 1000,
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

static void batch_done(struct commits *commits, struct batch *batch)
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
	list_init(&commits->stalled);
}

void commits_deinit(struct commits *commits)
{
	batch_free(commits->filling);
	batch_free(commits->spare);
	free(commits->why);
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

/* The first batch after which this is on disk. */
static struct batch *batch_of(struct commits *commits, uint64_t revision)
{
	struct list *link;

	if (commits->writing && commits->writing->last >= revision)
		return commits->writing;
	list_for_each (link, &commits->full) {
		struct batch *batch = container_of(link, struct batch, link);

		if (batch->last >= revision)
			return batch;
	}
	return commits->filling;
}

void commit_wait(struct service *service, struct wish *wish, uint64_t revision)
{
	struct commits *commits = &service->commits;
	struct batch *batch = batch_of(commits, revision);

	list_push_back(batch ? &batch->wishes : &commits->stalled, &wish->link);
}

/* ---- in the writer's thread ---- */

static void reopen(struct commits *commits)
{
	commits->r_reopened =
		journal_reopen(commits->journal, &commits->last, &commits->why);
}

static void run(struct task *task)
{
	struct commits *commits = container_of(task, struct commits, task);

	commits->r_reopened = 1;
	if (!commits->is_reopening)
		commits->r = journal_commit(commits->journal, &commits->out);
	if (commits->is_reopening || commits->r == -EIO ||
	    commits->r == -ESTALE)
		reopen(commits);
}

/* ---- how it ended ---- */

static void settle(struct list *wishes, unsigned status, const char *reason)
{
	struct list round = LIST_INIT(round);

	list_splice_back(&round, wishes);
	while (!list_is_empty(&round))
		wish_settle(container_of(round.next, struct wish, link), status,
			    reason);
}

static void set_fault(struct service *service, const char *fault)
{
	if (!strcmp(service->fault, fault))
		return;
	snprintf(service->fault, sizeof(service->fault), "%s", fault);
	if (*fault)
		log_error("%s", fault);
	else
		log_info("the disk is well again");
	service_tell_health(service);
}

static void succeed(struct service *service, struct batch *batch)
{
	struct commits *commits = &service->commits;

	set_fault(service, "");
	commits->n_commits++;
	care_committed(service);
	if (!batch)
		return;
	state_commit(&service->state, batch->last);
	settle(&batch->wishes, HELIO_OK, NULL);
	batch_done(commits, batch);
}

/* What waits with all batches, and the batches are gone. */
static void gather(struct commits *commits, struct batch *batch,
		   struct list *ret_wishes)
{
	struct list *link;

	if (batch)
		list_push_front(&commits->full, &batch->link);
	if (commits->filling)
		list_push_back(&commits->full,
			       &take_ptr(commits->filling)->link);
	while ((link = list_pop_front(&commits->full))) {
		batch = container_of(link, struct batch, link);
		list_splice_back(ret_wishes, &batch->wishes);
		batch_done(commits, batch);
	}
}

static void take_back(struct service *service)
{
	state_revert(&service->state);
	news_reverted(service);
	service->pause_ms = service_now_ms(service) + OWN_PAUSE_MS;
}

/* It is known that nothing of it is on disk. */
static void fail(struct service *service, struct batch *batch, int r)
{
	bool is_full = r == -ENOSPC;
	struct list wishes = LIST_INIT(wishes);
	char reason[SERVICE_FAULT_BYTES];

	if (is_full)
		snprintf(reason, sizeof(reason), "the disk is full");
	else
		snprintf(reason, sizeof(reason), "the disk failed: %s",
			 strerror(-r));
	gather(&service->commits, batch, &wishes);
	take_back(service);
	set_fault(service, reason);
	settle(&wishes, is_full ? HELIO_RESOURCE_EXHAUSTED : HELIO_UNAVAILABLE,
	       reason);
}

/* Who waits is told so; what was applied stays until it is known. */
static void stick(struct service *service, struct batch *batch)
{
	struct commits *commits = &service->commits;
	struct list wishes = LIST_INIT(wishes);
	char reason[SERVICE_FAULT_BYTES];

	snprintf(
		reason, sizeof(reason),
		"the disk failed, and the store cannot be opened again: %s%s%s",
		strerror(-commits->r_reopened), commits->why ? ": " : "",
		commits->why ? commits->why : "");
	commits->is_stuck = true;
	gather(commits, batch, &wishes);
	set_fault(service, reason);
	settle(&wishes, HELIO_UNAVAILABLE, reason);
}

/* It is open again: what is on disk stays, and what is not was never there. */
static void unstick(struct service *service)
{
	struct commits *commits = &service->commits;

	commits->is_stuck = false;
	state_commit(&service->state, commits->last);
	take_back(service);
	set_fault(service, "");
	settle(&commits->stalled, HELIO_UNAVAILABLE, "");
}

static void done(struct task *task)
{
	struct commits *commits = container_of(task, struct commits, task);
	struct service *service =
		container_of(commits, struct service, commits);
	struct batch *batch = take_ptr(commits->writing);
	bool is_known = commits->r_reopened >= 0;

	commits->is_busy = false;
	if (!commits->is_reopening)
		snapshot_done(&commits->snapshot, commits->r);
	if (commits->is_reopening && is_known)
		unstick(service);
	else if (commits->is_reopening)
		(void)0;
	else if (commits->r >= 0 || (commits->r_reopened == 0 && batch &&
				     commits->last >= batch->last))
		succeed(service, batch);
	else if (is_known)
		fail(service, batch, commits->r);
	else
		stick(service, batch);
	free(take_ptr(commits->why));
	commit_begin(service);
}

/* ---- beginning ---- */

static struct batch *next_batch(struct commits *commits)
{
	struct list *link = list_pop_front(&commits->full);

	if (link)
		return container_of(link, struct batch, link);
	return take_ptr(commits->filling);
}

static void push(struct service *service)
{
	struct commits *commits = &service->commits;

	commits->task.run = run;
	commits->task.done = done;
	commits->r = 0;
	commits->is_busy = true;
	worker_push(&service->writer, &commits->task);
}

/*
 * A piece has what is on disk with it and no more, so there is none with a
 * batch behind which others wait already.
 */
static void fill(struct service *service, const struct batch *batch)
{
	struct commits *commits = &service->commits;

	commits->out = (struct journal_batch){ .first = 0 };
	if (batch) {
		commits->out.first = batch->first;
		commits->out.last = batch->last;
		commits->out.steps = batch->steps.bytes;
		commits->out.n_steps = batch->steps.n;
	}
	if (!commits->filling && list_is_empty(&commits->full))
		snapshot_fill(&commits->snapshot, &service->state,
			      commits->journal, &commits->out);
}

void commit_begin(struct service *service)
{
	struct commits *commits = &service->commits;
	struct batch *batch;

	if (commits->is_busy || commits->is_stuck)
		return;
	batch = next_batch(commits);
	if (!batch && (!commits->snapshot.is_running || !service->is_open))
		return;
	commits->writing = batch;
	commits->is_reopening = false;
	fill(service, batch);
	push(service);
}

void commit_retry(struct service *service)
{
	struct commits *commits = &service->commits;

	if (commits->is_busy || !commits->is_stuck)
		return;
	commits->is_reopening = true;
	push(service);
}
