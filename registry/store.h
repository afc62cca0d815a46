/* SPDX-License-Identifier: MIT */
#ifndef REGISTRY_STORE_H
#define REGISTRY_STORE_H

/**
 * All schemas that are known, on the disk and in memory.
 *
 * What was answered for is on the disk; a file that is not what was written is
 * known by its hash, named in the log, and never handed out. Who registers a
 * schema again whose file is damaged makes it whole.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "registry/entry.h"

enum {
	STORE_SCHEMAS_MAX = 4096,
	/* Of one owner: a principal, with all that is below it. */
	STORE_OWNED_MAX = 64,
};

struct store {
	int folder;             /* locked */
	struct entry **entries; /* in the order of their numbers */
	size_t n_entries;
	size_t n_room;
};

/**
 * Open what is in the folder, which is made if it is missing. Damage is logged
 * and is no error. Returns 0, -EWOULDBLOCK when another process has it, or
 * another negative errno.
 */
int store_open(const char *path, struct store **ret_store);
/** Accepts NULL. Returns NULL. */
struct store *store_free(struct store *store);
DEFINE_CLEANUP(struct store *, store_free);

/** NULL: not known. A damaged one is found. */
struct entry *store_lookup(const struct store *store, const uint8_t *hash,
			   size_t n_hash);

/** The first with a number above this one, or NULL. */
struct entry *store_after(const struct store *store, uint64_t number);

/**
 * What others of the package are judged against: the one that is pinned, or
 * else the newest that servers may have and that is not older than another.
 * NULL: there is none.
 */
struct entry *store_base(const struct store *store, const char *package);

/** How many schemas the owner of this principal has; what an owner is called.
 */
unsigned store_count_owned(const struct store *store, const char *principal,
			   char ret_owner[ENTRY_TEXT_BYTES]);

/** Whether what one of them registers counts for the other as well. */
bool store_is_same_owner(const char *principal, const char *other);

/**
 * Read the set of an entry. *ret_set points into *ret_bytes, which the caller
 * frees. Returns 0, -EBADMSG when the file is damaged, which is logged, or
 * another negative errno.
 */
int store_read(struct store *store, struct entry *entry, uint8_t **ret_bytes,
	       const uint8_t **ret_set);

/**
 * Keep a schema, with a number that the store gives it. It takes the place of
 * a damaged one, or one that only clients might have; their pin is kept. When
 * it returns 0 it is on the disk and the entry is the store's.
 */
int store_add(struct store *store, struct entry *entry, const uint8_t *set);

/** Pin it instead of any other of its package, or take its pin away. */
int store_pin(struct store *store, struct entry *entry, bool is_pinned);

/** Remove the file and free the entry. */
int store_forget(struct store *store, struct entry *entry);

#endif
