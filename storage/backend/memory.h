/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_MEMORY_H
#define STORAGE_BACKEND_MEMORY_H

/**
 * The backend in memory: files by their paths, each with what was committed
 * last; one lock for all of it, which nobody holds for long. What is done to
 * files is in memory.c.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "storage/backend/driver.h"
#include "storage/backend/tree.h"

struct memory {
	struct backend backend;
	pthread_mutex_t lock;
	struct list files;
};

struct memory_file {
	struct list link; /* in memory.files */
	char *path;
	char application[5];
	uint32_t version;
	unsigned n_tables;
	unsigned n_open;
	bool is_sealed;
	bool is_written; /* a transaction is under way */
	struct tree *tables[STORE_TABLES_MAX];
	uint64_t n_bytes; /* of keys and values */
};

struct memory_store {
	struct store store;
	struct memory *memory;
	struct memory_file *file;
	/* What this handle sees while it reads or writes; else all NULL. */
	struct tree *tables[STORE_TABLES_MAX];
	uint64_t n_bytes;
};

struct memory_cursor {
	struct store_cursor cursor;
	enum store_seek seek;
	struct tree *table;
	const struct tree_row *row; /* where it is; NULL before the first */
	bool has_start;
	struct store_key start;
	unsigned char start_bytes[STORE_KEY_MAX];
};

/* The rows: memory_table.c. */

int memory_snapshot(struct store *store);
void memory_end(struct store *store);
int memory_begin(struct store *store);
int memory_commit(struct store *store);
void memory_rollback(struct store *store);
int memory_put(struct store *store, unsigned table, const struct store_key *key,
	       const struct store_piece *pieces, size_t n_pieces);
int memory_remove(struct store *store, unsigned table,
		  const struct store_key *key);
int memory_get(struct store *store, unsigned table, const struct store_key *key,
	       const void **ret_value, size_t *ret_n_value);
int memory_read(struct store *store, unsigned table, uint64_t number,
		size_t offset, void *buffer, size_t n);
int memory_cursor_open(struct store *store, unsigned table,
		       enum store_seek seek, const struct store_key *key,
		       struct store_cursor **ret_cursor);
void memory_cursor_close(struct store_cursor *cursor);
int memory_cursor_next(struct store_cursor *cursor);
int memory_cursor_value(struct store_cursor *cursor, const void **ret_value,
			size_t *ret_n_value);
int memory_cursor_read(struct store_cursor *cursor, size_t offset, void *buffer,
		       size_t n);

#endif
