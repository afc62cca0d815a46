/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "switch/latest.h"
#include "tests/fault.h"

static struct latest latest;

static int set_up(void **state)
{
	return latest_init(&latest);
}

static int tear_down(void **state)
{
	latest_deinit(&latest);
	return 0;
}

/* All subjects share a bucket's hash, and differ in the rest. */
static struct hash_tag tag_of(char subject)
{
	return (struct hash_tag){ .low = 1, .high = (uint64_t)subject };
}

static void put(char subject, const char *text)
{
	uint8_t *room;

	assert_int_equal(
		latest_put(&latest, tag_of(subject), strlen(text), &room), 0);
	memcpy(room, text, strlen(text));
}

static void expect(const char *text)
{
	const uint8_t *frame;
	size_t n;

	frame = latest_peek(&latest, &n);
	assert_non_null(frame);
	assert_int_equal(n, strlen(text));
	assert_memory_equal(frame, text, n);
	latest_pop(&latest);
}

static void the_newest_waits_in_the_oldest_place(void **state)
{
	size_t n;

	put('a', "a1");
	put('b', "b1");
	put('c', "c1");
	put('a', "a2 is longer");
	put('b', "2");
	put('b', "b3");
	assert_int_equal(latest.n_frames, 3);
	assert_int_equal(latest.n_bytes, 16);
	assert_non_null(latest_lookup(&latest, tag_of('b'), &n));
	assert_int_equal(n, 2);
	expect("a2 is longer");
	expect("b3");
	assert_null(latest_lookup(&latest, tag_of('b'), &n));
	put('b', "b4");
	expect("c1");
	expect("b4");
	assert_null(latest_peek(&latest, &n));
	assert_int_equal(latest.n_bytes, 0);
}

static void without_memory_the_old_one_stays(void **state)
{
	uint8_t *room;

	put('a', "a1");
	fault_arm(0);
	assert_int_equal(latest_put(&latest, tag_of('a'), 100, &room), -ENOMEM);
	fault_arm(0);
	assert_int_equal(latest_put(&latest, tag_of('b'), 1, &room), -ENOMEM);
	fault_disarm();
	assert_int_equal(latest.n_frames, 1);
	assert_int_equal(latest.n_bytes, 2);
	expect("a1");
}

static bool has_allocated;

static void on_allocation(void)
{
	has_allocated = true;
}

/* What is charged is what waits, so no more memory than that is kept. */
static void a_short_one_does_not_keep_the_place_of_a_long_one(void **state)
{
	uint8_t *room;

	assert_int_equal(latest_put(&latest, tag_of('a'), 65536, &room), 0);
	has_allocated = false;
	fault_hook(on_allocation);
	put('a', "short");
	assert_true(has_allocated);
	has_allocated = false;
	fault_hook(on_allocation);
	put('a', "like");
	assert_false(has_allocated);
	fault_hook(NULL);
	assert_int_equal(latest.n_bytes, 4);
	expect("like");
}

static void what_waits_is_freed_with_it(void **state)
{
	put('a', "a1");
	put('b', "b1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_waits_in_the_oldest_place),
		TEST(without_memory_the_old_one_stays),
		TEST(a_short_one_does_not_keep_the_place_of_a_long_one),
		TEST(what_waits_is_freed_with_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
