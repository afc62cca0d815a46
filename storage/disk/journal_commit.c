/* SPDX-License-Identifier: MIT */

#include <errno.h>

#include "storage/backend/row.h"
#include "storage/disk/journal_inside.h"

/* ---- steps ---- */

static int put_steps(struct journal *journal, const struct journal_batch *batch,
		     struct journal_facts *facts)
{
	const struct store_key key = row_number(batch->first);
	const struct store_piece piece = { batch->steps, batch->n_steps };

	facts->extent.last_row = batch->first;
	facts->extent.last = batch->last;
	facts->extent.n_bytes += batch->n_steps;
	if (facts->making.generation && batch->last > facts->making.begin)
		facts->n_making_bytes += batch->n_steps;
	return store_put(journal->store, JOURNAL_STEPS, &key, &piece, 1);
}

/* ---- a snapshot ---- */

static int put_rows(struct journal *journal, const struct journal_batch *batch,
		    struct journal_snapshot *making)
{
	const uint8_t *at = batch->rows;
	size_t n_left = batch->n_rows;
	int r = 0;

	while (n_left && r >= 0) {
		size_t n = n_left < JOURNAL_PIECE_BYTES ? n_left
							: JOURNAL_PIECE_BYTES;
		const struct store_key key = row_number(
			journal_piece(making->generation, making->n_pieces++));

		r = row_put(journal->store, JOURNAL_PIECES, &key, at, n);
		making->n_bytes += n;
		at += n;
		n_left -= n;
	}
	return r;
}

/* The row from which on steps are needed once the new snapshot counts. */
static int first_needed(struct journal *journal,
			const struct journal_batch *batch,
			const struct journal_facts *facts, uint64_t *ret_row)
{
	uint64_t from = facts->making.begin + 1;
	int r;

	if (from > batch->keep_from)
		from = batch->keep_from;
	*ret_row = facts->extent.first;
	if (from <= *ret_row)
		return 0;
	/* At least the last: it tells which revision and time it was. */
	r = journal_seek(journal, JOURNAL_STEPS, STORE_AT_OR_BEFORE, from,
			 ret_row);
	return r < 0 ? r : 0;
}

uint64_t journal_keeps_from(const struct journal *journal)
{
	uint64_t first = journal->facts.extent.first;
	uint64_t from =
		journal_marks_from(&journal->marks, journal->n_kept_bytes);

	return from < first ? first : from;
}

static int finish_snapshot(struct journal *journal,
			   const struct journal_batch *batch,
			   struct journal_facts *facts)
{
	int r;

	r = first_needed(journal, batch, facts, &facts->extent.first);
	if (r < 0)
		return r;
	facts->making.end = batch->snapshot_end;
	facts->whole = facts->making;
	facts->extent.n_bytes = facts->n_making_bytes;
	facts->making = (struct journal_snapshot){ 0 };
	facts->n_making_bytes = 0;
	r = journal_put_snapshot(journal, &facts->whole);
	return r < 0 ? r : journal_put_extent(journal, &facts->extent);
}

static void begin_snapshot(struct journal *journal,
			   const struct journal_batch *batch,
			   struct journal_facts *facts)
{
	if (facts->making.generation)
		journal->has_old_pieces = true;
	facts->making = (struct journal_snapshot){
		.generation = journal->next_generation++,
		.begin = batch->snapshot_begin,
	};
	facts->n_making_bytes = 0;
}

/* ---- all of it ---- */

static bool is_batch(const struct journal *journal,
		     const struct journal_batch *batch)
{
	uint64_t last = journal->facts.extent.last;

	if (batch->first && (batch->first != last + 1 ||
			     batch->last < batch->first || !batch->n_steps))
		return false;
	if (batch->first)
		last = batch->last;
	if (!batch->rows)
		return true;
	if (batch->is_snapshot_last && batch->snapshot_end != last)
		return false;
	return batch->is_snapshot_first ? batch->snapshot_begin <= last
					: journal->facts.making.generation != 0;
}

static int put_all(struct journal *journal, const struct journal_batch *batch,
		   struct journal_facts *facts)
{
	int r = 0;

	if (batch->rows && batch->is_snapshot_first)
		begin_snapshot(journal, batch, facts);
	if (batch->first)
		r = put_steps(journal, batch, facts);
	if (r >= 0 && batch->first)
		r = journal_put_extent(journal, &facts->extent);
	if (r >= 0 && batch->rows)
		r = put_rows(journal, batch, &facts->making);
	if (r >= 0 && batch->rows && batch->is_snapshot_last)
		r = finish_snapshot(journal, batch, facts);
	return r;
}

static bool has_old(const struct journal *journal)
{
	return journal->has_old_steps || journal->has_old_pieces;
}

static void take_in(struct journal *journal, const struct journal_batch *batch,
		    const struct journal_facts *facts)
{
	if (batch->first)
		journal_marks_add(&journal->marks, batch->first,
				  batch->n_steps);
	if (batch->rows && batch->is_snapshot_last) {
		journal_marks_forget(&journal->marks, facts->extent.first);
		journal->has_old_steps = true;
		journal->has_old_pieces = true;
	}
	journal->facts = *facts;
}

static int commit(struct journal *journal, const struct journal_batch *batch,
		  bool is_sweeping)
{
	struct journal_facts facts = journal->facts;
	int r;

	if (!batch->first && !batch->rows && !has_old(journal))
		return 0;
	r = store_begin(journal->store);
	if (r < 0)
		return r;
	r = put_all(journal, batch, &facts);
	if (r >= 0 && is_sweeping)
		r = journal_sweep(journal, &facts);
	if (r < 0) {
		store_rollback(journal->store);
		return r;
	}
	r = store_commit(journal->store);
	if (r >= 0)
		take_in(journal, batch, &facts);
	return r;
}

/* What was written of a snapshot is removed by and by. */
static void give_up(struct journal *journal)
{
	journal->has_old_steps = true;
	journal->has_old_pieces = true;
	journal->facts.making = (struct journal_snapshot){ 0 };
	journal->facts.n_making_bytes = 0;
}

int journal_commit(struct journal *journal, const struct journal_batch *batch)
{
	struct journal_batch steps = *batch;
	int r;

	if (!journal->store)
		return -ESTALE;
	if (!is_batch(journal, batch))
		return -EINVAL;
	r = commit(journal, batch, true);
	if (r >= 0)
		return 0;
	give_up(journal);
	if (r != -ENOSPC)
		return r;
	/* Nobody is to lose what he wrote to the room that others want. */
	steps.rows = NULL;
	r = commit(journal, &steps, false);
	return r >= 0 && batch->rows ? 1 : r;
}
