/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "storage/backend/sqlite.h"

struct sqlite_cursor {
	struct store_cursor cursor;
	enum store_seek seek;
	sqlite3_stmt *stmt;
	void *value; /* a long one, once it was asked for */
	size_t value_max;
	unsigned char start[STORE_KEY_MAX + 1];
};

static struct sqlite_cursor *cursor_of(struct store_cursor *cursor)
{
	return container_of(cursor, struct sqlite_cursor, cursor);
}

/*
 * Columns are the key, and the value if it is short. The length of a value
 * stands before it: SQLite does not read the rest for that.
 */
#define SELECT(key)                                                     \
	"SELECT " key ", CASE WHEN length(value) <= 512 THEN value END" \
	" FROM \"%w\" WHERE " key
_Static_assert(SQLITE_SMALL_BYTES == 512, "as in the statement");

static const char *const seek_sql[2][4] = {
	[STORE_NUMBERED] = {
		[STORE_AT_OR_AFTER] = SELECT("id") " >= ?1 ORDER BY id",
		[STORE_AFTER] = SELECT("id") " > ?1 ORDER BY id",
		[STORE_AT_OR_BEFORE] = SELECT("id") " <= ?1 ORDER BY id DESC",
		[STORE_BEFORE] = SELECT("id") " < ?1 ORDER BY id DESC",
	},
	[STORE_KEYED] = {
		[STORE_AT_OR_AFTER] = SELECT("key") " >= ?1 ORDER BY key",
		[STORE_AFTER] = SELECT("key") " > ?1 ORDER BY key",
		[STORE_AT_OR_BEFORE] = SELECT("key") " <= ?1 ORDER BY key DESC",
		[STORE_BEFORE] = SELECT("key") " < ?1 ORDER BY key DESC",
	},
};

static bool is_upward(enum store_seek seek)
{
	return seek == STORE_AT_OR_AFTER || seek == STORE_AFTER;
}

/* Where `key` NULL begins: beyond all keys that there can be. */
static enum store_seek start_at_end(struct sqlite_cursor *cursor,
				    enum store_seek seek,
				    struct store_key *ret_start)
{
	*ret_start = (struct store_key){ .bytes = cursor->start };
	if (is_upward(seek))
		return STORE_AT_OR_AFTER;
	memset(cursor->start, 0xff, sizeof(cursor->start));
	ret_start->n_bytes = sizeof(cursor->start);
	ret_start->number = INT64_MAX;
	return STORE_AT_OR_BEFORE;
}

static void start_at_key(struct sqlite_cursor *cursor,
			 const struct store_key *key,
			 struct store_key *ret_start)
{
	*ret_start = *key;
	ret_start->bytes = cursor->start;
	/* A numbered table has no bytes, whatever the key has. */
	ret_start->n_bytes = key->bytes ? key->n_bytes : 0;
	if (ret_start->n_bytes > STORE_KEY_MAX)
		ret_start->n_bytes = 0;
	if (ret_start->n_bytes)
		memcpy(cursor->start, key->bytes, ret_start->n_bytes);
}

int sqlite_cursor_open(struct store *store, unsigned table,
		       enum store_seek seek, const struct store_key *key,
		       struct store_cursor **ret_cursor)
{
	struct sqlite_store *handle = sqlite_handle(store);
	enum store_kind kind = store->layout->tables[table].kind;
	_cleanup_(freep) struct sqlite_cursor *cursor = NULL;
	sqlite3_stmt **kept;
	struct store_key start;
	int r;

	sqlite_release(handle);
	cursor = calloc(1, sizeof(*cursor));
	if (!cursor)
		return -ENOMEM;
	if (key)
		start_at_key(cursor, key, &start);
	else
		seek = start_at_end(cursor, seek, &start);

	kept = &handle->tables[table].seek[seek];
	r = sqlite_prepare(handle, kept, seek_sql[kind][seek], table);
	if (!r)
		r = sqlite_bind_key(handle, *kept, 1, table, &start);
	if (r)
		return r;
	cursor->seek = seek;
	cursor->stmt = take_ptr(*kept);
	*ret_cursor = &take_ptr(cursor)->cursor;
	return 0;
}

void sqlite_cursor_close(struct store_cursor *cursor)
{
	struct sqlite_cursor *own = cursor_of(cursor);
	struct sqlite_store *handle = sqlite_handle(cursor->store);
	sqlite3_stmt **kept = &handle->tables[cursor->table].seek[own->seek];

	sqlite3_reset(own->stmt);
	if (*kept)
		sqlite3_finalize(own->stmt);
	else
		*kept = own->stmt;
	free(own->value);
	free(own);
}

/* A stranger's file may have anything where a key should be. */
static int take_key(struct sqlite_cursor *own)
{
	struct store_cursor *cursor = &own->cursor;
	const struct store_layout *layout = cursor->store->layout;
	int64_t number;

	if (layout->tables[cursor->table].kind == STORE_NUMBERED) {
		number = sqlite3_column_int64(own->stmt, 0);
		if (number < 1)
			return -EBADMSG;
		cursor->key = (struct store_key){ .number = (uint64_t)number };
		return 1;
	}
	if (sqlite3_column_type(own->stmt, 0) != SQLITE_BLOB ||
	    sqlite3_column_bytes(own->stmt, 0) > STORE_KEY_MAX)
		return -EBADMSG;
	cursor->key = (struct store_key){
		.bytes = sqlite3_column_blob(own->stmt, 0),
		.n_bytes = (size_t)sqlite3_column_bytes(own->stmt, 0),
	};
	if (!cursor->key.bytes)
		cursor->key.bytes = "";
	return 1;
}

int sqlite_cursor_next(struct store_cursor *cursor)
{
	struct sqlite_store *handle = sqlite_handle(cursor->store);
	struct sqlite_cursor *own = cursor_of(cursor);
	int code;
	int r;

	sqlite_release(handle);
	code = sqlite3_step(own->stmt);
	if (code == SQLITE_ROW)
		return take_key(own);
	r = sqlite_outcome(handle, code);
	/* It would begin anew if it were asked again. */
	sqlite3_reset(own->stmt);
	sqlite3_clear_bindings(own->stmt);
	return r;
}

static bool is_short(struct sqlite_cursor *own)
{
	return sqlite3_column_type(own->stmt, 1) == SQLITE_BLOB;
}

static int make_room(struct sqlite_cursor *own, size_t n)
{
	void *value;

	if (n <= own->value_max)
		return 0;
	value = malloc(n);
	if (!value)
		return -ENOMEM;
	free(own->value);
	own->value = value;
	own->value_max = n;
	return 0;
}

/* A keyed table has no blobs in SQLite's sense, but can be asked again. */
static int copy_keyed(struct sqlite_cursor *own, size_t *ret_n)
{
	struct store_cursor *cursor = &own->cursor;
	struct sqlite_store *handle = sqlite_handle(cursor->store);
	const void *value;
	size_t n;
	int r;

	r = sqlite_get(cursor->store, cursor->table, &cursor->key, &value, &n);
	if (r == 1) {
		r = make_room(own, n);
		if (!r && n)
			memcpy(own->value, value, n);
		*ret_n = n;
	} else if (!r) {
		r = -EBADMSG;
	}
	sqlite_release(handle);
	return r;
}

static int copy_numbered(struct sqlite_cursor *own, size_t *ret_n)
{
	struct store_cursor *cursor = &own->cursor;
	struct sqlite_store *handle = sqlite_handle(cursor->store);
	size_t n;
	int r;

	r = sqlite_blob_at(handle, cursor->table, cursor->key.number);
	if (r != 1)
		return r ? r : -EBADMSG;
	n = (size_t)sqlite3_blob_bytes(handle->tables[cursor->table].blob);
	r = n > STORE_VALUE_MAX ? -EBADMSG : make_room(own, n);
	if (r)
		return r;
	r = sqlite_blob_part(handle, cursor->table, 0, own->value, n);
	*ret_n = n;
	return r == 1 ? 0 : r;
}

int sqlite_cursor_value(struct store_cursor *cursor, const void **ret_value,
			size_t *ret_n_value)
{
	const struct store_layout *layout = cursor->store->layout;
	struct sqlite_cursor *own = cursor_of(cursor);
	size_t n = 0;
	int r;

	if (is_short(own)) {
		*ret_value = sqlite3_column_blob(own->stmt, 1);
		*ret_n_value = (size_t)sqlite3_column_bytes(own->stmt, 1);
		if (!*ret_value)
			*ret_value = "";
		return 0;
	}
	if (layout->tables[cursor->table].kind == STORE_NUMBERED)
		r = copy_numbered(own, &n);
	else
		r = copy_keyed(own, &n);
	if (r)
		return r;
	*ret_value = own->value ? own->value : "";
	*ret_n_value = n;
	return 0;
}

int sqlite_cursor_read(struct store_cursor *cursor, size_t offset, void *buffer,
		       size_t n)
{
	struct sqlite_store *handle = sqlite_handle(cursor->store);
	struct sqlite_cursor *own = cursor_of(cursor);
	size_t n_value;
	int r;

	if (is_short(own)) {
		n_value = (size_t)sqlite3_column_bytes(own->stmt, 1);
		if (offset > n_value || n > n_value - offset)
			return 0;
		if (n)
			memcpy(buffer,
			       (const char *)sqlite3_column_blob(own->stmt, 1) +
				       offset,
			       n);
		return 1;
	}
	r = sqlite_blob_at(handle, cursor->table, cursor->key.number);
	if (r != 1)
		return r ? r : -EBADMSG;
	return sqlite_blob_part(handle, cursor->table, offset, buffer, n);
}
