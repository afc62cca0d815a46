/* SPDX-License-Identifier: MIT */
#ifndef SCHEMA_CANONICAL_H
#define SCHEMA_CANONICAL_H

/**
 * The one form of a package's schema that every language computes alike, and
 * its hash. The rules are in docs/PROTOCOL.md, "Schemas"; they work on packed
 * bytes, so that what a version of descriptor.proto does not know yet is kept.
 *
 * The bytes may be a stranger's: they are judged as far as it takes to put them
 * in order, and descriptor_set_new() judges the rest.
 */

#include <stddef.h>
#include <stdint.h>

enum {
	CANONICAL_BYTES_MAX = 256 * 1024,       /* of the result */
	CANONICAL_INPUT_MAX = 16 * 1024 * 1024, /* with comments and all */
	CANONICAL_DEPTH_MAX = 32, /* of messages; the set itself is the first */
	CANONICAL_HASH_BYTES = 32,
};

struct canonical {
	uint8_t *set; /* a packed google.protobuf.FileDescriptorSet */
	size_t n_set; /* bytes */
	uint8_t hash[CANONICAL_HASH_BYTES]; /* SHA-256 of the set */
};

/** Room for why a set has no canonical form. */
struct canonical_reason {
	char text[640];
};

/**
 * Bring the files that `package` reaches in a set of `n` bytes into canonical
 * form.
 *
 * Returns 0; -EBADMSG with `ret_reason`, for people, when the set has none; or
 * -ENOMEM. What fails leaves `canonical` as it was.
 */
int canonical_init(struct canonical *canonical, const uint8_t *bytes, size_t n,
		   const char *package, struct canonical_reason *ret_reason);

/**
 * SHA-256 of any bytes: of a set that is canonical, its hash. Returns 0 or
 * -ENOMEM.
 */
int canonical_hash(const uint8_t *bytes, size_t n,
		   uint8_t ret_hash[CANONICAL_HASH_BYTES]);

/** All zero is fine. */
void canonical_deinit(struct canonical *canonical);

#endif
