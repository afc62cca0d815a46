/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_LOGS_SERVICE_H
#define LOGGER_LOGS_SERVICE_H

/** The methods of helio.log.v1.Logs that make logs, show, change and drop them.
 */

#include "daemon/errand.h"

void logs_service_create(struct errand *errand);
void logs_service_change(struct errand *errand);
void logs_service_get(struct errand *errand);
void logs_service_list(struct errand *errand);
void logs_service_delete(struct errand *errand);

#endif
