/* SPDX-License-Identifier: MIT */

/* Streams through a leaf and its host, both ways. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "switch/policy.h"
#include "tests/unit/switch/fake_leaf.h"
#include "tests/unit/switch/fake_stream.h"

enum { MINE = 5 };

/* All of it, whichever of the two calls. */
static void talk(struct fake_peer *caller, struct fake_peer *callee)
{
	uint64_t id;

	fake_open(caller, MINE, FAKE_BOTH, "svc");
	id = fake_expect_open(callee, FAKE_BOTH);
	fake_grant(callee, id, 100);
	fake_expect_granted(caller, MINE, 100);
	fake_say(caller, MINE, "one");
	fake_expect_said(callee, id, "one");
	fake_say(callee, id, "two");
	fake_expect_said(caller, MINE, "two");
	fake_fragment(callee, FRAME_NEXT, FRAME_FIRST, id, "", 20, 10);
	fake_expect(caller, FRAME_NEXT, &got);
	assert_int_equal(got.frame.total_bytes, 20);
	fake_fragment(callee, FRAME_NEXT, FRAME_LAST, id, "", 0, 10);
	fake_expect(caller, FRAME_NEXT, &got);
	fake_grant(caller, MINE, 50);
	fake_expect_granted(callee, id, 50);
	fake_end(caller, MINE);
	fake_expect_of(callee, FRAME_END, id);
	fake_answer(callee, id);
	fake_expect(caller, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, MINE);
	assert_int_equal(host.bus.slots.n_slots, 0);
	assert_int_equal(leaf.bus.slots.n_slots, 0);
}

static void a_program_of_the_leaf_calls_one_of_the_host(void **state)
{
	fake_serve(&h, 1, "svc", 10);
	talk(&a, &h);
}

static void a_program_of_the_host_calls_one_of_the_leaf(void **state)
{
	fake_serve(&a, 1, "svc", 10);
	talk(&h, &a);
}

static void two_of_the_leaf_need_no_host(void **state)
{
	fake_serve(&b, 1, "svc", 10);
	talk(&a, &b);
	assert_int_equal(host.bus.stats.n_calls, 0);
}

/* As the host counts, so does the leaf: nobody but the liar is ended. */
static void who_lies_to_the_leaf_ends_alone(void **state)
{
	uint64_t id;

	fake_serve(&h, 1, "svc", 10);
	fake_open(&a, MINE, FRAME_MORE, "svc");
	id = fake_expect_open(&h, FRAME_MORE);
	fake_grant(&h, id, 40);
	fake_expect_granted(&a, MINE, 40);
	fake_say(&a, MINE, "too much of it");
	fake_expect_end(&a, "more of a stream than was granted");
	fake_expect_of(&h, FRAME_CANCEL, id);
	fake_expect_silence(&b);
	fake_leave(&a);
	fake_join(&leaf, "a", &a);
	talk(&b, &h);
}

/* Each switch has a limit; that somebody is there passes both. */
static void nothing_granted_passes_a_leaf(void **state)
{
	uint64_t id;

	fake_serve(&h, 1, "svc", 10);
	fake_serve(&b, 1, "other", 10);
	fake_open(&a, MINE, FRAME_STREAM, "svc");
	id = fake_expect_open(&h, FRAME_STREAM);
	fake_open(&h, MINE, FRAME_STREAM, "other");
	(void)fake_expect_open(&b, FRAME_STREAM);
	for (unsigned i = 0; i < 4; i++) {
		host.now_ns += 40 * NS_PER_S;
		leaf.now_ns += 40 * NS_PER_S;
		fake_grant(&a, MINE, 0);
		fake_grant(&h, MINE, 0);
	}
	fake_expect_silence(&h);
	fake_expect_silence(&b);
	fake_say(&h, id, "x");
	fake_expect_said(&a, MINE, "x");
	host.now_ns += 70 * NS_PER_S;
	leaf.now_ns += 70 * NS_PER_S;
	fake_expect_status(&a, MINE, STATUS_DEADLINE_EXCEEDED, true);
	fake_expect_of(&h, FRAME_CANCEL, id);
	fake_expect_status(&h, MINE, STATUS_DEADLINE_EXCEEDED, true);
}

static void a_stream_ends_with_the_uplink(void **state)
{
	uint64_t id;

	fake_serve(&h, 1, "svc", 10);
	fake_open(&a, MINE, FRAME_STREAM, "svc");
	id = fake_expect_open(&h, FRAME_STREAM);
	fake_leaf_lose();
	fake_expect_status(&a, MINE, STATUS_UNAVAILABLE, true);
	fake_expect_of(&h, FRAME_CANCEL, id);
	fake_leaf_connect();
	talk(&a, &h);
}

/* It waits here while the uplink is away, and then at the host. */
static void a_stream_that_waits_goes_up(void **state)
{
	uint64_t id;

	fake_leaf_lose();
	fake_open(&a, MINE, FAKE_BOTH | FRAME_WAIT, "svc");
	fake_end(&a, MINE);
	fake_leaf_connect();
	fake_grant(&a, MINE, 9);
	fake_serve(&h, 1, "svc", 10);
	id = fake_expect_open(&h, FAKE_BOTH);
	fake_expect_of(&h, FRAME_END, id);
	fake_expect_granted(&h, id, 9);
	fake_say(&h, id, "x");
	fake_expect_said(&a, MINE, "x");
}

/* With half of its reply on the other side already. */
static void a_server_that_dies_beyond_a_leaf_is_told_of(void **state)
{
	uint64_t id;

	fake_serve(&h, 1, "svc", 10);
	fake_call(&a, MINE, 0, "svc");
	id = fake_expect_open(&h, 0);
	fake_fragment(&h, FRAME_REPLY, FRAME_FIRST, id, "", 20, 10);
	fake_expect(&a, FRAME_REPLY, &got);
	fake_leave(&h);
	world_settle(&host);
	fake_expect_status(&a, MINE, STATUS_UNAVAILABLE, true);

	fake_join(&host, "h", &h);
	fake_serve(&b, 1, "other", 10);
	fake_call(&h, MINE, 0, "other");
	id = fake_expect_open(&b, 0);
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 20, 10);
	fake_expect(&h, FRAME_REPLY, &got);
	fake_leave(&b);
	world_settle(&host);
	fake_expect_status(&h, MINE, STATUS_UNAVAILABLE, true);
	fake_join(&leaf, "b", &b);
}

/* Of what the host hands down it is the judge. */
static void a_new_policy_of_the_leaf_judges_its_own(void **state)
{
	static const char text[] = "allow vm:web/** serve >\n";
	struct policy *policy;
	char error[256];
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_open(&a, MINE, FRAME_STREAM, "svc");
	id = fake_expect_open(&b, FRAME_STREAM);
	fake_open(&h, MINE, FRAME_STREAM, "svc");
	(void)fake_expect_open(&b, FRAME_STREAM);
	assert_int_equal(policy_parse("test", text, strlen(text), error,
				      sizeof(error), &policy),
			 0);
	bus_set_policy(&leaf.bus, policy);
	world_settle(&leaf);
	fake_expect_status(&a, MINE, STATUS_PERMISSION_DENIED, true);
	fake_expect_of(&b, FRAME_CANCEL, id);
	fake_expect_silence(&h);
}

int main(void)
{
#define TEST(name)                                              \
	cmocka_unit_test_setup_teardown(name, fake_leaf_set_up, \
					fake_leaf_tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_program_of_the_leaf_calls_one_of_the_host),
		TEST(a_program_of_the_host_calls_one_of_the_leaf),
		TEST(two_of_the_leaf_need_no_host),
		TEST(who_lies_to_the_leaf_ends_alone),
		TEST(nothing_granted_passes_a_leaf),
		TEST(a_stream_ends_with_the_uplink),
		TEST(a_stream_that_waits_goes_up),
		TEST(a_server_that_dies_beyond_a_leaf_is_told_of),
		TEST(a_new_policy_of_the_leaf_judges_its_own),
	};

	return cmocka_run_group_tests_name("stream_leaf", tests, NULL, NULL);
}
