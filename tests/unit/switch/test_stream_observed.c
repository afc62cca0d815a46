/* SPDX-License-Identifier: MIT */

/* What an observer sees of streams: a calls, b serves, c observes. */

#include <string.h>

#include "tests/unit/switch/fake_stream.h"
#include "tests/unit/switch/stage.h"

enum { MINE = 5 };

static uint64_t id_of_b;
static uint64_t slot;

static void open_before_c(uint8_t flags)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.has_credit_messages = subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.observe = 1;
	subscribe.credit_messages = 100;
	subscribe.credit_bytes = 1000000;
	fake_subscribe_with(&c, &subscribe, "svc", STATUS_OK);
	fake_serve(&b, 1, "svc", 10);
	fake_open(&a, MINE, flags, "svc");
	id_of_b = fake_expect_open(&b, flags);
	fake_expect(&c, FRAME_OBSERVED_CALL, &got);
	assert_int_equal(got.frame.flags & FRAME_STREAM, 0);
	slot = got.frame.slot;
	fake_grant(&b, id_of_b, 1000);
}

/* A copy of a message of the stream, from `source`. */
static void expect_copy(enum frame_kind kind, const char *source,
			const char *text)
{
	fake_expect(&c, kind, &got);
	assert_int_equal(got.frame.flags & FRAME_STREAM, FRAME_STREAM);
	assert_int_equal(got.frame.slot, slot);
	assert_string_equal(got.subject, "svc");
	assert_string_equal(c.known[got.frame.source], source);
	assert_string_equal(c.known[got.frame.callee], "vm:b");
	assert_string_equal((char *)got.body, text);
}

static void an_observer_sees_both_ways(void **state)
{
	open_before_c(FAKE_BOTH);
	fake_say(&a, MINE, "one");
	fake_say(&b, id_of_b, "two");
	fake_end(&a, MINE);
	fake_answer(&b, id_of_b);
	expect_copy(FRAME_OBSERVED_CALL, "vm:a", "one");
	expect_copy(FRAME_OBSERVED_REPLY, "vm:b", "two");
	fake_expect(&c, FRAME_OBSERVED_REPLY, &got);
	assert_int_equal(got.frame.flags & FRAME_STREAM, 0);
	assert_int_equal(got.frame.slot, slot);
	assert_string_equal((char *)got.body, "answer");
	fake_expect_silence(&c);
}

static void an_observer_sees_fragments(void **state)
{
	open_before_c(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 30, 10);
	fake_fragment(&b, FRAME_NEXT, 0, id_of_b, "", 0, 10);
	fake_fragment(&b, FRAME_NEXT, FRAME_LAST, id_of_b, "", 0, 10);
	expect_copy(FRAME_OBSERVED_REPLY, "vm:b", "");
	assert_int_equal(got.frame.total_bytes, 30);
	for (unsigned i = 0; i < 2; i++) {
		fake_expect(&c, FRAME_OBSERVED_REPLY, &got);
		assert_int_equal(got.n_body, 10);
		assert_string_equal(c.known[got.frame.source], "vm:b");
	}
	assert_int_equal(got.frame.flags, FRAME_LAST);
	fake_say(&b, id_of_b, "more");
	expect_copy(FRAME_OBSERVED_REPLY, "vm:b", "more");
}

static void what_the_reply_cuts_short_is_aborted(void **state)
{
	struct frame failed = { .kind = FRAME_REPLY,
				.flags = FRAME_WHOLE | FRAME_EXTENDED,
				.status = STATUS_DATA_LOSS };

	open_before_c(FRAME_STREAM);
	fake_fragment(&b, FRAME_NEXT, FRAME_FIRST, id_of_b, "", 30, 10);
	fake_expect(&c, FRAME_OBSERVED_REPLY, &got);
	failed.correlation = id_of_b;
	fake_send(&b, &failed, "", "lost", 4);
	fake_expect(&c, FRAME_ABORT, &got);
	fake_expect(&c, FRAME_OBSERVED_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_DATA_LOSS);
	fake_expect_silence(&c);
}

static void the_end_of_the_call_aborts_what_has_begun(void **state)
{
	open_before_c(FAKE_BOTH);
	fake_fragment(&a, FRAME_NEXT, FRAME_FIRST, MINE, "", 30, 10);
	fake_expect(&c, FRAME_OBSERVED_CALL, &got);
	fake_leave(&a);
	world_settle(&world);
	fake_expect(&c, FRAME_OBSERVED_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_CANCELLED);
	fake_expect(&c, FRAME_ABORT, &got);
	fake_join(&world, "a", &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(an_observer_sees_both_ways),
		TEST_OF_THREE(an_observer_sees_fragments),
		TEST_OF_THREE(what_the_reply_cuts_short_is_aborted),
		TEST_OF_THREE(the_end_of_the_call_aborts_what_has_begun),
	};

	return cmocka_run_group_tests_name("stream_observed", tests, NULL,
					   NULL);
}
