/* SPDX-License-Identifier: MIT */
#ifndef CLI_READING_H
#define CLI_READING_H

/**
 * Records of a log taken one after the other, until they end, the taker has
 * enough, or ^C.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rpc/heliograph-log.h"

struct logs;

/** Takes a record, or with is_of_runs a run. False: it has enough. */
typedef bool (*reading_take_fn)(const struct helio_log_record *record,
				void *userdata);
typedef bool (*reading_take_run_fn)(const void *run, size_t n, void *userdata);

struct reading {
	struct logs *logs;    /* which log, too */
	reading_take_fn take; /* one of both */
	reading_take_run_fn take_run;
	void *userdata;
	bool is_json; /* what is not a record is told in JSON, too */

	/* What came of it. */
	uint64_t position; /* helio_log_position() at the end */
	bool is_interrupted;
};

/**
 * Read as `options` say, whose callbacks are set here. Neither decoding nor
 * showing a record happens in a callback of the bus, so both may call and wait.
 * Returns an exit code; unless it is EXIT_OK, why was told. ^C is EXIT_OK, with
 * is_interrupted.
 */
int reading_run(struct reading *reading,
		const struct helio_log_read_options *options);

#endif
