/* SPDX-License-Identifier: MIT */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/system/store/scene.h"

enum { WORKERS = 4, JOBS = 40 };

static struct scene scene;

static int create(const char *name, const Helio__Store__V1__QueueConfig *config)
{
	Helio__Store__V1__CreateQueueRequest request =
		HELIO__STORE__V1__CREATE_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__CreateQueueReply *reply = NULL;

	request.name = field(name);
	request.config = (Helio__Store__V1__QueueConfig *)(uintptr_t)config;
	return helio__store__v1__queues__create__wait(scene.queues, &request,
						      &reply);
}

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	assert_int_equal(create("work", NULL), HELIO_OK);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

/* ---- calls ---- */

static int submit(struct scene *by, const char *body, const char *key,
		  uint64_t *ret_id, bool *ret_was_there)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	const Helio__Store__V1__SubmitReply *reply = NULL;
	int r;

	request.queue = field("work");
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

static uint64_t submit_ok(const char *body)
{
	uint64_t id = 0;
	bool was_there;

	assert_int_equal(submit(&scene, body, NULL, &id, &was_there), HELIO_OK);
	assert_false(was_there);
	return id;
}

struct leased {
	unsigned n;
	uint64_t id;
	uint64_t token;
	uint32_t attempts;
	char body[32];
};

static int lease(struct scene *by, uint64_t wait_ms, uint64_t lease_ms,
		 struct leased *ret_leased)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;
	const Helio__Store__V1__LeaseReply *reply = NULL;
	int r;

	request.queue = field("work");
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

static struct leased lease_ok(struct scene *by)
{
	struct leased leased;

	assert_int_equal(lease(by, 0, 0, &leased), HELIO_OK);
	assert_int_equal(leased.n, 1);
	return leased;
}

static int complete(struct scene *by, const struct leased *leased,
		    const char *result, bool *ret_was_done)
{
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	const Helio__Store__V1__CompleteReply *reply = NULL;
	int r;

	request.queue = field("work");
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

static int give_up(struct scene *by, const struct leased *leased, bool is_final)
{
	Helio__Store__V1__FailRequest request =
		HELIO__STORE__V1__FAIL_REQUEST__INIT;
	const Helio__Store__V1__FailReply *reply = NULL;
	int r;

	request.queue = field("work");
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
		assert_int_equal(
			reply->state,
			is_final
				? HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD
				: HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING);
	return r;
}

struct shown {
	Helio__Store__V1__JobState state;
	uint32_t permille;
	char result[32];
	char error[32];
};

static int show(struct scene *by, uint64_t id, struct shown *ret_shown)
{
	Helio__Store__V1__ShowJobRequest request =
		HELIO__STORE__V1__SHOW_JOB_REQUEST__INIT;
	const Helio__Store__V1__ShowJobReply *reply = NULL;
	int r;

	request.queue = field("work");
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

static Helio__Store__V1__JobState state_of(uint64_t id)
{
	struct shown shown;

	assert_int_equal(show(&scene, id, &shown), HELIO_OK);
	return shown.state;
}

#define WAITING   HELIO__STORE__V1__JOB_STATE__JOB_STATE_WAITING
#define LEASED    HELIO__STORE__V1__JOB_STATE__JOB_STATE_LEASED
#define DONE      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE
#define DEAD      HELIO__STORE__V1__JOB_STATE__JOB_STATE_DEAD
#define CANCELLED HELIO__STORE__V1__JOB_STATE__JOB_STATE_CANCELLED

static const Helio__Store__V1__Queue *show_queue(void)
{
	Helio__Store__V1__ShowQueueRequest request =
		HELIO__STORE__V1__SHOW_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__ShowQueueReply *reply = NULL;

	request.name = field("work");
	assert_int_equal(helio__store__v1__queues__show__wait(scene.queues,
							      &request, &reply),
			 HELIO_OK);
	return reply->queue;
}

/* ---- a job's life ---- */

static void test_a_job(void **state)
{
	struct leased leased, none;
	struct shown shown;
	bool was_done = false;
	uint64_t id;

	(void)state;
	id = submit_ok("paint");
	assert_int_equal(state_of(id), WAITING);
	leased = lease_ok(&scene);
	assert_true(leased.id == id);
	assert_string_equal(leased.body, "paint");
	assert_int_equal(leased.attempts, 1);
	assert_int_equal(state_of(id), LEASED);
	assert_int_equal(lease(&scene, 0, 0, &none), HELIO_OK);
	assert_int_equal(none.n, 0);
	assert_int_equal(complete(&scene, &leased, "red", &was_done), HELIO_OK);
	assert_false(was_done);
	assert_int_equal(complete(&scene, &leased, "red", &was_done), HELIO_OK);
	assert_true(was_done);
	assert_int_equal(show(&scene, id, &shown), HELIO_OK);
	assert_int_equal(shown.state, DONE);
	assert_string_equal(shown.result, "red");
	assert_int_equal(give_up(&scene, &leased, false), HELIO_ABORTED);
	assert_int_equal(show(&scene, id + 100, &shown), HELIO_NOT_FOUND);
}

static void test_a_token_that_is_old(void **state)
{
	struct leased first, second;
	bool was_done;
	uint64_t id;

	(void)state;
	id = submit_ok("x");
	assert_int_equal(lease(&scene, 0, 1, &first), HELIO_OK);
	wait_until(&scene, state_of(id) == WAITING);
	second = lease_ok(&scene);
	assert_true(second.token > first.token);
	assert_int_equal(second.attempts, 2);
	assert_int_equal(complete(&scene, &first, "", &was_done),
			 HELIO_ABORTED);
	assert_int_equal(complete(&scene, &second, "", &was_done), HELIO_OK);
}

static void test_failures(void **state)
{
	Helio__Store__V1__RetryRequest request =
		HELIO__STORE__V1__RETRY_REQUEST__INIT;
	const Helio__Store__V1__RetryReply *reply = NULL;
	struct leased leased;
	struct shown shown;
	uint64_t id;

	(void)state;
	id = submit_ok("x");
	leased = lease_ok(&scene);
	assert_int_equal(give_up(&scene, &leased, false), HELIO_OK);
	leased = lease_ok(&scene);
	assert_int_equal(leased.attempts, 2);
	assert_int_equal(give_up(&scene, &leased, true), HELIO_OK);
	assert_int_equal(show(&scene, id, &shown), HELIO_OK);
	assert_int_equal(shown.state, DEAD);
	assert_string_equal(shown.error, "broken");
	request.queue = field("work");
	request.has_id = 1;
	request.id = id;
	assert_int_equal(helio__store__v1__queues__retry__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	leased = lease_ok(&scene);
	assert_int_equal(leased.attempts, 1);
}

static void test_a_key_is_one_job(void **state)
{
	uint64_t first = 0, again = 0, other = 0;
	struct scene guest;
	bool was_there;

	(void)state;
	assert_int_equal(submit(&scene, "x", "k", &first, &was_there),
			 HELIO_OK);
	assert_int_equal(submit(&scene, "x", "k", &again, &was_there),
			 HELIO_OK);
	assert_true(was_there && again == first);
	assert_int_equal(submit(&scene, "y", "k", &again, &was_there),
			 HELIO_ALREADY_EXISTS);
	/* Keys are each submitter's own. */
	scene_visit(&scene, true, &guest);
	assert_int_equal(submit(&guest, "y", "k", &other, &was_there),
			 HELIO_OK);
	assert_true(!was_there && other != first);
	scene_leave(&guest);
	scene_kill_store(&scene);
	assert_int_equal(submit(&scene, "x", "k", &again, &was_there),
			 HELIO_OK);
	assert_true(was_there && again == first);
}

static int cancel(uint64_t id, Helio__Store__V1__JobState *ret_ended)
{
	Helio__Store__V1__CancelRequest request =
		HELIO__STORE__V1__CANCEL_REQUEST__INIT;
	const Helio__Store__V1__CancelReply *reply = NULL;
	int r;

	request.queue = field("work");
	request.has_id = 1;
	request.id = id;
	r = helio__store__v1__queues__cancel__wait(scene.queues, &request,
						   &reply);
	if (r == HELIO_OK)
		*ret_ended = reply->ended;
	return r;
}

static void test_cancelled(void **state)
{
	Helio__Store__V1__JobState ended;
	struct leased leased;
	bool was_done;
	uint64_t id;

	(void)state;
	id = submit_ok("x");
	leased = lease_ok(&scene);
	assert_int_equal(cancel(id, &ended), HELIO_OK);
	assert_int_equal(ended, 0);
	assert_int_equal(state_of(id), CANCELLED);
	assert_int_equal(complete(&scene, &leased, "", &was_done),
			 HELIO_ABORTED);
	assert_int_equal(cancel(id, &ended), HELIO_OK);
	assert_int_equal(ended, CANCELLED);
	assert_int_equal(cancel(id + 100, &ended), HELIO_NOT_FOUND);
}

static void test_lists(void **state)
{
	Helio__Store__V1__ListJobsRequest request =
		HELIO__STORE__V1__LIST_JOBS_REQUEST__INIT;
	const Helio__Store__V1__ListJobsReply *reply = NULL;
	uint64_t first, last;

	(void)state;
	first = submit_ok("a");
	submit_ok("b");
	last = submit_ok("c");
	lease_ok(&scene);
	request.queue = field("work");
	request.has_limit = 1;
	request.limit = 2;
	assert_int_equal(helio__store__v1__queues__list_jobs__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_jobs, 2);
	assert_true(reply->jobs[0]->id == first);
	assert_memory_equal(reply->jobs[1]->body.data, "b", 1);
	request.has_after = request.has_is_brief = 1;
	request.after = reply->next;
	request.is_brief = 1;
	assert_int_equal(helio__store__v1__queues__list_jobs__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_jobs, 1);
	assert_true(reply->jobs[0]->id == last);
	assert_false(reply->jobs[0]->has_body);
	assert_true(reply->next == 0);
	request.after = 0;
	request.has_state = 1;
	request.state = LEASED;
	assert_int_equal(helio__store__v1__queues__list_jobs__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_jobs, 1);
	assert_int_equal(show_queue()->waiting, 2);
	assert_int_equal(show_queue()->leased, 1);
}

/* ---- workers that wait ---- */

struct worker {
	struct scene *scene;
	unsigned n_answered;
	unsigned n_jobs;
	unsigned status;
	uint64_t id;
	uint64_t token;
};

static void on_leased(const Helio__Store__V1__LeaseReply *reply, void *userdata)
{
	struct worker *worker = userdata;

	worker->n_answered++;
	worker->status = helio_client_reply(worker->scene->queues)->status;
	worker->n_jobs = reply ? (unsigned)reply->n_jobs : 0;
	if (worker->n_jobs) {
		worker->id = reply->jobs[0]->id;
		worker->token = reply->jobs[0]->token;
	}
}

static void ask(struct worker *worker, struct scene *by, uint64_t wait_ms)
{
	Helio__Store__V1__LeaseRequest request =
		HELIO__STORE__V1__LEASE_REQUEST__INIT;

	*worker = (struct worker){ .scene = by };
	request.queue = field("work");
	request.has_wait_ms = 1;
	request.wait_ms = wait_ms;
	helio__store__v1__queues__lease(helio_client_service(by->queues),
					&request, on_leased, worker);
}

static void test_whoever_waits_longest_is_first(void **state)
{
	struct worker workers[WORKERS];

	(void)state;
	for (int i = 0; i < WORKERS; i++) {
		ask(&workers[i], &scene, 10000);
		wait_until(&scene,
			   show_queue()->workers_waiting == (unsigned)i + 1);
	}
	for (int i = 0; i < WORKERS; i++) {
		uint64_t id = submit_ok("x");

		wait_until(&scene, workers[i].n_answered);
		assert_int_equal(workers[i].n_jobs, 1);
		assert_true(workers[i].id == id);
		if (i + 1 < WORKERS)
			assert_int_equal(workers[i + 1].n_answered, 0);
	}
}

static void test_waiting_ends(void **state)
{
	struct worker worker;
	uint64_t begun_ms = scene_now_ms();

	(void)state;
	ask(&worker, &scene, 100);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.status, HELIO_OK);
	assert_int_equal(worker.n_jobs, 0);
	assert_true(scene_now_ms() - begun_ms >= 90);
	assert_int_equal(show_queue()->workers_waiting, 0);
}

/* What was leased to one that is gone is given to the next. */
static void test_a_worker_goes(void **state)
{
	struct worker waits, next;
	struct scene guest;
	uint64_t id;

	(void)state;
	scene_visit(&scene, true, &guest);
	ask(&waits, &guest, 10000);
	wait_until(&guest, show_queue()->workers_waiting == 1);
	scene_leave(&guest);
	wait_until(&scene, show_queue()->workers_waiting == 0);
	id = submit_ok("x");
	assert_int_equal(state_of(id), WAITING);
	/* One that has a lease when it goes. */
	scene_visit(&scene, true, &guest);
	lease_ok(&guest);
	assert_int_equal(state_of(id), LEASED);
	ask(&next, &scene, 20000);
	scene_leave(&guest);
	wait_until(&scene, next.n_answered);
	assert_int_equal(next.n_jobs, 1);
	assert_true(next.id == id);
}

static void test_a_delay_is_over(void **state)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	const Helio__Store__V1__SubmitReply *reply = NULL;
	struct worker worker;

	(void)state;
	request.queue = field("work");
	request.has_delay_ms = 1;
	request.delay_ms = 150;
	assert_int_equal(helio__store__v1__queues__submit__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	ask(&worker, &scene, 0);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.n_jobs, 0);
	ask(&worker, &scene, 10000);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.n_jobs, 1);
}

static void test_a_queue_goes(void **state)
{
	Helio__Store__V1__DropQueueRequest request =
		HELIO__STORE__V1__DROP_QUEUE_REQUEST__INIT;
	const Helio__Store__V1__DropQueueReply *reply = NULL;
	struct worker worker;

	(void)state;
	ask(&worker, &scene, 10000);
	wait_until(&scene, show_queue()->workers_waiting == 1);
	request.name = field("work");
	assert_int_equal(helio__store__v1__queues__drop__wait(scene.queues,
							      &request, &reply),
			 HELIO_OK);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.status, HELIO_NOT_FOUND);
	ask(&worker, &scene, 10000);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.status, HELIO_NOT_FOUND);
}

/* ---- who waits for a job ---- */

struct waiter {
	unsigned n_answered;
	unsigned status;
	Helio__Store__V1__JobState state;
	char result[32];
};

static void on_awaited(const Helio__Store__V1__AwaitReply *reply,
		       void *userdata)
{
	struct waiter *waiter = userdata;

	waiter->n_answered++;
	waiter->status = helio_client_reply(scene.queues)->status;
	if (!reply)
		return;
	waiter->state = reply->job->state;
	snprintf(waiter->result, sizeof(waiter->result), "%.*s",
		 (int)reply->job->result.len,
		 (const char *)reply->job->result.data);
}

static void await(struct waiter *waiter, uint64_t id, const char *key)
{
	Helio__Store__V1__AwaitRequest request =
		HELIO__STORE__V1__AWAIT_REQUEST__INIT;

	*waiter = (struct waiter){ .n_answered = 0 };
	request.queue = field("work");
	request.has_id = id != 0;
	request.id = id;
	request.key = field(key);
	helio__store__v1__queues__await(helio_client_service(scene.queues),
					&request, on_awaited, waiter);
}

static void test_a_result_is_awaited(void **state)
{
	struct waiter first, second, none;
	struct leased leased;
	uint64_t id = 0;
	bool was;

	(void)state;
	assert_int_equal(submit(&scene, "x", "k", &id, &was), HELIO_OK);
	await(&first, id, NULL);
	leased = lease_ok(&scene);
	/* Whoever awaits is told of a lost store, and asks again. */
	scene_kill_store(&scene);
	wait_until(&scene, first.n_answered);
	assert_int_equal(first.status, HELIO_UNAVAILABLE);
	await(&first, id, NULL);
	await(&second, 0, "k");
	await(&none, id + 100, NULL);
	wait_until(&scene, none.n_answered);
	assert_int_equal(none.status, HELIO_NOT_FOUND);
	assert_int_equal(complete(&scene, &leased, "good", &was), HELIO_OK);
	wait_until(&scene, first.n_answered && second.n_answered);
	assert_int_equal(first.state, DONE);
	assert_string_equal(first.result, "good");
	assert_string_equal(second.result, "good");
	await(&first, id, NULL);
	wait_until(&scene, first.n_answered);
	assert_string_equal(first.result, "good");
}

struct following {
	unsigned n;
	unsigned permille;
	Helio__Store__V1__JobState state;
	bool is_over;
	unsigned status;
};

static void on_followed(struct helio_stream *stream,
			const Helio__Store__V1__FollowReply *reply,
			void *userdata)
{
	struct following *this = userdata;

	(void)stream;
	this->n++;
	this->permille = reply->job->progress_permille;
	this->state = reply->job->state;
	assert_false(reply->job->has_body);
}

static void on_end(struct helio_stream *stream, const struct helio_reply *reply,
		   const Helio__Store__V1__FollowReply *null, void *userdata)
{
	struct following *this = userdata;

	(void)stream;
	(void)null;
	this->is_over = true;
	this->status = reply->status;
}

static void follow(struct following *this, uint64_t id)
{
	static const struct helio__store__v1__queues__follow__events events = {
		.on_message = on_followed,
		.on_end = on_end,
	};
	Helio__Store__V1__FollowRequest request =
		HELIO__STORE__V1__FOLLOW_REQUEST__INIT;
	struct helio_stream *stream;

	*this = (struct following){ .n = 0 };
	request.queue = field("work");
	request.has_id = 1;
	request.id = id;
	assert_int_equal(
		helio__store__v1__queues__follow__stream(
			scene.queues, &request, &events, this, &stream),
		0);
}

static void extend(const struct leased *leased, unsigned permille)
{
	Helio__Store__V1__ExtendRequest request =
		HELIO__STORE__V1__EXTEND_REQUEST__INIT;
	const Helio__Store__V1__ExtendReply *reply = NULL;

	request.queue = field("work");
	request.has_id = request.has_token = 1;
	request.id = leased->id;
	request.token = leased->token;
	request.has_progress_permille = 1;
	request.progress_permille = permille;
	assert_int_equal(helio__store__v1__queues__extend__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
}

static void test_a_job_is_followed(void **state)
{
	struct following this, none;
	struct leased leased;
	bool was_done;
	uint64_t id;

	(void)state;
	id = submit_ok("x");
	follow(&this, id);
	wait_until(&scene, this.n == 1);
	assert_int_equal(this.state, WAITING);
	leased = lease_ok(&scene);
	wait_until(&scene, this.state == LEASED);
	extend(&leased, 500);
	wait_until(&scene, this.permille == 500);
	assert_int_equal(complete(&scene, &leased, "", &was_done), HELIO_OK);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.status, HELIO_OK);
	assert_int_equal(this.state, DONE);
	follow(&this, id);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.n, 1);
	assert_int_equal(this.state, DONE);
	follow(&none, id + 100);
	wait_until(&scene, none.is_over);
	assert_int_equal(none.status, HELIO_NOT_FOUND);
}

/* ---- done once ---- */

/* The job, a key, and another job: all or nothing. */
static void test_an_effect(void **state)
{
	Helio__Store__V1__CompleteRequest request =
		HELIO__STORE__V1__COMPLETE_REQUEST__INIT;
	Helio__Store__V1__Transaction transaction =
		HELIO__STORE__V1__TRANSACTION__INIT;
	Helio__Store__V1__Condition condition =
		HELIO__STORE__V1__CONDITION__INIT;
	Helio__Store__V1__Write write = HELIO__STORE__V1__WRITE__INIT;
	Helio__Store__V1__SubmitRequest next =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	const Helio__Store__V1__CompleteReply *reply = NULL;
	struct leased leased;

	(void)state;
	submit_ok("x");
	leased = lease_ok(&scene);
	condition.bucket = write.bucket = field("lab");
	condition.key = write.key = field("sum");
	condition.has_revision = 1;
	condition.revision = 0;
	write.has_value = 1;
	write.value = bytes_of("1");
	next.queue = field("work");
	next.has_body = 1;
	next.body = bytes_of("next");
	transaction.n_conditions = transaction.n_writes =
		transaction.n_submits = 1;
	transaction.conditions =
		(Helio__Store__V1__Condition *[]){ &condition };
	transaction.writes = (Helio__Store__V1__Write *[]){ &write };
	transaction.submits = (Helio__Store__V1__SubmitRequest *[]){ &next };
	request.queue = field("work");
	request.has_id = request.has_token = 1;
	request.id = leased.id;
	request.token = leased.token;
	request.transaction = &transaction;
	put_ok(&scene, "lab", "sum", "0");
	assert_int_equal(helio__store__v1__queues__complete__wait(
				 scene.queues, &request, &reply),
			 HELIO_ABORTED);
	assert_int_equal(state_of(leased.id), LEASED);
	condition.revision = get(&scene, "lab", "sum", 0).revision;
	assert_int_equal(helio__store__v1__queues__complete__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	scene_kill_store(&scene);
	expect(&scene, "lab", "sum", "1");
	assert_int_equal(state_of(leased.id), DONE);
	assert_string_equal(lease_ok(&scene).body, "next");
}

/* Many jobs, several workers, and each job is done by one of them. */
static void test_workers_compete(void **state)
{
	struct scene workers[WORKERS];
	unsigned n_done[WORKERS] = { 0 };
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < JOBS; i++)
		submit_ok("x");
	for (int i = 0; i < WORKERS; i++)
		scene_visit(&scene, i % 2, &workers[i]);
	while (n < JOBS) {
		for (int i = 0; i < WORKERS; i++) {
			struct leased leased;
			bool was_done = true;

			assert_int_equal(lease(&workers[i], 0, 0, &leased),
					 HELIO_OK);
			if (!leased.n)
				continue;
			assert_int_equal(
				complete(&workers[i], &leased, "", &was_done),
				HELIO_OK);
			assert_false(was_done);
			n_done[i]++;
			n++;
		}
	}
	assert_int_equal(n, JOBS);
	assert_int_equal(show_queue()->done, JOBS);
	for (int i = 0; i < WORKERS; i++) {
		assert_true(n_done[i] > 0);
		scene_leave(&workers[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_job),
		TEST(test_a_token_that_is_old),
		TEST(test_failures),
		TEST(test_a_key_is_one_job),
		TEST(test_cancelled),
		TEST(test_lists),
		TEST(test_whoever_waits_longest_is_first),
		TEST(test_waiting_ends),
		TEST(test_a_worker_goes),
		TEST(test_a_delay_is_over),
		TEST(test_a_queue_goes),
		TEST(test_a_result_is_awaited),
		TEST(test_a_job_is_followed),
		TEST(test_an_effect),
		TEST(test_workers_compete),
	};

	return cmocka_run_group_tests_name("store_queues", tests, NULL, NULL);
}
