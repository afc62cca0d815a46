/* SPDX-License-Identifier: MIT */
#ifndef TESTS_XEN_WORLD_TREE_H
#define TESTS_XEN_WORLD_TREE_H

/** The nodes of a store, and who may do what to them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

enum { PERMS_MAX = 16, PERM_READ = 1, PERM_WRITE = 2, PERM_OWNER = 4 };

struct perm {
	uint32_t domid;
	unsigned bits;
};

/** The first names the owner, and what those may who are not in the list. */
struct perms {
	size_t n;
	struct perm list[PERMS_MAX];
};

struct node {
	struct list link; /* in parent.children */
	struct list children;
	struct node *parent;
	char *name;
	char *value;
	size_t n_value;
	struct perms perms;
	uint64_t generation;
};

struct tree {
	struct node *root;
};

/** PERM_* of a domain; domain 0 may all. */
unsigned perms_of(const struct perms *perms, uint32_t domid);

/** From n strings such as "r5" on end. Returns 0 or -EINVAL. */
int perms_parse(struct perms *perms, const char *text, size_t n_text);

/** One such string of up to 12 characters. */
void perm_format(const struct perm *perm, char text[16]);

/** A path is absolute, with neither an empty name nor a slash at the end. */
struct node *tree_lookup(const struct tree *tree, const char *path);

/** The node or the nearest above it that exists. */
struct node *tree_nearest(const struct tree *tree, const char *path);

/** Make a node below an existing one; NULL without memory. */
struct node *node_new(struct node *parent, const char *name, size_t n_name);

/** Free a node, out of its parent, and all below it. */
void node_free(struct node *node);

/** The generation of what was made or touched last, in any tree. */
uint64_t tree_generation(void);

/** Something about the node, or its list of children, is new. */
void node_touch(struct node *node);

int node_set_value(struct node *node, const char *value, size_t n);

/** A copy of all, generations included; -ENOMEM. */
int tree_copy(const struct tree *tree, struct tree *ret_tree);

/** The next node in the order parent, children; NULL after the last. */
struct node *node_next(const struct node *top, struct node *node);

/** Writes the path; PATH is at least 3072 bytes. */
void node_path(const struct node *node, char *path, size_t n_path);

#endif
