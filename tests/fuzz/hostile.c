/* SPDX-License-Identifier: MIT */

#include "tests/fuzz/hostile.h"

#include <string.h>

#include "proto/frame.h"
#include "switch/bus.h"
#include "switch/policy.h"
#include "tests/fuzz/fuzz.h"
#include "transports/channel.h"

struct policy *hostile_policy(const char *text)
{
	struct policy *policy;
	char error[256];

	FUZZ_CHECK(!policy_parse("fuzz", text, strlen(text), error,
				 sizeof(error), &policy));
	return policy;
}

void hostile_settle(struct bus *bus, uint64_t now_ns)
{
	for (unsigned i = 0; i < 3; i++) {
		while (bus_turn(bus, now_ns))
			;
		(void)bus_sleep(bus);
	}
}

void hostile_send_bytes(struct channel *channel, const void *bytes, size_t n)
{
	uint8_t *room;

	if (!channel || channel_reserve(channel, n, &room))
		return;
	memcpy(room, bytes, n);
	channel_commit(channel, n);
	channel_flush(channel);
}

void hostile_send(struct channel *channel, struct frame *frame,
		  const char *subject, const void *body, size_t n_body)
{
	uint8_t bytes[FRAME_HEADER_MAX_BYTES + FRAME_SUBJECT_MAX_BYTES +
		      HOSTILE_BODY_MAX_BYTES];
	size_t n;

	FUZZ_CHECK(n_body <= HOSTILE_BODY_MAX_BYTES);
	frame->n_subject = (uint16_t)strlen(subject);
	frame->n_metadata = 0;
	frame_set_body(frame, n_body);
	n = frame_encode(frame, bytes);
	memcpy(bytes + n, subject, frame->n_subject);
	memcpy(bytes + n + frame->n_subject, body, n_body);
	hostile_send_bytes(channel, bytes, frame->length);
}
