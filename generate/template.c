/* SPDX-License-Identifier: MIT */

#include "generate/template.h"

void template_fill(FILE *out, const char *text,
		   const struct template_value *values)
{
	for (; *text; text++) {
		const struct template_value *value = values;

		while (value->letter &&
		       (*text != '$' || text[1] != value->letter))
			value++;
		if (!value->letter) {
			fputc(*text, out);
			continue;
		}
		fputs(value->text ? value->text : "", out);
		text++;
	}
}
