/* SPDX-License-Identifier: MIT */

/*
 * The handshake, the metadata and the other control bodies: the first byte of
 * the input chooses the message. What unpacks must pack and unpack again, and
 * be packed by us as protobuf-c does it.
 */

#include <string.h>

#include "helio/bus/v1/control.pb-c.h"
#include "proto/pack.h"
#include "proto/unpack.h"
#include "tests/fuzz/fuzz.h"

static const ProtobufCMessageDescriptor *const descriptors[] = {
	&helio__bus__v1__hello__descriptor,
	&helio__bus__v1__welcome__descriptor,
	&helio__bus__v1__subscribe__descriptor,
	&helio__bus__v1__serve__descriptor,
	&helio__bus__v1__metadata__descriptor,
};

enum {
	N_DESCRIPTORS = sizeof(descriptors) / sizeof(descriptors[0]),
	ARENA_BYTES = 64 * 1024,
};

static uint8_t memory[2][ARENA_BYTES] __attribute__((aligned(16)));

/* Unknown fields and defaults may make it longer, but never unreadable. */
static void check_again(const ProtobufCMessageDescriptor *descriptor,
			const ProtobufCMessage *message)
{
	struct unpack_arena arena = { .bytes = memory[1],
				      .n_bytes = ARENA_BYTES };
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = malloc(n ? n : 1);
	uint8_t *ours = malloc(n ? n : 1);
	ProtobufCMessage *again;

	FUZZ_CHECK(packed && ours);
	FUZZ_CHECK(protobuf_c_message_pack(message, packed) == n);
	FUZZ_CHECK(pack_to_end(message, ours, n) == (ssize_t)n);
	FUZZ_CHECK(!memcmp(packed, ours, n));
	free(ours);
	FUZZ_CHECK(!unpack(descriptor, packed, n, &arena, &again));
	free(packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct unpack_arena arena = { .bytes = memory[0],
				      .n_bytes = ARENA_BYTES };
	const ProtobufCMessageDescriptor *descriptor;
	ProtobufCMessage *message;
	int r;

	if (!n)
		return 0;
	descriptor = descriptors[bytes[0] % N_DESCRIPTORS];
	r = unpack(descriptor, bytes + 1, n - 1, &arena, &message);
	FUZZ_CHECK(r >= 0 && unpack_error_text(r));
	FUZZ_CHECK(arena.n_used <= arena.n_bytes);
	if (!r)
		check_again(descriptor, message);
	return 0;
}
