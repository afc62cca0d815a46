/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_PART_H
#define SWITCH_PART_H

/**
 * A part of a bucket, as policy speaks of it: `BUCKET/PART`.
 *
 * In a line PART is a key and all that is below it, `web/port` and
 * `web/port/in` for `web/port`; with a `/` at its end only what is below. In a
 * question it is a key or, with a `/` at its end, all keys that begin so.
 * Without a part, or with an empty one, it is all of the bucket.
 *
 * Keys are bytes: none of them is a wildcard.
 */

#include <stdbool.h>

#include "base/lines.h"
#include "switch/verb.h"

/** Verbs whose resources have parts, 1 << enum verb each. */
enum { PART_VERBS = 1 << VERB_KV_READ | 1 << VERB_KV_WRITE };

/** Cut the part off, if there is one; else it is empty. */
struct word part_cut(struct word *what);

/** Whether a line about `wide` speaks of all of the question `narrow`. */
bool part_covers(const struct word *wide, const struct word *narrow);

/** Whether it speaks of some of it. */
bool part_overlaps(const struct word *line, const struct word *question);

#endif
