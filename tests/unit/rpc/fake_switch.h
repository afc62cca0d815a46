/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_RPC_FAKE_SWITCH_H
#define TESTS_UNIT_RPC_FAKE_SWITCH_H

/**
 * The other end of a client: a switch that does what the test says, frame by
 * frame, over a pair channel.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/frame.h"
#include "proto/reader.h"
#include "rpc/client.h"

struct fake_switch {
	struct channel *end;
	struct frame_reader reader;
	struct helio *bus;
};

/** A frame that the client sent. */
struct received {
	struct frame frame;
	char subject[FRAME_SUBJECT_MAX_BYTES + 1];
	uint8_t bytes[FRAME_MAX_BYTES]; /* all of it */
	const uint8_t *body;
	size_t n_body;
};

enum { FAKE_RING_BYTES = 64 * 1024, FAKE_FRAGMENT_BYTES = 4096 };

/** A client that has said HELLO, over rings of `n_bytes`. */
void fake_open(struct fake_switch *fake, size_t n_bytes,
	       const struct helio_options *options);

/** The same, but WELCOME was said and all is renewed. */
void fake_connect(struct fake_switch *fake,
		  const struct helio_options *options);

void fake_close(struct fake_switch *fake);

/** Turns of the client, until it has nothing to do. */
void fake_turn(struct fake_switch *fake);

/** The next frame of the client, after a turn; the test fails without one. */
void fake_recv(struct fake_switch *fake, struct received *ret_received);

/** The same of this kind: others before it fail the test. */
void fake_expect(struct fake_switch *fake, uint8_t kind,
		 struct received *ret_received);

/** Fails the test when the client sent anything. */
void fake_expect_nothing(struct fake_switch *fake);

/** Sends, and lets the client take a turn. */
void fake_send(struct fake_switch *fake, struct frame *frame,
	       const char *subject, const void *body, size_t n_body);
void fake_send_bytes(struct fake_switch *fake, const void *bytes, size_t n);

void fake_welcome(struct fake_switch *fake, uint32_t fragment_bytes,
		  uint64_t message_max);
void fake_result(struct fake_switch *fake, uint64_t correlation,
		 uint16_t status, const char *text);
void fake_peer(struct fake_switch *fake, uint32_t handle, const char *principal,
	       uint64_t incarnation);

/** Whether the client is closed, and GOODBYE was its last word. */
bool fake_was_left(struct fake_switch *fake);

#endif
