/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_REPORT_SET_H
#define SWITCH_REPORT_SET_H

/** Optional fields of a generated message are a value and a flag. */
#define SET(message, field, value)          \
	do {                                \
		(message)->has_##field = 1; \
		(message)->field = (value); \
	} while (0)

#endif
