/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_IMPORT_H
#define LOGGER_IMPORT_H

/** A call of Import: runs from elsewhere, into a log that has none yet. */

struct helio_serving;
struct logger;

/** `serving` is its own from now on. */
void import_start(struct logger *logger, struct helio_serving *serving);
/** End all of them. */
void imports_end(struct logger *logger);

#endif
