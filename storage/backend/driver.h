/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_DRIVER_H
#define STORAGE_BACKEND_DRIVER_H

/**
 * What a backend has to do. backend.c stands in front of it: it has checked
 * all arguments against backend.h, knows whether a transaction or a snapshot is
 * open, and calls nothing out of turn; no value is too long, no table unknown,
 * no key of the wrong kind. Functions return what backend.h says.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/backend/backend.h"

struct driver {
	bool has_files; /* as backend_has_files() */

	/** Sets what the handle has beside the fields that `open` is given. */
	int (*open)(struct backend *backend, const char *path,
		    const struct store_layout *layout, unsigned flags,
		    struct store **ret_store);
	/** Neither snapshot nor transaction nor cursor is open. */
	void (*close)(struct store *store);
	int (*unlink)(struct backend *backend, const char *path);
	int (*bytes)(struct backend *backend, const char *path,
		     uint64_t *ret_bytes);
	int (*length)(struct backend *backend, const char *path,
		      uint64_t *ret_length);
	void (*free)(struct backend *backend);

	int (*begin)(struct store *store);
	/** Whatever it returns, the transaction is over. */
	int (*commit)(struct store *store);
	void (*rollback)(struct store *store);
	/** After an error of these two nothing but a rollback comes. */
	int (*put)(struct store *store, unsigned table,
		   const struct store_key *key,
		   const struct store_piece *pieces, size_t n_pieces);
	int (*remove)(struct store *store, unsigned table,
		      const struct store_key *key);

	int (*snapshot)(struct store *store);
	void (*end)(struct store *store);
	int (*get)(struct store *store, unsigned table,
		   const struct store_key *key, const void **ret_value,
		   size_t *ret_n_value);
	int (*read)(struct store *store, unsigned table, uint64_t number,
		    size_t offset, void *buffer, size_t n);

	/** Sets no field of struct store_cursor. */
	int (*cursor_open)(struct store *store, unsigned table,
			   enum store_seek seek, const struct store_key *key,
			   struct store_cursor **ret_cursor);
	void (*cursor_close)(struct store_cursor *cursor);
	/** Sets `key`. Not called again once it returned 0. */
	int (*cursor_next)(struct store_cursor *cursor);
	/** These two only while the cursor is at an entry. */
	int (*cursor_value)(struct store_cursor *cursor, const void **ret_value,
			    size_t *ret_n_value);
	int (*cursor_read)(struct store_cursor *cursor, size_t offset,
			   void *buffer, size_t n);

	/* Neither snapshot nor transaction is open. */
	int (*checkpoint)(struct store *store);
	int (*seal)(struct store *store);
	int (*backup)(struct store *store, const char *path);
	int (*check)(struct store *store);
};

/** The beginning of each backend's own. */
struct backend {
	const struct driver *driver;
};

enum store_state {
	STORE_IDLE,
	STORE_READING,
	STORE_WRITING,
};

/** The beginning of each backend's own handle. */
struct store {
	const struct driver *driver;
	const struct store_layout *layout;
	unsigned flags;
	enum store_state state;
	int failure;   /* of the transaction: it cannot be committed */
	bool is_stale; /* a write failed: what is on disk is not known */
	char error[256];
};

/** The beginning of each backend's own cursor. */
struct store_cursor {
	struct store *store;
	unsigned table;
	bool is_at_entry;
	struct store_key key;
};

/** The length of all the pieces together. */
static inline size_t driver_value_bytes(const struct store_piece *pieces,
					size_t n_pieces)
{
	size_t n = 0;

	for (size_t i = 0; i < n_pieces; i++)
		n += pieces[i].n_bytes;
	return n;
}

/** Put them one after the other into `buffer`, which has room for them. */
void driver_join(const struct store_piece *pieces, size_t n_pieces,
		 void *buffer);

#endif
