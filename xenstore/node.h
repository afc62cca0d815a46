/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_NODE_H
#define XENSTORE_NODE_H

/** A node of the mirror: see xenstore/mirror.h. */

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

struct mirror;
struct owner;

enum {
	NODES_MAX = 200000,
	NODES_OF_GUESTS_MAX = 150000, /* which leaves some to the host */
	NODES_OF_GUEST_MAX = 16384,   /* of one */
};

/** How far to look; each includes those before. */
enum look {
	LOOK_NOT,
	LOOK_AT_VALUE,
	LOOK_AT_CHILDREN, /* whether those that are known are still there */
	LOOK_AT_ALL,      /* and at all that is below */
};

struct node {
	struct map_node by_path;
	struct list sibling; /* in the parent's children */
	struct list children;
	struct node *parent; /* NULL: a root */
	struct list stale;   /* in the owner's, while there is a look */
	struct owner *owner;
	struct hash_tag tag; /* of the bucket's value */
	uint64_t scan;       /* the last that found it below its parent */
	enum look look;      /* what is to be done */
	enum look taken;     /* what is being done */
	bool is_key;         /* it is mirrored */
	bool is_there;       /* in the bucket */
	bool is_new;         /* only events told of it */
	bool is_gone;        /* when it was looked at last */
	bool is_busy;        /* taken, and not given back */
	char path[];
};

/** NULL when it is not known. */
struct node *node_lookup(const struct mirror *mirror, const char *path);

/**
 * The node of a path that is selected, made with those above it if it is not
 * known. NULL: there is no room, which is counted at its owner, or no memory.
 */
struct node *node_need(struct mirror *mirror, const char *path);

/** Free it, and those above it, as far as nothing needs them. */
void node_prune(struct mirror *mirror, struct node *node);

/** Free all; none may be busy. */
void nodes_free(struct mirror *mirror);

/** It had no room. */
void node_miss(struct mirror *mirror, struct owner *owner);

#endif
