/* SPDX-License-Identifier: MIT */

#include "cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READ_BYTES = 64 << 10 };

void input_init(struct input *input, int fd)
{
	*input = (struct input){ .fd = fd };
}

void input_deinit(struct input *input)
{
	free(input->bytes);
	input_init(input, input->fd);
}

static int make_room(struct input *input)
{
	size_t n_max = input->n_max ? 2 * input->n_max : 2 * READ_BYTES;
	char *bytes;

	if (input->n_taken > 0) {
		input->n -= input->n_taken;
		memmove(input->bytes, input->bytes + input->n_taken, input->n);
		input->n_taken = 0;
	}
	if (input->n + READ_BYTES <= input->n_max)
		return 0;
	if (input->n > INPUT_BYTES_MAX)
		return -EMSGSIZE;
	bytes = realloc(input->bytes, n_max);
	if (!bytes)
		return -ENOMEM;
	input->bytes = bytes;
	input->n_max = n_max;
	return 0;
}

int input_read(struct input *input)
{
	ssize_t n;
	int r = make_room(input);

	if (r < 0)
		return r;
	n = read(input->fd, input->bytes + input->n, READ_BYTES);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	input->n += (size_t)n;
	input->is_over = n == 0;
	return 0;
}

int input_line(struct input *input, const char **ret_line, size_t *ret_n)
{
	const char *line = input->bytes + input->n_taken;
	size_t n_left = input->n - input->n_taken;
	const char *end = n_left ? memchr(line, '\n', n_left) : NULL;

	if (!end && !(input->is_over && n_left > 0))
		return 0;
	*ret_line = line;
	*ret_n = end ? (size_t)(end - line) : n_left;
	input->n_taken += *ret_n + (end ? 1 : 0);
	return 1;
}

int input_all(struct input *input)
{
	int r = 0;

	while (r == 0 && !input->is_over)
		r = input_read(input);
	return r == 0 && input->n > INPUT_BYTES_MAX ? -EMSGSIZE : r;
}
