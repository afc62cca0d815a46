/* SPDX-License-Identifier: MIT */

/* Calls with streams: what passes, under which ids, and who grants what. */

#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "tests/unit/switch/fake_stream.h"
#include "tests/unit/switch/stage.h"

/* a calls, b serves. */

enum { MINE = 5 };

static uint64_t open_to_b(uint8_t flags)
{
	fake_serve(&b, 1, "svc", 10);
	fake_open(&a, MINE, flags, "svc");
	return fake_expect_open(&b, flags);
}

static void the_replies_may_be_a_stream(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM);

	fake_say(&b, id, "one");
	fake_say(&b, id, "");
	fake_say(&b, id, "three");
	fake_answer(&b, id);
	fake_expect_said(&a, MINE, "one");
	fake_expect_said(&a, MINE, "");
	fake_expect_said(&a, MINE, "three");
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, MINE);
	assert_int_equal(world.bus.slots.n_slots, 0);
}

static void the_requests_may_be_a_stream(void **state)
{
	uint64_t id = open_to_b(FRAME_MORE);

	fake_grant(&b, id, 1000);
	fake_expect_granted(&a, MINE, 1000);
	fake_say(&a, MINE, "one");
	fake_say(&a, MINE, "two");
	fake_end(&a, MINE);
	fake_expect_said(&b, id, "one");
	fake_expect_said(&b, id, "two");
	fake_expect_of(&b, FRAME_END, id);
	fake_answer(&b, id);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_string_equal((char *)got.body, "answer");
}

static void both_may_be(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH);

	fake_grant(&b, id, 1000);
	fake_expect_granted(&a, MINE, 1000);
	fake_say(&b, id, "hello");
	fake_say(&a, MINE, "one");
	fake_expect_said(&b, id, "one");
	fake_say(&b, id, "two");
	fake_end(&a, MINE);
	fake_expect_of(&b, FRAME_END, id);
	fake_say(&b, id, "three");
	fake_answer(&b, id);
	fake_expect_said(&a, MINE, "hello");
	fake_expect_said(&a, MINE, "two");
	fake_expect_said(&a, MINE, "three");
	fake_expect(&a, FRAME_REPLY, &got);
}

/* What its header says of slots and callees is the switch's alone. */
static void a_message_may_come_in_fragments(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM);
	struct frame first = { .kind = FRAME_NEXT,
			       .flags = FRAME_FIRST | FRAME_EXTENDED,
			       .correlation = id,
			       .total_bytes = 30,
			       .slot = 7,
			       .callee = 8 };

	fake_send(&b, &first, "", "0123456789", 10);
	fake_expect(&a, FRAME_NEXT, &got);
	assert_int_equal(got.frame.total_bytes, 30);
	assert_int_equal(got.frame.slot, 0);
	assert_int_equal(got.frame.callee, 0);
	assert_int_equal(got.n_body, 10);
	fake_fragment(&b, FRAME_NEXT, 0, id, "", 0, 15);
	fake_expect(&a, FRAME_NEXT, &got);
	assert_int_equal(got.frame.flags, 0);
	fake_fragment(&b, FRAME_NEXT, FRAME_LAST, id, "", 0, 5);
	fake_expect(&a, FRAME_NEXT, &got);
	assert_int_equal(got.frame.flags, FRAME_LAST);
	fake_say(&b, id, "more");
	fake_expect_said(&a, MINE, "more");
}

/* 64 KiB, headers included, or what the caller says. */
static void the_replies_begin_with_the_room(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM);
	struct frame narrow = { .flags = FRAME_STREAM | FRAME_EXTENDED,
				.correlation = MINE + 1,
				.room_kib = 1 };

	fake_say_bytes(&b, id, 64 * 1024 - 2 * FRAME_HEADER_BYTES);
	fake_say(&b, id, "");
	for (unsigned i = 0; i < 2; i++)
		fake_expect(&a, FRAME_NEXT, &got);

	fake_open_with(&a, &narrow, "svc");
	id = fake_expect_open(&b, FRAME_STREAM);
	fake_say_bytes(&b, id, 1024 - FRAME_HEADER_BYTES);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_grant(&a, MINE + 1, 33);
	fake_expect_granted(&b, id, 33);
	fake_say(&b, id, "x");
	fake_expect_said(&a, MINE + 1, "x");
}

/* However often, it is told once a turn; and what is nobody's is skipped. */
static void what_is_granted_is_added_up(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH);
	struct frame frame = { .kind = FRAME_WINDOW };
	uint8_t body[4 * FAKE_WINDOW_BYTES];

	for (unsigned i = 0; i < 4; i++) {
		le64_store(body + 16 * i, i == 2 ? id + 1 : id);
		le64_store(body + 16 * i + 8, 100 + i);
	}
	fake_send(&b, &frame, "", body, sizeof(body));
	fake_expect_granted(&a, MINE, 304);
	fake_grant(&b, id, UINT64_MAX);
	fake_expect_granted(&a, MINE, UINT64_MAX);
	fake_grant(&b, id, UINT64_MAX);
	fake_expect_granted(&a, MINE, UINT64_MAX);
	fake_say(&a, MINE, "x");
	fake_expect_said(&b, id, "x");
}

static void nothing_granted_only_says_that_one_is_there(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM);

	world.now_ns += 50 * NS_PER_S;
	fake_grant(&a, MINE, 0);
	fake_expect_silence(&b);
	world.now_ns += 50 * NS_PER_S;
	/* A way that has no stream takes no credit. */
	fake_grant(&b, id, 100);
	fake_expect_silence(&a);
	world.now_ns += 50 * NS_PER_S;
	fake_say(&b, id, "x");
	fake_expect_said(&a, MINE, "x");
}

static void a_stream_on_which_nothing_is_said_ends(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH);

	world.now_ns += 40 * NS_PER_S;
	fake_grant(&b, id, 1000);
	fake_expect_granted(&a, MINE, 1000);
	world.now_ns += 40 * NS_PER_S;
	fake_end(&a, MINE);
	fake_expect_of(&b, FRAME_END, id);
	world.now_ns += 59 * NS_PER_S;
	fake_expect_silence(&a);
	world.now_ns += 2 * NS_PER_S;
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_DEADLINE_EXCEEDED);
	assert_string_equal((char *)got.body,
			    "the stream was idle for 60000 ms");
	fake_expect_of(&b, FRAME_CANCEL, id);
}

/* Of the whole call; without one it is told so. */
static void a_stream_has_the_deadline_that_it_names(void **state)
{
	struct frame limited = { .flags = FRAME_STREAM,
				 .correlation = MINE + 1,
				 .time_left_ms = 2000 };
	uint64_t id = open_to_b(FRAME_STREAM);

	fake_open_with(&a, &limited, "svc");
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.time_left_ms, 2000);
	world.now_ns += 2010 * NS_PER_MS;
	fake_expect_status(&a, MINE + 1, STATUS_DEADLINE_EXCEEDED, true);
	fake_expect_of(&b, FRAME_CANCEL, got.frame.correlation);
	for (unsigned i = 0; i < 100; i++) {
		world.now_ns += 50 * NS_PER_S;
		fake_grant(&a, MINE, 0);
	}
	fake_say(&b, id, "x");
	fake_expect_said(&a, MINE, "x");
}

static void a_stream_waits_for_a_server(void **state)
{
	uint64_t id;

	fake_open(&a, MINE, FAKE_BOTH | FRAME_WAIT, "svc");
	fake_end(&a, MINE);
	fake_grant(&a, MINE, 77);
	fake_open(&a, MINE + 1, FRAME_STREAM | FRAME_WAIT, "svc");
	world.now_ns += 50 * NS_PER_S;
	fake_grant(&a, MINE, 0);
	world.now_ns += 50 * NS_PER_S;
	fake_expect_status(&a, MINE + 1, STATUS_DEADLINE_EXCEEDED, false);
	fake_serve(&b, 1, "svc", 10);
	fake_expect(&b, FRAME_CALL, &got);
	id = got.frame.correlation;
	assert_int_equal(got.frame.time_left_ms, 0);
	assert_int_equal(got.frame.flags & (FAKE_BOTH | FRAME_WAIT), FAKE_BOTH);
	fake_expect_of(&b, FRAME_END, id);
	fake_expect_granted(&b, id, 77);
	fake_say(&b, id, "x");
	fake_expect_said(&a, MINE, "x");
}

static void what_crossed_the_end_is_nobodys(void **state)
{
	struct frame cancel = { .kind = FRAME_CANCEL, .correlation = MINE };
	uint64_t id = open_to_b(FAKE_BOTH);

	fake_grant(&b, id, 1000);
	fake_expect_granted(&a, MINE, 1000);
	fake_send(&a, &cancel, "", NULL, 0);
	fake_expect_of(&b, FRAME_CANCEL, id);
	fake_say(&b, id, "late");
	fake_grant(&b, id, 1000);
	fake_answer(&b, id);
	fake_say(&a, MINE, "late");
	fake_end(&a, MINE);
	fake_grant(&a, MINE, 1000);
	fake_expect_silence(&a);
	fake_expect_silence(&b);
}

/* The reply has begun: the caller cannot know. */
static void what_crossed_a_long_reply_is_nobodys(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH);

	fake_grant(&b, id, 1000);
	fake_expect_granted(&a, MINE, 1000);
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 20, 10);
	fake_say(&a, MINE, "late");
	fake_end(&a, MINE);
	fake_grant(&a, MINE, 1000);
	fake_fragment(&b, FRAME_REPLY, FRAME_LAST, id, "", 0, 10);
	fake_expect_silence(&b);
	for (unsigned i = 0; i < 2; i++)
		fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(world.bus.slots.n_slots, 0);
}

/* What came of its last message is thrown away. */
static void a_server_may_fail_within_a_message(void **state)
{
	struct frame failed = { .kind = FRAME_REPLY,
				.flags = FRAME_WHOLE | FRAME_EXTENDED,
				.status = STATUS_DATA_LOSS };
	uint64_t id = open_to_b(FRAME_STREAM);

	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id, "", 20, 10);
	fake_expect(&a, FRAME_NEXT, &got);
	failed.correlation = id;
	fake_send(&b, &failed, "", "lost", 4);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_DATA_LOSS);
	fake_expect_silence(&b);
}

static void the_death_of_either_side_ends_it(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM);

	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id, "", 20, 10);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_leave(&b);
	world_settle(&world);
	fake_expect_status(&a, MINE, STATUS_UNAVAILABLE, true);

	fake_join(&world, "b", &b);
	id = open_to_b(FAKE_BOTH);
	fake_leave(&a);
	world_settle(&world);
	fake_expect_of(&b, FRAME_CANCEL, id);
	fake_join(&world, "a", &a);
}

static void a_new_policy_ends_what_it_forbids(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM);

	stage_set_policy("allow vm:b serve svc\nallow vm:a call svc\n");
	fake_say(&b, id, "x");
	fake_expect_said(&a, MINE, "x");
	stage_set_policy("allow vm:b serve svc\n");
	fake_expect_status(&a, MINE, STATUS_PERMISSION_DENIED, true);
	fake_expect_of(&b, FRAME_CANCEL, id);
}

/* Its room is the stream's; a body that ends it has message_max. */
static void the_reply_may_be_longer_than_the_room(void **state)
{
	struct frame narrow = { .flags = FRAME_STREAM | FRAME_EXTENDED,
				.correlation = MINE,
				.room_kib = 1 };
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	static const uint8_t body[2000];

	fake_serve(&b, 1, "svc", 10);
	fake_open_with(&a, &narrow, "svc");
	reply.correlation = fake_expect_open(&b, FRAME_STREAM);
	fake_send(&b, &reply, "", body, sizeof(body));
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_OK);
}

/* Of a call whose requests alone are a stream it is the reply's, as ever. */
static void the_room_is_the_replys_if_no_stream_is(void **state)
{
	struct frame narrow = { .flags = FRAME_MORE | FRAME_EXTENDED,
				.correlation = MINE,
				.room_kib = 1 };
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	static const uint8_t body[2000];

	fake_serve(&b, 1, "svc", 10);
	fake_open_with(&a, &narrow, "svc");
	reply.correlation = fake_expect_open(&b, FRAME_MORE);
	fake_send(&b, &reply, "", body, sizeof(body));
	fake_expect_status(&a, MINE, STATUS_RESOURCE_EXHAUSTED, true);
	fake_expect_of(&b, FRAME_CANCEL, reply.correlation);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(the_replies_may_be_a_stream),
		TEST_OF_THREE(the_requests_may_be_a_stream),
		TEST_OF_THREE(both_may_be),
		TEST_OF_THREE(a_message_may_come_in_fragments),
		TEST_OF_THREE(the_replies_begin_with_the_room),
		TEST_OF_THREE(what_is_granted_is_added_up),
		TEST_OF_THREE(nothing_granted_only_says_that_one_is_there),
		TEST_OF_THREE(a_stream_on_which_nothing_is_said_ends),
		TEST_OF_THREE(a_stream_has_the_deadline_that_it_names),
		TEST_OF_THREE(a_stream_waits_for_a_server),
		TEST_OF_THREE(what_crossed_the_end_is_nobodys),
		TEST_OF_THREE(what_crossed_a_long_reply_is_nobodys),
		TEST_OF_THREE(a_server_may_fail_within_a_message),
		TEST_OF_THREE(the_death_of_either_side_ends_it),
		TEST_OF_THREE(a_new_policy_ends_what_it_forbids),
		TEST_OF_THREE(the_reply_may_be_longer_than_the_room),
		TEST_OF_THREE(the_room_is_the_replys_if_no_stream_is),
	};

	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
