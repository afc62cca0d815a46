/* SPDX-License-Identifier: MIT */
#ifndef CLI_MOMENT_H
#define CLI_MOMENT_H

/**
 * Moments as people say them, and as they are shown. The forms are those that
 * journalctl(1) takes, of systemd.time(7):
 *
 *     2026-11-30 13:00:00.5   with a day, a time or both; seconds may be left
 *                             out; with ` UTC` or `Z` behind it, in UTC; a `T`
 *                             may stand between the two
 *     now, today, yesterday, tomorrow
 *     -1h30min, +5s, 1 hour ago, 2 days left
 *     @1764507600.25          seconds since 1970
 */

#include <stddef.h>
#include <stdint.h>

enum { MOMENT_TEXT_BYTES = 64 };

/** In ns since 1970. Returns 0, or -EINVAL for what is none of these. */
int moment_parse(const char *text, uint64_t now_ns, uint64_t *ret_ns);

/** `3s`, `1h 30min`, `2 weeks`; a number alone is seconds. The same. */
int moment_parse_span(const char *text, uint64_t *ret_ns);

/**
 * `original` is 1000 thousandths, `max` and NULL are 0, `2.5` is 2500. Returns
 * 0 or -EINVAL.
 */
int moment_parse_speed(const char *text, uint32_t *ret_permille);

/** "Nov 30 13:00:00", in local time. */
void moment_format_short(uint64_t ns, char text[MOMENT_TEXT_BYTES]);

/** "Mon 2026-11-30 13:00:00.123456 CET", in local time. */
void moment_format_long(uint64_t ns, char text[MOMENT_TEXT_BYTES]);

/** "2026-11-30T12:00:00.123456789Z", from which nothing is lost. */
void moment_format_utc(uint64_t ns, char text[MOMENT_TEXT_BYTES]);

#endif
