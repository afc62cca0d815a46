/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_CURSOR_SERVICE_H
#define LOGGER_CURSOR_SERVICE_H

/** What is done with cursors, but for reading by them; see logger/errand.h. */

struct errand;

void cursor_service_create(struct errand *errand);
void cursor_service_list(struct errand *errand);
void cursor_service_move(struct errand *errand);
void cursor_service_delete(struct errand *errand);

#endif
