/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/subject.h"

#define AND_LENGTH(text) text, strlen(text)

static void a_subject_is_tokens_and_dots(void **state)
{
	static const char *const good[] = {
		"a",
		"vm.web.console",
		"$sys.peer.down",
		"a.!.~",
		"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16",
	};
	static const char *const bad[] = {
		"",      ".",    "a.",
		".a",    "a..b", "a b",
		"a.*",   "a.>",  "a\x7f",
		"a\x80", "a\n",  "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17",
	};
	char longest[257];

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(subject_is_valid(AND_LENGTH(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(subject_is_valid(AND_LENGTH(bad[i])));
	memset(longest, 'x', sizeof(longest));
	assert_true(subject_is_valid(longest, 255));
	assert_false(subject_is_valid(longest, 256));
}

static void a_pattern_has_stars_and_a_tail(void **state)
{
	static const char *const good[] = { "a",     "*",       ">",     "*.>",
					    "a.*.b", "*.*.*.>", "$sys.>" };
	static const char *const bad[] = { "",   "a*", "a.>.b", "*.*.*.*",
					   ">>", "a.", "**",    "a>" };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(pattern_is_valid(AND_LENGTH(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(pattern_is_valid(AND_LENGTH(bad[i])));
}

static void covers_and_overlaps_as_sets(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool covers;
		bool overlaps;
	} cases[] = {
		{ "a.b", "a.b", true, true },
		{ "a.b", "a.c", false, false },
		{ "a.*", "a.b", true, true },
		{ "a.*", "a.b.c", false, false },
		{ "a.*", "a", false, false },
		{ "a.>", "a", false, false },
		{ "a.>", "a.b", true, true },
		{ "a.>", "a.b.c", true, true },
		{ "a.>", "a.*.c", true, true },
		{ "a.>", "a.>", true, true },
		{ "a.b.>", "a.>", false, true },
		{ "a.*", "a.>", false, true },
		{ "*.b", "a.*", false, true },
		{ "a.*", "*.b", false, true },
		{ ">", "a.b", true, true },
		{ ">", "$sys.x", false, false },
		{ "*", "$sys", false, false },
		{ "$sys.>", "$sys.x", true, true },
		{ "$sys.>", ">", false, false },
		{ "a.$b", "a.*", false, true },
		{ "a.*", "a.$b", true, true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(pattern_covers(AND_LENGTH(cases[i].a),
						AND_LENGTH(cases[i].b)),
				 cases[i].covers);
		assert_int_equal(pattern_overlaps(AND_LENGTH(cases[i].a),
						  AND_LENGTH(cases[i].b)),
				 cases[i].overlaps);
		assert_int_equal(pattern_overlaps(AND_LENGTH(cases[i].b),
						  AND_LENGTH(cases[i].a)),
				 cases[i].overlaps);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_subject_is_tokens_and_dots),
		cmocka_unit_test(a_pattern_has_stars_and_a_tail),
		cmocka_unit_test(covers_and_overlaps_as_sets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
