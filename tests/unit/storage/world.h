/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_WORLD_H
#define TESTS_UNIT_STORAGE_WORLD_H

/** A backend with a folder of its own, and words in which tests are short. */

#include <stdint.h>

#include "storage/backend/backend.h"

enum { WORLD_NUMBERS, WORLD_NAMES, WORLD_OTHERS };

/** "HLte", version 3: numbered, keyed, numbered. */
extern const struct store_layout world_layout;

struct world {
	struct backend *backend;
	char folder[64];
	char path[96]; /* where nothing is yet */
	/* An empty folder beside it for an image of it, and the file there. */
	char image_folder[64];
	char image_path[96];
};

/** As cmocka's set-up and tear-down, for either backend. */
int world_set_up_sqlite(void **state);
int world_set_up_memory(void **state);
/** SQLite on tests/unit/storage/faulty_disk.h. */
int world_set_up_faulty(void **state);
int world_tear_down(void **state);

/** A row of a table of cmocka's, for each backend. */
#define OVER_BOTH(test)                                                   \
	{ "sqlite: " #test, (test), world_set_up_sqlite, world_tear_down, \
	  NULL },                                                         \
	{                                                                 \
		"memory: " #test, (test), world_set_up_memory,            \
			world_tear_down, NULL                             \
	}

/* All of these assert that it works. */

struct store *world_open(struct world *world, unsigned flags);
/** Empty the folder of the image. */
void world_clear_image(struct world *world);
/** Another path in its folder; the caller's to free. */
char *world_path(const struct world *world, const char *name);

struct store_key number_of(uint64_t number);
struct store_key name_of(const char *name);

void put_number(struct store *store, uint64_t number, const char *value);
void put_name(struct store *store, const char *name, const char *value);
/** Begin, put, commit. */
void commit_number(struct store *store, uint64_t number, const char *value);

/** NULL: there is none. In a snapshot or a transaction. */
void assert_number(struct store *store, uint64_t number, const char *value);
void assert_name(struct store *store, const char *name, const char *value);
/** The same, in a snapshot of its own. */
void assert_committed(struct store *store, uint64_t number, const char *value);

/** What such a cursor finds, in order, with commas: "1,2,4". */
void assert_walk(struct store *store, unsigned table, enum store_seek seek,
		 const struct store_key *key, const char *expected);

#endif
