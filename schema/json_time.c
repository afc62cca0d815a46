/* SPDX-License-Identifier: MIT */

#include "schema/json_time.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SECONDS_MIN  INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define SECONDS_MAX  INT64_C(253402300799) /* 9999-12-31T23:59:59Z */
#define DURATION_MAX INT64_C(315576000000) /* 10,000 years */
#define NANOS_MAX    INT64_C(999999999)

enum {
	SECONDS_PER_DAY = 86400,
	DAYS_PER_ERA = 146097, /* 400 years */
	DAYS_TO_1970 = 719468, /* from 1 March of the year 0 */
	OFFSET_MAX = 18,       /* hours */
};

struct date {
	int64_t year;
	int64_t month;
	int64_t day;
};

/*
 * Years are counted from March, so that a leap day is the last of its year.
 * Source: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
 */
static int64_t days_of(struct date date)
{
	int64_t year = date.year - (date.month <= 2);
	int64_t era = year / 400;
	int64_t year_of_era = year - era * 400;
	int64_t month = date.month > 2 ? date.month - 3 : date.month + 9;
	int64_t day_of_year = (153 * month + 2) / 5 + date.day - 1;

	return era * DAYS_PER_ERA + year_of_era * 365 + year_of_era / 4 -
	       year_of_era / 100 + day_of_year - DAYS_TO_1970;
}

/* Of days after 1 March of the year 0. */
static struct date date_of(int64_t days)
{
	int64_t shifted = days + DAYS_TO_1970;
	int64_t era = shifted / DAYS_PER_ERA;
	int64_t day_of_era = shifted - era * DAYS_PER_ERA;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
			       day_of_era / 36524 - day_of_era / 146096) /
			      365;
	int64_t day_of_year =
		day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month = (5 * day_of_year + 2) / 153;
	struct date date = { .month = month < 10 ? month + 3 : month - 9,
			     .day = day_of_year - (153 * month + 2) / 5 + 1 };

	date.year = year_of_era + era * 400 + (date.month <= 2);
	return date;
}

/* "", ".250" or longer. */
static void format_fraction(int64_t nanos, char text[16])
{
	if (nanos == 0)
		text[0] = '\0';
	else if (nanos % 1000000 == 0)
		snprintf(text, 16, ".%03u", (unsigned)nanos / 1000000);
	else if (nanos % 1000 == 0)
		snprintf(text, 16, ".%06u", (unsigned)nanos / 1000);
	else
		snprintf(text, 16, ".%09u", (unsigned)nanos);
}

int json_time_format(int64_t seconds, int64_t nanos, char text[JSON_TIME_BYTES])
{
	struct date date;
	char fraction[16];
	int64_t of_day;
	int64_t days;

	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX || nanos < 0 ||
	    nanos > NANOS_MAX)
		return -ERANGE;
	days = (seconds - SECONDS_MIN) / SECONDS_PER_DAY;
	of_day = (seconds - SECONDS_MIN) % SECONDS_PER_DAY;
	date = date_of(days + SECONDS_MIN / SECONDS_PER_DAY);
	format_fraction(nanos, fraction);
	snprintf(text, JSON_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u%.10sZ",
		 (unsigned)date.year % 10000, (unsigned)date.month % 100,
		 (unsigned)date.day % 100, (unsigned)(of_day / 3600) % 100,
		 (unsigned)(of_day / 60 % 60), (unsigned)(of_day % 60),
		 fraction);
	return 0;
}

int json_time_format_duration(int64_t seconds, int64_t nanos,
			      char text[JSON_TIME_BYTES])
{
	char fraction[16];

	if (seconds < -DURATION_MAX || seconds > DURATION_MAX ||
	    nanos < -NANOS_MAX || nanos > NANOS_MAX ||
	    (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0))
		return -ERANGE;
	format_fraction(nanos < 0 ? -nanos : nanos, fraction);
	snprintf(text, JSON_TIME_BYTES, "%s%" PRId64 "%.10ss",
		 seconds < 0 || nanos < 0 ? "-" : "",
		 seconds < 0 ? -seconds : seconds, fraction);
	return 0;
}

struct cursor {
	const char *at;
	const char *end;
};

static bool take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

/* At least `n_min` and at most `n_max` digits. Returns how many, or 0. */
static size_t take_digits(struct cursor *cursor, size_t n_min, size_t n_max,
			  int64_t *ret_number)
{
	int64_t number = 0;
	size_t n = 0;

	while (n < n_max && cursor->at < cursor->end && *cursor->at >= '0' &&
	       *cursor->at <= '9') {
		number = number * 10 + (*cursor->at++ - '0');
		n++;
	}
	*ret_number = number;
	return n < n_min ? 0 : n;
}

/* Nothing, or a dot and one to nine digits. */
static bool take_fraction(struct cursor *cursor, int64_t *ret_nanos)
{
	size_t n;

	*ret_nanos = 0;
	if (!take(cursor, '.'))
		return true;
	n = take_digits(cursor, 1, 9, ret_nanos);
	if (n == 0)
		return false;
	for (; n < 9; n++)
		*ret_nanos *= 10;
	return true;
}

static int64_t days_in(struct date date)
{
	static const int64_t days[] = { 31, 28, 31, 30, 31, 30,
					31, 31, 30, 31, 30, 31 };
	bool is_leap = date.year % 4 == 0 &&
		       (date.year % 100 != 0 || date.year % 400 == 0);

	return days[date.month - 1] + (date.month == 2 && is_leap);
}

static bool take_date(struct cursor *cursor, struct date *ret_date)
{
	return take_digits(cursor, 4, 4, &ret_date->year) &&
	       take(cursor, '-') &&
	       take_digits(cursor, 2, 2, &ret_date->month) &&
	       take(cursor, '-') && take_digits(cursor, 2, 2, &ret_date->day) &&
	       ret_date->year >= 1 && ret_date->month >= 1 &&
	       ret_date->month <= 12 && ret_date->day >= 1 &&
	       ret_date->day <= days_in(*ret_date);
}

static bool take_clock(struct cursor *cursor, int64_t *ret_seconds)
{
	int64_t hours, minutes, seconds;

	if (!take_digits(cursor, 2, 2, &hours) || !take(cursor, ':') ||
	    !take_digits(cursor, 2, 2, &minutes) || !take(cursor, ':') ||
	    !take_digits(cursor, 2, 2, &seconds))
		return false;
	*ret_seconds = hours * 3600 + minutes * 60 + seconds;
	return hours < 24 && minutes < 60 && seconds < 60;
}

/* "Z", or how far the clock is ahead of it. */
static bool take_zone(struct cursor *cursor, int64_t *ret_seconds)
{
	bool is_ahead = take(cursor, '+');
	int64_t hours, minutes;

	*ret_seconds = 0;
	if (!is_ahead && take(cursor, 'Z'))
		return true;
	if (!is_ahead && !take(cursor, '-'))
		return false;
	if (!take_digits(cursor, 2, 2, &hours) || !take(cursor, ':') ||
	    !take_digits(cursor, 2, 2, &minutes) || hours > OFFSET_MAX ||
	    minutes > 59)
		return false;
	*ret_seconds = (hours * 60 + minutes) * (is_ahead ? 60 : -60);
	return true;
}

int json_time_parse(const char *text, size_t n, int64_t *ret_seconds,
		    int64_t *ret_nanos)
{
	struct cursor cursor = { text, text + n };
	int64_t of_day, ahead, nanos, seconds;
	struct date date;

	if (!take_date(&cursor, &date) || !take(&cursor, 'T') ||
	    !take_clock(&cursor, &of_day) || !take_fraction(&cursor, &nanos) ||
	    !take_zone(&cursor, &ahead) || cursor.at != cursor.end)
		return -EINVAL;
	seconds = days_of(date) * SECONDS_PER_DAY + of_day - ahead;
	if (seconds < SECONDS_MIN || seconds > SECONDS_MAX)
		return -ERANGE;
	*ret_seconds = seconds;
	*ret_nanos = nanos;
	return 0;
}

int json_time_parse_duration(const char *text, size_t n, int64_t *ret_seconds,
			     int64_t *ret_nanos)
{
	struct cursor cursor = { text, text + n };
	bool is_negative = take(&cursor, '-');
	int64_t seconds, nanos;

	if (!take_digits(&cursor, 1, 18, &seconds) ||
	    !take_fraction(&cursor, &nanos) || !take(&cursor, 's') ||
	    cursor.at != cursor.end)
		return -EINVAL;
	if (seconds > DURATION_MAX)
		return -ERANGE;
	*ret_seconds = is_negative ? -seconds : seconds;
	*ret_nanos = is_negative ? -nanos : nanos;
	return 0;
}
