/* SPDX-License-Identifier: MIT */

#include "rpc/store/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "helio/store/v1/store.helio.h"
#include "rpc/store/job.h"

enum {
	LEASE_DEFAULT_MS = 30000,
	LEASE_MIN_MS = 100,
	JOBS_AT_ONCE_MAX = 64,
	/* Beside the wait that the store is asked for. */
	ASK_MS = 10000,
	/* So much of a lease may be gone while it is waited for. */
	WAIT_SHARE = 6,
};

static void worker_free(struct helio_worker *worker)
{
	struct list *link;

	/* First, so that no closure finds a work that is gone. */
	pursuit_deinit(&worker->lease);
	helio_client_free(worker->client);
	while ((link = list_pop_front(&worker->works)))
		work_free(container_of(link, struct helio_work, link));
	free(worker->queue);
	free(worker);
}

static void worker_freep(struct helio_worker **worker)
{
	if (*worker)
		worker_free(*worker);
}

bool worker_leave(struct helio_worker *worker)
{
	if (--worker->n_inside > 0 || !worker->is_freed)
		return true;
	worker_free(worker);
	return false;
}

void helio_worker_free(struct helio_worker *worker)
{
	if (!worker)
		return;
	worker->is_freed = true;
	worker_enter(worker);
	worker_leave(worker);
}

static bool is_leasing(const struct helio_worker *worker)
{
	return !worker->is_freed && !worker->is_draining && !worker->is_over;
}

static void end(struct helio_worker *worker, unsigned status,
		const char *reason)
{
	worker->is_over = true;
	if (worker->options.on_end)
		worker->options.on_end(worker, status, reason,
				       worker->userdata);
}

static void lease_more(struct helio_worker *worker)
{
	if (!is_leasing(worker) || worker->n_works >= worker->options.parallel)
		return;
	if (pursuit_ask(&worker->lease) < 0)
		end(worker, HELIO_RESOURCE_EXHAUSTED, "no memory");
}

static void tell_if_drained(struct helio_worker *worker)
{
	helio_worker_drained_fn on_drained = worker->on_drained;

	if (!worker->is_draining || worker->n_works > 0 || worker->is_freed)
		return;
	worker->on_drained = NULL;
	if (on_drained)
		on_drained(worker, worker->userdata);
}

void worker_work_gone(struct helio_worker *worker)
{
	worker->n_works--;
	lease_more(worker);
	tell_if_drained(worker);
}

/* ---- leasing ---- */

static void on_given_back(const Helio__Store__V1__FailReply *reply,
			  void *userdata)
{
	(void)reply;
	(void)userdata;
}

/* One that came too late to be wanted. */
static void give_back(struct helio_worker *worker,
		      const Helio__Store__V1__Job *job)
{
	Helio__Store__V1__FailRequest request =
		HELIO__STORE__V1__FAIL_REQUEST__INIT;

	request.queue = worker->queue;
	request.has_id = request.has_token = true;
	request.id = job->id;
	request.token = job->token;
	request.has_is_given_back = request.is_given_back = true;
	helio__store__v1__queues__fail(helio_client_service(worker->client),
				       &request, on_given_back, NULL);
}

static void take_job(struct helio_worker *worker,
		     const Helio__Store__V1__Job *from)
{
	struct helio_job job = job_view(from);
	struct helio_work *work;

	if (!is_leasing(worker) ||
	    worker->n_works >= worker->options.parallel ||
	    work_new(worker, job.id, job.token, worker->asked_ns, &work) < 0) {
		give_back(worker, from);
		return;
	}
	worker->n_works++;
	worker->options.on_job(worker, work, &job, worker->userdata);
}

static void on_leased(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	struct helio_worker *worker = userdata;
	const struct helio_reply *status =
		helio_client_reply(worker->lease.client);

	worker_enter(worker);
	if (reply) {
		pursuit_is_answered(&worker->lease);
		for (size_t i = 0; i < reply->n_jobs; i++)
			take_job(worker, reply->jobs[i]);
		lease_more(worker);
	} else if (!pursuit_repeats(&worker->lease)) {
		end(worker, status->status, status->reason);
	} else if (worker->options.on_interrupted) {
		worker->options.on_interrupted(worker, status->status,
					       status->reason,
					       worker->userdata);
	}
	worker_leave(worker);
}

static void ask(struct pursuit *pursuit)
{
	struct helio_worker *worker =
		container_of(pursuit, struct helio_worker, lease);
	uint32_t n_free = worker->options.parallel - worker->n_works;
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	worker->asked_ns = clock_now_ns();
	request.queue = worker->queue;
	request.has_max = true;
	request.max = n_free < JOBS_AT_ONCE_MAX ? n_free : JOBS_AT_ONCE_MAX;
	request.has_lease_ms = true;
	request.lease_ms = worker->options.lease_ms;
	request.has_wait_ms = true;
	request.wait_ms = worker->options.lease_ms / WAIT_SHARE;
	helio__store__v1__queues__lease(helio_client_service(pursuit->client),
					&request, on_leased, worker);
}

/* ---- beginning and end ---- */

static bool is_sound(const char *queue,
		     const struct helio_worker_options *options)
{
	return queue && options->on_job && options->on_settled &&
	       (!options->lease_ms || options->lease_ms >= LEASE_MIN_MS);
}

static int begin(struct helio_worker *worker, const char *queue)
{
	int r;

	worker->lease = (struct pursuit){
		.bus = worker->bus,
		.type = &helio__store__v1__queues__type,
		.ask = ask,
		.timeout_ms = worker->options.lease_ms / WAIT_SHARE + ASK_MS,
		.is_waiting = worker->options.is_waiting,
	};
	worker->queue = strdup(queue);
	if (!worker->queue)
		return -ENOMEM;
	r = helio_client_new(worker->bus, &helio__store__v1__queues__type, NULL,
			     &worker->client);
	if (r == 0)
		r = pursuit_init(&worker->lease);
	return r < 0 ? r : pursuit_ask(&worker->lease);
}

int helio_worker_new(struct helio *bus, const char *queue,
		     const struct helio_worker_options *options, void *userdata,
		     struct helio_worker **ret_worker)
{
	_cleanup_(worker_freep) struct helio_worker *worker = NULL;
	int r;

	if (!is_sound(queue, options))
		return -EINVAL;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return -ENOMEM;
	list_init(&worker->works);
	worker->bus = bus;
	worker->options = *options;
	worker->userdata = userdata;
	if (!worker->options.parallel)
		worker->options.parallel = 1;
	if (!worker->options.lease_ms)
		worker->options.lease_ms = LEASE_DEFAULT_MS;
	r = begin(worker, queue);
	if (r < 0)
		return r;
	*ret_worker = take_ptr(worker);
	return 0;
}

void helio_worker_drain(struct helio_worker *worker,
			helio_worker_drained_fn on_drained)
{
	worker->is_draining = true;
	worker->on_drained = on_drained;
	pursuit_cancel(&worker->lease);
	worker_enter(worker);
	tell_if_drained(worker);
	worker_leave(worker);
}
