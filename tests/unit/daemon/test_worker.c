/* SPDX-License-Identifier: MIT */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/worker.h"

enum { N_TASKS = 1000 };

/* What was run and told, in which order and where. */
struct record {
	pthread_t loop_thread;
	unsigned n_run; /* the worker's, until it has stopped */
	unsigned n_done;
};

struct counted {
	struct task task;
	struct record *record;
	unsigned number;
	bool was_in_loop;
	bool was_in_turn;
};

static void run(struct task *task)
{
	struct counted *counted = container_of(task, struct counted, task);

	counted->was_in_loop =
		pthread_equal(pthread_self(), counted->record->loop_thread);
	counted->was_in_turn = counted->record->n_run++ == counted->number;
}

static void done(struct task *task)
{
	struct counted *counted = container_of(task, struct counted, task);

	assert_true(
		pthread_equal(pthread_self(), counted->record->loop_thread));
	assert_true(counted->was_in_turn);
	assert_int_equal(counted->record->n_done++, counted->number);
}

static struct counted tasks[N_TASKS + 1];

static void push_all(struct worker *worker, struct record *record)
{
	*record = (struct record){ .loop_thread = pthread_self() };
	for (unsigned i = 0; i < N_TASKS; i++) {
		tasks[i] =
			(struct counted){ .task = { .run = run, .done = done },
					  .record = record,
					  .number = i };
		worker_push(worker, &tasks[i].task);
	}
}

static void test_in_order(void **state)
{
	struct worker worker;
	struct record record;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(worker_start(&worker, &loop), 0);
	push_all(&worker, &record);
	while (record.n_done < N_TASKS)
		uv_run(&loop, UV_RUN_ONCE);
	assert_false(tasks[0].was_in_loop);
	worker_stop(&worker);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* Whatever was pushed is done, and what comes after that at once. */
static void test_stopped(void **state)
{
	struct worker worker;
	struct record record;
	uv_loop_t loop;

	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(worker_start(&worker, &loop), 0);
	push_all(&worker, &record);
	worker_stop(&worker);
	assert_int_equal(record.n_done, N_TASKS);
	tasks[N_TASKS] = (struct counted){ .task = { .run = run, .done = done },
					   .record = &record,
					   .number = N_TASKS };
	worker_push(&worker, &tasks[N_TASKS].task);
	assert_int_equal(record.n_done, N_TASKS + 1);
	assert_true(tasks[N_TASKS].was_in_loop);
	worker_stop(&worker);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_never_started(void **state)
{
	struct worker worker = { .is_open = false };

	worker_stop(&worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_order),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_never_started),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
