/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_JUDGE_H
#define TESTS_TORTURE_DISK_JUDGE_H

/** What is in a log, held against what ought to be. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/torture/complaint.h"
#include "tests/torture/disk/oracle.h"

struct backend;

/** What of the oracle is sure at a cut, and what may have happened besides. */
struct judge_bounds {
	size_t n_appends; /* that are done */
	bool has_append;  /* one more is between beginning and end */
	size_t n_states;  /* of which the last holds */
	bool has_state;
	uint64_t kept_from; /* all from here on are there */
	bool is_created;    /* the log is there for sure */
};

void judge_bounds_at(const struct oracle *oracle, size_t cut,
		     struct judge_bounds *ret_bounds);

/** The log in `folder` at the cut: opened, read, asked about keys, verified. */
void judge_image(struct backend *backend, const char *folder,
		 const struct oracle *oracle, const struct judge_bounds *bounds,
		 struct dice *dice);

/**
 * Read the records from `first` to `last`, which are among those of the first
 * `n_appends`. Every one has to be there, and right.
 */
void judge_records(struct view *view, const struct oracle *oracle,
		   size_t n_appends, uint64_t first, uint64_t last);

/** The small things, against one state of the oracle. */
bool judge_is_state(struct log *log, const struct oracle_state *state);
/** The same, but an error is no complaint: it is counted. */
bool judge_is_state_or_error(struct log *log, const struct oracle_state *state,
			     unsigned *n_errors);

#endif
