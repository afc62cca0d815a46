/* SPDX-License-Identifier: MIT */

#include "storage/backend/ahead.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/list.h"

/* Of a page that is damaged SQLite may read a few bytes more than all. */
enum { BEHIND_BYTES = 256 };

static struct ahead_file *own_of(sqlite3_file *file)
{
	return container_of(file, struct ahead_file, upper.file);
}

static bool has_page(const struct ahead_piece *piece, sqlite3_int64 at, int n)
{
	return at >= piece->at && at + n <= piece->at + piece->n_bytes;
}

static struct ahead_piece *find(struct ahead_file *own, sqlite3_int64 at, int n)
{
	for (unsigned i = 0; i < AHEAD_PIECES; i++)
		if (has_page(&own->pieces[i], at, n))
			return &own->pieces[i];
	return NULL;
}

static struct ahead_piece *find_free(struct ahead_file *own)
{
	for (unsigned i = 0; i < AHEAD_PIECES; i++)
		if (!own->pieces[i].n_shown)
			return &own->pieces[i];
	return NULL;
}

/* Those of which SQLite still has pages are found by it, and by nobody else. */
static void forget(struct ahead_file *own)
{
	for (unsigned i = 0; i < AHEAD_PIECES; i++)
		own->pieces[i].n_bytes = 0;
}

static bool has_memory(struct ahead_piece *piece)
{
	if (!piece->bytes)
		piece->bytes = malloc(AHEAD_BYTES + BEHIND_BYTES);
	return piece->bytes;
}

/* What goes wrong here goes wrong, and is told, when the page alone is read. */
static struct ahead_piece *read_ahead(struct ahead_file *own, sqlite3_int64 at)
{
	struct ahead_piece *piece = find_free(own);
	sqlite3_file *under = own->upper.under;
	sqlite3_int64 n = 0;

	if (!piece || !has_memory(piece) ||
	    under->pMethods->xFileSize(under, &n))
		return NULL;
	n = n - at < AHEAD_BYTES ? n - at : AHEAD_BYTES;
	piece->n_bytes = 0;
	if (n <= 0 || under->pMethods->xRead(under, piece->bytes, (int)n, at))
		return NULL;
	piece->at = at;
	piece->n_bytes = (int)n;
	return piece;
}

/* Without a page SQLite reads it by itself. */
static int show_page(sqlite3_file *file, sqlite3_int64 at, int n,
		     void **ret_page)
{
	struct ahead_file *own = own_of(file);
	struct ahead_piece *piece = find(own, at, n);

	*ret_page = NULL;
	if (!piece && at == own->next)
		piece = read_ahead(own, at);
	own->next = at + n;
	if (!piece || !has_page(piece, at, n))
		return SQLITE_OK;
	piece->n_shown++;
	*ret_page = piece->bytes + (at - piece->at);
	return SQLITE_OK;
}

static bool is_within(const struct ahead_piece *piece, const void *page)
{
	uintptr_t offset = (uintptr_t)page - (uintptr_t)piece->bytes;

	return piece->bytes && offset < AHEAD_BYTES;
}

static int take_page(sqlite3_file *file, sqlite3_int64 at, void *page)
{
	struct ahead_file *own = own_of(file);

	(void)at;
	if (!page)
		forget(own);
	for (unsigned i = 0; page && i < AHEAD_PIECES; i++)
		if (is_within(&own->pieces[i], page))
			own->pieces[i].n_shown--;
	return SQLITE_OK;
}

static int lock(sqlite3_file *file, int level)
{
	forget(own_of(file));
	return under_lock(file, level);
}

static int unlock(sqlite3_file *file, int level)
{
	forget(own_of(file));
	return under_unlock(file, level);
}

static int shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	forget(own_of(file));
	return under_shm_lock(file, offset, n, flags);
}

/* That pages are shown is for this file alone. */
static int control(sqlite3_file *file, int what, void *argument)
{
	if (what == SQLITE_FCNTL_MMAP_SIZE)
		return SQLITE_OK;
	return under_control(file, what, argument);
}

static int close_all(sqlite3_file *file)
{
	struct ahead_file *own = own_of(file);

	for (unsigned i = 0; i < AHEAD_PIECES; i++)
		free(own->pieces[i].bytes);
	return under_close(file);
}

static const sqlite3_io_methods methods = {
	.iVersion = 3,
	.xClose = close_all,
	.xRead = under_read,
	.xWrite = under_write,
	.xTruncate = under_truncate,
	.xSync = under_sync,
	.xFileSize = under_size,
	.xLock = lock,
	.xUnlock = unlock,
	.xCheckReservedLock = under_is_reserved,
	.xFileControl = control,
	.xSectorSize = under_sector_bytes,
	.xDeviceCharacteristics = under_traits,
	.xShmMap = under_shm_map,
	.xShmLock = shm_lock,
	.xShmBarrier = under_shm_barrier,
	.xShmUnmap = under_shm_unmap,
	.xFetch = show_page,
	.xUnfetch = take_page,
};

int ahead_open(sqlite3_vfs *base, sqlite3_filename path,
	       struct ahead_file *ahead, int flags, int *ret_flags)
{
	sqlite3_file *under = (sqlite3_file *)ahead->under;
	int code;

	*ahead = (struct ahead_file){ .upper.under = under };
	code = base->xOpen(base, path, under, flags, ret_flags);
	if (!code)
		ahead->upper.file.pMethods = &methods;
	return code;
}
