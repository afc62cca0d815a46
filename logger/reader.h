/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_READER_H
#define LOGGER_READER_H

/**
 * One call of Read: records of a log on their way to somebody, under the credit
 * of the stream, so that a slow one costs only itself.
 *
 * What lies on disk is fetched by the reader's thread, one buffer while another
 * is sent; whoever has caught up gets the newest runs from memory. Both are
 * asked for by sequence, so there is neither a hole nor a repeat between them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/fetch.h"
#include "logger/keeper.h"
#include "logger/sieve.h"
#include "rpc/heliograph-rpc.h"

enum reader_stage {
	READER_PLACING,  /* where to begin is not known yet */
	READER_COUNTING, /* back from the end, for the newest so many */
	READER_LISTING,  /* the newest of each subject */
	READER_READING,
	READER_REVERSE,
	READER_ENDED,
};

struct reader {
	struct list link; /* in logger.readers */
	struct keeper *keeper;
	struct helio_serving *serving; /* NULL: it is over */
	char principal[256];
	struct sieve sieve;
	struct access_wait wait;
	struct follower follower;
	enum reader_stage stage;

	/* What was asked. */
	struct sieve_range range; /* `from` moves on */
	uint64_t newest;
	uint64_t end; /* without follow: the first that is not told */
	bool is_following;
	bool is_reverse;
	uint32_t pace_permille;

	/* Where it is. */
	struct fetch fetches[2];
	unsigned current;   /* that is sent from */
	size_t at;          /* in its bytes */
	bool has_runs;      /* in the current one */
	bool is_prefetched; /* the other has, or will have, what follows */
	bool was_told_live;
	uint64_t expired_to;   /* to be told; 0 */
	bool owes_next;        /* where to go on is to be told */
	uint64_t told_next;    /* the last that was told, by a record too */
	struct tail_run *tail; /* that is sent, or NULL */
	uint64_t *sequences; /* of each subject the newest, from the listing */
	size_t n_sequences, next_sequence;
	uint64_t after_listing; /* where to go on then */
	bool is_listed;
	uint64_t position; /* backwards: what is before it comes next */
	struct run_record
		*backwards; /* of a run: what passed, and is not sent */
	size_t n_backwards, n_backwards_max;
	bool is_gathered; /* what is in the run is known */

	/* A reply that has no credit yet. */
	uint8_t *waiting;
	size_t n_waiting;

	/* Pace: records of `base_ns` are due at `started_ns`. */
	uint64_t base_ns;
	uint64_t started_ns;
	struct helio_timer *timer;

	bool is_pumping;
	bool is_due;      /* it has more to send, in another turn */
	bool is_fetching; /* the current one, because nothing was here */
	bool is_finished; /* until, or limit, is reached */
	bool is_failing;  /* there was no room to say so */
	unsigned status;
	char reason[256];
};

/**
 * Begin to answer; `serving` is its own from now on, whatever comes of it. The
 * right to read was seen.
 */
void reader_start(struct keeper *keeper, struct helio_serving *serving,
		  const Helio__Log__V1__ReadRequest *request,
		  const char *principal);

/**
 * All of the process: what has no room yet is tried again. True: some have more
 * to send, and could.
 */
bool readers_turn(struct logger *logger);
/** End all of them; their fetches are done. */
void readers_end(struct logger *logger);

#endif
