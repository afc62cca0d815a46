/* SPDX-License-Identifier: MIT */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

/** UTF-8, read as strangers wrote it, and written. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UTF8_BYTES_MAX = 4 };

/**
 * The first character of `n` bytes that should be UTF-8: its length, 1 to 4,
 * or 0 when there is no valid one. Surrogates and overlong forms are invalid.
 */
size_t utf8_decode(const uint8_t *bytes, size_t n, uint32_t *ret_character);

/** Whether all of it is UTF-8. */
bool utf8_is_valid(const void *bytes, size_t n);

/**
 * Whether a terminal shows it and does nothing else with it: no control
 * character, and none that makes a line read in another order.
 */
bool utf8_is_harmless(uint32_t character);

/** Whether all of it is UTF-8, and of harmless characters. */
bool utf8_is_harmless_text(const void *bytes, size_t n);

/** Write a character below 0x110000. Returns its length. */
size_t utf8_encode(uint32_t character, uint8_t bytes[UTF8_BYTES_MAX]);

#endif
