/* SPDX-License-Identifier: MIT */

/*
 * Three lines: two patterns and a subject. Covering, overlapping and matching
 * must agree with each other.
 */

#include <string.h>

#include "proto/subject.h"
#include "tests/fuzz/fuzz.h"

struct line {
	const char *text;
	size_t n;
};

/* Cut the first line off; without a newline it is all there is. */
static struct line line_pop(struct line *rest)
{
	const char *newline =
		rest->n ? memchr(rest->text, '\n', rest->n) : NULL;
	struct line line = *rest;

	if (!newline) {
		rest->n = 0;
		return line;
	}
	line.n = (size_t)(newline - rest->text);
	rest->text = newline + 1;
	rest->n -= line.n + 1;
	return line;
}

static void check_pair(struct line a, struct line b)
{
	bool covers = pattern_covers(a.text, a.n, b.text, b.n);
	bool overlaps = pattern_overlaps(a.text, a.n, b.text, b.n);

	FUZZ_CHECK(!covers || overlaps);
	FUZZ_CHECK(overlaps == pattern_overlaps(b.text, b.n, a.text, a.n));
	FUZZ_CHECK(pattern_covers(a.text, a.n, a.text, a.n));
}

static void check_subject(struct line a, struct line b, struct line subject)
{
	bool by_a = pattern_matches(a.text, a.n, subject.text, subject.n);
	bool by_b = pattern_matches(b.text, b.n, subject.text, subject.n);

	FUZZ_CHECK(by_a ==
		   pattern_covers(a.text, a.n, subject.text, subject.n));
	if (by_b && pattern_covers(a.text, a.n, b.text, b.n))
		FUZZ_CHECK(by_a);
	if (by_a && by_b)
		FUZZ_CHECK(pattern_overlaps(a.text, a.n, b.text, b.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct line rest = { .text = (const char *)bytes, .n = n };
	struct line a = line_pop(&rest);
	struct line b = line_pop(&rest);
	struct line subject = line_pop(&rest);

	if (!pattern_is_valid(a.text, a.n) || !pattern_is_valid(b.text, b.n))
		return 0;
	check_pair(a, b);
	check_pair(b, a);
	if (!subject_is_valid(subject.text, subject.n))
		return 0;
	FUZZ_CHECK(!pattern_is_wild(subject.text, subject.n));
	check_subject(a, b, subject);
	check_subject(b, a, subject);
	return 0;
}
