/* SPDX-License-Identifier: MIT */

#include "vm/reason.h"

#include <stdarg.h>
#include <stdio.h>

__attribute__((format(printf, 2, 0))) static void set(struct reason *reason,
						      const char *format,
						      va_list args)
{
	vsnprintf(reason->text, sizeof(reason->text), format, args);
	for (char *c = reason->text; *c; c++)
		if (*c < 0x20 || *c > 0x7e)
			*c = '?';
}

void reason_set(struct reason *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set(reason, format, args);
	va_end(args);
}

void reason_set_first(struct reason *reason, const char *format, ...)
{
	va_list args;

	if (reason->text[0])
		return;
	va_start(args, format);
	set(reason, format, args);
	va_end(args);
}
