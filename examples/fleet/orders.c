/* SPDX-License-Identifier: MIT */

#include "orders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGAIN_MS = 1000 };

/*
 * What a job writes, under conditions: this host is still there, and nothing
 * has changed since the order was given. Without `order` the first alone.
 */
static int complete(struct presence *presence, struct helio_work *work,
		    const Fleet__V1__Order *order)
{
	char host[STORE_KEY_BYTES], actual[STORE_KEY_BYTES],
		wanted[STORE_KEY_BYTES];
	struct store_value next = { 0 };
	int r;

	store_key(host, "host", presence->host);
	if (order) {
		store_key(actual, "actual", order->name);
		store_key(wanted, "wanted", order->name);
		next = store_pack(&order->next->base);
	}
	const struct helio_store_condition conditions[] = {
		{ .bucket = STORE_BUCKET,
		  .key = host,
		  .has_value = true,
		  .value = presence->value.bytes,
		  .n_value = presence->value.n },
		{ .bucket = STORE_BUCKET,
		  .key = actual,
		  .has_revision = true,
		  .revision = order ? order->actual_revision : 0 },
		{ .bucket = STORE_BUCKET,
		  .key = wanted,
		  .has_revision = true,
		  .revision = order ? order->wanted_revision : 0 },
	};
	const struct helio_store_write write = {
		.bucket = STORE_BUCKET,
		.key = actual,
		.value = next.bytes,
		.n_value = next.n,
	};
	const struct helio_store_transaction transaction = {
		.conditions = conditions,
		.n_conditions = order ? 3 : 1,
		.writes = &write,
		.n_writes = order ? 1 : 0,
	};

	r = helio_work_complete(work, NULL, 0, &transaction);
	free(next.bytes);
	return r;
}

static void on_job(struct helio_worker *jobs, struct helio_work *work,
		   const struct helio_job *job, void *userdata)
{
	const struct helio_work_failure failure = {
		.error = "it is no order",
		.is_final = true,
	};
	struct presence *presence = userdata;
	Fleet__V1__Order *order =
		fleet__v1__order__unpack(NULL, job->n_body, job->body);

	(void)jobs;
	if (!order || !order->name || !store_is_name(order->name) ||
	    !order->next) {
		(void)helio_work_fail(work, &failure);
	} else {
		free(order->next->host);
		order->next->host = store_must(strdup(presence->host));
		order->next->has_life = 1;
		order->next->life = presence->life;
		(void)complete(presence, work, order);
	}
	fleet__v1__order__free_unpacked(order, NULL);
}

/*
 * An order whose time is over is complete without any effect. That it is the
 * order's fault and not ours is known if we are still there.
 */
static void on_settled(struct helio_worker *jobs, struct helio_work *work,
		       unsigned status, const char *reason, void *userdata)
{
	const struct helio_work_failure failure = {
		.error = reason,
		.has_delay = true,
		.delay_ms = AGAIN_MS,
	};
	bool is_late = status == HELIO_ABORTED && !helio_work_userdata(work);

	(void)jobs;
	if (status == HELIO_OK)
		return;
	helio_work_set_userdata(work, userdata);
	if (is_late)
		(void)complete(userdata, work, NULL);
	else
		(void)helio_work_fail(work, &failure);
}

static void on_jobs_end(struct helio_worker *jobs, unsigned status,
			const char *reason, void *userdata)
{
	(void)jobs;
	(void)userdata;
	fprintf(stderr, "fleet: no more jobs: %s: %s\n",
		helio_status_name(status), reason);
	exit(EXIT_FAILURE);
}

int orders_take(struct presence *presence, const char *host,
		struct helio_worker **ret_jobs)
{
	const struct helio_worker_options options = {
		.is_waiting = true,
		.on_job = on_job,
		.on_settled = on_settled,
		.on_end = on_jobs_end,
	};
	char queue[STORE_KEY_BYTES];

	store_queue_name(queue, host);
	return helio_worker_new(presence->store->bus, queue, &options, presence,
				ret_jobs);
}
