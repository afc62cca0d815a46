/* SPDX-License-Identifier: MIT */

/*
 * What is committed stands in the WAL first, and is moved from there to the
 * file by checkpoints, in another thread (sqlite_checkpoint()) where much is
 * written. SQLite begins the WAL anew when all of it was moved and nobody reads
 * in it, as it finds when it writes; so a thread beside the writer, which goes
 * on writing, would never see it empty. The writer makes it so: once the WAL is
 * long it moves the little that the other has left.
 */

#include <errno.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "storage/backend/disk.h"
#include "storage/backend/sqlite.h"

enum {
	/* Of a file that is written much: made so long before it is used. */
	LARGE_BYTES = 64 << 20,
	LARGE_MOVED_BYTES = 32 << 20,
	LARGE_BOUND_BYTES = 60 << 20,
	/* So little the writer moves without being held up by it. */
	LARGE_REST_BYTES = 2 << 20,
	SMALL_BYTES = 8 << 20,
	SMALL_MOVED_BYTES = 4 << 20,
	ROOM_BYTES = 4 * LARGE_BYTES,
	WAL_HEADER_BYTES = 32,
	/* SQLite's index of the WAL: so many bytes for so many pages. */
	INDEX_BYTES = 32768,
	INDEX_PAGES = 4096,
	PAGE_BYTES = 4096,
	BLOCK_BYTES = 512, /* the smallest that a file system allots */
	/* Where the first of them says how many pages of the WAL were moved. */
	INDEX_MOVED_PLACE = 96 / 4,
};

static bool is_large(const struct sqlite_store *handle)
{
	return handle->store.flags & STORE_LARGE;
}

/* When this many pages are in the WAL the writer moves them itself. */
static unsigned pages_to_move(const struct sqlite_store *handle)
{
	return (is_large(handle) ? LARGE_MOVED_BYTES : SMALL_MOVED_BYTES) /
	       SQLITE_PAGE_BYTES;
}

/* SQLite calls this after each commit. */
static int on_commit(void *userdata, sqlite3 *db, const char *name, int n_pages)
{
	struct sqlite_store *handle = userdata;

	handle->n_wal_pages = (unsigned)n_pages;
	return SQLITE_OK;
}

/* And this when one was taken back, whoever did it. */
static void on_rollback(void *userdata)
{
	sqlite3_file *file = sqlite_log_file(userdata);

	if (file)
		gather_drop(file);
}

int sqlite_watch(struct sqlite_store *handle)
{
	sqlite3_wal_hook(handle->db, on_commit, handle);
	sqlite3_rollback_hook(handle->db, on_rollback, handle);
	handle->move_at_pages = pages_to_move(handle);
	return sqlite_exec(
		handle, is_large(handle) ? "PRAGMA journal_size_limit=67108864"
					 : "PRAGMA journal_size_limit=8388608");
}
_Static_assert(LARGE_BYTES == 67108864 && SMALL_BYTES == 8388608,
	       "as in the statements");

sqlite3_file *sqlite_log_file(struct sqlite_store *handle)
{
	sqlite3_file *file = NULL;

	sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
			     &file);
	return file && file->pMethods ? file : NULL;
}

/* ---- before the first transaction ---- */

static int write_zeros(sqlite3_file *file, sqlite3_int64 from, sqlite3_int64 to)
{
	static const unsigned char zeros[SQLITE_WRITE_BYTES];
	sqlite3_int64 n;
	int code = SQLITE_OK;

	for (; from < to && !code; from += n) {
		n = to - from < SQLITE_WRITE_BYTES ? to - from
						   : SQLITE_WRITE_BYTES;
		code = file->pMethods->xWrite(file, zeros, (int)n, from);
	}
	return code ? code : file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

/* A log that is made long leaves room for what is to be in the file. */
static bool has_room(const struct sqlite_store *handle)
{
	uint64_t wanted = is_large(handle) ? ROOM_BYTES : SMALL_BYTES;
	struct statvfs room;

	return !statvfs(handle->path, &room) &&
	       (uint64_t)room.f_bavail * room.f_frsize >= wanted;
}

/*
 * To write over what is there syncs in half the time that it takes to make a
 * file longer. Without room for it things go on as they can.
 */
static int lengthen(struct sqlite_store *handle)
{
	sqlite3_file *file = sqlite_log_file(handle);
	sqlite3_int64 n;
	int code;

	if (!file)
		return 0;
	code = file->pMethods->xFileSize(file, &n);
	if (code || n >= LARGE_BYTES)
		return sqlite_outcome(handle, code);
	code = write_zeros(file, n, LARGE_BYTES);
	if (sqlite_file_errno(file, code) == -ENOSPC)
		code = file->pMethods->xTruncate(file, n);
	return sqlite_outcome(handle, code);
}

/* SQLite makes the index longer, but not all file systems allot it whole. */
static void touch_index(volatile unsigned char *region, bool is_first)
{
	/* Who reads writes to the first page, whatever lock we have. */
	for (unsigned at = is_first ? PAGE_BYTES : 0; at < INDEX_BYTES;
	     at += BLOCK_BYTES)
		region[at] = region[at];
}

/*
 * The index of the WAL grows in the middle of a commit, when it is too late to
 * find that there is no room for it.
 */
static int lengthen_index(struct sqlite_store *handle)
{
	unsigned n_pages = (is_large(handle) ? LARGE_BYTES : SMALL_BYTES) /
			   SQLITE_PAGE_BYTES;
	volatile void *region = NULL;
	sqlite3_file *file = NULL;
	int code = SQLITE_OK;

	sqlite3_file_control(handle->db, "main", SQLITE_FCNTL_FILE_POINTER,
			     &file);
	for (unsigned i = 0; i <= n_pages / INDEX_PAGES && !code; i++) {
		code = file->pMethods->xShmMap(file, (int)i, INDEX_BYTES, 1,
					       &region);
		if (code)
			break;
		touch_index(region, !i);
		if (!i && is_large(handle))
			handle->wal_index = region;
	}
	return code == SQLITE_IOERR_SHMSIZE ? 0 : sqlite_outcome(handle, code);
}

/* With the lock that only who writes to the log has. */
static int enlarge(struct sqlite_store *handle)
{
	int r;

	handle->is_enlarged = true;
	if (!has_room(handle))
		return 0;
	r = is_large(handle) ? lengthen(handle) : 0;
	return r ? r : lengthen_index(handle);
}

/* ---- transactions ---- */

int sqlite_begin(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);
	int r;

	r = sqlite_prepare(handle, &handle->begin, "BEGIN IMMEDIATE", 0);
	if (!r)
		r = sqlite_do(handle, handle->begin);
	if (r)
		return r;
	if (!handle->is_settled)
		r = sqlite_settle(handle);
	if (!r && !handle->is_enlarged)
		r = enlarge(handle);
	if (r)
		sqlite_rollback(store);
	return r;
}

/*
 * Whether the thread beside has left so little that to move it costs about one
 * sync: as it is just after that thread was at work. The format of the index is
 * part of SQLite's file format (walformat.html).
 */
static bool is_worth_waiting(const struct sqlite_store *handle)
{
	unsigned n_pages = handle->n_wal_pages;
	unsigned n_moved;

	if (!handle->wal_index ||
	    n_pages >= LARGE_BOUND_BYTES / SQLITE_PAGE_BYTES)
		return false;
	n_moved = handle->wal_index[INDEX_MOVED_PLACE];
	return n_moved < n_pages &&
	       n_pages - n_moved > LARGE_REST_BYTES / SQLITE_PAGE_BYTES;
}

/* The commit stands, whatever becomes of this. */
static void bound_wal(struct sqlite_store *handle)
{
	unsigned n_pages = handle->n_wal_pages;
	int code;

	if (n_pages < pages_to_move(handle))
		handle->move_at_pages = pages_to_move(handle);
	if (n_pages < handle->move_at_pages || is_worth_waiting(handle))
		return;
	/* Where readers are in the way, not again with each commit. */
	handle->move_at_pages = n_pages + pages_to_move(handle) / 16;
	code = sqlite3_wal_checkpoint_v2(handle->db, "main",
					 SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (sqlite_outcome(handle, code) == -EIO)
		handle->store.is_stale = true;
}

static int finish(struct sqlite_store *handle)
{
	int r;

	sqlite_settle_rows(handle);
	r = sqlite_prepare(handle, &handle->commit, "COMMIT", 0);
	return r ? r : sqlite_do(handle, handle->commit);
}

static void undo(struct sqlite_store *handle)
{
	sqlite_settle_rows(handle);
	if (sqlite3_get_autocommit(handle->db))
		return;
	if (sqlite_do(handle, handle->rollback))
		handle->store.is_stale = true;
}

/*
 * What is in the WAL is moved, so that the next commit can write over it: as
 * one must that is to remove something, or nothing ever would. Not of a large
 * file, with each commit that fails: that would take long.
 */
static void reuse_wal(struct sqlite_store *handle)
{
	int code;

	if (is_large(handle))
		return;
	code = sqlite3_wal_checkpoint_v2(handle->db, "main",
					 SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	if (sqlite_errno(handle->db, code) == -EIO)
		handle->store.is_stale = true;
}

int sqlite_commit(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);
	int r;

	r = finish(handle);
	if (r)
		undo(handle);
	else
		bound_wal(handle);
	if (r == -ENOSPC)
		reuse_wal(handle);
	return r;
}

void sqlite_rollback(struct store *store)
{
	undo(sqlite_handle(store));
}

/* BEGIN alone waits with the snapshot until something is read. */
int sqlite_snapshot(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);
	int r;

	r = sqlite_prepare(handle, &handle->begin_reading, "BEGIN", 0);
	if (!r)
		r = sqlite_prepare(handle, &handle->look,
				   "SELECT 1 FROM sqlite_schema LIMIT 1", 0);
	if (!r)
		r = sqlite_do(handle, handle->begin_reading);
	if (r)
		return r;
	r = sqlite_do(handle, handle->look);
	if (r)
		undo(handle);
	return r;
}

void sqlite_end(struct store *store)
{
	undo(sqlite_handle(store));
}

/* ---- care ---- */

int sqlite_checkpoint(struct store *store)
{
	struct sqlite_store *handle = sqlite_handle(store);
	int r;

	r = sqlite_outcome(handle,
			   sqlite3_wal_checkpoint_v2(handle->db, "main",
						     SQLITE_CHECKPOINT_PASSIVE,
						     NULL, NULL));
	/* The writer is at it, or somebody recovers: it is done without us. */
	return r == -EBUSY ? 0 : r;
}

/*
 * Without a header it is empty to who opens the file next. It is written when
 * the size is asked for, and not after the lock has gone: see gather.h.
 */
static void empty_wal(struct sqlite_store *handle)
{
	static const unsigned char zeros[WAL_HEADER_BYTES];
	sqlite3_file *file = sqlite_log_file(handle);
	sqlite3_int64 n;

	if (!file)
		return;
	file->pMethods->xWrite(file, zeros, sizeof(zeros), 0);
	file->pMethods->xFileSize(file, &n);
}

/* SQLite does not wait for who else is at a checkpoint. */
static int checkpoint(struct sqlite_store *handle, int *ret_n_pages,
		      int *ret_n_moved)
{
	uint64_t deadline_ns = clock_now_ns() + SQLITE_WAIT_MS * NS_PER_MS;
	bool is_busy;
	int code;

	do {
		code = sqlite3_wal_checkpoint_v2(handle->db, "main",
						 SQLITE_CHECKPOINT_PASSIVE,
						 ret_n_pages, ret_n_moved);
		is_busy = (code & 0xff) == SQLITE_BUSY;
		if (is_busy)
			sqlite3_sleep(1);
	} while (is_busy && clock_now_ns() < deadline_ns);
	return sqlite_outcome(handle, code);
}

/*
 * So that who opens it next need not read a WAL in which there is nothing new.
 * That of a large file stays as long as it is; others are removed by SQLite if
 * nobody else has the file open.
 */
void sqlite_leave(struct sqlite_store *handle)
{
	int n_pages = -1;
	int n_moved = -1;
	int r;

	r = checkpoint(handle, &n_pages, &n_moved);
	if (r || n_pages <= 0 || n_pages != n_moved)
		return;
	if (!is_large(handle))
		sqlite3_db_config(handle->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
				  0, NULL);
	/* Only who holds this lock writes to the WAL. */
	if (sqlite3_exec(handle->db, "BEGIN IMMEDIATE", NULL, NULL, NULL))
		return;
	empty_wal(handle);
	sqlite3_exec(handle->db, "ROLLBACK", NULL, NULL, NULL);
}
