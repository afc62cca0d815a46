/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_SERVICE_H
#define LOGGER_SERVICE_H

/** The service helio.log.v1.Logs. */

#include "daemon/errand.h"

struct keeper;
struct logger;

static inline struct logger *logger_of(const struct errand *errand)
{
	return errand->errands->userdata;
}

/** Begin to serve. Returns 0 or a negative errno. */
int service_start(struct logger *logger);

/** The name of the cursor that an errand is about; only of those that are. */
const char *service_cursor(const struct errand *errand);

/** The log of an errand, unless it is being closed; else it fails, and NULL. */
struct keeper *service_find(struct errand *errand);

/** The same, but of a log that is served. */
struct keeper *service_log(struct errand *errand);

#endif
