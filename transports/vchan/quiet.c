/* SPDX-License-Identifier: MIT */

#include "transports/vchan/quiet.h"

#include <stddef.h>

/* What they say is in errno, too. */
static void say_nothing(struct xentoollog_logger *logger,
			xentoollog_level level, int error, const char *context,
			const char *format, va_list arguments)
{
}

static void keep(struct xentoollog_logger *logger)
{
}

struct xentoollog_logger vchan_quiet = {
	.vmessage = say_nothing,
	.destroy = keep,
};
