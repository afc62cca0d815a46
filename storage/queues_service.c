/* SPDX-License-Identifier: MIT */

#include "storage/queues_service.h"

#include <errno.h>
#include <helio/store/v1/store.helio.h>

#include "storage/change.h"
#include "storage/lease.h"
#include "storage/rights.h"
#include "storage/service.h"
#include "storage/state/queue.h"
#include "storage/wish.h"

#define REQUEST(wish, type) \
	((const Helio__Store__V1__##type *)(const void *)(wish)->request)

#define MAY(function, type, verb, field)                                   \
	static int function(struct wish *wish)                             \
	{                                                                  \
		return rights_ask(wish, verb, REQUEST(wish, type)->field); \
	}

MAY(may_create, CreateQueueRequest, "job-work", name)
MAY(may_change, ChangeQueueRequest, "job-work", name)
MAY(may_drop, DropQueueRequest, "job-work", name)
MAY(may_submit, SubmitRequest, "job-submit", queue)
MAY(may_extend, ExtendRequest, "job-work", queue)
MAY(may_fail, FailRequest, "job-work", queue)
MAY(may_retry, RetryRequest, "job-work", queue)

/* ---- queues ---- */

static void act_create(struct wish *wish)
{
	Helio__Store__V1__CreateQueueReply reply =
		HELIO__STORE__V1__CREATE_QUEUE_REPLY__INIT;
	const Helio__Store__V1__CreateQueueRequest *request =
		REQUEST(wish, CreateQueueRequest);
	Helio__Store__V1__Queue queue;
	struct change change;

	change_begin(&change, wish);
	change.status =
		judge_queue_create(&change.draft, request, &change.judgement);
	if (change_apply(&change)) {
		queue_describe(
			queue_lookup(&wish->service->state, request->name),
			&queue);
		reply.queue = &queue;
		reply.has_was_there = 1;
		reply.was_there = change.judgement.was_there;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_change(struct wish *wish)
{
	Helio__Store__V1__ChangeQueueReply reply =
		HELIO__STORE__V1__CHANGE_QUEUE_REPLY__INIT;
	const Helio__Store__V1__ChangeQueueRequest *request =
		REQUEST(wish, ChangeQueueRequest);
	Helio__Store__V1__Queue queue;
	struct change change;

	change_begin(&change, wish);
	change.status =
		judge_queue_change(&change.draft, request, &change.judgement);
	if (change_apply(&change)) {
		queue_describe(
			queue_lookup(&wish->service->state, request->name),
			&queue);
		reply.queue = &queue;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_drop(struct wish *wish)
{
	Helio__Store__V1__DropQueueReply reply =
		HELIO__STORE__V1__DROP_QUEUE_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status =
		judge_queue_drop(&change.draft, REQUEST(wish, DropQueueRequest),
				 &change.judgement);
	if (change_apply(&change)) {
		reply.has_revision = 1;
		reply.revision = change_revision(&change);
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

/* ---- jobs ---- */

static void act_submit(struct wish *wish)
{
	Helio__Store__V1__SubmitReply reply =
		HELIO__STORE__V1__SUBMIT_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_submit(
		&change.draft, REQUEST(wish, SubmitRequest), &change.judgement);
	if (change_apply(&change)) {
		reply.has_id = reply.has_was_there = 1;
		reply.id = change.judgement.number;
		reply.was_there = change.judgement.was_there;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_extend(struct wish *wish)
{
	Helio__Store__V1__ExtendReply reply =
		HELIO__STORE__V1__EXTEND_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_extend(
		&change.draft, REQUEST(wish, ExtendRequest), &change.judgement);
	if (change_apply(&change)) {
		reply.has_lease_until_unix_ms = 1;
		reply.lease_until_unix_ms = change.judgement.number;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static int may_complete(struct wish *wish)
{
	const Helio__Store__V1__CompleteRequest *request =
		REQUEST(wish, CompleteRequest);
	int r = rights_ask(wish, "job-work", request->queue);

	return r == 1 ? rights_transaction(wish, request->transaction) : r;
}

static void act_complete(struct wish *wish)
{
	Helio__Store__V1__CompleteReply reply =
		HELIO__STORE__V1__COMPLETE_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status =
		judge_complete(&change.draft, REQUEST(wish, CompleteRequest),
			       &change.judgement);
	if (change_apply(&change)) {
		reply.has_revision = reply.has_was_done = 1;
		reply.revision = change.judgement.was_there
					 ? change.judgement.number
					 : change_revision(&change);
		reply.was_done = change.judgement.was_there;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_fail(struct wish *wish)
{
	const Helio__Store__V1__FailRequest *request =
		REQUEST(wish, FailRequest);
	Helio__Store__V1__FailReply reply = HELIO__STORE__V1__FAIL_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_fail(&change.draft, request, &change.judgement);
	if (change_apply(&change)) {
		const struct job *job = queue_job(
			queue_lookup(&wish->service->state, request->queue),
			request->id);

		reply.has_state = 1;
		reply.state =
			(Helio__Store__V1__JobState)change.judgement.number;
		reply.has_not_before_unix_ms = job && job->status.not_before;
		if (job)
			reply.not_before_unix_ms = job->status.not_before;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

/* Who may only submit cancels his own. */
static int ask_cancel(struct wish *wish, bool *ret_only_own)
{
	return rights_ask_either(wish, "job-work", "job-submit",
				 REQUEST(wish, CancelRequest)->queue,
				 ret_only_own);
}

static int may_cancel(struct wish *wish)
{
	bool only_own;

	return ask_cancel(wish, &only_own);
}

static void act_cancel(struct wish *wish)
{
	Helio__Store__V1__CancelReply reply =
		HELIO__STORE__V1__CANCEL_REPLY__INIT;
	struct change change;
	bool only_own;

	/* It is known, for it was asked just now. */
	(void)ask_cancel(wish, &only_own);
	change_begin(&change, wish);
	change.status =
		judge_cancel(&change.draft, REQUEST(wish, CancelRequest),
			     only_own, &change.judgement);
	if (change_apply(&change)) {
		reply.has_ended = change.judgement.number != 0;
		reply.ended =
			(Helio__Store__V1__JobState)change.judgement.number;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void act_retry(struct wish *wish)
{
	Helio__Store__V1__RetryReply reply =
		HELIO__STORE__V1__RETRY_REPLY__INIT;
	struct change change;

	change_begin(&change, wish);
	change.status = judge_retry(&change.draft, REQUEST(wish, RetryRequest),
				    &change.judgement);
	if (change_apply(&change))
		change_answer(&change, &reply.base);
	change_end(&change);
}

/* ---- the methods ---- */

#define TYPE(name, may_it, act_it)                    \
	static const struct wish_type name##_type = { \
		.may = may_it,                        \
		.act = act_it,                        \
		.is_change = true,                    \
	}

TYPE(create, may_create, act_create);
TYPE(change, may_change, act_change);
TYPE(drop, may_drop, act_drop);
TYPE(submit, may_submit, act_submit);
TYPE(extend, may_extend, act_extend);
TYPE(complete, may_complete, act_complete);
TYPE(fail, may_fail, act_fail);
TYPE(cancel, may_cancel, act_cancel);
TYPE(retry, may_retry, act_retry);

#define METHOD(method, request_type, wish_type_)                              \
	static void method##_method(                                          \
		struct helio_serving *serving,                                \
		const Helio__Store__V1__##request_type *request,              \
		void *userdata)                                               \
	{                                                                     \
		wish_start(userdata, &(wish_type_), serving, &request->base); \
	}

METHOD(create, CreateQueueRequest, create_type)
METHOD(change, ChangeQueueRequest, change_type)
METHOD(show, ShowQueueRequest, queue_show_type)
METHOD(list_queues, ListQueuesRequest, queue_list_type)
METHOD(drop, DropQueueRequest, drop_type)
METHOD(submit, SubmitRequest, submit_type)
METHOD(lease, LeaseRequest, lease_type)
METHOD(extend, ExtendRequest, extend_type)
METHOD(complete, CompleteRequest, complete_type)
METHOD(fail, FailRequest, fail_type)
METHOD(cancel, CancelRequest, cancel_type)
METHOD(retry, RetryRequest, retry_type)
METHOD(show_job, ShowJobRequest, job_show_type)
METHOD(list_jobs, ListJobsRequest, job_list_type)
METHOD(await, AwaitRequest, job_await_type)
METHOD(follow, FollowRequest, job_follow_type)

static const struct helio__store__v1__queues__server methods = {
	.create = create_method,
	.change = change_method,
	.show = show_method,
	.list_queues = list_queues_method,
	.drop = drop_method,
	.submit = submit_method,
	.lease = lease_method,
	.extend = extend_method,
	.complete = complete_method,
	.fail = fail_method,
	.cancel = cancel_method,
	.retry = retry_method,
	.show_job = show_job_method,
	.list_jobs = list_jobs_method,
	.await = await_method,
	.follow = follow_method,
};

int queues_service_start(struct service *service,
			 const struct helio_server_options *options)
{
	return helio__store__v1__queues__server__new(service->bus, &methods,
						     options, &service->queues);
}
