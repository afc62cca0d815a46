/* SPDX-License-Identifier: MIT */

#include "storage/backend/under.h"

#include "base/list.h"

static sqlite3_file *under(sqlite3_file *file)
{
	return container_of(file, struct upper_file, file)->under;
}

int under_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xRead(to, bytes, n, at);
}

int under_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xWrite(to, bytes, n, at);
}

int under_truncate(sqlite3_file *file, sqlite3_int64 n)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xTruncate(to, n);
}

int under_sync(sqlite3_file *file, int flags)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xSync(to, flags);
}

int under_size(sqlite3_file *file, sqlite3_int64 *ret_n)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xFileSize(to, ret_n);
}

int under_close(sqlite3_file *file)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xClose(to);
}

int under_lock(sqlite3_file *file, int level)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xLock(to, level);
}

int under_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xUnlock(to, level);
}

int under_is_reserved(sqlite3_file *file, int *ret_is)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xCheckReservedLock(to, ret_is);
}

int under_control(sqlite3_file *file, int what, void *argument)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xFileControl(to, what, argument);
}

int under_sector_bytes(sqlite3_file *file)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xSectorSize(to);
}

int under_traits(sqlite3_file *file)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xDeviceCharacteristics(to);
}

int under_shm_map(sqlite3_file *file, int region, int n_bytes, int is_extended,
		  void volatile **ret_at)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xShmMap(to, region, n_bytes, is_extended, ret_at);
}

int under_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xShmLock(to, offset, n, flags);
}

void under_shm_barrier(sqlite3_file *file)
{
	sqlite3_file *to = under(file);

	to->pMethods->xShmBarrier(to);
}

int under_shm_unmap(sqlite3_file *file, int is_deleted)
{
	sqlite3_file *to = under(file);

	return to->pMethods->xShmUnmap(to, is_deleted);
}
