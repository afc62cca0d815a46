/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_SQLITE_H
#define STORAGE_BACKEND_SQLITE_H

/**
 * The backend on SQLite: a file is a database in WAL mode. A numbered table is
 * `CREATE TABLE n(id INTEGER PRIMARY KEY, value BLOB)`, a keyed one
 * `CREATE TABLE k(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID`.
 *
 *	sqlite.c	the backend; codes of SQLite become errnos
 *	sqlite_file.c	files: made, measured, removed
 *	sqlite_open.c	opened, and closed
 *	sqlite_wal.c	transactions, and the log that they are written to
 *	sqlite_settle.c	what others left in it
 *	sqlite_table.c	rows
 *	sqlite_cursor.c	and cursors on them
 *	sqlite_care.c	sealed, copied, checked
 *	gather.c	how the log is written: in few calls
 *	ahead.c		how a file is read that nobody writes by this handle
 *	under.c		and what both leave to the VFS below them
 */

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "storage/backend/driver.h"
#include "storage/backend/gather.h"

enum {
	SQLITE_PAGE_BYTES = 8192,
	/* Values up to this come with a cursor's row, longer ones if asked. */
	SQLITE_SMALL_BYTES = 512,
	SQLITE_WAIT_MS = 5000,
	/* The VFS of SQLite writes less than 128 KiB at once, or nothing. */
	SQLITE_WRITE_BYTES = 65536,
};

struct sqlite {
	struct backend backend;
	struct gather gather;
	const char *vfs; /* its name */
};

/** Statements are prepared when they are needed first, and kept. */
struct sqlite_table {
	sqlite3_stmt *put;
	sqlite3_stmt *remove;
	sqlite3_stmt *get;
	sqlite3_stmt *seek[4]; /* by enum store_seek; NULL also: in use */
	sqlite3_blob *blob;    /* for parts of values */
};

struct sqlite_store {
	struct store store;
	const struct sqlite *sqlite;
	char *path;
	sqlite3 *db;
	sqlite3_stmt *begin;
	sqlite3_stmt *begin_reading;
	sqlite3_stmt *look;
	sqlite3_stmt *commit;
	sqlite3_stmt *rollback; /* prepared when there is memory: at opening */
	sqlite3_stmt *held;     /* whose value the caller has */
	void *joined;           /* the pieces of a value */
	size_t joined_max;
	unsigned n_wal_pages; /* when the last commit was done */
	unsigned move_at_pages;
	const volatile uint32_t *wal_index; /* SQLite's, of a large file */
	bool is_settled;                    /* see sqlite_settle.c */
	bool is_enlarged; /* there is room for its log, or none */
	struct sqlite_table tables[STORE_TABLES_MAX];
};

static inline struct sqlite_store *sqlite_handle(struct store *store)
{
	return container_of(store, struct sqlite_store, store);
}

/* ---- codes ---- */

/**
 * What a result of SQLite is as an errno: 0 for OK, ROW and DONE. The text of
 * it is kept for store_error().
 */
int sqlite_outcome(struct sqlite_store *handle, int code);
/** The same for `db`, without keeping anything. */
int sqlite_errno(sqlite3 *db, int code);
/** The same for what a call of `file` itself returned, if it was no read. */
int sqlite_file_errno(sqlite3_file *file, int code);
/** The errno with which a call on `file` failed last, or 0. NULL is fine. */
int sqlite_file_failure(sqlite3_file *file);

/* ---- files ---- */

/**
 * Have `db` keep its journal in this mode, "wal", "delete" or "persist";
 * *ret_is_so: whether it does. Returns a code of SQLite.
 */
int sqlite_mode(sqlite3 *db, const char *mode, bool *ret_is_so);

int sqlite_open(struct backend *backend, const char *path,
		const struct store_layout *layout, unsigned flags,
		struct store **ret_store);
void sqlite_close(struct store *store);
int sqlite_unlink(struct backend *backend, const char *path);
int sqlite_length(struct backend *backend, const char *path,
		  uint64_t *ret_length);
int sqlite_bytes(struct backend *backend, const char *path,
		 uint64_t *ret_bytes);

/** Make one that is not there, with all tables; nothing is in them. */
int sqlite_create(const struct sqlite *sqlite, const char *path,
		  const struct store_layout *layout);
/** Remove what SQLite has beside a file, all of which is in the file. */
int sqlite_unlink_beside(const char *path);
/** PATH-wal and the like; the caller's to free, or NULL. */
char *sqlite_beside(const char *path, const char *suffix);
/** 1, or 0: SQLite has left nothing beside the file. */
int sqlite_has_beside(const char *path);
uint32_t sqlite_application_id(const struct store_layout *layout);
/** How a table is created; sqlite3_free()'s, or NULL. */
char *sqlite_sql_of_table(const struct store_layout *layout, unsigned table);

/* ---- transactions ---- */

int sqlite_begin(struct store *store);
int sqlite_commit(struct store *store);
void sqlite_rollback(struct store *store);
int sqlite_snapshot(struct store *store);
void sqlite_end(struct store *store);
int sqlite_checkpoint(struct store *store);

/** Bring to disk what was left in the log, in a transaction that can write. */
int sqlite_settle(struct sqlite_store *handle);
/** The log, or NULL while there is none. */
sqlite3_file *sqlite_log_file(struct sqlite_store *handle);
/** Leave the log in a state in which the next one to open has no work. */
void sqlite_leave(struct sqlite_store *handle);
/** Have the commits of this handle counted, and the log bounded. */
int sqlite_watch(struct sqlite_store *handle);

/* ---- rows ---- */

int sqlite_put(struct store *store, unsigned table, const struct store_key *key,
	       const struct store_piece *pieces, size_t n_pieces);
int sqlite_remove(struct store *store, unsigned table,
		  const struct store_key *key);
int sqlite_get(struct store *store, unsigned table, const struct store_key *key,
	       const void **ret_value, size_t *ret_n_value);
int sqlite_read(struct store *store, unsigned table, uint64_t number,
		size_t offset, void *buffer, size_t n);

/** Prepare `format` with the table's name for %w, unless *stmt is there. */
int sqlite_prepare(struct sqlite_store *handle, sqlite3_stmt **stmt,
		   const char *format, unsigned table);
/** Do what returns no rows. */
int sqlite_do(struct sqlite_store *handle, sqlite3_stmt *stmt);
int sqlite_exec(struct sqlite_store *handle, const char *sql);
/** Bind a key of this table to the parameter `place`. */
int sqlite_bind_key(struct sqlite_store *handle, sqlite3_stmt *stmt, int place,
		    unsigned table, const struct store_key *key);
/** Move the table's blob there. Returns 1, or 0: no such row. */
int sqlite_blob_at(struct sqlite_store *handle, unsigned table,
		   uint64_t number);
/** Read a part of what the blob is at. Returns 1, or 0: it is shorter. */
int sqlite_blob_part(struct sqlite_store *handle, unsigned table, size_t offset,
		     void *buffer, size_t n);
/** Give back what was held for the caller of sqlite_get(). */
void sqlite_release(struct sqlite_store *handle);
/** No statement and no blob is under way any more. */
void sqlite_settle_rows(struct sqlite_store *handle);
void sqlite_finalize(struct sqlite_store *handle);

/* ---- cursors ---- */

int sqlite_cursor_open(struct store *store, unsigned table,
		       enum store_seek seek, const struct store_key *key,
		       struct store_cursor **ret_cursor);
void sqlite_cursor_close(struct store_cursor *cursor);
int sqlite_cursor_next(struct store_cursor *cursor);
int sqlite_cursor_value(struct store_cursor *cursor, const void **ret_value,
			size_t *ret_n_value);
int sqlite_cursor_read(struct store_cursor *cursor, size_t offset, void *buffer,
		       size_t n);

/* ---- care ---- */

int sqlite_seal(struct store *store);
int sqlite_backup(struct store *store, const char *path);
int sqlite_check(struct store *store);

#endif
