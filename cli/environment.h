/* SPDX-License-Identifier: MIT */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

/**
 * What a command that answers a request is told of it: our own environment
 * and
 *
 *     HELIO_SUBJECT, HELIO_SOURCE, HELIO_INCARNATION
 *     HELIO_KEY, HELIO_CONTENT_TYPE, HELIO_TRACEPARENT   if there are any
 *     HELIO_HEADER_NAME    of each header; what is no letter or digit in its
 *                          name is `_`, and small letters are capitals
 *
 * HELIO_* of our own environment is left out, so that nothing in it passes for
 * something that the caller said.
 */

#include <stddef.h>

struct helio_message;
struct helio_job;

struct environment {
	char **at; /* up to NULL, as exec takes it; owned */
	size_t n;
	size_t n_max;
};

/** Returns 0 or -ENOMEM. */
int environment_init(struct environment *environment,
		     const struct helio_message *message);
/**
 * The same of a job that is worked on: HELIO_JOB_QUEUE, _ID, _KEY, _ORDER_KEY,
 * _ATTEMPT, _ATTEMPTS_MAX, _TOKEN, _PRIORITY, _CONTENT_TYPE, _SUBMITTER,
 * _SUBMITTER_DURABLE_ID and _DEADLINE_MS (since 1970); without those that it
 * has none of.
 */
int environment_init_job(struct environment *environment,
			 const struct helio_job *job);
void environment_deinit(struct environment *environment);

#endif
