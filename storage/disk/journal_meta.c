/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/le.h"
#include "storage/backend/row.h"
#include "storage/disk/journal_inside.h"

enum { EXTENT_BYTES = 4 * 8, SNAPSHOT_BYTES = 5 * 8 };

static struct store_key named(const char *name)
{
	return row_bytes(name, strlen(name));
}

static void put_numbers(uint8_t *row, const uint64_t *numbers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		le64_store(row + 8 * i, numbers[i]);
}

int journal_put_extent(struct journal *journal,
		       const struct journal_extent *extent)
{
	const struct store_key key = named("journal");
	uint8_t row[EXTENT_BYTES];

	put_numbers(row,
		    (const uint64_t[]){ extent->first, extent->last_row,
					extent->last, extent->n_bytes },
		    4);
	return row_put(journal->store, JOURNAL_META, &key, row, sizeof(row));
}

int journal_put_snapshot(struct journal *journal,
			 const struct journal_snapshot *snapshot)
{
	const struct store_key key = named("snapshot");
	uint8_t row[SNAPSHOT_BYTES];

	put_numbers(row,
		    (const uint64_t[]){ snapshot->generation,
					snapshot->n_pieces, snapshot->n_bytes,
					snapshot->begin, snapshot->end },
		    5);
	return row_put(journal->store, JOURNAL_META, &key, row, sizeof(row));
}

/* ---- birth ---- */

static void tell_id(struct journal *journal,
		    const uint8_t bytes[JOURNAL_ID_BYTES])
{
	for (unsigned i = 0; i < JOURNAL_ID_BYTES; i++)
		snprintf(journal->id + 2 * i, 3, "%02x", bytes[i]);
}

static int put_birth(struct journal *journal)
{
	const struct store_key key = named("store");
	uint8_t bytes[JOURNAL_ID_BYTES];
	int r;

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	tell_id(journal, bytes);
	r = row_put(journal->store, JOURNAL_META, &key, bytes, sizeof(bytes));
	if (r < 0)
		return r;
	journal->facts = (struct journal_facts){ .extent.first = 1 };
	return journal_put_extent(journal, &journal->facts.extent);
}

/* Once it is not in the log of the backend alone, a lost log is no new file. */
int journal_write_birth(struct journal *journal)
{
	int r;

	r = store_begin(journal->store);
	if (r < 0)
		return r;
	r = put_birth(journal);
	if (r < 0) {
		store_rollback(journal->store);
		return r;
	}
	r = store_commit(journal->store);
	return r < 0 ? r : store_checkpoint(journal->store);
}

/* ---- reading ---- */

/* 1, or 0: there is no such row. */
static int get(struct journal *journal, const char *name, void *row, size_t n,
	       struct fault *fault)
{
	const struct store_key key = named(name);
	int r = row_get(journal->store, JOURNAL_META, &key, row, n);

	if (r == -EBADMSG)
		return fault_found(fault, 0, "meta: row '%s' is damaged", name);
	return fault_of(fault, journal->store, r);
}

static int get_extent(struct journal *journal, struct fault *fault)
{
	struct journal_extent *extent = &journal->facts.extent;
	uint8_t row[EXTENT_BYTES];
	int r;

	r = get(journal, "journal", row, sizeof(row), fault);
	if (!r)
		return fault_found(fault, 0, "meta: row 'journal' is missing");
	if (r < 0)
		return r;
	extent->first = le64_load(row);
	extent->last_row = le64_load(row + 8);
	extent->last = le64_load(row + 16);
	extent->n_bytes = le64_load(row + 24);
	return 0;
}

static int get_snapshot(struct journal *journal, struct fault *fault)
{
	struct journal_snapshot *whole = &journal->facts.whole;
	uint8_t row[SNAPSHOT_BYTES];
	int r;

	r = get(journal, "snapshot", row, sizeof(row), fault);
	if (r <= 0)
		return r;
	whole->generation = le64_load(row);
	whole->n_pieces = le64_load(row + 8);
	whole->n_bytes = le64_load(row + 16);
	whole->begin = le64_load(row + 24);
	whole->end = le64_load(row + 32);
	return 0;
}

/* Together the rows have to make sense: one may be an old one. */
static int check_facts(const struct journal_facts *facts, struct fault *fault)
{
	const struct journal_extent *extent = &facts->extent;
	const struct journal_snapshot *whole = &facts->whole;

	if (!extent->first || extent->first > extent->last_row + 1 ||
	    extent->last_row > extent->last ||
	    !extent->last_row != !extent->last)
		return fault_found(fault, extent->last,
				   "meta: row 'journal' makes no sense");
	if (whole->begin > whole->end || whole->end > extent->last ||
	    extent->first > whole->begin + 1)
		return fault_found(fault, whole->end,
				   "meta: row 'snapshot' makes no sense");
	return 0;
}

static int is_empty(struct journal *journal, struct fault *fault)
{
	for (unsigned table = 0; table < JOURNAL_TABLES; table++) {
		struct store_cursor *cursor;
		int r;

		r = store_cursor_open(journal->store, table, STORE_AT_OR_AFTER,
				      NULL, &cursor);
		if (r >= 0) {
			r = store_cursor_next(cursor);
			store_cursor_close(cursor);
		}
		if (r < 0)
			return fault_of(fault, journal->store, r);
		if (r > 0)
			return fault_found(fault, 0,
					   "meta: row 'store' is missing");
	}
	return 0;
}

int journal_read_meta(struct journal *journal, struct fault *fault)
{
	uint8_t bytes[JOURNAL_ID_BYTES];
	int r;

	journal->facts = (struct journal_facts){ 0 };
	r = get(journal, "store", bytes, sizeof(bytes), fault);
	if (!r)
		return is_empty(journal, fault);
	if (r < 0)
		return r;
	tell_id(journal, bytes);
	r = get_extent(journal, fault);
	if (r >= 0)
		r = get_snapshot(journal, fault);
	if (r >= 0)
		r = check_facts(&journal->facts, fault);
	return r < 0 ? r : 1;
}
