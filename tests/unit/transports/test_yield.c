/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "transports/yield.h"

#define START_NS (1000 * NS_PER_S)

static void a_wait_yields_for_a_moment_and_then_sleeps(void **state)
{
	struct yield_guard guard = { 0 };

	assert_true(yield_may(&guard, START_NS));
	assert_true(yield_may(&guard, START_NS + YIELD_WAIT_NS - 1));
	assert_false(yield_may(&guard, START_NS + YIELD_WAIT_NS));
	assert_false(yield_may(&guard, START_NS + NS_PER_S));

	yield_rest(&guard);
	assert_true(yield_may(&guard, START_NS + NS_PER_S));
}

static void a_slow_yield_stops_yielding_for_longer_each_time(void **state)
{
	struct yield_guard guard = { 0 };
	uint64_t now_ns = START_NS;
	uint64_t pause_ns = YIELD_PAUSE_MIN_NS;

	yield_account(&guard, 0, YIELD_LEAST_NS);
	for (int i = 0; i < 20; i++) {
		yield_rest(&guard);
		assert_true(yield_may(&guard, now_ns));
		yield_account(&guard, now_ns, now_ns + YIELD_SLOW_NS + 1);
		now_ns += YIELD_SLOW_NS + 1;
		yield_rest(&guard);
		assert_false(yield_may(&guard, now_ns + pause_ns - 1));
		now_ns += pause_ns;
		pause_ns = pause_ns * 2 < YIELD_PAUSE_MAX_NS
				   ? pause_ns * 2
				   : YIELD_PAUSE_MAX_NS;
	}
	assert_int_equal(guard.pause_ns, YIELD_PAUSE_MAX_NS);
}

/* Being woken is slower there in the same measure. */
static void where_a_yield_takes_long_a_wait_has_time_for_several(void **state)
{
	struct yield_guard guard = { 0 };

	yield_account(&guard, 0, 20 * NS_PER_US);
	assert_true(yield_may(&guard, START_NS));
	assert_true(yield_may(&guard, START_NS + 320 * NS_PER_US - 1));
	assert_false(yield_may(&guard, START_NS + 320 * NS_PER_US));

	/* A clock that stood still proves nothing, yields that were quick do.
	 */
	yield_rest(&guard);
	for (int i = 0; i < 40; i++)
		yield_account(&guard, 0, YIELD_LEAST_NS - 1);
	assert_true(yield_may(&guard, START_NS + NS_PER_S));
	assert_true(yield_may(&guard, START_NS + NS_PER_S + 200 * NS_PER_US));
	for (int i = 0; i < 40; i++)
		yield_account(&guard, 0, NS_PER_US);
	assert_false(yield_may(&guard, START_NS + NS_PER_S + YIELD_WAIT_NS));
}

static void however_long_a_yield_takes_a_wait_is_bounded(void **state)
{
	struct yield_guard guard = { 0 };

	yield_account(&guard, 0, 60 * NS_PER_US);
	assert_true(yield_may(&guard, START_NS));
	assert_false(yield_may(&guard, START_NS + YIELD_WAIT_MAX_NS));
}

static void what_is_too_long_is_so_beside_the_usual(void **state)
{
	struct yield_guard guard = { 0 };

	yield_account(&guard, 0, 20 * NS_PER_US);
	yield_account(&guard, 0, NS_PER_MS);
	assert_int_equal(guard.pause_ns, 0);
	yield_account(&guard, 0, 2 * NS_PER_MS);
	assert_int_equal(guard.pause_ns, YIELD_PAUSE_MIN_NS);

	guard = (struct yield_guard){ 0 };
	yield_account(&guard, 0, 2 * YIELD_SLOW_MAX_NS);
	guard.pause_ns = 0;
	yield_account(&guard, 0, YIELD_SLOW_MAX_NS + 1);
	assert_int_equal(guard.pause_ns, YIELD_PAUSE_MIN_NS);
}

static void long_enough_of_quick_yields_is_many_of_them(void **state)
{
	struct yield_guard guard = { 0 };
	uint64_t quick_ns = YIELD_SLOW_NS / 2;

	yield_account(&guard, 0, 2 * YIELD_SLOW_NS);
	assert_int_equal(guard.pause_ns, YIELD_PAUSE_MIN_NS);
	for (uint64_t ns = quick_ns; ns < YIELD_NS_TO_FORGIVE; ns += quick_ns)
		yield_account(&guard, 0, quick_ns);
	assert_int_equal(guard.pause_ns, YIELD_PAUSE_MIN_NS);
	yield_account(&guard, 0, quick_ns);
	assert_int_equal(guard.pause_ns, 0);
}

static void only_many_quick_yields_make_all_well_again(void **state)
{
	struct yield_guard guard = { 0 };

	yield_account(&guard, 0, YIELD_LEAST_NS);
	yield_account(&guard, 0, YIELD_SLOW_NS + 1);
	yield_account(&guard, 0, YIELD_SLOW_NS + 1);
	assert_int_equal(guard.pause_ns, 2 * YIELD_PAUSE_MIN_NS);

	for (int i = 1; i < YIELD_N_TO_FORGIVE; i++)
		yield_account(&guard, 0, YIELD_LEAST_NS);
	assert_int_equal(guard.pause_ns, 2 * YIELD_PAUSE_MIN_NS);
	yield_account(&guard, 0, YIELD_LEAST_NS);
	assert_int_equal(guard.pause_ns, 0);
	yield_account(&guard, 0, YIELD_SLOW_NS + 1);
	assert_int_equal(guard.pause_ns, YIELD_PAUSE_MIN_NS);
}

static void a_real_yield_tells_the_time(void **state)
{
	struct yield_guard guard = { 0 };
	uint64_t before_ns = clock_now_ns();

	assert_true(yield_once(&guard, before_ns) >= before_ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wait_yields_for_a_moment_and_then_sleeps),
		cmocka_unit_test(
			a_slow_yield_stops_yielding_for_longer_each_time),
		cmocka_unit_test(
			where_a_yield_takes_long_a_wait_has_time_for_several),
		cmocka_unit_test(however_long_a_yield_takes_a_wait_is_bounded),
		cmocka_unit_test(what_is_too_long_is_so_beside_the_usual),
		cmocka_unit_test(long_enough_of_quick_yields_is_many_of_them),
		cmocka_unit_test(only_many_quick_yields_make_all_well_again),
		cmocka_unit_test(a_real_yield_tells_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
