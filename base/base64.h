/* SPDX-License-Identifier: MIT */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

/** Base64 as RFC 4648 has it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The four digits of the first three of `n` bytes, padded if there are fewer.
 */
void base64_encode_group(const uint8_t *bytes, size_t n, char text[4]);

/**
 * Decode `n` digits of either alphabet, whose padding may be missing, into
 * `bytes`, which has room for as many as there are digits. False: it is none.
 */
bool base64_decode(const uint8_t *text, size_t n, uint8_t *bytes,
		   size_t *ret_n);

#endif
