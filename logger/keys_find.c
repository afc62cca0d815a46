/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "logger/keys_inside.h"
#include "storage/backend/row.h"

DEFINE_CLEANUP(struct store_cursor *, store_cursor_close);

/* ---- the segments before ---- */

static void close_old(struct keys *keys, size_t place)
{
	store_close(keys->old[place].store);
	keys->n_old--;
	memmove(keys->old + place, keys->old + place + 1,
		(keys->n_old - place) * sizeof(*keys->old));
}

void keys_close(struct keys *keys, bool only_ended)
{
	for (size_t i = keys->n_old; i > 0; i--)
		if (!only_ended || !keys->old[i - 1].is_sealed)
			close_old(keys, i - 1);
}

static int open_old(struct keys *keys, const struct segment_row *row,
		    struct store **ret_store)
{
	_cleanup_(freep) char *path =
		segment_path(keys->folder, row->first, row->first_ns);
	unsigned flags = STORE_READ_ONLY;
	struct store *store;
	int r;

	if (!path)
		return -ENOMEM;
	if (row->state == SEGMENT_SEALED)
		flags |= STORE_SEALED;
	r = store_open(keys->backend, path, &segment_layout, flags, &store);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r;
	r = store_snapshot(store);
	if (r < 0) {
		store_close(store);
		return r;
	}
	if (keys->n_old == KEYS_OLD_MAX)
		close_old(keys, 0);
	keys->old[keys->n_old++] = (struct keys_old){
		.first = row->first,
		.is_sealed = row->state == SEGMENT_SEALED,
		.store = store,
	};
	*ret_store = store;
	return 0;
}

int keys_segment(struct keys *keys, const struct segment_row *row,
		 struct store **ret_store)
{
	for (size_t i = 0; i < keys->n_old; i++) {
		if (keys->old[i].first != row->first)
			continue;
		*ret_store = keys->old[i].store;
		return 0;
	}
	return open_old(keys, row, ret_store);
}

/* ---- what is known ---- */

void keys_deinit(struct keys *keys)
{
	keys_close(keys, false);
	keys_table_deinit(&keys->table);
	free(keys->batch);
	keys->batch = NULL;
}

void keys_begin(struct keys *keys, uint64_t first)
{
	keys->batch_first = first;
	keys->n_batch = 0;
}

/* What was added would have to be found in the table: it is read anew. */
void keys_undo(struct keys *keys)
{
	if (keys->n_batch) {
		keys_table_deinit(&keys->table);
		keys->is_loaded = false;
	}
	keys->n_batch = 0;
}

static int load_row(struct keys *keys, uint64_t first, const uint8_t *row,
		    size_t n)
{
	int r = 0;

	if (n < ROW_ENTRIES || (n - ROW_ENTRIES) % ENTRY_BYTES)
		return -EBADMSG;
	for (size_t at = ROW_ENTRIES; r >= 0 && at < n; at += ENTRY_BYTES)
		r = keys_table_add(
			&keys->table, le64_load(row + at),
			first + le32_load(row + at + ENTRY_SEQUENCE));
	return r;
}

/* The rows of a segment, the newest first. Outcome 1: that is enough. */
static int load_segment(struct keys *keys, struct store *store,
			uint64_t not_before_ns)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	int r;

	r = store_cursor_open(store, SEGMENT_KEYS, STORE_AT_OR_BEFORE, NULL,
			      &cursor);
	while (r >= 0 && (r = store_cursor_next(cursor)) > 0) {
		struct store_key key = store_cursor_key(cursor);
		const void *value;
		size_t n;

		r = store_cursor_value(cursor, &value, &n);
		if (r >= 0)
			r = row_check(&key, value, n, &n);
		if (r >= 0)
			r = load_row(keys, key.number, value, n);
		if (r < 0)
			return r;
		if (keys->table.halves[0].n >= KEYS_TABLE_MAX / 2 ||
		    (keys->table.halves[0].n >= KEYS_LOADED_MIN &&
		     le64_load(value) < not_before_ns))
			return 1;
	}
	return r;
}

/* With the first key after the log was opened. */
int keys_load(struct keys *keys, struct store *active, uint64_t not_before_ns)
{
	int r;

	if (keys->is_loaded)
		return 0;
	r = load_segment(keys, active, not_before_ns);
	for (size_t i = keys->ledger->n_rows; !r && i > 0; i--) {
		const struct segment_row *row = &keys->ledger->rows[i - 1];
		struct store *store;

		if (row->state < SEGMENT_ENDED || !row->n_keys)
			continue;
		r = keys_segment(keys, row, &store);
		if (r >= 0)
			r = load_segment(keys, store, not_before_ns);
	}
	if (r < 0)
		return r;
	keys->is_loaded = true;
	return 0;
}

/* ---- looking ---- */

/* Entries are in the order of their sequences. 1: this key has this one. */
static int find_entry(const uint8_t *entries, size_t n, uint32_t sequence,
		      const struct keys_question *question,
		      struct known *ret_known)
{
	size_t low = 0, high = n / ENTRY_BYTES;
	const uint8_t *entry;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		entry = entries + middle * ENTRY_BYTES;
		if (le32_load(entry + ENTRY_SEQUENCE) < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	entry = entries + low * ENTRY_BYTES;
	if (low == n / ENTRY_BYTES ||
	    le32_load(entry + ENTRY_SEQUENCE) != sequence ||
	    memcmp(entry, question->hash, KEYS_HASH_BYTES) != 0)
		return 0;
	memcpy(ret_known->body_hash, entry + ENTRY_BODY, BODY_HASH_BYTES);
	return 1;
}

static int find_in_segment(struct store *store, uint64_t sequence,
			   const struct keys_question *question,
			   struct known *ret_known)
{
	_cleanup_(store_cursor_closep) struct store_cursor *cursor = NULL;
	struct store_key key = row_number(sequence);
	const uint8_t *row;
	const void *value;
	size_t n;
	int r;

	r = store_cursor_open(store, SEGMENT_KEYS, STORE_AT_OR_BEFORE, &key,
			      &cursor);
	if (r < 0)
		return r;
	r = store_cursor_next(cursor);
	if (r <= 0)
		return r;
	key = store_cursor_key(cursor);
	r = store_cursor_value(cursor, &value, &n);
	if (r >= 0)
		r = row_check(&key, value, n, &n);
	if (r < 0 || n < ROW_ENTRIES || sequence - key.number > UINT32_MAX)
		return r < 0 ? r : -EBADMSG;
	row = value;
	ret_known->time_ns = le64_load(row);
	return find_entry(row + ROW_ENTRIES, n - ROW_ENTRIES,
			  (uint32_t)(sequence - key.number), question,
			  ret_known);
}

/* Whether this key has that sequence. 1 or 0. */
static int look(struct keys *keys, struct store *active, uint64_t sequence,
		const struct keys_question *question, struct known *ret_known)
{
	const struct segment_row *row;
	struct store *store = active;
	int r;

	ret_known->sequence = sequence;
	if (sequence >= keys->batch_first) {
		ret_known->time_ns = question->now_ns;
		return find_entry(keys->batch, keys->n_batch,
				  (uint32_t)(sequence - keys->batch_first),
				  question, ret_known);
	}
	row = ledger_find(keys->ledger, sequence);
	if (!row)
		return 0;
	if (row->state >= SEGMENT_ENDED) {
		r = keys_segment(keys, row, &store);
		if (r < 0)
			return r;
	}
	return find_in_segment(store, sequence, question, ret_known);
}

/* The newest that this key has. 1 or 0. */
int keys_find(struct keys *keys, struct store *active,
	      const struct keys_question *question, struct known *ret_known)
{
	uint64_t hash = le64_load(question->hash);
	struct keys_walk walk = { 0 };
	uint64_t sequence;
	int is_found = 0;

	while ((sequence = keys_table_next(&keys->table, hash, &walk))) {
		struct known known;
		int r;

		if (is_found && sequence <= ret_known->sequence)
			continue;
		r = look(keys, active, sequence, question, &known);
		if (r < 0)
			return r;
		if (!r)
			continue;
		*ret_known = known;
		is_found = 1;
	}
	return is_found;
}
