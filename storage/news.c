/* SPDX-License-Identifier: MIT */

#include "storage/news.h"

#include "storage/follow.h"
#include "storage/lease.h"
#include "storage/service.h"
#include "storage/state/queue.h"

#define WHAT(name) HELIO__STORE__V1__CHANGE__WHAT_##name

struct queue *news_look(const struct service *service,
			const Helio__Store__V1__Step *step)
{
	for (size_t i = 0; i < step->n_changes; i++) {
		const Helio__Store__V1__Change *change = step->changes[i];

		if (change->what_case == WHAT(QUEUE_DROPPED))
			return queue_lookup(&service->state,
					    change->queue_dropped);
	}
	return NULL;
}

static void tell_changed(struct service *service,
			 const Helio__Store__V1__Job *change)
{
	struct queue *queue;
	struct job *job;

	service->has_ready = true;
	if (list_is_empty(&service->follows))
		return;
	queue = queue_lookup(&service->state, change->queue);
	job = queue ? queue_job(queue, change->id) : NULL;
	if (job && !list_is_empty(&job->followers))
		follows_changed(job);
}

void news_tell(struct service *service, const Helio__Store__V1__Step *step,
	       struct queue *dropped)
{
	for (size_t i = 0; i < step->n_changes; i++) {
		const Helio__Store__V1__Change *change = step->changes[i];

		if (change->what_case == WHAT(JOB_CHANGED))
			tell_changed(service, change->job_changed);
		else if (change->what_case == WHAT(JOB) ||
			 change->what_case == WHAT(QUEUE))
			service->has_ready = true;
	}
	if (dropped) {
		follows_dropped(service, dropped->name, step->revision);
		leases_dropped(dropped);
	}
}

void news_reverted(struct service *service)
{
	outbox_reverted(&service->outbox);
	follows_reverted(service);
	service->has_ready = true;
}
