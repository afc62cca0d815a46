/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_RESP_H
#define BENCH_CLIENTS_RESP_H

/** Redis's answers, in RESP2, where they lie. */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/**
 * Take `$LENGTH CRLF BYTES CRLF` off the front of *at. Returns false if it is
 * not all there before `end`.
 */
static inline bool resp_take_bulk(const char **at, const char *end,
				  const char **ret_bytes, size_t *ret_n)
{
	const char *digit = *at + 1;
	size_t n = 0;

	while (digit < end && *digit >= '0' && *digit <= '9')
		n = n * 10 + (size_t)(*digit++ - '0');
	if (end < digit || (size_t)(end - digit) < n + 4)
		return false;
	*ret_bytes = digit + 2;
	*ret_n = n;
	*at = digit + 2 + n + 2;
	return true;
}

/** Take a line off the front of *at; false if its end is not there. */
static inline bool resp_take_line(const char **at, const char *end)
{
	const char *newline =
		*at < end ? memchr(*at, '\n', (size_t)(end - *at)) : NULL;

	if (newline)
		*at = newline + 1;
	return newline != NULL;
}

#endif
