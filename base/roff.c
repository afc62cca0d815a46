/* SPDX-License-Identifier: MIT */

#include "base/roff.h"

#include <stdbool.h>

void roff_write(FILE *out, const char *text, size_t n)
{
	bool begins_line = true;

	for (size_t i = 0; i < n; i++) {
		char c = text[i];

		if (begins_line && (c == '.' || c == '\''))
			fputs("\\&", out);
		if (begins_line && c == '\n')
			fputs(".PP", out);
		if (c == '\\')
			fputs("\\e", out);
		else if (c == '-')
			fputs("\\-", out);
		else
			fputc(c, out);
		begins_line = c == '\n';
	}
}
