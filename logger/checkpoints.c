/* SPDX-License-Identifier: MIT */

#include "logger/checkpoints.h"

#include "base/clock.h"
#include "logger/fetch.h"
#include "logger/keeper.h"
#include "logger/log.h"
#include "logger/logger.h"

/*
 * Each one begins with a sync of the log beside the segment and ends with one
 * of the segment, beside which the writer's own waits.
 */
#define BETWEEN_NS (100 * NS_PER_MS)

/* In the reader's thread. What fails is left to the writer, who will see. */
static void run(struct task *task)
{
	struct keeper *keeper =
		container_of(task, struct keeper, checkpoints.task);

	if (fetch_view(keeper) == 0)
		view_checkpoint(keeper->view);
}

static void done(struct task *task)
{
	struct keeper *keeper =
		container_of(task, struct keeper, checkpoints.task);

	keeper->checkpoints.is_busy = false;
	keeper_fetched(keeper);
}

void checkpoints_tick(struct keeper *keeper, uint64_t now_ns)
{
	struct checkpoints *checkpoints = &keeper->checkpoints;

	if (!checkpoints->is_due || checkpoints->is_busy ||
	    keeper->state != KEEPER_OPEN)
		return;
	checkpoints->task.run = run;
	checkpoints->task.done = done;
	checkpoints->begun_ns = now_ns;
	checkpoints->is_busy = true;
	checkpoints->is_due = false;
	keeper->n_fetches++;
	worker_push(&keeper->logger->reader, &checkpoints->task);
}

void checkpoints_committed(struct keeper *keeper, uint64_t now_ns)
{
	keeper->checkpoints.is_due = true;
	if (now_ns - keeper->checkpoints.begun_ns >= BETWEEN_NS)
		checkpoints_tick(keeper, now_ns);
}
