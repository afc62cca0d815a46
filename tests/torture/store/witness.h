/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_STORE_WITNESS_H
#define TESTS_TORTURE_STORE_WITNESS_H

/**
 * Every version of every key of a bucket, as a watch tells of them: the order
 * in which the store says that everything happened. Nothing is believed that
 * clients were not told, or have not done: see linear.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph-store.h"
#include "tests/torture/store/history.h"

struct version {
	uint64_t revision;
	uint64_t value; /* the id of the op that put it; 0: it is gone */
	unsigned client;
	bool is_explained; /* it is known which op wrote it */
};

struct versions {
	struct version *all; /* by revision */
	size_t n, n_max;
};

struct witness {
	struct versions keys[HISTORY_KEYS];
	struct helio_kv_watch *watch;
	uint64_t last; /* revision of which there was an entry */
	uint64_t told; /* all up to this one was */
	uint64_t n_versions;
	uint64_t n_interrupted;
};

/** Watch all that comes after the revision that made the bucket. */
void witness_init(struct witness *witness, struct helio *bus,
		  const char *bucket, uint64_t after);
void witness_deinit(struct witness *witness);

/** The version that a key had then; value 0: none. */
struct version witness_at(const struct witness *witness, unsigned key,
			  uint64_t revision);
/** The one that was written then, or NULL. */
struct version *witness_written(struct witness *witness, unsigned key,
				uint64_t revision);

/** Forget what was before this revision. */
void witness_cut(struct witness *witness, uint64_t revision);

#endif
