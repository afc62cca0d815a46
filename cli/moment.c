/* SPDX-License-Identifier: MIT */

#include "cli/moment.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"

#define DAY_S 86400

struct unit {
	const char *name;
	uint64_t ns;
};

static const struct unit units[] = {
	{ "ns", 1 },
	{ "nsec", 1 },
	{ "us", NS_PER_US },
	{ "usec", NS_PER_US },
	{ "ms", NS_PER_MS },
	{ "msec", NS_PER_MS },
	{ "s", NS_PER_S },
	{ "sec", NS_PER_S },
	{ "second", NS_PER_S },
	{ "seconds", NS_PER_S },
	{ "m", 60 * NS_PER_S },
	{ "min", 60 * NS_PER_S },
	{ "minute", 60 * NS_PER_S },
	{ "minutes", 60 * NS_PER_S },
	{ "h", 3600 * NS_PER_S },
	{ "hr", 3600 * NS_PER_S },
	{ "hour", 3600 * NS_PER_S },
	{ "hours", 3600 * NS_PER_S },
	{ "d", DAY_S *NS_PER_S },
	{ "day", DAY_S *NS_PER_S },
	{ "days", DAY_S *NS_PER_S },
	{ "w", 7 * DAY_S *NS_PER_S },
	{ "week", 7 * DAY_S *NS_PER_S },
	{ "weeks", 7 * DAY_S *NS_PER_S },
	/* As systemd.time(7) has them: 30.44 and 365.25 days. */
	{ "month", UINT64_C(2630016) * NS_PER_S },
	{ "months", UINT64_C(2630016) * NS_PER_S },
	{ "y", UINT64_C(31557600) * NS_PER_S },
	{ "year", UINT64_C(31557600) * NS_PER_S },
	{ "years", UINT64_C(31557600) * NS_PER_S },
};

static const char *skip_space(const char *at)
{
	while (*at == ' ')
		at++;
	return at;
}

/* Up to `n_max` digits; NULL: there is none, or there are more. */
static const char *parse_digits(const char *at, unsigned n_max,
				uint64_t *ret_number)
{
	uint64_t number = 0;
	unsigned n = 0;

	for (; isdigit((unsigned char)*at); at++, n++) {
		if (n == n_max)
			return NULL;
		number = number * 10 + (uint64_t)(*at - '0');
	}
	*ret_number = number;
	return n ? at : NULL;
}

/* `.25` as nanoseconds of a second; nothing is none. */
static const char *parse_fraction(const char *at, uint64_t *ret_ns)
{
	uint64_t scale = NS_PER_S / 10;

	*ret_ns = 0;
	if (*at != '.')
		return at;
	if (!isdigit((unsigned char)*++at))
		return NULL;
	for (; isdigit((unsigned char)*at); at++, scale /= 10)
		*ret_ns += (uint64_t)(*at - '0') * scale;
	return at;
}

/* A number alone is seconds. */
static const char *parse_unit(const char *behind, uint64_t *ret_ns)
{
	const char *at = skip_space(behind);
	size_t n = 0;

	while (isalpha((unsigned char)at[n]))
		n++;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strlen(units[i].name) != n ||
		    strncmp(units[i].name, at, n) != 0)
			continue;
		*ret_ns = units[i].ns;
		return at + n;
	}
	*ret_ns = NS_PER_S;
	return behind;
}

/* One `1.5h` of a span, added to *ns. */
static const char *parse_part(const char *at, uint64_t *ns)
{
	uint64_t number, fraction_ns, unit_ns, part;

	at = parse_digits(at, 12, &number);
	if (at)
		at = parse_fraction(at, &fraction_ns);
	if (!at)
		return NULL;
	at = parse_unit(at, &unit_ns);
	if (__builtin_mul_overflow(number, unit_ns, &part) ||
	    __builtin_add_overflow(*ns, part, ns))
		return NULL;
	part = (uint64_t)((double)fraction_ns / NS_PER_S * (double)unit_ns);
	return __builtin_add_overflow(*ns, part, ns) ? NULL : at;
}

/* Parts up to what is none. NULL: not even one. */
static const char *parse_parts(const char *at, uint64_t *ret_ns)
{
	*ret_ns = 0;
	do {
		at = parse_part(at, ret_ns);
		if (!at)
			return NULL;
		at = skip_space(at);
	} while (isdigit((unsigned char)*at));
	return at;
}

int moment_parse_span(const char *text, uint64_t *ret_ns)
{
	uint64_t ns;
	const char *at = parse_parts(skip_space(text), &ns);

	if (!at || *at)
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

static int before(uint64_t now_ns, uint64_t span_ns, uint64_t *ret_ns)
{
	/* Before 1970 nothing was said. */
	*ret_ns = span_ns < now_ns ? now_ns - span_ns : 0;
	return 0;
}

static int after(uint64_t now_ns, uint64_t span_ns, uint64_t *ret_ns)
{
	return __builtin_add_overflow(now_ns, span_ns, ret_ns) ? -EINVAL : 0;
}

/* `-1h`, `+1h`, `1h ago`, `1h left`. */
static int parse_relative(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	char sign = *text;
	bool has_sign = sign == '-' || sign == '+';
	const char *at = text + has_sign;
	uint64_t span_ns;

	at = parse_parts(skip_space(at), &span_ns);
	if (!at)
		return -EINVAL;
	if (sign == '-' && !*at)
		return before(now_ns, span_ns, ret_ns);
	if (sign == '+' && !*at)
		return after(now_ns, span_ns, ret_ns);
	if (!has_sign && strcmp(at, "ago") == 0)
		return before(now_ns, span_ns, ret_ns);
	if (!has_sign && strcmp(at, "left") == 0)
		return after(now_ns, span_ns, ret_ns);
	return -EINVAL;
}

static int parse_unix(const char *at, uint64_t *ret_ns)
{
	uint64_t seconds, fraction_ns;

	at = parse_digits(at, 11, &seconds);
	if (at)
		at = parse_fraction(at, &fraction_ns);
	if (!at || *at || seconds > UINT64_MAX / NS_PER_S - 1)
		return -EINVAL;
	*ret_ns = seconds * NS_PER_S + fraction_ns;
	return 0;
}

/* A day, as far as it goes: the time of `ret_tm` is left alone. */
static const char *parse_day(const char *at, struct tm *tm)
{
	uint64_t year, month, day;

	at = parse_digits(at, 4, &year);
	if (!at || *at != '-')
		return NULL;
	at = parse_digits(at + 1, 2, &month);
	if (!at || *at != '-')
		return NULL;
	at = parse_digits(at + 1, 2, &day);
	if (!at || year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > 31)
		return NULL;
	tm->tm_year = (int)year - 1900;
	tm->tm_mon = (int)month - 1;
	tm->tm_mday = (int)day;
	return at;
}

static const char *parse_clock(const char *at, struct tm *tm, uint64_t *ret_ns)
{
	uint64_t hour, minute, second = 0;

	*ret_ns = 0;
	at = parse_digits(at, 2, &hour);
	if (!at || *at != ':')
		return NULL;
	at = parse_digits(at + 1, 2, &minute);
	if (at && *at == ':') {
		at = parse_digits(at + 1, 2, &second);
		if (at)
			at = parse_fraction(at, ret_ns);
	}
	if (!at || hour > 23 || minute > 59 || second > 60)
		return NULL;
	tm->tm_hour = (int)hour;
	tm->tm_min = (int)minute;
	tm->tm_sec = (int)second;
	return at;
}

static void set_midnight(struct tm *tm)
{
	tm->tm_hour = tm->tm_min = tm->tm_sec = 0;
}

/* mktime() would take the 31st of November for the 1st of December. */
static int make_time(struct tm *tm, bool is_utc, uint64_t fraction_ns,
		     uint64_t *ret_ns)
{
	int day = tm->tm_mday;
	time_t seconds;

	tm->tm_isdst = -1;
	seconds = is_utc ? timegm(tm) : mktime(tm);
	if (seconds < 0 || tm->tm_mday != day)
		return -EINVAL;
	*ret_ns = (uint64_t)seconds * NS_PER_S + fraction_ns;
	return 0;
}

static int parse_calendar(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	time_t now = (time_t)(now_ns / NS_PER_S);
	size_t n = strlen(text);
	bool is_utc = (n > 4 && strcmp(text + n - 4, " UTC") == 0) ||
		      (n > 1 && text[n - 1] == 'Z');
	uint64_t fraction_ns = 0;
	const char *at, *day;
	struct tm tm;

	if (is_utc)
		gmtime_r(&now, &tm);
	else
		localtime_r(&now, &tm);
	set_midnight(&tm);
	day = parse_day(text, &tm);
	at = day ? day : text;
	if (day && *day == 'T' && isdigit((unsigned char)day[1]))
		at++;
	at = skip_space(at);
	if (isdigit((unsigned char)*at) || !day)
		at = parse_clock(at, &tm, &fraction_ns);
	if (!at)
		return -EINVAL;
	at = skip_space(at);
	if (is_utc ? strcmp(at, "UTC") != 0 && strcmp(at, "Z") != 0 : *at)
		return -EINVAL;
	return make_time(&tm, is_utc, fraction_ns, ret_ns);
}

static int parse_word(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	static const struct {
		const char *word;
		int n_days;
	} words[] = { { "yesterday", -1 }, { "today", 0 }, { "tomorrow", 1 } };
	time_t now = (time_t)(now_ns / NS_PER_S);
	struct tm tm;

	if (strcmp(text, "now") == 0) {
		*ret_ns = now_ns;
		return 0;
	}
	for (size_t i = 0; i < 3; i++) {
		if (strcmp(text, words[i].word) != 0)
			continue;
		localtime_r(&now, &tm);
		set_midnight(&tm);
		tm.tm_mday += words[i].n_days;
		tm.tm_isdst = -1;
		*ret_ns = (uint64_t)mktime(&tm) * NS_PER_S;
		return 0;
	}
	return -EINVAL;
}

int moment_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns)
{
	text = skip_space(text);
	if (*text == '@')
		return parse_unix(text + 1, ret_ns);
	if (parse_word(text, now_ns, ret_ns) == 0 ||
	    parse_relative(text, now_ns, ret_ns) == 0)
		return 0;
	return parse_calendar(text, now_ns, ret_ns);
}

int moment_parse_speed(const char *text, uint32_t *ret_permille)
{
	double times;
	char *end;

	*ret_permille = 0;
	if (!text || strcmp(text, "max") == 0)
		return 0;
	*ret_permille = 1000;
	if (strcmp(text, "original") == 0)
		return 0;
	times = strtod(text, &end);
	if (end == text || *end || !(times >= 0.001 && times <= 1000000))
		return -EINVAL;
	*ret_permille = (uint32_t)(times * 1000);
	return 0;
}

static struct tm local_of(uint64_t ns)
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	struct tm tm;

	localtime_r(&seconds, &tm);
	return tm;
}

void moment_format_short(uint64_t ns, char text[MOMENT_TEXT_BYTES])
{
	struct tm tm = local_of(ns);

	if (strftime(text, MOMENT_TEXT_BYTES, "%b %d %H:%M:%S", &tm) == 0)
		*text = '\0';
}

void moment_format_long(uint64_t ns, char text[MOMENT_TEXT_BYTES])
{
	struct tm tm = local_of(ns);
	char day[32], zone[16];

	if (strftime(day, sizeof(day), "%a %Y-%m-%d %H:%M:%S", &tm) == 0)
		*day = '\0';
	if (strftime(zone, sizeof(zone), "%Z", &tm) == 0)
		*zone = '\0';
	snprintf(text, MOMENT_TEXT_BYTES, "%s.%06u %s", day,
		 (unsigned)(ns % NS_PER_S / NS_PER_US), zone);
}

void moment_format_utc(uint64_t ns, char text[MOMENT_TEXT_BYTES])
{
	time_t seconds = (time_t)(ns / NS_PER_S);
	char day[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	if (strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		*day = '\0';
	snprintf(text, MOMENT_TEXT_BYTES, "%s.%09uZ", day,
		 (unsigned)(ns % NS_PER_S));
}
