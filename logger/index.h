/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_INDEX_H
#define LOGGER_INDEX_H

/**
 * Which subjects a segment has, and where. What was stored is gathered here,
 * a block of it at a time, and written when the block is full: a row for each
 * subject in it. What a crash takes of it is gathered again from the runs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/run.h"
#include "proto/run_words.h"
#include "storage/backend/backend.h"

struct index {
	struct run_words *subjects; /* `last_sequence` is the very one */
	uint64_t first;             /* of the block; 0: nothing is in it */
	uint64_t last;
	size_t n_bytes;
	size_t n_chunks;
};

/** What a subject has in a block, or in a segment. */
struct index_row {
	uint64_t last;
	uint64_t n_records;
};

/** Returns 0 or a negative errno. */
int index_init(struct index *index);
/** Safe on a zeroed one. */
void index_deinit(struct index *index);
/** Begin another block. */
void index_clear(struct index *index);

/** Whether the block is to be written before more comes. */
bool index_is_full(const struct index *index, size_t n_subjects_more);

/** What was stored from `first` on. Returns 0 or -ENOMEM. */
int index_add_built(struct index *index, const struct run_builder *builder,
		    uint64_t first, uint64_t last, size_t n_chunk);
/** The same of a run that is read; `last` is its last sequence. */
int index_add_run(struct index *index, struct run_reader *reader, uint64_t last,
		  size_t n_chunk);

/** The places of its subjects in their order, for the caller to free. */
uint32_t *index_order(const struct index *index);
/** Write the rows of the block. */
int index_put(const struct index *index, struct store *store);

/** A row of SEGMENT_SUBJECTS or of LEDGER_SUBJECTS. */
int index_row_put(struct store *store, unsigned table, const void *subject,
		  size_t n, uint64_t first, const struct index_row *row);
/** 1, or 0: there is none; -EBADMSG. */
int index_row_get(struct store *store, unsigned table, const void *subject,
		  size_t n, uint64_t first, struct index_row *ret_row);
/**
 * Of each subject of a segment what its rows say together, in order. Ends when
 * on_sum() returns an error.
 */
int index_each_sum(struct store *segment,
		   int (*on_sum)(const char *subject, size_t n,
				 const struct index_row *sum, void *userdata),
		   void *userdata);
/**
 * The row at the cursor: 0, or -EBADMSG. The subject lives until the cursor
 * moves.
 */
int index_row_at(struct store_cursor *cursor, const char **ret_subject,
		 size_t *ret_n, uint64_t *ret_first, struct index_row *ret_row);

#endif
