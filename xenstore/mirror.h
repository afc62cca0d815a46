/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_MIRROR_H
#define XENSTORE_MIRROR_H

/**
 * What the bucket has of xenstore, and which nodes have to be looked at.
 *
 * It has neither xenstore nor bucket: it is told what the bucket has, which
 * nodes changed, and what somebody found when he looked. A node is a key of the
 * bucket (a digest of its value is kept), a folder above keys, or one of which
 * only an event has told.
 *
 * An event says that a node was written, or that it was removed with all below,
 * and perhaps made again. So who looks at one that has known children looks at
 * which of them are there, and so on below; and a node that is new has its
 * parent looked at, which may have been made with it and has no event.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "xenstore/node.h"

struct selection;

enum { MIRROR_TURN_NODES = 16 }; /* of one owner, then comes the next */

/** Nodes that are not mirrored: without room, too long or refused. */
struct missed {
	size_t n_of_host;
	size_t n_of_guests;
	uint32_t worst; /* the guest with the most of them */
	size_t n_of_worst;
};

struct mirror {
	const struct selection *selection; /* borrowed */
	struct hash_key key;
	struct map nodes;
	size_t n_nodes_of_guests;
	struct map owners;
	struct list line; /* struct owner: those with something to look at */
	size_t n_stale;
	size_t n_missed; /* nodes that had no room */
	uint64_t n_scans;
	uint64_t n_events; /* of nodes that are selected */
};

/** Returns 0 or a negative errno; mirror_deinit() is right either way. */
int mirror_init(struct mirror *mirror, const struct selection *selection);
void mirror_deinit(struct mirror *mirror);

/** Forget everything. No node may be busy. */
void mirror_clear(struct mirror *mirror);

/** The bucket has this key; one that is not selected is passed over. */
void mirror_load(struct mirror *mirror, const char *key, const void *value,
		 size_t n_value);

/** An event named this path, which may be any. */
void mirror_touch(struct mirror *mirror, const char *path);
/** Look at a node, at least so far. */
void mirror_mark(struct mirror *mirror, struct node *node, enum look look);
/** Look at everything. */
void mirror_rescan(struct mirror *mirror);
/** Look again at all of those whose nodes had no room. */
void mirror_retry(struct mirror *mirror);
/** Those, as of the last time, or of this one if they are more by now. */
void mirror_missed(const struct mirror *mirror, struct missed *ret_missed);

/**
 * Take up to `n_max` nodes to look at, owner by owner; they are busy until
 * mirror_give_back(). Returns how many; 0 with *ret_due_ns: nobody has a turn
 * before that, or UINT64_MAX.
 */
size_t mirror_take(struct mirror *mirror, uint64_t now_ns, struct node **nodes,
		   size_t n_max, uint64_t *ret_due_ns);
/** One that is busy, and stale again: true, and it is taken anew. */
bool mirror_take_again(struct mirror *mirror, struct node *node,
		       uint64_t now_ns);

/** Whether who took the node needs its children's names. */
bool mirror_wants_names(const struct node *node);
/* With node->is_gone as it was found, of all that were looked at: */

/** It is not there: what is known below is to be looked at. */
void mirror_is_gone(struct mirror *mirror, struct node *node);
/** It is. */
void mirror_is_there(struct mirror *mirror, struct node *node);
/** These are its children. */
void mirror_has_children(struct mirror *mirror, struct node *node,
			 char *const *names, size_t n_names);

/** Of a value, to be compared with node->tag. */
struct hash_tag mirror_tag(const struct mirror *mirror, const void *value,
			   size_t n_value);

/** The bucket has no room for it. */
void mirror_miss(struct mirror *mirror, struct node *node);
/** Nobody looks at it or writes it any more; it may be freed. */
void mirror_give_back(struct mirror *mirror, struct node *node);
/** The same for one that was not looked at: it is stale, and the first. */
void mirror_put_back(struct mirror *mirror, struct node *node);

#endif
