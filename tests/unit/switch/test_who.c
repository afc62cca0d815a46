/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "switch/who.h"

static void matches_paths(void **state)
{
	static const struct {
		const char *who;
		const char *path;
		bool is_match;
	} cases[] = {
		{ "vm:web", "vm:web", true },
		{ "vm:web", "vm:we", false },
		{ "vm:web", "vm:webb", false },
		{ "vm:web", "vm:web/uid:1", false },
		{ "vm:*", "vm:", true },
		{ "vm:*", "vm:web", true },
		{ "vm:*", "uid:0", false },
		{ "vm:*", "vm:web/uid:1", false },
		{ "*", "vm:web", true },
		{ "*", "vm:web/uid:1", false },
		{ "*/uid:0", "vm:web/uid:0", true },
		{ "*/uid:0", "vm:web/uid:00", false },
		{ "*/uid:0", "vm:web", false },
		{ "vm:a*b*c", "vm:abc", true },
		{ "vm:a*b*c", "vm:aXbXbXc", true },
		{ "vm:a*b*c", "vm:aXbXcX", false },
		{ "vm:*a", "vm:aaba", true },
		{ "vm:*a", "vm:aab", false },
		{ "vm:*/uid:1", "vm:x/uid:2", false },
		{ "vm:web/**", "vm:web", true },
		{ "vm:web/**", "vm:web/uid:1", true },
		{ "vm:web/**", "vm:web/a:b/uid:1", true },
		{ "vm:web/**", "vm:webb", false },
		{ "vm:web/**", "vm:webb/uid:1", false },
		{ "vm:w*/**", "vm:web/uid:1", true },
		{ "vm:*b/**", "vm:abab/uid:1", true },
		{ "vm:*b/**", "vm:aba/b", false },
		{ "**", "vm:web", true },
		{ "**", "vm:web/uid:1", true },
		{ "*/**", "vm:web/uid:1", true },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct who who;

		assert_null(
			who_parse(cases[i].who, strlen(cases[i].who), &who));
		if (who_matches(&who, cases[i].path, strlen(cases[i].path)) !=
		    cases[i].is_match)
			fail_msg("%s and %s", cases[i].who, cases[i].path);
	}
}

static void refuses_what_is_no_path(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/**",
		"web",
		"vm:a/",
		"/vm:a",
		"vm:a b",
		"vm:\x80",
		"vm:a***",
		"***",
		"**/**",
		"vm:**",
		"a:/b:/c:/d:/e:/**",
	};
	char longest[256] = "vm:";
	struct who who;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (!who_parse(bad[i], strlen(bad[i]), &who))
			fail_msg("'%s' was taken", bad[i]);
	memset(longest + 3, 'a', sizeof(longest) - 3);
	assert_null(who_parse(longest, 255, &who));
	assert_non_null(who_parse(longest, 256, &who));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_paths),
		cmocka_unit_test(refuses_what_is_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
