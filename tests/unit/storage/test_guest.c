/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/heliograph.h"
#include "storage/guest.h"

static struct guests guests;

static struct guest *get(const char *principal, const char *durable_id)
{
	const struct helio_message message = { .source = principal,
					       .durable_id = durable_id };

	return guest_get(&guests, &message);
}

static int set_up(void **state)
{
	(void)state;
	return guests_init(&guests);
}

static int tear_down(void **state)
{
	(void)state;
	guests_deinit(&guests);
	return 0;
}

static void who_comes_again_is_the_same(void **state)
{
	struct guest *a = get("vm:a", "1");
	struct guest *other = get("vm:a", "2");

	(void)state;
	assert_ptr_equal(get("vm:a", "1"), a);
	assert_ptr_equal(get("vm:a", "1"), a);
	assert_ptr_not_equal(other, a);
	assert_string_equal(other->durable_id, "2");
	assert_int_equal(a->n_refs, 3);
	guest_put(a);
	guest_put(a);
	guest_put(a);
	guest_put(other);
}

/* The one that was asked for last is the first to go. */
static void who_was_forgotten_is_a_new_one(void **state)
{
	struct guest *held[GUESTS_IDLE_MAX];
	struct guest *last;
	char name[32];

	(void)state;
	for (unsigned i = 0; i < GUESTS_IDLE_MAX; i++) {
		snprintf(name, sizeof(name), "vm:%u", i);
		held[i] = get(name, "");
	}
	last = get("vm:last", "");
	last->n_bytes = 7;
	guest_put(last);
	for (unsigned i = 0; i < GUESTS_IDLE_MAX; i++)
		guest_put(held[i]);
	assert_int_equal(guests.n_idle, GUESTS_IDLE_MAX);
	last = get("vm:last", "");
	assert_int_equal(last->n_bytes, 0);
	assert_int_equal(last->n_refs, 1);
	guest_put(last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_comes_again_is_the_same,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_was_forgotten_is_a_new_one,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
