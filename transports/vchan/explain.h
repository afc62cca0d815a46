/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_EXPLAIN_H
#define TRANSPORTS_VCHAN_EXPLAIN_H

#include <stdarg.h>
#include <stdio.h>

#include "transports/transport.h"

/** Say what an errno leaves open to whoever asked by the options. */
__attribute__((format(printf, 2, 3))) static inline void vchan_explain(
	const struct transport_options *options, const char *format, ...)
{
	va_list list;

	if (!options->error || !options->n_error)
		return;
	va_start(list, format);
	(void)vsnprintf(options->error, options->n_error, format, list);
	va_end(list);
}

#endif
