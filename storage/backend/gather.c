/* SPDX-License-Identifier: MIT */

#include "storage/backend/gather.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"

enum { GATHER_BYTES = 65536 };

/* The file of the VFS below follows. SQLite aligns to 8 bytes. */
struct gather_file {
	sqlite3_file file;
	sqlite3_int64 at; /* where in the file the bytes belong */
	int n_bytes;
	unsigned char *bytes;
	_Alignas(uint64_t) unsigned char real[];
};

static struct gather_file *own_of(sqlite3_file *file)
{
	return container_of(file, struct gather_file, file);
}

static sqlite3_file *real_of(struct gather_file *own)
{
	return (sqlite3_file *)own->real;
}

static int write_out(struct gather_file *own)
{
	sqlite3_file *real = real_of(own);
	int n = own->n_bytes;

	own->n_bytes = 0;
	return n ? real->pMethods->xWrite(real, own->bytes, n, own->at)
		 : SQLITE_OK;
}

/* ---- a log ---- */

static int log_write(sqlite3_file *file, const void *bytes, int n,
		     sqlite3_int64 at)
{
	struct gather_file *own = own_of(file);
	sqlite3_file *real = real_of(own);
	int code = SQLITE_OK;

	if (at != own->at + own->n_bytes || n > GATHER_BYTES - own->n_bytes)
		code = write_out(own);
	if (code)
		return code;
	if (n > GATHER_BYTES)
		return real->pMethods->xWrite(real, bytes, n, at);
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
	sqlite3_file *real = real_of(own);
	sqlite3_int64 end = own->at + own->n_bytes;
	int code = SQLITE_OK;

	if (own->n_bytes && at >= own->at && at + n <= end) {
		memcpy(bytes, own->bytes + (at - own->at), (size_t)n);
		return SQLITE_OK;
	}
	if (own->n_bytes && at < end && at + n > own->at)
		code = write_out(own);
	return code ? code : real->pMethods->xRead(real, bytes, n, at);
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	struct gather_file *own = own_of(file);
	sqlite3_file *real = real_of(own);
	int code = write_out(own);

	return code ? code : real->pMethods->xTruncate(real, n);
}

static int log_sync(sqlite3_file *file, int flags)
{
	struct gather_file *own = own_of(file);
	sqlite3_file *real = real_of(own);
	int code = write_out(own);

	return code ? code : real->pMethods->xSync(real, flags);
}

static int log_size(sqlite3_file *file, sqlite3_int64 *ret_n)
{
	struct gather_file *own = own_of(file);
	sqlite3_file *real = real_of(own);
	int code = write_out(own);

	return code ? code : real->pMethods->xFileSize(real, ret_n);
}

/* What was not synced was not committed, and others may write there now. */
static int log_close(sqlite3_file *file)
{
	struct gather_file *own = own_of(file);
	sqlite3_file *real = real_of(own);

	free(own->bytes);
	return real->pMethods->xClose(real);
}

static int log_lock(sqlite3_file *file, int level)
{
	sqlite3_file *real = real_of(own_of(file));

	return real->pMethods->xLock(real, level);
}

static int log_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *real = real_of(own_of(file));

	return real->pMethods->xUnlock(real, level);
}

static int log_is_reserved(sqlite3_file *file, int *ret_is)
{
	sqlite3_file *real = real_of(own_of(file));

	return real->pMethods->xCheckReservedLock(real, ret_is);
}

static int log_control(sqlite3_file *file, int what, void *argument)
{
	sqlite3_file *real = real_of(own_of(file));

	return real->pMethods->xFileControl(real, what, argument);
}

static int log_sector_bytes(sqlite3_file *file)
{
	sqlite3_file *real = real_of(own_of(file));

	return real->pMethods->xSectorSize(real);
}

static int log_traits(sqlite3_file *file)
{
	sqlite3_file *real = real_of(own_of(file));

	return real->pMethods->xDeviceCharacteristics(real);
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
	.xLock = log_lock,
	.xUnlock = log_unlock,
	.xCheckReservedLock = log_is_reserved,
	.xFileControl = log_control,
	.xSectorSize = log_sector_bytes,
	.xDeviceCharacteristics = log_traits,
};

void gather_drop(sqlite3_file *file)
{
	if (file->pMethods == &log_methods)
		own_of(file)->n_bytes = 0;
}

static int open_log(sqlite3_vfs *base, sqlite3_filename path,
		    struct gather_file *own, int flags, int *ret_flags)
{
	int code;

	*own = (struct gather_file){ .bytes = malloc(GATHER_BYTES) };
	if (!own->bytes)
		return SQLITE_NOMEM;
	code = base->xOpen(base, path, real_of(own), flags, ret_flags);
	if (code)
		free(own->bytes);
	else
		own->file.pMethods = &log_methods;
	return code;
}

/* ---- the VFS ---- */

/* Whatever is no log is the other's alone. */
static int gather_open(sqlite3_vfs *vfs, sqlite3_filename path,
		       sqlite3_file *file, int flags, int *ret_flags)
{
	sqlite3_vfs *base = container_of(vfs, struct gather, vfs)->base;

	if (flags & SQLITE_OPEN_WAL)
		return open_log(base, path, own_of(file), flags, ret_flags);
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
	gather->vfs.szOsFile += (int)offsetof(struct gather_file, real);
	gather->vfs.xOpen = gather_open;
	return sqlite3_vfs_register(&gather->vfs, 0) ? -ENOMEM : 0;
}

void gather_deinit(struct gather *gather)
{
	sqlite3_vfs_unregister(&gather->vfs);
}
