/* SPDX-License-Identifier: MIT */

/*
 * What is needed no more goes a few rows at a time, with the commits of others:
 * nobody waits for long, and more goes than comes.
 */

#include "storage/backend/row.h"
#include "storage/disk/journal_inside.h"

enum { SWEPT_ROWS = 2 };

int journal_seek(struct journal *journal, enum journal_table table,
		 enum store_seek seek, uint64_t number, uint64_t *ret_number)
{
	const struct store_key key = row_number(number);
	struct store_cursor *cursor;
	int r;

	r = store_cursor_open(journal->store, table, seek, &key, &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r > 0)
		*ret_number = store_cursor_key(cursor).number;
	store_cursor_close(cursor);
	return r;
}

static int remove_row(struct journal *journal, enum journal_table table,
		      uint64_t number)
{
	const struct store_key key = row_number(number);
	int r = store_delete(journal->store, table, &key);

	return r < 0 ? r : 1;
}

/* 1: one was removed; 0: there is none. */
static int sweep_steps(struct journal *journal, uint64_t first)
{
	uint64_t number;
	int r;

	r = journal_seek(journal, JOURNAL_STEPS, STORE_AT_OR_AFTER, 1, &number);
	if (r <= 0 || number >= first)
		return r < 0 ? r : 0;
	return remove_row(journal, JOURNAL_STEPS, number);
}

/* The same of pieces that are neither in the whole nor in the new one. */
static int sweep_piece(struct journal *journal,
		       const struct journal_facts *facts)
{
	uint64_t generation, number;
	uint64_t at = 1;
	int r;

	while ((r = journal_seek(journal, JOURNAL_PIECES, STORE_AT_OR_AFTER, at,
				 &number)) > 0) {
		generation = number >> JOURNAL_PIECE_BITS;
		if (generation != facts->whole.generation &&
		    generation != facts->making.generation)
			return remove_row(journal, JOURNAL_PIECES, number);
		at = journal_piece(generation + 1, 0);
	}
	return r;
}

int journal_sweep(struct journal *journal, const struct journal_facts *facts)
{
	int r;

	for (unsigned i = 0; i < SWEPT_ROWS && journal->has_old_steps; i++) {
		r = sweep_steps(journal, facts->extent.first);
		if (r < 0)
			return r;
		journal->has_old_steps = r > 0;
	}
	for (unsigned i = 0; i < SWEPT_ROWS && journal->has_old_pieces; i++) {
		r = sweep_piece(journal, facts);
		if (r < 0)
			return r;
		journal->has_old_pieces = r > 0;
	}
	return 0;
}
