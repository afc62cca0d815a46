/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_QUERY_H
#define LOGGER_QUERY_H

/**
 * A call of Query: it is answered by a process of its own, see answer.h, that
 * is ended when nobody waits any more or its time is over.
 */

struct errand;
struct logger;

/** The caller may read the log. */
void query_start(struct errand *errand);
/** End all of them. The loop must run until their handles are closed. */
void queries_end(struct logger *logger);

#endif
