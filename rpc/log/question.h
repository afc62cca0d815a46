/* SPDX-License-Identifier: MIT */
#ifndef RPC_LOG_QUESTION_H
#define RPC_LOG_QUESTION_H

/**
 * What a reader asks the logger for: a ReadRequest with texts of its own, which
 * moves on with what was told, so that it can be asked again at any time.
 */

#include <helio/log/v1/log.pb-c.h>

#include "rpc/heliograph-log.h"

struct question {
	Helio__Log__V1__ReadRequest request;
	Helio__Log__V1__Place place;
	Helio__Log__V1__Filter filter;
	char *texts; /* all of them; owned */
	char **lists;
	uint64_t position; /* see helio_log_position() */
	bool is_moved;     /* since it began */
	bool is_live;
};

/** Returns 0, -EINVAL or -ENOMEM. A zeroed one can be deinitialised. */
int question_init(struct question *question, const char *log,
		  const struct helio_log_read_options *options);
void question_deinit(struct question *question);

/** What to ask now; the question's until it moves. */
const Helio__Log__V1__ReadRequest *question_ask(struct question *question);

/** Whether this record was told already. */
bool question_is_told(const struct question *question, uint64_t sequence);

/** This record has been told. True when it was the last that was wanted. */
bool question_tell(struct question *question, uint64_t sequence);

/** All before `sequence` has been told, or does not match. */
void question_move(struct question *question, uint64_t sequence);

/** All that was stored when it was asked has been told. */
void question_set_live(struct question *question);

#endif
