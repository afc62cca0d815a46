/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RPC_STREAMER_H
#define TESTS_UNIT_RPC_STREAMER_H

/**
 * What comes of one call with streams, at whichever end, and the frames that
 * a switch would send for it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/rpc/fake_switch.h"

#define SWITCH_ID(n) (FRAME_SWITCH_DRAWN | UINT64_C(1) << 32 | (n))

struct streamed {
	unsigned n_messages;
	size_t n_bytes; /* of all of them */
	char last[64];
	unsigned n_writable;
	unsigned n_finished;
	unsigned n_cancelled;
	unsigned n_ended;
	unsigned status;
	bool is_from_bus;
	char reason[64];
	char details[64];
	struct helio_call *call;
	struct helio_request *request;
	bool cancels; /* at the first message */
	bool keeps;   /* the last message, if it can be kept */
	void *kept;   /* the memory, and where the message is in it */
	const void *kept_body;
	bool pauses; /* in on_request */
};

/** Start a call to a.v1.B.C and return the id that it has. */
uint64_t streamed_call(struct fake_switch *fake, struct streamed *streamed,
		       struct helio_call_options options, const char *body);

/** Serve a.v1.B with C, which takes streams. */
struct helio_service *streamed_serve(struct fake_switch *fake,
				     struct streamed *streamed);

/** Have the switch hand over a call, with flags MORE and STREAM. */
void streamed_hand_over(struct fake_switch *fake, uint64_t id, uint8_t flags,
			uint32_t room_kib);

void streamed_next(struct fake_switch *fake, uint64_t id, const char *text);
void streamed_fragment(struct fake_switch *fake, uint64_t id, uint8_t flags,
		       uint64_t n_total, size_t n);
void streamed_window(struct fake_switch *fake, uint64_t id, uint64_t n_bytes);
void streamed_reply(struct fake_switch *fake, uint64_t id, unsigned status,
		    const char *text);

/** Expect WINDOW with one entry, and return its bytes. */
uint64_t streamed_expect_window(struct fake_switch *fake, uint64_t id);

#endif
