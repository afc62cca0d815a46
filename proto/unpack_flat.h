/* SPDX-License-Identifier: MIT */
#ifndef PROTO_UNPACK_FLAT_H
#define PROTO_UNPACK_FLAT_H

/**
 * The short way of unpack() for what most calls are: a message in which there
 * is nothing but single values of fields that are known. It is looked at and
 * unpacked in one go.
 */

#include "proto/unpack.h"

/**
 * As unpack() does it, and with the same result; or false: it is another
 * message, or none, and nothing is said about it. The arena is empty.
 */
bool unpack_flat(const ProtobufCMessageDescriptor *descriptor,
		 const uint8_t *bytes, size_t n, struct unpack_arena *arena,
		 ProtobufCMessage **ret_message);

/* ---- of unpack.c ---- */

/** Of the arena; NULL, and it is full. */
void *unpack_alloc(struct unpack_arena *arena, size_t n);
size_t unpack_fields_max(const struct unpack_arena *arena);

#endif
