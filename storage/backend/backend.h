/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_BACKEND_H
#define STORAGE_BACKEND_BACKEND_H

/**
 * Files of ordered tables, written in transactions that are on disk once they
 * are committed. What logs and buckets lie in.
 *
 * A file has tables of two kinds: numbered ones, whose keys are numbers from 1
 * to 2^63 - 1, and keyed ones, whose keys are bytes, at most 1 KiB, in the
 * order of memcmp(). A value is any bytes, at most 64 MiB. There are two
 * backends: SQLite, and memory, which outlives its handles and nothing else.
 *
 * A handle belongs to one thread at a time. A file has one handle that writes
 * and any number that read; a reader sees what was committed when it began its
 * snapshot, and keeps seeing that until it ends it. Everything here may block
 * on the disk.
 *
 * Errors, of every function that returns int unless it says otherwise:
 *	-EIO		the disk failed
 *	-ENOSPC		it is full, or a quota of the file system is
 *	-EBADMSG	the file is damaged, or is none of these
 *	-ENOMEM, -EMFILE, -EACCES
 *	-EBUSY		another handle writes, or is in the way otherwise
 *	-ESTALE		-EIO was returned before, by a handle that may write:
 *			what is on disk is not known. Close the file and open
 *			it again, which recovers it
 *	-EROFS		the handle is for reading
 *	-EINVAL		a call out of turn, no such table, no such key
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STORE_KEY_MAX = 1024,
	STORE_TABLES_MAX = 32,
};

#define STORE_VALUE_MAX     ((size_t)64 << 20)

/** While a file is made it is PATH with this; what is left may be removed. */
#define STORE_MAKING_SUFFIX ".new"

enum store_kind {
	STORE_NUMBERED,
	STORE_KEYED,
};

/** What a file of this kind has in it; compared when it is opened. */
struct store_layout {
	const char *application; /* four letters: "HLsg" */
	uint32_t version;        /* of the layout, below 2^31 */
	unsigned n_tables;
	struct {
		const char *name; /* small letters and `_`: "chunks" */
		enum store_kind kind;
	} tables[STORE_TABLES_MAX]; /* a table is named by its place here */
};

enum store_flags {
	STORE_CREATE = 1 << 0, /* if there is none; never over a damaged one */
	STORE_READ_ONLY = 1 << 1,
	STORE_SEALED = 1 << 2, /* read only, and nobody writes it ever again */
	STORE_LARGE = 1 << 3,  /* much is written: keep a large log ready */
	/* Beside the writer, for store_checkpoint() alone. */
	STORE_BESIDE = 1 << 4,
};

struct store;        /* a handle of an open file */
struct store_cursor; /* a place in a table */

/** One key: `bytes` is NULL for a numbered table. */
struct store_key {
	uint64_t number;
	const void *bytes;
	size_t n_bytes;
};

/** Several pieces make one value. */
struct store_piece {
	const void *bytes;
	size_t n_bytes;
};

/** A backend: SQLite, or the memory of one struct backend. */
struct backend;

/** The one of SQLite, which needs no setting up. Never NULL. */
struct backend *backend_sqlite(void);

/** One in memory; its files are gone with it. Thread-safe. Returns -ENOMEM. */
int backend_memory_new(struct backend **ret_backend);
/**
 * For tests: SQLite on the VFS of this name, which is registered with SQLite.
 * Names and folders go through storage/backend/disk.h. Returns -ENOMEM, or
 * -ENOENT: there is no such VFS.
 */
int backend_sqlite_on(const char *vfs, struct backend **ret_backend);
/** Whether its files have names in folders of the file system. */
bool backend_has_files(const struct backend *backend);
/** No file of it may be open. NULL is fine, and so is backend_sqlite(). */
struct backend *backend_free(struct backend *backend);

/**
 * Open the file at `path`. With STORE_CREATE it is made, with all tables, and
 * its folder synced, so that a power cut leaves it whole or not there.
 * -ENOENT: there is none. -EBADMSG: it is no file of this layout, or damaged as
 * far as the header tells; -EPROTO: of a later version. With STORE_SEALED
 * -EBUSY: it is not sealed, or not wholly; open it to write, and seal it. The
 * layout must live as long as the handle.
 */
int store_open(struct backend *backend, const char *path,
	       const struct store_layout *layout, unsigned flags,
	       struct store **ret_store);
/** Ends snapshot and transaction, which is then undone. Returns NULL. */
struct store *store_close(struct store *store);

/** Remove a file that nobody has open, with all that belongs to it. */
int store_unlink(struct backend *backend, const char *path);
/** Its bytes on disk, all that belongs to it included. */
int store_bytes(struct backend *backend, const char *path, uint64_t *ret_bytes);
/**
 * The length of the file alone: that of a sealed one is the same wherever it is
 * copied to, what it takes on a disk is not. -ENOENT.
 */
int store_length(struct backend *backend, const char *path,
		 uint64_t *ret_length);

/** What went wrong last, for people; "" if nothing has. */
const char *store_error(const struct store *store);

/* Writing: within a transaction; what was put in it can be read in it. */

/**
 * The first one of a handle also brings to disk what a process left behind that
 * died, and with STORE_LARGE makes the backend's log as long as it is to be, 64
 * MiB, if the disk has four times as much to spare.
 */
int store_begin(struct store *store);
/**
 * On disk when it returns 0. After an error nothing of the transaction is
 * there, except that after -EIO nobody knows: then -ESTALE from here on.
 * -ENOSPC leaves the handle usable; what makes nothing longer may well be
 * committed when it is tried again. Whatever it returns, the transaction is
 * over.
 */
int store_commit(struct store *store);
void store_rollback(struct store *store);

/**
 * Put a value, in place of one that is there. -EMSGSIZE: it is too long. After
 * any other error but -EINVAL the transaction cannot be committed any more:
 * store_commit() undoes it and returns that error.
 */
int store_put(struct store *store, unsigned table, const struct store_key *key,
	      const struct store_piece *pieces, size_t n_pieces);
/** Returns 0 also when there was none. */
int store_delete(struct store *store, unsigned table,
		 const struct store_key *key);

/* Reading: within a snapshot or a transaction. */

/** See what is committed now, until store_end(). */
int store_snapshot(struct store *store);
void store_end(struct store *store);

/**
 * The value of a key, which lives until the next call on the handle.
 * Returns 1, or 0 when there is none.
 */
int store_get(struct store *store, unsigned table, const struct store_key *key,
	      const void **ret_value, size_t *ret_n_value);
/**
 * `n` bytes of a value from `offset` on, without reading the rest of it.
 * Returns 1; 0 when there is no such key, or the value is shorter.
 */
int store_read(struct store *store, unsigned table, uint64_t number,
	       size_t offset, void *buffer, size_t n);

enum store_seek {
	STORE_AT_OR_AFTER,
	STORE_AFTER,
	STORE_AT_OR_BEFORE,
	STORE_BEFORE,
};

/**
 * A cursor on the entry nearest to `key` (NULL: the first one for a direction
 * that goes up, the last one for one that goes down), which store_cursor_next()
 * moves on in that direction. Several may be open; each ends before the
 * snapshot or transaction does.
 */
int store_cursor_open(struct store *store, unsigned table, enum store_seek seek,
		      const struct store_key *key,
		      struct store_cursor **ret_cursor);
/** Returns NULL. NULL is fine. */
struct store_cursor *store_cursor_close(struct store_cursor *cursor);
/** To the first, then to the next: 1, or 0 when there is none. */
int store_cursor_next(struct store_cursor *cursor);
/** Where it is: lives until the cursor moves. */
struct store_key store_cursor_key(const struct store_cursor *cursor);
/** The value there, read only when it is asked for; lives as the key. */
int store_cursor_value(struct store_cursor *cursor, const void **ret_value,
		       size_t *ret_n_value);
/** `n` bytes of it from `offset` on; numbered tables. As store_read(). */
int store_cursor_read(struct store_cursor *cursor, size_t offset, void *buffer,
		      size_t n);

/* Care. */

/**
 * Move what was committed from the backend's own log to where it belongs, as
 * far as readers allow, without holding up the writer. For a thread beside it,
 * with a handle of its own that was opened with STORE_BESIDE: to open a file
 * that is sealed that way is -EBUSY, and leaves it as it is.
 */
int store_checkpoint(struct store *store);
/**
 * Nobody writes to it any more: make it one file that can be read with
 * STORE_SEALED, and sync it. The handle is for reading from then on. -EBUSY:
 * another one is open.
 */
int store_seal(struct store *store);
/**
 * Copy what is committed to a new file at `path`, while others write. It is
 * sealed. -EEXIST: there is one.
 */
int store_backup(struct store *store, const char *path);
/**
 * Look at all of it. Returns 0, or -EBADMSG with store_error() saying what is
 * wrong first.
 */
int store_check(struct store *store);

#endif
