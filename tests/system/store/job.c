/* SPDX-License-Identifier: MIT */

#include "tests/system/store/job.h"

#include <stdio.h>
#include <string.h>

int queue_create(struct scene *by, const char *name)
{
	Helio__Store__V1__CreateQueueRequest request =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__CreateQueueReply *reply = NULL;

	request.name = field(name);
	return helio__store__v1__queues__create__wait(by->queues, &request,
						      &reply);
}

int job_submit(struct scene *by, const char *body, const char *key,
	       uint64_t *ret_id, bool *ret_was_there)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	const Helio__Store__V1__SubmitReply *reply = NULL;
	int r;

	request.queue = field(QUEUE);
	request.has_body = 1;
	request.body = bytes_of(body);
	request.key = field(key);
	r = helio__store__v1__queues__submit__wait(by->queues, &request,
						   &reply);
	if (r == HELIO_OK) {
		*ret_id = reply->id;
		*ret_was_there = reply->was_there;
	}
	return r;
}

uint64_t job_submit_ok(struct scene *by, const char *body)
{
	uint64_t id = 0;
	bool was_there;

	assert_int_equal(job_submit(by, body, NULL, &id, &was_there), HELIO_OK);
	assert_false(was_there);
	return id;
}

int job_lease(struct scene *by, uint64_t wait_ms, uint64_t lease_ms,
	      struct leased *ret_leased)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;
	const Helio__Store__V1__LeaseReply *reply = NULL;
	int r;

	request.queue = field(QUEUE);
	request.has_wait_ms = 1;
	request.wait_ms = wait_ms;
	request.has_lease_ms = lease_ms != 0;
	request.lease_ms = lease_ms;
	r = helio__store__v1__queues__lease__wait(by->queues, &request, &reply);
	*ret_leased = (struct leased){ .n = 0 };
	if (r)
		return r;
	ret_leased->n = (unsigned)reply->n_jobs;
	if (reply->n_jobs) {
		ret_leased->id = reply->jobs[0]->id;
		ret_leased->token = reply->jobs[0]->token;
		ret_leased->attempts = reply->jobs[0]->attempts;
		snprintf(ret_leased->body, sizeof(ret_leased->body), "%.*s",
			 (int)reply->jobs[0]->body.len,
			 (const char *)reply->jobs[0]->body.data);
	}
	return r;
}

struct leased job_lease_ok(struct scene *by)
{
	struct leased leased;

	assert_int_equal(job_lease(by, 0, 0, &leased), HELIO_OK);
	assert_int_equal(leased.n, 1);
	return leased;
}

int job_complete(struct scene *by, const struct leased *leased,
		 const char *result, bool *ret_was_done)
{
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	const Helio__Store__V1__CompleteReply *reply = NULL;
	int r;

	request.queue = field(QUEUE);
	request.has_id = request.has_token = 1;
	request.id = leased->id;
	request.token = leased->token;
	request.has_result = 1;
	request.result = bytes_of(result);
	r = helio__store__v1__queues__complete__wait(by->queues, &request,
						     &reply);
	if (r == HELIO_OK)
		*ret_was_done = reply->was_done;
	return r;
}

int job_give_up(struct scene *by, const struct leased *leased, bool is_final)
{
	Helio__Store__V1__FailRequest request =
		HELIO__STORE__V1__FAIL_REQUEST__INIT;
	const Helio__Store__V1__FailReply *reply = NULL;
	int r;

	request.queue = field(QUEUE);
	request.has_id = request.has_token = 1;
	request.id = leased->id;
	request.token = leased->token;
	request.error = field("broken");
	request.has_delay_ms = 1;
	request.delay_ms = 0;
	request.has_is_final = 1;
	request.is_final = is_final;
	r = helio__store__v1__queues__fail__wait(by->queues, &request, &reply);
	if (r == HELIO_OK)
		assert_int_equal(reply->state,
				 is_final ? JOB_DEAD : JOB_WAITING);
	return r;
}

int job_show(struct scene *by, uint64_t id, struct shown *ret_shown)
{
	Helio__Store__V1__ShowJobRequest request =
		HELIO__STORE__V1__SHOW_JOB_REQUEST__INIT;
	const Helio__Store__V1__ShowJobReply *reply = NULL;
	int r;

	request.queue = field(QUEUE);
	request.has_id = 1;
	request.id = id;
	r = helio__store__v1__queues__show_job__wait(by->queues, &request,
						     &reply);
	*ret_shown = (struct shown){ .permille = 0 };
	if (r)
		return r;
	ret_shown->state = reply->job->state;
	ret_shown->permille = reply->job->progress_permille;
	snprintf(ret_shown->result, sizeof(ret_shown->result), "%.*s",
		 (int)reply->job->result.len,
		 (const char *)reply->job->result.data);
	snprintf(ret_shown->error, sizeof(ret_shown->error), "%s",
		 reply->job->error ? reply->job->error : "");
	return r;
}

Helio__Store__V1__JobState job_state(struct scene *by, uint64_t id)
{
	struct shown shown;

	assert_int_equal(job_show(by, id, &shown), HELIO_OK);
	return shown.state;
}

int job_cancel(struct scene *by, uint64_t id,
	       Helio__Store__V1__JobState *ret_ended)
{
	Helio__Store__V1__CancelRequest request =
		HELIO__STORE__V1__CANCEL_REQUEST__INIT;
	const Helio__Store__V1__CancelReply *reply = NULL;
	int r;

	request.queue = field(QUEUE);
	request.has_id = 1;
	request.id = id;
	r = helio__store__v1__queues__cancel__wait(by->queues, &request,
						   &reply);
	if (r == HELIO_OK)
		*ret_ended = reply->ended;
	return r;
}

const Helio__Store__V1__Queue *queue_show(struct scene *by)
{
	Helio__Store__V1__ShowQueueRequest request =
		HELIO__STORE__V1__SHOW_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__ShowQueueReply *reply = NULL;

	request.name = field(QUEUE);
	assert_int_equal(helio__store__v1__queues__show__wait(by->queues,
							      &request, &reply),
			 HELIO_OK);
	return reply->queue;
}
