/* SPDX-License-Identifier: MIT */

/* Peers that end at a bad moment: for themselves, or for the switch. */

#include <string.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "switch/ack.h"
#include "tests/unit/switch/stage.h"
#include "transports/channel.h"

static void subscribe_with(struct fake_peer *peer,
			   const Helio__Bus__V1__Subscribe *subscribe,
			   const char *pattern)
{
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 99 };
	uint8_t body[128];

	fake_send(peer, &frame, pattern, body,
		  helio__bus__v1__subscribe__pack(subscribe, body));
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

/* Written, but neither flushed nor heard yet: several go in one turn. */
static void put(struct fake_peer *peer, struct frame *frame,
		const char *subject, const void *body, size_t n_body)
{
	uint8_t *room = NULL;

	frame->n_subject = (uint16_t)strlen(subject);
	frame_set_body(frame, n_body);
	assert_int_equal(channel_reserve(peer->channel, frame->length, &room),
			 0);
	room += frame_encode(frame, room);
	memcpy(room, subject, frame->n_subject);
	memcpy(room + frame->n_subject, body, n_body);
	channel_commit(peer->channel, frame->length);
}

/* The news of its own end fills its queue, which is a reason to end it. */
static void the_end_of_a_peer_does_not_end_it_again(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	fake_join(&world, "a", &a);
	subscribe.has_id = subscribe.has_queue_messages = 1;
	subscribe.has_overflow = 1;
	subscribe.id = subscribe.queue_messages = 1;
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__DISCONNECT;
	subscribe_with(&a, &subscribe, "$sys.peer.>");
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "$sys.peer.down", 10, STATUS_OK);
	fake_publish(&b, "elsewhere", "");
	fake_leave(&b);
	fake_expect_end(&a, "a subscription's queue is full");
	fake_leave(&a);
	assert_int_equal(world.bus.n_peers, 0);
}

static void the_end_of_a_peer_is_told_to_others(void **state)
{
	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "$sys.peer.down", 10, STATUS_OK);
	fake_leave(&a);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, "$sys.peer.down");
	fake_expect_silence(&b);
	fake_leave(&b);
}

/* It asks without end, reads no answer, and is gone: nothing is left of it. */
static void a_choked_peer_that_goes_is_missed(void **state)
{
	struct frame frame = { .kind = FRAME_PING };
	char payload[64] = "";

	fake_join(&world, "a", &a);
	frame_set_body(&frame, sizeof(payload));
	for (unsigned i = 0; i < 5400; i++) {
		put(&a, &frame, "", payload, sizeof(payload));
		if (i % 64 == 0) {
			channel_flush(a.channel);
			world_settle(&world);
		}
	}
	channel_flush(a.channel);
	world_settle(&world);
	fake_leave(&a);
	for (unsigned i = 0; i < 100; i++) {
		world_settle(&world);
		if (bus_sleep(&world.bus))
			break;
	}
	assert_int_equal(world.bus.n_peers, 0);
}

/* The name of the log must not be asked of the subscription that is gone. */
static void an_ack_outlives_its_log(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame message = { .kind = FRAME_MESSAGE,
				 .flags = FRAME_WHOLE | FRAME_ACK_STORED,
				 .correlation = 5 };
	struct frame answer = { .kind = FRAME_ACK };
	struct frame leave = { .kind = FRAME_UNSUBSCRIBE, .correlation = 6 };
	struct ack ack = { .count = 1, .is_stored = true, .sequence = 77 };
	uint8_t entry[ACK_ENTRY_BYTES];
	uint8_t id[4];
	struct fake_peer log;
	char name[] = "journal-of-a-name-that-is-long-enough-to-be-missed";

	fake_join(&world, "a", &a);
	fake_join(&world, "log", &log);
	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 10000;
	subscribe.capture = name;
	subscribe_with(&log, &subscribe, "x");
	fake_send(&a, &message, "x", "1", 1);
	fake_expect(&log, FRAME_MESSAGE, &got);

	ack.correlation = got.frame.correlation;
	ack_encode(&ack, entry);
	put(&log, &answer, "", entry, sizeof(entry));
	le32_store(id, 1);
	put(&log, &leave, "", id, sizeof(id));
	channel_flush(log.channel);
	world_settle(&world);
	fake_expect(&a, FRAME_ACK, &got);
	assert_string_equal(got.subject, name);
	assert_int_equal(le64_load(got.body + 16), 77);
	fake_leave(&a);
	fake_leave(&log);
}

/* In the turn in which a member ends, the others get what comes. */
static void a_member_that_ended_gets_nothing(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame goodbye = { .kind = FRAME_GOODBYE };
	struct frame message = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	char group[] = "workers";

	fake_join(&world, "b", &b);
	fake_join(&world, "c", &c);
	fake_join(&world, "a", &a);
	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 10000;
	subscribe.group = group;
	subscribe_with(&b, &subscribe, "x");
	subscribe_with(&c, &subscribe, "x");
	put(&b, &goodbye, "", "", 0);
	channel_flush(b.channel);
	put(&a, &message, "x", "1", 1);
	put(&a, &message, "x", "2", 1);
	channel_flush(a.channel);
	world_settle(&world);
	fake_expect_message(&c, "x", "1");
	fake_expect_message(&c, "x", "2");
	fake_leave(&a);
	fake_leave(&b);
	fake_leave(&c);
}

/* The handle that the next frame of a kind, PEER or FORGET, is about. */
static uint32_t next_handle(struct fake_peer *peer, enum frame_kind kind)
{
	Helio__Bus__V1__Forget *forget;
	const uint8_t *bytes;
	struct frame frame;
	uint32_t handle;
	size_t n_used;

	/* In both messages the handle is field 1. */
	assert_int_equal(channel_refill(peer->channel), 0);
	assert_int_equal(frame_reader_next(&peer->reader, peer->channel->in,
					   peer->channel->n_in,
					   peer->channel->n_in_max, &n_used,
					   &frame, &bytes),
			 0);
	assert_int_equal(frame.kind, kind);
	forget = helio__bus__v1__forget__unpack(
		NULL, frame_body_bytes(&frame),
		bytes + frame_body_offset(&frame));
	assert_non_null(forget);
	handle = forget->handle;
	helio__bus__v1__forget__free_unpacked(forget, NULL);
	channel_consume(peer->channel, n_used);
	return handle;
}

/* What waits for an observer names two, and both are known when it comes. */
static void an_observed_callee_is_known_until_it_is_told(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame call = { .kind = FRAME_CALL,
			      .flags = FRAME_WHOLE,
			      .correlation = 5 };
	uint32_t caller;
	uint32_t callee;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_join(&world, "c", &c);
	fake_serve(&b, 1, "do.it", 10);
	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.id = 1;
	subscribe.observe = 1;
	subscribe_with(&c, &subscribe, "do.>");
	fake_send(&a, &call, "do.it", "?", 1);
	fake_leave(&b);
	fake_credit(&c, 1, 1, 1000);
	caller = next_handle(&c, FRAME_PEER);
	callee = next_handle(&c, FRAME_PEER);
	fake_expect(&c, FRAME_OBSERVED_CALL, &got);
	assert_int_equal(got.frame.source, caller);
	assert_int_equal(got.frame.callee, callee);
	assert_int_equal(next_handle(&c, FRAME_FORGET), callee);
	fake_leave(&a);
	fake_leave(&c);
}

/* A server that begins anew under its old id may still answer old calls. */
static void a_late_reply_answers_no_other_call(void **state)
{
	struct frame call = { .kind = FRAME_CALL,
			      .flags = FRAME_WHOLE,
			      .correlation = 5 };
	struct frame leave = { .kind = FRAME_UNSERVE, .correlation = 6 };
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	uint8_t id[4];

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 1, "do.it", 10);
	fake_send(&a, &call, "do.it", "1", 1);
	fake_expect(&b, FRAME_CALL, &got);
	reply.correlation = got.frame.correlation;
	le32_store(id, 1);
	fake_send(&b, &leave, "", id, sizeof(id));
	fake_expect(&b, FRAME_CANCEL, &got);
	fake_expect(&b, FRAME_RESULT, &got);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_serve(&b, 1, "do.it", 10);
	fake_send(&a, &call, "do.it", "2", 1);
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_not_equal(got.frame.correlation, reply.correlation);
	fake_send(&b, &reply, "", "to 1", 4);
	fake_expect_silence(&a);
	fake_leave(&a);
	fake_leave(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALONE(the_end_of_a_peer_does_not_end_it_again),
		TEST_ALONE(the_end_of_a_peer_is_told_to_others),
		TEST_ALONE(a_choked_peer_that_goes_is_missed),
		TEST_ALONE(an_ack_outlives_its_log),
		TEST_ALONE(a_member_that_ended_gets_nothing),
		TEST_ALONE(a_late_reply_answers_no_other_call),
		TEST_ALONE(an_observed_callee_is_known_until_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
