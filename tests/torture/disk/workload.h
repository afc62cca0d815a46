/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_WORKLOAD_H
#define TESTS_TORTURE_DISK_WORKLOAD_H

/**
 * A log that works, at random: records are appended, with keys and expected
 * sequences, small things are stored, segments become full and old, readers
 * look; and each answer is held against the oracle.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "logger/log.h"
#include "tests/torture/dice.h"
#include "tests/torture/disk/oracle.h"

struct workload {
	struct backend *backend;
	char folder[256];
	struct log_limits limits;
	struct log *log; /* NULL: it has failed, and is to be opened */
	struct view *view;
	struct run_builder builder;
	struct oracle oracle;
	struct dice dice;
	uint64_t now_ns;
	uint64_t next_id;
	uint64_t first;      /* that is served */
	unsigned record_max; /* records in one append */
	bool is_faulty;      /* calls may fail: then the log is opened again */
	bool is_full;        /* and all that may be told is that it is full */
	unsigned n_errors;   /* that were told */
};

/** Make a log in `folder`, which is not there. A tape runs below its parent. */
void workload_init(struct workload *workload, const char *folder,
		   uint64_t seed);
/**
 * Go on with a log that is there, in `folder`, after the process that had it
 * was killed at `cut` of the tape that `of` was recorded on.
 */
void workload_init_after(struct workload *workload, const struct workload *of,
			 size_t cut, const char *folder, uint64_t seed);
/** Close the log, while the tape still runs; the oracle is kept. */
void workload_close(struct workload *workload);
void workload_deinit(struct workload *workload);

/** One thing, of any kind. */
void workload_step(struct workload *workload);

/** After a failure: open again, which has to go well now. */
void workload_recover(struct workload *workload);

/** Whether all that the oracle has can be read. Complains otherwise. */
void workload_check(struct workload *workload);

#endif
