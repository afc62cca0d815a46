/* SPDX-License-Identifier: MIT */

/* Whom a leaf announces, and in whose name it speaks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "helio/switch/v1/events.pb-c.h"
#include "switch/leaf.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/quota_rules.h"
#include "tests/unit/switch/fake_peer.h"

#define MOST                                          \
	"allow ** any,group,capture,observe open.>\n" \
	"allow ** subscribe $sys.>\n"                 \
	"allow vm:leaf any vm.leaf.>\n"               \
	"allow vm:leaf/uid:1 any vm.{self}.>\n"       \
	"allow vm:leaf/uid:2 any vm.leaf.>\n"         \
	"allow vm:leaf/uid:2 any vm.other.>\n"        \
	"allow vm:other/** any vm.other.>\n"

static const char with_uplink[] = MOST "allow vm:leaf* uplink leaf\n";
static const char without_uplink[] = MOST;

static struct world world;
static struct fake_peer leaf;
static struct fake_peer other;
static struct got got;

static int setup(void **state)
{
	world_init(&world, with_uplink);
	fake_join(&world, "leaf", &leaf);
	fake_join(&world, "other", &other);
	return 0;
}

static int teardown(void **state)
{
	fake_leave(&leaf);
	fake_leave(&other);
	world_deinit(&world);
	return 0;
}

/* A frame in the name of `handle`; 0: of the leaf itself. */
static void publish_as(uint32_t handle, const char *subject, const char *text)
{
	leaf.speaks_for = handle;
	fake_publish(&leaf, subject, text);
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

static void each_speaks_under_its_own_path(void **state)
{
	fake_subscribe(&other, 1, "open.>", 100, STATUS_OK);
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, LEAF_HANDLE_MAX, "vm:inner/key:k");
	publish_as(1, "open.a", "one");
	publish_as(LEAF_HANDLE_MAX, "open.a", "two");
	publish_as(0, "open.a", "three");
	publish_as(1, "open.a", "four");
	fake_expect_message_of(&other, "vm:leaf/uid:1", "open.a", "one");
	fake_expect_message_of(&other, "vm:leaf/vm:inner/key:k", "open.a",
			       "two");
	fake_expect_message_of(&other, "vm:leaf", "open.a", "three");
	fake_expect_message_of(&other, "vm:leaf/uid:1", "open.a", "four");
}

/* PEER, a message of it, FORGET, the same handle for another, in one write. */
static void a_handle_means_another_from_one_frame_to_the_next(void **state)
{
	static const char *const names[] = { "uid:1", "uid:3" };
	static uint8_t bytes[2048];
	size_t n = 0;

	fake_subscribe(&other, 1, "vm.leaf.>", 100, STATUS_PERMISSION_DENIED);
	fake_subscribe(&other, 1, "open.>", 100, STATUS_OK);
	for (unsigned i = 0; i < 2; i++) {
		struct frame frame = { .kind = FRAME_PEER };
		struct frame message = { .kind = FRAME_MESSAGE,
					 .flags = FRAME_WHOLE,
					 .source = 5,
					 .n_subject = 6 };
		struct frame forget = { .kind = FRAME_FORGET };
		uint8_t body[64] = { 0x08, 5, 0x12, 5 };

		memcpy(body + 4, names[i], 5);
		memcpy(body + 9, "\x1a\x03y:z\x21\x01\0\0\0\0\0\0\0", 14);
		frame_set_body(&frame, 23);
		n += frame_encode(&frame, bytes + n);
		memcpy(bytes + n, body, 23);
		n += 23;
		frame_set_body(&message, 1);
		n += frame_encode(&message, bytes + n);
		memcpy(bytes + n, "open.ax", 7);
		n += 7;
		frame_set_body(&forget, 2);
		n += frame_encode(&forget, bytes + n);
		memcpy(bytes + n, body, 2);
		n += 2;
	}
	fake_send_bytes(&leaf, bytes, n);
	fake_expect_message_of(&other, "vm:leaf/uid:1", "open.a", "x");
	fake_expect_message_of(&other, "vm:leaf/uid:3", "open.a", "x");
	fake_expect_silence(&leaf);
}

/* What one may, and its cached answer, is not what the others may. */
static void policy_judges_each_by_its_path_and_those_above(void **state)
{
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, 2, "uid:2");
	fake_announce(&leaf, 3, "uid:3");
	for (unsigned i = 0; i < 2; i++) {
		publish_as(1, "vm.leaf.a", "");
		publish_as(0, "vm.leaf.a", "");
		fake_expect_silence(&leaf);
		publish_as(3, "vm.leaf.a", "");
		fake_expect(&leaf, FRAME_REFUSED, &got);
		assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
		assert_string_equal((char *)got.body,
				    "vm:leaf/uid:3 may not publish vm.leaf.a: "
				    "denied: no line allows it");
		/* It has a line of its own, but its leaf has none. */
		publish_as(2, "vm.other.a", "");
		fake_expect(&leaf, FRAME_REFUSED, &got);
		assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
	}
	leaf.speaks_for = 3;
	fake_subscribe(&leaf, 1, "vm.leaf.>", 1, STATUS_PERMISSION_DENIED);
	fake_call(&leaf, 1, 0, "vm.leaf.f");
	fake_expect_status(&leaf, 1, STATUS_PERMISSION_DENIED, false);
	leaf.speaks_for = 1;
	fake_subscribe(&leaf, 1, "vm.leaf.>", 1, STATUS_OK);
	fake_serve(&leaf, 2, "vm.leaf.f", 1);
}

static struct account *account_of(const char *owner)
{
	struct account *account;

	assert_int_equal(
		account_get(&world.bus.accounts, owner, owner, &account), 0);
	account_unref(account);
	return account;
}

static void quotas_are_charged_to_it_and_to_those_above(void **state)
{
	const struct account *one;
	const struct account *inner;
	const struct account *above;

	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, 2, "vm:b/uid:2");
	one = account_of("vm:leaf/uid:1");
	inner = account_of("vm:leaf/vm:b");
	above = account_of("vm:leaf");
	assert_int_equal(above->used[RESOURCE_PRINCIPALS], 2);
	leaf.speaks_for = 1;
	fake_subscribe(&leaf, 1, "open.a", 1, STATUS_OK);
	leaf.speaks_for = 2;
	fake_subscribe(&leaf, 2, "open.a", 1, STATUS_OK);
	leaf.speaks_for = 0;
	fake_subscribe(&leaf, 3, "open.a", 1, STATUS_OK);
	assert_int_equal(one->used[RESOURCE_SUBSCRIPTIONS], 1);
	assert_int_equal(inner->used[RESOURCE_SUBSCRIPTIONS], 1);
	assert_int_equal(above->used[RESOURCE_SUBSCRIPTIONS], 3);
	fake_forget(&leaf, 2);
	assert_int_equal(inner->used[RESOURCE_SUBSCRIPTIONS], 0);
	assert_int_equal(above->used[RESOURCE_SUBSCRIPTIONS], 2);
	assert_int_equal(above->used[RESOURCE_PRINCIPALS], 1);
}

static void a_child_is_full_when_its_parent_is(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct frame frame = { .kind = FRAME_SUBSCRIBE };
	uint8_t body[16];

	fake_announce(&leaf, 1, "uid:1");
	account_of("vm:leaf")->limits.of[RESOURCE_SUBSCRIPTIONS] = 1;
	leaf.speaks_for = 0;
	fake_subscribe(&leaf, 1, "open.a", 1, STATUS_OK);
	leaf.speaks_for = 1;
	subscribe.has_id = 1;
	subscribe.id = 2;
	fake_send(&leaf, &frame, "open.b", body,
		  helio__bus__v1__subscribe__pack(&subscribe, body));
	fake_expect(&leaf, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	assert_string_equal((char *)got.body, "quota of subscriptions of "
					      "vm:leaf is full: 1 of 1");
}

static void expect_event(const char *subject, const char *principal,
			 uint64_t incarnation)
{
	Helio__Switch__V1__PeerEvent *event;

	fake_expect(&other, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, subject);
	event = helio__switch__v1__peer_event__unpack(NULL, got.n_body,
						      got.body);
	assert_non_null(event);
	assert_string_equal(event->principal, principal);
	if (incarnation)
		assert_int_equal(event->incarnation, incarnation);
	helio__switch__v1__peer_event__free_unpacked(event, NULL);
}

static void comings_and_goings_are_told(void **state)
{
	fake_subscribe(&other, 1, "$sys.peer.*", 100, STATUS_OK);
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, 2, "uid:2");
	expect_event("$sys.peer.up", "vm:leaf/uid:1", 7);
	expect_event("$sys.peer.up", "vm:leaf/uid:2", 7);
	fake_forget(&leaf, 1);
	expect_event("$sys.peer.down", "vm:leaf/uid:1", 7);
	fake_leave(&leaf);
	expect_event("$sys.peer.down", "vm:leaf/uid:2", 7);
	expect_event("$sys.peer.down", "vm:leaf", 0);
	fake_expect_silence(&other);
	fake_join(&world, "leaf", &leaf);
}

static void expect_down(const char *principal, uint32_t channels_left)
{
	Helio__Switch__V1__PeerEvent *event;

	fake_expect(&other, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, "$sys.peer.down");
	event = helio__switch__v1__peer_event__unpack(NULL, got.n_body,
						      got.body);
	assert_non_null(event);
	assert_string_equal(event->principal, principal);
	assert_string_equal(event->durable_id, principal);
	assert_int_equal(event->channels_left, channels_left);
	helio__switch__v1__peer_event__free_unpacked(event, NULL);
}

/* A leaf may say that the incarnation of another is that of its own. */
static void only_channels_of_the_same_durable_id_are_left(void **state)
{
	fake_subscribe(&other, 1, "$sys.peer.down", 100, STATUS_OK);
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, 2, "uid:2");
	fake_announce(&leaf, 3, "uid:1");
	fake_forget(&leaf, 2);
	expect_down("vm:leaf/uid:2", 0);
	fake_forget(&leaf, 1);
	expect_down("vm:leaf/uid:1", 1);
	fake_forget(&leaf, 3);
	expect_down("vm:leaf/uid:1", 0);
}

/* Its subscriptions, registrations, calls and what it has begun. */
static void what_is_forgotten_takes_all_of_its_own_with_it(void **state)
{
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&leaf, 2, "uid:2");
	fake_subscribe(&other, 1, "open.m", 100, STATUS_OK);
	fake_serve(&other, 2, "open.slow", 10);
	leaf.speaks_for = 1;
	fake_subscribe(&leaf, 1, "open.a", 10, STATUS_OK);
	fake_serve(&leaf, 2, "open.f", 10);
	fake_call(&leaf, 8, 0, "open.slow");
	fake_fragment(&leaf, FRAME_MESSAGE, FRAME_FIRST, 9, "open.m", 100, 10);
	leaf.speaks_for = 2;
	fake_subscribe(&leaf, 3, "open.b", 10, STATUS_OK);
	fake_call(&other, 1, 0, "open.f");
	fake_expect(&leaf, FRAME_CALL, &got);
	fake_expect(&other, FRAME_CALL, &got);
	fake_expect(&other, FRAME_MESSAGE, &got);

	fake_forget(&leaf, 1);
	fake_expect(&other, FRAME_CANCEL, &got);
	fake_expect_status(&other, 1, STATUS_UNAVAILABLE, true);
	fake_expect(&other, FRAME_ABORT, &got);
	fake_publish(&other, "open.a", "x");
	fake_call(&other, 2, 0, "open.f");
	fake_expect_status(&other, 2, STATUS_UNAVAILABLE, false);
	fake_publish(&other, "open.b", "y");
	fake_expect(&leaf, FRAME_CANCEL, &got);
	fake_expect_message(&leaf, "open.b", "y");
	fake_expect_silence(&leaf);
}

static void a_loss_of_the_right_ends_the_leaf(void **state)
{
	fake_announce(&leaf, 1, "uid:1");
	set_policy(with_uplink);
	fake_expect_silence(&leaf);
	set_policy(without_uplink);
	fake_expect_end(&leaf, "the leaf has lost the right uplink");
	assert_int_equal(account_of("vm:leaf")->used[RESOURCE_PRINCIPALS], 0);
}

static void who_may_not_is_no_leaf(void **state)
{
	fake_announce(&other, 1, "uid:1");
	fake_expect_end(&other,
			"a peer without the right uplink announces others");
}

static void the_quota_of_principals_is_told_and_holds(void **state)
{
	struct fake_peer late;

	account_of("vm:leaf")->limits.of[RESOURCE_PRINCIPALS] = 2;
	fake_connect(&world, "leaf", 4096, &late);
	fake_send(&late, &(struct frame){ .kind = FRAME_HELLO }, "",
		  "\x08\x01\x10\x01", 4);
	fake_expect(&late, FRAME_WELCOME, &got);
	assert_non_null(memmem(got.body, got.n_body, "\x60\x02", 2));
	fake_announce(&leaf, 1, "uid:1");
	fake_announce(&late, 1, "uid:1");
	fake_expect_silence(&leaf);
	fake_announce(&leaf, 2, "uid:2");
	fake_expect_end(&leaf,
			"a leaf announces more principals than its quota");
	fake_leave(&late);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_speaks_under_its_own_path),
		TEST(a_handle_means_another_from_one_frame_to_the_next),
		TEST(policy_judges_each_by_its_path_and_those_above),
		TEST(quotas_are_charged_to_it_and_to_those_above),
		TEST(a_child_is_full_when_its_parent_is),
		TEST(comings_and_goings_are_told),
		TEST(only_channels_of_the_same_durable_id_are_left),
		TEST(what_is_forgotten_takes_all_of_its_own_with_it),
		TEST(a_loss_of_the_right_ends_the_leaf),
		TEST(who_may_not_is_no_leaf),
		TEST(the_quota_of_principals_is_told_and_holds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
