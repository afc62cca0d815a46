/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/wheel.h"

enum { N_TIMERS = 500 };

struct alarm {
	struct timer timer;
	uint64_t fired_ns; /* 0: not yet */
};

static struct wheel wheel;
static struct alarm alarms[N_TIMERS];

static void on_alarm(struct timer *timer, uint64_t now_ns)
{
	struct alarm *alarm = container_of(timer, struct alarm, timer);

	assert_false(list_is_linked(&timer->link));
	assert_true(now_ns >= timer->due_ns);
	assert_int_equal(alarm->fired_ns, 0);
	alarm->fired_ns = now_ns;
}

static uint64_t random_below(uint64_t n)
{
	return ((uint64_t)random() << 31 | (uint64_t)random()) % n;
}

static void set_alarms(uint64_t now_ns, uint64_t span_ns)
{
	for (unsigned i = 0; i < N_TIMERS; i++) {
		alarms[i].fired_ns = 0;
		timer_init(&alarms[i].timer, on_alarm);
		wheel_add(&wheel, &alarms[i].timer,
			  now_ns + random_below(span_ns));
	}
}

/* Asleep until the wheel says: nothing is early, nothing a slot late. */
static void timers_fire_when_due(void **state)
{
	uint64_t now_ns = 77 * WHEEL_SLOT_NS + 5;

	wheel_init(&wheel, now_ns);
	/* Some are due in a later turn of the wheel. */
	set_alarms(now_ns, 3 * WHEEL_N_SLOTS * WHEEL_SLOT_NS);
	while (wheel_next_ns(&wheel) != UINT64_MAX) {
		uint64_t next_ns = wheel_next_ns(&wheel);

		assert_true(next_ns > now_ns);
		now_ns = next_ns;
		wheel_advance(&wheel, now_ns);
	}
	for (unsigned i = 0; i < N_TIMERS; i++) {
		uint64_t due_ns = alarms[i].timer.due_ns;

		assert_true(alarms[i].fired_ns >= due_ns);
		assert_true(alarms[i].fired_ns < due_ns + WHEEL_SLOT_NS);
	}
}

static void a_long_sleep_loses_none(void **state)
{
	uint64_t now_ns = WHEEL_SLOT_NS;

	wheel_init(&wheel, now_ns);
	set_alarms(now_ns, 2 * WHEEL_N_SLOTS * WHEEL_SLOT_NS);
	wheel_advance(&wheel, now_ns + 9 * WHEEL_N_SLOTS * WHEEL_SLOT_NS);
	for (unsigned i = 0; i < N_TIMERS; i++)
		assert_int_not_equal(alarms[i].fired_ns, 0);
	assert_int_equal(wheel_next_ns(&wheel), UINT64_MAX);
}

static void a_timer_is_moved_and_removed(void **state)
{
	struct alarm *alarm = &alarms[0];

	wheel_init(&wheel, 0);
	alarm->fired_ns = 0;
	timer_init(&alarm->timer, on_alarm);
	timer_remove(&alarm->timer);
	wheel_add(&wheel, &alarm->timer, 10 * WHEEL_SLOT_NS);
	wheel_add(&wheel, &alarm->timer, 20 * WHEEL_SLOT_NS);
	wheel_advance(&wheel, 15 * WHEEL_SLOT_NS);
	assert_int_equal(alarm->fired_ns, 0);
	timer_remove(&alarm->timer);
	wheel_advance(&wheel, 30 * WHEEL_SLOT_NS);
	assert_int_equal(alarm->fired_ns, 0);
	assert_int_equal(wheel_next_ns(&wheel), UINT64_MAX);
}

/* What is due already goes off at the next advance, not a turn later. */
static void the_past_is_due_at_once(void **state)
{
	uint64_t now_ns = 5000 * WHEEL_SLOT_NS;

	wheel_init(&wheel, now_ns);
	wheel_advance(&wheel, now_ns);
	alarms[0].fired_ns = 0;
	timer_init(&alarms[0].timer, on_alarm);
	wheel_add(&wheel, &alarms[0].timer, 3 * WHEEL_SLOT_NS);
	assert_true(wheel_next_ns(&wheel) <= now_ns + WHEEL_SLOT_NS);
	wheel_advance(&wheel, now_ns + WHEEL_SLOT_NS);
	assert_int_not_equal(alarms[0].fired_ns, 0);
}

/* Takes out the one behind it, and comes again. */
static void on_meddler(struct timer *timer, uint64_t now_ns)
{
	timer_remove(&alarms[1].timer);
	if (now_ns < 100 * WHEEL_SLOT_NS)
		wheel_add(&wheel, timer, now_ns);
	alarms[0].fired_ns++;
}

static void a_timer_may_add_and_remove(void **state)
{
	wheel_init(&wheel, 0);
	alarms[0].fired_ns = alarms[1].fired_ns = 0;
	timer_init(&alarms[0].timer, on_meddler);
	timer_init(&alarms[1].timer, on_alarm);
	wheel_add(&wheel, &alarms[0].timer, 10 * WHEEL_SLOT_NS);
	wheel_add(&wheel, &alarms[1].timer, 10 * WHEEL_SLOT_NS);
	wheel_advance(&wheel, 10 * WHEEL_SLOT_NS);
	assert_int_equal(alarms[0].fired_ns, 1);
	wheel_advance(&wheel, 11 * WHEEL_SLOT_NS);
	wheel_advance(&wheel, 200 * WHEEL_SLOT_NS);
	assert_int_equal(alarms[0].fired_ns, 3);
	assert_int_equal(alarms[1].fired_ns, 0);
	assert_int_equal(wheel_next_ns(&wheel), UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_when_due),
		cmocka_unit_test(a_long_sleep_loses_none),
		cmocka_unit_test(a_timer_is_moved_and_removed),
		cmocka_unit_test(the_past_is_due_at_once),
		cmocka_unit_test(a_timer_may_add_and_remove),
	};

	srandom(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
