/* SPDX-License-Identifier: MIT */

#include "storage/backend/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

static struct memory *memory_of(struct backend *backend)
{
	return container_of(backend, struct memory, backend);
}

static struct memory_store *handle_of(struct store *store)
{
	return container_of(store, struct memory_store, store);
}

static struct memory_cursor *cursor_of(struct store_cursor *cursor)
{
	return container_of(cursor, struct memory_cursor, cursor);
}

/* ---- files ---- */

static struct memory_file *file_lookup(struct memory *memory, const char *path)
{
	struct list *link;

	list_for_each (link, &memory->files) {
		struct memory_file *file =
			container_of(link, struct memory_file, link);

		if (!strcmp(file->path, path))
			return file;
	}
	return NULL;
}

static void file_free(struct memory_file *file)
{
	list_unlink(&file->link);
	for (unsigned i = 0; i < STORE_TABLES_MAX; i++)
		tree_unref(file->tables[i]);
	free(file->path);
	free(file);
}

static int file_new(struct memory *memory, const char *path,
		    const char *application, uint32_t version,
		    struct memory_file **ret_file)
{
	struct memory_file *file;

	file = calloc(1, sizeof(*file));
	if (!file)
		return -ENOMEM;
	list_init(&file->link);
	file->path = strdup(path);
	if (!file->path) {
		file_free(file);
		return -ENOMEM;
	}
	snprintf(file->application, sizeof(file->application), "%s",
		 application);
	file->version = version;
	list_push_back(&memory->files, &file->link);
	*ret_file = file;
	return 0;
}

static int file_check(const struct memory_file *file,
		      const struct store_layout *layout, unsigned flags)
{
	if (strcmp(file->application, layout->application) != 0)
		return -EBADMSG;
	if (file->version > layout->version)
		return -EPROTO;
	if (file->version < layout->version ||
	    file->n_tables != layout->n_tables)
		return -EBADMSG;
	return flags & STORE_SEALED && !file->is_sealed ? -EBUSY : 0;
}

static int file_find(struct memory *memory, const char *path,
		     const struct store_layout *layout, unsigned flags,
		     struct memory_file **ret_file)
{
	struct memory_file *file = file_lookup(memory, path);
	int r;

	if (file) {
		*ret_file = file;
		return file_check(file, layout, flags);
	}
	if (!(flags & STORE_CREATE))
		return -ENOENT;
	r = file_new(memory, path, layout->application, layout->version, &file);
	if (r)
		return r;
	file->n_tables = layout->n_tables;
	for (unsigned i = 0; i < layout->n_tables; i++)
		file->tables[i] = tree_empty();
	*ret_file = file;
	return 0;
}

static int memory_open(struct backend *backend, const char *path,
		       const struct store_layout *layout, unsigned flags,
		       struct store **ret_store)
{
	struct memory *memory = memory_of(backend);
	struct memory_store *handle;
	int r;

	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	handle->memory = memory;

	pthread_mutex_lock(&memory->lock);
	r = file_find(memory, path, layout, flags, &handle->file);
	if (!r)
		handle->file->n_open++;
	pthread_mutex_unlock(&memory->lock);
	if (r) {
		free(handle);
		return r;
	}
	*ret_store = &handle->store;
	return 0;
}

static void memory_close(struct store *store)
{
	struct memory_store *handle = handle_of(store);

	pthread_mutex_lock(&handle->memory->lock);
	handle->file->n_open--;
	pthread_mutex_unlock(&handle->memory->lock);
	free(handle);
}

static int memory_unlink(struct backend *backend, const char *path)
{
	struct memory *memory = memory_of(backend);
	struct memory_file *file;
	int r = 0;

	pthread_mutex_lock(&memory->lock);
	file = file_lookup(memory, path);
	if (!file)
		r = -ENOENT;
	else if (file->n_open)
		r = -EBUSY;
	else
		file_free(file);
	pthread_mutex_unlock(&memory->lock);
	return r;
}

static int memory_bytes(struct backend *backend, const char *path,
			uint64_t *ret_bytes)
{
	struct memory *memory = memory_of(backend);
	struct memory_file *file;

	pthread_mutex_lock(&memory->lock);
	file = file_lookup(memory, path);
	if (file)
		*ret_bytes = file->n_bytes;
	pthread_mutex_unlock(&memory->lock);
	return file ? 0 : -ENOENT;
}

static void memory_free(struct backend *backend)
{
	struct memory *memory = memory_of(backend);

	while (!list_is_empty(&memory->files))
		file_free(container_of(memory->files.next, struct memory_file,
				       link));
	pthread_mutex_destroy(&memory->lock);
	free(memory);
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

static int memory_snapshot(struct store *store)
{
	struct memory_store *handle = handle_of(store);

	pthread_mutex_lock(&handle->memory->lock);
	look(handle);
	pthread_mutex_unlock(&handle->memory->lock);
	return 0;
}

static void memory_end(struct store *store)
{
	struct memory_store *handle = handle_of(store);

	pthread_mutex_lock(&handle->memory->lock);
	look_away(handle);
	pthread_mutex_unlock(&handle->memory->lock);
}

static int memory_begin(struct store *store)
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

static int memory_commit(struct store *store)
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

static void memory_rollback(struct store *store)
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

static int memory_put(struct store *store, unsigned table,
		      const struct store_key *key,
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

static int memory_remove(struct store *store, unsigned table,
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

static int memory_get(struct store *store, unsigned table,
		      const struct store_key *key, const void **ret_value,
		      size_t *ret_n_value)
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

static int memory_read(struct store *store, unsigned table, uint64_t number,
		       size_t offset, void *buffer, size_t n)
{
	const struct store_key key = { .number = number };

	return part_of(tree_lookup(handle_of(store)->tables[table], &key),
		       offset, buffer, n);
}

static int memory_cursor_open(struct store *store, unsigned table,
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

static void memory_cursor_close(struct store_cursor *cursor)
{
	struct memory_cursor *own = cursor_of(cursor);
	struct memory *memory = handle_of(cursor->store)->memory;

	pthread_mutex_lock(&memory->lock);
	tree_unref(own->table);
	pthread_mutex_unlock(&memory->lock);
	free(own);
}

static int memory_cursor_next(struct store_cursor *cursor)
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

static int memory_cursor_value(struct store_cursor *cursor,
			       const void **ret_value, size_t *ret_n_value)
{
	const struct tree_row *row = cursor_of(cursor)->row;

	*ret_value = row->value;
	*ret_n_value = row->n_value;
	return 0;
}

static int memory_cursor_read(struct store_cursor *cursor, size_t offset,
			      void *buffer, size_t n)
{
	return part_of(cursor_of(cursor)->row, offset, buffer, n);
}

/* ---- care ---- */

static int memory_checkpoint(struct store *store)
{
	return 0;
}

static int memory_seal(struct store *store)
{
	struct memory_store *handle = handle_of(store);
	int r = 0;

	pthread_mutex_lock(&handle->memory->lock);
	if (handle->file->n_open > 1)
		r = -EBUSY;
	else
		handle->file->is_sealed = true;
	pthread_mutex_unlock(&handle->memory->lock);
	return r;
}

static int file_copy(struct memory *memory, const struct memory_file *from,
		     const char *path)
{
	struct memory_file *file;
	int r;

	if (file_lookup(memory, path))
		return -EEXIST;
	r = file_new(memory, path, from->application, from->version, &file);
	if (r)
		return r;
	file->n_tables = from->n_tables;
	file->n_bytes = from->n_bytes;
	file->is_sealed = true;
	for (unsigned i = 0; i < from->n_tables; i++)
		file->tables[i] = tree_ref(from->tables[i]);
	return 0;
}

static int memory_backup(struct store *store, const char *path)
{
	struct memory_store *handle = handle_of(store);
	int r;

	pthread_mutex_lock(&handle->memory->lock);
	r = file_copy(handle->memory, handle->file, path);
	pthread_mutex_unlock(&handle->memory->lock);
	return r;
}

static int memory_check(struct store *store)
{
	return 0;
}

static const struct driver memory_driver = {
	.open = memory_open,
	.close = memory_close,
	.unlink = memory_unlink,
	.bytes = memory_bytes,
	.free = memory_free,
	.begin = memory_begin,
	.commit = memory_commit,
	.rollback = memory_rollback,
	.put = memory_put,
	.remove = memory_remove,
	.snapshot = memory_snapshot,
	.end = memory_end,
	.get = memory_get,
	.read = memory_read,
	.cursor_open = memory_cursor_open,
	.cursor_close = memory_cursor_close,
	.cursor_next = memory_cursor_next,
	.cursor_value = memory_cursor_value,
	.cursor_read = memory_cursor_read,
	.checkpoint = memory_checkpoint,
	.seal = memory_seal,
	.backup = memory_backup,
	.check = memory_check,
};

int backend_memory_new(struct backend **ret_backend)
{
	struct memory *memory;

	memory = calloc(1, sizeof(*memory));
	if (!memory)
		return -ENOMEM;
	memory->backend.driver = &memory_driver;
	pthread_mutex_init(&memory->lock, NULL);
	list_init(&memory->files);
	*ret_backend = &memory->backend;
	return 0;
}
