/* SPDX-License-Identifier: MIT */

/*
 * Patterns are sets of subjects. All patterns of up to three tokens are held
 * against all subjects of up to four, with a matcher written in another way:
 * one covers another if no subject tells otherwise, and overlaps it if some
 * subject matches both. A fourth token, and `z`, which is in no pattern, stand
 * for all that the patterns cannot tell apart.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proto/subject.h"

enum { TOKENS_MAX = 4, TEXTS_MAX = 4 + 16 + 64 + 256 };

struct text {
	const char *tokens[TOKENS_MAX];
	size_t n_tokens;
	char text[32];
	size_t n;
};

static struct text patterns[TEXTS_MAX], subjects[TEXTS_MAX];
static size_t n_patterns, n_subjects;
static bool is_match[TEXTS_MAX][TEXTS_MAX];

/* The text whose tokens are the digits of `number`. */
static void make_text(const char *const *alphabet, size_t n_alphabet,
		      size_t n_tokens, size_t number, struct text *text)
{
	*text = (struct text){ .n_tokens = n_tokens };
	for (size_t i = 0; i < n_tokens; i++, number /= n_alphabet) {
		const char *token = alphabet[number % n_alphabet];

		text->tokens[i] = token;
		text->n += (size_t)snprintf(text->text + text->n,
					    sizeof(text->text) - text->n,
					    "%s%s", i ? "." : "", token);
	}
}

static bool is_token(const struct text *text, size_t i, const char *token)
{
	return i < text->n_tokens && !strcmp(text->tokens[i], token);
}

/* From the last token to the first, unlike the code under test. */
static bool reference_matches(const struct text *pattern,
			      const struct text *subject)
{
	bool has_tail = is_token(pattern, pattern->n_tokens - 1, ">");
	size_t n = pattern->n_tokens - has_tail;

	if (has_tail ? subject->n_tokens <= n : subject->n_tokens != n)
		return false;
	while (n--)
		if (!is_token(pattern, n, "*") &&
		    !is_token(subject, n, pattern->tokens[n]))
			return false;
	return subject->tokens[0][0] != '$' ||
	       is_token(pattern, 0, subject->tokens[0]);
}

static int make_all(void **state)
{
	static const char *const in_patterns[] = { "a", "$c", "*", ">" };
	static const char *const in_subjects[] = { "a", "$c", "z", "$d" };

	for (size_t n = 1, count = 4; n <= TOKENS_MAX; n++, count *= 4) {
		for (size_t i = 0; i < count; i++) {
			make_text(in_subjects, 4, n, i,
				  &subjects[n_subjects++]);
			if (n == TOKENS_MAX)
				continue;
			make_text(in_patterns, 4, n, i, &patterns[n_patterns]);
			if (pattern_is_valid(patterns[n_patterns].text,
					     patterns[n_patterns].n))
				n_patterns++;
		}
	}
	for (size_t p = 0; p < n_patterns; p++)
		for (size_t s = 0; s < n_subjects; s++)
			is_match[p][s] =
				reference_matches(&patterns[p], &subjects[s]);
	return 0;
}

static void matching_agrees_with_the_reference(void **state)
{
	for (size_t p = 0; p < n_patterns; p++)
		for (size_t s = 0; s < n_subjects; s++)
			if (pattern_matches(patterns[p].text, patterns[p].n,
					    subjects[s].text,
					    subjects[s].n) != is_match[p][s])
				fail_msg("%s and %s", patterns[p].text,
					 subjects[s].text);
}

static void compare(size_t a, size_t b)
{
	bool covers = true;
	bool overlaps = false;

	for (size_t s = 0; s < n_subjects; s++) {
		if (is_match[b][s] && !is_match[a][s])
			covers = false;
		if (is_match[b][s] && is_match[a][s])
			overlaps = true;
	}
	if (pattern_covers(patterns[a].text, patterns[a].n, patterns[b].text,
			   patterns[b].n) != covers)
		fail_msg("%s %s %s", patterns[a].text,
			 covers ? "covers" : "does not cover",
			 patterns[b].text);
	if (pattern_overlaps(patterns[a].text, patterns[a].n, patterns[b].text,
			     patterns[b].n) != overlaps)
		fail_msg("%s %s %s", patterns[a].text,
			 overlaps ? "overlaps" : "does not overlap",
			 patterns[b].text);
}

static void covering_and_overlapping_are_those_of_sets(void **state)
{
	assert_true(n_patterns > 50 && n_subjects == TEXTS_MAX);
	for (size_t a = 0; a < n_patterns; a++)
		for (size_t b = 0; b < n_patterns; b++)
			compare(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matching_agrees_with_the_reference),
		cmocka_unit_test(covering_and_overlapping_are_those_of_sets),
	};

	return cmocka_run_group_tests(tests, make_all, NULL);
}
