/* SPDX-License-Identifier: MIT */
#ifndef CLI_INPUT_H
#define CLI_INPUT_H

/** Bodies from standard input: all of it, or line by line. */

#include <stdbool.h>
#include <stddef.h>

/** As long as the longest message that the library takes by default. */
enum { INPUT_BYTES_MAX = 8 << 20 };

struct input {
	int fd; /* borrowed */
	bool is_over;
	char *bytes; /* owned */
	size_t n;
	size_t n_max;
	size_t n_taken; /* from the front */
};

void input_init(struct input *input, int fd);
void input_deinit(struct input *input);

/**
 * Read once what there is. Blocks only if poll() would. Returns 0, -EMSGSIZE
 * when there is more than INPUT_BYTES_MAX and no line in it, or a negative
 * errno. At the end `is_over` is set.
 */
int input_read(struct input *input);

/**
 * The next line without its end, which lives until the next input_read().
 * Returns 1, or 0 when there is no whole line yet. At the end of the input
 * a last line without a newline counts.
 */
int input_line(struct input *input, const char **ret_line, size_t *ret_n);

/** Read to the end. Returns 0, -EMSGSIZE or a negative errno. */
int input_all(struct input *input);

#endif
