/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_LOG_INSIDE_H
#define LOGGER_LOG_INSIDE_H

/**
 * struct log, for the files that make it:
 *
 *	log.c		opened and closed; small things kept with it
 *	log_recover.c	what is on disk when it is opened
 *	log_append.c	a run is stored
 *	log_judge.c	what of it may be
 *	log_rotate.c	a segment ends, the next one begins
 *	log_expire.c	segments are removed
 *	log_import.c	a run from elsewhere
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/account.h"
#include "logger/index.h"
#include "logger/keys.h"
#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/segment.h"
#include "logger/sha256.h"
#include "storage/backend/fault.h"

#define LOG_DEDUP_WINDOW_NS   (UINT64_C(120) * 1000000000)
#define LOG_SEGMENT_BYTES_MAX (UINT64_C(256) << 20)

/** The segment that is written: the last row of the ledger. */
struct log_active {
	struct store *store; /* NULL: there is none */
	bool is_blank;       /* not even its birth is in it */
	bool has_ended;
	bool is_told;     /* the ledger says that it has records */
	uint64_t n_bytes; /* of its chunks and rows, about */
	uint64_t n_keys;
};

struct log {
	struct backend *backend;
	char *folder;
	struct log_limits limits;
	struct log_status status;
	struct ledger ledger;
	struct log_active active;
	struct store *ended; /* the segment before: not sealed yet, or NULL */
	uint64_t ended_first;
	struct index index;
	struct accounts accounts;
	struct keys keys;
	struct sha256 *sha256;
	uint8_t head_hash[SHA256_BYTES]; /* of the last chunk */
	struct log_verdict *verdicts;
	uint32_t *places; /* of what is refused */
	size_t n_verdicts, n_verdicts_max;
	int broken; /* why it takes nothing any more */
};

static inline uint64_t log_dedup_window_ns(const struct log *log)
{
	return log->limits.dedup_window_ns ? log->limits.dedup_window_ns
					   : LOG_DEDUP_WINDOW_NS;
}

/** After any error but -ENOSPC the log is not used any more. Returns `r`. */
int log_fail(struct log *log, int r);

/** At opening: everything that is on disk, and what was left half done. */
int log_recover(struct log *log, struct fault *fault);

/**
 * Judge what is in the builder, the first of which would get `first`: verdicts
 * and places of what is refused. In the active segment's transaction.
 */
int log_judge(struct log *log, const struct run_builder *builder,
	      const struct log_condition *conditions, size_t n_conditions,
	      uint64_t first);

/** See to it that there is a segment with room, for records of this time. */
int log_make_segment(struct log *log, uint64_t first, uint64_t time_ns);
/** In its first transaction: what it says of itself, and is handed down. */
int log_begin_segment(struct log *log);
/** It has records. Returns 0, also when the disk is full: then another time. */
int log_tell_segment(struct log *log);
/** Seal what has ended, if nobody has it open any more. */
int log_seal_ended(struct log *log);
/** What was put in the ledger is committed, or undone if `r` says so. */
int log_commit_ledger(struct log *log, int r);

/** A chunk is on disk: count it, in a snapshot of the active segment. */
int log_take_chunk(struct log *log, const struct chunk *chunk, const void *run,
		   struct run_reader *reader);

/** Write the block, in the active segment's transaction. */
int log_put_block(struct log *log);
/** That is committed. */
void log_block_is_put(struct log *log);

/** With what the active segment is opened. */
unsigned log_store_flags(const struct log *log);

/** Of status, what follows of the segments. */
void log_count_segments(struct log *log);

#endif
