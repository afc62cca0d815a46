/* SPDX-License-Identifier: MIT */
#ifndef CLI_KV_TREE_H
#define CLI_KV_TREE_H

/**
 * Keys as a tree by their `/`, as xenstore-ls writes one: each level is
 * indented by a space, and parts that are no key themselves stand alone.
 */

#include <helio/store/v1/store.pb-c.h>
#include <stddef.h>

struct kv;

struct kv_tree {
	struct kv_leaf *leaves; /* owned */
	size_t n;
	size_t n_max;
};

/** All zero is an empty one. */
void kv_tree_deinit(struct kv_tree *tree);

/** Add a key with its line. Returns 0 or -ENOMEM. */
int kv_tree_add(struct kv_tree *tree, const Helio__Store__V1__Entry *entry,
		const struct kv *kv);

/** To standard output. */
void kv_tree_write(struct kv_tree *tree);

#endif
