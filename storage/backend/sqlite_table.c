/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "storage/backend/sqlite.h"

/* Above this a buffer for one value is not kept for the next. */
enum { JOINED_KEPT_BYTES = 4 << 20 };

int sqlite_prepare(struct sqlite_store *handle, sqlite3_stmt **stmt,
		   const char *format, unsigned table)
{
	char sql[256];

	if (*stmt)
		return 0;
	/* backend.c has seen to it that a name is letters. */
	sqlite3_snprintf(sizeof(sql), sql, format,
			 handle->store.layout->tables[table].name);
	return sqlite_outcome(handle,
			      sqlite3_prepare_v3(handle->db, sql, -1,
						 SQLITE_PREPARE_PERSISTENT,
						 stmt, NULL));
}

int sqlite_do(struct sqlite_store *handle, sqlite3_stmt *stmt)
{
	int r = sqlite_outcome(handle, sqlite3_step(stmt));

	sqlite3_reset(stmt);
	return r;
}

int sqlite_exec(struct sqlite_store *handle, const char *sql)
{
	return sqlite_outcome(handle,
			      sqlite3_exec(handle->db, sql, NULL, NULL, NULL));
}

static bool is_numbered(const struct sqlite_store *handle, unsigned table)
{
	return handle->store.layout->tables[table].kind == STORE_NUMBERED;
}

int sqlite_bind_key(struct sqlite_store *handle, sqlite3_stmt *stmt, int place,
		    unsigned table, const struct store_key *key)
{
	int code;

	if (is_numbered(handle, table)) {
		code = sqlite3_bind_int64(stmt, place,
					  key->number > INT64_MAX
						  ? INT64_MAX
						  : (int64_t)key->number);
	} else {
		/* An empty key is bytes too, and not NULL. */
		code = sqlite3_bind_blob(stmt, place,
					 key->n_bytes ? key->bytes : "",
					 (int)key->n_bytes, SQLITE_STATIC);
	}
	return sqlite_outcome(handle, code);
}

void sqlite_release(struct sqlite_store *handle)
{
	if (handle->held)
		sqlite3_reset(handle->held);
	handle->held = NULL;
}

static void blob_close(struct sqlite_store *handle, unsigned table)
{
	sqlite3_blob_close(handle->tables[table].blob);
	handle->tables[table].blob = NULL;
}

void sqlite_settle_rows(struct sqlite_store *handle)
{
	sqlite_release(handle);
	for (unsigned i = 0; i < handle->store.layout->n_tables; i++)
		blob_close(handle, i);
}

void sqlite_finalize(struct sqlite_store *handle)
{
	for (unsigned i = 0; i < STORE_TABLES_MAX; i++) {
		struct sqlite_table *table = &handle->tables[i];

		sqlite3_finalize(table->put);
		sqlite3_finalize(table->remove);
		sqlite3_finalize(table->get);
		for (unsigned k = 0; k < 4; k++)
			sqlite3_finalize(table->seek[k]);
		*table = (struct sqlite_table){ 0 };
	}
	sqlite3_finalize(handle->begin);
	sqlite3_finalize(handle->begin_reading);
	sqlite3_finalize(handle->look);
	sqlite3_finalize(handle->commit);
	sqlite3_finalize(handle->rollback);
	handle->begin = handle->begin_reading = NULL;
	handle->look = handle->commit = handle->rollback = NULL;
}

/* ---- writing ---- */

static int make_room(struct sqlite_store *handle, size_t n)
{
	void *joined;

	if (n <= handle->joined_max)
		return 0;
	joined = malloc(n);
	if (!joined)
		return -ENOMEM;
	free(handle->joined);
	handle->joined = joined;
	handle->joined_max = n;
	return 0;
}

/*
 * One piece is bound as it is. Several are put together first: to reserve room
 * in the table and write them one by one costs more than to copy them.
 */
static int bind_value(struct sqlite_store *handle, sqlite3_stmt *stmt,
		      const struct store_piece *pieces, size_t n_pieces)
{
	size_t n = driver_value_bytes(pieces, n_pieces);
	const void *value = n_pieces ? pieces[0].bytes : NULL;
	int r;

	if (n_pieces > 1) {
		r = make_room(handle, n);
		if (r)
			return r;
		driver_join(pieces, n_pieces, handle->joined);
		value = handle->joined;
	}
	return sqlite_outcome(
		handle,
		sqlite3_bind_blob64(stmt, 2, n ? value : "", n, SQLITE_STATIC));
}

static void forget_value(struct sqlite_store *handle, sqlite3_stmt *stmt)
{
	if (stmt)
		sqlite3_clear_bindings(stmt);
	if (handle->joined_max <= JOINED_KEPT_BYTES)
		return;
	free(handle->joined);
	handle->joined = NULL;
	handle->joined_max = 0;
}

int sqlite_put(struct store *store, unsigned table, const struct store_key *key,
	       const struct store_piece *pieces, size_t n_pieces)
{
	struct sqlite_store *handle = sqlite_handle(store);
	struct sqlite_table *own = &handle->tables[table];
	int r;

	sqlite_release(handle);
	blob_close(handle, table);
	r = sqlite_prepare(handle, &own->put,
			   "REPLACE INTO \"%w\" VALUES(?1, ?2)", table);
	if (!r)
		r = sqlite_bind_key(handle, own->put, 1, table, key);
	if (!r)
		r = bind_value(handle, own->put, pieces, n_pieces);
	if (!r)
		r = sqlite_do(handle, own->put);
	forget_value(handle, own->put);
	return r;
}

static const char *key_name(const struct sqlite_store *handle, unsigned table,
			    const char *numbered, const char *keyed)
{
	return is_numbered(handle, table) ? numbered : keyed;
}

int sqlite_remove(struct store *store, unsigned table,
		  const struct store_key *key)
{
	struct sqlite_store *handle = sqlite_handle(store);
	struct sqlite_table *own = &handle->tables[table];
	int r;

	sqlite_release(handle);
	blob_close(handle, table);
	r = sqlite_prepare(handle, &own->remove,
			   key_name(handle, table,
				    "DELETE FROM \"%w\" WHERE id = ?1",
				    "DELETE FROM \"%w\" WHERE key = ?1"),
			   table);
	if (!r)
		r = sqlite_bind_key(handle, own->remove, 1, table, key);
	if (!r)
		r = sqlite_do(handle, own->remove);
	return r;
}

/* ---- reading ---- */

static int not_bytes(struct sqlite_store *handle)
{
	snprintf(handle->store.error, sizeof(handle->store.error),
		 "%s: a value is no bytes", handle->path);
	return -EBADMSG;
}

/* The row that `stmt` is at, whose only column is the value. */
static int hold_value(struct sqlite_store *handle, sqlite3_stmt *stmt,
		      const void **ret_value, size_t *ret_n_value)
{
	const void *value;
	int n;

	handle->held = stmt;
	if (sqlite3_column_type(stmt, 0) != SQLITE_BLOB)
		return not_bytes(handle);
	value = sqlite3_column_blob(stmt, 0);
	n = sqlite3_column_bytes(stmt, 0);
	if (!value && n)
		return -ENOMEM;
	*ret_value = value ? value : "";
	*ret_n_value = (size_t)n;
	return 1;
}

int sqlite_get(struct store *store, unsigned table, const struct store_key *key,
	       const void **ret_value, size_t *ret_n_value)
{
	struct sqlite_store *handle = sqlite_handle(store);
	struct sqlite_table *own = &handle->tables[table];
	int code;
	int r;

	sqlite_release(handle);
	r = sqlite_prepare(handle, &own->get,
			   key_name(handle, table,
				    "SELECT value FROM \"%w\" WHERE id = ?1",
				    "SELECT value FROM \"%w\" WHERE key = ?1"),
			   table);
	if (!r)
		r = sqlite_bind_key(handle, own->get, 1, table, key);
	if (r)
		return r;
	code = sqlite3_step(own->get);
	if (code == SQLITE_ROW)
		return hold_value(handle, own->get, ret_value, ret_n_value);
	r = sqlite_outcome(handle, code);
	sqlite3_reset(own->get);
	return r;
}

/* SQLite says "error" for a row that is not there: it is looked for again. */
static int blob_missing(struct sqlite_store *handle, unsigned table,
			uint64_t number)
{
	const struct store_key key = { .number = number };
	const void *value;
	size_t n;
	int r;

	r = sqlite_get(&handle->store, table, &key, &value, &n);
	sqlite_release(handle);
	return r == 1 ? -EBADMSG : r;
}

int sqlite_blob_at(struct sqlite_store *handle, unsigned table, uint64_t number)
{
	struct sqlite_table *own = &handle->tables[table];
	int code;

	if (own->blob)
		code = sqlite3_blob_reopen(own->blob, (int64_t)number);
	else
		code = sqlite3_blob_open(
			handle->db, "main",
			handle->store.layout->tables[table].name, "value",
			(int64_t)number, 0, &own->blob);
	if (code == SQLITE_OK)
		return 1;
	blob_close(handle, table);
	if (code == SQLITE_ERROR)
		return blob_missing(handle, table, number);
	return sqlite_outcome(handle, code);
}

int sqlite_blob_part(struct sqlite_store *handle, unsigned table, size_t offset,
		     void *buffer, size_t n)
{
	sqlite3_blob *blob = handle->tables[table].blob;
	size_t n_blob = (size_t)sqlite3_blob_bytes(blob);
	int r;

	if (offset > n_blob || n > n_blob - offset)
		return 0;
	r = sqlite_outcome(
		handle, sqlite3_blob_read(blob, buffer, (int)n, (int)offset));
	return r ? r : 1;
}

int sqlite_read(struct store *store, unsigned table, uint64_t number,
		size_t offset, void *buffer, size_t n)
{
	struct sqlite_store *handle = sqlite_handle(store);
	int r;

	sqlite_release(handle);
	r = sqlite_blob_at(handle, table, number);
	return r == 1 ? sqlite_blob_part(handle, table, offset, buffer, n) : r;
}
