/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "storage/backend/sqlite.h"

enum { PATH_BYTES_MAX = 4096 };

/* To SQLite a file of no bytes is a new one; here it is one that lost them. */
static int find_or_create(const struct sqlite *sqlite, const char *path,
			  const struct store_layout *layout, unsigned flags)
{
	struct stat status;

	if (!stat(path, &status))
		return S_ISREG(status.st_mode) && status.st_size ? 0 : -EBADMSG;
	if (errno != ENOENT || !(flags & STORE_CREATE))
		return -errno;
	return sqlite_create(sqlite, path, layout);
}

static void add_escaped(struct buffer *uri, const char *path)
{
	for (; *path; path++) {
		if (strchr("?#%", *path))
			buffer_format(uri, "%%%02x", (unsigned char)*path);
		else
			buffer_add(uri, path, 1);
	}
}

static int open_database(struct sqlite_store *handle, unsigned flags)
{
	int open_flags =
		SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	struct buffer uri;
	int r;

	open_flags |= flags & STORE_READ_ONLY ? SQLITE_OPEN_READONLY
					      : SQLITE_OPEN_READWRITE;
	buffer_init(&uri, PATH_BYTES_MAX * 4);
	/* The empty host lets a path begin with any number of slashes. */
	buffer_text(&uri, handle->path[0] == '/' ? "file://" : "file:");
	add_escaped(&uri, handle->path);
	if (flags & STORE_SEALED)
		buffer_text(&uri, "?immutable=1");
	r = buffer_error(&uri);
	if (!r)
		r = sqlite_outcome(handle,
				   sqlite3_open_v2(uri.bytes, &handle->db,
						   open_flags,
						   handle->sqlite->vfs));
	buffer_deinit(&uri);
	return r;
}

/* Nothing in a stranger's file is to be run, and nothing believed. */
static int distrust(struct sqlite_store *handle)
{
	static const struct {
		int option;
		int value;
	} settings[] = {
		{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
		{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
	};
	int code = SQLITE_OK;

	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!code)
			code = sqlite3_db_config(handle->db, settings[i].option,
						 settings[i].value, NULL);
	sqlite3_limit(handle->db, SQLITE_LIMIT_LENGTH,
		      (int)STORE_VALUE_MAX + SQLITE_PAGE_BYTES);
	sqlite3_limit(handle->db, SQLITE_LIMIT_ATTACHED, 0);
	return sqlite_outcome(handle, code);
}

/* There may be many that read, each once from end to end: they keep little. */
static int tune(struct sqlite_store *handle)
{
	int r;

	sqlite3_busy_timeout(handle->db, SQLITE_WAIT_MS);
	r = sqlite_exec(handle, "PRAGMA cell_size_check=ON;"
				"PRAGMA synchronous=FULL;"
				"PRAGMA cache_size=-4096;"
				"PRAGMA mmap_size=0;"
				"PRAGMA secure_delete=OFF;"
				"PRAGMA temp_store=MEMORY;");
	if (!r && handle->store.flags & STORE_READ_ONLY)
		r = sqlite_exec(handle, "PRAGMA cache_size=-1024;"
					"PRAGMA mmap_size=1073741824;");
	return r;
}

static int ask_number(struct sqlite_store *handle, const char *sql,
		      uint32_t *ret_number)
{
	sqlite3_stmt *stmt = NULL;
	int code;

	code = sqlite3_prepare_v2(handle->db, sql, -1, &stmt, NULL);
	if (!code)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW)
		*ret_number = (uint32_t)sqlite3_column_int(stmt, 0);
	code = sqlite_outcome(handle, code);
	sqlite3_finalize(stmt);
	return code;
}

static int complain(struct sqlite_store *handle, int r, const char *what)
{
	snprintf(handle->store.error, sizeof(handle->store.error), "%s: %s",
		 handle->path, what);
	return r;
}

/* SQLite opens for reading what it could not open to write. */
static int check_access(struct sqlite_store *handle)
{
	if (!sqlite3_db_readonly(handle->db, "main"))
		return 0;
	return complain(handle, access(handle->path, W_OK) ? -EACCES : -EIO,
			"it cannot be opened to write");
}

static int check_header(struct sqlite_store *handle)
{
	const struct store_layout *layout = handle->store.layout;
	uint32_t application = 0;
	uint32_t version = 0;
	int r;

	r = ask_number(handle, "PRAGMA application_id", &application);
	if (!r)
		r = ask_number(handle, "PRAGMA user_version", &version);
	if (r)
		return r;
	if (application != sqlite_application_id(layout))
		return complain(handle, -EBADMSG, "it is no such file");
	if (version > layout->version && version <= INT32_MAX)
		return complain(handle, -EPROTO, "it is of a later version");
	if (version != layout->version)
		return complain(handle, -EBADMSG, "it is of another version");
	return 0;
}

/* 1: the row is about this table as it should be; 0: it is not. */
static int is_table(struct sqlite_store *handle, sqlite3_stmt *stmt,
		    unsigned table)
{
	const char *sql = (const char *)sqlite3_column_text(stmt, 0);
	char *expected;
	int is_same;

	if (!sql)
		return sqlite3_errcode(handle->db) == SQLITE_NOMEM ? -ENOMEM
								   : 0;
	if (table >= handle->store.layout->n_tables)
		return 0;
	expected = sqlite_sql_of_table(handle->store.layout, table);
	if (!expected)
		return -ENOMEM;
	is_same = !strcmp(sql, expected);
	sqlite3_free(expected);
	return is_same;
}

/* There are these tables, and neither triggers, views nor anything else. */
static int check_tables(struct sqlite_store *handle)
{
	sqlite3_stmt *stmt = NULL;
	unsigned n = 0;
	int is_same = 1;
	int code;
	int r;

	code = sqlite3_prepare_v2(handle->db,
				  "SELECT sql FROM sqlite_schema "
				  "ORDER BY rowid",
				  -1, &stmt, NULL);
	if (!code)
		code = sqlite3_step(stmt);
	while (code == SQLITE_ROW &&
	       (is_same = is_table(handle, stmt, n)) > 0) {
		n++;
		code = sqlite3_step(stmt);
	}
	r = is_same < 0 ? is_same : sqlite_outcome(handle, code);
	if (!r && (code != SQLITE_DONE || n != handle->store.layout->n_tables))
		r = complain(handle, -EBADMSG, "it has other tables");
	sqlite3_finalize(stmt);
	return r;
}

/* What the header says: bytes 18 and 19 are 2 if the file has a WAL. */
static int ask_header(struct sqlite_store *handle, bool *ret_has_wal)
{
	unsigned char header[20];
	sqlite3_file *file = NULL;
	int code;

	sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_FILE_POINTER,
			     &file);
	code = file->pMethods->xRead(file, header, sizeof(header), 0);
	if (code == SQLITE_IOERR_SHORT_READ)
		return complain(handle, -EBADMSG, "it is no such file");
	if (code)
		return sqlite_outcome(handle, code);
	*ret_has_wal = header[18] == 2 || header[19] == 2;
	return 0;
}

/* Where the header does not say so, nobody sealed the file, or not wholly. */
static int check_sealed(struct sqlite_store *handle)
{
	bool has_wal;
	int r;

	r = ask_header(handle, &has_wal);
	if (r)
		return r;
	r = has_wal ? 1 : sqlite_has_beside(handle->path);
	return r > 0 ? complain(handle, -EBUSY, "it is not sealed") : r;
}

/*
 * Who is beside the writer must not give a log to what was sealed just now. The
 * tables were read: where there is a log we are in it, and it stays.
 */
static int check_beside(struct sqlite_store *handle)
{
	bool has_wal;
	int r;

	r = ask_header(handle, &has_wal);
	if (r)
		return r;
	return has_wal ? 0 : complain(handle, -EBUSY, "it is sealed");
}

/*
 * SQLite answers with the mode that the file is in then, and commits that after
 * it has answered.
 */
int sqlite_mode(sqlite3 *db, const char *mode, bool *ret_is_so)
{
	sqlite3_stmt *stmt = NULL;
	const char *answer;
	char *sql;
	int code;

	*ret_is_so = false;
	sql = sqlite3_mprintf("PRAGMA journal_mode=%s", mode);
	if (!sql)
		return SQLITE_NOMEM;
	code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	sqlite3_free(sql);
	if (!code)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		answer = (const char *)sqlite3_column_text(stmt, 0);
		*ret_is_so = answer && !strcmp(answer, mode);
		code = sqlite3_step(stmt);
	}
	sqlite3_finalize(stmt);
	return code;
}

/* A file that was sealed may be written again: it gets a log then. */
static int have_wal(struct sqlite_store *handle)
{
	bool is_wal;
	int r;

	r = sqlite_outcome(handle, sqlite_mode(handle->db, "wal", &is_wal));
	if (!r && !is_wal)
		r = complain(handle, -EIO, "it cannot have a log");
	return r;
}

static int open_all(struct sqlite_store *handle, unsigned flags)
{
	int r;

	r = open_database(handle, flags);
	if (!r && !(flags & STORE_READ_ONLY))
		r = check_access(handle);
	if (!r)
		r = distrust(handle);
	if (!r && flags & STORE_SEALED)
		r = check_sealed(handle);
	if (!r)
		r = tune(handle);
	if (!r)
		r = check_header(handle);
	if (!r)
		r = check_tables(handle);
	if (!r && flags & STORE_BESIDE)
		r = check_beside(handle);
	else if (!r && !(flags & STORE_READ_ONLY))
		r = have_wal(handle);
	if (!r && !(flags & STORE_READ_ONLY))
		r = sqlite_watch(handle);
	if (!r)
		r = sqlite_prepare(handle, &handle->rollback, "ROLLBACK", 0);
	return r;
}

static void handle_free(struct sqlite_store *handle)
{
	sqlite_finalize(handle);
	sqlite3_close(handle->db);
	free(handle->joined);
	free(handle->path);
	free(handle);
}

static int open_handle(const struct sqlite *sqlite, const char *path,
		       const struct store_layout *layout, unsigned flags,
		       struct store **ret_store)
{
	struct sqlite_store *handle;
	int r;

	handle = calloc(1, sizeof(*handle));
	if (!handle)
		return -ENOMEM;
	handle->sqlite = sqlite;
	handle->store.layout = layout;
	handle->store.flags = flags;
	handle->path = strdup(path);
	r = handle->path ? open_all(handle, flags) : -ENOMEM;
	if (r) {
		handle_free(handle);
		return r;
	}
	*ret_store = &handle->store;
	return 0;
}

/* What a seal left that was cut short: only who may write takes it back. */
static int take_back(const struct sqlite *sqlite, const char *path,
		     const struct store_layout *layout)
{
	struct store *store;
	int r;

	r = open_handle(sqlite, path, layout, STORE_BESIDE, &store);
	if (!r)
		sqlite_close(store);
	return r;
}

int sqlite_open(struct backend *backend, const char *path,
		const struct store_layout *layout, unsigned flags,
		struct store **ret_store)
{
	struct sqlite *sqlite = container_of(backend, struct sqlite, backend);
	int r;

	if (strlen(path) > PATH_BYTES_MAX - 16)
		return -ENAMETOOLONG;
	r = find_or_create(sqlite, path, layout, flags);
	if (r)
		return r;
	r = open_handle(sqlite, path, layout, flags, ret_store);
	if (r != -EROFS || !(flags & STORE_READ_ONLY))
		return r;
	r = take_back(sqlite, path, layout);
	if (r && r != -EBUSY)
		return r;
	return open_handle(sqlite, path, layout, flags, ret_store);
}

void sqlite_close(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);

	sqlite_settle_rows(handle);
	if (handle->is_settled && !store->is_stale)
		sqlite_leave(handle);
	handle_free(handle);
}
