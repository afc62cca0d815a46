/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_LINEAR_H
#define TESTS_TORTURE_STORE_LINEAR_H

/**
 * Whether a history is linearizable: whether there is one order in which each
 * call happened at one moment between its beginning and its end, all
 * conditions and all that was read being right.
 *
 * The store names the order itself: what wrote is at its revision, and what
 * read behind the revision that it was told. So nothing has to be searched.
 * Refusals that name no revision stand at the first one that explains them and
 * is not before anything that had ended when they began; if that is too late,
 * something else is. What is unknown happened if the witness has it.
 */

#include <stdint.h>

#include "tests/torture/store/history.h"
#include "tests/torture/store/witness.h"

struct linear {
	/* The greatest place of all that has ended. */
	uint64_t floor;
	uint64_t n_ops;   /* that were judged */
	uint64_t n_found; /* unknown ones that happened */
};

/**
 * Complains if it is not. Nothing is under way, and the witness was told all
 * that anybody else was.
 */
void linear_check(struct linear *linear, struct history *history,
		  struct witness *witness);

#endif
