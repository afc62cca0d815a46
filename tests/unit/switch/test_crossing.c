/* SPDX-License-Identifier: MIT */

/* What goes to a leaf, how often, and what does not go back to it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "switch/ack.h"
#include "switch/crossing.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/subscription.h"
#include "tests/unit/switch/fake_peer.h"

#define RIGHTS                         \
	"allow vm:leaf* uplink leaf\n" \
	"allow **   any,group,capture,observe open.>\n"
static const char all_read[] = RIGHTS "allow ** any,group secret.>\n";
static const char one_reads[] = RIGHTS "deny vm:leaf/uid:1 any secret.>\n"
				       "allow ** any,group secret.>\n";
static const char none_reads[] = RIGHTS;

static struct world world;
static struct fake_peer leaf;
static struct fake_peer other_leaf;
static struct fake_peer direct;
static struct got got;

static int setup(void **state)
{
	world_init(&world, all_read);
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

static void cross_with(struct fake_peer *peer, uint32_t source, uint32_t id,
		       uint32_t crossing, const char *pattern,
		       enum status status)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_crossing = 1;
	subscribe.has_credit_messages = subscribe.has_credit_bytes = 1;
	subscribe.id = id;
	subscribe.crossing = crossing;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 1 << 20;
	peer->speaks_for = source;
	fake_subscribe_with(peer, &subscribe, pattern, status);
}

static void join_group(struct fake_peer *peer, uint32_t source, uint32_t id,
		       uint32_t credit, enum status status)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char name[] = "g";

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = id;
	subscribe.group = name;
	subscribe.credit_messages = credit;
	subscribe.credit_bytes = credit * UINT64_C(1000);
	peer->speaks_for = source;
	fake_subscribe_with(peer, &subscribe, "open.>", status);
}

static void publish_as(struct fake_peer *peer, uint32_t source,
		       const char *subject, const char *text)
{
	peer->speaks_for = source;
	fake_publish(peer, subject, text);
}

static void set_policy(const char *text)
{
	struct policy *policy;
	char error[256];

	assert_int_equal(policy_parse("test", text, strlen(text), error,
				      sizeof(error), &policy),
			 0);
	bus_set_policy(&world.bus, policy);
	world_settle(&world);
}

static void unsubscribe(struct fake_peer *peer, uint32_t id, enum status status)
{
	fake_unsubscribe(peer, id);
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, status);
}

/* Under the crossing's id, and once for both who name it. */
static void equal_subscriptions_share_one_delivery(void **state)
{
	cross_with(&leaf, 1, 1, 9, "open.>", STATUS_OK);
	cross_with(&leaf, 2, 2, 9, "open.>", STATUS_OK);
	publish_as(&direct, 0, "open.a", "x");
	fake_expect(&leaf, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.correlation, UINT64_C(9) << 32);
	assert_int_equal(got.frame.hops, 1);
	fake_expect_silence(&leaf);

	/* One goes, and it is still there; with the other it ends. */
	unsubscribe(&leaf, 1, STATUS_OK);
	publish_as(&direct, 0, "open.a", "y");
	fake_expect_message(&leaf, "open.a", "y");
	fake_forget(&leaf, 2);
	publish_as(&direct, 0, "open.a", "z");
	fake_expect_silence(&leaf);
	cross_with(&leaf, 1, 9, 2, "open.b", STATUS_OK);
}

static void the_crossing_has_credit_and_a_queue_of_its_own(void **state)
{
	cross_with(&leaf, 1, 1, 9, "open.>", STATUS_OK);
	for (unsigned i = 0; i < 11; i++)
		publish_as(&direct, 0, "open.a", "x");
	for (unsigned i = 0; i < 10; i++)
		fake_expect_message(&leaf, "open.a", "x");
	/* A second one brings it none. */
	cross_with(&leaf, 2, 2, 9, "open.>", STATUS_OK);
	fake_credit(&leaf, 2, 5, 5000);
	fake_expect_silence(&leaf);
	fake_credit(&leaf, 9, 1, 1000);
	fake_expect_message(&leaf, "open.a", "x");
}

static void each_that_names_it_is_charged(void **state)
{
	struct account *one;
	struct account *above;

	cross_with(&leaf, 1, 1, 9, "open.>", STATUS_OK);
	cross_with(&leaf, 2, 2, 9, "open.>", STATUS_OK);
	account_get(&world.bus.accounts, "vm:leaf/uid:1", "vm:leaf/uid:1",
		    &one);
	account_get(&world.bus.accounts, "vm:leaf", "vm:leaf", &above);
	assert_int_equal(one->used[RESOURCE_SUBSCRIPTIONS], 1);
	assert_int_equal(above->used[RESOURCE_SUBSCRIPTIONS], 3);
	one->limits.of[RESOURCE_SUBSCRIPTIONS] = 1;
	cross_with(&leaf, 1, 3, 9, "open.>", STATUS_RESOURCE_EXHAUSTED);
	/* There is room for one who names it, but none for the crossing. */
	above->limits.of[RESOURCE_SUBSCRIPTIONS] = 4;
	cross_with(&leaf, 2, 3, 10, "open.b", STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(above->used[RESOURCE_SUBSCRIPTIONS], 3);
	account_unref(one);
	account_unref(above);
}

static void what_no_crossing_may_be_is_refused(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char name[] = "g";

	cross_with(&direct, 0, 1, 9, "open.>", STATUS_FAILED_PRECONDITION);
	cross_with(&leaf, 1, 1, 0, "open.>", STATUS_INVALID_ARGUMENT);
	cross_with(&leaf, 1, 1, 0x80000000, "open.>", STATUS_INVALID_ARGUMENT);
	cross_with(&leaf, 1, 1, 1, "open.>", STATUS_INVALID_ARGUMENT);
	cross_with(&leaf, 1, 1, 9, "open.>", STATUS_OK);
	cross_with(&leaf, 2, 2, 9, "open.a", STATUS_INVALID_ARGUMENT);
	cross_with(&leaf, 2, 2, 1, "open.>", STATUS_ALREADY_EXISTS);
	cross_with(&leaf, 2, 9, 10, "open.>", STATUS_ALREADY_EXISTS);
	fake_subscribe(&leaf, 3, "open.>", 1, STATUS_OK);
	cross_with(&leaf, 2, 2, 3, "open.>", STATUS_ALREADY_EXISTS);
	unsubscribe(&leaf, 9, STATUS_NOT_FOUND);

	subscribe.has_id = subscribe.has_crossing = 1;
	subscribe.id = 4;
	subscribe.crossing = 9;
	subscribe.group = name;
	fake_subscribe_with(&leaf, &subscribe, "open.>",
			    STATUS_INVALID_ARGUMENT);
	subscribe.group = NULL;
	subscribe.capture = name;
	fake_subscribe_with(&leaf, &subscribe, "open.>",
			    STATUS_INVALID_ARGUMENT);
	subscribe.capture = NULL;
	subscribe.has_observe = subscribe.observe = 1;
	fake_subscribe_with(&leaf, &subscribe, "open.>",
			    STATUS_INVALID_ARGUMENT);
}

static void expect_ended(uint32_t id)
{
	fake_expect(&leaf, FRAME_RESULT, &got);
	assert_int_equal(got.frame.correlation, FRAME_SWITCH_DRAWN | id);
	assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
}

static void policy_ends_them_one_by_one(void **state)
{
	cross_with(&leaf, 1, 1, 9, "secret.>", STATUS_OK);
	cross_with(&leaf, 2, 2, 9, "secret.>", STATUS_OK);
	cross_with(&leaf, 2, 3, 10, "open.>", STATUS_OK);
	set_policy(one_reads);
	expect_ended(1);
	publish_as(&direct, 0, "secret.a", "x");
	fake_expect_message(&leaf, "secret.a", "x");
	cross_with(&leaf, 1, 1, 9, "secret.>", STATUS_PERMISSION_DENIED);
	set_policy(none_reads);
	expect_ended(2);
	set_policy(all_read);
	publish_as(&direct, 0, "secret.a", "y");
	publish_as(&direct, 0, "open.a", "z");
	fake_expect_message(&leaf, "open.a", "z");
	fake_expect_silence(&leaf);
}

static void nothing_goes_back_through_a_crossing(void **state)
{
	cross_with(&leaf, 1, 1, 9, "open.>", STATUS_OK);
	cross_with(&other_leaf, 1, 1, 9, "open.>", STATUS_OK);
	fake_subscribe(&direct, 1, "open.>", 10, STATUS_OK);
	publish_as(&leaf, 2, "open.a", "x");
	fake_expect_silence(&leaf);
	fake_expect_message(&direct, "open.a", "x");
	fake_expect(&other_leaf, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.hops, 2);
	/* What the leaf itself says neither. */
	publish_as(&leaf, 0, "open.a", "y");
	fake_expect_silence(&leaf);
	/* A plain subscription of it is none, nor is another leaf's. */
	fake_subscribe(&leaf, 3, "open.b", 10, STATUS_OK);
	publish_as(&leaf, 2, "open.b", "z");
	fake_expect_message(&leaf, "open.b", "z");
	fake_expect_silence(&leaf);
}

/* The log's order is the host's, and observers see all. */
static void logs_and_observers_are_told_of_what_came_by_their_leaf(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char name[] = "log";

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 10000;
	subscribe.capture = name;
	leaf.speaks_for = 1;
	fake_subscribe_with(&leaf, &subscribe, "open.m", STATUS_OK);
	subscribe.capture = NULL;
	subscribe.has_observe = subscribe.observe = 1;
	subscribe.id = 2;
	fake_subscribe_with(&leaf, &subscribe, "open.f", STATUS_OK);
	publish_as(&leaf, 2, "open.m", "x");
	fake_expect_message(&leaf, "open.m", "x");
	leaf.speaks_for = 2;
	fake_call(&leaf, 5, 0, "open.f");
	fake_expect(&leaf, FRAME_OBSERVED_CALL, &got);
	fake_expect(&leaf, FRAME_OBSERVED_REPLY, &got);
	fake_expect_status(&leaf, 5, STATUS_UNAVAILABLE, false);
}

static void a_leaf_chooses_once_its_member_has_had_credit(void **state)
{
	join_group(&direct, 0, 1, 10, STATUS_OK);
	join_group(&leaf, 1, 1, 1, STATUS_INVALID_ARGUMENT);
	join_group(&leaf, 1, 1, 0, STATUS_OK);
	join_group(&leaf, 2, 2, 0, STATUS_OK);
	/* Nobody is active: the host chooses, and who has no credit waits. */
	for (unsigned i = 0; i < 3; i++)
		publish_as(&leaf, 2, "open.a", "x");
	fake_expect_message(&direct, "open.a", "x");
	fake_credit(&leaf, 1, 1, 1000);
	fake_credit(&leaf, 2, 1, 1000);
	fake_expect_message(&leaf, "open.a", "x");
	fake_expect_message(&leaf, "open.a", "x");
	/* Now what comes by the leaf is the leaf's to give... */
	for (unsigned i = 0; i < 4; i++)
		publish_as(&leaf, 1, "open.a", "y");
	fake_expect_silence(&leaf);
	fake_expect_silence(&direct);
	/* ...what others say is not... */
	for (unsigned i = 0; i < 3; i++)
		publish_as(&other_leaf, 1, "open.a", "z");
	fake_expect_message(&direct, "open.a", "z");
	fake_credit(&leaf, 1, 1, 1000);
	fake_credit(&leaf, 2, 1, 1000);
	fake_expect_message(&leaf, "open.a", "z");
	fake_expect_message(&leaf, "open.a", "z");
	/* ...and it is as long as one of them is there. */
	unsubscribe(&leaf, 1, STATUS_OK);
	publish_as(&leaf, 1, "open.a", "y");
	fake_expect_silence(&direct);
	fake_forget(&leaf, 2);
	publish_as(&leaf, 1, "open.a", "v");
	fake_expect_message(&direct, "open.a", "v");
}

static void a_crossing_counts_as_one_that_took_it(void **state)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | FRAME_ACK_ROUTED,
			       .correlation = 5 };
	struct ack ack;

	cross_with(&leaf, 1, 1, 9, "open.>", STATUS_OK);
	cross_with(&leaf, 2, 2, 9, "open.>", STATUS_OK);
	fake_subscribe(&direct, 1, "open.>", 10, STATUS_OK);
	fake_send(&direct, &frame, "open.a", "x", 1);
	fake_expect(&direct, FRAME_MESSAGE, &got);
	fake_expect(&direct, FRAME_ACK, &got);
	assert_int_equal(ack_decode(got.body, &ack), 0);
	assert_int_equal(ack.n_took, 2);
	leaf.speaks_for = 1;
	fake_send(&leaf,
		  &(struct frame){ .kind = FRAME_MESSAGE,
				   .flags = frame.flags,
				   .correlation = 6 },
		  "open.a", "x", 1);
	fake_expect(&leaf, FRAME_MESSAGE, &got);
	fake_expect(&leaf, FRAME_ACK, &got);
	assert_int_equal(ack_decode(got.body, &ack), 0);
	assert_int_equal(ack.n_took, 1);
}

/* To a leaf nothing goes with more than three hops: it is told by a GAP. */
static void a_fourth_hop_is_one_too_many(void **state)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE,
			       .source = 1,
			       .hops = 2 };

	cross_with(&other_leaf, 1, 1, 9, "open.>", STATUS_OK);
	fake_subscribe(&direct, 1, "open.>", 10, STATUS_OK);
	fake_send(&leaf, &frame, "open.a", "x", 1);
	fake_expect(&other_leaf, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.hops, 3);
	fake_expect_message(&direct, "open.a", "x");
	frame.hops = 3;
	fake_send(&leaf, &frame, "open.a", "y", 1);
	fake_expect(&other_leaf, FRAME_GAP, &got);
	assert_int_equal(le32_load(got.body), 9);
	assert_int_equal(le64_load(got.body + 8), 1);
	fake_expect_message(&direct, "open.a", "y");
	/* In a group others take it, while there are others. */
	unsubscribe(&other_leaf, 1, STATUS_OK);
	join_group(&other_leaf, 1, 1, 0, STATUS_OK);
	fake_credit(&other_leaf, 1, 10, 10000);
	join_group(&direct, 0, 2, 10, STATUS_OK);
	for (unsigned i = 0; i < 2; i++) {
		fake_send(&leaf, &frame, "open.a", "z", 1);
		fake_expect_message(&direct, "open.a", "z");
		fake_expect_message(&direct, "open.a", "z");
	}
	fake_expect_silence(&other_leaf);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(equal_subscriptions_share_one_delivery),
		TEST(the_crossing_has_credit_and_a_queue_of_its_own),
		TEST(each_that_names_it_is_charged),
		TEST(what_no_crossing_may_be_is_refused),
		TEST(policy_ends_them_one_by_one),
		TEST(nothing_goes_back_through_a_crossing),
		TEST(logs_and_observers_are_told_of_what_came_by_their_leaf),
		TEST(a_leaf_chooses_once_its_member_has_had_credit),
		TEST(a_crossing_counts_as_one_that_took_it),
		TEST(a_fourth_hop_is_one_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
