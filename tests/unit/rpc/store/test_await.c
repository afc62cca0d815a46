/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/heliograph-store.h"
#include "tests/fault.h"
#include "tests/unit/rpc/log/scribe.h"
#include "tests/unit/rpc/store/keeper.h"

struct told {
	struct fake_switch fake;
	struct helio_job_await *await;
	unsigned n;
	unsigned status;
	enum helio_job_state state;
	char result[16];
};

static void on_ended(struct helio_job_await *await, unsigned status,
		     const char *reason, const struct helio_job *job,
		     void *userdata)
{
	struct told *told = userdata;

	told->n++;
	told->status = status;
	assert_int_equal(job != NULL, status == HELIO_OK);
	if (job) {
		told->state = job->state;
		snprintf(told->result, sizeof(told->result), "%.*s",
			 (int)job->n_result, (const char *)job->result);
	}
	helio_job_await_free(await);
	told->await = NULL;
}

static uint64_t expect_await(struct told *told, uint64_t job, const char *key)
{
	Helio__Store__V1__AwaitRequest *request;
	uint64_t id = keeper_asked(&told->fake, "Await",
				   &helio__store__v1__await_request__descriptor,
				   (ProtobufCMessage **)&request);

	assert_string_equal(request->queue, "work");
	assert_int_equal(request->has_id, !key);
	assert_int_equal(request->id, job);
	if (key)
		assert_string_equal(request->key, key);
	helio__store__v1__await_request__free_unpacked(request, NULL);
	return id;
}

static void open_await(struct told *told, uint64_t job, const char *key,
		       bool is_waiting)
{
	*told = (struct told){ 0 };
	fake_connect(&told->fake, NULL);
	assert_int_equal(helio_job_await(told->fake.bus, "work", job, key,
					 is_waiting, on_ended, told,
					 &told->await),
			 0);
	keeper_bind(&told->fake, "Queues");
	scribe_wait(&told->fake, 1);
}

static void close_await(struct told *told)
{
	helio_job_await_free(told->await);
	fake_close(&told->fake);
}

static void end_job(struct told *told, uint64_t id)
{
	Helio__Store__V1__AwaitReply reply =
		HELIO__STORE__V1__AWAIT_REPLY__INIT;
	Helio__Store__V1__Job job = HELIO__STORE__V1__JOB__INIT;
	uint8_t result[] = "good";

	job.has_state = true;
	job.state = HELIO__STORE__V1__JOB_STATE__JOB_STATE_DONE;
	job.has_result = true;
	job.result = (ProtobufCBinaryData){ 4, result };
	reply.job = &job;
	keeper_answer(&told->fake, id, &reply.base);
}

static void test_it_ends(void **state)
{
	struct told told;
	uint64_t id;

	open_await(&told, 7, NULL, false);
	id = expect_await(&told, 7, NULL);
	end_job(&told, id);
	assert_int_equal(told.n, 1);
	assert_int_equal(told.state, HELIO_JOB_DONE);
	assert_string_equal(told.result, "good");
	close_await(&told);
}

static void test_it_is_asked_again(void **state)
{
	struct told told;
	uint64_t id;

	open_await(&told, 0, "k", false);
	id = expect_await(&told, 0, "k");
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	scribe_wait(&told.fake, 60);
	id = expect_await(&told, 0, "k");
	scribe_reply(&told.fake, id, HELIO_DEADLINE_EXCEEDED);
	scribe_wait(&told.fake, 200);
	id = expect_await(&told, 0, "k");
	assert_int_equal(told.n, 0);
	end_job(&told, id);
	assert_int_equal(told.n, 1);
	close_await(&told);
}

static void test_nobody_there_and_no_such_job(void **state)
{
	struct told told;
	uint64_t id;

	open_await(&told, 7, NULL, false);
	id = expect_await(&told, 7, NULL);
	keeper_nobody(&told.fake, id);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	close_await(&told);

	open_await(&told, 7, NULL, true);
	id = expect_await(&told, 7, NULL);
	scribe_reply(&told.fake, id, HELIO_NOT_FOUND);
	assert_int_equal(told.status, HELIO_NOT_FOUND);
	close_await(&told);
}

static void test_without_memory(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct told told = { 0 };
		int r;

		fake_connect(&told.fake, NULL);
		fault_arm(n);
		r = helio_job_await(told.fake.bus, "work", 1, NULL, false,
				    on_ended, &told, &told.await);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		close_await(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_ends),
		cmocka_unit_test(test_it_is_asked_again),
		cmocka_unit_test(test_nobody_there_and_no_such_job),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
