/* SPDX-License-Identifier: MIT */

/* What a log has on disk: the writer's side of it, and what it made of it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/diag.h"
#include "logger/capture.h"
#include "logger/keeper.h"
#include "logger/logger.h"
#include "rpc/heliograph.h"

/* The memory of a batch that is kept for the next. */
enum { SPARE_BYTES_MAX = 4 * 1024 * 1024 };

/* ---- in the writer's thread ---- */

static int find_keeping(const char *key, const void *value, size_t n_value,
			void *userdata)
{
	struct commit *commit = userdata;
	struct keeping *keeping = calloc(1, sizeof(*keeping));

	if (!keeping)
		return -ENOMEM;
	list_init(&keeping->link);
	if (strlen(key) >= sizeof(keeping->key))
		goto skip;
	memcpy(keeping->key, key, strlen(key) + 1);
	keeping->value = malloc(n_value + 1);
	if (!keeping->value) {
		free(keeping);
		return -ENOMEM;
	}
	if (n_value)
		memcpy(keeping->value, value, n_value);
	keeping->n_value = n_value;
	list_push_back(&commit->found, &keeping->link);
	return 0;
skip:
	free(keeping);
	return 0;
}

/* Of schemas it is enough to know that they are there. */
static int find_schema(const char *key, const void *value, size_t n_value,
		       void *userdata)
{
	return find_keeping(key, value, 0, userdata);
}

static int find_kept(struct commit *commit, struct log *log)
{
	int r = log_state_each(log, "config", find_keeping, commit);

	if (r == 0)
		r = log_state_each(log, "cursor/", find_keeping, commit);
	if (r == 0)
		r = log_state_each(log, "schema/", find_schema, commit);
	return r;
}

static void open_log(struct commit *commit)
{
	struct keeper *keeper = commit->keeper;
	struct log_limits limits = { 0 };

	if (commit->has_limits)
		limits = commit->limits;
	keeper->log = log_close(keeper->log);
	commit->r =
		log_open(keeper->logger->backend, keeper->folder,
			 commit->is_new, &limits, &keeper->log, &commit->why);
	if (commit->r == 0 && commit->is_opening)
		commit->r = find_kept(commit, keeper->log);
	if (commit->r < 0)
		keeper->log = log_close(keeper->log);
}

static int put(struct log *log, const struct keeping *keeping)
{
	return keeping->is_delete
		       ? log_state_delete(log, keeping->key)
		       : log_state_put(log, keeping->key, keeping->value,
				       keeping->n_value);
}

static int put_keepings(struct commit *commit, struct log *log)
{
	struct list *link;
	int r = 0;

	if (list_is_empty(&commit->keepings))
		return 0;
	list_for_each (link, &commit->keepings) {
		r = put(log, container_of(link, struct keeping, link));
		if (r < 0)
			return r;
	}
	return log_state_commit(log);
}

static uint64_t unix_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static bool is_fault(int r)
{
	return r < 0 && r != -ENOSPC && r != -ENOMEM && r != -EDQUOT;
}

/* Where gaps cannot be stored, what comes after them is not tried. */
static int append(struct commit *commit, struct log *log)
{
	int r = 0;

	if (commit->gaps) {
		batch_append(commit->gaps, log);
		r = commit->gaps->r;
	}
	if (!commit->batch)
		return r;
	if (r < 0)
		commit->batch->r = r;
	else
		batch_append(commit->batch, log);
	return commit->batch->r;
}

/*
 * After a fault nobody knows what is on disk: the log is closed and opened,
 * which finds out, before anything else is stored.
 */
static void run(struct task *task)
{
	struct commit *commit = container_of(task, struct commit, task);
	struct keeper *keeper = commit->keeper;
	unsigned n_segments;
	bool is_broken;
	int r;

	if (commit->is_opening)
		open_log(commit);
	if (commit->r < 0)
		return;
	if (commit->has_limits && !commit->is_opening)
		log_set_limits(keeper->log, &commit->limits);
	n_segments = log_status(keeper->log)->n_segments;
	r = append(commit, keeper->log);
	is_broken = is_fault(r);
	commit->r_kept =
		is_broken ? -ESTALE : put_keepings(commit, keeper->log);
	is_broken |= is_fault(commit->r_kept);
	/* Whatever a new one makes too much goes at once. */
	if (log_status(keeper->log)->n_segments > n_segments)
		commit->wants_expiry = true;
	if (commit->wants_expiry && !is_broken)
		is_broken = is_fault(log_expire(keeper->log, unix_ns()));
	if (is_broken || r == -ENOMEM)
		open_log(commit);
	if (keeper->log)
		commit->status = *log_status(keeper->log);
}

/* ---- in the loop ---- */

static void end_keepings(struct commit *commit, int r)
{
	struct list *link;

	while ((link = list_pop_front(&commit->keepings))) {
		struct keeping *keeping =
			container_of(link, struct keeping, link);

		if (keeping->on_kept)
			keeping->on_kept(keeping, r);
		free(keeping->value);
		free(keeping);
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

	keeper->is_committing = false;
	if (commit->r == 0)
		keeper->status = commit->status;
	if (commit->r < 0 || commit->is_opening)
		keeper_opened(keeper);
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

static bool has_work(const struct keeper *keeper)
{
	return !list_is_empty(&keeper->full) ||
	       (keeper->filling && !batch_is_empty(keeper->filling)) ||
	       !list_is_empty(&keeper->keepings) || keeper->wants_expiry ||
	       keeper->has_new_limits;
}

static void push(struct keeper *keeper)
{
	struct commit *commit = &keeper->commit;

	commit->task.run = run;
	commit->task.done = done;
	commit->keeper = keeper;
	commit->r = 0;
	commit->r_kept = 0;
	if (keeper->has_new_limits && keeper->config.proto) {
		commit->has_limits = true;
		config_limits(&keeper->config, &commit->limits);
	}
	commit->wants_expiry = keeper->wants_expiry;
	keeper->wants_expiry = false;
	keeper->has_new_limits = false;
	list_init(&commit->keepings);
	list_splice_back(&commit->keepings, &keeper->keepings);
	keeper->is_committing = true;
	worker_push(&keeper->logger->writer, &commit->task);
}

void keeper_commit(struct keeper *keeper)
{
	if (keeper->is_committing)
		return;
	if (keeper->state == KEEPER_FAILED || keeper->state == KEEPER_DAMAGED)
		fail_waiting(keeper);
	if (!keeper->has_log || !has_work(keeper))
		return;
	keeper->commit.is_opening = false;
	keeper->commit.is_new = false;
	keeper->commit.batch = next_batch(keeper);
	keeper->commit.gaps =
		keeper->commit.batch ? keeper_take_gaps(keeper) : NULL;
	push(keeper);
}

void keeper_open(struct keeper *keeper, bool is_new)
{
	keeper->commit.is_opening = true;
	keeper->commit.is_new = is_new;
	keeper->commit.batch = NULL;
	list_init(&keeper->commit.found);
	push(keeper);
}

void keeper_keep(struct keeper *keeper, struct keeping *keeping)
{
	list_init(&keeping->link);
	list_push_back(&keeper->keepings, &keeping->link);
	keeper_stir(keeper);
}
