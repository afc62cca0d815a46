/* SPDX-License-Identifier: MIT */
#ifndef CLI_LOG_ADMIN_H
#define CLI_LOG_ADMIN_H

/** What the commands that keep logs have in common. */

#include <helio/log/v1/log.pb-c.h>

#include "cli/command.h"

/** The settings of all of them. */
struct log_admin {
	struct common common;
	const char *log;
	struct texts patterns;
	struct texts services;
	const char *age;
	const char *bytes;
	const char *principal_bytes;
	const char *body;
	uint64_t records; /* or LOG_ADMIN_UNSET, as the next */
	uint64_t subject_records;
	bool has_no_patterns;
	bool has_no_services;
};

#define LOG_ADMIN_UNSET UINT64_MAX

#define OPTION_ROWS_LOGGER                                          \
	OPTION_ROW_TIMEOUT("how long to wait for the logger (5s)"), \
		OPTION_ROWS_BUS, OPTION_ROW_END

/** A log as people see it, or as an object of JSON. */
void log_admin_show(const Helio__Log__V1__Log *log, int format);

#endif
