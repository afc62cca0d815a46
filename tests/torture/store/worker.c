/* SPDX-License-Identifier: MIT */

#include "tests/torture/store/worker.h"

#include <errno.h>
#include <helio/store/v1/store.helio.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "tests/torture/complaint.h"
#include "tests/torture/store/setting.h"

enum {
	CALL_MS = 2000,
	WAIT_MS = 50, /* for a job */
	LEASE_MIN_MS = 60,
	LEASE_MAX_MS = 250,
	WORK_MAX_MS = 15,
	AGAIN_MS = 5,
	TEXT_BYTES = 24,
};

static void connect(struct worker *worker)
{
	const struct helio_client_options options = {
		.invoke = { .timeout_ms = CALL_MS, .is_waiting = true },
	};
	char domain[16];

	snprintf(domain, sizeof(domain), "voice%u", worker->index);
	worker->bus = setting_connect(worker->world, domain);
	if (helio_client_new(worker->bus, &helio__store__v1__queues__type,
			     &options, &worker->queues) < 0)
		complain("no memory");
}

void worker_init(struct worker *worker, const struct world *world,
		 unsigned index, struct ledger *ledger, uint64_t seed)
{
	*worker = (struct worker){
		.world = world,
		.index = index,
		.ledger = ledger,
		.dice = dice_new(seed, 200 + index),
	};
	connect(worker);
}

void worker_deinit(struct worker *worker)
{
	helio_client_free(worker->queues);
	helio_close(worker->bus);
}

void worker_die(struct worker *worker)
{
	worker_deinit(worker);
	memset(worker->tasks, 0, sizeof(worker->tasks));
	worker->is_leasing = false;
	connect(worker);
}

/* ---- what becomes of a task ---- */

static bool is_nobody_there(const struct helio_reply *reply)
{
	return reply->status == HELIO_UNAVAILABLE ||
	       reply->status == HELIO_DEADLINE_EXCEEDED ||
	       (reply->status == HELIO_RESOURCE_EXHAUSTED &&
		!reply->is_handed_over);
}

/* What was not answered is said again, or is not. */
static void settle(struct task *task, bool is_done)
{
	struct worker *worker = task->worker;
	const struct helio_reply *reply = helio_client_reply(worker->queues);

	task->is_calling = false;
	if (!is_done && is_nobody_there(reply) &&
	    (worker->is_honest || dice_is(&worker->dice, 80))) {
		task->due_ns = clock_now_ns() + AGAIN_MS * NS_PER_MS;
		return;
	}
	if (!is_done && reply->status == HELIO_ABORTED)
		worker->ledger->n_late++;
	else if (!is_done && !is_nobody_there(reply))
		complain("job %zu (id %llu), token %llu: %s: %s", task->number,
			 (unsigned long long)task->id,
			 (unsigned long long)task->token,
			 helio_status_name(reply->status), reply->reason);
	task->worker = NULL;
}

static void on_complete(const Helio__Store__V1__CompleteReply *reply,
			void *userdata)
{
	struct task *task = userdata;

	if (reply)
		ledger_completed(task->worker->ledger, task->number,
				 task->token,
				 reply->was_done ? 0 : reply->revision);
	settle(task, reply != NULL);
}

static void on_fail(const Helio__Store__V1__FailReply *reply, void *userdata)
{
	settle(userdata, reply != NULL);
}

/* ---- what it says ---- */

static ProtobufCBinaryData bytes_of(char *text)
{
	return (ProtobufCBinaryData){ strlen(text), (uint8_t *)text };
}

static void send_complete(struct task *task,
			  Helio__Store__V1__Transaction *transaction)
{
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;

	request.queue = (char *)(uintptr_t)JOBS_QUEUE;
	request.has_id = request.has_token = true;
	request.id = task->id;
	request.token = task->token;
	request.transaction = transaction;
	helio__store__v1__queues__complete(
		helio_client_service(task->worker->queues), &request,
		on_complete, task);
}

static void complete(struct task *task)
{
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__Write write = HELIO__STORE__V1__WRITE__INIT;
	Helio__Store__V1__Message message = HELIO__STORE__V1__MESSAGE__INIT;
	char number[TEXT_BYTES], token[TEXT_BYTES];

	snprintf(number, sizeof(number), "%zu", task->number);
	snprintf(token, sizeof(token), "%llu", (unsigned long long)task->token);
	write.bucket = (char *)(uintptr_t)JOBS_BUCKET;
	write.key = number;
	write.has_value = true;
	write.value = bytes_of(token);
	message.subject = (char *)(uintptr_t)JOBS_SUBJECT;
	message.has_body = true;
	message.body = bytes_of(number);
	transaction.n_writes = transaction.n_messages = 1;
	transaction.writes = (Helio__Store__V1__Write *[]){ &write };
	transaction.messages = (Helio__Store__V1__Message *[]){ &message };
	send_complete(task, &transaction);
}

static void fail(struct task *task)
{
	Helio__Store__V1__FailRequest request =
		HELIO__STORE__V1__FAIL_REQUEST__INIT;

	request.queue = (char *)(uintptr_t)JOBS_QUEUE;
	request.has_id = request.has_token = request.has_delay_ms = true;
	request.id = task->id;
	request.token = task->token;
	request.delay_ms = 0;
	helio__store__v1__queues__fail(
		helio_client_service(task->worker->queues), &request, on_fail,
		task);
}

static void say_what_is_due(struct worker *worker, uint64_t now_ns)
{
	for (unsigned i = 0; i < WORKER_TASKS_MAX; i++) {
		struct task *task = &worker->tasks[i];

		if (!task->worker || task->is_calling || task->due_ns > now_ns)
			continue;
		task->is_calling = true;
		if (task->is_failing)
			fail(task);
		else
			complete(task);
	}
}

/* ---- what it takes ---- */

static struct task *free_task(struct worker *worker)
{
	for (unsigned i = 0; i < WORKER_TASKS_MAX; i++)
		if (!worker->tasks[i].worker)
			return &worker->tasks[i];
	return NULL;
}

static void plan(struct worker *worker, struct task *task)
{
	struct dice *dice = &worker->dice;
	uint64_t ms = dice_below(dice, WORK_MAX_MS);
	unsigned draw = (unsigned)dice_below(dice, 100);

	if (!worker->is_honest && draw < 10)
		task->worker = NULL; /* It is forgotten. */
	if (!worker->is_honest && draw >= 10 && draw < 20)
		task->is_failing = true;
	/* Hangs, for about as long as the lease or longer. */
	if (!worker->is_honest && draw >= 20 && draw < 40)
		ms = worker->lease_ms * dice_between(dice, 90, 200) / 100;
	task->due_ns = clock_now_ns() + ms * NS_PER_MS;
}

static void take(struct worker *worker, const Helio__Store__V1__Job *job)
{
	struct task *task = free_task(worker);
	size_t number =
		ledger_number(worker->ledger, job->body.data, job->body.len);

	ledger_leased(worker->ledger, number, job->id, job->token,
		      worker->lease_since);
	if (!task)
		return;
	*task = (struct task){
		.worker = worker,
		.number = number,
		.id = job->id,
		.token = job->token,
	};
	plan(worker, task);
}

static void on_lease(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	struct worker *worker = userdata;
	const struct helio_reply *told = helio_client_reply(worker->queues);

	worker->is_leasing = false;
	if (!reply && !is_nobody_there(told))
		complain("lease: %s: %s", helio_status_name(told->status),
			 told->reason);
	for (size_t i = 0; reply && i < reply->n_jobs; i++)
		take(worker, reply->jobs[i]);
}

static void lease(struct worker *worker)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	worker->is_leasing = true;
	worker->lease_since = worker->ledger->clock;
	worker->lease_ms =
		dice_between(&worker->dice, LEASE_MIN_MS, LEASE_MAX_MS);
	request.queue = (char *)(uintptr_t)JOBS_QUEUE;
	request.has_max = request.has_lease_ms = request.has_wait_ms = true;
	request.max = (uint32_t)dice_between(&worker->dice, 1, 3);
	request.lease_ms = worker->lease_ms;
	request.wait_ms = WAIT_MS;
	helio__store__v1__queues__lease(helio_client_service(worker->queues),
					&request, on_lease, worker);
}

void worker_turn(struct worker *worker)
{
	int r = helio_dispatch(worker->bus);

	if (r < 0)
		complain("voice%u: %s", worker->index, strerror(-r));
	say_what_is_due(worker, clock_now_ns());
	if (!worker->is_leasing && free_task(worker))
		lease(worker);
}
