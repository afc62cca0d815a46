/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "tests/unit/switch/fake_peer.h"

static struct world world;
static struct got got;

static int set_up(void **state)
{
	world_init(&world, NULL);
	return 0;
}

static int tear_down(void **state)
{
	world_deinit(&world);
	return 0;
}

static void a_message_reaches_all_who_subscribed(void **state)
{
	struct fake_peer a;
	struct fake_peer b;
	struct fake_peer c;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_join(&world, "c", &c);
	fake_subscribe(&b, 1, "vm.*.x", 10, STATUS_OK);
	fake_subscribe(&b, 2, "vm.>", 10, STATUS_OK);
	fake_subscribe(&c, 7, "vm.a.x", 10, STATUS_OK);
	for (unsigned i = 0; i < 3; i++) {
		fake_publish(&a, "vm.a.x", "hello");
		fake_expect_message(&b, "vm.a.x", "hello");
		fake_expect_message(&b, "vm.a.x", "hello");
		fake_expect(&c, FRAME_MESSAGE, &got);
		assert_int_equal(got.frame.correlation, UINT64_C(7) << 32 | i);
	}
	fake_publish(&a, "vm.a.y", "other");
	fake_expect_message(&b, "vm.a.y", "other");
	fake_expect_silence(&b);
	fake_expect_silence(&c);
	fake_leave(&a);
	fake_leave(&b);
	fake_leave(&c);
}

static void a_source_is_announced_before_and_forgotten_after(void **state)
{
	struct fake_peer a;
	struct fake_peer b;
	const uint8_t *bytes;
	size_t n_used;
	struct frame frame;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_publish(&a, "x", "1");
	assert_int_equal(channel_refill(b.channel), 0);
	assert_int_equal(frame_reader_next(&b.reader, b.channel->in,
					   b.channel->n_in, b.channel->n_in_max,
					   &n_used, &frame, &bytes),
			 0);
	assert_int_equal(frame.kind, FRAME_PEER);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_not_equal(got.frame.source, 0);
	fake_leave(&a);
	assert_int_equal(channel_refill(b.channel), 0);
	assert_int_equal(frame_reader_next(&b.reader, b.channel->in,
					   b.channel->n_in, b.channel->n_in_max,
					   &n_used, &frame, &bytes),
			 0);
	assert_int_equal(frame.kind, FRAME_FORGET);
	fake_leave(&b);
}

static void without_credit_messages_wait_in_order(void **state)
{
	struct fake_peer a;
	struct fake_peer b;
	char text[8] = "0";

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "x", 2, STATUS_OK);
	for (; text[0] < '6'; text[0]++)
		fake_publish(&a, "x", text);
	fake_expect_message(&b, "x", "0");
	fake_expect_message(&b, "x", "1");
	fake_expect_silence(&b);
	fake_credit(&b, 1, 3, 300);
	fake_expect_message(&b, "x", "2");
	fake_expect_message(&b, "x", "3");
	fake_expect_message(&b, "x", "4");
	fake_expect_silence(&b);
	fake_leave(&a);
	fake_credit(&b, 1, 3, 300);
	fake_expect_message(&b, "x", "5");
	fake_leave(&b);
}

static void expect_gap(struct fake_peer *peer, uint64_t n_lost)
{
	fake_expect(peer, FRAME_GAP, &got);
	assert_int_equal(le32_load(got.body), 1);
	assert_int_equal(le32_load(got.body + 4), 1);
	assert_int_equal(le64_load(got.body + 8), n_lost);
}

/* Six messages where three of a sender may wait, without credit; then credit.
 */
static void overflow(Helio__Bus__V1__Overflow policy, struct fake_peer *b)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct fake_peer a;
	char text[8] = "0";

	fake_join(&world, "a", &a);
	fake_join(&world, "b", b);
	subscribe.has_id = subscribe.has_queue_messages = 1;
	subscribe.has_overflow = 1;
	subscribe.id = 1;
	subscribe.queue_messages = 5;
	subscribe.overflow = policy;
	fake_subscribe_with(b, &subscribe, "x.*", STATUS_OK);
	for (; text[0] < '6'; text[0]++)
		fake_publish(&a, text[0] % 2 ? "x.odd" : "x.even", text);
	fake_leave(&a);
	fake_credit(b, 1, 100, 10000);
}

static void drop_new_keeps_the_oldest_and_tells(void **state)
{
	struct fake_peer b;

	overflow(HELIO__BUS__V1__OVERFLOW__DROP_NEW, &b);
	fake_expect_message(&b, "x.even", "0");
	fake_expect_message(&b, "x.odd", "1");
	fake_expect_message(&b, "x.even", "2");
	expect_gap(&b, 3);
	fake_expect_silence(&b);
	fake_leave(&b);
}

static void drop_old_keeps_the_newest_and_tells(void **state)
{
	struct fake_peer b;

	overflow(HELIO__BUS__V1__OVERFLOW__DROP_OLD, &b);
	expect_gap(&b, 3);
	fake_expect_message(&b, "x.odd", "3");
	fake_expect_message(&b, "x.even", "4");
	fake_expect_message(&b, "x.odd", "5");
	fake_expect_silence(&b);
	fake_leave(&b);
}

static void latest_keeps_the_newest_of_each_subject(void **state)
{
	struct fake_peer b;

	overflow(HELIO__BUS__V1__OVERFLOW__LATEST, &b);
	expect_gap(&b, 4);
	fake_expect_message(&b, "x.even", "4");
	fake_expect_message(&b, "x.odd", "5");
	fake_expect_silence(&b);
	fake_leave(&b);
}

static void members_of_a_group_share(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct fake_peer a;
	struct fake_peer b;
	struct fake_peer c;
	char group[] = "workers";

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_join(&world, "c", &c);
	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.credit_messages = 100;
	subscribe.credit_bytes = 10000;
	subscribe.group = group;
	fake_subscribe_with(&b, &subscribe, "x", STATUS_OK);
	fake_subscribe_with(&c, &subscribe, "x", STATUS_OK);
	for (unsigned i = 0; i < 2; i++) {
		fake_publish(&a, "x", "m");
		fake_publish(&a, "x", "n");
		fake_expect_message(&b, "x", "m");
		fake_expect_message(&c, "x", "n");
	}
	fake_expect_silence(&b);
	fake_leave(&b);
	fake_publish(&a, "x", "o");
	fake_expect_message(&c, "x", "o");
	fake_leave(&a);
	fake_leave(&c);
}

static void ack_routed_counts_who_took_it(void **state)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | FRAME_ACK_ROUTED,
			       .correlation = 5 };
	struct fake_peer a;
	struct fake_peer b;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_subscribe(&b, 2, ">", 10, STATUS_OK);
	fake_send(&a, &frame, "x", "m", 1);
	fake_expect(&a, FRAME_ACK, &got);
	assert_int_equal(got.n_body, 24);
	assert_int_equal(le64_load(got.body), 5);
	assert_int_equal(le32_load(got.body + 8), 1);
	assert_int_equal(le32_load(got.body + 16), 2);
	assert_int_equal(le32_load(got.body + 20), 0);
	fake_leave(&a);
	fake_leave(&b);
}

/* A stand-in for the log: it answers what it was delivered, in a run. */
static void ack_stored_comes_from_the_log(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | FRAME_ACK_STORED,
			       .correlation = 41 };
	struct frame ack = { .kind = FRAME_ACK };
	uint8_t run[24] = { 0 };
	struct fake_peer a;
	struct fake_peer log;
	char name[] = "audit";

	fake_join(&world, "a", &a);
	fake_send(&a, &frame, "x", "m", 1);
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_FAILED_PRECONDITION);

	fake_join(&world, "log", &log);
	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 3;
	subscribe.credit_messages = 100;
	subscribe.credit_bytes = 10000;
	subscribe.capture = name;
	fake_subscribe_with(&log, &subscribe, "x", STATUS_OK);

	fake_send(&a, &frame, "x", "m", 1);
	fake_publish(&a, "x", "plain");
	frame.correlation = 42;
	fake_send(&a, &frame, "x", "n", 1);
	fake_expect(&log, FRAME_MESSAGE, &got);
	assert_true(got.frame.flags & FRAME_ACK_STORED);
	fake_expect(&log, FRAME_MESSAGE, &got);
	assert_false(got.frame.flags & FRAME_ACK_STORED);
	fake_expect(&log, FRAME_MESSAGE, &got);
	fake_expect_silence(&a);

	le64_store(run, UINT64_C(3) << 32);
	le32_store(run + 8, 3);
	run[14] = 1;
	le64_store(run + 16, 1000);
	fake_send(&log, &ack, "", run, sizeof(run));
	fake_expect(&a, FRAME_ACK, &got);
	assert_string_equal(got.subject, "audit");
	assert_int_equal(got.n_body, 48);
	assert_int_equal(le64_load(got.body), 41);
	assert_int_equal(le64_load(got.body + 16), 1000);
	assert_int_equal(le64_load(got.body + 24), 42);
	assert_int_equal(le64_load(got.body + 40), 1002);

	frame.correlation = 43;
	fake_send(&a, &frame, "x", "o", 1);
	fake_leave(&log);
	fake_expect(&a, FRAME_ACK, &got);
	assert_int_equal(le16_load(got.body + 12), STATUS_UNAVAILABLE);
	fake_send(&a, &frame, "x", "p", 1);
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	fake_leave(&a);
}

static void a_call_is_answered_through_its_slot(void **state)
{
	struct fake_peer a;
	struct fake_peer b;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 4, "svc.x", 10);
	fake_call(&a, 77, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
	assert_string_equal((char *)got.body, "question");
	assert_int_equal(got.frame.correlation,
			 FRAME_SWITCH_DRAWN | UINT64_C(4) << 32);
	assert_int_equal(got.frame.time_left_ms, 1000);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 77);
	assert_string_equal((char *)got.body, "answer");
	fake_answer(&b, FRAME_SWITCH_DRAWN | UINT64_C(4) << 32);
	fake_expect_silence(&a);
	fake_expect_silence(&b);
	fake_answer(&b, FRAME_SWITCH_DRAWN | UINT64_C(4) << 32 | 9);
	fake_expect_end(&b, "a reply to a call that it never had");
	fake_leave(&a);
	fake_leave(&b);
}

static void a_call_that_nobody_serves_fails_at_once_or_waits(void **state)
{
	struct fake_peer a;
	struct fake_peer b;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_call(&a, 1, 0, "svc.x");
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, false);
	fake_call(&a, 2, FRAME_WAIT, "svc.x");
	fake_expect_silence(&a);
	fake_serve(&b, 4, "svc.x", 10);
	fake_expect(&b, FRAME_CALL, &got);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 2);
	fake_call(&a, 3, FRAME_WAIT, "svc.y");
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	fake_expect_status(&a, 3, STATUS_DEADLINE_EXCEEDED, false);
	fake_leave(&a);
	fake_leave(&b);
}

static void a_callee_that_dies_fails_its_calls(void **state)
{
	struct fake_peer a;
	struct fake_peer b;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 4, "svc.x", 10);
	fake_call(&a, 1, 0, "svc.x");
	fake_leave(&b);
	fake_expect_status(&a, 1, STATUS_UNAVAILABLE, true);
	fake_leave(&a);
}

static void cancel_and_deadline_reach_the_callee(void **state)
{
	struct frame cancel = { .kind = FRAME_CANCEL, .correlation = 1 };
	struct fake_peer a;
	struct fake_peer b;
	uint64_t id;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_serve(&b, 4, "svc.x", 10);
	fake_call(&a, 1, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
	id = got.frame.correlation;
	fake_send(&a, &cancel, "", NULL, 0);
	fake_expect(&b, FRAME_CANCEL, &got);
	assert_int_equal(got.frame.correlation, id);
	fake_call(&a, 2, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	fake_expect(&b, FRAME_CANCEL, &got);
	fake_expect_status(&a, 2, STATUS_DEADLINE_EXCEEDED, true);
	fake_answer(&b, id);
	fake_expect_silence(&a);
	fake_leave(&a);
	fake_leave(&b);
}

static void fragments_pass_and_interleave(void **state)
{
	struct frame first = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_FIRST | FRAME_EXTENDED,
			       .correlation = 9,
			       .total_bytes = 9 };
	struct frame middle = { .kind = FRAME_MESSAGE, .correlation = 9 };
	struct frame last = { .kind = FRAME_MESSAGE,
			      .flags = FRAME_LAST,
			      .correlation = 9 };
	struct fake_peer a;
	struct fake_peer b;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "x", 2, STATUS_OK);
	fake_send(&a, &first, "x", "abc", 3);
	fake_send(&a, &middle, "", "def", 3);
	fake_publish(&a, "x", "whole");
	fake_send(&a, &last, "", "ghi", 3);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.flags, FRAME_FIRST | FRAME_EXTENDED);
	assert_int_equal(got.frame.total_bytes, 9);
	assert_int_equal(got.frame.correlation, UINT64_C(1) << 32);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.flags, 0);
	fake_expect_message(&b, "x", "whole");
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.flags, FRAME_LAST);
	assert_int_equal(got.frame.correlation, UINT64_C(1) << 32);
	assert_string_equal((char *)got.body, "ghi");

	fake_send(&a, &first, "x", "abc", 3);
	fake_send(&a, &middle, "", "defg", 4);
	fake_send(&a, &middle, "", "hij", 3);
	fake_expect_end(&a, "fragments exceed the total length");
	fake_leave(&a);
	fake_credit(&b, 1, 1, 1000);
	fake_expect(&b, FRAME_MESSAGE, &got);
	fake_expect(&b, FRAME_MESSAGE, &got);
	fake_expect(&b, FRAME_ABORT, &got);
	assert_int_equal(got.frame.correlation, UINT64_C(1) << 32 | 2);
	fake_leave(&b);
}

static void policy_refuses_with_the_line(void **state)
{
	struct fake_peer a;

	world_deinit(&world);
	world_init(&world, "deny vm:a publish secret.>\n"
			   "allow ** any >\n");
	fake_join(&world, "a", &a);
	fake_publish(&a, "secret.x", "m");
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
	assert_non_null(strstr((char *)got.body, "test:1"));
	fake_publish(&a, "$sys.x", "m");
	fake_expect(&a, FRAME_REFUSED, &got);
	fake_publish(&a, "a..b", "m");
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
	fake_leave(&a);
}

/* Nothing of a frame before may decide about one that names no subject. */
static void an_empty_subject_is_nobodys(void **state)
{
	struct frame call_frame = { .kind = FRAME_CALL,
				    .flags = FRAME_WHOLE,
				    .correlation = 1 };
	struct fake_peer a;
	struct fake_peer b;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "x", 100, STATUS_OK);
	for (unsigned i = 0; i < 3; i++) {
		fake_publish(&a, "x", "m");
		fake_expect_message(&b, "x", "m");
	}
	fake_publish(&a, "", "m");
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
	fake_send(&a, &call_frame, "", "m", 1);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
	fake_expect_silence(&b);
	fake_leave(&a);
	fake_leave(&b);
}

static void violations_end_the_peer_and_are_counted(void **state)
{
	static const struct {
		struct frame frame;
		const char *reason;
	} cases[] = {
		{ { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE, .source = 3 },
		  "a direct peer names another source" },
		{ { .kind = FRAME_MESSAGE,
		    .flags = FRAME_LAST,
		    .correlation = 1 },
		  "a fragment of a message that was not begun" },
		{ { .kind = FRAME_PEER },
		  "a peer without the right uplink announces others" },
		{ { .kind = FRAME_HELLO }, "HELLO came twice" },
		{ { .kind = FRAME_CALL,
		    .flags = FRAME_WHOLE | FRAME_ACK_STORED,
		    .correlation = 1 },
		  "an ack of what is no message" },
		{ { .kind = 99 },
		  "a kind of frame that is not for the switch" },
		{ { .kind = FRAME_CALL,
		    .flags = FRAME_WHOLE,
		    .correlation = FRAME_SWITCH_DRAWN },
		  "a correlation id that is the switch's to draw" },
	};
	size_t n = sizeof(cases) / sizeof(*cases);
	struct fake_peer witness;

	fake_join(&world, "witness", &witness);
	fake_subscribe(&witness, 1, "w", 100, STATUS_OK);
	for (size_t i = 0; i < n; i++) {
		struct frame frame = cases[i].frame;
		struct fake_peer a;

		fake_join(&world, "a", &a);
		fake_send(&a, &frame, "x", "m", 1);
		fake_expect_end(&a, cases[i].reason);
		fake_leave(&a);
		fake_publish(&witness, "w", "still here");
		fake_expect_message(&witness, "w", "still here");
		assert_string_equal(world.bus.stats.reasons[i].text,
				    cases[i].reason);
	}
	fake_leave(&witness);
}

static void a_silent_peer_is_ended(void **state)
{
	struct fake_peer a;

	fake_connect(&world, "a", 4096, &a);
	world_settle(&world);
	world.now_ns += 6 * NS_PER_S;
	world_settle(&world);
	fake_expect_end(&a, "HELLO did not come in time");
	assert_int_equal(world.bus.n_peers, 0);
	fake_leave(&a);
}

static void frames_longer_than_the_ring_pass_in_pieces(void **state)
{
	static uint8_t body[60000];
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	struct frame hello = { .kind = FRAME_HELLO };
	static const uint8_t hello_body[] = { 0x08, 1, 0x10, 1 };
	struct fake_peer a;
	struct fake_peer b;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7);
	fake_join(&world, "a", &a);
	fake_connect(&world, "b", 4096, &b);
	fake_send(&b, &hello, "", hello_body, sizeof(hello_body));
	fake_expect(&b, FRAME_WELCOME, &got);
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_send(&a, &frame, "x", body, sizeof(body));
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_memory_equal(got.body, body, sizeof(body));
	fake_subscribe(&a, 1, "y", 10, STATUS_OK);
	fake_send(&b, &frame, "y", body, sizeof(body));
	fake_expect(&a, FRAME_MESSAGE, &got);
	assert_memory_equal(got.body, body, sizeof(body));
	fake_leave(&a);
	fake_leave(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_message_reaches_all_who_subscribed),
		TEST(a_source_is_announced_before_and_forgotten_after),
		TEST(without_credit_messages_wait_in_order),
		TEST(drop_new_keeps_the_oldest_and_tells),
		TEST(drop_old_keeps_the_newest_and_tells),
		TEST(latest_keeps_the_newest_of_each_subject),
		TEST(members_of_a_group_share),
		TEST(ack_routed_counts_who_took_it),
		TEST(ack_stored_comes_from_the_log),
		TEST(a_call_is_answered_through_its_slot),
		TEST(a_call_that_nobody_serves_fails_at_once_or_waits),
		TEST(a_callee_that_dies_fails_its_calls),
		TEST(cancel_and_deadline_reach_the_callee),
		TEST(fragments_pass_and_interleave),
		TEST(policy_refuses_with_the_line),
		TEST(an_empty_subject_is_nobodys),
		TEST(violations_end_the_peer_and_are_counted),
		TEST(a_silent_peer_is_ended),
		TEST(frames_longer_than_the_ring_pass_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
