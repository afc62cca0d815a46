/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_READER_PLACE_H
#define LOGGER_READER_PLACE_H

/**
 * Where a reader begins, and what it reads in another order than that of the
 * log: the newest of each subject, and backwards.
 */

#include <helio/log/v1/log.pb-c.h>

#include "logger/fetch.h"

struct reader;

/** `place` may be NULL: the first record. */
void reader_place_begin(struct reader *reader,
			const Helio__Log__V1__Place *place);

/**
 * One step in any stage but READER_READING; no fetch is under way, and no reply
 * waits. Returns 0 to go on, -EINPROGRESS and -EAGAIN to wait, -EPIPE when it
 * has ended, or another negative errno.
 */
int reader_place_step(struct reader *reader);

/* Of the reader. */
void reader_fetch(struct reader *reader, unsigned which, enum fetch_kind kind,
		  uint64_t from);
__attribute__((format(printf, 3, 4))) void reader_end(struct reader *reader,
						      unsigned status,
						      const char *format, ...);

#endif
