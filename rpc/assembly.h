/* SPDX-License-Identifier: MIT */
#ifndef RPC_ASSEMBLY_H
#define RPC_ASSEMBLY_H

/**
 * Messages that come in fragments, until they are whole.
 *
 * What is open is bounded in number, and in bytes over all of them: the room
 * for a message is taken at its first fragment. One for which there is no room
 * is followed to its end, but not kept.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "proto/frame.h"

enum { ASSEMBLIES_MAX = 16384 };

struct assembly {
	struct map_node node;
	struct frame first; /* the header of its first fragment */
	uint64_t n_have;    /* bytes of the body */
	bool is_dropped;    /* there was no room: only counted */
	uint8_t bytes[];    /* subject, metadata and body */
};

struct assemblies {
	struct map map;   /* struct assembly by correlation */
	uint64_t n_bytes; /* taken for all that are open */
	uint64_t n_bytes_max;
};

/** Returns 0 or -ENOMEM. */
int assemblies_init(struct assemblies *assemblies, uint64_t n_bytes_max);

/** Safe on a zeroed one. */
void assemblies_deinit(struct assemblies *assemblies);
void assemblies_clear(struct assemblies *assemblies);

/** Returns NULL when there is none. */
struct assembly *assembly_lookup(const struct assemblies *assemblies,
				 uint64_t correlation);

/**
 * Begin with the first fragment, whose total length the caller has judged.
 * Returns 0, -EPROTO (the id is in use, too many are open, or the fragment is
 * longer than the whole), or -ENOMEM.
 */
int assembly_new(struct assemblies *assemblies, const struct frame *frame,
		 const uint8_t *bytes, struct assembly **ret_assembly);

/** Take it out; it is the caller's then. */
void assembly_take(struct assemblies *assemblies, struct assembly *assembly);
void assembly_free(struct assembly *assembly);

/**
 * Add a fragment that is not the first. Returns 0 while more is to come, 1
 * when it is whole, -EPROTO when the lengths or the kind do not fit.
 */
int assembly_add(struct assembly *assembly, const struct frame *frame,
		 const uint8_t *bytes);

/** Forget what has come so far for a registration that is gone. */
void assemblies_drop(struct assemblies *assemblies, uint32_t registration);

static inline const uint8_t *assembly_body(const struct assembly *assembly)
{
	return assembly->bytes + assembly->first.n_subject +
	       assembly->first.n_metadata;
}

#endif
