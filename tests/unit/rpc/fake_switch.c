/* SPDX-License-Identifier: MIT */

#include "tests/unit/rpc/fake_switch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "helio/bus/v1/control.pb-c.h"
#include "transports/channel.h"
#include "transports/pair.h"

enum { TURNS_MAX = 1000 };

static void ignore(struct channel *channel)
{
	(void)channel;
}

void fake_open(struct fake_switch *fake, size_t n_bytes,
	       const struct helio_options *options)
{
	struct channel *channel;

	*fake = (struct fake_switch){ 0 };
	assert_int_equal(pair_new(n_bytes, &channel, &fake->end), 0);
	fake->end->on_ready = ignore;
	assert_int_equal(client_new_on(channel, options, &fake->bus), 0);
}

void fake_connect(struct fake_switch *fake, const struct helio_options *options)
{
	struct received received;

	fake_open(fake, FAKE_RING_BYTES, options);
	fake_expect(fake, FRAME_HELLO, &received);
	fake_welcome(fake, FAKE_FRAGMENT_BYTES, MESSAGE_MAX_DEFAULT);
	fake_expect(fake, FRAME_SYNC, &received);
	fake_result(fake, received.frame.correlation, 0, "");
	assert_int_equal(helio_state(fake->bus), HELIO_CONNECTED);
}

void fake_close(struct fake_switch *fake)
{
	helio_close(fake->bus);
	channel_free(fake->end);
	frame_reader_deinit(&fake->reader);
}

void fake_turn(struct fake_switch *fake)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (helio_dispatch(fake->bus) < 0 ||
		    helio_timeout_ms(fake->bus) != 0)
			return;
	}
	fail_msg("the client never comes to rest");
}

static bool try_recv(struct fake_switch *fake, struct received *received)
{
	struct channel *end = fake->end;
	const uint8_t *bytes;
	size_t n_used;
	int r;

	if (channel_refill(end) < 0)
		return false;
	r = frame_reader_next(&fake->reader, end->in, end->n_in, end->n_in_max,
			      &n_used, &received->frame, &bytes);
	assert_true(r == 0 || r == FRAME_E_INCOMPLETE);
	if (!r) {
		const struct frame *frame = &received->frame;

		memcpy(received->bytes, bytes, frame->length);
		memcpy(received->subject,
		       received->bytes + frame_header_bytes(frame),
		       frame->n_subject);
		received->subject[frame->n_subject] = '\0';
		received->body = received->bytes + frame_body_offset(frame);
		received->n_body = frame_body_bytes(frame);
	}
	channel_consume(end, n_used);
	assert_true(channel_flush(end) == 0 || r == 0);
	return r == 0;
}

void fake_recv(struct fake_switch *fake, struct received *ret_received)
{
	for (int i = 0; i < TURNS_MAX; i++) {
		if (try_recv(fake, ret_received))
			return;
		(void)helio_dispatch(fake->bus);
	}
	fail_msg("the client sent nothing");
}

void fake_expect(struct fake_switch *fake, uint8_t kind,
		 struct received *ret_received)
{
	fake_recv(fake, ret_received);
	assert_string_equal(frame_kind_name(ret_received->frame.kind),
			    frame_kind_name(kind));
}

void fake_expect_nothing(struct fake_switch *fake)
{
	struct received received;

	fake_turn(fake);
	if (try_recv(fake, &received))
		fail_msg("the client sent %s",
			 frame_kind_name(received.frame.kind));
}

void fake_send_bytes(struct fake_switch *fake, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n) {
		size_t n_piece = n < 512 ? n : 512;
		uint8_t *room;

		if (channel_reserve(fake->end, n_piece, &room) < 0)
			return;
		memcpy(room, at, n_piece);
		channel_commit(fake->end, n_piece);
		(void)channel_flush(fake->end);
		fake_turn(fake);
		at += n_piece;
		n -= n_piece;
	}
}

void fake_send(struct fake_switch *fake, struct frame *frame,
	       const char *subject, const void *body, size_t n_body)
{
	static uint8_t bytes[FRAME_MAX_BYTES];
	uint8_t *at = bytes;

	if (subject)
		frame->n_subject = (uint16_t)strlen(subject);
	frame_set_body(frame, n_body);
	assert_true(frame->length <= sizeof(bytes));
	at += frame_encode(frame, at);
	if (subject)
		memcpy(at, subject, frame->n_subject);
	at += frame->n_subject;
	if (n_body)
		memcpy(at, body, n_body);
	fake_send_bytes(fake, bytes, frame->length);
}

static void send_packed(struct fake_switch *fake, uint8_t kind,
			const ProtobufCMessage *message)
{
	struct frame frame = { .kind = kind };
	uint8_t body[1024];

	assert_true(protobuf_c_message_get_packed_size(message) <=
		    sizeof(body));
	fake_send(fake, &frame, NULL, body,
		  protobuf_c_message_pack(message, body));
}

void fake_welcome(struct fake_switch *fake, uint32_t fragment_bytes,
		  uint64_t message_max)
{
	Helio__Bus__V1__Welcome welcome = HELIO__BUS__V1__WELCOME__INIT;
	char principal[] = "vm:web";

	welcome.has_version = true;
	welcome.version = 1;
	welcome.principal = principal;
	welcome.has_fragment_bytes = true;
	welcome.fragment_bytes = fragment_bytes;
	welcome.has_message_max = true;
	welcome.message_max = message_max;
	send_packed(fake, FRAME_WELCOME, &welcome.base);
}

void fake_result(struct fake_switch *fake, uint64_t correlation,
		 uint16_t status, const char *text)
{
	struct frame frame = {
		.kind = FRAME_RESULT,
		.flags = status ? FRAME_EXTENDED : 0,
		.correlation = correlation,
		.status = status,
	};

	fake_send(fake, &frame, NULL, text, strlen(text));
}

void fake_peer(struct fake_switch *fake, uint32_t handle, const char *principal,
	       uint64_t incarnation)
{
	Helio__Bus__V1__Peer peer = HELIO__BUS__V1__PEER__INIT;
	char copy[FRAME_SUBJECT_MAX_BYTES + 1];

	memcpy(copy, principal, strlen(principal) + 1);
	peer.has_handle = true;
	peer.handle = handle;
	peer.principal = copy;
	peer.has_incarnation = true;
	peer.incarnation = incarnation;
	send_packed(fake, FRAME_PEER, &peer.base);
}

bool fake_was_left(struct fake_switch *fake)
{
	struct received received = { 0 };

	fake_turn(fake);
	while (try_recv(fake, &received))
		;
	return helio_state(fake->bus) == HELIO_CLOSED &&
	       received.frame.kind == FRAME_GOODBYE &&
	       received.frame.status == HELIO_INVALID_ARGUMENT;
}
