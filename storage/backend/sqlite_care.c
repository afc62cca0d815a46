/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "storage/backend/disk.h"
#include "storage/backend/sqlite.h"

/* ---- sealing ---- */

static int leave_wal(sqlite3 *db, const char *mode)
{
	bool is_left;
	int r;

	r = sqlite_errno(db, sqlite_mode(db, mode, &is_left));
	return !r && !is_left ? -EBUSY : r;
}

static int sync_file(struct sqlite_store *handle)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_FILE_POINTER,
			     &file);
	return sqlite_outcome(handle,
			      file->pMethods->xSync(file, SQLITE_SYNC_NORMAL));
}

static int seal(struct sqlite_store *handle)
{
	int r;

	r = sqlite_outcome(handle,
			   sqlite3_wal_checkpoint_v2(handle->db, "main",
						     SQLITE_CHECKPOINT_TRUNCATE,
						     NULL, NULL));
	if (r)
		return r;
	handle->wal_index = NULL;
	r = leave_wal(handle->db, "persist");
	if (r)
		return r;
	/* Without a log no commit would be safe: there are none from here on.
	 */
	handle->is_settled = false;
	/*
	 * SQLite takes the log away, and does not look whether it could; of a
	 * journal it does not say why it could not.
	 */
	r = sqlite_unlink_beside(handle->path);
	if (!r)
		r = sync_file(handle);
	if (!r)
		r = disk_sync_folder_of(handle->path);
	if (r)
		handle->store.is_stale = true;
	return r;
}

/* Who is in the way may be so for long: the caller had better come again. */
int sqlite_seal(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);
	int r;

	sqlite3_busy_timeout(handle->db, 0);
	r = seal(handle);
	sqlite3_busy_timeout(handle->db, SQLITE_WAIT_MS);
	return r;
}

/* ---- copying ---- */

/* What the copy is written to, with nothing that would make it slower. */
static int open_copy(struct sqlite_store *handle, const char *path,
		     sqlite3 **ret_db)
{
	sqlite3 *db = NULL;
	int code;
	int r;

	code = sqlite3_open_v2(path, &db,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				       SQLITE_OPEN_NOMUTEX |
				       SQLITE_OPEN_EXRESCODE,
			       handle->sqlite->vfs);
	if (!code)
		code = sqlite3_exec(db,
				    "PRAGMA journal_mode=OFF;"
				    "PRAGMA synchronous=FULL",
				    NULL, NULL, NULL);
	r = sqlite_errno(db, code);
	if (r) {
		sqlite3_close(db);
		return r;
	}
	*ret_db = db;
	return 0;
}

static int copy_pages(struct sqlite_store *handle, sqlite3 *copy)
{
	sqlite3_backup *backup;
	int code;

	backup = sqlite3_backup_init(copy, "main", handle->db, "main");
	if (!backup)
		return sqlite_errno(copy, sqlite3_errcode(copy));
	/* In one step, as of one moment, while others write. */
	code = sqlite3_backup_step(backup, -1);
	sqlite3_backup_finish(backup);
	return sqlite_errno(copy, code);
}

static int copy_to(struct sqlite_store *handle, const char *path)
{
	sqlite3 *copy;
	int r;

	r = disk_unlink(path);
	if (r && r != -ENOENT)
		return r;
	r = open_copy(handle, path, &copy);
	if (r)
		return r;
	r = copy_pages(handle, copy);
	if (!r)
		r = leave_wal(copy, "delete");
	if (r)
		snprintf(handle->store.error, sizeof(handle->store.error),
			 "%s: %s", path, sqlite3_errmsg(copy));
	sqlite3_close(copy);
	return r;
}

int sqlite_backup(struct store *store, const char *path)
{
	struct sqlite_store *handle = sqlite_handle(store);
	_cleanup_(freep) char *made = sqlite_beside(path, STORE_MAKING_SUFFIX);
	struct stat status;
	int r;

	if (!made)
		return -ENOMEM;
	if (!stat(path, &status))
		return -EEXIST;
	r = copy_to(handle, made);
	if (!r)
		r = disk_rename(made, path);
	if (!r)
		r = disk_sync_folder_of(path);
	if (r)
		disk_unlink(made);
	return r;
}

/* ---- checking ---- */

int sqlite_check(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);
	sqlite3_stmt *stmt = NULL;
	const char *said = NULL;
	int code;
	int r;

	code = sqlite3_prepare_v2(handle->db, "PRAGMA integrity_check(1)", -1,
				  &stmt, NULL);
	if (!code)
		code = sqlite3_step(stmt);
	r = sqlite_outcome(handle, code);
	if (!r)
		said = (const char *)sqlite3_column_text(stmt, 0);
	if (!r && (!said || strcmp(said, "ok") != 0)) {
		snprintf(store->error, sizeof(store->error), "%s: %s",
			 handle->path, said ? said : "nothing was said");
		r = -EBADMSG;
	}
	sqlite3_finalize(stmt);
	return r;
}
