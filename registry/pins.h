/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_PINS_H
#define REGISTRY_PINS_H

/**
 * The file `pins`: which schema of its package all others are judged against.
 *
 * A line for each pin is its package and its hash; the last line is `sum` and
 * SHA-256, in hex, of all that stands before it.
 */

#include <stddef.h>

#include "registry/entry.h"

/** Write down which entries are pinned. Returns 0 or a negative errno. */
int pins_write(int folder, struct entry *const *entries, size_t n);

/**
 * Mark those entries as pinned, and no others. A pin of a damaged entry also
 * says what its package is; one of an entry that is not there counts for
 * nothing. No file is no pins.
 *
 * Returns 0, -EBADMSG when the file is not what was written, or another
 * negative errno; unless it is 0, nothing was marked.
 */
int pins_read(int folder, struct entry *const *entries, size_t n);

#endif
