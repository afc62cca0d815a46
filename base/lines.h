/* SPDX-License-Identifier: MIT */
#ifndef BASE_LINES_H
#define BASE_LINES_H

/**
 * Texts of lines of words: the one form of all our configuration files.
 *
 * Words are separated by spaces and tabs; a word that begins with `#` starts a
 * comment; lines without words are passed over. Which bytes a word may hold is
 * for its reader to judge. An error names the file, the line and the fault.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINES_BYTES_MAX = 1024, LINES_WORDS_MAX = 8 };

/** Part of the text; not terminated. */
struct word {
	const char *text;
	size_t n;
};

struct lines {
	const char *name; /* of the file, borrowed */
	const char *at;
	const char *end;
	char *error; /* the caller's */
	size_t n_error;

	/* Of the line last read. */
	unsigned number; /* 0: errors name no line */
	struct word words[LINES_WORDS_MAX];
	size_t n_words;
};

/** Prepare to read `n` bytes of text, which must outlive the words. */
void lines_init(struct lines *lines, const char *name, const char *text,
		size_t n, char *error, size_t n_error);

/** Returns 1 with the words of a line, 0 at the end, or -EINVAL. */
int lines_next(struct lines *lines);

/** Write "NAME:LINE: fault" to the error. Returns -EINVAL. */
__attribute__((format(printf, 2, 3))) int lines_fail(struct lines *lines,
						     const char *format, ...);

/** Write "NAME: what the negative errno `r` means" to `error`. Returns r. */
int lines_fail_errno(const char *name, int r, char *error, size_t n_error);

bool word_is(const struct word *word, const char *text);

/**
 * A decimal number up to `max`, with K, M or G for powers of 1,024 behind it.
 * Returns 0, or -EINVAL and *ret_number is untouched.
 */
int word_number(const struct word *word, uint64_t max, uint64_t *ret_number);

/** For "%.*s". */
#define WORD_ARGS(word) (int)(word)->n, (word)->text

#endif
