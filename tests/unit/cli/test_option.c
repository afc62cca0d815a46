/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/option.h"

struct settings {
	bool is_quiet;
	bool is_raw;
	const char *name;
	struct texts headers;
	uint64_t count;
	uint32_t time_ms;
	int format;
	const char *subject;
	struct texts rest;
};

static const struct option options[] = {
	{ 'q', "quiet", OPTION_FLAG, offsetof(struct settings, is_quiet), NULL,
	  "" },
	{ 'r', "raw", OPTION_FLAG, offsetof(struct settings, is_raw), NULL,
	  "" },
	{ 0, "name", OPTION_TEXT, offsetof(struct settings, name), "NAME", "" },
	{ 'H', "header", OPTION_TEXTS, offsetof(struct settings, headers),
	  "K:V", "" },
	{ 'n', "count", OPTION_NUMBER, offsetof(struct settings, count), "N",
	  "" },
	{ 't', "time", OPTION_TIME, offsetof(struct settings, time_ms), "TIME",
	  "" },
	{ 'o', "output", OPTION_CHOICE, offsetof(struct settings, format),
	  "text|json", "" },
	{ 0, NULL, OPTION_FLAG, 0, NULL, NULL },
};

static const struct argument arguments[] = {
	{ "SUBJECT", OPTION_TEXT, offsetof(struct settings, subject), true,
	  NULL, "" },
	{ "REST", OPTION_TEXTS, offsetof(struct settings, rest), false, NULL,
	  "" },
	{ NULL, OPTION_FLAG, 0, false, NULL, NULL },
};

static const struct settings defaults = { .count = 7 };

static const struct command command = {
	.name = "test",
	.options = options,
	.arguments = arguments,
	.defaults = &defaults,
	.n_settings = sizeof(struct settings),
};

#define PARSE(settings, error, ...)                                       \
	option_parse(&command,                                            \
		     sizeof((const char *[]){ __VA_ARGS__ }) /            \
			     sizeof(const char *),                        \
		     (char **)(uintptr_t)(const char *[]){ __VA_ARGS__ }, \
		     settings, error)

static void options_may_stand_anywhere(void **state)
{
	char error[OPTION_ERROR_BYTES];
	struct settings s;

	assert_int_equal(PARSE(&s, error, "-q", "a.b", "--name", "x", "c",
			       "-n5", "--time=300ms", "-o", "json", "d"),
			 0);
	assert_true(s.is_quiet);
	assert_false(s.is_raw);
	assert_string_equal(s.subject, "a.b");
	assert_string_equal(s.name, "x");
	assert_int_equal(s.count, 5);
	assert_int_equal(s.time_ms, 300);
	assert_int_equal(s.format, 1);
	assert_int_equal(s.rest.n, 2);
	assert_string_equal(s.rest.at[1], "d");
}

static void flags_join_and_the_last_may_take_a_value(void **state)
{
	char error[OPTION_ERROR_BYTES];
	struct settings s;

	assert_int_equal(PARSE(&s, error, "-qrn3", "a"), 0);
	assert_true(s.is_quiet);
	assert_true(s.is_raw);
	assert_int_equal(s.count, 3);
	assert_int_equal(PARSE(&s, error, "-rHa:b", "-H", "c:d", "a"), 0);
	assert_int_equal(s.headers.n, 2);
	assert_string_equal(s.headers.at[0], "a:b");
	assert_string_equal(s.headers.at[1], "c:d");
}

static void two_dashes_end_options_and_one_is_a_word(void **state)
{
	char error[OPTION_ERROR_BYTES];
	struct settings s;

	assert_int_equal(PARSE(&s, error, "--", "-q", "--raw", "-"), 0);
	assert_false(s.is_quiet);
	assert_string_equal(s.subject, "-q");
	assert_int_equal(s.rest.n, 2);
	assert_int_equal(PARSE(&s, error, "-"), 0);
	assert_string_equal(s.subject, "-");
}

static void what_is_not_given_is_as_in_the_defaults(void **state)
{
	char error[OPTION_ERROR_BYTES];
	struct settings s;

	memset(&s, 0xff, sizeof(s));
	assert_int_equal(PARSE(&s, error, "a"), 0);
	assert_int_equal(s.count, 7);
	assert_null(s.name);
	assert_int_equal(s.headers.n, 0);
}

static void help_wins_over_what_is_missing(void **state)
{
	char error[OPTION_ERROR_BYTES];
	struct settings s;

	assert_int_equal(PARSE(&s, error, "--help"), OPTION_E_HELP);
	assert_int_equal(PARSE(&s, error, "-qh"), OPTION_E_HELP);
}

static void errors_name_what_is_wrong(void **state)
{
	static const struct {
		const char *words[3];
		const char *error;
	} cases[] = {
		{ { "-x" }, "no option -x" },
		{ { "--nam", "x" }, "no option --nam" },
		{ { "--namex=y" }, "no option --namex" },
		{ { "--quiet=1" }, "--quiet takes no value" },
		{ { "a", "--name" }, "--name needs a NAME" },
		{ { "-n", "-1" }, "--count is a number, not '-1'" },
		{ { "-n5x" }, "--count is a number, not '5x'" },
		{ { "-n", "" }, "--count is a number, not ''" },
		{ { "-n", "18446744073709551616" },
		  "--count is a number, not '18446744073709551616'" },
		{ { "-t", "soon" },
		  "--time is a time like 2s or 300ms, not 'soon'" },
		{ { "-o", "jso" }, "--output is one of text|json, not 'jso'" },
		{ { "-q" }, "SUBJECT is missing" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char error[OPTION_ERROR_BYTES] = "";
		struct settings s;
		int n = 0;

		while (n < 3 && cases[i].words[n])
			n++;
		assert_int_equal(
			option_parse(&command, n,
				     (char **)(uintptr_t)cases[i].words, &s,
				     error),
			-EINVAL);
		assert_string_equal(error, cases[i].error);
	}
}

static void too_many_texts_are_refused(void **state)
{
	char word[] = "x";
	char *words[OPTION_TEXTS_MAX + 2];
	char error[OPTION_ERROR_BYTES];
	struct settings s;

	for (int i = 0; i < OPTION_TEXTS_MAX + 2; i++)
		words[i] = word;
	assert_int_equal(
		option_parse(&command, OPTION_TEXTS_MAX + 1, words, &s, error),
		0);
	assert_int_equal(
		option_parse(&command, OPTION_TEXTS_MAX + 2, words, &s, error),
		-EINVAL);
}

static void times_have_units(void **state)
{
	static const struct {
		const char *text;
		int r;
		uint32_t ms;
	} cases[] = {
		{ "0", 0, 0 },          { "2", 0, 2000 },
		{ "2s", 0, 2000 },      { "1.5", 0, 1500 },
		{ ".5s", 0, 500 },      { "300ms", 0, 300 },
		{ "5m", 0, 300000 },    { "1h", 0, 3600000 },
		{ "1e99", -EINVAL, 0 }, { "-1", -EINVAL, 0 },
		{ "nan", -EINVAL, 0 },  { "inf", -EINVAL, 0 },
		{ "", -EINVAL, 0 },     { ".", -EINVAL, 0 },
		{ "5 s", -EINVAL, 0 },  { "600h", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint32_t ms = 0;

		assert_int_equal(option_parse_time(cases[i].text, &ms),
				 cases[i].r);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void test_bytes(void **state)
{
	uint64_t n = 0;

	assert_int_equal(option_parse_bytes("512K", &n), 0);
	assert_int_equal(n, 512 << 10);
	assert_int_equal(option_parse_bytes("3MiB", &n), 0);
	assert_int_equal(n, 3 << 20);
	assert_int_equal(option_parse_bytes("7", &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(option_parse_bytes("", &n), -EINVAL);
	assert_int_equal(option_parse_bytes("K", &n), -EINVAL);
	assert_int_equal(option_parse_bytes("1KB", &n), -EINVAL);
	assert_int_equal(option_parse_bytes("99999999T", &n), -EINVAL);
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(flags_join_and_the_last_may_take_a_value),
		cmocka_unit_test(two_dashes_end_options_and_one_is_a_word),
		cmocka_unit_test(what_is_not_given_is_as_in_the_defaults),
		cmocka_unit_test(help_wins_over_what_is_missing),
		cmocka_unit_test(errors_name_what_is_wrong),
		cmocka_unit_test(too_many_texts_are_refused),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(times_have_units),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
