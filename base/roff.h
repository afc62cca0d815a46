/* SPDX-License-Identifier: MIT */
#ifndef BASE_ROFF_H
#define BASE_ROFF_H

/** Text as manual pages have it, in roff. */

#include <stdio.h>

/** `n` bytes of text, of which nothing is taken for a request or an escape;
 * where an empty line stands a paragraph begins. It begins a line. */
void roff_write(FILE *out, const char *text, size_t n);

#endif
