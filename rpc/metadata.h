/* SPDX-License-Identifier: MIT */
#ifndef RPC_METADATA_H
#define RPC_METADATA_H

/**
 * The metadata of messages and calls: protobuf `Metadata`, in both directions.
 *
 * What is sent is written by hand, for it is a few kinds of fields and needs
 * no allocation; what comes from strangers is unpacked into one arena, which
 * is allocated when the first comes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "rpc/heliograph.h"

/** What the options of publish and of call have in common. */
struct metadata {
	const char *idempotency_key; /* or NULL, as the next two */
	const char *content_type;
	const char *traceparent;
	const struct helio_header *headers;
	size_t n_headers;
	const void *details; /* of a bad status, or NULL */
	size_t n_details;
	const uint8_t *schema_hash; /* METADATA_HASH_BYTES, or NULL */
	bool has_expected;
	uint64_t expected_sequence;
};

enum { METADATA_HASH_BYTES = 32 };

struct metadata_reader {
	uint8_t *arena;
	uint8_t *copy;          /* of the bytes, out of the channel's memory */
	const uint8_t *details; /* of what was decoded last, or NULL */
	size_t n_details;
};

void metadata_reader_deinit(struct metadata_reader *reader);

/** Returns how many bytes were written, or -E2BIG. */
int metadata_encode(const struct metadata *metadata,
		    uint8_t out[FRAME_METADATA_MAX_BYTES]);

/**
 * Set the fields of `message` that stand in the metadata; they live until the
 * next call. Returns 0, -EBADMSG when it is none, or -ENOMEM; the fields are
 * then left alone.
 */
int metadata_decode(struct metadata_reader *reader, const uint8_t *bytes,
		    size_t n, struct helio_message *message);

#endif
