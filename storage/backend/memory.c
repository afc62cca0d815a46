/* SPDX-License-Identifier: MIT */

#include "storage/backend/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memory *memory_of(struct backend *backend)
{
	return container_of(backend, struct memory, backend);
}

static struct memory_store *handle_of(struct store *store)
{
	return container_of(store, struct memory_store, store);
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
	if (flags & STORE_SEALED && !file->is_sealed)
		return -EBUSY;
	return flags & STORE_BESIDE && file->is_sealed ? -EBUSY : 0;
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
	.length = memory_bytes,
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
