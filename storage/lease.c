/* SPDX-License-Identifier: MIT */

#include "storage/lease.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "storage/guest.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/state/judge.h"
#include "storage/state/queue.h"

/* An answer takes its time, too: what is left of a call when it is given. */
enum { ANSWER_MS = 50, WAIT_MAX_MS = 24 * 60 * 60 * 1000 };

static int may(struct wish *wish)
{
	return rights_ask(wish, "job-work", WISH_REQUEST(wish, Lease)->queue);
}

/* ---- nothing is ready ---- */

static void answer_none(struct wish *wish)
{
	Helio__Store__V1__LeaseReply reply =
		HELIO__STORE__V1__LEASE_REPLY__INIT;

	wish_answer(wish, &reply.base, 0);
}

static void on_late(struct timer *timer, uint64_t now_ns)
{
	struct wish *wish = container_of(timer, struct wish, timer);

	list_unlink(&wish->link);
	answer_none(wish);
}

static uint64_t wait_ms_of(const struct wish *wish)
{
	uint64_t left_ms = helio_serving_time_left_ms(wish->serving);
	uint64_t wait_ms = WISH_REQUEST(wish, Lease)->wait_ms;

	left_ms = left_ms > ANSWER_MS ? left_ms - ANSWER_MS : 0;
	if (wait_ms > left_ms)
		wait_ms = left_ms;
	return wait_ms < WAIT_MAX_MS ? wait_ms : WAIT_MAX_MS;
}

/* Who waited already, and gets nothing, is still the first. */
static void wait_for_job(struct wish *wish, struct queue *queue)
{
	uint64_t now_ns = clock_now_ns();
	bool is_first = wish->until_ns;

	if (!wish->until_ns)
		wish->until_ns = now_ns + wait_ms_of(wish) * NS_PER_MS;
	if (wish->until_ns <= now_ns) {
		answer_none(wish);
		return;
	}
	if (!wish_park(wish, &queue->waiting))
		return;
	if (is_first) {
		list_unlink(&wish->link);
		list_push_front(&queue->waiting, &wish->link);
	}
	wish->service->n_parked++;
	wish->timer.fire = on_late;
	wheel_add(&wish->service->wheel, &wish->timer, wish->until_ns);
}

/* ---- something is ---- */

static void answer_jobs(struct wish *wish, const struct queue *queue,
			const struct draft *draft)
{
	Helio__Store__V1__LeaseReply reply =
		HELIO__STORE__V1__LEASE_REPLY__INIT;
	Helio__Store__V1__Job jobs[QUEUE_LEASES_MAX];
	Helio__Store__V1__Job *shown[QUEUE_LEASES_MAX];
	const Helio__Store__V1__Step *step = &draft->step;

	reply.jobs = shown;
	for (size_t i = 0; i < step->n_changes; i++) {
		const struct job *job =
			queue_job(queue, step->changes[i]->job_changed->id);

		shown[i] = &jobs[i];
		job_describe(job, false, &jobs[i]);
	}
	reply.n_jobs = step->n_changes;
	wish_answer(wish, &reply.base, step->revision);
}

static void give(struct wish *wish, struct queue *queue, struct draft *draft)
{
	struct judgement judgement = { .number = 0 };
	unsigned status =
		judge_lease(draft, WISH_REQUEST(wish, Lease), &judgement);

	if (status != HELIO_OK)
		wish_refuse(wish, status, "%s", judgement.reason);
	else if (!draft->step.n_changes)
		wait_for_job(wish, queue);
	else if (commit_step(wish->service, draft) < 0)
		wish_fail(wish, HELIO_RESOURCE_EXHAUSTED, "no memory");
	else
		answer_jobs(wish, queue, draft);
}

/* A queue that is not on disk may be taken back, and all who wait with it. */
static void act(struct wish *wish)
{
	struct service *service = wish->service;
	struct queue *queue =
		queue_lookup(&service->state, WISH_REQUEST(wish, Lease)->queue);
	const struct caller caller = wish_caller(wish);
	struct draft draft;

	if (queue && queue->created_revision > service->state.committed) {
		wish_again(wish, queue->created_revision);
		return;
	}
	draft_init(&draft, &service->state, service_now_ms(service), &caller);
	give(wish, queue, &draft);
	draft_deinit(&draft);
}

/* ---- nobody is there ---- */

static void give_back(struct wish *wish, Helio__Store__V1__Job *job)
{
	Helio__Store__V1__FailRequest request =
		HELIO__STORE__V1__FAIL_REQUEST__INIT;
	struct service *service = wish->service;
	const struct caller caller = wish_caller(wish);
	struct judgement judgement = { .number = 0 };
	struct draft draft;

	request.queue = job->queue;
	request.has_id = request.has_token = 1;
	request.id = job->id;
	request.token = job->token;
	request.has_is_given_back = request.is_given_back = 1;
	draft_init(&draft, &service->state, service_now_ms(service), &caller);
	if (judge_fail(&draft, &request, &judgement) == HELIO_OK)
		(void)commit_step(service, &draft);
	draft_deinit(&draft);
}

static void on_lost(struct wish *wish)
{
	Helio__Store__V1__LeaseReply *reply;

	if (!wish->service->is_open)
		return;
	reply = helio__store__v1__lease_reply__unpack(NULL, wish->n_packed,
						      wish->packed);
	for (size_t i = 0; reply && i < reply->n_jobs; i++)
		give_back(wish, reply->jobs[i]);
	if (reply)
		helio__store__v1__lease_reply__free_unpacked(reply, NULL);
}

const struct wish_type lease_type = {
	.may = may,
	.act = act,
	.on_lost = on_lost,
	.is_change = true,
};

/* ---- all of them ---- */

/* Whoever was parked again has got nothing, and neither will the next. */
static void serve(struct service *service, struct queue *queue)
{
	uint64_t n_parked = service->n_parked;

	while (!list_is_empty(&queue->waiting) &&
	       queue_advance(queue, service_now_ms(service)) &&
	       service->n_parked == n_parked)
		wish_go(container_of(queue->waiting.next, struct wish, link));
}

void leases_turn(struct service *service)
{
	struct order_node *node;

	if (!service->has_ready || service->commits.is_stuck)
		return;
	service->has_ready = false;
	for (node = order_first(&service->state.queues); node;
	     node = order_next(node))
		serve(service, container_of(node, struct queue, node));
}

void leases_dropped(struct queue *queue)
{
	while (!list_is_empty(&queue->waiting)) {
		struct wish *wish =
			container_of(queue->waiting.next, struct wish, link);

		list_unlink(&wish->link);
		timer_remove(&wish->timer);
		wish_refuse(wish, HELIO_NOT_FOUND, "the queue %s was dropped",
			    queue->name);
	}
}

void leases_end(struct service *service)
{
	struct order_node *node;

	for (node = order_first(&service->state.queues); node;
	     node = order_next(node))
		wishes_end(&container_of(node, struct queue, node)->waiting);
}
