/* SPDX-License-Identifier: MIT */

#include "proto/subject.h"

#include <stdint.h>
#include <string.h>

/* One token of a text, and what follows it. */
struct token {
	const char *text;
	size_t n;
	const char *rest; /* NULL after the last token */
	size_t n_rest;
};

static struct token token_first(const char *text, size_t n)
{
	const char *dot = memchr(text, '.', n);

	if (!dot)
		return (struct token){ .text = text, .n = n };
	return (struct token){
		.text = text,
		.n = (size_t)(dot - text),
		.rest = dot + 1,
		.n_rest = n - (size_t)(dot + 1 - text),
	};
}

static bool token_is(const struct token *token, char sign)
{
	return token->n == 1 && token->text[0] == sign;
}

static bool is_token_byte(char c)
{
	return c > ' ' && c < 0x7f && c != '.' && c != '*' && c != '>';
}

bool subject_is_valid(const char *subject, size_t n)
{
	size_t n_tokens = 1;
	bool is_empty = true;

	if (!n || n > SUBJECT_MAX_BYTES)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (is_token_byte(subject[i])) {
			is_empty = false;
			continue;
		}
		if (subject[i] != '.' || is_empty)
			return false;
		n_tokens++;
		is_empty = true;
	}
	return !is_empty && n_tokens <= SUBJECT_MAX_TOKENS;
}

static bool token_is_valid(const struct token *token)
{
	for (size_t i = 0; i < token->n; i++)
		if (!is_token_byte(token->text[i]))
			return false;
	return token->n > 0;
}

bool pattern_is_valid(const char *pattern, size_t n)
{
	size_t n_tokens = 0;
	size_t n_stars = 0;

	if (!n || n > SUBJECT_MAX_BYTES)
		return false;
	for (;;) {
		struct token token = token_first(pattern, n);

		if (++n_tokens > SUBJECT_MAX_TOKENS)
			return false;
		if (token_is(&token, '>'))
			return !token.rest;
		if (token_is(&token, '*')) {
			if (++n_stars > PATTERN_MAX_STARS)
				return false;
		} else if (!token_is_valid(&token)) {
			return false;
		}
		if (!token.rest)
			return true;
		pattern = token.rest;
		n = token.n_rest;
	}
}

bool pattern_is_wild(const char *pattern, size_t n)
{
	return memchr(pattern, '*', n) || memchr(pattern, '>', n);
}

/* What a wildcard must not stand for. */
static bool is_reserved(const struct token *token, bool is_first)
{
	return is_first && token->n && token->text[0] == '$';
}

static bool same(const struct token *a, const struct token *b)
{
	return a->n == b->n && !memcmp(a->text, b->text, a->n);
}

/* A `*` or `>` in `narrow` is covered only by the like in `wide`. */
bool pattern_covers(const char *wide, size_t n_wide, const char *narrow,
		    size_t n_narrow)
{
	for (bool is_first = true;; is_first = false) {
		struct token w = token_first(wide, n_wide);
		struct token t = token_first(narrow, n_narrow);

		if (token_is(&w, '>'))
			return !is_reserved(&t, is_first);
		if (token_is(&t, '>'))
			return false;
		if (token_is(&w, '*')) {
			if (is_reserved(&t, is_first))
				return false;
		} else if (!same(&w, &t)) {
			return false;
		}
		if (!w.rest || !t.rest)
			return !w.rest && !t.rest;
		wide = w.rest;
		n_wide = w.n_rest;
		narrow = t.rest;
		n_narrow = t.n_rest;
	}
}

/* A subject is the pattern that matches only itself. */
bool pattern_matches(const char *pattern, size_t n_pattern, const char *subject,
		     size_t n_subject)
{
	return pattern_covers(pattern, n_pattern, subject, n_subject);
}

bool pattern_overlaps(const char *a, size_t n_a, const char *b, size_t n_b)
{
	for (bool is_first = true;; is_first = false) {
		struct token x = token_first(a, n_a);
		struct token y = token_first(b, n_b);
		bool x_wild = token_is(&x, '*') || token_is(&x, '>');
		bool y_wild = token_is(&y, '*') || token_is(&y, '>');

		if ((x_wild && is_reserved(&y, is_first)) ||
		    (y_wild && is_reserved(&x, is_first)))
			return false;
		if (token_is(&x, '>') || token_is(&y, '>'))
			return true;
		if (!x_wild && !y_wild && !same(&x, &y))
			return false;
		if (!x.rest || !y.rest)
			return !x.rest && !y.rest;
		a = x.rest;
		n_a = x.n_rest;
		b = y.rest;
		n_b = y.n_rest;
	}
}
