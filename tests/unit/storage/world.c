/* SPDX-License-Identifier: MIT */

#include "tests/unit/storage/world.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/storage/faulty_disk.h"

const struct store_layout world_layout = {
	.application = "HLte",
	.version = 3,
	.n_tables = 3,
	.tables = { [WORLD_NUMBERS] = { "numbers", STORE_NUMBERED },
		    [WORLD_NAMES] = { "names", STORE_KEYED },
		    [WORLD_OTHERS] = { "others", STORE_NUMBERED } },
};

/* In memory, if there is such a place: no test here is about a real disk. */
static void make_folder(char *path, size_t n)
{
	snprintf(path, n, "%s/store.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	assert_non_null(mkdtemp(path));
}

static struct world *world_new(struct backend *backend)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->backend = backend;
	make_folder(world->folder, sizeof(world->folder));
	make_folder(world->image_folder, sizeof(world->image_folder));
	snprintf(world->path, sizeof(world->path), "%s/a file", world->folder);
	snprintf(world->image_path, sizeof(world->image_path), "%s/a file",
		 world->image_folder);
	return world;
}

int world_set_up_sqlite(void **state)
{
	*state = world_new(backend_sqlite());
	return 0;
}

int world_set_up_memory(void **state)
{
	struct backend *backend;

	assert_int_equal(backend_memory_new(&backend), 0);
	*state = world_new(backend);
	return 0;
}

int world_set_up_faulty(void **state)
{
	struct backend *backend;

	assert_int_equal(faulty_disk_start(), 0);
	assert_int_equal(backend_sqlite_on(FAULTY_DISK_VFS, &backend), 0);
	*state = world_new(backend);
	return 0;
}

static void remove_all_in(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
}

void world_clear_image(struct world *world)
{
	remove_all_in(world->image_folder);
}

int world_tear_down(void **state)
{
	struct world *world = *state;

	remove_all_in(world->folder);
	remove_all_in(world->image_folder);
	assert_int_equal(rmdir(world->folder), 0);
	assert_int_equal(rmdir(world->image_folder), 0);
	backend_free(world->backend);
	free(world);
	return 0;
}

struct store *world_open(struct world *world, unsigned flags)
{
	struct store *store;

	assert_int_equal(store_open(world->backend, world->path, &world_layout,
				    flags, &store),
			 0);
	return store;
}

char *world_path(const struct world *world, const char *name)
{
	char *path;

	assert_true(asprintf(&path, "%s/%s", world->folder, name) > 0);
	return path;
}

struct store_key number_of(uint64_t number)
{
	return (struct store_key){ .number = number };
}

struct store_key name_of(const char *name)
{
	return (struct store_key){ .bytes = name, .n_bytes = strlen(name) };
}

static void put(struct store *store, unsigned table, struct store_key key,
		const char *value)
{
	const struct store_piece piece = { value, strlen(value) };

	assert_int_equal(store_put(store, table, &key, &piece, 1), 0);
}

void put_number(struct store *store, uint64_t number, const char *value)
{
	put(store, WORLD_NUMBERS, number_of(number), value);
}

void put_name(struct store *store, const char *name, const char *value)
{
	put(store, WORLD_NAMES, name_of(name), value);
}

void commit_number(struct store *store, uint64_t number, const char *value)
{
	assert_int_equal(store_begin(store), 0);
	put_number(store, number, value);
	assert_int_equal(store_commit(store), 0);
}

static void assert_value(struct store *store, unsigned table,
			 struct store_key key, const char *expected)
{
	const void *value;
	size_t n;
	int r;

	r = store_get(store, table, &key, &value, &n);
	assert_int_equal(r, expected ? 1 : 0);
	if (!expected)
		return;
	assert_int_equal(n, strlen(expected));
	assert_memory_equal(value, expected, n);
}

void assert_number(struct store *store, uint64_t number, const char *value)
{
	assert_value(store, WORLD_NUMBERS, number_of(number), value);
}

void assert_name(struct store *store, const char *name, const char *value)
{
	assert_value(store, WORLD_NAMES, name_of(name), value);
}

void assert_committed(struct store *store, uint64_t number, const char *value)
{
	assert_int_equal(store_snapshot(store), 0);
	assert_number(store, number, value);
	store_end(store);
}

void assert_walk(struct store *store, unsigned table, enum store_seek seek,
		 const struct store_key *key, const char *expected)
{
	struct store_cursor *cursor;
	struct store_key at;
	char found[1024] = "";
	size_t n = 0;
	int r;

	assert_int_equal(store_cursor_open(store, table, seek, key, &cursor),
			 0);
	while ((r = store_cursor_next(cursor)) == 1) {
		at = store_cursor_key(cursor);
		if (at.bytes)
			n += (size_t)snprintf(found + n, sizeof(found) - n,
					      "%s%.*s", n ? "," : "",
					      (int)at.n_bytes,
					      (const char *)at.bytes);
		else
			n += (size_t)snprintf(found + n, sizeof(found) - n,
					      "%s%llu", n ? "," : "",
					      (unsigned long long)at.number);
		assert_true(n < sizeof(found));
	}
	assert_int_equal(r, 0);
	store_cursor_close(cursor);
	assert_string_equal(found, expected);
}
