/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_FAKE_STREAM_H
#define TESTS_UNIT_SWITCH_FAKE_STREAM_H

/**
 * What the two ends of a call with streams say, and what they must hear.
 */

#include "tests/unit/switch/fake_peer.h"

enum {
	FAKE_BOTH = FRAME_MORE | FRAME_STREAM,
	FAKE_WINDOW_BYTES = 16, /* of an entry */
};

/** CALL "question", or with nothing if its requests are a stream. */
void fake_open(struct fake_peer *caller, uint64_t id, uint8_t flags,
	       const char *subject);

/** The same with room for the replies, and so long to live. */
void fake_open_with(struct fake_peer *caller, struct frame *frame,
		    const char *subject);

/** A CALL must come with these flags of streams. Returns its id. */
uint64_t fake_expect_open(struct fake_peer *callee, uint8_t flags);

/** NEXT, in one frame. */
void fake_say(struct fake_peer *peer, uint64_t id, const char *text);
void fake_expect_said(struct fake_peer *peer, uint64_t id, const char *text);

/** The same with a body of zeros. */
void fake_say_bytes(struct fake_peer *peer, uint64_t id, size_t n);

void fake_end(struct fake_peer *caller, uint64_t id);

/** WINDOW with one entry. */
void fake_grant(struct fake_peer *peer, uint64_t id, uint64_t n_bytes);
void fake_expect_granted(struct fake_peer *peer, uint64_t id, uint64_t n_bytes);

/** A kind without a body must come for this call. */
void fake_expect_of(struct fake_peer *peer, enum frame_kind kind, uint64_t id);

#endif
