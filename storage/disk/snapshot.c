/* SPDX-License-Identifier: MIT */

#include "storage/disk/snapshot.h"

#include "storage/disk/journal_inside.h"

enum { WITHOUT_MAX = 1023 };

void snapshot_init(struct snapshot *snapshot)
{
	*snapshot = (struct snapshot){
		.journal_bytes = SNAPSHOT_JOURNAL_BYTES,
		.times = SNAPSHOT_TIMES,
		.piece_bytes = SNAPSHOT_PIECE_BYTES,
		.n_without_next = 1,
	};
	buffer_init(&snapshot->rows, SIZE_MAX);
}

void snapshot_deinit(struct snapshot *snapshot)
{
	buffer_deinit(&snapshot->rows);
}

static bool is_due(const struct snapshot *snapshot,
		   const struct journal_size *size)
{
	uint64_t n_bytes = size->n_journal_bytes;

	return !snapshot->n_without && n_bytes > snapshot->journal_bytes &&
	       n_bytes > snapshot->times * size->n_snapshot_bytes;
}

bool snapshot_wants_part(const struct snapshot *snapshot,
			 const struct journal_size *size)
{
	return snapshot->is_running || is_due(snapshot, size);
}

/* As windows have it, as far as the journal goes along with that. */
static uint64_t keep_from(const struct state *state,
			  const struct journal *journal)
{
	uint64_t from = state_keep_from(state);
	uint64_t kept = journal_keeps_from(journal);

	if (from < kept)
		from = kept;
	return from <= state->revision ? from : state->revision + 1;
}

static void begin(struct snapshot *snapshot, const struct state *state,
		  const struct journal *journal)
{
	snapshot->is_running = true;
	snapshot->is_first = true;
	image_begin(&snapshot->cursor, state, keep_from(state, journal));
}

/* Memory of a piece that was far too long is not kept. */
static void clear(struct buffer *rows)
{
	if (rows->n_max > 16 * SNAPSHOT_PIECE_BYTES)
		buffer_deinit(rows);
	buffer_clear(rows);
}

static void give_up(struct snapshot *snapshot)
{
	snapshot->is_running = false;
	snapshot->n_without = snapshot->n_without_next;
	if (snapshot->n_without_next < WITHOUT_MAX)
		snapshot->n_without_next = 2 * snapshot->n_without_next + 1;
}

static void put_piece(struct snapshot *snapshot, const struct state *state,
		      struct journal_batch *batch)
{
	const struct image_cursor *cursor = &snapshot->cursor;

	batch->rows = snapshot->rows.bytes ? snapshot->rows.bytes : "";
	batch->n_rows = snapshot->rows.n;
	batch->is_snapshot_first = snapshot->is_first;
	batch->is_snapshot_last = cursor->part == IMAGE_END;
	batch->snapshot_begin = cursor->begin;
	batch->snapshot_end = state->revision;
	batch->keep_from = cursor->keep_from;
	snapshot->is_first = false;
}

void snapshot_fill(struct snapshot *snapshot, const struct state *state,
		   const struct journal *journal, struct journal_batch *batch)
{
	size_t n = snapshot->piece_bytes;
	struct journal_size size;

	batch->rows = NULL;
	journal_size(journal, &size);
	if (!snapshot->is_running && is_due(snapshot, &size))
		begin(snapshot, state, journal);
	if (!snapshot->is_running)
		return;
	if (n < 2 * batch->n_steps)
		n = 2 * batch->n_steps;
	clear(&snapshot->rows);
	if (image_next(state, &snapshot->cursor, n, &snapshot->rows) < 0)
		give_up(snapshot);
	else
		put_piece(snapshot, state, batch);
}

void snapshot_done(struct snapshot *snapshot, int r)
{
	if (r != 0) {
		if (snapshot->is_running)
			give_up(snapshot);
		return;
	}
	if (snapshot->n_without)
		snapshot->n_without--;
	if (snapshot->is_running && snapshot->cursor.part == IMAGE_END) {
		snapshot->is_running = false;
		snapshot->n_without_next = 1;
	}
}
