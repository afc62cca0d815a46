/* SPDX-License-Identifier: MIT */
#ifndef PROTO_SUBJECT_H
#define PROTO_SUBJECT_H

/**
 * Subjects and patterns.
 *
 * A subject is 1 to 16 tokens joined by dots, at most 255 bytes; a token is
 * printable ASCII without space, dot, `*` and `>`. In a pattern a token may be
 * `*`, which stands for any one token (at most three of them), and the last
 * may be `>`, which stands for one or more. Neither `*` nor `>` stands for a
 * first token that begins with `$`.
 *
 * Texts are not terminated; every length is in bytes.
 */

#include <stdbool.h>
#include <stddef.h>

enum {
	SUBJECT_MAX_BYTES = 255,
	SUBJECT_MAX_TOKENS = 16,
	PATTERN_MAX_STARS = 3,
};

bool subject_is_valid(const char *subject, size_t n);

/** A valid subject is a valid pattern too. */
bool pattern_is_valid(const char *pattern, size_t n);

/** Whether it has a `*` or `>` at all. */
bool pattern_is_wild(const char *pattern, size_t n);

/* For the rest, both arguments must be valid. */

bool pattern_matches(const char *pattern, size_t n_pattern, const char *subject,
		     size_t n_subject);

/** Whether `wide` matches everything that `narrow` matches. */
bool pattern_covers(const char *wide, size_t n_wide, const char *narrow,
		    size_t n_narrow);

/** Whether some subject matches both. */
bool pattern_overlaps(const char *a, size_t n_a, const char *b, size_t n_b);

#endif
