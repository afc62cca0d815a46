/* SPDX-License-Identifier: MIT */

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "tests/unit/switch/stage.h"

static void a_message_reaches_all_who_subscribed(void **state)
{
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
static void overflow(Helio__Bus__V1__Overflow policy)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char text[8] = "0";

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	subscribe.has_id = subscribe.has_queue_messages = 1;
	subscribe.has_overflow = 1;
	subscribe.id = 1;
	subscribe.queue_messages = 5;
	subscribe.overflow = policy;
	fake_subscribe_with(&b, &subscribe, "x.*", STATUS_OK);
	for (; text[0] < '6'; text[0]++)
		fake_publish(&a, text[0] % 2 ? "x.odd" : "x.even", text);
	fake_leave(&a);
	fake_credit(&b, 1, 100, 10000);
}

static void drop_new_keeps_the_oldest_and_tells(void **state)
{
	overflow(HELIO__BUS__V1__OVERFLOW__DROP_NEW);
	fake_expect_message(&b, "x.even", "0");
	fake_expect_message(&b, "x.odd", "1");
	fake_expect_message(&b, "x.even", "2");
	expect_gap(&b, 3);
	fake_expect_silence(&b);
	fake_leave(&b);
}

static void drop_old_keeps_the_newest_and_tells(void **state)
{
	overflow(HELIO__BUS__V1__OVERFLOW__DROP_OLD);
	expect_gap(&b, 3);
	fake_expect_message(&b, "x.odd", "3");
	fake_expect_message(&b, "x.even", "4");
	fake_expect_message(&b, "x.odd", "5");
	fake_expect_silence(&b);
	fake_leave(&b);
}

static void latest_keeps_the_newest_of_each_subject(void **state)
{
	overflow(HELIO__BUS__V1__OVERFLOW__LATEST);
	expect_gap(&b, 4);
	fake_expect_message(&b, "x.even", "4");
	fake_expect_message(&b, "x.odd", "5");
	fake_expect_silence(&b);
	fake_leave(&b);
}

static void members_of_a_group_share(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALONE(a_message_reaches_all_who_subscribed),
		TEST_ALONE(a_source_is_announced_before_and_forgotten_after),
		TEST_ALONE(without_credit_messages_wait_in_order),
		TEST_ALONE(drop_new_keeps_the_oldest_and_tells),
		TEST_ALONE(drop_old_keeps_the_newest_and_tells),
		TEST_ALONE(latest_keeps_the_newest_of_each_subject),
		TEST_ALONE(members_of_a_group_share),
		TEST_ALONE(ack_routed_counts_who_took_it),
		TEST_ALONE(ack_stored_comes_from_the_log),
		TEST_ALONE(fragments_pass_and_interleave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
