/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_VERIFY_INSIDE_H
#define LOGGER_VERIFY_INSIDE_H

/**
 * struct verify, for the files that make log_verify():
 *
 *	log_verify.c		from segment to segment
 *	log_verify_inside.c	what is in one: runs, the index, tables
 *
 * All return 0 or a negative errno; -EBADMSG: verify->fault says what is wrong.
 */

#include <stdint.h>

#include "logger/index.h"
#include "logger/ledger.h"
#include "logger/log.h"
#include "logger/segment.h"
#include "logger/sha256.h"
#include "storage/backend/fault.h"

/* A walk over all of a log; the chain goes on from segment to segment. */
struct verify {
	struct backend *backend;
	const char *folder;
	struct ledger ledger;
	struct sha256 *sha256;
	struct run_reader reader;
	struct index index; /* what the runs of a block have */
	struct fault fault;
	struct log_finding finding;
	struct store *store; /* the segment that is looked at, in a snapshot */
	uint64_t done;       /* the first of the last segment that was */
	uint64_t block_last; /* where the next block that is written ends */
	uint64_t n_rows;     /* of the index, as the runs have it */
	uint64_t last;
	uint64_t last_ns;
	uint8_t head_hash[SHA256_BYTES];
};

/** The segment's runs, each record of them, and its index of them. */
int verify_runs(struct verify *verify);

/** Each row of a table is as it was written. */
int verify_rows(struct verify *verify, struct store *store, unsigned table,
		uint64_t *ret_n);

/** The segment's other tables; the index has no more than the runs. */
int verify_tables(struct verify *verify);

/** The ledger says of each subject what the segment's index says. */
int verify_sums(struct verify *verify);

#endif
