/* SPDX-License-Identifier: MIT */

/* What became of a commit, and of all that waits for it. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "rpc/heliograph.h"
#include "storage/commit.h"
#include "storage/news.h"
#include "storage/service.h"
#include "storage/wish.h"

/* After the disk was full, steps that nobody waits for. */
enum { OWN_PAUSE_MS = 1000 };

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
	commits_take_back(commits);
	if (!batch)
		batch = commits_next(commits);
	for (; batch; batch = commits_next(commits)) {
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
static void stick(struct service *service, const struct commit *commit,
		  struct batch *batch)
{
	struct commits *commits = &service->commits;
	struct list wishes = LIST_INIT(wishes);
	char reason[SERVICE_FAULT_BYTES];

	snprintf(
		reason, sizeof(reason),
		"the disk failed, and the store cannot be opened again: %s%s%s",
		strerror(-commit->r_reopened), commit->why ? ": " : "",
		commit->why ? commit->why : "");
	commits->is_stuck = true;
	gather(commits, batch, &wishes);
	set_fault(service, reason);
	settle(&wishes, HELIO_UNAVAILABLE, reason);
}

/* It is open again: what is on disk stays, and what is not was never there. */
static void unstick(struct service *service, uint64_t last)
{
	struct commits *commits = &service->commits;

	commits->is_stuck = false;
	state_commit(&service->state, last);
	take_back(service);
	set_fault(service, "");
	settle(&commits->stalled, HELIO_UNAVAILABLE, "");
}

static void reopened(struct service *service, const struct commit *commit)
{
	if (commit->r_reopened >= 0)
		unstick(service, commit->last);
}

static void written(struct service *service, const struct commit *commit)
{
	struct commits *commits = &service->commits;
	struct batch *batch = commit->batch;

	if (batch)
		list_unlink(&batch->link);
	commits->size = commit->size;
	snapshot_done(&commits->snapshot, commit->r);
	if (commit->r >= 0 ||
	    (commit->r_reopened == 0 && batch && commit->last >= batch->last))
		succeed(service, batch);
	else if (commit->r_reopened >= 0)
		fail(service, batch, commit->r);
	else
		stick(service, commit, batch);
}

void commit_done(struct task *task)
{
	struct commit *commit = container_of(task, struct commit, task);
	struct commits *commits = commit->commits;
	struct service *service =
		container_of(commits, struct service, commits);

	commit->is_busy = false;
	commits->n_busy--;
	commits->is_held |= !commit->went_well;
	commits->is_held &= commits->n_busy > 0;
	commits_take_back(commits);
	if (commit->is_reopening)
		reopened(service, commit);
	else if (!commit->is_ahead || commit->batch)
		written(service, commit);
	free(take_ptr(commit->why));
	commit_begin(service);
}
