/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_LEAF_H
#define SWITCH_LEAF_H

/**
 * A leaf: a peer that is a switch itself, and the principals that it has
 * announced (docs/PROTOCOL.md, 14).
 *
 * A leaf can lie about what is below it and about nothing else: whatever it
 * announces stands below its own path, is judged with it, and is charged to it
 * too. A peer becomes a leaf by its first PEER, which takes the right `uplink`.
 */

#include <stdint.h>

#include "base/map.h"
#include "switch/speaker.h"

struct inbound;
struct peer;

enum { LEAF_HANDLE_MAX = (1 << 20) - 1 };

struct leaf {
	struct peer *peer;
	struct map by_handle; /* of struct speaker */
	struct list crossings;
};

/** NULL is fine. Whom it announced must have nothing left. */
struct leaf *leaf_free(struct leaf *leaf);

/** A PEER came in: somebody new speaks on this channel. */
void leaf_announce(struct peer *peer, const struct inbound *inbound);

/** A FORGET came in: all that was the speaker's ends with it. */
void leaf_forget(struct peer *peer, const struct inbound *inbound);

/** Who has this handle; NULL: nobody, or `leaf` is NULL. */
struct speaker *leaf_lookup(const struct leaf *leaf, uint32_t handle);

/** The channel has ended: so have all, which is told. NULL is fine. */
void leaf_tell_down(const struct leaf *leaf, const char *reason);

/** Policy has changed: who may be a leaf no longer is ended. */
void leaf_judge(struct peer *peer);

/** How many the peer's owner may announce; 0 without the right. */
uint32_t leaf_principals_max(const struct peer *peer);

#endif
