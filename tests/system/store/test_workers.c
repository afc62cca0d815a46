/* SPDX-License-Identifier: MIT */

#include "tests/system/store/job.h"

enum { WORKERS = 4, JOBS = 40 };

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
	request.queue = field(QUEUE);
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
		wait_until(&scene, queue_show(&scene)->workers_waiting ==
					   (unsigned)i + 1);
	}
	for (int i = 0; i < WORKERS; i++) {
		uint64_t id = job_submit_ok(&scene, "x");

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
	assert_int_equal(queue_show(&scene)->workers_waiting, 0);
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
	wait_until(&guest, queue_show(&scene)->workers_waiting == 1);
	scene_leave(&guest);
	wait_until(&scene, queue_show(&scene)->workers_waiting == 0);
	id = job_submit_ok(&scene, "x");
	assert_int_equal(job_state(&scene, id), JOB_WAITING);
	/* One that has a lease when it goes. */
	scene_visit(&scene, true, &guest);
	job_lease_ok(&guest);
	assert_int_equal(job_state(&scene, id), JOB_LEASED);
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
	request.queue = field(QUEUE);
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
	wait_until(&scene, queue_show(&scene)->workers_waiting == 1);
	request.name = field(QUEUE);
	assert_int_equal(helio__store__v1__queues__drop__wait(scene.queues,
							      &request, &reply),
			 HELIO_OK);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.status, HELIO_NOT_FOUND);
	ask(&worker, &scene, 10000);
	wait_until(&scene, worker.n_answered);
	assert_int_equal(worker.status, HELIO_NOT_FOUND);
}

/* Many jobs, several workers, and each job is done by one of them. */
static void test_workers_compete(void **state)
{
	struct scene workers[WORKERS];
	unsigned n_done[WORKERS] = { 0 };
	unsigned n = 0;

	(void)state;
	for (int i = 0; i < JOBS; i++)
		job_submit_ok(&scene, "x");
	for (int i = 0; i < WORKERS; i++)
		scene_visit(&scene, i % 2, &workers[i]);
	while (n < JOBS) {
		for (int i = 0; i < WORKERS; i++) {
			struct leased leased;
			bool was_done = true;

			assert_int_equal(job_lease(&workers[i], 0, 0, &leased),
					 HELIO_OK);
			if (!leased.n)
				continue;
			assert_int_equal(job_complete(&workers[i], &leased, "",
						      &was_done),
					 HELIO_OK);
			assert_false(was_done);
			n_done[i]++;
			n++;
		}
	}
	assert_int_equal(n, JOBS);
	assert_int_equal(queue_show(&scene)->done, JOBS);
	for (int i = 0; i < WORKERS; i++) {
		assert_true(n_done[i] > 0);
		scene_leave(&workers[i]);
	}
}

static uint64_t submit_ordered(const char *order_key)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	const Helio__Store__V1__SubmitReply *reply = NULL;

	request.queue = field(QUEUE);
	request.order_key = field(order_key);
	assert_int_equal(helio__store__v1__queues__submit__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	return reply->id;
}

static void expect_lease(struct scene *by, uint64_t id,
			 struct leased *ret_leased)
{
	assert_int_equal(job_lease(by, 0, 0, ret_leased), HELIO_OK);
	assert_int_equal(ret_leased->n, id != 0);
	assert_true(ret_leased->id == id);
}

/* Those of one key one after the other, whoever asks and through a death of
 * the store, and those of another beside them. */
static void test_order_of_a_key(void **state)
{
	struct leased a, b, none;
	struct scene guest;
	uint64_t ids[2][3]; /* of each key */
	bool was_done;

	(void)state;
	scene_visit(&scene, true, &guest);
	for (int i = 0; i < 3; i++) {
		ids[0][i] = submit_ordered("a");
		ids[1][i] = submit_ordered("b");
	}
	for (int i = 0; i < 3; i++) {
		expect_lease(&scene, ids[0][i], &a);
		expect_lease(&guest, ids[1][i], &b);
		if (i == 1)
			scene_kill_store(&scene);
		expect_lease(&scene, 0, &none);
		assert_int_equal(job_complete(&guest, &b, "", &was_done),
				 HELIO_OK);
		assert_int_equal(job_complete(&scene, &a, "", &was_done),
				 HELIO_OK);
	}
	expect_lease(&scene, 0, &none);
	scene_leave(&guest);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whoever_waits_longest_is_first),
		TEST(test_waiting_ends),
		TEST(test_a_worker_goes),
		TEST(test_a_delay_is_over),
		TEST(test_a_queue_goes),
		TEST(test_workers_compete),
		TEST(test_order_of_a_key),
	};

	return cmocka_run_group_tests_name("store_workers", tests, NULL, NULL);
}
