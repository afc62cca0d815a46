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

static void only_many_quick_yields_make_all_well_again(void **state)
{
	struct yield_guard guard = { 0 };

	yield_account(&guard, 0, YIELD_SLOW_NS + 1);
	yield_account(&guard, 0, YIELD_SLOW_NS + 1);
	assert_int_equal(guard.pause_ns, 2 * YIELD_PAUSE_MIN_NS);

	for (int i = 1; i < YIELD_N_TO_FORGIVE; i++)
		yield_account(&guard, 0, YIELD_SLOW_NS);
	assert_int_equal(guard.pause_ns, 2 * YIELD_PAUSE_MIN_NS);
	yield_account(&guard, 0, YIELD_SLOW_NS);
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
		cmocka_unit_test(only_many_quick_yields_make_all_well_again),
		cmocka_unit_test(a_real_yield_tells_the_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
