/* SPDX-License-Identifier: MIT */

#include "base/lines.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void lines_init(struct lines *lines, const char *name, const char *text,
		size_t n, char *error, size_t n_error)
{
	*lines = (struct lines){
		.name = name,
		.at = text,
		.end = text + n,
		.error = error,
		.n_error = n_error,
	};
}

/* Errors are logged and shown on terminals, and quote what was read. */
static void replace_control_bytes(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
}

int lines_fail(struct lines *lines, const char *format, ...)
{
	va_list args;
	int n;

	if (!lines->n_error)
		return -EINVAL;
	if (lines->number)
		n = snprintf(lines->error, lines->n_error,
			     "%s:%u: ", lines->name, lines->number);
	else
		n = snprintf(lines->error, lines->n_error, "%s: ", lines->name);
	if (n >= 0 && (size_t)n < lines->n_error) {
		va_start(args, format);
		vsnprintf(lines->error + n, lines->n_error - (size_t)n, format,
			  args);
		va_end(args);
	}
	replace_control_bytes(lines->error);
	return -EINVAL;
}

int lines_fail_errno(const char *name, int r, char *error, size_t n_error)
{
	snprintf(error, n_error, "%s: %s", name, strerror(-r));
	return r;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static int split(struct lines *lines, const char *at, const char *end)
{
	lines->n_words = 0;
	for (;;) {
		const char *start;

		while (at < end && is_blank(*at))
			at++;
		if (at == end || *at == '#')
			return 0;
		if (lines->n_words == LINES_WORDS_MAX)
			return lines_fail(lines, "more than %d words",
					  LINES_WORDS_MAX);
		start = at;
		while (at < end && !is_blank(*at))
			at++;
		lines->words[lines->n_words++] = (struct word){
			.text = start,
			.n = (size_t)(at - start),
		};
	}
}

int lines_next(struct lines *lines)
{
	while (lines->at < lines->end) {
		const char *start = lines->at;
		size_t n = (size_t)(lines->end - start);
		const char *newline = memchr(start, '\n', n);
		int r;

		lines->number++;
		lines->at = newline ? newline + 1 : lines->end;
		if (newline)
			n = (size_t)(newline - start);
		if (n > LINES_BYTES_MAX)
			return lines_fail(lines, "more than %d bytes",
					  LINES_BYTES_MAX);
		r = split(lines, start, start + n);
		if (r)
			return r;
		if (lines->n_words)
			return 1;
	}
	return 0;
}

bool word_is(const struct word *word, const char *text)
{
	return strlen(text) == word->n && !memcmp(text, word->text, word->n);
}

static unsigned unit_shift(char unit)
{
	switch (unit) {
	case 'K':
		return 10;
	case 'M':
		return 20;
	case 'G':
		return 30;
	default:
		return 0;
	}
}

int word_number(const struct word *word, uint64_t max, uint64_t *ret_number)
{
	size_t n_digits = word->n;
	unsigned shift = 0;
	uint64_t number = 0;

	if (n_digits)
		shift = unit_shift(word->text[n_digits - 1]);
	if (shift)
		n_digits--;
	if (!n_digits)
		return -EINVAL;
	for (size_t i = 0; i < n_digits; i++) {
		unsigned digit = (unsigned char)word->text[i] - '0';

		if (digit > 9 || digit > max || number > (max - digit) / 10)
			return -EINVAL;
		number = number * 10 + digit;
	}
	if (number > max >> shift)
		return -EINVAL;
	*ret_number = number << shift;
	return 0;
}
