/* SPDX-License-Identifier: MIT */

#include "storage/care.h"

#include "base/clock.h"
#include "storage/disk/journal.h"
#include "storage/service.h"

/*
 * Each one begins with a sync of the log beside the file and ends with one of
 * the file, beside which the writer's own waits.
 */
#define BETWEEN_NS (100 * NS_PER_MS)

void care_init(struct care *care, struct backend *backend, const char *path)
{
	*care = (struct care){ .backend = backend, .path = path };
}

void care_deinit(struct care *care)
{
	journal_care_close(care->handle);
	*care = (struct care){ .path = NULL };
}

/* What fails is left to the writer, who will see. */
static void run(struct task *task)
{
	struct care *care = container_of(task, struct care, task);

	if (!care->handle &&
	    journal_care_open(care->backend, care->path, &care->handle) < 0)
		return;
	if (journal_care_checkpoint(care->handle) < 0)
		care->handle = journal_care_close(care->handle);
}

static void done(struct task *task)
{
	container_of(task, struct care, task)->is_busy = false;
}

void care_tick(struct service *service)
{
	struct care *care = &service->care;

	if (!care->is_due || care->is_busy || service->commits.is_stuck)
		return;
	care->task.run = run;
	care->task.done = done;
	care->begun_ns = clock_now_ns();
	care->is_busy = true;
	care->is_due = false;
	worker_push(&service->carer, &care->task);
}

void care_committed(struct service *service)
{
	struct care *care = &service->care;

	care->is_due = true;
	if (clock_now_ns() - care->begun_ns >= BETWEEN_NS)
		care_tick(service);
}
