/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_TAIL_H
#define LOGGER_TAIL_H

/**
 * The newest runs of a log, in memory, for those who follow it.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { TAIL_BYTES_MAX = 2 * 1024 * 1024, TAIL_HEADROOM = 16 };

struct tail_run {
	struct list link; /* in tail.runs, or in none */
	unsigned n_refs;
	uint64_t first;
	uint64_t last;
	size_t n; /* with TAIL_HEADROOM, which stands in front */
	uint8_t bytes[];
};

struct tail {
	struct list runs; /* struct tail_run, the oldest first */
	size_t n_bytes;
};

void tail_init(struct tail *tail);
/** Forget all of them. Safe on a zeroed one. */
void tail_clear(struct tail *tail);

/**
 * Keep a run that was stored; older ones go for it. Without memory none is
 * kept, so that what is there has no holes.
 */
void tail_push(struct tail *tail, uint64_t first, uint64_t last,
	       const void *const pieces[2], const size_t lengths[2]);

/** The run that holds `sequence`, with a reference, or NULL. */
struct tail_run *tail_find(const struct tail *tail, uint64_t sequence);
/** NULL is fine. */
struct tail_run *tail_run_unref(struct tail_run *run);

#endif
