/* SPDX-License-Identifier: MIT */
#ifndef PROTO_WIRE_H
#define PROTO_WIRE_H

/** How protobuf's types travel. */

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_FIXED64 = 1,
	WIRE_BYTES = 2,
	WIRE_FIXED32 = 5,
};

struct wire_form {
	uint8_t wire;    /* enum wire_type */
	uint8_t n_bytes; /* in memory, in the structs of protobuf-c */
};

/** By ProtobufCType. */
extern const struct wire_form wire_forms[PROTOBUF_C_TYPE_MESSAGE + 1];

#endif
