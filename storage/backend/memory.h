/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_MEMORY_H
#define STORAGE_BACKEND_MEMORY_H

/**
 * The backend in memory: files by their paths, each with what was committed
 * last; one lock for all of it, which nobody holds for long.
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

#endif
