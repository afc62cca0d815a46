/* SPDX-License-Identifier: MIT */

#include "registry/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/folder.h"
#include "registry/disk.h"
#include "registry/pins.h"

static int close_dir(DIR *dir)
{
	return dir ? closedir(dir) : 0;
}

DEFINE_CLEANUP(DIR *, close_dir);

/* Nothing is known of a damaged schema but its hash, or what is remembered. */
static void note_damage(struct entry *entry, int r)
{
	if (!entry->is_damaged)
		log_error("the file %s is damaged (%s): its schema is not "
			  "handed out until it is registered again",
			  entry->name, strerror(-r));
	entry->is_damaged = true;
}

int store_read(struct store *store, struct entry *entry, uint8_t **ret_bytes,
	       const uint8_t **ret_set)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	struct entry copy = { .n_set = 0 };
	const uint8_t *set;
	size_t n;
	int r;

	if (entry->is_damaged)
		return -EBADMSG;
	r = disk_read(store->folder, entry->name, ENTRY_FILE_MAX, &bytes, &n);
	memcpy(copy.hash, entry->hash, sizeof(copy.hash));
	if (!r)
		r = entry_decode(&copy, bytes, n, &set);
	if (!r && copy.n_set != entry->n_set)
		r = -EBADMSG;
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		return r;
	if (r < 0) {
		note_damage(entry, r);
		return -EBADMSG;
	}
	*ret_bytes = take_ptr(bytes);
	*ret_set = set;
	return 0;
}

/* Read all of its file for the first time. */
static int load_entry(struct store *store, struct entry *entry)
{
	_cleanup_(freep) uint8_t *bytes = NULL;
	_cleanup_(reading_deinit) struct reading reading = { .set = NULL };
	char error[ITEM_ERROR_BYTES];
	const uint8_t *set;
	size_t n;
	int r;

	r = disk_read(store->folder, entry->name, ENTRY_FILE_MAX, &bytes, &n);
	if (!r)
		r = entry_decode(entry, bytes, n, &set);
	if (!r)
		r = reading_init(&reading, set, entry->n_set, error);
	if (!r)
		r = entry_set_names(entry, &reading);
	return r;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct entry *const *one = a;
	const struct entry *const *other = b;

	return ((*one)->number > (*other)->number) -
	       ((*one)->number < (*other)->number);
}

static void sort(struct store *store)
{
	if (store->n_entries)
		qsort(store->entries, store->n_entries, sizeof(*store->entries),
		      compare_numbers);
}

static int make_room(struct store *store)
{
	size_t n_room = store->n_room ? store->n_room * 2 : 64;
	struct entry **entries;

	if (store->n_entries < store->n_room)
		return 0;
	entries = reallocarray(store->entries, n_room, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	store->entries = entries;
	store->n_room = n_room;
	return 0;
}

/* A file of the folder; those that are no schemas are passed over. */
static int load_file(struct store *store, const char *name)
{
	_cleanup_(entry_freep) struct entry *entry = NULL;
	uint8_t hash[CANONICAL_HASH_BYTES];
	int r;

	if (entry_parse_hash(name, hash) < 0)
		return 0;
	entry = entry_new(hash);
	if (!entry || make_room(store) < 0)
		return -ENOMEM;
	r = load_entry(store, entry);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		note_damage(entry, r);
		*entry->package = '\0';
		*entry->principal = '\0';
		entry->number = 0;
	}
	store->entries[store->n_entries++] = take_ptr(entry);
	return 0;
}

static int load_files(struct store *store)
{
	_cleanup_(close_dirp) DIR *dir = NULL;
	const struct dirent *file;
	int fd = dup(store->folder);
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -errno;
	}
	while (!r && (file = readdir(dir)))
		r = load_file(store, file->d_name);
	return r;
}

int store_open(const char *path, struct store **ret_store)
{
	_cleanup_(store_freep) struct store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	store->folder = -1;
	r = folder_lock(path, &store->folder);
	if (!r)
		r = load_files(store);
	if (r < 0)
		return r;
	sort(store);
	r = pins_read(store->folder, store->entries, store->n_entries);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_error("the file pins is damaged (%s): nothing is pinned",
			  strerror(-r));
	*ret_store = take_ptr(store);
	return 0;
}

struct store *store_free(struct store *store)
{
	if (!store)
		return NULL;
	for (size_t i = 0; i < store->n_entries; i++)
		entry_free(store->entries[i]);
	free(store->entries);
	close_fdp(&store->folder);
	free(store);
	return NULL;
}

struct entry *store_lookup(const struct store *store, const uint8_t *hash,
			   size_t n_hash)
{
	if (n_hash != CANONICAL_HASH_BYTES)
		return NULL;
	for (size_t i = 0; i < store->n_entries; i++)
		if (!memcmp(store->entries[i]->hash, hash, n_hash))
			return store->entries[i];
	return NULL;
}

struct entry *store_after(const struct store *store, uint64_t number)
{
	for (size_t i = 0; i < store->n_entries; i++)
		if (store->entries[i]->number > number)
			return store->entries[i];
	return NULL;
}

struct entry *store_base(const struct store *store, const char *package)
{
	struct entry *newest = NULL;
	struct entry *base = NULL;

	for (size_t i = 0; i < store->n_entries; i++) {
		struct entry *entry = store->entries[i];

		if (strcmp(entry->package, package) != 0)
			continue;
		if (entry->is_pinned)
			return entry;
		if (entry->is_client_only)
			continue;
		newest = entry;
		if (!entry->is_older)
			base = entry;
	}
	return base ? base : newest;
}

/* A path's limits are never above its parent's: so the first part counts. */
static size_t owner_length(const char *principal)
{
	return strcspn(principal, "/");
}

bool store_is_same_owner(const char *principal, const char *other)
{
	size_t n = owner_length(principal);

	return owner_length(other) == n && !memcmp(other, principal, n);
}

unsigned store_count_owned(const struct store *store, const char *principal,
			   char ret_owner[ENTRY_TEXT_BYTES])
{
	size_t n = owner_length(principal);
	unsigned n_owned = 0;

	snprintf(ret_owner, ENTRY_TEXT_BYTES, "%.*s", (int)n, principal);
	for (size_t i = 0; i < store->n_entries; i++)
		n_owned += store_is_same_owner(store->entries[i]->principal,
					       principal);
	return n_owned;
}

static size_t place_of(const struct store *store, const struct entry *entry)
{
	size_t i = 0;

	while (store->entries[i] != entry)
		i++;
	return i;
}

int store_add(struct store *store, struct entry *entry, const uint8_t *set)
{
	struct entry *before =
		store_lookup(store, entry->hash, CANONICAL_HASH_BYTES);
	_cleanup_(freep) uint8_t *bytes = NULL;
	size_t n;
	int r;

	if (!before && make_room(store) < 0)
		return -ENOMEM;
	entry->number = 1;
	if (store->n_entries)
		entry->number =
			store->entries[store->n_entries - 1]->number + 1;
	entry->is_pinned = before && before->is_pinned;
	r = entry_encode(entry, set, &bytes, &n);
	if (!r)
		r = disk_write(store->folder, entry->name, bytes, n);
	if (r < 0)
		return r;
	if (before)
		store->entries[place_of(store, before)] = entry;
	else
		store->entries[store->n_entries++] = entry;
	entry_free(before);
	sort(store);
	return 0;
}

/* As the file has it, which may be the new or the old. */
static void read_pins_again(struct store *store)
{
	if (pins_read(store->folder, store->entries, store->n_entries) < 0)
		log_error("the file pins cannot be read");
}

int store_pin(struct store *store, struct entry *entry, bool is_pinned)
{
	int r;

	for (size_t i = 0; is_pinned && i < store->n_entries; i++)
		if (!strcmp(store->entries[i]->package, entry->package))
			store->entries[i]->is_pinned = false;
	entry->is_pinned = is_pinned;
	r = pins_write(store->folder, store->entries, store->n_entries);
	if (r < 0)
		read_pins_again(store);
	return r;
}

int store_forget(struct store *store, struct entry *entry)
{
	size_t i = place_of(store, entry);
	int r = disk_remove(store->folder, entry->name);

	if (r < 0 && r != -ENOENT)
		return r;
	store->n_entries--;
	memmove(&store->entries[i], &store->entries[i + 1],
		(store->n_entries - i) * sizeof(*store->entries));
	entry_free(entry);
	return 0;
}
