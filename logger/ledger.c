/* SPDX-License-Identifier: MIT */

#include "logger/ledger.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "storage/backend/row.h"

const struct store_layout ledger_layout = {
	.application = "HLst",
	.version = 1,
	.n_tables = LEDGER_TABLES,
	.tables = {
		[LEDGER_FACTS] = { "facts", STORE_KEYED },
		[LEDGER_THINGS] = { "things", STORE_KEYED },
		[LEDGER_SEGMENTS] = { "segments", STORE_NUMBERED },
		[LEDGER_REMOVED] = { "removed", STORE_NUMBERED },
		[LEDGER_SUBJECTS] = { "subjects", STORE_KEYED },
		[LEDGER_PRINCIPALS] = { "principals", STORE_KEYED },
	},
};

enum {
	ROW_BYTES = 7 * 8 + 2 * SHA256_BYTES,
	NOW_BYTES = 16,
	ROWS_FIRST = 16,
};

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

char *ledger_path(const char *folder)
{
	size_t n = strlen(folder) + sizeof("/state");
	char *path = malloc(n);

	if (path)
		snprintf(path, n, "%s/state", folder);
	return path;
}

/* ---- rows ---- */

static void encode(uint8_t at[ROW_BYTES], const struct segment_row *row)
{
	le64_store(at, row->state);
	le64_store(at + 8, row->first_ns);
	le64_store(at + 16, row->number);
	le64_store(at + 24, row->last);
	le64_store(at + 32, row->last_ns);
	le64_store(at + 40, row->n_keys);
	le64_store(at + 48, row->n_bytes);
	memcpy(at + 56, row->previous_hash, SHA256_BYTES);
	memcpy(at + 88, row->head_hash, SHA256_BYTES);
}

static void decode(struct segment_row *row, uint64_t first, const uint8_t *at)
{
	row->first = first;
	row->state = (enum segment_state)le64_load(at);
	row->first_ns = le64_load(at + 8);
	row->number = le64_load(at + 16);
	row->last = le64_load(at + 24);
	row->last_ns = le64_load(at + 32);
	row->n_keys = le64_load(at + 40);
	row->n_bytes = le64_load(at + 48);
	memcpy(row->previous_hash, at + 56, SHA256_BYTES);
	memcpy(row->head_hash, at + 88, SHA256_BYTES);
}

static int grow(struct ledger *ledger)
{
	size_t n = ledger->n_rows_max ? 2 * ledger->n_rows_max : ROWS_FIRST;
	void *rows;

	if (ledger->n_rows < ledger->n_rows_max)
		return 0;
	rows = reallocarray(ledger->rows, n, sizeof(*ledger->rows));
	if (!rows)
		return -ENOMEM;
	ledger->rows = rows;
	ledger->n_rows_max = n;
	return 0;
}

/* That a row can follow the one before it. */
static bool is_next(const struct segment_row *before,
		    const struct segment_row *row)
{
	bool has_ended = row->state >= SEGMENT_ENDED;

	if (row->state < SEGMENT_COMING || row->state > SEGMENT_SEALED)
		return false;
	if (has_ended &&
	    (row->last < row->first || row->last_ns < row->first_ns))
		return false;
	if (!before)
		return true;
	return before->state >= SEGMENT_ENDED && row->first > before->last &&
	       row->number == before->number + 1 &&
	       row->first_ns >= before->last_ns &&
	       !memcmp(row->previous_hash, before->head_hash, SHA256_BYTES);
}

static int load_row(struct ledger *ledger, struct store_cursor *cursor,
		    struct fault *fault)
{
	uint64_t first = store_cursor_key(cursor).number;
	struct segment_row row;
	uint8_t at[ROW_BYTES];
	int r;

	r = grow(ledger);
	if (r < 0)
		return r;
	r = row_at(cursor, at, sizeof(at));
	if (r == -EBADMSG)
		return fault_found(fault, first, "a segment's row is damaged");
	if (r < 0)
		return r;
	decode(&row, first, at);
	if (!is_next(ledger_last(ledger), &row))
		return fault_found(fault, first,
				   "segments do not follow each other");
	ledger->rows[ledger->n_rows++] = row;
	return 0;
}

static int load_rows(struct ledger *ledger, struct fault *fault)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	int r;

	ledger->n_rows = 0;
	r = store_cursor_open(ledger->store, LEDGER_SEGMENTS, STORE_AT_OR_AFTER,
			      NULL, &cursor);
	if (r < 0)
		return r;
	while ((r = store_cursor_next(cursor)) > 0) {
		r = load_row(ledger, cursor, fault);
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- facts ---- */

static int load_now(struct ledger *ledger)
{
	const struct store_key key = row_bytes("now", 3);
	uint8_t at[NOW_BYTES];
	int r;

	r = row_get(ledger->store, LEDGER_FACTS, &key, at, sizeof(at));
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	ledger->generation = le64_load(at);
	ledger->floor = le64_load(at + 8);
	return 0;
}

static int load_facts(struct ledger *ledger, struct fault *fault)
{
	const struct store_key key = row_bytes("log", 3);
	int r;

	r = row_get(ledger->store, LEDGER_FACTS, &key, ledger->uuid,
		    sizeof(ledger->uuid));
	if (!r)
		return -ENOENT;
	if (r > 0)
		r = load_now(ledger);
	if (r == -EBADMSG)
		return fault_found(fault, 0, "what it says of the log is bad");
	return r;
}

static int put_now(struct ledger *ledger)
{
	const struct store_key key = row_bytes("now", 3);
	uint8_t at[NOW_BYTES];

	le64_store(at, ledger->generation);
	le64_store(at + 8, ledger->floor);
	return row_put(ledger->store, LEDGER_FACTS, &key, at, sizeof(at));
}

int ledger_found(struct ledger *ledger)
{
	const struct store_key key = row_bytes("log", 3);
	int r;

	if (getrandom(ledger->uuid, sizeof(ledger->uuid), 0) !=
	    sizeof(ledger->uuid))
		return -EIO;
	ledger->floor = 1;
	r = ledger_begin(ledger);
	if (r >= 0)
		r = row_put(ledger->store, LEDGER_FACTS, &key, ledger->uuid,
			    sizeof(ledger->uuid));
	if (r >= 0)
		r = ledger_commit(ledger, true);
	if (r < 0)
		ledger_undo(ledger);
	return r;
}

/* ---- opening ---- */

int ledger_load(struct ledger *ledger, struct fault *fault)
{
	int r;

	r = store_snapshot(ledger->store);
	if (r < 0)
		return r;
	r = load_facts(ledger, fault);
	if (r >= 0)
		r = load_rows(ledger, fault);
	r = r == -ENOENT ? r : fault_of(fault, ledger->store, r);
	store_end(ledger->store);
	return r;
}

int ledger_refresh(struct ledger *ledger)
{
	uint64_t generation = ledger->generation;
	struct fault fault = { 0 };
	int r;

	r = store_snapshot(ledger->store);
	if (r < 0)
		return r;
	r = load_now(ledger);
	if (r >= 0 && ledger->generation != generation) {
		r = load_rows(ledger, &fault);
		if (r >= 0)
			r = 1;
	}
	store_end(ledger->store);
	return r;
}

int ledger_open(struct ledger *ledger, struct backend *backend,
		const char *folder, unsigned flags, struct fault *fault)
{
	_cleanup_(freep) char *path = ledger_path(folder);
	int r;

	*ledger = (struct ledger){ 0 };
	if (!path)
		return -ENOMEM;
	fault_at(fault, path);
	r = store_open(backend, path, &ledger_layout, flags, &ledger->store);
	if (r < 0)
		return r == -ENOENT ? r : fault_of(fault, NULL, r);
	if (flags & STORE_CREATE)
		return 0;
	r = ledger_load(ledger, fault);
	if (r < 0)
		ledger_close(ledger);
	return r;
}

void ledger_close(struct ledger *ledger)
{
	if (ledger->store)
		store_close(ledger->store);
	free(ledger->rows);
	*ledger = (struct ledger){ 0 };
}

/* ---- looking ---- */

struct segment_row *ledger_last(const struct ledger *ledger)
{
	return ledger->n_rows ? &ledger->rows[ledger->n_rows - 1] : NULL;
}

struct segment_row *ledger_find(const struct ledger *ledger, uint64_t sequence)
{
	size_t low = 0, high = ledger->n_rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ledger->rows[middle].first <= sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &ledger->rows[low - 1] : NULL;
}

int ledger_last_removed(struct ledger *ledger, struct segment_row *ret_row)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	uint8_t at[ROW_BYTES];
	int r;

	r = store_cursor_open(ledger->store, LEDGER_REMOVED, STORE_AT_OR_BEFORE,
			      NULL, &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	r = row_at(cursor, at, sizeof(at));
	if (r < 0)
		return r;
	decode(ret_row, store_cursor_key(cursor).number, at);
	return 1;
}

/* ---- writing ---- */

int ledger_begin(struct ledger *ledger)
{
	int r;

	if (ledger->is_open)
		return 0;
	r = store_begin(ledger->store);
	if (r < 0)
		return r;
	ledger->is_open = true;
	return 0;
}

int ledger_commit(struct ledger *ledger, bool is_change)
{
	int r = 0;

	if (!ledger->is_open)
		return 0;
	if (is_change) {
		ledger->generation++;
		r = put_now(ledger);
	}
	if (r >= 0) {
		r = store_commit(ledger->store);
		ledger->is_open = false;
	}
	if (r >= 0)
		ledger->has_things = false;
	return r;
}

/* Things may have been put in the same transaction: say so when they ask. */
int ledger_undo(struct ledger *ledger)
{
	struct fault fault = { 0 };

	if (ledger->is_open)
		store_rollback(ledger->store);
	ledger->is_open = false;
	ledger->is_lost |= ledger->has_things;
	ledger->has_things = false;
	return ledger_load(ledger, &fault);
}

int ledger_put(struct ledger *ledger, const struct segment_row *row)
{
	const struct store_key key = row_number(row->first);
	struct segment_row *last = ledger_last(ledger);
	uint8_t at[ROW_BYTES];
	int r;

	r = ledger_begin(ledger);
	if (r < 0)
		return r;
	encode(at, row);
	r = row_put(ledger->store, LEDGER_SEGMENTS, &key, at, sizeof(at));
	if (r < 0)
		return r;
	if (!last || row->first > last->first) {
		r = grow(ledger);
		if (r >= 0)
			ledger->rows[ledger->n_rows++] = *row;
		return r;
	}
	*ledger_find(ledger, row->first) = *row;
	return 0;
}

int ledger_remove_first(struct ledger *ledger)
{
	const struct store_key key = row_number(ledger->rows[0].first);
	uint8_t at[ROW_BYTES];
	int r;

	r = ledger_begin(ledger);
	if (r < 0)
		return r;
	encode(at, &ledger->rows[0]);
	r = row_put(ledger->store, LEDGER_REMOVED, &key, at, sizeof(at));
	if (r >= 0)
		r = store_delete(ledger->store, LEDGER_SEGMENTS, &key);
	if (r < 0)
		return r;
	ledger->n_rows--;
	memmove(ledger->rows, ledger->rows + 1,
		ledger->n_rows * sizeof(*ledger->rows));
	return 0;
}

int ledger_remove_coming(struct ledger *ledger)
{
	const struct store_key key = row_number(ledger_last(ledger)->first);
	int r;

	r = ledger_begin(ledger);
	if (r >= 0)
		r = store_delete(ledger->store, LEDGER_SEGMENTS, &key);
	if (r >= 0)
		ledger->n_rows--;
	return r;
}
