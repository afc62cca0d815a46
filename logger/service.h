/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_SERVICE_H
#define LOGGER_SERVICE_H

/** The service helio.log.v1.Logs. */

#include <helio/log/v1/log.pb-c.h>

struct errand;
struct keeper;
struct logger;

/** Begin to serve. Returns 0 or a negative errno. */
int service_start(struct logger *logger);

/** The log of an errand, that is served; else it fails, and NULL. */
struct keeper *service_log(struct errand *errand);

/** What is said of a log; it points into the keeper. */
void service_describe(const struct keeper *keeper,
		      Helio__Log__V1__Log *ret_log);

#endif
