/* SPDX-License-Identifier: MIT */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

/**
 * Text that grows as it is written, up to a limit. What cannot be added is
 * remembered, so that only the end needs to be asked: buffer_error().
 */

#include <stddef.h>

struct buffer {
	char *bytes; /* terminated once there is something */
	size_t n;
	size_t n_max;
	size_t n_bytes_max; /* never more than this */
	int error;          /* 0, -ENOMEM or -EMSGSIZE */
};

void buffer_init(struct buffer *buffer, size_t n_bytes_max);
void buffer_deinit(struct buffer *buffer);

void buffer_add(struct buffer *buffer, const void *bytes, size_t n);
/**
 * `n` bytes more, which the caller writes before anything else is added. NULL:
 * they cannot be added.
 */
void *buffer_extend(struct buffer *buffer, size_t n);
void buffer_text(struct buffer *buffer, const char *text);
__attribute__((format(printf, 2, 3))) void buffer_format(struct buffer *buffer,
							 const char *format,
							 ...);

/** 0 if all was added, -EMSGSIZE for the limit, or -ENOMEM. */
int buffer_error(const struct buffer *buffer);

/** Forget what was written; the memory is kept, and the limit. */
void buffer_clear(struct buffer *buffer);

#endif
