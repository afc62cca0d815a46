/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/moment.h"

/* 2026-11-30 13:30:00 UTC, which is 14:30 in the zone of these tests. */
#define NOW_S  UINT64_C(1796045400)
#define NOW_NS (NOW_S * NS_PER_S)
#define DAY_S  UINT64_C(86400)

static int set_zone(void **state)
{
	setenv("TZ", "CET-1", 1);
	tzset();
	return 0;
}

static void is_s(const char *text, uint64_t seconds)
{
	uint64_t ns = 0;

	if (moment_parse(text, NOW_NS, &ns) < 0)
		fail_msg("'%s' is taken for no time", text);
	if (ns != seconds * NS_PER_S)
		fail_msg("'%s' is %llu and not %llu", text,
			 (unsigned long long)(ns / NS_PER_S),
			 (unsigned long long)seconds);
}

static void is_none(const char *text)
{
	uint64_t ns = 7;

	if (moment_parse(text, NOW_NS, &ns) != -EINVAL)
		fail_msg("'%s' is taken for a time", text);
	assert_int_equal(ns, 7);
}

static void test_words(void **state)
{
	is_s("now", NOW_S);
	is_s("today", NOW_S - 14 * 3600 - 1800);
	is_s("yesterday", NOW_S - 14 * 3600 - 1800 - DAY_S);
	is_s("tomorrow", NOW_S - 14 * 3600 - 1800 + DAY_S);
	is_none("today or so");
	is_none("");
}

static void test_relative(void **state)
{
	is_s("-1h", NOW_S - 3600);
	is_s("+5s", NOW_S + 5);
	is_s("1 hour ago", NOW_S - 3600);
	is_s("1h 30min ago", NOW_S - 5400);
	is_s("-1h30min", NOW_S - 5400);
	is_s("2 days ago", NOW_S - 2 * DAY_S);
	is_s("90 left", NOW_S + 90);
	is_s("-1.5h", NOW_S - 5400);
	is_s("-1w", NOW_S - 7 * DAY_S);
	is_s("-100 years", 0);
	is_none("1h");
	is_none("-");
	is_none("-1 parsec");
	is_none("-1h ago");
	is_none("+9999999999 years");
	is_none("ago");
}

static void test_calendar(void **state)
{
	is_s("2026-11-30 14:30:00", NOW_S);
	is_s("2026-11-30 14:30", NOW_S);
	is_s("2026-11-30T14:30:00", NOW_S);
	is_s("2026-11-30 13:30:00 UTC", NOW_S);
	is_s("2026-11-30T13:30:00Z", NOW_S);
	is_s("2026-11-30", NOW_S - 14 * 3600 - 1800);
	is_s("14:30", NOW_S);
	is_s("14:30:01", NOW_S + 1);
	is_s("13:30 UTC", NOW_S);
	is_none("2026-11-31");
	is_none("2026-13-01");
	is_none("2026-11-30 24:00");
	is_none("2026-11-30 14");
	is_none("2026-11-30 14:30:00 MARS");
	is_none("26-11");
	is_none("99999-01-01");
	is_none("1969-12-31");
}

static void test_unix(void **state)
{
	uint64_t ns;

	is_s("@1796045400", NOW_S);
	assert_int_equal(moment_parse("@1.25", NOW_NS, &ns), 0);
	assert_int_equal(ns, 1250000000);
	is_none("@");
	is_none("@-1");
	is_none("@1x");
	is_none("@99999999999");
}

static void test_fraction(void **state)
{
	uint64_t ns;

	assert_int_equal(
		moment_parse("2026-11-30 14:30:00.000001234", NOW_NS, &ns), 0);
	assert_int_equal(ns, NOW_NS + 1234);
}

static void test_span(void **state)
{
	uint64_t ns;

	assert_int_equal(moment_parse_span("2 weeks", &ns), 0);
	assert_int_equal(ns, 14 * DAY_S * NS_PER_S);
	assert_int_equal(moment_parse_span("5", &ns), 0);
	assert_int_equal(ns, 5 * NS_PER_S);
	assert_int_equal(moment_parse_span("500ms", &ns), 0);
	assert_int_equal(ns, 500 * NS_PER_MS);
	assert_int_equal(moment_parse_span("", &ns), -EINVAL);
	assert_int_equal(moment_parse_span("-5", &ns), -EINVAL);
	assert_int_equal(moment_parse_span("999999999999y", &ns), -EINVAL);
}

static void test_speed(void **state)
{
	uint32_t permille;

	assert_int_equal(moment_parse_speed(NULL, &permille), 0);
	assert_int_equal(permille, 0);
	assert_int_equal(moment_parse_speed("original", &permille), 0);
	assert_int_equal(permille, 1000);
	assert_int_equal(moment_parse_speed("2.5", &permille), 0);
	assert_int_equal(permille, 2500);
	assert_int_equal(moment_parse_speed("0", &permille), -EINVAL);
	assert_int_equal(moment_parse_speed("nan", &permille), -EINVAL);
	assert_int_equal(moment_parse_speed("2x", &permille), -EINVAL);
}

static void test_format(void **state)
{
	char text[MOMENT_TEXT_BYTES];

	moment_format_short(NOW_NS, text);
	assert_string_equal(text, "Nov 30 14:30:00");
	moment_format_long(NOW_NS + 1234567, text);
	assert_string_equal(text, "Mon 2026-11-30 14:30:00.001234 CET");
	moment_format_utc(NOW_NS + 1, text);
	assert_string_equal(text, "2026-11-30T13:30:00.000000001Z");
	moment_format_utc(UINT64_MAX, text);
	assert_string_equal(text, "2554-07-21T23:34:33.709551615Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_relative),
		cmocka_unit_test(test_calendar),
		cmocka_unit_test(test_unix),
		cmocka_unit_test(test_fraction),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_speed),
		cmocka_unit_test(test_format),
	};

	return cmocka_run_group_tests(tests, set_zone, NULL);
}
