/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_DISK_MODEL_H
#define TESTS_TORTURE_DISK_MODEL_H

/**
 * What may be on a disk when its power is cut: a tape is played up to the cut,
 * and images are drawn of what could be found then.
 *
 * On it is what was synced before. Of what was not, any sector of 512 bytes of
 * any write may be there, in any order, and any change of a length or a name; a
 * sector that a file got but nobody wrote is zero, or holds what was there
 * before. After a sync that failed, what it was for is there or not, and no
 * later sync changes that. Folders are there as soon as they are made.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/torture/dice.h"
#include "tests/torture/disk/tape.h"

struct model;

/**
 * `base`: a folder with what was there when the tape began, or NULL. The tape
 * may still be recording: only what it has when it is played counts.
 */
struct model *model_new(const struct tape *tape, const char *base,
			uint64_t seed);
struct model *model_free(struct model *model);

/** Go on to step `n` of the tape, which is not behind where it is. */
void model_play(struct model *model, size_t n);

/** Write one image to `folder`, which is there and empty. */
void model_draw(const struct model *model, struct dice *dice,
		const char *folder);

/**
 * The image that the kernel has at step `n`, which is what a process that is
 * killed there leaves. The model was not played before, and is not used after.
 */
void model_draw_kernel(struct model *model, size_t n, const char *folder);

#endif
