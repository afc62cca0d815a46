/* SPDX-License-Identifier: MIT */

#include "tests/torture/complaint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static char tried[256];
static void (*last_words)(void);

void complaint_case(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(tried, sizeof(tried), format, arguments);
	va_end(arguments);
}

void complaint_hook(void (*hook)(void))
{
	last_words = hook;
}

void complain(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s: ", tried);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	if (last_words)
		last_words();
	exit(EXIT_FAILURE);
}
