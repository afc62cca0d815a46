/* SPDX-License-Identifier: MIT */

#include "storage/backend/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "storage/backend/backend.h"

void fault_at(struct fault *fault, const char *file)
{
	const char *slash = strrchr(file, '/');

	snprintf(fault->file, sizeof(fault->file), "%s",
		 slash ? slash + 1 : file);
	fault->text[0] = '\0';
	fault->sequence = 0;
}

int fault_found(struct fault *fault, uint64_t sequence, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(fault->text, sizeof(fault->text), format, args);
	va_end(args);
	fault->sequence = sequence;
	return -EBADMSG;
}

/* What was found first is not said over again by those who pass it on. */
int fault_of(struct fault *fault, const struct store *store, int r)
{
	const char *why = store ? store_error(store) : "";

	if (r >= 0 || fault->text[0])
		return r;
	if (!*why)
		why = r == -EBADMSG ? "damaged" : strerror(-r);
	snprintf(fault->text, sizeof(fault->text), "%s", why);
	return r;
}

char *fault_text(const struct fault *fault)
{
	size_t n = strlen(fault->file) + strlen(fault->text) + 3;
	char *text = malloc(n);

	if (text)
		snprintf(text, n, "%s: %s", fault->file, fault->text);
	return text;
}
