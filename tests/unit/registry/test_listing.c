/* SPDX-License-Identifier: MIT */

/* How long a page of List gets. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "registry/listing.h"

static void test_a_page_asks_for_so_many_rights(void **state)
{
	struct listing *listing = listing_new(0);
	struct entry entry = { .number = 1 };

	assert_non_null(listing);
	assert_true(listing_has_room(listing, 0));
	listing->n_checks = LISTING_CHECKS_MAX - 1;
	listing_pass(listing, &entry, false);
	assert_true(listing_has_room(listing, 0));
	/* The package that goes beyond it is the last. */
	listing->n_checks += 130;
	assert_false(listing_has_room(listing, 0));
	assert_int_equal(listing->cursor, 1);
	listing_free(listing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_page_asks_for_so_many_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
