/* SPDX-License-Identifier: MIT */
#ifndef CLI_COMPARISON_H
#define CLI_COMPARISON_H

/**
 * What calls came to when they were made again, beside what a log says of the
 * first time: statuses of each method, and which replies differ.
 *
 * The two replies to a call come in any order. Of each only a hash is kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/map.h"

enum {
	COMPARISON_METHODS_MAX = 256, /* those beyond count as one, "others" */
	COMPARISON_STATUSES = 17,
	COMPARISON_CALLS_MAX = 65536, /* of which one reply is missing */
	COMPARISON_NAME_BYTES = 256,
};

struct comparison_method {
	char name[COMPARISON_NAME_BYTES];
	uint64_t n_statuses[COMPARISON_STATUSES];
	uint64_t n_differing;
};

struct comparison {
	struct comparison_method *methods; /* owned */
	size_t n_methods;
	struct map calls; /* by slot */
	struct hash_key key;
	uint64_t n_equal;
	uint64_t n_differing;
	uint64_t n_unknown;       /* too many at once: not compared */
	uint64_t first_differing; /* sequence of the call */
};

/** How a call ended, once. */
struct comparison_reply {
	unsigned status;
	const void *body;
	size_t n_body;
};

/** Returns 0 or a negative errno. */
int comparison_init(struct comparison *comparison);
/** Zeroed is fine. */
void comparison_deinit(struct comparison *comparison);

/** A call is made again. */
void comparison_begin(struct comparison *comparison, uint64_t slot,
		      uint64_t sequence, const char *method);
/** It came to this now. */
void comparison_now(struct comparison *comparison, uint64_t slot,
		    const char *method, const struct comparison_reply *reply);
/** And to this then. */
void comparison_then(struct comparison *comparison, uint64_t slot,
		     const struct comparison_reply *reply);
/** Calls of which a reply is still missing. */
size_t comparison_open(const struct comparison *comparison);

#endif
