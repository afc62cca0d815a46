/* SPDX-License-Identifier: MIT */

/* What the switch tells of those whom a leaf announced. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "switch/report.h"
#include "tests/unit/switch/fake_peer.h"

enum { PAGE = 2 };

static const char policy[] = "allow vm:leaf* uplink leaf\nallow ** any >\n";

static struct world world;
static struct fake_peer leaf;
static struct fake_peer direct;

static int setup(void **state)
{
	world_init(&world, policy);
	fake_join(&world, "leaf", &leaf);
	fake_announce(&leaf, 1, "uid:1");
	fake_join(&world, "direct", &direct);
	return 0;
}

static int teardown(void **state)
{
	fake_leave(&leaf);
	fake_leave(&direct);
	world_deinit(&world);
	return 0;
}

static void cross(uint32_t id, const char *pattern)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_crossing = 1;
	subscribe.id = id;
	subscribe.crossing = 9;
	leaf.speaks_for = 1;
	fake_subscribe_with(&leaf, &subscribe, pattern, STATUS_OK);
}

/* Two on a page; the announced one came between the two channels. */
static void announced_principals_are_listed_with_their_leaf(void **state)
{
	static struct report_peer entries[PAGE];
	struct report_page page = { .limit = PAGE };
	const Helio__Switch__V1__Peer *announced = &entries[1].peer;

	cross(1, "a");
	cross(2, "a");
	fake_publish(&leaf, "b", "x");
	assert_int_equal(report_peers(&world.bus, &page, entries), 2);
	assert_true(page.has_more);
	assert_string_equal(entries[0].peer.principal, "vm:leaf");
	assert_false(entries[0].peer.has_leaf);
	assert_int_equal(entries[0].peer.subscriptions, 1); /* the crossing */
	assert_int_equal(entries[0].peer.received_messages, 0);
	assert_string_equal(announced->principal, "vm:leaf/uid:1");
	assert_string_equal(announced->transport, "leaf");
	assert_int_equal(announced->leaf, entries[0].peer.id);
	assert_int_equal(announced->incarnation, 7);
	assert_int_equal(announced->subscriptions, 2);
	assert_int_equal(announced->received_messages, 1);

	page.has_more = false;
	assert_int_equal(report_peers(&world.bus, &page, entries), 1);
	assert_false(page.has_more);
	assert_string_equal(entries[0].peer.principal, "vm:direct");

	page = (struct report_page){ .limit = PAGE, .principal = "vm:leaf" };
	assert_int_equal(report_peers(&world.bus, &page, entries), 2);
	assert_false(page.has_more);
}

static void those_that_name_a_crossing_are_listed_beside_it(void **state)
{
	static struct report_subscription entries[PAGE];
	struct report_page page = { .limit = PAGE };
	const Helio__Switch__V1__Subscription *member;

	cross(1, "a");
	assert_int_equal(report_subscriptions(&world.bus, &page, entries), 2);
	member = &entries[0].subscription;
	assert_string_equal(member->principal, "vm:leaf/uid:1");
	assert_string_equal(member->pattern, "a");
	assert_int_equal(member->crossing, 9);
	assert_string_equal(entries[1].subscription.principal, "vm:leaf");
	assert_int_equal(entries[1].subscription.id, 9);
	assert_false(entries[1].subscription.has_crossing);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(announced_principals_are_listed_with_their_leaf),
		TEST(those_that_name_a_crossing_are_listed_beside_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
