/* SPDX-License-Identifier: MIT */

#include "storage/queues_service.h"

#include <errno.h>

#include "storage/lease.h"
#include "storage/method.h"
#include "storage/service.h"
#include "storage/state/queue.h"

/* ---- queues ---- */

/* As it is now that the change was applied. */
static void tell(const struct change *change, const char *name,
		 Helio__Store__V1__Queue *ret_queue)
{
	queue_describe(queue_lookup(&change->wish->service->state, name),
		       ret_queue);
}

static void answer_create(struct change *change)
{
	Helio__Store__V1__CreateQueueReply reply =
		HELIO__STORE__V1__CREATE_QUEUE_REPLY__INIT;
	Helio__Store__V1__Queue queue;

	tell(change, WISH_REQUEST(change->wish, CreateQueue)->name, &queue);
	reply.queue = &queue;
	reply.has_was_there = 1;
	reply.was_there = change->judgement.was_there;
	change_answer(change, &reply.base);
}

static void answer_change(struct change *change)
{
	Helio__Store__V1__ChangeQueueReply reply =
		HELIO__STORE__V1__CHANGE_QUEUE_REPLY__INIT;
	Helio__Store__V1__Queue queue;

	tell(change, WISH_REQUEST(change->wish, ChangeQueue)->name, &queue);
	reply.queue = &queue;
	change_answer(change, &reply.base);
}

static void answer_drop(struct change *change)
{
	Helio__Store__V1__DropQueueReply reply =
		HELIO__STORE__V1__DROP_QUEUE_REPLY__INIT;

	reply.has_revision = 1;
	reply.revision = change_revision(change);
	change_answer(change, &reply.base);
}

/* ---- jobs ---- */

static void answer_submit(struct change *change)
{
	Helio__Store__V1__SubmitReply reply =
		HELIO__STORE__V1__SUBMIT_REPLY__INIT;

	reply.has_id = reply.has_was_there = 1;
	reply.id = change->judgement.number;
	reply.was_there = change->judgement.was_there;
	change_answer(change, &reply.base);
}

static void answer_extend(struct change *change)
{
	Helio__Store__V1__ExtendReply reply =
		HELIO__STORE__V1__EXTEND_REPLY__INIT;

	reply.has_lease_until_unix_ms = 1;
	reply.lease_until_unix_ms = change->judgement.number;
	change_answer(change, &reply.base);
}

static int may_complete(struct wish *wish)
{
	const Helio__Store__V1__CompleteRequest *request =
		WISH_REQUEST(wish, Complete);
	int r = rights_ask(wish, "job-work", request->queue);

	return r == 1 ? rights_transaction(wish, request->transaction) : r;
}

static void answer_complete(struct change *change)
{
	Helio__Store__V1__CompleteReply reply =
		HELIO__STORE__V1__COMPLETE_REPLY__INIT;

	reply.has_revision = reply.has_was_done = 1;
	reply.revision = change->judgement.was_there ? change->judgement.number
						     : change_revision(change);
	reply.was_done = change->judgement.was_there;
	change_answer(change, &reply.base);
}

static void answer_fail(struct change *change)
{
	const Helio__Store__V1__FailRequest *request =
		WISH_REQUEST(change->wish, Fail);
	Helio__Store__V1__FailReply reply = HELIO__STORE__V1__FAIL_REPLY__INIT;

	const struct job *job = queue_job(
		queue_lookup(&change->wish->service->state, request->queue),
		request->id);

	reply.has_state = 1;
	reply.state = (Helio__Store__V1__JobState)change->judgement.number;
	reply.has_not_before_unix_ms = job && job->status.not_before;
	if (job)
		reply.not_before_unix_ms = job->status.not_before;
	change_answer(change, &reply.base);
}

/* Who may only submit cancels his own. */
static int ask_cancel(struct wish *wish, bool *ret_only_own)
{
	return rights_ask_either(wish, "job-work", "job-submit",
				 WISH_REQUEST(wish, Cancel)->queue,
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
	change.status = judge_cancel(&change.draft, WISH_REQUEST(wish, Cancel),
				     only_own, &change.judgement);
	if (change_apply(&change)) {
		reply.has_ended = change.judgement.number != 0;
		reply.ended =
			(Helio__Store__V1__JobState)change.judgement.number;
		change_answer(&change, &reply.base);
	}
	change_end(&change);
}

static void answer_retry(struct change *change)
{
	Helio__Store__V1__RetryReply reply =
		HELIO__STORE__V1__RETRY_REPLY__INIT;

	change_answer(change, &reply.base);
}

/* ---- the methods ---- */

METHOD_CHANGE(create, CreateQueue, judge_queue_create, "job-work", name)
METHOD_CHANGE(change, ChangeQueue, judge_queue_change, "job-work", name)
METHOD_OF(show, ShowQueue, queue_show_type)
METHOD_OF(list_queues, ListQueues, queue_list_type)
METHOD_CHANGE(drop, DropQueue, judge_queue_drop, "job-work", name)
METHOD_CHANGE(submit, Submit, judge_submit, "job-submit", queue)
METHOD_OF(lease, Lease, lease_type)
METHOD_CHANGE(extend, Extend, judge_extend, "job-work", queue)
METHOD_ACT(complete, Complete, judge_complete)
METHOD(complete, Complete, true)
METHOD_CHANGE(fail, Fail, judge_fail, "job-work", queue)
METHOD(cancel, Cancel, true)
METHOD_CHANGE(retry, Retry, judge_retry, "job-work", queue)
METHOD_OF(show_job, ShowJob, job_show_type)
METHOD_OF(list_jobs, ListJobs, job_list_type)
METHOD_OF(await, Await, job_await_type)
METHOD_OF(follow, Follow, job_follow_type)

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
