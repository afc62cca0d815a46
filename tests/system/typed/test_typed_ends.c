/* SPDX-License-Identifier: MIT */

/* Typed calls when somebody is not there, leaves, or does not answer in time.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/system/typed/scene.h"

enum { MANY = 1000 };

static void test_calls_wait_for_a_server(void **state)
{
	const struct helio_invoke_options waiting = {
		.is_waiting = true,
		.timeout_ms = WAIT_MS,
		.retry = HELIO_RETRY_IDEMPOTENT,
	};
	struct scene scene;

	(void)state;
	scene_open(&scene, false);
	scene_add(&scene, 1, 1);
	wait_until(scene.n_bad);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_true(scene.is_from_bus);
	assert_false(scene.is_handed_over);
	for (int i = 0; i < MANY; i++) {
		helio_client_next(scene.client, &waiting);
		scene_add(&scene, i, 1);
	}
	desk_open(&scene.desk, scene.b, 16);
	wait_until(scene.n_good >= 10);
	/* It is restarted, and what it has not answered is tried again. */
	desk_close(&scene.desk);
	desk_open(&scene.desk, scene.b, 16);
	wait_until(scene.n_good + scene.n_bad == MANY + 1);
	assert_int_equal(scene.n_bad, 1);
	scene_close(&scene);
}

static void test_safe_calls_are_tried_again(void **state)
{
	const struct helio_invoke_options again = {
		.retry = HELIO_RETRY_IDEMPOTENT,
		.tries_max = 20,
		.timeout_ms = WAIT_MS,
	};
	struct scene scene;

	(void)state;
	scene_open(&scene, false);
	helio_client_next(scene.client, &again);
	scene_add(&scene, 1, 2);
	desk_open(&scene.desk, scene.b, 0);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 3);
	assert_int_equal(strlen(scene.desk.key), 32);
	scene_close(&scene);
}

static void test_draining_fails_no_call(void **state)
{
	struct helio *c = scene_connect(the_switch.shm);
	struct desk other;
	struct scene scene;
	Lab__V1__Number reply = LAB__V1__NUMBER__INIT;

	(void)state;
	scene_open(&scene, true);
	scene_hold(&scene, NULL);
	wait_until(scene.desk.n_held == 1);
	desk_open(&other, c, 0);
	assert_int_equal(helio_server_drain(scene.desk.server, NULL), 0);
	assert_int_equal(helio_flush_wait(scene.b, WAIT_MS), 0);
	for (int i = 0; i < 100; i++) {
		scene_add(&scene, i, 1);
		loop_turn();
	}
	wait_until(scene.n_good == 100);
	assert_int_equal(other.n_calls, 100);
	assert_int_equal(scene.desk.n_drained, 0);
	assert_int_equal(lab__v1__desk__hold__reply(scene.desk.held[0], &reply),
			 0);
	scene.desk.n_held = 0;
	wait_until(scene.desk.n_drained);
	wait_until(scene.n_good == 101);
	assert_int_equal(scene.n_bad, 0);
	desk_close(&other);
	scene_disconnect(&c);
	scene_close(&scene);
}

static void test_the_callee_dies_in_the_middle(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene.pauses = true;
	scene_count(&scene, MANY);
	scene_hold(&scene, NULL);
	wait_until(scene.n_messages && scene.desk.n_held);
	desk_close(&scene.desk);
	scene.desk.n_held = 0;
	scene_disconnect(&scene.b);
	wait_until(scene.n_ended && scene.n_bad);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_true(scene.is_handed_over);
	scene_close(&scene);
}

static void test_cancel_reaches_the_callee(void **state)
{
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene.pauses = true;
	scene_count(&scene, MANY);
	wait_until(scene.n_messages);
	helio_stream_cancel(scene.stream);
	wait_until(scene.desk.n_cancelled == 1);
	scene_hold(&scene, NULL);
	wait_until(scene.desk.n_held == 1);
	scene.desk.n_held = 0;
	helio_client_free(scene.client);
	scene.client = NULL;
	wait_until(scene.desk.n_cancelled == 2);
	assert_int_equal(scene.n_ended + scene.n_bad, 0);
	scene_close(&scene);
}

static void test_deadlines_travel_and_shrink(void **state)
{
	const struct helio_invoke_options soon = { .timeout_ms = 300 };
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	scene_hold(&scene, &soon);
	wait_until(scene.desk.n_held);
	assert_true(scene.desk.time_left_ms > 0);
	assert_true(scene.desk.time_left_ms <= 300);
	scene.desk.n_held = 0;
	wait_until(scene.n_bad);
	assert_int_equal(scene.status, HELIO_DEADLINE_EXCEEDED);
	wait_until(scene.desk.n_cancelled);
	scene_close(&scene);
}

/* The switch is gone and comes back: the client binds, the server serves. */
static void test_the_switch_restarts(void **state)
{
	const struct helio_invoke_options waiting = { .is_waiting = true };
	struct scene scene;

	(void)state;
	scene_open(&scene, true);
	switch_process_stop(&the_switch, SIGKILL);
	wait_until(helio_state(scene.a) != HELIO_CONNECTED);
	scene_add(&scene, 1, 1);
	assert_int_equal(scene.n_bad, 1);
	assert_int_equal(scene.status, HELIO_UNAVAILABLE);
	assert_false(scene.is_handed_over);
	switch_process_start(&the_switch);
	wait_until(helio_state(scene.a) == HELIO_CONNECTED);
	helio_client_next(scene.client, &waiting);
	scene_add(&scene, 20, 1);
	wait_until(scene.n_good);
	assert_int_equal(scene.value, 21);
	scene_close(&scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_wait_for_a_server),
		cmocka_unit_test(test_safe_calls_are_tried_again),
		cmocka_unit_test(test_draining_fails_no_call),
		cmocka_unit_test(test_the_callee_dies_in_the_middle),
		cmocka_unit_test(test_cancel_reaches_the_callee),
		cmocka_unit_test(test_deadlines_travel_and_shrink),
		cmocka_unit_test(test_the_switch_restarts),
	};

	return cmocka_run_group_tests(tests, scene_open_switch,
				      scene_close_switch);
}
