/* SPDX-License-Identifier: MIT */

/* Messages between a leaf and its host: who gets them, and who may say them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "switch/ack.h"
#include "tests/unit/switch/fake_leaf.h"

enum { ACK_ENTRY = 24 };

static void expect_from(struct fake_peer *peer, const char *subject,
			const char *text, const char *source)
{
	fake_expect_message_of(peer, source, subject, text);
}

static void messages_go_both_ways_and_once(void **state)
{
	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_subscribe(&b, 1, "x.*", 10, STATUS_OK);
	fake_subscribe(&h, 1, "x.*", 10, STATUS_OK);
	fake_publish(&a, "x.up", "1");
	fake_publish(&h, "x.down", "2");
	expect_from(&a, "x.up", "1", "vm:web/vm:a");
	expect_from(&b, "x.up", "1", "vm:web/vm:a");
	expect_from(&h, "x.up", "1", "vm:web/vm:a");
	expect_from(&a, "x.down", "2", "vm:h");
	expect_from(&b, "x.down", "2", "vm:h");
	expect_from(&h, "x.down", "2", "vm:h");
	fake_expect_silence(&a);
	fake_expect_silence(&b);
	fake_expect_silence(&h);
}

/* Two subscriptions, one crossing: the host sends the message once. */
static void equal_patterns_share_a_crossing(void **state)
{
	uint64_t n_before;

	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_subscribe(&b, 1, "x.*", 10, STATUS_OK);
	n_before = host.bus.stats.n_delivered;
	fake_publish(&h, "x.down", "2");
	assert_int_equal(host.bus.stats.n_delivered - n_before, 1);
	assert_int_equal(uplink.feeds.n_nodes, 1);
	fake_unsubscribe(&a, 1);
	fake_expect_message(&a, "x.down", "2");
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(uplink.feeds.n_nodes, 1);
	fake_publish(&h, "x.down", "3");
	fake_expect_silence(&a);
	fake_unsubscribe(&b, 1);
	assert_int_equal(uplink.feeds.n_nodes, 0);
	assert_int_equal(host.bus.routes.n_targets, 0);
}

/* One without credit lets it wait in its own queue, and slows nobody. */
static void a_slow_program_slows_nobody(void **state)
{
	fake_subscribe(&a, 1, "x.*", 0, STATUS_OK);
	fake_subscribe(&b, 1, "x.*", 200, STATUS_OK);
	for (unsigned i = 0; i < 100; i++)
		fake_publish(&h, "x.down", "2");
	for (unsigned i = 0; i < 100; i++)
		fake_expect_message(&b, "x.down", "2");
	fake_expect_silence(&a);
	fake_credit(&a, 1, 100, 1 << 20);
	for (unsigned i = 0; i < 100; i++)
		fake_expect_message(&a, "x.down", "2");
}

static void both_policies_have_their_say(void **state)
{
	fake_subscribe(&a, 1, "secret.x", 10, STATUS_PERMISSION_DENIED);
	fake_subscribe(&a, 1, "own.x", 10, STATUS_PERMISSION_DENIED);
	fake_subscribe(&a, 1, "fine.x", 10, STATUS_OK);
	fake_publish(&a, "own.x", "1");
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_non_null(strstr((char *)got.body, "vm:web/vm:a may not"));
	fake_publish(&a, "secret.x", "1");
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
	assert_non_null(strstr((char *)got.body, "vm:web/vm:a may not"));
	fake_call(&a, 7, 0, "secret.x");
	fake_expect_status(&a, 7, STATUS_PERMISSION_DENIED, false);
}

/* The ids of refused publishes come back whole, however long they are. */
static void refusals_find_their_publisher(void **state)
{
	static const uint64_t ids[] = { 0, 5, UINT64_C(1) << 40,
					UINT64_C(1) << 41,
					(UINT64_C(1) << 63) - 1 };

	for (size_t i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
		struct frame frame = { .kind = FRAME_MESSAGE,
				       .flags = FRAME_WHOLE,
				       .correlation = ids[i] };
		struct fake_peer *peer = i % 2 ? &a : &b;

		fake_send(peer, &frame, "secret.x", "1", 1);
		fake_expect(peer, FRAME_REFUSED, &got);
		assert_int_equal(got.frame.correlation, ids[i]);
	}
}

static void answers_keep_their_order(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 1 };
	struct frame sync = { .kind = FRAME_SYNC, .correlation = 3 };
	uint8_t body[64];
	uint8_t both[256];
	size_t n;

	subscribe.has_id = 1;
	subscribe.id = 1;
	n = helio__bus__v1__subscribe__pack(&subscribe, body);
	frame.n_subject = 3;
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *at = both + (i ? le32_load(both) : 0);

		frame.correlation = 1 + i;
		frame_set_body(&frame, n);
		at += frame_encode(&frame, at);
		memcpy(at, "x.y", 3);
		memcpy(at + 3, body, n);
	}
	n = 2 * frame.length;
	frame_set_body(&sync, 0);
	n += frame_encode(&sync, both + n);
	fake_send_bytes(&a, both, n);
	for (unsigned i = 1; i <= 3; i++) {
		fake_expect(&a, FRAME_RESULT, &got);
		assert_int_equal(got.frame.correlation, i);
		assert_int_equal(got.frame.status,
				 i == 2 ? STATUS_ALREADY_EXISTS : STATUS_OK);
	}
}

static void a_group_prefers_its_own(void **state)
{
	fake_join_group(&a, 10);
	fake_join_group(&h, 10);
	fake_publish(&b, "work", "1");
	fake_expect_message(&a, "work", "1");
	fake_expect_silence(&h);
	fake_publish(&h, "work", "2");
	fake_publish(&h, "work", "3");
	fake_expect_message(&a, "work", "2");
	fake_expect_message(&h, "work", "3");
	fake_expect_silence(&a);
	fake_expect_silence(&h);
}

/* Without credit a member takes no share, and the host's does. */
static void a_member_without_credit_is_not_active(void **state)
{
	fake_join_group(&h, 10);
	fake_join_group(&a, 0);
	fake_publish(&b, "work", "1");
	fake_expect_message(&h, "work", "1");
	fake_credit(&a, 9, 5, 1 << 20);
	fake_publish(&b, "work", "2");
	fake_expect_message(&a, "work", "2");
	fake_expect_silence(&h);
}

static void expect_fragments(struct fake_peer *peer, enum frame_kind kind)
{
	fake_expect(peer, kind, &got);
	assert_int_equal(got.frame.total_bytes, 2000);
	assert_int_equal(got.n_body, 1000);
	fake_expect(peer, kind, &got);
	assert_int_equal(got.frame.flags & FRAME_WHOLE, FRAME_LAST);
	assert_int_equal(got.n_body, 1000);
}

static void fragments_pass(void **state)
{
	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_subscribe(&h, 1, "x.*", 10, STATUS_OK);
	fake_fragment(&b, FRAME_MESSAGE, FRAME_FIRST, 3, "x.y", 2000, 1000);
	fake_fragment(&b, FRAME_MESSAGE, FRAME_LAST, 3, "", 0, 1000);
	expect_fragments(&a, FRAME_MESSAGE);
	expect_fragments(&h, FRAME_MESSAGE);
	fake_fragment(&h, FRAME_MESSAGE, FRAME_FIRST, 3, "x.y", 2000, 1000);
	fake_fragment(&h, FRAME_MESSAGE, FRAME_LAST, 3, "", 0, 1000);
	expect_fragments(&a, FRAME_MESSAGE);
	expect_fragments(&h, FRAME_MESSAGE);
	fake_serve(&h, 2, "svc", 4);
	fake_fragment(&b, FRAME_CALL, FRAME_FIRST, 4, "svc", 2000, 1000);
	fake_fragment(&b, FRAME_CALL, FRAME_LAST, 4, "", 0, 1000);
	expect_fragments(&h, FRAME_CALL);
}

static void what_is_not_finished_is_aborted_everywhere(void **state)
{
	struct frame abort = { .kind = FRAME_ABORT, .correlation = 3 };

	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_subscribe(&h, 1, "x.*", 10, STATUS_OK);
	fake_fragment(&b, FRAME_MESSAGE, FRAME_FIRST, 3, "x.y", 2000, 1000);
	fake_send(&b, &abort, "", NULL, 0);
	fake_expect(&a, FRAME_MESSAGE, &got);
	fake_expect(&a, FRAME_ABORT, &got);
	fake_expect(&h, FRAME_MESSAGE, &got);
	fake_expect(&h, FRAME_ABORT, &got);
	assert_int_equal(uplink.n_open, 0);
}

static void expect_ack(struct ack *ack)
{
	fake_expect(&b, FRAME_ACK, &got);
	assert_int_equal(got.n_body % ACK_ENTRY, 0);
	assert_int_equal(ack_decode(got.body, ack), 0);
}

static void acks_count_both_sides(void **state)
{
	struct ack ack;

	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_subscribe(&b, 1, "x.y", 10, STATUS_OK);
	fake_subscribe(&h, 1, "x.*", 10, STATUS_OK);
	fake_publish_asking(FRAME_ACK_ROUTED, 8, "x.y");
	fake_expect_message(&b, "x.y", "x");
	expect_ack(&ack);
	assert_int_equal(ack.correlation, 8);
	assert_int_equal(ack.n_took, 3);
	fake_publish_asking(FRAME_ACK_STORED, 9, "x.y");
	fake_expect_message(&b, "x.y", "x");
	fake_expect(&b, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_FAILED_PRECONDITION);
	assert_int_equal(got.frame.correlation, 9);
}

static void capture(struct fake_peer *peer)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char name[] = "log";

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 4;
	subscribe.capture = name;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 1 << 20;
	fake_subscribe_with(peer, &subscribe, "x.>", STATUS_OK);
}

static void store(struct fake_peer *log, uint64_t sequence)
{
	struct frame frame = { .kind = FRAME_ACK };
	struct ack ack = { .count = 1, .is_stored = true };
	uint8_t body[ACK_ENTRY_BYTES];

	fake_expect(log, FRAME_MESSAGE, &got);
	ack.correlation = got.frame.correlation;
	ack.sequence = sequence;
	ack_encode(&ack, body);
	fake_send(log, &frame, "", body, sizeof(body));
}

/* The log is the host's, or the leaf's: its order is the host's. */
static void a_log_answers_across(void **state)
{
	struct fake_peer *logs[] = { &h, &a };
	struct ack ack;

	for (size_t i = 0; i < 2; i++) {
		capture(logs[i]);
		fake_publish_asking(FRAME_ACK_STORED, 9, "x.y");
		store(logs[i], 70 + i);
		expect_ack(&ack);
		assert_int_equal(ack.correlation, 9);
		assert_true(ack.is_stored);
		assert_int_equal(ack.sequence, 70 + i);
		assert_string_equal(got.subject, "log");
		fake_expect_silence(logs[i]);
		fake_unsubscribe(logs[i], 4);
		fake_expect(logs[i], FRAME_RESULT, &got);
	}
}

static struct peer *leaf_at_host(void)
{
	struct list *link;

	list_for_each (link, &host.bus.peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (!strcmp(peer_path(peer), "vm:web"))
			return peer;
	}
	fail();
	return NULL;
}

/* The host says of so many, of which we know none, that they were taken. */
static void acknowledge(uint32_t n)
{
	struct ack ack = { .correlation = 5000, .count = n };

	ack_send(leaf_at_host(), &ack, NULL);
	world_settle(&host);
}

/* Who asked is gone; his answer may still come, and nobody else's. */
static void no_more_is_acknowledged_than_was_asked(void **state)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | FRAME_ACK_STORED,
			       .correlation = 9 };
	struct fake_peer c;

	capture(&h);
	fake_join(&leaf, "c", &c);
	fake_send(&c, &frame, "x.y", "x", 1);
	fake_expect(&h, FRAME_MESSAGE, &got);
	fake_leave(&c);
	assert_int_equal(uplink.n_unheard, 1);
	acknowledge(1);
	assert_int_equal(uplink.n_unheard, 0);
	assert_non_null(uplink.peer);
	acknowledge(1);
	assert_null(uplink.peer);
}

int main(void)
{
#define test(name)                                              \
	cmocka_unit_test_setup_teardown(name, fake_leaf_set_up, \
					fake_leaf_tear_down)
	const struct CMUnitTest tests[] = {
		test(messages_go_both_ways_and_once),
		test(equal_patterns_share_a_crossing),
		test(a_slow_program_slows_nobody),
		test(both_policies_have_their_say),
		test(refusals_find_their_publisher),
		test(answers_keep_their_order),
		test(a_group_prefers_its_own),
		test(a_member_without_credit_is_not_active),
		test(fragments_pass),
		test(what_is_not_finished_is_aborted_everywhere),
		test(acks_count_both_sides),
		test(a_log_answers_across),
		test(no_more_is_acknowledged_than_was_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
