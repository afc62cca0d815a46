/* SPDX-License-Identifier: MIT */

/* One who floods a subscriber that stands still, and one who says little. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "tests/unit/switch/fake_peer.h"

static struct world world;
static struct got got;
static struct fake_peer flooder;
static struct fake_peer witness;
static struct fake_peer b; /* subscribes, and grants nothing */

static int set_up(void **state)
{
	world_init(&world, NULL);
	fake_join(&world, "flooder", &flooder);
	fake_join(&world, "witness", &witness);
	fake_join(&world, "b", &b);
	return 0;
}

static int tear_down(void **state)
{
	fake_leave(&flooder);
	fake_leave(&witness);
	fake_leave(&b);
	world_deinit(&world);
	return 0;
}

/* To `x`; 0: the default. */
static void subscribe(uint32_t id, Helio__Bus__V1__Overflow overflow,
		      uint32_t n_messages, uint64_t n_bytes)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;

	options.has_id = options.has_overflow = 1;
	options.has_queue_messages = options.has_queue_bytes = 1;
	options.id = id;
	options.overflow = overflow;
	options.queue_messages = n_messages;
	options.queue_bytes = n_bytes;
	fake_subscribe_with(&b, &options, "x", STATUS_OK);
}

/* "f0", "f1", ... */
static void flood(struct fake_peer *peer, unsigned from, unsigned to)
{
	char text[8];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "f%u", i);
		fake_publish(peer, "x", text);
	}
}

static void expect_flood(unsigned from, unsigned to)
{
	char text[8];

	for (unsigned i = from; i < to; i++) {
		snprintf(text, sizeof(text), "f%u", i);
		fake_expect_message(&b, "x", text);
	}
}

static void expect_gap(uint64_t n_lost)
{
	fake_expect(&b, FRAME_GAP, &got);
	assert_int_equal(le64_load(got.body + 8), n_lost);
}

static void publish_bytes(struct fake_peer *peer, size_t n)
{
	static const uint8_t body[4096];
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	fake_send(peer, &frame, "x", body, n);
}

static void the_new_of_a_flood_is_dropped(void **state)
{
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DROP_NEW, 8, 0);
	flood(&flooder, 0, 20);
	fake_publish(&witness, "x", "w0");
	flood(&flooder, 20, 25);
	fake_publish(&witness, "x", "w1");
	fake_credit(&b, 1, 100, 10000);
	expect_flood(0, 4);
	expect_gap(16);
	fake_expect_message(&b, "x", "w0");
	expect_gap(5);
	fake_expect_message(&b, "x", "w1");
	fake_expect_silence(&b);
}

/* From behind what the witness said before, and the gap stays there. */
static void the_old_of_a_flood_is_dropped(void **state)
{
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DROP_OLD, 8, 0);
	fake_publish(&witness, "x", "w0");
	flood(&flooder, 0, 10);
	fake_publish(&witness, "x", "w1");
	flood(&flooder, 10, 20);
	fake_credit(&b, 1, 100, 10000);
	fake_expect_message(&b, "x", "w0");
	expect_gap(10);
	fake_expect_message(&b, "x", "w1");
	expect_gap(7);
	expect_flood(17, 20);
	fake_expect_silence(&b);
	assert_int_equal(world.bus.stats.n_dropped, 17);
}

/* Nothing is ever lost to it: so one sender may have all of the queue. */
static void who_would_rather_end_has_one_queue_for_all(void **state)
{
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DISCONNECT, 8, 0);
	flood(&flooder, 0, 7);
	fake_publish(&witness, "x", "w0");
	fake_expect_silence(&b);
	fake_publish(&witness, "x", "w1");
	fake_expect_end(&b, "a subscription's queue is full");
}

/* The news is the switch's, but counts as theirs whom it is about. */
static void who_comes_and_goes_keeps_no_news_of_others_away(void **state)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct fake_peer restless;
	struct fake_peer other;

	options.has_id = options.has_queue_messages = 1;
	options.id = 1;
	options.queue_messages = 8;
	fake_subscribe_with(&b, &options, "$sys.peer.*", STATUS_OK);
	for (unsigned i = 0; i < 10; i++) {
		fake_join(&world, "restless", &restless);
		fake_leave(&restless);
	}
	fake_join(&world, "other", &other);
	fake_credit(&b, 1, 100, 10000);
	for (unsigned i = 0; i < 4; i++)
		fake_expect(&b, FRAME_MESSAGE, &got);
	expect_gap(16);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, "$sys.peer.up");
	fake_leave(&other);
}

/* Who has nothing there yet displaces who has more, but nobody else. */
static void the_newest_displaces_who_has_more(void **state)
{
	struct fake_peer third;

	fake_join(&world, "third", &third);
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DROP_OLD, 3, 0);
	flood(&flooder, 0, 2);
	fake_publish(&witness, "x", "w0");
	fake_publish(&third, "x", "t0");
	fake_credit(&b, 1, 100, 10000);
	expect_gap(1);
	expect_flood(1, 2);
	fake_expect_message(&b, "x", "w0");
	fake_expect_message(&b, "x", "t0");
	fake_leave(&third);
}

static void many_channels_have_one_share(void **state)
{
	struct fake_peer again;

	fake_join(&world, "flooder", &again);
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DROP_NEW, 8, 0);
	flood(&flooder, 0, 3);
	flood(&again, 3, 20);
	fake_credit(&b, 1, 100, 10000);
	expect_flood(0, 4);
	expect_gap(16);
	fake_expect_silence(&b);
	fake_leave(&again);
}

static uint64_t queued_messages(const char *owner)
{
	struct account *account;
	uint64_t n;

	assert_int_equal(
		account_get(&world.bus.accounts, owner, owner, &account), 0);
	n = account->used[RESOURCE_QUEUED_MESSAGES];
	account_unref(account);
	return n;
}

/* Who has many queues does not lose all that it may have waiting. */
static void many_queues_have_one_share_of_the_quota(void **state)
{
	struct account *account;

	assert_int_equal(
		account_get(&world.bus.accounts, "vm:b", "vm:b", &account), 0);
	account->limits.of[RESOURCE_QUEUED_MESSAGES] = 8;
	for (uint32_t id = 1; id <= 6; id++)
		subscribe(id, HELIO__BUS__V1__OVERFLOW__DROP_NEW, 100, 0);
	flood(&flooder, 0, 9);
	assert_int_equal(queued_messages("vm:b"), 4);
	fake_publish(&witness, "x", "w0");
	assert_int_equal(queued_messages("vm:b"), 6);
	account_unref(account);
}

static void bytes_have_shares_too(void **state)
{
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DROP_NEW, 0, 4096);
	for (unsigned i = 0; i < 4; i++)
		publish_bytes(&flooder, 900);
	publish_bytes(&witness, 900);
	fake_credit(&b, 1, 100, 10000);
	fake_expect(&b, FRAME_MESSAGE, &got);
	fake_expect(&b, FRAME_MESSAGE, &got);
	expect_gap(2);
	fake_expect(&b, FRAME_MESSAGE, &got);
	fake_expect_silence(&b);
}

/* What is reserved for them counts from the first on. */
static void fragments_have_shares_too(void **state)
{
	subscribe(1, HELIO__BUS__V1__OVERFLOW__DROP_NEW, 0, 10000);
	fake_fragment(&flooder, FRAME_MESSAGE, FRAME_FIRST, 1, "x", 5001, 10);
	fake_fragment(&flooder, FRAME_MESSAGE, FRAME_FIRST, 2, "x", 4000, 10);
	fake_fragment(&flooder, FRAME_MESSAGE, FRAME_FIRST, 3, "x", 2000, 10);
	fake_fragment(&witness, FRAME_MESSAGE, FRAME_FIRST, 4, "x", 2000, 10);
	fake_credit(&b, 1, 100, 10000);
	expect_gap(1);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.total_bytes, 4000);
	expect_gap(1);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.total_bytes, 2000);
	fake_expect_silence(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_new_of_a_flood_is_dropped),
		TEST(the_old_of_a_flood_is_dropped),
		TEST(who_comes_and_goes_keeps_no_news_of_others_away),
		TEST(who_would_rather_end_has_one_queue_for_all),
		TEST(the_newest_displaces_who_has_more),
		TEST(many_channels_have_one_share),
		TEST(many_queues_have_one_share_of_the_quota),
		TEST(bytes_have_shares_too),
		TEST(fragments_have_shares_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
