/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_BATCH_H
#define LOGGER_BATCH_H

/**
 * What is stored in one commit: a run in the making, what its records are to be
 * judged by, and who waits for word of them.
 *
 * A log answers the deliveries of each of its captures in their order, so those
 * that are refused before they come to the disk have their place here too.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "logger/log.h"
#include "proto/run.h"

struct capture;

/** Deliveries that follow each other and are answered alike. */
struct batch_part {
	struct capture *capture; /* by which they came */
	unsigned status; /* OK: records of the run; else they are refused */
	uint32_t n;
	uint32_t n_plain; /* of them, that nobody waits for */
	bool is_gap;      /* one record that tells of a gap, no delivery */
	uint64_t n_lost;  /* of a gap; 0: unknown */
};

struct batch {
	struct list link;
	size_t n_counted; /* bytes that logger_waiting() was told */
	struct run_builder builder;
	uint32_t n_records;
	struct batch_part *parts;
	size_t n_parts, n_parts_max;
	struct log_condition *conditions;
	size_t n_conditions, n_conditions_max;
	struct arena texts; /* of the conditions */
	const char *last_durable_id;

	/* What became of it; the arrays are ours. */
	int r;
	uint64_t first;
	struct log_verdict *verdicts;
	size_t n_verdicts, n_verdicts_max;
};

/** Returns 0 or -ENOMEM. */
int batch_new(struct batch **ret_batch);
/** NULL is fine. */
struct batch *batch_free(struct batch *batch);
/** Empty it, and keep its memory. */
void batch_clear(struct batch *batch);

static inline bool batch_is_empty(const struct batch *batch)
{
	return !batch->n_parts;
}

/** What it takes of memory, about. */
size_t batch_bytes(const struct batch *batch);

/**
 * Add a record that came by `capture`; for a plain one nobody waits.
 * `condition` may be NULL; its texts are copied, and its place is set.
 * -EMSGSIZE: it does not fit any more; -ENOMEM. Then nothing was added.
 */
int batch_add(struct batch *batch, struct capture *capture,
	      const struct run_record *record,
	      const struct log_condition *condition, bool is_plain);

/** Add a record of kind RUN_GAP, about `capture`. As batch_add(). */
int batch_add_gap(struct batch *batch, struct capture *capture,
		  const struct run_record *record);

/** Add a delivery that is not stored. Returns 0 or -ENOMEM. */
int batch_refuse(struct batch *batch, struct capture *capture, unsigned status,
		 bool is_plain);

/** In the writer's thread: store it, and keep what was said. */
void batch_append(struct batch *batch, struct log *log);

/** What one delivery, or several alike, are answered with. */
struct batch_answer {
	struct capture *capture;
	unsigned status;
	uint32_t n;
	uint64_t sequence;
	bool is_duplicate;
	bool is_plain;   /* nobody waits for any of them */
	bool is_verdict; /* the log said it of this one */
};

/** How far the answers of a batch are told; zeroed to begin. */
struct batch_walk {
	size_t part;
	uint32_t in_part;
	uint32_t place; /* in the builder, as it was */
	size_t verdict;
	uint64_t n_stored; /* so far */
};

/**
 * The next answers of a batch that was appended, in the order of deliveries.
 * Returns false at the end.
 */
bool batch_next_answer(const struct batch *batch, struct batch_walk *walk,
		       struct batch_answer *ret_answer);

/** How many of its records were stored. */
static inline uint64_t batch_n_stored(const struct batch *batch)
{
	return batch->r ? 0 : batch->n_records - batch->n_verdicts;
}

#endif
