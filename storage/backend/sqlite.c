/* SPDX-License-Identifier: MIT */

#include "storage/backend/sqlite.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_no_room(int failure)
{
	return failure == ENOSPC || failure == EDQUOT;
}

/*
 * Whether the file system had no room, though SQLite calls it something else.
 * What a file says stays until another call on it fails.
 */
static bool is_full(sqlite3 *db)
{
	const int files[] = { SQLITE_FCNTL_FILE_POINTER,
			      SQLITE_FCNTL_JOURNAL_POINTER };
	bool is_one_full = false;
	sqlite3_file *file;
	int failure;

	for (unsigned i = 0; i < 2; i++) {
		file = NULL;
		sqlite3_file_control(db, "main", files[i], &file);
		failure = sqlite_file_failure(file);
		if (failure && !is_no_room(failure))
			return false;
		is_one_full |= failure != 0;
	}
	return is_one_full || is_no_room(sqlite3_system_errno(db));
}

static int errno_of_io(sqlite3 *db, int code)
{
	switch (code) {
	case SQLITE_IOERR_NOMEM:
		return -ENOMEM;
	case SQLITE_IOERR_CORRUPTFS:
		return -EBADMSG;
	case SQLITE_IOERR_WRITE:
	case SQLITE_IOERR_TRUNCATE:
		return is_full(db) ? -ENOSPC : -EIO;
	case SQLITE_IOERR_SHMSIZE:
		/* Nothing is lost with the index of a log; it needs room. */
		return -ENOSPC;
	case SQLITE_IOERR_DELETE:
		return is_no_room(sqlite3_system_errno(db)) ? -ENOSPC : -EIO;
	default:
		return -EIO;
	}
}

int sqlite_file_failure(sqlite3_file *file)
{
	int failure = 0;

	if (file && file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO,
					     &failure);
	return failure;
}

int sqlite_file_errno(sqlite3_file *file, int code)
{
	switch (code) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
	case SQLITE_IOERR_NOMEM:
		return -ENOMEM;
	case SQLITE_IOERR_WRITE:
	case SQLITE_IOERR_TRUNCATE:
		return is_no_room(sqlite_file_failure(file)) ? -ENOSPC : -EIO;
	default:
		return -EIO;
	}
}

static int errno_of_open(sqlite3 *db)
{
	switch (sqlite3_system_errno(db)) {
	case EMFILE:
	case ENFILE:
		return -EMFILE;
	case ENOENT:
		return -ENOENT;
	case ENOSPC:
	case EDQUOT:
		return -ENOSPC;
	case EACCES:
	case EPERM:
		return -EACCES;
	default:
		return -EIO;
	}
}

int sqlite_errno(sqlite3 *db, int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_IOERR:
		return errno_of_io(db, code);
	case SQLITE_CANTOPEN:
		return errno_of_open(db);
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EBUSY;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return -EACCES;
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
		return -EINVAL;
	default:
		/* Tables that are not there, values that are no bytes. */
		return -EBADMSG;
	}
}

int sqlite_outcome(struct sqlite_store *handle, int code)
{
	int r = sqlite_errno(handle->db, code);

	if (r)
		snprintf(handle->store.error, sizeof(handle->store.error),
			 "%s: %s (%d)", handle->path,
			 sqlite3_errmsg(handle->db), code);
	return r;
}

static void sqlite_free(struct backend *backend)
{
	struct sqlite *sqlite = container_of(backend, struct sqlite, backend);

	gather_deinit(&sqlite->gather);
	free(sqlite);
}

/* What the two kinds of SQLite backend differ in is who frees them. */
#define SQLITE_DRIVER(free_function)                                           \
	{                                                                      \
		.has_files = true, .open = sqlite_open, .close = sqlite_close, \
		.unlink = sqlite_unlink, .bytes = sqlite_bytes,                \
		.length = sqlite_length, .free = (free_function),              \
		.begin = sqlite_begin, .commit = sqlite_commit,                \
		.rollback = sqlite_rollback, .put = sqlite_put,                \
		.remove = sqlite_remove, .snapshot = sqlite_snapshot,          \
		.end = sqlite_end, .get = sqlite_get, .read = sqlite_read,     \
		.cursor_open = sqlite_cursor_open,                             \
		.cursor_close = sqlite_cursor_close,                           \
		.cursor_next = sqlite_cursor_next,                             \
		.cursor_value = sqlite_cursor_value,                           \
		.cursor_read = sqlite_cursor_read,                             \
		.checkpoint = sqlite_checkpoint, .seal = sqlite_seal,          \
		.backup = sqlite_backup, .check = sqlite_check,                \
	}

static const struct driver sqlite_driver = SQLITE_DRIVER(NULL);
static const struct driver sqlite_driver_on = SQLITE_DRIVER(sqlite_free);

static struct sqlite the_sqlite = { .backend.driver = &sqlite_driver };

/* Without it the log is written as SQLite does. */
static void init_sqlite(void)
{
	if (gather_init(&the_sqlite.gather, NULL) == 0)
		the_sqlite.vfs = the_sqlite.gather.name;
}

struct backend *backend_sqlite(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_sqlite);
	return &the_sqlite.backend;
}

int backend_sqlite_on(const char *vfs, struct backend **ret_backend)
{
	struct sqlite *sqlite;
	int r;

	sqlite = calloc(1, sizeof(*sqlite));
	if (!sqlite)
		return -ENOMEM;
	sqlite->backend.driver = &sqlite_driver_on;
	r = gather_init(&sqlite->gather, vfs);
	if (r < 0) {
		free(sqlite);
		return r;
	}
	sqlite->vfs = sqlite->gather.name;
	*ret_backend = &sqlite->backend;
	return 0;
}
