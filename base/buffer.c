/* SPDX-License-Identifier: MIT */

#include "base/buffer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_FIRST = 256 };

void buffer_init(struct buffer *buffer, size_t n_bytes_max)
{
	*buffer = (struct buffer){ .n_bytes_max = n_bytes_max };
}

void buffer_deinit(struct buffer *buffer)
{
	free(buffer->bytes);
	buffer_init(buffer, buffer->n_bytes_max);
}

/* Room for `n` bytes and the end of the text. */
static int make_room(struct buffer *buffer, size_t n)
{
	size_t n_max = buffer->n_max ? buffer->n_max : BYTES_FIRST;
	char *bytes;

	if (buffer->error)
		return buffer->error;
	if (n > buffer->n_bytes_max - buffer->n)
		return buffer->error = -EMSGSIZE;
	if (buffer->n + n < buffer->n_max)
		return 0;
	while (n_max <= buffer->n + n)
		n_max *= 2;
	bytes = realloc(buffer->bytes, n_max);
	if (!bytes)
		return buffer->error = -ENOMEM;
	buffer->bytes = bytes;
	buffer->n_max = n_max;
	return 0;
}

void *buffer_extend(struct buffer *buffer, size_t n)
{
	char *at;

	if (make_room(buffer, n) < 0)
		return NULL;
	at = buffer->bytes + buffer->n;
	buffer->n += n;
	buffer->bytes[buffer->n] = '\0';
	return at;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t n)
{
	void *at = buffer_extend(buffer, n);

	if (at && n > 0)
		memcpy(at, bytes, n);
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (n < 0 || make_room(buffer, (size_t)n) < 0)
		return;
	va_start(args, format);
	vsnprintf(buffer->bytes + buffer->n, (size_t)n + 1, format, args);
	va_end(args);
	buffer->n += (size_t)n;
}

int buffer_error(const struct buffer *buffer)
{
	return buffer->error;
}

void buffer_clear(struct buffer *buffer)
{
	buffer->n = 0;
	buffer->error = 0;
}
