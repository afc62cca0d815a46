/* SPDX-License-Identifier: MIT */

/* A job at hand: its lease is renewed until what came of it is answered. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "helio/store/v1/store.helio.h"
#include "rpc/store/transaction.h"
#include "rpc/store/worker.h"

enum { RENEW_SHARE = 2, AGAIN_MS = 1000 };

static int arm(struct helio_work *work);

void work_free(struct helio_work *work)
{
	helio_timer_cancel(work->timer);
	list_unlink(&work->link);
	free(work);
}

static void disarm(struct helio_work *work)
{
	helio_timer_cancel(work->timer);
	work->timer = NULL;
}

/* It may be freed, and so may its worker. */
static void go(struct helio_work *work)
{
	struct helio_worker *worker = work->worker;

	work->is_gone = true;
	disarm(work);
	if (work->n_calls == 0)
		work_free(work);
	worker_work_gone(worker);
}

static void lose(struct helio_work *work, unsigned status, const char *reason)
{
	struct helio_worker *worker = work->worker;

	worker_enter(worker);
	/* Nothing is said of it any more. */
	work->is_settling = true;
	if (worker->options.on_lost)
		worker->options.on_lost(worker, work, status, reason,
					worker->userdata);
	if (!worker->is_freed)
		go(work);
	worker_leave(worker);
}

/* ---- calls ---- */

static uint32_t left_ms(const struct helio_work *work)
{
	uint64_t now_ns = clock_now_ns();

	return now_ns < work->until_ns
		       ? (uint32_t)((work->until_ns - now_ns) / NS_PER_MS)
		       : 0;
}

static ProtobufCService *service_for(struct helio_work *work)
{
	struct helio_client *client = work->worker->client;
	const struct helio_invoke_options options = {
		.timeout_ms = left_ms(work) + 1,
		.is_waiting = true,
		.retry = HELIO_RETRY_IDEMPOTENT,
		.tries_max = UINT32_MAX,
	};

	helio_client_next(client, &options);
	work->n_calls++;
	return helio_client_service(client);
}

/* False: it was only waited for, to be freed. */
static bool is_called_back(struct helio_work *work)
{
	work->n_calls--;
	if (!work->is_gone)
		return true;
	if (work->n_calls == 0)
		work_free(work);
	return false;
}

static const struct helio_reply *reply_of(const struct helio_work *work)
{
	return helio_client_reply(work->worker->client);
}

static bool is_silence(unsigned status)
{
	return status == HELIO_UNAVAILABLE || status == HELIO_DEADLINE_EXCEEDED;
}

/* ---- renewing ---- */

/* With no memory for it a timer that runs already comes a little early. */
static bool arm_or_lose(struct helio_work *work)
{
	if (arm(work) == 0 || work->timer)
		return true;
	lose(work, HELIO_RESOURCE_EXHAUSTED, "no memory");
	return false;
}

static void on_renewed(const Helio__Store__V1__ExtendReply *reply,
		       void *userdata)
{
	struct helio_work *work = userdata;
	const struct helio_reply *status = reply_of(work);

	if (!is_called_back(work))
		return;
	work->is_renewing = false;
	if (reply)
		work->until_ns = work->sent_ns +
				 work->worker->options.lease_ms * NS_PER_MS;
	/* What is being said of it is answered by itself. */
	else if (!work->is_settling && !is_silence(status->status) &&
		 status->status != HELIO_RESOURCE_EXHAUSTED) {
		lose(work, status->status, status->reason);
		return;
	}
	arm_or_lose(work);
}

static void renew(struct helio_work *work)
{
	Helio__Store__V1__ExtendRequest request =
		HELIO__STORE__V1__EXTEND_REQUEST__INIT;

	if (work->is_renewing || work->is_settling)
		return;
	request.queue = work->worker->queue;
	request.has_id = request.has_token = request.has_lease_ms = true;
	request.id = work->id;
	request.token = work->token;
	request.lease_ms = work->worker->options.lease_ms;
	if (work->has_progress) {
		request.has_progress_permille = true;
		request.progress_permille = work->permille;
		request.progress = work->progress;
	}
	work->has_progress = false;
	work->is_renewing = true;
	work->sent_ns = clock_now_ns();
	if (arm_or_lose(work))
		helio__store__v1__queues__extend(service_for(work), &request,
						 on_renewed, work);
}

static void on_timer(struct helio *bus, void *userdata)
{
	struct helio_work *work = userdata;

	(void)bus;
	work->timer = NULL;
	if (left_ms(work) == 0) {
		lose(work, HELIO_UNAVAILABLE,
		     "the lease was over before anybody answered");
		return;
	}
	if (work->is_renewing || work->is_settling)
		arm_or_lose(work);
	else
		renew(work);
}

/* How long until there is something to do. */
static uint32_t pause_ms(const struct helio_work *work)
{
	uint32_t ms = left_ms(work);
	uint32_t half_ms = work->worker->options.lease_ms / RENEW_SHARE;

	if (work->is_renewing || work->is_settling)
		return ms;
	if (work->has_progress)
		return 0;
	if (ms > half_ms)
		return ms - half_ms;
	return ms < AGAIN_MS ? ms : AGAIN_MS;
}

/* Returns 0 or -ENOMEM: it is as it was. */
static int arm(struct helio_work *work)
{
	struct helio_timer *timer;
	int r = helio_timer_start(work->worker->bus, pause_ms(work), on_timer,
				  work, &timer);

	if (r < 0)
		return r;
	disarm(work);
	work->timer = timer;
	return 0;
}

int work_new(struct helio_worker *worker, uint64_t id, uint64_t token,
	     uint64_t asked_ns, struct helio_work **ret_work)
{
	struct helio_work *work = calloc(1, sizeof(*work));

	if (!work)
		return -ENOMEM;
	work->worker = worker;
	work->id = id;
	work->token = token;
	work->until_ns = asked_ns + worker->options.lease_ms * NS_PER_MS;
	list_init(&work->link);
	if (arm(work) < 0) {
		free(work);
		return -ENOMEM;
	}
	list_push_back(&worker->works, &work->link);
	*ret_work = work;
	return 0;
}

/* ---- settling ---- */

static void tell_settled(struct helio_work *work, unsigned status,
			 const char *reason)
{
	struct helio_worker *worker = work->worker;

	worker_enter(worker);
	/* After HELIO_OK nothing is said of it any more. */
	work->is_settling = status == HELIO_OK;
	worker->options.on_settled(worker, work, status, reason,
				   worker->userdata);
	if (!worker->is_freed && status == HELIO_OK)
		go(work);
	/* Whether the lease stands after a refusal, a renewal tells. */
	else if (!worker->is_freed && !work->is_gone)
		renew(work);
	worker_leave(worker);
}

static void settle(struct helio_work *work, bool is_done)
{
	const struct helio_reply *reply = reply_of(work);

	if (!is_called_back(work))
		return;
	if (is_done)
		tell_settled(work, HELIO_OK, "");
	else if (is_silence(reply->status))
		lose(work, reply->status, reply->reason);
	else
		tell_settled(work, reply->status, reply->reason);
}

static void on_completed(const Helio__Store__V1__CompleteReply *reply,
			 void *userdata)
{
	settle(userdata, reply != NULL);
}

static void on_failed(const Helio__Store__V1__FailReply *reply, void *userdata)
{
	settle(userdata, reply != NULL);
}

/* From now on the timer ends it, unless it is answered. */
static int begin_settling(struct helio_work *work)
{
	int r;

	work->is_settling = true;
	r = arm(work);
	work->is_settling = r == 0;
	return r;
}

int helio_work_complete(struct helio_work *work, const void *result,
			size_t n_result,
			const struct helio_store_transaction *transaction)
{
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	struct transaction made = { 0 };
	int r = 0;

	if (work->is_settling)
		return -EBUSY;
	if (transaction)
		r = transaction_set(&made, transaction);
	if (r < 0)
		return r;
	request.queue = work->worker->queue;
	request.has_id = request.has_token = true;
	request.id = work->id;
	request.token = work->token;
	request.has_result = n_result > 0;
	request.result = (ProtobufCBinaryData){ n_result, NULL };
	memcpy(&request.result.data, &result, sizeof(result));
	request.transaction = transaction ? &made.message : NULL;
	r = begin_settling(work);
	if (r == 0)
		helio__store__v1__queues__complete(service_for(work), &request,
						   on_completed, work);
	transaction_deinit(&made);
	return r;
}

int helio_work_fail(struct helio_work *work,
		    const struct helio_work_failure *failure)
{
	Helio__Store__V1__FailRequest request =
		HELIO__STORE__V1__FAIL_REQUEST__INIT;
	int r;

	if (work->is_settling)
		return -EBUSY;
	request.queue = work->worker->queue;
	request.has_id = request.has_token = true;
	request.id = work->id;
	request.token = work->token;
	memcpy(&request.error, &failure->error, sizeof(failure->error));
	request.has_delay_ms = failure->has_delay;
	request.delay_ms = failure->delay_ms;
	request.has_is_final = request.is_final = failure->is_final;
	request.has_is_given_back = request.is_given_back =
		failure->is_given_back;
	r = begin_settling(work);
	if (r == 0)
		helio__store__v1__queues__fail(service_for(work), &request,
					       on_failed, work);
	return r;
}

int helio_work_progress(struct helio_work *work, uint32_t permille,
			const char *text)
{
	if (text && strlen(text) >= WORK_PROGRESS_BYTES)
		return -EMSGSIZE;
	if (work->is_settling)
		return -EBUSY;
	work->has_progress = true;
	work->permille = permille;
	snprintf(work->progress, sizeof(work->progress), "%s",
		 text ? text : "");
	return work->is_renewing ? 0 : arm(work);
}

void helio_work_set_userdata(struct helio_work *work, void *userdata)
{
	work->userdata = userdata;
}

void *helio_work_userdata(const struct helio_work *work)
{
	return work->userdata;
}
