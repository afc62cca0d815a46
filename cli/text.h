/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

/**
 * Strangers' bytes as text: what they are, and how to show them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * The first character of `n` bytes that should be UTF-8: its length, 1 to 4,
 * or 0 when there is no valid one. Surrogates and overlong forms are invalid.
 */
size_t text_decode(const uint8_t *bytes, size_t n, uint32_t *ret_character);

/** Whether a terminal shows it and does nothing else with it. */
bool text_is_harmless(uint32_t character);

bool text_is_utf8(const void *bytes, size_t n);

/**
 * Write `n` bytes so that they cannot drive a terminal: control characters
 * and bytes that are no UTF-8 become \n, \t, \x1b, and what would reorder a
 * line \u{202e}. A backslash stays as it is: this is for eyes, not parsers.
 */
void text_write_escaped(FILE *out, const void *bytes, size_t n);

#endif
