/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/backend/memory.h"

static struct memory_store *handle_of(struct store *store)
{
	return container_of(store, struct memory_store, store);
}

static struct memory_cursor *cursor_of(struct store_cursor *cursor)
{
	return container_of(cursor, struct memory_cursor, cursor);
}

/* ---- snapshots and transactions ---- */

static void look(struct memory_store *handle)
{
	for (unsigned i = 0; i < handle->file->n_tables; i++)
		handle->tables[i] = tree_ref(handle->file->tables[i]);
	handle->n_bytes = handle->file->n_bytes;
}

static void look_away(struct memory_store *handle)
{
	for (unsigned i = 0; i < handle->file->n_tables; i++)
		handle->tables[i] = tree_unref(handle->tables[i]);
}

int memory_snapshot(struct store *store)
{
	struct memory_store *handle = handle_of(store);

	pthread_mutex_lock(&handle->memory->lock);
	look(handle);
	pthread_mutex_unlock(&handle->memory->lock);
	return 0;
}

void memory_end(struct store *store)
{
	struct memory_store *handle = handle_of(store);

	pthread_mutex_lock(&handle->memory->lock);
	look_away(handle);
	pthread_mutex_unlock(&handle->memory->lock);
}

int memory_begin(struct store *store)
{
	struct memory_store *handle = handle_of(store);
	int r = 0;

	pthread_mutex_lock(&handle->memory->lock);
	if (handle->file->is_written) {
		r = -EBUSY;
	} else {
		handle->file->is_written = true;
		handle->file->is_sealed = false;
		look(handle);
	}
	pthread_mutex_unlock(&handle->memory->lock);
	return r;
}

int memory_commit(struct store *store)
{
	struct memory_store *handle = handle_of(store);
	struct memory_file *file = handle->file;

	pthread_mutex_lock(&handle->memory->lock);
	for (unsigned i = 0; i < file->n_tables; i++) {
		tree_unref(file->tables[i]);
		file->tables[i] = take_ptr(handle->tables[i]);
	}
	file->n_bytes = handle->n_bytes;
	file->is_written = false;
	pthread_mutex_unlock(&handle->memory->lock);
	return 0;
}

void memory_rollback(struct store *store)
{
	struct memory_store *handle = handle_of(store);

	pthread_mutex_lock(&handle->memory->lock);
	look_away(handle);
	handle->file->is_written = false;
	pthread_mutex_unlock(&handle->memory->lock);
}

/* The tree of a table becomes `tree`, which may be NULL: no memory. */
static int turn_into(struct memory_store *handle, unsigned table,
		     struct tree *tree)
{
	if (!tree)
		return -ENOMEM;
	tree_unref(handle->tables[table]);
	handle->tables[table] = tree;
	return 0;
}

static struct store_key key_in(const struct store *store, unsigned table,
			       const struct store_key *key)
{
	if (store->layout->tables[table].kind == STORE_NUMBERED)
		return (struct store_key){ .number = key->number };
	return (struct store_key){ .bytes = key->bytes ? key->bytes : "",
				   .n_bytes = key->n_bytes };
}

static uint64_t row_bytes(const struct tree_row *row)
{
	return row ? sizeof(*row) + row->n_value + row->key.n_bytes : 0;
}

int memory_put(struct store *store, unsigned table, const struct store_key *key,
	       const struct store_piece *pieces, size_t n_pieces)
{
	struct memory_store *handle = handle_of(store);
	const struct store_key own = key_in(store, table, key);
	uint64_t n_before = row_bytes(tree_lookup(handle->tables[table], &own));
	struct tree_row *row;
	int r;

	row = tree_row_new(&own, driver_value_bytes(pieces, n_pieces));
	if (!row)
		return -ENOMEM;
	driver_join(pieces, n_pieces, row->value);

	pthread_mutex_lock(&handle->memory->lock);
	r = turn_into(handle, table, tree_with(handle->tables[table], row));
	if (!r)
		handle->n_bytes += row_bytes(row) - n_before;
	tree_row_unref(row);
	pthread_mutex_unlock(&handle->memory->lock);
	return r;
}

int memory_remove(struct store *store, unsigned table,
		  const struct store_key *key)
{
	struct memory_store *handle = handle_of(store);
	const struct store_key own = key_in(store, table, key);
	const struct tree_row *row = tree_lookup(handle->tables[table], &own);
	uint64_t n_before = row_bytes(row);
	int r;

	if (!row)
		return 0;
	pthread_mutex_lock(&handle->memory->lock);
	r = turn_into(handle, table, tree_without(handle->tables[table], &own));
	if (!r)
		handle->n_bytes -= n_before;
	pthread_mutex_unlock(&handle->memory->lock);
	return r;
}

/* ---- reading ---- */

static int part_of(const struct tree_row *row, size_t offset, void *buffer,
		   size_t n)
{
	if (!row || offset > row->n_value || n > row->n_value - offset)
		return 0;
	if (n)
		memcpy(buffer, row->value + offset, n);
	return 1;
}

int memory_get(struct store *store, unsigned table, const struct store_key *key,
	       const void **ret_value, size_t *ret_n_value)
{
	const struct store_key own = key_in(store, table, key);
	const struct tree_row *row =
		tree_lookup(handle_of(store)->tables[table], &own);

	if (!row)
		return 0;
	*ret_value = row->value;
	*ret_n_value = row->n_value;
	return 1;
}

int memory_read(struct store *store, unsigned table, uint64_t number,
		size_t offset, void *buffer, size_t n)
{
	const struct store_key key = { .number = number };

	return part_of(tree_lookup(handle_of(store)->tables[table], &key),
		       offset, buffer, n);
}

int memory_cursor_open(struct store *store, unsigned table,
		       enum store_seek seek, const struct store_key *key,
		       struct store_cursor **ret_cursor)
{
	struct memory_store *handle = handle_of(store);
	struct memory_cursor *cursor;

	cursor = calloc(1, sizeof(*cursor));
	if (!cursor)
		return -ENOMEM;
	cursor->seek = seek;
	if (key) {
		cursor->has_start = true;
		cursor->start = key_in(store, table, key);
		if (cursor->start.n_bytes)
			memcpy(cursor->start_bytes, cursor->start.bytes,
			       cursor->start.n_bytes);
		cursor->start.bytes = cursor->start_bytes;
	}
	pthread_mutex_lock(&handle->memory->lock);
	cursor->table = tree_ref(handle->tables[table]);
	pthread_mutex_unlock(&handle->memory->lock);
	*ret_cursor = &cursor->cursor;
	return 0;
}

void memory_cursor_close(struct store_cursor *cursor)
{
	struct memory_cursor *own = cursor_of(cursor);
	struct memory *memory = handle_of(cursor->store)->memory;

	pthread_mutex_lock(&memory->lock);
	tree_unref(own->table);
	pthread_mutex_unlock(&memory->lock);
	free(own);
}

int memory_cursor_next(struct store_cursor *cursor)
{
	struct memory_cursor *own = cursor_of(cursor);

	if (own->row && own->seek == STORE_AT_OR_AFTER)
		own->seek = STORE_AFTER;
	if (own->row && own->seek == STORE_AT_OR_BEFORE)
		own->seek = STORE_BEFORE;
	if (own->row)
		own->row = tree_seek(own->table, own->seek, &own->row->key);
	else
		own->row = tree_seek(own->table, own->seek,
				     own->has_start ? &own->start : NULL);
	if (!own->row)
		return 0;
	cursor->key = own->row->key;
	if (cursor->store->layout->tables[cursor->table].kind == STORE_NUMBERED)
		cursor->key.bytes = NULL;
	return 1;
}

int memory_cursor_value(struct store_cursor *cursor, const void **ret_value,
			size_t *ret_n_value)
{
	const struct tree_row *row = cursor_of(cursor)->row;

	*ret_value = row->value;
	*ret_n_value = row->n_value;
	return 0;
}

int memory_cursor_read(struct store_cursor *cursor, size_t offset, void *buffer,
		       size_t n)
{
	return part_of(cursor_of(cursor)->row, offset, buffer, n);
}
