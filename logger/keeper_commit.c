/* SPDX-License-Identifier: MIT */

/* Commits of a log: begun, and what became of them. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "logger/capture.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"

/* The memory of a batch that is kept for the next. */
enum { SPARE_BYTES_MAX = 4 * 1024 * 1024 };

/* ---- how it ended ---- */

static void end_keepings(struct commit *commit, int r)
{
	struct list *link;

	while ((link = list_pop_front(&commit->keepings))) {
		struct keeping *keeping =
			container_of(link, struct keeping, link);

		if (keeping->on_kept)
			keeping->on_kept(keeping, r);
		keeping_free(keeping);
	}
}

/*
 * What failed was never there: it is a gap, for whom nobody told. That stands
 * before whatever is stored next, also if it waits already.
 */
static void note_losses(struct batch *batch)
{
	const char *reason = batch->r == -ENOSPC ? "disk-full" : "fault";

	for (size_t i = 0; i < batch->n_parts; i++) {
		const struct batch_part *part = &batch->parts[i];

		if (batch->r && (part->is_gap || part->n_plain))
			part->capture->is_loss_first = true;
		if (part->is_gap && batch->r)
			capture_lose(part->capture, part->n_lost, reason);
		else if (part->status != HELIO_OK && part->n_plain)
			capture_lose(part->capture, part->n_plain, "refused");
		else if (batch->r && part->n_plain)
			capture_lose(part->capture, part->n_plain, reason);
	}
}

static void answer(struct keeper *keeper, const struct batch *batch)
{
	struct batch_walk walk = { 0 };
	struct batch_answer one;

	while (batch_next_answer(batch, &walk, &one)) {
		capture_answer(one.capture, one.n, one.status, one.sequence,
			       one.is_duplicate);
		/* Of what the log refused, see note_losses() for the rest. */
		if (!batch->r && one.is_plain && one.is_verdict &&
		    one.status != HELIO_OK)
			capture_lose(one.capture, one.n, "refused");
		if (one.is_duplicate)
			keeper->stats.n_duplicates += one.n;
		else if (one.status != HELIO_OK)
			keeper->stats.n_refused += one.n;
	}
}

static void remember(struct keeper *keeper, struct batch *batch)
{
	uint64_t n = batch_n_stored(batch);
	const void *pieces[2];
	size_t lengths[2];

	keeper->stats.n_stored += n;
	keeper->stats.n_commits++;
	if (!n || list_is_empty(&keeper->followers)) {
		tail_clear(&keeper->tail);
		return;
	}
	if (run_builder_finish(&batch->builder, batch->first, pieces, lengths) <
	    0) {
		tail_clear(&keeper->tail);
		return;
	}
	tail_push(&keeper->tail, batch->first, batch->first + n - 1, pieces,
		  lengths);
}

static void settle_batch(struct keeper *keeper, struct batch *batch)
{
	bool was_full = keeper->is_full;

	logger_waiting(keeper->logger, -(int64_t)batch->n_counted);
	batch->n_counted = 0;
	if (batch->r < 0)
		log_warning("%s: nothing is stored: %s", keeper->name,
			    strerror(-batch->r));
	answer(keeper, batch);
	note_losses(batch);
	if (batch->r == 0 && batch->n_records)
		remember(keeper, batch);
	keeper->is_full =
		batch->r == -ENOSPC || (keeper->is_full && !batch->n_records);
	if (was_full != keeper->is_full)
		keeper_tell_fault(keeper);
	if (keeper->spare || batch->builder.n_bytes_max > SPARE_BYTES_MAX) {
		batch_free(batch);
		return;
	}
	batch_clear(batch);
	keeper->spare = batch;
}

void keeper_tell_news(struct keeper *keeper)
{
	struct list round = LIST_INIT(round);
	struct list *link;

	list_splice_back(&round, &keeper->followers);
	while ((link = list_pop_front(&round))) {
		struct follower *follower =
			container_of(link, struct follower, link);

		list_push_back(&keeper->followers, link);
		follower->on_news(follower);
	}
}

static void done(struct task *task)
{
	struct commit *commit = container_of(task, struct commit, task);
	struct keeper *keeper = commit->keeper;
	uint64_t last = keeper->status.last;

	keeper->is_held |= !commit->went_well;
	if (commit->r == 0 && commit->has_status)
		keeper->status = commit->status;
	if (commit->r < 0 || commit->is_opening)
		keeper_opened(keeper, commit);
	if (commit->gaps)
		settle_batch(keeper, take_ptr(commit->gaps));
	if (commit->batch) {
		if (commit->batch->r == 0)
			checkpoints_committed(keeper, clock_now_ns());
		settle_batch(keeper, take_ptr(commit->batch));
	}
	end_keepings(commit, commit->r < 0 ? commit->r : commit->r_kept);
	if (keeper->status.last != last || keeper->state != KEEPER_OPEN)
		keeper_tell_news(keeper);
	/* Whoever is told may want another, which must not take its place. */
	commit->is_busy = false;
	keeper->n_committing--;
	keeper->is_held &= keeper->n_committing > 0;
	keeper_commit(keeper);
	keeper_close_if_idle(keeper);
}

static struct batch *next_batch(struct keeper *keeper)
{
	struct list *link = list_pop_front(&keeper->full);
	struct batch *batch;

	if (link)
		return container_of(link, struct batch, link);
	if (!keeper->filling || batch_is_empty(keeper->filling))
		return NULL;
	batch = keeper->filling;
	keeper->filling = NULL;
	return batch;
}

/* A log that failed is opened first; what waits meanwhile is not stored. */
static void fail_waiting(struct keeper *keeper)
{
	struct batch *batch;

	while ((batch = next_batch(keeper))) {
		batch->r = keeper->is_full ? -ENOSPC : -EIO;
		settle_batch(keeper, batch);
	}
}

static bool is_filled(const struct keeper *keeper)
{
	return keeper->filling && !batch_is_empty(keeper->filling);
}

/* Other than what fills, which is for the loop alone to begin. */
static bool has_own_work(const struct keeper *keeper)
{
	return !list_is_empty(&keeper->full) ||
	       !list_is_empty(&keeper->keepings) || keeper->wants_expiry ||
	       keeper->has_new_limits;
}

static struct commit *commit_new(struct keeper *keeper)
{
	struct commit *commit = &keeper->commits[keeper->commits[0].is_busy];

	*commit = (struct commit){
		.keeper = keeper,
		.task = { .run = keeper_run, .done = done },
	};
	list_init(&commit->keepings);
	list_init(&commit->found);
	if (keeper->config.proto) {
		commit->has_limits = true;
		config_limits(&keeper->config, &commit->limits);
	}
	return commit;
}

static void push(struct keeper *keeper, struct commit *commit)
{
	commit->is_busy = true;
	keeper->n_committing++;
	worker_push(&keeper->logger->writer, &commit->task);
}

static void push_whole(struct keeper *keeper, struct commit *commit)
{
	commit->wants_expiry = keeper->wants_expiry;
	keeper->wants_expiry = false;
	keeper->has_new_limits = false;
	list_splice_back(&commit->keepings, &keeper->keepings);
	push(keeper, commit);
}

/* ---- ahead of the loop ---- */

static bool has_first_gap(const struct keeper *keeper)
{
	const struct list *link;

	list_for_each (link, &keeper->captures)
		if (const_container_of(link, struct capture, link)
			    ->is_loss_first)
			return true;
	return false;
}

/* What waits is for the loop alone to begin, or for nobody. */
static bool is_offered(const struct keeper *keeper)
{
	return keeper->state == KEEPER_OPEN && keeper->logger->is_open &&
	       !keeper->is_held && is_filled(keeper) && !has_own_work(keeper) &&
	       !has_first_gap(keeper);
}

/*
 * A commit is under way: what fills is offered to the writer, who takes it when
 * he comes to a commit that is ahead. There is one behind the first.
 *
 * After one that did not go well he takes nothing, until the loop has begun the
 * next: so those that are under way come to their end first. And once he has
 * stopped, what is pushed is done before what he did is told.
 */
static void offer(struct keeper *keeper)
{
	struct commit *commit;

	if (!is_offered(keeper))
		return;
	atomic_store_explicit(&keeper->offered, take_ptr(keeper->filling),
			      memory_order_release);
	if (keeper->n_committing > 1)
		return;
	commit = commit_new(keeper);
	commit->is_ahead = true;
	push(keeper, commit);
}

/* ---- beginning ---- */

void keeper_commit(struct keeper *keeper)
{
	struct commit *commit;

	keeper_take_back(keeper);
	if (keeper->n_committing) {
		offer(keeper);
		return;
	}
	if (keeper->state == KEEPER_FAILED || keeper->state == KEEPER_DAMAGED)
		fail_waiting(keeper);
	if (!keeper->has_log || (!has_own_work(keeper) && !is_filled(keeper)))
		return;
	commit = commit_new(keeper);
	commit->batch = next_batch(keeper);
	commit->gaps = commit->batch ? keeper_take_gaps(keeper) : NULL;
	push_whole(keeper, commit);
}

void keeper_open(struct keeper *keeper, bool is_new)
{
	struct commit *commit = commit_new(keeper);

	commit->is_opening = true;
	commit->is_new = is_new;
	push_whole(keeper, commit);
}

void keeper_keep(struct keeper *keeper, struct keeping *keeping)
{
	list_init(&keeping->link);
	list_push_back(&keeper->keepings, &keeping->link);
	keeper_stir(keeper);
}
