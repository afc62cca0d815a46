/* SPDX-License-Identifier: MIT */

#include <signal.h>

#include "tests/system/store/job.h"

enum { LEASE_MS = 600000, OTHERS = 1500 };

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

static void test_a_job(void **state)
{
	struct leased leased, none;
	struct shown shown;
	bool was_done = false;
	uint64_t id;

	(void)state;
	id = job_submit_ok(&scene, "paint");
	assert_int_equal(job_state(&scene, id), JOB_WAITING);
	leased = job_lease_ok(&scene);
	assert_true(leased.id == id);
	assert_string_equal(leased.body, "paint");
	assert_int_equal(leased.attempts, 1);
	assert_int_equal(job_state(&scene, id), JOB_LEASED);
	assert_int_equal(job_lease(&scene, 0, 0, &none), HELIO_OK);
	assert_int_equal(none.n, 0);
	assert_int_equal(job_complete(&scene, &leased, "red", &was_done),
			 HELIO_OK);
	assert_false(was_done);
	assert_int_equal(job_complete(&scene, &leased, "red", &was_done),
			 HELIO_OK);
	assert_true(was_done);
	assert_int_equal(job_show(&scene, id, &shown), HELIO_OK);
	assert_int_equal(shown.state, JOB_DONE);
	assert_string_equal(shown.result, "red");
	assert_int_equal(job_give_up(&scene, &leased, false), HELIO_ABORTED);
	assert_int_equal(job_show(&scene, id + 100, &shown), HELIO_NOT_FOUND);
}

static void test_a_token_that_is_old(void **state)
{
	struct leased first, second;
	bool was_done;
	uint64_t id;

	(void)state;
	id = job_submit_ok(&scene, "x");
	assert_int_equal(job_lease(&scene, 0, 1, &first), HELIO_OK);
	wait_until(&scene, job_state(&scene, id) == JOB_WAITING);
	second = job_lease_ok(&scene);
	assert_true(second.token > first.token);
	assert_int_equal(second.attempts, 2);
	assert_int_equal(job_complete(&scene, &first, "", &was_done),
			 HELIO_ABORTED);
	assert_int_equal(job_complete(&scene, &second, "", &was_done),
			 HELIO_OK);
}

/* So many others go at once that the store cannot remember them all. */
static void test_a_worker_goes_among_many(void **state)
{
	struct scene worker, other;
	struct leased leased;
	uint64_t id;

	(void)state;
	id = job_submit_ok(&scene, "x");
	scene_visit(&scene, false, &worker);
	assert_int_equal(job_lease(&worker, 0, LEASE_MS, &leased), HELIO_OK);
	assert_int_equal(kill(scene.store.pid, SIGSTOP), 0);
	for (unsigned i = 0; i < OTHERS; i++) {
		scene_visit(&scene, true, &other);
		scene_leave(&other);
	}
	scene_leave(&worker);
	assert_int_equal(kill(scene.store.pid, SIGCONT), 0);
	wait_until(&scene, job_state(&scene, id) == JOB_WAITING);
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
	id = job_submit_ok(&scene, "x");
	leased = job_lease_ok(&scene);
	assert_int_equal(job_give_up(&scene, &leased, false), HELIO_OK);
	leased = job_lease_ok(&scene);
	assert_int_equal(leased.attempts, 2);
	assert_int_equal(job_give_up(&scene, &leased, true), HELIO_OK);
	assert_int_equal(job_show(&scene, id, &shown), HELIO_OK);
	assert_int_equal(shown.state, JOB_DEAD);
	assert_string_equal(shown.error, "broken");
	request.queue = field(QUEUE);
	request.has_id = 1;
	request.id = id;
	assert_int_equal(helio__store__v1__queues__retry__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	leased = job_lease_ok(&scene);
	assert_int_equal(leased.attempts, 1);
}

static void test_a_key_is_one_job(void **state)
{
	uint64_t first = 0, again = 0, other = 0;
	struct scene guest;
	bool was_there;

	(void)state;
	assert_int_equal(job_submit(&scene, "x", "k", &first, &was_there),
			 HELIO_OK);
	assert_int_equal(job_submit(&scene, "x", "k", &again, &was_there),
			 HELIO_OK);
	assert_true(was_there && again == first);
	assert_int_equal(job_submit(&scene, "y", "k", &again, &was_there),
			 HELIO_ALREADY_EXISTS);
	/* Keys are each submitter's own. */
	scene_visit(&scene, true, &guest);
	assert_int_equal(job_submit(&guest, "y", "k", &other, &was_there),
			 HELIO_OK);
	assert_true(!was_there && other != first);
	scene_leave(&guest);
	scene_kill_store(&scene);
	assert_int_equal(job_submit(&scene, "x", "k", &again, &was_there),
			 HELIO_OK);
	assert_true(was_there && again == first);
}

static void test_cancelled(void **state)
{
	Helio__Store__V1__JobState ended;
	struct leased leased;
	bool was_done;
	uint64_t id;

	(void)state;
	id = job_submit_ok(&scene, "x");
	leased = job_lease_ok(&scene);
	assert_int_equal(job_cancel(&scene, id, &ended), HELIO_OK);
	assert_int_equal(ended, 0);
	assert_int_equal(job_state(&scene, id), JOB_CANCELLED);
	assert_int_equal(job_complete(&scene, &leased, "", &was_done),
			 HELIO_ABORTED);
	assert_int_equal(job_cancel(&scene, id, &ended), HELIO_OK);
	assert_int_equal(ended, JOB_CANCELLED);
	assert_int_equal(job_cancel(&scene, id + 100, &ended), HELIO_NOT_FOUND);
}

static void test_lists(void **state)
{
	Helio__Store__V1__ListJobsRequest request =
		HELIO__STORE__V1__LIST_JOBS_REQUEST__INIT;
	const Helio__Store__V1__ListJobsReply *reply = NULL;
	uint64_t first, last;

	(void)state;
	first = job_submit_ok(&scene, "a");
	job_submit_ok(&scene, "b");
	last = job_submit_ok(&scene, "c");
	job_lease_ok(&scene);
	request.queue = field(QUEUE);
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
	request.state = JOB_LEASED;
	assert_int_equal(helio__store__v1__queues__list_jobs__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	assert_int_equal(reply->n_jobs, 1);
	assert_int_equal(queue_show(&scene)->waiting, 2);
	assert_int_equal(queue_show(&scene)->leased, 1);
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
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	job_submit_ok(&scene, "x");
	leased = job_lease_ok(&scene);
	condition.bucket = write.bucket = field("lab");
	condition.key = write.key = field("sum");
	condition.has_revision = 1;
	condition.revision = 0;
	write.has_value = 1;
	write.value = bytes_of("1");
	next.queue = field(QUEUE);
	next.has_body = 1;
	next.body = bytes_of("next");
	transaction.n_conditions = transaction.n_writes =
		transaction.n_submits = 1;
	transaction.conditions =
		(Helio__Store__V1__Condition *[]){ &condition };
	transaction.writes = (Helio__Store__V1__Write *[]){ &write };
	transaction.submits = (Helio__Store__V1__SubmitRequest *[]){ &next };
	request.queue = field(QUEUE);
	request.has_id = request.has_token = 1;
	request.id = leased.id;
	request.token = leased.token;
	request.transaction = &transaction;
	put_ok(&scene, "lab", "sum", "0");
	assert_int_equal(helio__store__v1__queues__complete__wait(
				 scene.queues, &request, &reply),
			 HELIO_ABORTED);
	assert_int_equal(job_state(&scene, leased.id), JOB_LEASED);
	condition.revision = get(&scene, "lab", "sum", 0).revision;
	assert_int_equal(helio__store__v1__queues__complete__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	scene_kill_store(&scene);
	expect(&scene, "lab", "sum", "1");
	assert_int_equal(job_state(&scene, leased.id), JOB_DONE);
	assert_string_equal(job_lease_ok(&scene).body, "next");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_job),
		TEST(test_a_token_that_is_old),
		TEST(test_a_worker_goes_among_many),
		TEST(test_failures),
		TEST(test_a_key_is_one_job),
		TEST(test_cancelled),
		TEST(test_lists),
		TEST(test_an_effect),
	};

	return cmocka_run_group_tests_name("store_jobs", tests, NULL, NULL);
}
