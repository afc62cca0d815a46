/* SPDX-License-Identifier: MIT */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/system/store/job.h"

enum { CROWD = 1000, RESULT_BYTES = 64 * 1024 };

static struct scene scene;

static int setup(void **state)
{
	(void)state;
	scene_open(&scene, NULL);
	assert_int_equal(queue_create(&scene, QUEUE), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	return 0;
}

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
	request.queue = field(QUEUE);
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
	assert_int_equal(job_submit(&scene, "x", "k", &id, &was), HELIO_OK);
	await(&first, id, NULL);
	leased = job_lease_ok(&scene);
	/* Whoever awaits is told of a lost store, and asks again. */
	scene_kill_store(&scene);
	wait_until(&scene, first.n_answered);
	assert_int_equal(first.status, HELIO_UNAVAILABLE);
	await(&first, id, NULL);
	await(&second, 0, "k");
	await(&none, id + 100, NULL);
	wait_until(&scene, none.n_answered);
	assert_int_equal(none.status, HELIO_NOT_FOUND);
	assert_int_equal(job_complete(&scene, &leased, "good", &was), HELIO_OK);
	wait_until(&scene, first.n_answered && second.n_answered);
	assert_int_equal(first.state, JOB_DONE);
	assert_string_equal(first.result, "good");
	assert_string_equal(second.result, "good");
	await(&first, id, NULL);
	wait_until(&scene, first.n_answered);
	assert_string_equal(first.result, "good");
}

/* The switch keeps replies as far as whoever called takes them. */
static void on_ended(const Helio__Store__V1__AwaitReply *reply, void *userdata)
{
	unsigned *n = userdata;

	(void)reply;
	++*n;
}

static void await_all(struct scene *by, uint64_t id, unsigned *n)
{
	Helio__Store__V1__AwaitRequest request =
		HELIO__STORE__V1__AWAIT_REQUEST__INIT;

	request.queue = field(QUEUE);
	request.has_id = 1;
	request.id = id;
	for (int i = 0; i < CROWD; i++)
		helio__store__v1__queues__await(
			helio_client_service(by->queues), &request, on_ended,
			n);
}

/* Many wait for one result: the store keeps it once. */
static void test_a_crowd(void **state)
{
	static char result[RESULT_BYTES];
	struct scene crowd;
	struct leased leased;
	unsigned n = 0;
	unsigned long before;
	uint64_t id = 0;
	bool was;

	(void)state;
	memset(result, 'x', sizeof(result) - 1);
	scene_visit(&scene, false, &crowd);
	assert_int_equal(job_submit(&scene, "x", NULL, &id, &was), HELIO_OK);
	leased = job_lease_ok(&scene);
	await_all(&crowd, id, &n);
	/* Whatever came before this is taken up. */
	assert_int_equal(queue_create(&crowd, QUEUE), HELIO_OK);
	before = scene_peak_kib(&scene);
	assert_int_equal(job_complete(&scene, &leased, result, &was), HELIO_OK);
	assert_in_range(scene_peak_kib(&scene), before,
			before + CROWD / 2 * (RESULT_BYTES / 1024));
	wait_until(&crowd, n == CROWD);
	scene_leave(&crowd);
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
	request.queue = field(QUEUE);
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

	request.queue = field(QUEUE);
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
	id = job_submit_ok(&scene, "x");
	follow(&this, id);
	wait_until(&scene, this.n == 1);
	assert_int_equal(this.state, JOB_WAITING);
	leased = job_lease_ok(&scene);
	wait_until(&scene, this.state == JOB_LEASED);
	extend(&leased, 500);
	wait_until(&scene, this.permille == 500);
	assert_int_equal(job_complete(&scene, &leased, "", &was_done),
			 HELIO_OK);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.status, HELIO_OK);
	assert_int_equal(this.state, JOB_DONE);
	follow(&this, id);
	wait_until(&scene, this.is_over);
	assert_int_equal(this.n, 1);
	assert_int_equal(this.state, JOB_DONE);
	follow(&none, id + 100);
	wait_until(&scene, none.is_over);
	assert_int_equal(none.status, HELIO_NOT_FOUND);
}

#ifdef DISK_SHIM_PATH
static void on_retried(const Helio__Store__V1__RetryReply *reply,
		       void *userdata)
{
	bool *is_refused = userdata;

	*is_refused = !reply;
}

static void retry(uint64_t id, bool *is_refused)
{
	Helio__Store__V1__RetryRequest request =
		HELIO__STORE__V1__RETRY_REQUEST__INIT;

	request.queue = field(QUEUE);
	request.has_id = 1;
	request.id = id;
	helio__store__v1__queues__retry(helio_client_service(scene.queues),
					&request, on_retried, is_refused);
}

/* The disk does not sync. */
static void test_a_retry_is_taken_back(void **state)
{
	Helio__Store__V1__JobState ended;
	struct waiter waiter;
	char fault[128];
	bool is_refused = false;
	uint64_t id;
	FILE *file;

	(void)state;
	scene_open_bus(&scene, NULL);
	snprintf(fault, sizeof(fault), "%s/fault", scene.bus_process.folder);
	setenv("HELIO_TEST_FAULT", fault, 1);
	setenv("LD_PRELOAD", DISK_SHIM_PATH, 1);
	scene_start(&scene);
	unsetenv("LD_PRELOAD");
	assert_int_equal(queue_create(&scene, QUEUE), HELIO_OK);
	id = job_submit_ok(&scene, "x");
	assert_int_equal(job_cancel(&scene, id, &ended), HELIO_OK);
	file = fopen(fault, "we");
	assert_non_null(file);
	fclose(file);
	retry(id, &is_refused);
	await(&waiter, id, NULL);
	wait_until(&scene, is_refused);
	unlink(fault);
	wait_until(&scene, waiter.n_answered);
	assert_int_equal(waiter.status, HELIO_OK);
	assert_int_equal(waiter.state, JOB_CANCELLED);
	scene_close(&scene);
}
#endif

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_result_is_awaited),
		TEST(test_a_crowd),
		TEST(test_a_job_is_followed),
#ifdef DISK_SHIM_PATH
		cmocka_unit_test(test_a_retry_is_taken_back),
#endif
	};

	return cmocka_run_group_tests_name("store_follow", tests, NULL, NULL);
}
