/* SPDX-License-Identifier: MIT */
#ifndef BASE_OPTIONS_MANUAL_H
#define BASE_OPTIONS_MANUAL_H

/**
 * The manual page of a program that serves, from the table of its command line:
 * what its usage, its options and its closing say is all there is.
 */

#include "base/options.h"

/**
 * Section 8, for man(1). The usage begins `usage: NAME`, and behind an empty
 * line stands what the program is for, of which the first sentence is short.
 */
void options_manual(const struct options_table *table, FILE *out);

#endif
