/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_INTAKE_H
#define RPC_TYPED_INTAKE_H

/**
 * Messages of strangers, unpacked: one at a time.
 *
 * The bytes are copied first, for they may stand in memory that is still being
 * written to, then judged, and only then unpacked, into memory that is bounded
 * by how much came.
 */

#include <stddef.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"

struct intake {
	struct helio_unpack_limits limits;
	uint8_t *copy;
	size_t n_copy; /* room */
	uint8_t *arena;
	size_t n_arena;   /* room */
	char reason[128]; /* of the last refusal */
};

void intake_init(struct intake *intake,
		 const struct helio_unpack_limits *limits);
void intake_deinit(struct intake *intake);

/**
 * Unpack; the message lives until the next one. Returns HELIO_OK, or the
 * status to refuse it with: INVALID_ARGUMENT or RESOURCE_EXHAUSTED, and
 * intake->reason says what is wrong, beginning with `what`.
 */
unsigned intake_unpack(struct intake *intake,
		       const ProtobufCMessageDescriptor *descriptor,
		       const void *bytes, size_t n, const char *what,
		       const ProtobufCMessage **ret_message);

#endif
