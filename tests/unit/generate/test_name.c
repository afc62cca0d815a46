/* SPDX-License-Identifier: MIT */

/* That protoc-c gives these names is tested by compiling tests/generate/. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "generate/name.h"

static void names_are_those_of_protoc_c(void **state)
{
	static const struct {
		const char *name, *lower, *upper, *type;
	} cases[] = {
		{ "foo.v1.Thing", "foo__v1__thing", "FOO__V1__THING",
		  "Foo__V1__Thing" },
		{ ".foo.v1.HTTPThing", "foo__v1__httpthing",
		  "FOO__V1__HTTPTHING", "Foo__V1__HTTPThing" },
		{ "aB.c_d.EF_g2H", "a_b__c_d__ef_g2_h", "A_B__C_D__EF_G2_H",
		  "AB__CD__EFG2H" },
		{ "M", "m", "M", "M" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(name_lower(cases[i].name).text,
				    cases[i].lower);
		assert_string_equal(name_upper(cases[i].name).text,
				    cases[i].upper);
		assert_string_equal(name_type(cases[i].name).text,
				    cases[i].type);
	}
}

static void files_lose_their_ending(void **state)
{
	assert_string_equal(name_file("a/b-c.proto").text, "a/b-c");
	assert_string_equal(name_file(".proto").text, ".proto");
	assert_string_equal(name_file("a.txt").text, "a.txt");
	assert_string_equal(name_guard("a/B-9.proto").text,
			    "A_2FB_2D9_2EPROTO");
}

static void what_is_too_long_is_cut(void **state)
{
	static char name[8 * NAME_MAX_BYTES];

	memset(name, '.', sizeof(name) - 1);
	assert_int_equal(strlen(name_lower(name).text),
			 sizeof(struct name) - 1);
	assert_int_equal(strlen(name_type(name).text), sizeof(struct name) - 1);
	assert_int_equal(strlen(name_file(name).text), sizeof(struct name) - 1);
	assert_int_equal(strlen(name_guard(name).text),
			 sizeof(struct name) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_those_of_protoc_c),
		cmocka_unit_test(files_lose_their_ending),
		cmocka_unit_test(what_is_too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
