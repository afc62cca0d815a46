/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_PACKED_H
#define RPC_TYPED_PACKED_H

/**
 * A message on its way out, packed; small ones need no memory of the heap.
 */

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

enum { PACKED_INSIDE_BYTES = 1024 };

struct packed {
	const uint8_t *bytes;
	size_t n;
	uint8_t *heap; /* NULL: they are inside */
	uint8_t inside[PACKED_INSIDE_BYTES];
};

/** NULL packs to nothing. Returns 0, -EMSGSIZE above 2 GiB, or -ENOMEM. */
int packed_init(struct packed *packed, const ProtobufCMessage *message);
void packed_deinit(struct packed *packed);

#endif
