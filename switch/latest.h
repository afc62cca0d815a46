/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_LATEST_H
#define SWITCH_LATEST_H

/**
 * The queue of those who follow state: of each subject only the newest frame
 * waits, in the place that the subject's first one took.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

struct latest {
	struct map by_subject;
	struct list entries; /* oldest first */
	size_t n_frames;
	size_t n_bytes;
};

/** Returns 0 or -ENOMEM. */
int latest_init(struct latest *latest);

/** Safe on a zeroed one. */
void latest_deinit(struct latest *latest);

/** The bytes of the frame that waits for this subject; NULL: none does. */
const uint8_t *latest_lookup(const struct latest *latest, struct hash_tag tag,
			     size_t *ret_n);

/**
 * Room for a frame of `n` bytes, in place of the one that waits for the same
 * subject. Returns 0, with *ret_room to be filled, or -ENOMEM and nothing has
 * changed.
 */
int latest_put(struct latest *latest, struct hash_tag tag, size_t n,
	       uint8_t **ret_room);

const uint8_t *latest_peek(const struct latest *latest, size_t *ret_n);
void latest_pop(struct latest *latest);

#endif
