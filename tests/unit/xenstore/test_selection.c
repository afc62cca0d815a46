/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "xenstore/owner.h"
#include "xenstore/selection.h"

static void test_no_trees(void **state)
{
	static const char *const texts[] = {
		"",   "/",    "tool",     "/tool/",      "//tool", "/tool//x",
		"/*", "/*/x", "/tool/a*", "/t\xc3\xb6l", "/to ol", "/tool/**",
	};
	struct selection selection = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(selection_add(&selection, texts[i]), -EINVAL);
	for (size_t i = 0; i < SELECTION_TREES_MAX; i++)
		assert_int_equal(selection_add(&selection, "/tool"), 0);
	assert_int_equal(selection_add(&selection, "/tool"), -E2BIG);
	assert_int_equal(selection.n_roots, 1);
}

static void test_roots(void **state)
{
	struct selection selection = { 0 };

	(void)state;
	selection_add(&selection, "/local/domain/7/data");
	selection_add(&selection, "/tool");
	selection_add(&selection, "/local/domain/70");
	assert_int_equal(selection.n_roots, 3);
	selection_add(&selection, "/local/domain/*/data/*/x");
	assert_int_equal(selection.n_roots, 2);
	assert_string_equal(selection.roots[0], "/tool");
	assert_string_equal(selection.roots[1], "/local/domain");
	selection_add(&selection, "/local/domain/8");
	assert_int_equal(selection.n_roots, 2);
}

static void test_places(void **state)
{
	struct selection selection = { 0 };

	(void)state;
	selection_add(&selection, "/local/domain/*/data");
	selection_add(&selection, "/tool/lab");
	assert_int_equal(selection_place(&selection, "/local"),
			 SELECTION_ABOVE);
	assert_int_equal(selection_place(&selection, "/local/domain/7"),
			 SELECTION_ABOVE);
	assert_int_equal(selection_place(&selection, "/local/domain/7/data"),
			 SELECTION_IN);
	assert_int_equal(selection_place(&selection, "/local/domain/7/data/x"),
			 SELECTION_IN);
	assert_int_equal(selection_place(&selection, "/local/domain/7/name"),
			 SELECTION_OUT);
	assert_int_equal(selection_place(&selection, "/local/domain/7/dat"),
			 SELECTION_OUT);
	assert_int_equal(selection_place(&selection, "/tool/labor"),
			 SELECTION_OUT);
	assert_int_equal(selection_place(&selection, "@releaseDomain"),
			 SELECTION_OUT);
	assert_int_equal(selection_place(&selection, ""), SELECTION_OUT);
}

static void test_owners(void **state)
{
	(void)state;
	assert_int_equal(owner_domid("/local/domain/7"), 7);
	assert_int_equal(owner_domid("/local/domain/32751/data/x"), 32751);
	assert_int_equal(owner_domid("/local/domain/32752"), 0);
	assert_int_equal(owner_domid("/local/domain/99999999999"), 0);
	assert_int_equal(owner_domid("/local/domain/07"), 0);
	assert_int_equal(owner_domid("/local/domain/7x"), 0);
	assert_int_equal(owner_domid("/local/domain/"), 0);
	assert_int_equal(owner_domid("/local/domain"), 0);
	assert_int_equal(owner_domid("/vm/7"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_trees),
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
