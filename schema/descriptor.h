/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_DESCRIPTOR_H
#define SCHEMA_DESCRIPTOR_H

/**
 * A FileDescriptorSet that may be a stranger's, unpacked.
 *
 * What has come through here can be walked without looking twice: everything
 * that must have a name has one and it is an identifier, numbers are in range,
 * and messages lie no deeper in each other than DESCRIPTOR_DEPTH_MAX. Whether
 * the names that fields give lead anywhere is for whoever resolves them.
 *
 * Source of the format: google/protobuf/descriptor.proto of protobuf 3.21.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "google/protobuf/descriptor.pb-c.h"

enum {
	DESCRIPTOR_BYTES_MAX = 256 * 1024,
	DESCRIPTOR_FIELDS_MAX = 64 * 1024, /* of protobuf, in the whole set */
	DESCRIPTOR_DEPTH_MAX = 32,         /* a set in which a message is: 3 */
	DESCRIPTOR_MEMORY_MAX = 4 * 1024 * 1024, /* unpacked */
	DESCRIPTOR_NAME_MAX = 255, /* bytes of any name, dotted or not */
};

/** Why a set is refused; smaller values are those of proto/unpack.h. */
enum descriptor_error {
	DESCRIPTOR_E_BYTES = 64, /* above DESCRIPTOR_BYTES_MAX */
	DESCRIPTOR_E_NAME,       /* a name is missing, or is no identifier */
	DESCRIPTOR_E_NUMBER,     /* a field's number is none */
	DESCRIPTOR_E_TYPE,       /* a field's type or label is none */
	DESCRIPTOR_E_METHOD,     /* a method lacks what it takes or gives */
	DESCRIPTOR_E_ONEOF,      /* a field is of a oneof that there is not */
};

struct descriptor_set {
	/* In the memory below; every file in it has a name. */
	const Google__Protobuf__FileDescriptorSet *files;
	uint8_t *memory;
};

/**
 * Unpack a set of `n` bytes, which must stand in our own memory.
 *
 * Returns 0, -ENOMEM, or why the bytes are refused: UNPACK_E_* or
 * DESCRIPTOR_E_*.
 */
int descriptor_set_new(const uint8_t *bytes, size_t n,
		       struct descriptor_set **ret_set);

/** Accepts NULL. Returns NULL. */
struct descriptor_set *descriptor_set_free(struct descriptor_set *set);
DEFINE_CLEANUP(struct descriptor_set *, descriptor_set_free);

/** For people: "a name is missing or is no identifier". */
const char *descriptor_error_text(int error);

#endif
