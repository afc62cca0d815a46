/* SPDX-License-Identifier: MIT */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

/**
 * Strangers' bytes as text: what they are, and how to show them.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Write `n` bytes so that they cannot drive a terminal: control characters
 * and bytes that are no UTF-8 become \n, \t, \x1b, and what would reorder a
 * line \u{202e}. A backslash stays as it is: this is for eyes, not parsers.
 */
void text_write_escaped(FILE *out, const void *bytes, size_t n);

#endif
