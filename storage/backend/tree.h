/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_BACKEND_TREE_H
#define STORAGE_BACKEND_TREE_H

/**
 * An ordered table in memory that is never changed: what puts or removes a row
 * makes a new tree that shares all else with the old one, so a snapshot is a
 * reference. Balanced as AVL trees are, so nothing here goes deeper than one
 * and a half times the logarithm of the rows.
 *
 * References are counted without atomics: who makes and drops them holds a
 * lock. Walking needs none, as long as the walker's reference is held.
 */

#include <stddef.h>
#include <stdint.h>

#include "storage/backend/backend.h"

struct tree_row {
	unsigned n_refs;
	struct store_key key; /* its bytes stand behind the value */
	size_t n_value;
	unsigned char value[];
};

struct tree;

/** One with nothing in it. Needs no memory. */
struct tree *tree_empty(void);
struct tree *tree_ref(struct tree *tree);
/** Returns NULL. NULL is fine. */
struct tree *tree_unref(struct tree *tree);

/** A row with room for a value of `n_value` bytes, to be written; or NULL. */
struct tree_row *tree_row_new(const struct store_key *key, size_t n_value);
struct tree_row *tree_row_unref(struct tree_row *row);

/**
 * A tree like `tree` but for this row, or without the row of this key. NULL:
 * there is no memory. `tree` stays as it is; the row is referenced.
 */
struct tree *tree_with(struct tree *tree, struct tree_row *row);
struct tree *tree_without(struct tree *tree, const struct store_key *key);

/** The row nearest to `key`, or at the end that `key` NULL means; or NULL. */
const struct tree_row *tree_seek(const struct tree *tree, enum store_seek seek,
				 const struct store_key *key);
const struct tree_row *tree_lookup(const struct tree *tree,
				   const struct store_key *key);

#endif
