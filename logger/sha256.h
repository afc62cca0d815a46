/* SPDX-License-Identifier: MIT */
#ifndef LOGGER_SHA256_H
#define LOGGER_SHA256_H

/** SHA-256, one sum after the other, by libcrypto. */

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32 };

struct sha256;

/** Returns 0 or -ENOMEM. */
int sha256_new(struct sha256 **ret_sha256);
/** Returns NULL. NULL is fine. */
struct sha256 *sha256_free(struct sha256 *sha256);

struct sha256_piece {
	const void *bytes;
	size_t n;
};

/** The sum of all pieces, one behind the other. Returns 0 or -ENOMEM. */
int sha256_of(struct sha256 *sha256, const struct sha256_piece *pieces,
	      size_t n_pieces, uint8_t ret_sum[SHA256_BYTES]);

#endif
