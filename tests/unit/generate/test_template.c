/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "generate/template.h"

static void holes_are_filled(void **state)
{
	static const struct template_value values[] = {
		{ 'a', "$b" }, { 'b', "two" }, { 'A', "" }, { 'n', NULL }, { 0 }
	};
	char text[64];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	template_fill(out, "$a_$b$A$n$c $ $$b$", values);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "$b_two$c $ $two$");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holes_are_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
