/* SPDX-License-Identifier: MIT */

/*
 * What another process left in the WAL may be what it could not sync: the
 * kernel shows it to us, and will not write it any more. To move it to the file
 * would not do, for as long as the WAL on disk is a part of it the file is seen
 * through that part. So all of it is written once more, where it is, and
 * synced. The name of the file may be as unsure.
 *
 * The format is part of SQLite's file format (fileformat2.html, 4.1): what
 * belongs together has the salts of the header.
 */

#include <string.h>

#include "storage/backend/disk.h"
#include "storage/backend/sqlite.h"

enum {
	HEADER_BYTES = 32,
	HEADER_SALTS = 16,
	FRAME_HEAD_BYTES = 24,
	FRAME_SALTS = 8,
	SALTS_BYTES = 8,
	FRAME_BYTES = FRAME_HEAD_BYTES + SQLITE_PAGE_BYTES,
};

static const unsigned char MAGIC[3] = { 0x37, 0x7f, 0x06 };

/* *ret_is_there: the file goes so far. */
static int read_whole(sqlite3_file *file, void *bytes, int n,
		      sqlite3_int64 offset, bool *ret_is_there)
{
	int code = file->pMethods->xRead(file, bytes, n, offset);

	*ret_is_there = code == SQLITE_OK;
	return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
}

static int write_again(sqlite3_file *file)
{
	unsigned char header[HEADER_BYTES];
	unsigned char frame[FRAME_BYTES];
	sqlite3_int64 at = HEADER_BYTES;
	bool is_there;
	int code;

	code = read_whole(file, header, sizeof(header), 0, &is_there);
	if (code || !is_there || memcmp(header, MAGIC, sizeof(MAGIC)) != 0)
		return code;
	code = file->pMethods->xWrite(file, header, sizeof(header), 0);
	for (; !code; at += FRAME_BYTES) {
		code = read_whole(file, frame, sizeof(frame), at, &is_there);
		if (code || !is_there ||
		    memcmp(frame + FRAME_SALTS, header + HEADER_SALTS,
			   SALTS_BYTES) != 0)
			break;
		code = file->pMethods->xWrite(file, frame, sizeof(frame), at);
	}
	return code ? code : file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

int sqlite_settle(struct sqlite_store *handle)
{
	sqlite3_file *file = sqlite_log_file(handle);
	int code = SQLITE_OK;
	int r;

	r = disk_sync_folder_of(handle->path);
	if (!r && file)
		code = write_again(file);
	if (code) {
		sqlite_outcome(handle, code);
		r = sqlite_file_errno(file, code);
	}
	if (!r)
		handle->is_settled = true;
	return r;
}
