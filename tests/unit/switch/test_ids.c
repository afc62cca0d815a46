/* SPDX-License-Identifier: MIT */

/* Correlation ids share one space, and a channel holds only so many. */

#include <string.h>

#include "tests/unit/switch/stage.h"

static void publish(uint64_t id, uint8_t flags)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = id };

	fake_send(&a, &frame, "x", "m", 1);
}

static void capture(void)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char log[] = "log";

	options.has_id = options.has_credit_messages = 1;
	options.has_credit_bytes = 1;
	options.id = 7;
	options.capture = log;
	options.credit_messages = 100;
	options.credit_bytes = 100000;
	fake_subscribe_with(&b, &options, "x", STATUS_OK);
}

/* The ways to take an id into use for a while. */
static void take_by_call(uint64_t id)
{
	fake_call(&a, id, FRAME_WAIT, "svc");
}

static void take_by_message(uint64_t id)
{
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, id, "x", 30, 10);
}

static void take_by_call_in_fragments(uint64_t id)
{
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, id, "none", 30, 10);
	fake_expect_status(&a, id, STATUS_UNAVAILABLE, false);
}

static void take_by_stored(uint64_t id)
{
	capture();
	publish(id, FRAME_ACK_STORED);
}

/* ...and those to use it again. */
static void use_by_call(uint64_t id)
{
	fake_call(&a, id, 0, "other");
}

static void use_by_routed(uint64_t id)
{
	publish(id, FRAME_ACK_ROUTED);
}

static void use_by_stored(uint64_t id)
{
	publish(id, FRAME_ACK_STORED);
}

static void an_id_in_use_is_in_use_for_all(void **state)
{
	void (*const take[])(uint64_t) = { take_by_call, take_by_message,
					   take_by_call_in_fragments,
					   take_by_stored };
	void (*const use[])(uint64_t) = { use_by_call, take_by_message,
					  use_by_routed, use_by_stored };

	for (size_t i = 0; i < 4; i++) {
		for (size_t k = 0; k < 4; k++) {
			take[i](5);
			use[k](5);
			fake_expect_end(&a, "a correlation id is used twice");
			fake_leave(&a);
			fake_leave(&b);
			fake_join(&world, "a", &a);
			fake_join(&world, "b", &b);
		}
	}
}

static void a_plain_message_may_use_any_id(void **state)
{
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	take_by_call(5);
	publish(5, 0);
	publish(5, 0);
	fake_expect_message(&b, "x", "m");
	fake_expect_message(&b, "x", "m");
	fake_expect_silence(&a);
}

static void an_id_is_free_when_it_was_answered(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		fake_call(&a, 5, 0, "none");
		fake_expect_status(&a, 5, STATUS_UNAVAILABLE, false);
		publish(5, FRAME_ACK_ROUTED);
		fake_expect(&a, FRAME_ACK, &got);
		take_by_message(5);
		fake_fragment(&a, FRAME_MESSAGE, FRAME_LAST, 5, "", 0, 20);
	}
	fake_expect_silence(&a);
}

/* What waits for a log is in flight as a call is; no quota is full here. */
static void calls_max_is_of_the_channel(void **state)
{
	static const char text[] = "calls_max of this channel is reached: 2 of "
				   "2";
	struct fake_peer other;

	world.bus.limits.calls_max = 2;
	capture();
	publish(1, FRAME_ACK_STORED);
	take_by_call(2);
	fake_call(&a, 3, FRAME_WAIT, "svc");
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	assert_int_equal(got.frame.origin, ORIGIN_BUS);
	assert_string_equal((char *)got.body, text);
	publish(4, FRAME_ACK_STORED);
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	assert_string_equal((char *)got.body, text);

	fake_join(&world, "a", &other);
	fake_call(&other, 3, FRAME_WAIT, "svc");
	fake_expect_silence(&other);
	fake_leave(&other);

	fake_serve(&c, 1, "svc", 1);
	fake_expect(&c, FRAME_CALL, &got);
	fake_answer(&c, got.frame.correlation);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 2);
	fake_call(&a, 3, FRAME_WAIT, "svc");
	fake_expect_silence(&a);
}

static void open_messages_max_is_of_the_channel(void **state)
{
	world.bus.limits.open_messages_max = 2;
	take_by_message(1);
	take_by_message(2);
	fake_expect_silence(&a);
	take_by_message(3);
	fake_expect_end(&a, "open_messages_max of this channel is reached: "
			    "2 of 2");
	assert_string_equal(world.bus.stats.reasons[0].text,
			    "too many messages are begun on a channel");
}

static void what_is_no_quota_is_told_from_one(void **state)
{
	stage_limit("vm:a", RESOURCE_SLOTS, 0);
	capture();
	publish(1, FRAME_ACK_STORED);
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_non_null(strstr((char *)got.body, "quota of slots of "));
	assert_non_null(strstr((char *)got.body, " is full: 0 of 0"));
	stage_limit("vm:a", RESOURCE_OPEN_MESSAGES, 1);
	take_by_message(2);
	take_by_message(3);
	while (fake_next(&a, &got))
		;
	assert_int_equal(got.frame.kind, FRAME_GOODBYE);
	assert_non_null(strstr((char *)got.body, "quota of open messages of "));
	assert_non_null(strstr((char *)got.body, " is full: 1 of 1"));
}

/* A server may not begin one reply twice either. */
static void a_reply_is_begun_once(void **state)
{
	uint64_t id;

	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	fake_expect(&b, FRAME_CALL, &got);
	id = got.frame.correlation;
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 30, 10);
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 30, 10);
	fake_expect_end(&b, "a correlation id is used twice");
}

static struct registration *registration_of(uint32_t id)
{
	struct list *link;

	list_for_each (link, &world.bus.receivers) {
		struct receiver *receiver =
			container_of(link, struct receiver, all_link);

		if (receiver->kind == RECEIVER_REGISTRATION &&
		    receiver->id == id)
			return container_of(receiver, struct registration,
					    receiver);
	}
	fail_msg("no registration");
	return NULL;
}

static uint64_t expect_call(uint32_t number)
{
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal((uint32_t)got.frame.correlation, number);
	return got.frame.correlation;
}

/* Late replies on both sides of the wrap are to calls that are over. */
static void the_numbers_of_calls_wrap(void **state)
{
	struct frame cancel = { .kind = FRAME_CANCEL };
	uint64_t ids[3];

	fake_serve(&b, 1, "svc", 10);
	registration_of(1)->n_drawn = UINT32_MAX - 1;
	for (unsigned i = 0; i < 3; i++) {
		cancel.correlation = 1 + i;
		fake_call(&a, 1 + i, 0, "svc");
		ids[i] = expect_call(UINT32_MAX - 1 + i);
		fake_send(&a, &cancel, "", NULL, 0);
		fake_expect(&b, FRAME_CANCEL, &got);
	}
	for (unsigned i = 0; i < 3; i++)
		fake_answer(&b, ids[i]);
	fake_expect_silence(&b);
	fake_expect_silence(&a);
}

static void a_number_in_use_is_not_drawn_again(void **state)
{
	uint64_t old;

	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	old = expect_call(0);
	registration_of(1)->n_drawn = UINT64_C(1) << 32;
	fake_call(&a, 2, 0, "svc");
	fake_answer(&b, expect_call(1));
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 2);
	fake_answer(&b, old);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(an_id_in_use_is_in_use_for_all),
		TEST_OF_THREE(a_plain_message_may_use_any_id),
		TEST_OF_THREE(an_id_is_free_when_it_was_answered),
		TEST_OF_THREE(calls_max_is_of_the_channel),
		TEST_OF_THREE(open_messages_max_is_of_the_channel),
		TEST_OF_THREE(what_is_no_quota_is_told_from_one),
		TEST_OF_THREE(a_reply_is_begun_once),
		TEST_OF_THREE(the_numbers_of_calls_wrap),
		TEST_OF_THREE(a_number_in_use_is_not_drawn_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
