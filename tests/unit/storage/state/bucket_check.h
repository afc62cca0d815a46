/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_BUCKET_CHECK_H
#define TESTS_UNIT_STORAGE_STATE_BUCKET_CHECK_H

#include "storage/state/state.h"

/**
 * What must hold of the structures of all buckets, whatever was done. A smaller
 * `history` may have been set in the bucket `lazy`, and in no other.
 */
void bucket_check(const struct state *state, const char *lazy);

#endif
