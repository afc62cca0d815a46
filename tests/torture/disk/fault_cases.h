/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_FAULT_CASES_H
#define TESTS_TORTURE_DISK_FAULT_CASES_H

/**
 * The disk fails in the middle of somebody's work: the k-th write, sync, open,
 * change of a name or read, for every k, once and from then on, with EIO and
 * with ENOSPC.
 *
 * HELIO_ROUNDS is the number of cases at most: fewer than there are skip some
 * k. HELIO_CASE is one case, in the words of the complaint: "EIO of a sync
 * number 17".
 */

#include <stdbool.h>
#include <stdint.h>

#include "tests/torture/disk/tape.h"

struct fault_kind {
	const char *name;
	enum tape_fault fault;
	int error;
	bool is_lasting;
};

/** There is no room, and that is all that may ever be said. */
bool fault_is_full(const struct fault_kind *kind);

typedef void (*fault_case_fn)(const struct fault_kind *kind, uint64_t k,
			      void *userdata);

/**
 * Run each case of a work that makes so many calls of each kind. Returns how
 * many cases there are, whether they were asked for or not.
 */
uint64_t fault_cases_run(uint64_t seed, const uint64_t n_calls[N_FAULTS],
			 fault_case_fn run, void *userdata);

#endif
