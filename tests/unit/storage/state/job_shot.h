/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_JOB_SHOT_H
#define TESTS_UNIT_STORAGE_STATE_JOB_SHOT_H

/**
 * A snapshot that is taken piece by piece while a world goes on, and read with
 * the steps that came after it.
 */

#include "storage/state/image.h"
#include "tests/torture/dice.h"
#include "tests/unit/storage/state/job_world.h"

struct job_shot {
	bool is_begun, has_ended;
	struct image_cursor cursor;
	struct buffer rows;
	uint64_t begin, end; /* revisions */
	unsigned n_read;     /* how often it was read */
};

/**
 * After a commit: take a piece, or begin one; or read one that has ended, and
 * fail the test if it is not what the world is.
 */
void job_shot_go_on(struct job_shot *shot, struct job_world *world,
		    struct dice *dice);
/** Read what there is, and all steps alone; forget it. */
void job_shot_end(struct job_shot *shot, struct job_world *world);

#endif
