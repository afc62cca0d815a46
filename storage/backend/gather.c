/* SPDX-License-Identifier: MIT */

#include "storage/backend/gather.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "storage/backend/ahead.h"
#include "storage/backend/under.h"

enum { GATHER_BYTES = 65536 };

/* The file of the VFS below follows. SQLite aligns to 8 bytes. */
struct gather_file {
	struct upper_file upper;
	sqlite3_int64 at; /* where in the file the bytes belong */
	int n_bytes;
	unsigned char *bytes;
	_Alignas(uint64_t) unsigned char under[];
};

static struct gather_file *own_of(sqlite3_file *file)
{
	return container_of(file, struct gather_file, upper.file);
}

static int write_out(struct gather_file *own)
{
	int n = own->n_bytes;

	own->n_bytes = 0;
	return n ? under_write(&own->upper.file, own->bytes, n, own->at)
		 : SQLITE_OK;
}

/* ---- a log ---- */

static int log_write(sqlite3_file *file, const void *bytes, int n,
		     sqlite3_int64 at)
{
	struct gather_file *own = own_of(file);
	int code = SQLITE_OK;

	if (at != own->at + own->n_bytes || n > GATHER_BYTES - own->n_bytes)
		code = write_out(own);
	if (code)
		return code;
	if (n > GATHER_BYTES)
		return under_write(file, bytes, n, at);
	if (!own->n_bytes)
		own->at = at;
	memcpy(own->bytes + own->n_bytes, bytes, (size_t)n);
	own->n_bytes += n;
	return SQLITE_OK;
}

/*
 * Who reads has no part in what cannot be written: SQLite takes a failed write,
 * and not a failed read, to be the end of the transaction.
 */
static int log_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	struct gather_file *own = own_of(file);
	sqlite3_int64 end = own->at + own->n_bytes;
	int code = SQLITE_OK;

	if (own->n_bytes && at >= own->at && at + n <= end) {
		memcpy(bytes, own->bytes + (at - own->at), (size_t)n);
		return SQLITE_OK;
	}
	if (own->n_bytes && at < end && at + n > own->at)
		code = write_out(own);
	return code ? code : under_read(file, bytes, n, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	int code = write_out(own_of(file));

	return code ? code : under_truncate(file, n);
}

static int log_sync(sqlite3_file *file, int flags)
{
	int code = write_out(own_of(file));

	return code ? code : under_sync(file, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret_n)
{
	int code = write_out(own_of(file));

	return code ? code : under_size(file, ret_n);
}

/* What was not synced was not committed, and others may write there now. */
static int log_close(sqlite3_file *file)
{
	free(own_of(file)->bytes);
	return under_close(file);
}

/* Those of a file that is neither shared in memory nor mapped. */
static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = under_lock,
	.xUnlock = under_unlock,
	.xCheckReservedLock = under_is_reserved,
	.xFileControl = under_control,
	.xSectorSize = under_sector_bytes,
	.xDeviceCharacteristics = under_traits,
};

void gather_drop(sqlite3_file *file)
{
	if (file->pMethods == &log_methods)
		own_of(file)->n_bytes = 0;
}

static int open_log(sqlite3_vfs *base, sqlite3_filename path,
		    struct gather_file *own, int flags, int *ret_flags)
{
	sqlite3_file *under = (sqlite3_file *)own->under;
	int code;

	*own = (struct gather_file){
		.upper.under = under,
		.bytes = malloc(GATHER_BYTES),
	};
	if (!own->bytes)
		return SQLITE_NOMEM;
	code = base->xOpen(base, path, under, flags, ret_flags);
	if (code)
		free(own->bytes);
	else
		own->upper.file.pMethods = &log_methods;
	return code;
}

/* ---- the VFS ---- */

static bool is_only_read(int flags)
{
	return flags & SQLITE_OPEN_MAIN_DB && flags & SQLITE_OPEN_READONLY;
}

/* What is no log and is written is the other's alone. */
static int gather_open(sqlite3_vfs *vfs, sqlite3_filename path,
		       sqlite3_file *file, int flags, int *ret_flags)
{
	sqlite3_vfs *base = container_of(vfs, struct gather, vfs)->base;

	if (flags & SQLITE_OPEN_WAL)
		return open_log(base, path, (struct gather_file *)file, flags,
				ret_flags);
	if (is_only_read(flags))
		return ahead_open(base, path, (struct ahead_file *)file, flags,
				  ret_flags);
	return base->xOpen(base, path, file, flags, ret_flags);
}

int gather_init(struct gather *gather, const char *base)
{
	int n;

	gather->base = sqlite3_vfs_find(base);
	if (!gather->base)
		return -ENOENT;
	n = snprintf(gather->name, sizeof(gather->name), "gather:%s",
		     gather->base->zName);
	if (n >= GATHER_NAME_BYTES)
		return -ENAMETOOLONG;
	/* Its functions know it by what else is in the structure. */
	gather->vfs = *gather->base;
	gather->vfs.pNext = NULL;
	gather->vfs.zName = gather->name;
	gather->vfs.szOsFile +=
		(int)(sizeof(struct gather_file) > sizeof(struct ahead_file)
			      ? sizeof(struct gather_file)
			      : sizeof(struct ahead_file));
	gather->vfs.xOpen = gather_open;
	return sqlite3_vfs_register(&gather->vfs, 0) ? -ENOMEM : 0;
}

void gather_deinit(struct gather *gather)
{
	sqlite3_vfs_unregister(&gather->vfs);
}
