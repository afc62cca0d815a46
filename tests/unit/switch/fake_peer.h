/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_SWITCH_FAKE_PEER_H
#define TESTS_UNIT_SWITCH_FAKE_PEER_H

/**
 * A switch in this process, and peers that speak to it frame by frame.
 *
 * Every function that cannot do what it says fails the test. The clock is the
 * test's: it stands still until world.now_ns is moved.
 */

#include <stddef.h>
#include <stdint.h>

#include "helio/bus/v1/control.pb-c.h"
#include "proto/frame.h"
#include "proto/reader.h"
#include "switch/bus.h"
#include "tests/unit/switch/leftover.h"

struct world {
	struct bus bus;
	struct ledger ledger;
	uint64_t now_ns;
	struct world *beside; /* another that turns along, or NULL */
};

enum { FAKE_KNOWN_MAX = 64 };

struct fake_peer {
	struct world *world;
	uint32_t speaks_for; /* the source of all that it sends */
	struct channel *channel;
	struct frame_reader reader;
	char known[FAKE_KNOWN_MAX][256]; /* principals, by handle */
};

/** One frame that came, with its parts in our memory. */
struct got {
	struct frame frame;
	char subject[256];
	uint8_t metadata[FRAME_METADATA_MAX_BYTES];
	size_t n_body;
	uint8_t body[FRAME_MAX_BYTES + 1]; /* terminated */
};

/** A switch with this policy, or one that allows everything. */
void world_init(struct world *world, const char *text);

/** All peers must have left; fails if the switch still holds anything. */
void world_deinit(struct world *world);

/** The same check alone: nothing is left of anybody. */
void world_is_empty(struct world *world);

/** Turns until nothing more happens. */
void world_settle(struct world *world);

/** Connected as `vm:NAME`, with rings of `n_bytes`; not greeted yet. */
void fake_connect(struct world *world, const char *name, size_t n_bytes,
		  struct fake_peer *ret_peer);

/** The same, and HELLO answered by WELCOME. */
void fake_join(struct world *world, const char *name,
	       struct fake_peer *ret_peer);

/** PEER, from a leaf; the durable id is the same as the principal. */
void fake_announce(struct fake_peer *leaf, uint32_t handle,
		   const char *principal);

/** The same, as told. */
void fake_announce_with(struct fake_peer *leaf,
			const Helio__Bus__V1__Peer *announced);

void fake_forget(struct fake_peer *leaf, uint32_t handle);

void fake_leave(struct fake_peer *peer);

/** As fake_send(), where the switch may have ended the peer. */
void fake_try_send(struct fake_peer *peer, struct frame *frame,
		   const char *subject, const void *body, size_t n_body);

/** Set the length, send, and let the switch work. */
void fake_send(struct fake_peer *peer, struct frame *frame, const char *subject,
	       const void *body, size_t n_body);

/** The same of bytes that may be no frame. */
void fake_send_bytes(struct fake_peer *peer, const void *bytes, size_t n);

/** The next frame that is not PEER or FORGET. Returns whether one came. */
bool fake_next(struct fake_peer *peer, struct got *ret_got);

/** The next frame, which must be of this kind. */
void fake_expect(struct fake_peer *peer, enum frame_kind kind,
		 struct got *ret_got);

/** Nothing has come, and the channel is still there. */
void fake_expect_silence(struct fake_peer *peer);

/** GOODBYE with this text, and the end. */
void fake_expect_end(struct fake_peer *peer, const char *reason);

/** SUBSCRIBE with this much credit; the RESULT must have `status`. */
void fake_subscribe(struct fake_peer *peer, uint32_t id, const char *pattern,
		    uint32_t credit, enum status status);

/** SUBSCRIBE as told; the RESULT must have `status`. */
void fake_subscribe_with(struct fake_peer *peer,
			 const Helio__Bus__V1__Subscribe *subscribe,
			 const char *pattern, enum status status);

void fake_unsubscribe(struct fake_peer *peer, uint32_t id);

/** SERVE of a plain subject. */
void fake_serve(struct fake_peer *peer, uint32_t id, const char *subject,
		uint32_t credit);

/** SERVE as told, and its RESULT. */
void fake_serve_with(struct fake_peer *peer, const Helio__Bus__V1__Serve *serve,
		     const char *name, struct got *ret_got);

/** CALL "question" with a second to go. */
void fake_call(struct fake_peer *caller, uint64_t id, uint8_t flags,
	       const char *subject);

/** REPLY "answer". */
void fake_answer(struct fake_peer *callee, uint64_t id);

/** A REPLY of the bus must come. */
void fake_expect_status(struct fake_peer *caller, uint64_t id,
			enum status status, bool is_handed_over);

/** A fragment of `n` bytes; the first has a subject and the total length. */
void fake_fragment(struct fake_peer *peer, enum frame_kind kind, uint8_t flags,
		   uint64_t id, const char *subject, uint64_t total_bytes,
		   size_t n);

/** A plain MESSAGE with a text. */
void fake_publish(struct fake_peer *peer, const char *subject,
		  const char *text);

/** MESSAGE with this text must come. */
void fake_expect_message(struct fake_peer *peer, const char *subject,
			 const char *text);

/** The same, said by `source`. */
void fake_expect_message_of(struct fake_peer *peer, const char *source,
			    const char *subject, const char *text);

void fake_credit(struct fake_peer *peer, uint32_t id, uint32_t n_messages,
		 uint64_t n_bytes);

#endif
