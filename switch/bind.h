/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_BIND_H
#define SWITCH_BIND_H

/**
 * Services that a peer has bound: by a handle of its own it names a service and
 * the schema that it was built with, and then calls by handle and method.
 *
 * The subject is put together in our own copy when the frame is taken apart,
 * so that a call by a handle goes on like any other, but for the schema by
 * which its server is chosen.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

struct inbound;
struct peer;
struct schema;

/** A bound service, charged to its peer like a subscription. */
struct bound {
	struct map_node node; /* in peer.bound */
	uint32_t handle;
	struct schema *schema; /* a reference */
};

/** A BIND or an UNBIND came in. */
void bind_begin(struct peer *peer, const struct inbound *inbound);
void bind_end(struct peer *peer, const struct inbound *inbound);

/**
 * A CALL with a handle was taken apart: put its subject together and give it
 * its schema. If that cannot be it is left as it is, and call_start() refuses
 * it with bind_fault().
 */
void bind_resolve(struct peer *peer, struct inbound *inbound);

/** Why it could not; returns a status, and a text for people. */
int bind_fault(const struct peer *peer, const struct inbound *inbound,
	       char *text, size_t n_text);

/** The peer is gone. */
void bound_drop_all(struct peer *peer);

#endif
