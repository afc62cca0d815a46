/* SPDX-License-Identifier: MIT */

/* Calls by a leaf and to it, and what it wants to know is stored. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "switch/ack.h"
#include "tests/unit/switch/fake_peer.h"

static const char policy[] = "allow vm:leaf* uplink leaf\n"
			     "allow ** any,capture >\n";

static struct world world;
static struct fake_peer leaf;
static struct fake_peer other_leaf;
static struct fake_peer direct;
static struct got got;

static int setup(void **state)
{
	world_init(&world, policy);
	fake_join(&world, "leaf", &leaf);
	fake_join(&world, "leaf2", &other_leaf);
	fake_join(&world, "direct", &direct);
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, 2, "uid:2");
	fake_announce(&other_leaf, 1, "uid:1");
	return 0;
}

static int teardown(void **state)
{
	fake_leave(&leaf);
	fake_leave(&other_leaf);
	fake_leave(&direct);
	world_deinit(&world);
	return 0;
}

/* What came is from `source`, after so many hops. */
static void expect_from(struct fake_peer *peer, enum frame_kind kind,
			const char *source, unsigned n_hops)
{
	fake_expect(peer, kind, &got);
	assert_in_range(got.frame.source, 1, FAKE_KNOWN_MAX - 1);
	assert_string_equal(peer->known[got.frame.source], source);
	assert_int_equal(got.frame.hops, n_hops);
}

static void call_far(struct fake_peer *caller, uint64_t id, uint8_t flags,
		     unsigned n_hops, const char *subject)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | flags,
			       .hops = (uint8_t)n_hops,
			       .correlation = id,
			       .time_left_ms = 1000 };

	fake_send(caller, &frame, subject, "question", 8);
}

static void a_program_of_a_leaf_calls_under_its_own_name(void **state)
{
	fake_serve(&direct, 1, "f", 10);
	leaf.speaks_for = 1;
	fake_call(&leaf, 5, 0, "f");
	expect_from(&direct, FRAME_CALL, "vm:leaf/uid:1", 1);
	fake_answer(&direct, got.frame.correlation);
	expect_from(&leaf, FRAME_REPLY, "vm:direct", 0);
	assert_int_equal(got.frame.correlation, 5);
}

/* Whatever source the frames of the reply name. */
static void a_reply_is_its_registrations(void **state)
{
	uint64_t id;

	leaf.speaks_for = 1;
	fake_serve(&leaf, 1, "f", 10);
	fake_call(&direct, 5, 0, "f");
	expect_from(&leaf, FRAME_CALL, "vm:direct", 1);
	leaf.speaks_for = 2;
	fake_answer(&leaf, got.frame.correlation);
	fake_expect(&direct, FRAME_REPLY, &got);
	assert_string_equal(direct.known[got.frame.source], "vm:leaf/uid:1");

	fake_call(&direct, 6, 0, "f");
	expect_from(&leaf, FRAME_CALL, "vm:direct", 1);
	id = got.frame.correlation;
	fake_fragment(&leaf, FRAME_REPLY, FRAME_FIRST, id, "", 20, 10);
	leaf.speaks_for = 1;
	fake_fragment(&leaf, FRAME_REPLY, FRAME_LAST, id, "", 0, 10);
	for (unsigned i = 0; i < 2; i++) {
		fake_expect(&direct, FRAME_REPLY, &got);
		assert_string_equal(direct.known[got.frame.source],
				    "vm:leaf/uid:1");
	}
}

static void one_instance_of_a_leaf_is_called_alone(void **state)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	Helio__Bus__V1__Served *served;
	char subject[64];

	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = 1;
	serve.credit_calls = 10;
	serve.credit_bytes = 10000;
	other_leaf.speaks_for = 1;
	fake_serve_with(&other_leaf, &serve, "f", &got);
	served = helio__bus__v1__served__unpack(NULL, got.n_body, got.body);
	snprintf(subject, sizeof(subject), "$inst.%s.f", served->instance);
	helio__bus__v1__served__free_unpacked(served, NULL);
	leaf.speaks_for = 1;
	fake_call(&leaf, 5, 0, subject);
	expect_from(&other_leaf, FRAME_CALL, "vm:leaf/uid:1", 2);
	call_far(&leaf, 6, 0, 3, subject);
	fake_expect_status(&leaf, 6, STATUS_FAILED_PRECONDITION, false);
}

/* It may come back to whom the same leaf announced meanwhile. */
static void a_call_that_waited_may_come_back(void **state)
{
	leaf.speaks_for = 1;
	fake_call(&leaf, 5, FRAME_WAIT, "f");
	fake_expect_silence(&leaf);
	leaf.speaks_for = 2;
	fake_serve(&leaf, 1, "f", 10);
	expect_from(&leaf, FRAME_CALL, "vm:leaf/uid:1", 2);
	fake_answer(&leaf, got.frame.correlation);
	expect_from(&leaf, FRAME_REPLY, "vm:leaf/uid:2", 0);
	assert_int_equal(got.frame.correlation, 5);
}

static void servers_that_are_too_far_get_no_call(void **state)
{
	other_leaf.speaks_for = 1;
	fake_serve(&other_leaf, 1, "f", 10);
	leaf.speaks_for = 1;
	call_far(&leaf, 5, FRAME_WAIT, 3, "f");
	fake_expect_status(&leaf, 5, STATUS_FAILED_PRECONDITION, false);
	call_far(&leaf, 6, 0, 2, "f");
	expect_from(&other_leaf, FRAME_CALL, "vm:leaf/uid:1", 3);
	/* One that is near takes them all. */
	fake_serve(&direct, 1, "f", 10);
	for (unsigned i = 0; i < 4; i++) {
		call_far(&leaf, 7 + i, 0, 3, "f");
		expect_from(&direct, FRAME_CALL, "vm:leaf/uid:1", 3);
	}
	fake_expect_silence(&other_leaf);
}

static void what_waits_goes_past_servers_that_are_too_far(void **state)
{
	leaf.speaks_for = 1;
	call_far(&leaf, 5, FRAME_WAIT, 3, "f");
	call_far(&leaf, 6, FRAME_WAIT, 2, "f");
	other_leaf.speaks_for = 1;
	fake_serve(&other_leaf, 1, "f", 10);
	expect_from(&other_leaf, FRAME_CALL, "vm:leaf/uid:1", 3);
	fake_expect_silence(&other_leaf);
	/* Nor does it bar the way to what comes. */
	fake_call(&direct, 1, 0, "f");
	expect_from(&other_leaf, FRAME_CALL, "vm:direct", 1);
	fake_serve(&direct, 1, "f", 10);
	expect_from(&direct, FRAME_CALL, "vm:leaf/uid:1", 3);
}

/* Each is told by its own id; who has been forgotten, not at all. */
static void acks_find_their_way_to_the_leaf(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char name[] = "log";
	struct ack ack = { .count = 2, .is_stored = true, .sequence = 40 };
	struct frame frame = { .kind = FRAME_ACK };
	uint8_t body[ACK_ENTRY_BYTES];

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 10000;
	subscribe.capture = name;
	fake_subscribe_with(&direct, &subscribe, "m", STATUS_OK);
	for (uint32_t i = 1; i <= 2; i++) {
		struct frame publish = { .kind = FRAME_MESSAGE,
					 .flags =
						 FRAME_WHOLE | FRAME_ACK_STORED,
					 .source = i,
					 .correlation = 4 + i };

		fake_send(&leaf, &publish, "m", "x", 1);
		fake_expect(&direct, FRAME_MESSAGE, &got);
	}
	fake_forget(&leaf, 1);
	ack.correlation = UINT64_C(1) << 32;
	ack_encode(&ack, body);
	fake_send(&direct, &frame, "", body, sizeof(body));
	fake_expect(&leaf, FRAME_ACK, &got);
	assert_int_equal(got.n_body, ACK_ENTRY_BYTES);
	assert_int_equal(ack_decode(got.body, &ack), 0);
	assert_int_equal(ack.correlation, 6);
	assert_int_equal(ack.count, 1);
	assert_int_equal(ack.sequence, 41);
	fake_expect_silence(&leaf);
}

/* What the first fragment said counts: no later one brings it too far. */
static void later_fragments_are_the_firsts(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame last = { .kind = FRAME_MESSAGE,
			      .flags = FRAME_LAST,
			      .hops = 3,
			      .source = 2,
			      .correlation = 5 };

	subscribe.has_id = subscribe.has_crossing = 1;
	subscribe.has_credit_messages = subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.crossing = 9;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 1 << 20;
	other_leaf.speaks_for = 1;
	fake_subscribe_with(&other_leaf, &subscribe, "m", STATUS_OK);
	leaf.speaks_for = 1;
	fake_fragment(&leaf, FRAME_MESSAGE, FRAME_FIRST, 5, "m", 20, 10);
	fake_send(&leaf, &last, "", "0123456789", 10);
	for (unsigned i = 0; i < 2; i++)
		expect_from(&other_leaf, FRAME_MESSAGE, "vm:leaf/uid:1", 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_program_of_a_leaf_calls_under_its_own_name),
		TEST(a_reply_is_its_registrations),
		TEST(one_instance_of_a_leaf_is_called_alone),
		TEST(a_call_that_waited_may_come_back),
		TEST(servers_that_are_too_far_get_no_call),
		TEST(what_waits_goes_past_servers_that_are_too_far),
		TEST(acks_find_their_way_to_the_leaf),
		TEST(later_fragments_are_the_firsts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
