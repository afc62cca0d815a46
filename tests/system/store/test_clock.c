/* SPDX-License-Identifier: MIT */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/system/store/job.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

static struct scene scene;
static char clock_path[128];
static int64_t *clock_offset_ns; /* shared with the store */

/* The store's clock is so far ahead of the right time. */
static void set_clock(int64_t ahead_ms)
{
	*clock_offset_ns = ahead_ms * (int64_t)NS_PER_MS;
}

static void open_clock(void)
{
	int fd;

	snprintf(clock_path, sizeof(clock_path), "%s/clock",
		 scene.bus_process.folder);
	fd = open(clock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, sizeof(*clock_offset_ns)), 0);
	clock_offset_ns = mmap(NULL, sizeof(*clock_offset_ns),
			       PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(clock_offset_ns, MAP_FAILED);
	close(fd);
}

static void with_clock(void (*start)(struct scene *scene))
{
	setenv("LD_PRELOAD", CLOCK_SHIM_PATH, 1);
	setenv("HELIO_TORTURE_CLOCK", clock_path, 1);
	start(&scene);
	unsetenv("LD_PRELOAD");
}

static int setup(void **state)
{
	(void)state;
	scene_open_bus(&scene, NULL);
	open_clock();
	with_clock(scene_start);
	assert_int_equal(queue_create(&scene, QUEUE), HELIO_OK);
	assert_int_equal(bucket_create(&scene, "lab", NULL), HELIO_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_close(&scene);
	munmap(clock_offset_ns, sizeof(*clock_offset_ns));
	return 0;
}

/* Put a key now: the store's time. */
static uint64_t store_time(void)
{
	Helio__Store__V1__GetRequest request =
		HELIO__STORE__V1__GET_REQUEST__INIT;
	const Helio__Store__V1__GetReply *reply = NULL;

	put_ok(&scene, "lab", "now", "x");
	request.bucket = field("lab");
	request.key = field("now");
	assert_int_equal(helio__store__v1__buckets__get__wait(scene.buckets,
							      &request, &reply),
			 HELIO_OK);
	return reply->entry->unix_ms;
}

static void put_for(const char *key, uint64_t ttl_ms)
{
	Helio__Store__V1__PutRequest request =
		HELIO__STORE__V1__PUT_REQUEST__INIT;
	const Helio__Store__V1__PutReply *reply = NULL;

	request.bucket = field("lab");
	request.key = field(key);
	request.has_ttl_ms = 1;
	request.ttl_ms = ttl_ms;
	assert_int_equal(helio__store__v1__buckets__put__wait(scene.buckets,
							      &request, &reply),
			 HELIO_OK);
}

static bool is_there(const char *key)
{
	return get(&scene, "lab", key, 0).status == HELIO_OK;
}

static uint64_t submit_later(uint64_t delay_ms)
{
	Helio__Store__V1__SubmitRequest request =
		HELIO__STORE__V1__SUBMIT_REQUEST__INIT;
	const Helio__Store__V1__SubmitReply *reply = NULL;

	request.queue = field(QUEUE);
	request.has_delay_ms = 1;
	request.delay_ms = delay_ms;
	assert_int_equal(helio__store__v1__queues__submit__wait(
				 scene.queues, &request, &reply),
			 HELIO_OK);
	return reply->id;
}

static void expect_nothing_to_do(void)
{
	struct leased leased;

	assert_int_equal(job_lease(&scene, 0, 0, &leased), HELIO_OK);
	assert_int_equal(leased.n, 0);
}

static void test_time_never_runs_back(void **state)
{
	static const int64_t steps[] = { 0, -24, -25, 1, -1000, 1000, 0, -1 };
	uint64_t last = store_time();

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		uint64_t now;

		set_clock(steps[i] * HOUR_MS);
		now = store_time();
		assert_true(now >= last);
		last = now;
		if (i % 2)
			with_clock(scene_kill_store);
		now = store_time();
		assert_true(now >= last);
		last = now;
	}
}

static void do_one(uint64_t id)
{
	struct leased leased;
	bool was_done;

	assert_int_equal(job_lease(&scene, WAIT_MS / 2, 0, &leased), HELIO_OK);
	assert_int_equal(leased.n, 1);
	assert_true(leased.id == id);
	assert_int_equal(job_complete(&scene, &leased, "done", &was_done),
			 HELIO_OK);
}

/* Neither lost nor early, though the clock is set back for a while. */
static void test_what_is_due_waits(void **state)
{
	static const int64_t steps[] = { -24, 0, -1, 0 };
	struct leased held;
	uint64_t later;
	bool was_done;

	(void)state;
	job_submit_ok(&scene, "held");
	assert_int_equal(job_lease(&scene, 0, 30 * MINUTE_MS, &held), HELIO_OK);
	later = submit_later(HOUR_MS);
	put_for("brief", 2 * HOUR_MS);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		set_clock(steps[i] * HOUR_MS);
		if (i % 2)
			with_clock(scene_kill_store);
		expect_nothing_to_do();
		assert_int_equal(job_state(&scene, held.id), JOB_LEASED);
		assert_true(is_there("brief"));
	}
	set_clock(45 * MINUTE_MS);
	wait_until(&scene, job_state(&scene, held.id) == JOB_WAITING);
	assert_int_equal(job_complete(&scene, &held, "late", &was_done),
			 HELIO_ABORTED);
	do_one(held.id);
	expect_nothing_to_do();
	set_clock(61 * MINUTE_MS);
	do_one(later);
	assert_true(is_there("brief"));
	set_clock(121 * MINUTE_MS);
	wait_until(&scene, !is_there("brief"));
}

/* What was over is so for good, and there is work while time stands still. */
static void test_what_was_due_stays_so(void **state)
{
	struct leased held;
	bool was_done;

	(void)state;
	job_submit_ok(&scene, "held");
	held = job_lease_ok(&scene);
	put_for("brief", HOUR_MS);
	set_clock(2 * HOUR_MS);
	wait_until(&scene, !is_there("brief"));
	wait_until(&scene, job_state(&scene, held.id) == JOB_WAITING);
	for (int i = 0; i < 2; i++) {
		set_clock(-i * HOUR_MS);
		assert_false(is_there("brief"));
		assert_int_equal(job_complete(&scene, &held, "late", &was_done),
				 HELIO_ABORTED);
		do_one(i ? job_submit_ok(&scene, "next") : held.id);
		with_clock(scene_kill_store);
		assert_int_equal(job_state(&scene, held.id), JOB_DONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_time_never_runs_back,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_due_waits, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_what_was_due_stays_so,
						setup, teardown),
	};

	return cmocka_run_group_tests_name("store_clock", tests, NULL, NULL);
}
