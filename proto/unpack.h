/* SPDX-License-Identifier: MIT */
#ifndef PROTO_UNPACK_H
#define PROTO_UNPACK_H

/**
 * Unpacking protobuf that strangers wrote.
 *
 * protobuf-c recurses without a limit and turns a megabyte of empty entries
 * into forty of objects. So the bytes are scanned first, with the message's
 * descriptor, for depth and number of fields, and then unpacked into a fixed
 * arena: no byte of a stranger drives an allocation.
 */

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What holds where an arena says nothing else. */
enum {
	UNPACK_DEPTH_MAX = 8,
	UNPACK_FIELDS_MAX = 2048,
};

/* No arena can allow more than this. */
enum {
	UNPACK_DEPTH_LIMIT = 64,
};

enum unpack_error {
	UNPACK_E_MALFORMED = 1, /* no protobuf of that message */
	UNPACK_E_DEPTH,         /* nested too deeply */
	UNPACK_E_FIELDS,        /* too many fields */
	UNPACK_E_ARENA,         /* does not fit the arena */
	UNPACK_E_TEXT,          /* a string is not UTF-8 */
};

/** Memory for unpacked messages, given back all at once. */
struct unpack_arena {
	uint8_t *bytes; /* borrowed, aligned for any object */
	size_t n_bytes;
	size_t n_used;
	bool is_full; /* something did not fit */

	unsigned depth_max;  /* of nested messages; 0: UNPACK_DEPTH_MAX */
	size_t n_fields_max; /* 0: UNPACK_FIELDS_MAX */
	bool wants_utf8;     /* of all strings */
};

/**
 * Unpack `n` bytes as a message of `descriptor` into the arena, whose earlier
 * contents are given up. The bytes must stand in our own memory.
 *
 * Returns 0 or UNPACK_E_*. The message and what it points to live in the arena
 * and are never freed; strings are terminated and hold no NUL inside.
 */
int unpack(const ProtobufCMessageDescriptor *descriptor, const uint8_t *bytes,
	   size_t n, struct unpack_arena *arena,
	   ProtobufCMessage **ret_message);

/**
 * A copy on the heap of a message that came out of an arena, and is as small;
 * protobuf_c_message_free_unpacked() frees it. NULL: no memory.
 */
ProtobufCMessage *unpack_copy(const ProtobufCMessage *message);

const char *unpack_error_text(int error);

#endif
