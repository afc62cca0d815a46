/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "storage/backend/disk.h"
#include "storage/backend/sqlite.h"

/* What SQLite keeps beside a file. */
static const char *const beside[] = { "-wal", "-shm", "-journal" };

enum { N_BESIDE = sizeof(beside) / sizeof(beside[0]) };

char *sqlite_beside(const char *path, const char *suffix)
{
	char *name;

	return asprintf(&name, "%s%s", path, suffix) < 0 ? NULL : name;
}

int sqlite_has_beside(const char *path)
{
	struct stat status;

	for (unsigned i = 0; i < N_BESIDE; i++) {
		_cleanup_(freep) char *name = sqlite_beside(path, beside[i]);

		if (!name)
			return -ENOMEM;
		if (!stat(name, &status))
			return 1;
	}
	return 0;
}

static int unlink_one(const char *path, const char *suffix)
{
	_cleanup_(freep) char *name = sqlite_beside(path, suffix);
	int r;

	if (!name)
		return -ENOMEM;
	r = disk_unlink(name);
	return r == -ENOENT ? 0 : r;
}

int sqlite_unlink_beside(const char *path)
{
	int r = 0;

	for (unsigned i = 0; i < N_BESIDE && !r; i++)
		r = unlink_one(path, beside[i]);
	return r;
}

/*
 * The file goes first: its log without it is nothing, and is taken away before
 * a file of this name is made again; it without its log would lack rows.
 */
int sqlite_unlink(struct backend *backend, const char *path)
{
	int r;

	r = disk_unlink(path);
	if (r)
		return r;
	r = sqlite_unlink_beside(path);
	return r ? r : disk_sync_folder_of(path);
}

static uint64_t bytes_of(const struct stat *status)
{
	return (uint64_t)status->st_blocks * 512;
}

int sqlite_length(struct backend *backend, const char *path,
		  uint64_t *ret_length)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	*ret_length = (uint64_t)status.st_size;
	return 0;
}

int sqlite_bytes(struct backend *backend, const char *path, uint64_t *ret_bytes)
{
	struct stat status;
	uint64_t n_bytes;

	if (stat(path, &status))
		return -errno;
	n_bytes = bytes_of(&status);
	for (unsigned i = 0; i < N_BESIDE; i++) {
		_cleanup_(freep) char *name = sqlite_beside(path, beside[i]);

		if (!name)
			return -ENOMEM;
		if (!stat(name, &status))
			n_bytes += bytes_of(&status);
	}
	*ret_bytes = n_bytes;
	return 0;
}

/* ---- layouts ---- */

char *sqlite_sql_of_table(const struct store_layout *layout, unsigned table)
{
	const char *format =
		layout->tables[table].kind == STORE_NUMBERED
			? "CREATE TABLE %s(id INTEGER PRIMARY KEY, value BLOB)"
			: "CREATE TABLE %s(key BLOB PRIMARY KEY, value BLOB)"
			  " WITHOUT ROWID";

	return sqlite3_mprintf(format, layout->tables[table].name);
}

uint32_t sqlite_application_id(const struct store_layout *layout)
{
	const unsigned char *letters =
		(const unsigned char *)layout->application;

	return (uint32_t)letters[0] << 24 | (uint32_t)letters[1] << 16 |
	       (uint32_t)letters[2] << 8 | letters[3];
}

static int exec_and_free(sqlite3 *db, char *sql)
{
	int code;

	if (!sql)
		return -ENOMEM;
	code = sqlite3_exec(db, sql, NULL, NULL, NULL);
	sqlite3_free(sql);
	return sqlite_errno(db, code);
}

/* ---- making ---- */

static int build_tables(sqlite3 *db, const struct store_layout *layout)
{
	int r;

	r = exec_and_free(db,
			  sqlite3_mprintf("PRAGMA page_size=%d;"
					  "PRAGMA application_id=%d;"
					  "PRAGMA user_version=%d;",
					  SQLITE_PAGE_BYTES,
					  (int)sqlite_application_id(layout),
					  (int)layout->version));
	for (unsigned i = 0; i < layout->n_tables && !r; i++)
		r = exec_and_free(db, sqlite_sql_of_table(layout, i));
	return r;
}

/*
 * The bytes of a file with these tables in which nothing is, which are
 * sqlite3_free()'s. Bytes 18 and 19 of a file say that it has a WAL.
 */
static int build_image(const struct store_layout *layout,
		       unsigned char **ret_image, sqlite3_int64 *ret_n)
{
	sqlite3 *db = NULL;
	int r;

	r = sqlite_errno(db, sqlite3_open(":memory:", &db));
	if (!r)
		r = build_tables(db, layout);
	if (!r) {
		*ret_image = sqlite3_serialize(db, "main", ret_n, 0);
		r = *ret_image ? 0 : -ENOMEM;
	}
	if (!r)
		(*ret_image)[18] = (*ret_image)[19] = 2;
	sqlite3_close(db);
	return r;
}

static int errno_of_open(sqlite3_file *file, int code)
{
	if ((code & 0xff) != SQLITE_CANTOPEN || !errno)
		return sqlite_file_errno(file, code);
	return errno == EDQUOT ? -ENOSPC : -errno;
}

static int write_pages(sqlite3_file *file, const unsigned char *image,
		       sqlite3_int64 n)
{
	int code = SQLITE_OK;

	for (sqlite3_int64 at = 0; at < n && !code; at += SQLITE_PAGE_BYTES)
		code = file->pMethods->xWrite(file, image + at,
					      SQLITE_PAGE_BYTES, at);
	return code;
}

static int write_and_close(sqlite3_file *file, const unsigned char *image,
			   sqlite3_int64 n)
{
	int code;
	int r;

	code = file->pMethods->xTruncate(file, 0);
	if (!code)
		code = write_pages(file, image, n);
	if (!code)
		code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
	r = sqlite_file_errno(file, code);
	file->pMethods->xClose(file);
	return r;
}

static int write_image(sqlite3_vfs *vfs, const char *path,
		       const unsigned char *image, sqlite3_int64 n)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
			  SQLITE_OPEN_MAIN_DB;
	_cleanup_(freep) sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
	sqlite3_filename name;
	int code;
	int r;

	if (!file)
		return -ENOMEM;
	name = sqlite3_create_filename(path, "", "", 0, NULL);
	if (!name)
		return -ENOMEM;
	errno = 0;
	code = vfs->xOpen(vfs, name, file, flags, NULL);
	r = code ? errno_of_open(file, code) : write_and_close(file, image, n);
	sqlite3_free_filename(name);
	return r;
}

/*
 * Names of files that are not there may have logs, of files that were removed
 * when the power went: SQLite would take them for those of the new one.
 */
static int put_in_place(const char *made, const char *path)
{
	int r;

	r = sqlite_unlink_beside(path);
	if (!r)
		r = disk_sync_folder_of(path);
	if (!r)
		r = disk_rename(made, path);
	if (r)
		return r;
	r = disk_sync_folder_of(path);
	if (r)
		disk_unlink(path);
	return r;
}

int sqlite_create(const struct sqlite *sqlite, const char *path,
		  const struct store_layout *layout)
{
	_cleanup_(freep) char *made = sqlite_beside(path, STORE_MAKING_SUFFIX);
	unsigned char *image = NULL;
	sqlite3_vfs *vfs;
	sqlite3_int64 n;
	int r;

	if (!made)
		return -ENOMEM;
	r = build_image(layout, &image, &n);
	if (r)
		return r;
	vfs = sqlite3_vfs_find(sqlite->vfs);
	r = vfs ? write_image(vfs, made, image, n) : -ENOENT;
	sqlite3_free(image);
	if (!r)
		r = put_in_place(made, path);
	if (r)
		disk_unlink(made);
	return r;
}
