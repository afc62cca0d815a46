/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/store/worker.h"
#include "tests/fault.h"
#include "tests/unit/rpc/log/scribe.h"
#include "tests/unit/rpc/store/keeper.h"

struct told {
	struct fake_switch fake;
	struct helio_worker *worker;
	struct helio_work *work; /* the last */
	unsigned n_jobs;
	unsigned n_settled;
	unsigned n_lost;
	unsigned n_interrupted;
	unsigned n_ended;
	unsigned n_drained;
	unsigned status;
	bool frees; /* in on_job */
};

static void on_job(struct helio_worker *worker, struct helio_work *work,
		   const struct helio_job *job, void *userdata)
{
	struct told *told = userdata;

	told->n_jobs++;
	told->work = work;
	assert_int_equal(job->n_body, 1);
	if (!told->frees)
		return;
	helio_worker_free(worker);
	told->worker = NULL;
}

static void on_settled(struct helio_worker *worker, struct helio_work *work,
		       unsigned status, const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_settled++;
	told->status = status;
}

static void on_lost(struct helio_worker *worker, struct helio_work *work,
		    unsigned status, const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_lost++;
	told->status = status;
}

static void on_interrupted(struct helio_worker *worker, unsigned status,
			   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_interrupted++;
}

static void on_end(struct helio_worker *worker, unsigned status,
		   const char *reason, void *userdata)
{
	struct told *told = userdata;

	told->n_ended++;
	told->status = status;
}

static void on_drained(struct helio_worker *worker, void *userdata)
{
	struct told *told = userdata;

	told->n_drained++;
	helio_worker_free(worker);
	told->worker = NULL;
}

/* Short: the wheel of timers has to come as far as a test has put it. */
enum { LEASE_MS = 400 };

static const struct helio_worker_options options = {
	.parallel = 2,
	.lease_ms = LEASE_MS,
	.on_job = on_job,
	.on_settled = on_settled,
	.on_lost = on_lost,
	.on_interrupted = on_interrupted,
	.on_end = on_end,
};

/* Of this many jobs. */
static uint64_t expect_lease(struct told *told, uint32_t max)
{
	Helio__Store__V1__LeaseRequest *request;
	uint64_t id = keeper_asked(&told->fake, "Lease",
				   &helio__store__v1__lease_request__descriptor,
				   (ProtobufCMessage **)&request);

	assert_string_equal(request->queue, "work");
	assert_int_equal(request->max, max);
	assert_int_equal(request->lease_ms, LEASE_MS);
	assert_true(request->wait_ms > 0 && request->wait_ms < LEASE_MS);
	helio__store__v1__lease_request__free_unpacked(request, NULL);
	return id;
}

static uint64_t open_worker(struct told *told)
{
	*told = (struct told){ 0 };
	fake_connect(&told->fake, NULL);
	assert_int_equal(helio_worker_new(told->fake.bus, "work", &options,
					  told, &told->worker),
			 0);
	keeper_bind(&told->fake, "Queues");
	keeper_bind(&told->fake, "Queues");
	scribe_wait(&told->fake, 1);
	return expect_lease(told, 2);
}

static void close_worker(struct told *told)
{
	helio_worker_free(told->worker);
	fake_close(&told->fake);
}

/* Job `n` with the token 100 + n. */
static void give(struct told *told, uint64_t id, uint64_t n)
{
	Helio__Store__V1__LeaseReply reply =
		HELIO__STORE__V1__LEASE_REPLY__INIT;
	Helio__Store__V1__Job job = HELIO__STORE__V1__JOB__INIT;
	Helio__Store__V1__Job *jobs[1] = { &job };
	uint8_t body[] = "x";

	job.has_id = job.has_token = job.has_body = true;
	job.id = n;
	job.token = 100 + n;
	job.body = (ProtobufCBinaryData){ 1, body };
	reply.n_jobs = 1;
	reply.jobs = jobs;
	keeper_answer(&told->fake, id, &reply.base);
}

/* One job at hand, and the lease of another asked for. */
static uint64_t take_one(struct told *told)
{
	uint64_t id = open_worker(told);

	give(told, id, 1);
	assert_int_equal(told->n_jobs, 1);
	scribe_wait(&told->fake, 1);
	return expect_lease(told, 1);
}

static uint64_t complete(struct told *told)
{
	assert_int_equal(keeper_complete(told->work), 0);
	assert_int_equal(helio_work_complete(told->work, "ok", 2, NULL),
			 -EBUSY);
	return keeper_completed(&told->fake);
}

static void answer_complete(struct told *told, uint64_t id)
{
	Helio__Store__V1__CompleteReply reply =
		HELIO__STORE__V1__COMPLETE_REPLY__INIT;

	keeper_answer(&told->fake, id, &reply.base);
}

static uint64_t expect_extend(struct told *told, uint32_t permille)
{
	Helio__Store__V1__ExtendRequest *request;
	uint64_t id =
		keeper_asked(&told->fake, "Extend",
			     &helio__store__v1__extend_request__descriptor,
			     (ProtobufCMessage **)&request);

	assert_int_equal(request->token, 101);
	assert_int_equal(request->lease_ms, LEASE_MS);
	assert_int_equal(request->has_progress_permille, permille > 0);
	assert_int_equal(request->progress_permille, permille);
	helio__store__v1__extend_request__free_unpacked(request, NULL);
	return id;
}

static void test_a_job_is_done(void **state)
{
	struct told told;
	uint64_t lease = take_one(&told);
	uint64_t id = complete(&told);

	answer_complete(&told, id);
	assert_int_equal(told.n_settled, 1);
	assert_int_equal(told.status, HELIO_OK);
	assert_int_equal(told.n_lost, 0);
	give(&told, lease, 2);
	assert_int_equal(told.n_jobs, 2);
	scribe_wait(&told.fake, 1);
	expect_lease(&told, 1);
	close_worker(&told);
}

static void test_complete_is_repeated(void **state)
{
	struct told told;
	uint64_t id;

	take_one(&told);
	id = complete(&told);
	scribe_reply(&told.fake, id, HELIO_UNAVAILABLE);
	assert_int_equal(told.n_settled, 0);
	scribe_wait(&told.fake, 200);
	id = keeper_completed(&told.fake);
	answer_complete(&told, id);
	assert_int_equal(told.n_settled, 1);
	close_worker(&told);
}

static void test_the_lease_is_renewed(void **state)
{
	Helio__Store__V1__ExtendReply reply =
		HELIO__STORE__V1__EXTEND_REPLY__INIT;
	struct told told;
	uint64_t id;

	take_one(&told);
	assert_int_equal(helio_work_progress(told.work, 500, "half"), 0);
	scribe_wait(&told.fake, 1);
	id = expect_extend(&told, 500);
	keeper_answer(&told.fake, id, &reply.base);
	fake_expect_nothing(&told.fake);
	scribe_wait(&told.fake, LEASE_MS / 2 + 20);
	/* The lease that waits is late by then, and asked for again. */
	fake_turn(&told.fake);
	assert_int_equal(told.n_lost, 0);
	close_worker(&told);
}

static void test_the_lease_is_another_s(void **state)
{
	struct told told;
	uint64_t id;

	take_one(&told);
	assert_int_equal(helio_work_progress(told.work, 500, NULL), 0);
	scribe_wait(&told.fake, 1);
	id = expect_extend(&told, 500);
	scribe_reply(&told.fake, id, HELIO_ABORTED);
	assert_int_equal(told.n_lost, 1);
	assert_int_equal(told.status, HELIO_ABORTED);
	close_worker(&told);
}

static void test_nobody_answers_until_the_lease_is_over(void **state)
{
	struct told told;

	take_one(&told);
	complete(&told);
	told.work->until_ns = 0;
	scribe_wait(&told.fake, LEASE_MS + 200);
	assert_int_equal(told.n_lost, 1);
	assert_int_equal(told.n_settled, 0);
	assert_int_equal(told.status, HELIO_UNAVAILABLE);
	close_worker(&told);
}

static void test_a_refused_complete(void **state)
{
	struct told told;
	uint64_t id;

	take_one(&told);
	id = complete(&told);
	scribe_reply(&told.fake, id, HELIO_ABORTED);
	assert_int_equal(told.n_settled, 1);
	assert_int_equal(told.status, HELIO_ABORTED);
	assert_int_equal(told.n_lost, 0);
	/* Whether it still has the lease it asks. */
	id = expect_extend(&told, 0);
	scribe_reply(&told.fake, id, HELIO_ABORTED);
	assert_int_equal(told.n_lost, 1);
	close_worker(&told);
}

static void test_drained(void **state)
{
	const struct helio_work_failure failure = { .error = "no",
						    .is_given_back = true };
	Helio__Store__V1__FailReply reply = HELIO__STORE__V1__FAIL_REPLY__INIT;
	Helio__Store__V1__FailRequest *request;
	struct received received;
	struct told told;
	uint64_t id;

	take_one(&told);
	helio_worker_drain(told.worker, on_drained);
	fake_expect(&told.fake, FRAME_CANCEL, &received);
	keeper_unbind(&told.fake);
	assert_int_equal(told.n_drained, 0);
	assert_int_equal(helio_work_fail(told.work, &failure), 0);
	id = keeper_asked(&told.fake, "Fail",
			  &helio__store__v1__fail_request__descriptor,
			  (ProtobufCMessage **)&request);
	assert_true(request->is_given_back);
	assert_string_equal(request->error, "no");
	helio__store__v1__fail_request__free_unpacked(request, NULL);
	keeper_answer(&told.fake, id, &reply.base);
	assert_int_equal(told.n_settled, 1);
	assert_int_equal(told.n_drained, 1);
	close_worker(&told);
}

static void test_the_store_is_lost_and_found(void **state)
{
	struct told told;
	uint64_t lease = take_one(&told);

	scribe_reply(&told.fake, lease, HELIO_UNAVAILABLE);
	assert_int_equal(told.n_interrupted, 1);
	scribe_wait(&told.fake, 60);
	lease = expect_lease(&told, 1);
	scribe_reply(&told.fake, lease, HELIO_NOT_FOUND);
	assert_int_equal(told.n_ended, 1);
	assert_int_equal(told.status, HELIO_NOT_FOUND);
	assert_int_equal(told.n_lost, 0);
	close_worker(&told);
}

static void test_freed_by_a_callback(void **state)
{
	struct told told;
	uint64_t id = open_worker(&told);

	told.frees = true;
	give(&told, id, 1);
	assert_int_equal(told.n_jobs, 1);
	assert_null(told.worker);
	fake_close(&told.fake);
}

static void test_contradictions(void **state)
{
	struct helio_worker_options bad = options;
	struct told told = { 0 };

	fake_connect(&told.fake, NULL);
	bad.on_settled = NULL;
	assert_int_equal(helio_worker_new(told.fake.bus, "work", &bad, &told,
					  &told.worker),
			 -EINVAL);
	bad = options;
	bad.lease_ms = 1;
	assert_int_equal(helio_worker_new(told.fake.bus, "work", &bad, &told,
					  &told.worker),
			 -EINVAL);
	fake_close(&told.fake);
}

static void test_without_memory(void **state)
{
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct told told = { 0 };
		int r;

		fake_connect(&told.fake, NULL);
		fault_arm(n);
		r = helio_worker_new(told.fake.bus, "work", &options, &told,
				     &told.worker);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		close_worker(&told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_job_is_done),
		cmocka_unit_test(test_complete_is_repeated),
		cmocka_unit_test(test_the_lease_is_renewed),
		cmocka_unit_test(test_the_lease_is_another_s),
		cmocka_unit_test(test_nobody_answers_until_the_lease_is_over),
		cmocka_unit_test(test_a_refused_complete),
		cmocka_unit_test(test_drained),
		cmocka_unit_test(test_the_store_is_lost_and_found),
		cmocka_unit_test(test_freed_by_a_callback),
		cmocka_unit_test(test_contradictions),
		cmocka_unit_test(test_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
