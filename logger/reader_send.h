/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_READER_SEND_H
#define LOGGER_READER_SEND_H

/**
 * What a reader says: runs, whole or sieved, at its pace, and what else there
 * is to tell. All return 0, or -EAGAIN when there is no credit: then it is
 * tried again, by reader_pump().
 */

#include <stddef.h>
#include <stdint.h>

struct reader;

/** What was kept for want of credit goes first. */
int reader_send_waiting(struct reader *reader);
/** One run of two pieces. -EAGAIN: it is kept, and counts as sent; -ENOMEM. */
int reader_send_pieces(struct reader *reader, const void *const pieces[2],
		       const size_t lengths[2]);

/**
 * What is wanted of a run, which has headroom in front of it. Returns 1: all of
 * it is dealt with; 0: there is more of it; -EAGAIN; -EINPROGRESS: a verdict is
 * asked for; another negative errno.
 */
int reader_send_run(struct reader *reader, uint8_t *run, size_t n);

/** That records were removed before they could be read, if some were. */
int reader_tell_expired(struct reader *reader);
/** Once: what was stored when it was asked has been told. */
int reader_tell_live(struct reader *reader);
/**
 * The place, if it is owed or a long way came without a record: who loses the
 * connection need not go it again.
 */
int reader_tell_next(struct reader *reader);

/* Of the reader: go on. */
void reader_pump(struct reader *reader);

#endif
