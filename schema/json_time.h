/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_JSON_TIME_H
#define SCHEMA_JSON_TIME_H

/**
 * google.protobuf.Timestamp and Duration as JSON writes them:
 * "2026-01-31T09:30:00.250Z" and "-1.5s". Fractions have three, six or nine
 * digits, or none. Source: timestamp.proto and duration.proto.
 */

#include <stddef.h>
#include <stdint.h>

enum { JSON_TIME_BYTES = 40 };

/* Either returns 0, or -ERANGE for what those two may not be. */
int json_time_format(int64_t seconds, int64_t nanos,
		     char text[JSON_TIME_BYTES]);
int json_time_format_duration(int64_t seconds, int64_t nanos,
			      char text[JSON_TIME_BYTES]);

/* Either returns 0, -EINVAL for what is not of that form, or -ERANGE. */
int json_time_parse(const char *text, size_t n, int64_t *ret_seconds,
		    int64_t *ret_nanos);
int json_time_parse_duration(const char *text, size_t n, int64_t *ret_seconds,
			     int64_t *ret_nanos);

#endif
