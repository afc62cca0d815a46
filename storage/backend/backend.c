/* SPDX-License-Identifier: MIT */

#include "storage/backend/backend.h"

#include <errno.h>
#include <string.h>

#include "storage/backend/driver.h"

/*
 * A table's name becomes part of SQL, so nothing but letters may be in it.
 */
static bool is_name(const char *name)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz_");

	return n && n <= 32 && !name[n];
}

static bool is_layout(const struct store_layout *layout)
{
	if (strlen(layout->application) != 4 || !layout->n_tables ||
	    layout->n_tables > STORE_TABLES_MAX || layout->version > INT32_MAX)
		return false;
	for (unsigned i = 0; i < layout->n_tables; i++)
		if (!is_name(layout->tables[i].name))
			return false;
	return true;
}

static bool is_key(const struct store *store, unsigned table,
		   const struct store_key *key)
{
	if (table >= store->layout->n_tables)
		return false;
	if (store->layout->tables[table].kind == STORE_NUMBERED)
		return key->number && key->number <= INT64_MAX;
	return key->n_bytes <= STORE_KEY_MAX;
}

static bool is_numbered(const struct store *store, unsigned table)
{
	return table < store->layout->n_tables &&
	       store->layout->tables[table].kind == STORE_NUMBERED;
}

static bool is_too_long(const struct store_piece *pieces, size_t n_pieces)
{
	size_t n_left = STORE_VALUE_MAX;

	for (size_t i = 0; i < n_pieces; i++) {
		if (pieces[i].n_bytes > n_left)
			return true;
		n_left -= pieces[i].n_bytes;
	}
	return false;
}

/*
 * The kernel forgets what it could not write, and says so once: whoever asked
 * again would be told that all is well. So a handle that could write believes
 * nothing any more once the disk has failed under it.
 */
static int outcome(struct store *store, int r)
{
	if (r == -EIO && !(store->flags & STORE_READ_ONLY))
		store->is_stale = true;
	return r;
}

static int enter(const struct store *store, enum store_state state)
{
	if (store->is_stale)
		return -ESTALE;
	return store->state == state ? 0 : -EINVAL;
}

static int enter_reading(const struct store *store)
{
	if (store->is_stale)
		return -ESTALE;
	return store->state == STORE_IDLE ? -EINVAL : store->failure;
}

void driver_join(const struct store_piece *pieces, size_t n_pieces,
		 void *buffer)
{
	unsigned char *at = buffer;

	for (size_t i = 0; i < n_pieces; i++) {
		if (!pieces[i].n_bytes)
			continue;
		memcpy(at, pieces[i].bytes, pieces[i].n_bytes);
		at += pieces[i].n_bytes;
	}
}

bool backend_has_files(const struct backend *backend)
{
	return backend->driver->has_files;
}

struct backend *backend_free(struct backend *backend)
{
	if (backend && backend->driver->free)
		backend->driver->free(backend);
	return NULL;
}

int store_open(struct backend *backend, const char *path,
	       const struct store_layout *layout, unsigned flags,
	       struct store **ret_store)
{
	struct store *store;
	int r;

	if (flags & STORE_SEALED)
		flags |= STORE_READ_ONLY;
	if (!is_layout(layout) ||
	    (flags & STORE_CREATE && flags & (STORE_READ_ONLY | STORE_BESIDE)))
		return -EINVAL;

	r = backend->driver->open(backend, path, layout, flags, &store);
	if (r)
		return r;
	store->driver = backend->driver;
	store->layout = layout;
	store->flags = flags;
	*ret_store = store;
	return 0;
}

struct store *store_close(struct store *store)
{
	if (!store)
		return NULL;
	store_rollback(store);
	store_end(store);
	store->driver->close(store);
	return NULL;
}

int store_unlink(struct backend *backend, const char *path)
{
	return backend->driver->unlink(backend, path);
}

int store_bytes(struct backend *backend, const char *path, uint64_t *ret_bytes)
{
	return backend->driver->bytes(backend, path, ret_bytes);
}

int store_length(struct backend *backend, const char *path,
		 uint64_t *ret_length)
{
	return backend->driver->length(backend, path, ret_length);
}

const char *store_error(const struct store *store)
{
	return store->error;
}

int store_begin(struct store *store)
{
	int r;

	r = enter(store, STORE_IDLE);
	if (r)
		return r;
	if (store->flags & (STORE_READ_ONLY | STORE_BESIDE))
		return -EROFS;
	r = outcome(store, store->driver->begin(store));
	if (r)
		return r;
	store->state = STORE_WRITING;
	store->failure = 0;
	return 0;
}

int store_commit(struct store *store)
{
	int r;

	if (store->state != STORE_WRITING)
		return store->is_stale ? -ESTALE : -EINVAL;
	r = store->is_stale ? -ESTALE : store->failure;
	if (r) {
		store_rollback(store);
		return r;
	}
	store->state = STORE_IDLE;
	return outcome(store, store->driver->commit(store));
}

void store_rollback(struct store *store)
{
	if (store->state != STORE_WRITING)
		return;
	store->state = STORE_IDLE;
	store->failure = 0;
	store->driver->rollback(store);
}

/* Half of a change may be there: the transaction is good for nothing. */
static int changed(struct store *store, int r)
{
	store->failure = outcome(store, r);
	return r;
}

int store_put(struct store *store, unsigned table, const struct store_key *key,
	      const struct store_piece *pieces, size_t n_pieces)
{
	int r;

	r = enter(store, STORE_WRITING);
	if (r)
		return r;
	if (store->failure)
		return store->failure;
	if (!is_key(store, table, key))
		return -EINVAL;
	if (is_too_long(pieces, n_pieces))
		return -EMSGSIZE;
	return changed(store,
		       store->driver->put(store, table, key, pieces, n_pieces));
}

int store_delete(struct store *store, unsigned table,
		 const struct store_key *key)
{
	int r;

	r = enter(store, STORE_WRITING);
	if (r)
		return r;
	if (store->failure)
		return store->failure;
	if (!is_key(store, table, key))
		return -EINVAL;
	return changed(store, store->driver->remove(store, table, key));
}

int store_snapshot(struct store *store)
{
	int r;

	r = enter(store, STORE_IDLE);
	if (r)
		return r;
	r = outcome(store, store->driver->snapshot(store));
	if (r)
		return r;
	store->state = STORE_READING;
	store->failure = 0;
	return 0;
}

void store_end(struct store *store)
{
	if (store->state != STORE_READING)
		return;
	store->state = STORE_IDLE;
	store->driver->end(store);
}

int store_get(struct store *store, unsigned table, const struct store_key *key,
	      const void **ret_value, size_t *ret_n_value)
{
	int r;

	r = enter_reading(store);
	if (r)
		return r;
	if (!is_key(store, table, key))
		return -EINVAL;
	return outcome(store, store->driver->get(store, table, key, ret_value,
						 ret_n_value));
}

int store_read(struct store *store, unsigned table, uint64_t number,
	       size_t offset, void *buffer, size_t n)
{
	const struct store_key key = { .number = number };
	int r;

	r = enter_reading(store);
	if (r)
		return r;
	if (!is_numbered(store, table) || !is_key(store, table, &key))
		return -EINVAL;
	return outcome(store, store->driver->read(store, table, number, offset,
						  buffer, n));
}

int store_cursor_open(struct store *store, unsigned table, enum store_seek seek,
		      const struct store_key *key,
		      struct store_cursor **ret_cursor)
{
	struct store_cursor *cursor;
	int r;

	r = enter_reading(store);
	if (r)
		return r;
	if (table >= store->layout->n_tables ||
	    (key && !is_numbered(store, table) && !is_key(store, table, key)))
		return -EINVAL;
	r = outcome(store, store->driver->cursor_open(store, table, seek, key,
						      &cursor));
	if (r)
		return r;
	cursor->store = store;
	cursor->table = table;
	cursor->is_at_entry = false;
	cursor->key = (struct store_key){ 0 };
	*ret_cursor = cursor;
	return 0;
}

struct store_cursor *store_cursor_close(struct store_cursor *cursor)
{
	if (cursor)
		cursor->store->driver->cursor_close(cursor);
	return NULL;
}

int store_cursor_next(struct store_cursor *cursor)
{
	struct store *store = cursor->store;
	int r;

	r = enter_reading(store);
	if (r)
		return r;
	r = outcome(store, store->driver->cursor_next(cursor));
	cursor->is_at_entry = r == 1;
	return r;
}

struct store_key store_cursor_key(const struct store_cursor *cursor)
{
	return cursor->key;
}

int store_cursor_value(struct store_cursor *cursor, const void **ret_value,
		       size_t *ret_n_value)
{
	struct store *store = cursor->store;
	int r;

	r = enter_reading(store);
	if (r)
		return r;
	if (!cursor->is_at_entry)
		return -EINVAL;
	return outcome(store, store->driver->cursor_value(cursor, ret_value,
							  ret_n_value));
}

int store_cursor_read(struct store_cursor *cursor, size_t offset, void *buffer,
		      size_t n)
{
	struct store *store = cursor->store;
	int r;

	r = enter_reading(store);
	if (r)
		return r;
	if (!cursor->is_at_entry || !is_numbered(store, cursor->table))
		return -EINVAL;
	return outcome(store,
		       store->driver->cursor_read(cursor, offset, buffer, n));
}

int store_checkpoint(struct store *store)
{
	int r;

	r = enter(store, STORE_IDLE);
	if (r)
		return r;
	if (store->flags & STORE_READ_ONLY)
		return -EROFS;
	return outcome(store, store->driver->checkpoint(store));
}

int store_seal(struct store *store)
{
	int r;

	r = enter(store, STORE_IDLE);
	if (r)
		return r;
	if (store->flags & STORE_READ_ONLY)
		return -EROFS;
	r = outcome(store, store->driver->seal(store));
	if (!r)
		store->flags |= STORE_READ_ONLY;
	return r;
}

int store_backup(struct store *store, const char *path)
{
	int r;

	r = enter(store, STORE_IDLE);
	if (r)
		return r;
	/* What fails may be the disk of the copy, and not this one. */
	return store->driver->backup(store, path);
}

int store_check(struct store *store)
{
	int r;

	r = enter(store, STORE_IDLE);
	if (r)
		return r;
	return outcome(store, store->driver->check(store));
}
