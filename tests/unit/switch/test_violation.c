/* SPDX-License-Identifier: MIT */

/* What the switch does not take, and frames that barely pass. */

#include <string.h>

#include "base/clock.h"
#include "tests/unit/switch/stage.h"

static void policy_refuses_with_the_line(void **state)
{
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
		{ { .kind = FRAME_REPLY,
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALONE(policy_refuses_with_the_line),
		TEST_ALONE(an_empty_subject_is_nobodys),
		TEST_ALONE(violations_end_the_peer_and_are_counted),
		TEST_ALONE(a_silent_peer_is_ended),
		TEST_ALONE(frames_longer_than_the_ring_pass_in_pieces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
