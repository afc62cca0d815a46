/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spare.h"

enum { N = SPARES_MAX + 10, BYTES = 100 };

/* The one that was given back last comes first; what is too many is freed. */
static void what_is_given_back_is_used_again(void **state)
{
	struct spares spares = { 0 };
	void *objects[N];

	(void)state;
	for (unsigned i = 0; i < N; i++) {
		objects[i] = spares_take(&spares, BYTES);
		assert_non_null(objects[i]);
	}
	for (unsigned i = 0; i < N; i++)
		spares_put(&spares, objects[i]);
	assert_int_equal(spares.n, SPARES_MAX);
	for (unsigned i = SPARES_MAX; i > 0; i--) {
		void *again = spares_take(&spares, BYTES);

		assert_ptr_equal(again, objects[i - 1]);
		free(again);
	}
	assert_int_equal(spares.n, 0);
	spares_put(&spares, NULL);
	spares_put(&spares, malloc(BYTES));
	spares_deinit(&spares);
	assert_null(spares.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_given_back_is_used_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
