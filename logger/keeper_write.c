/* SPDX-License-Identifier: MIT */

/* What a commit of a log does, in the writer's thread. */

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/list.h"
#include "logger/keeper.h"
#include "logger/logger.h"

static int find_keeping(const char *key, const void *value, size_t n_value,
			void *userdata)
{
	struct commit *commit = userdata;
	_cleanup_(keeping_freep) struct keeping *keeping = NULL;

	if (strlen(key) >= sizeof(keeping->key))
		return 0;
	keeping = keeping_new();
	if (!keeping || !keeping_add_value(keeping, n_value))
		return -ENOMEM;
	memcpy(keeping->key, key, strlen(key) + 1);
	if (n_value)
		memcpy(keeping->value, value, n_value);
	list_push_back(&commit->found, &take_ptr(keeping)->link);
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
static void store(struct commit *commit)
{
	struct keeper *keeper = commit->keeper;
	unsigned n_segments = log_status(keeper->log)->n_segments;
	int r = append(commit, keeper->log);
	bool is_broken = is_fault(r);

	commit->r_kept =
		is_broken ? -ESTALE : put_keepings(commit, keeper->log);
	is_broken |= is_fault(commit->r_kept);
	/* Whatever a new one makes too much goes at once. */
	if (log_status(keeper->log)->n_segments > n_segments)
		commit->wants_expiry = true;
	if (commit->wants_expiry && !is_broken)
		is_broken = is_fault(log_expire(keeper->log, clock_unix_ns()));
	if (is_broken || r == -ENOMEM)
		open_log(commit);
	keeper->went_well = r >= 0 && commit->r_kept >= 0 && !is_broken;
}

/*
 * The loop comes first after what did not go well: gaps may have to stand
 * before what was offered. See note_losses().
 */
static bool take_offered(struct commit *commit)
{
	struct keeper *keeper = commit->keeper;

	if (keeper->went_well)
		commit->batch = atomic_exchange_explicit(&keeper->offered, NULL,
							 memory_order_acq_rel);
	return commit->batch != NULL;
}

static void work(struct commit *commit)
{
	struct keeper *keeper = commit->keeper;

	keeper->went_well = false;
	if (commit->is_opening)
		open_log(commit);
	if (commit->r < 0)
		return;
	if (commit->has_limits && !commit->is_opening)
		log_set_limits(keeper->log, &commit->limits);
	store(commit);
	if (keeper->log)
		commit->status = *log_status(keeper->log);
	commit->has_status = keeper->log != NULL;
}

void keeper_run(struct task *task)
{
	struct commit *commit = container_of(task, struct commit, task);

	if (!commit->is_ahead || take_offered(commit))
		work(commit);
	commit->went_well = commit->keeper->went_well;
}
