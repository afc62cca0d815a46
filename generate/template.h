/* SPDX-License-Identifier: MIT */
#ifndef GENERATE_TEMPLATE_H
#define GENERATE_TEMPLATE_H

/**
 * Text with holes: `$a` to `$z` and `$A` to `$Z` stand for what a table of
 * values says; every other byte stands for itself.
 */

#include <stdio.h>

struct template_value {
	char letter;
	const char *text; /* NULL: "" */
};

/**
 * Write `text` with its holes filled from `values`, which ends with a letter
 * of 0. A hole that no value fills is a mistake, and is left as it stands.
 */
void template_fill(FILE *out, const char *text,
		   const struct template_value *values);

#endif
