/* SPDX-License-Identifier: MIT */

/* What a stream may make the switch hold, and whom it delays: nobody. */

#include <string.h>

#include "base/le.h"
#include "switch/peer.h"
#include "tests/fault.h"
#include "tests/unit/switch/fake_stream.h"
#include "tests/unit/switch/stage.h"

/* a calls, b serves. */

enum {
	MINE = 5,
	LONG_BYTES = 60000,
	N_CALLS = 1000,
	UNREAD_MAX_BYTES = 16 * 1024 * 1024,
};

static uint64_t open_to_b(uint8_t flags, uint32_t room_kib)
{
	struct frame frame = { .flags = flags | FRAME_EXTENDED,
			       .correlation = MINE,
			       .room_kib = room_kib };

	fake_serve(&b, 1, "svc", 10 + N_CALLS);
	fake_open_with(&a, &frame, "svc");
	return fake_expect_open(&b, flags);
}

/* Both are told, and what still comes of it is nobody's. */
static void expect_too_long(uint64_t id)
{
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_INVALID_ARGUMENT);
	assert_string_equal(
		(char *)got.body,
		"a message of the stream is longer than message_max");
	fake_expect_of(&b, FRAME_CANCEL, id);
	fake_expect_silence(&a);
	fake_expect_silence(&b);
}

static void a_message_has_message_max(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM, 4);

	world.bus.limits.message_max_bytes = 500;
	fake_say_bytes(&b, id, 500);
	fake_expect(&a, FRAME_NEXT, &got);
	fake_say_bytes(&b, id, 501);
	expect_too_long(id);
}

static void fragments_have_message_max_together(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH, 4);

	world.bus.limits.message_max_bytes = 500;
	fake_grant(&b, id, 1000);
	fake_expect_granted(&a, MINE, 1000);
	fake_fragment(&a, FRAME_NEXT, FRAME_FIRST, MINE, "", 501, 10);
	expect_too_long(id);
	fake_fragment(&a, FRAME_NEXT, FRAME_LAST, MINE, "", 0, 491);
	fake_expect_silence(&b);
}

/* What it said in HELLO. */
static void a_message_has_what_its_receiver_takes(void **state)
{
	Helio__Bus__V1__Hello hello = HELIO__BUS__V1__HELLO__INIT;
	struct frame frame = { .kind = FRAME_HELLO };
	uint8_t bytes[64];
	uint64_t id;

	fake_leave(&a);
	fake_connect(&world, "a", 65536, &a);
	hello.has_version_min = hello.has_version_max = 1;
	hello.version_min = hello.version_max = 1;
	hello.has_message_max = 1;
	hello.message_max = 300;
	fake_send(&a, &frame, "", bytes,
		  helio__bus__v1__hello__pack(&hello, bytes));
	fake_expect(&a, FRAME_WELCOME, &got);
	id = open_to_b(FRAME_STREAM, 4);
	fake_say_bytes(&b, id, 301);
	expect_too_long(id);
}

/* Neither the caller's memory nor the switch's: what it granted, to 16 MiB. */
static void a_caller_that_does_not_read_loses_its_stream(void **state)
{
	uint64_t id = open_to_b(FRAME_STREAM, 64 * 1024);
	uint64_t n_bytes = 0;

	while (!fake_next(&b, &got)) {
		fake_say_bytes(&b, id, LONG_BYTES);
		n_bytes += LONG_BYTES;
		assert_in_range(n_bytes, 0, UNREAD_MAX_BYTES + 512 * 1024);
	}
	assert_int_equal(got.frame.kind, FRAME_CANCEL);
	assert_in_range(n_bytes, UNREAD_MAX_BYTES - LONG_BYTES,
			UNREAD_MAX_BYTES + 512 * 1024);
	do
		fake_expect(&a, FRAME_NEXT, &got);
	while ((n_bytes -= LONG_BYTES) > LONG_BYTES);
	fake_expect_status(&a, MINE, STATUS_RESOURCE_EXHAUSTED, true);
}

static void a_server_that_does_not_read_loses_the_call(void **state)
{
	uint64_t id = open_to_b(FRAME_MORE, 0);

	fake_grant(&b, id, UINT64_MAX);
	fake_expect_granted(&a, MINE, UINT64_MAX);
	while (!fake_next(&a, &got))
		fake_say_bytes(&a, MINE, LONG_BYTES);
	assert_int_equal(got.frame.kind, FRAME_REPLY);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	assert_string_equal((char *)got.body,
			    "the server does not take the stream");
	while (fake_next(&b, &got) && got.frame.kind == FRAME_NEXT)
		;
	assert_int_equal(got.frame.kind, FRAME_CANCEL);
}

static const struct peer *peer_of(const char *name)
{
	struct list *link;

	list_for_each (link, &world.bus.peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (!strcmp(peer_path(peer), name))
			return peer;
	}
	return NULL;
}

/* Nothing of what is granted to a caller that does not read waits for it. */
static void grants_gather_nowhere(void **state)
{
	static uint8_t body[256 * FAKE_WINDOW_BYTES];
	struct frame frame = { .kind = FRAME_WINDOW };
	uint64_t id = open_to_b(FRAME_MORE, 0);
	uint64_t n_bytes = 0;

	for (size_t i = 0; i < sizeof(body); i += FAKE_WINDOW_BYTES) {
		le64_store(body + i, id);
		le64_store(body + i + 8, 1);
	}
	for (unsigned i = 0; i < 10000; i++)
		fake_send(&b, &frame, "", body, sizeof(body));
	assert_in_range(outbox_bytes(&peer_of("vm:a")->outbox), 0, 48);
	while (fake_next(&a, &got)) {
		assert_int_equal(got.frame.kind, FRAME_WINDOW);
		n_bytes += le64_load(got.body + 8);
	}
	assert_int_equal(n_bytes, 10000 * 256);
}

static void streams_are_charged_as_calls(void **state)
{
	struct frame frame = { .flags = FRAME_STREAM };

	stage_limit("vm:a", RESOURCE_SLOTS, 2);
	(void)open_to_b(FRAME_STREAM, 0);
	for (frame.correlation = 6; frame.correlation < 8; frame.correlation++)
		fake_open_with(&a, &frame, "svc");
	fake_expect_status(&a, 7, STATUS_RESOURCE_EXHAUSTED, false);
}

/* What ended a call before serves the next one. */
static void a_stream_allocates_nothing_the_second_time(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH, 0);

	fake_answer(&b, id);
	fake_expect(&a, FRAME_REPLY, &got);
	fault_arm(0);
	fake_open(&a, MINE, FAKE_BOTH, "svc");
	id = fake_expect_open(&b, FAKE_BOTH);
	fake_grant(&b, id, 100);
	fake_say(&b, id, "x");
	fake_end(&a, MINE);
	fake_answer(&b, id);
	fault_disarm();
	assert_false(fault_hit());
}

static void a_stream_without_memory_is_refused(void **state)
{
	struct slot *slot;

	/* A slot there is, from the call before. */
	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	fake_expect(&b, FRAME_CALL, &got);
	fake_answer(&b, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	fault_arm(0);
	fake_open(&a, MINE, FRAME_STREAM, "svc");
	fault_disarm();
	assert_true(fault_hit());
	fake_expect_status(&a, MINE, STATUS_RESOURCE_EXHAUSTED, false);
	fake_expect_silence(&b);
	slot = slot_lookup_made(peer_of("vm:a"), MINE);
	assert_null(slot);
}

/* Both of its ways are full, and 1,000 calls pass it by on the same channel. */
static void a_stream_that_stands_still_delays_nobody(void **state)
{
	uint64_t id = open_to_b(FAKE_BOTH, 1);

	fake_grant(&b, id, 100);
	fake_expect_granted(&a, MINE, 100);
	fake_say_bytes(&a, MINE, 100 - FRAME_HEADER_BYTES);
	fake_expect(&b, FRAME_NEXT, &got);
	fake_say_bytes(&b, id, 1024 - FRAME_HEADER_BYTES);
	for (unsigned i = 0; i < N_CALLS; i++)
		fake_call(&a, 100 + i, 0, "svc");
	fake_expect(&a, FRAME_NEXT, &got);
	for (unsigned i = 0; i < N_CALLS; i++) {
		fake_expect(&b, FRAME_CALL, &got);
		fake_answer(&b, got.frame.correlation);
	}
	for (unsigned i = 0; i < N_CALLS; i++) {
		fake_expect(&a, FRAME_REPLY, &got);
		assert_int_equal(got.frame.correlation, 100 + i);
	}
	fake_grant(&a, MINE, 100);
	fake_expect_granted(&b, id, 100);
	fake_say(&b, id, "still there");
	fake_expect_said(&a, MINE, "still there");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(a_message_has_message_max),
		TEST_OF_THREE(fragments_have_message_max_together),
		TEST_OF_THREE(a_message_has_what_its_receiver_takes),
		TEST_OF_THREE(a_caller_that_does_not_read_loses_its_stream),
		TEST_OF_THREE(a_server_that_does_not_read_loses_the_call),
		TEST_OF_THREE(grants_gather_nowhere),
		TEST_OF_THREE(streams_are_charged_as_calls),
		TEST_OF_THREE(a_stream_allocates_nothing_the_second_time),
		TEST_OF_THREE(a_stream_without_memory_is_refused),
		TEST_OF_THREE(a_stream_that_stands_still_delays_nobody),
	};

	return cmocka_run_group_tests_name("stream_bounds", tests, NULL, NULL);
}
