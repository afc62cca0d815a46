/* SPDX-License-Identifier: MIT */

/* Who sees calls that are others': a calls, b serves, c observes. */

#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "switch/peer.h"
#include "tests/unit/switch/stage.h"

static uint64_t expect_call(struct fake_peer *callee, const char *subject)
{
	fake_expect(callee, FRAME_CALL, &got);
	assert_string_equal(got.subject, subject);
	return got.frame.correlation;
}

/* c observes; its own plain subscription must see nothing. */
static void observe(const char *pattern)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.has_credit_messages = subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.observe = 1;
	subscribe.credit_messages = 100;
	subscribe.credit_bytes = 1000000;
	fake_subscribe_with(&c, &subscribe, pattern, STATUS_OK);
}

static uint64_t expect_observed(enum frame_kind kind, enum status status)
{
	fake_expect(&c, kind, &got);
	assert_int_equal(got.frame.status, status);
	assert_string_equal(got.subject, "svc");
	return got.frame.slot;
}

static void observers_see_calls_and_replies(void **state)
{
	uint64_t slot;

	observe("svc");
	fake_subscribe(&c, 2, ">", 100, STATUS_OK);
	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	slot = expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	assert_string_equal((char *)got.body, "question");
	fake_answer(&b, expect_call(&b, "svc"));
	assert_int_equal(expect_observed(FRAME_OBSERVED_REPLY, STATUS_OK),
			 slot);
	assert_string_equal((char *)got.body, "answer");
	fake_expect(&a, FRAME_REPLY, &got);
	fake_expect_silence(&c);
}

static void observers_see_failures(void **state)
{
	struct frame cancel = { .kind = FRAME_CANCEL, .correlation = 2 };
	uint64_t slot;

	observe("svc");
	fake_call(&a, 1, 0, "svc");
	slot = expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	assert_int_equal(
		expect_observed(FRAME_OBSERVED_REPLY, STATUS_UNAVAILABLE),
		slot);
	assert_int_equal(got.frame.origin, ORIGIN_BUS);
	fake_call(&a, 2, FRAME_WAIT, "svc");
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	fake_send(&a, &cancel, "", NULL, 0);
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_CANCELLED);
	fake_call(&a, 3, FRAME_WAIT, "svc");
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_DEADLINE_EXCEEDED);
	fake_expect_silence(&c);
}

/* A later fragment: nothing but the body. */
static void expect_more(enum frame_kind kind, uint8_t flags, size_t n_body)
{
	fake_expect(&c, kind, &got);
	assert_int_equal(got.frame.flags, flags);
	assert_int_equal(got.n_body, n_body);
	assert_int_equal(got.frame.n_subject, 0);
}

/* The copies' extension does not fit any more: the rest follows. */
static void a_frame_of_full_length_is_observed_in_two(void **state)
{
	static uint8_t body[FRAME_MAX_BYTES];
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE,
			       .correlation = 1 };
	size_t n = FRAME_MAX_BYTES - FRAME_HEADER_BYTES - 3;
	uint64_t id;

	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (uint8_t)(i * 7);
	observe("svc");
	fake_serve(&b, 1, "svc", 10);
	fake_send(&a, &frame, "svc", body, n);
	id = expect_call(&b, "svc");
	assert_int_equal(got.n_body, n);
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	assert_int_equal(got.frame.flags, FRAME_FIRST | FRAME_EXTENDED);
	assert_int_equal(got.frame.total_bytes, n);
	assert_memory_equal(got.body, body, n - 24);
	expect_more(FRAME_OBSERVED_CALL, FRAME_LAST, 24);
	assert_memory_equal(got.body, body + n - 24, 24);

	frame = (struct frame){ .kind = FRAME_REPLY,
				.flags = FRAME_WHOLE,
				.correlation = id };
	n = FRAME_MAX_BYTES - FRAME_HEADER_BYTES;
	fake_send(&b, &frame, "", body, n);
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.n_body, n);
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_OK);
	assert_int_equal(got.frame.total_bytes, n);
	expect_more(FRAME_OBSERVED_REPLY, FRAME_LAST, 27);
	assert_memory_equal(got.body, body + n - 27, 27);
	fake_expect_silence(&c);
}

static void all_fragments_are_observed(void **state)
{
	uint64_t slot;
	uint64_t delivery;
	uint64_t id;

	observe("svc");
	fake_serve(&b, 1, "svc", 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 1, "svc", 60, 10);
	fake_fragment(&a, FRAME_CALL, 0, 1, "", 0, 20);
	fake_fragment(&a, FRAME_CALL, FRAME_LAST, 1, "", 0, 30);
	slot = expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	delivery = got.frame.correlation;
	assert_int_equal(got.frame.total_bytes, 60);
	assert_int_equal(got.n_body, 10);
	expect_more(FRAME_OBSERVED_CALL, 0, 20);
	assert_int_equal(got.frame.correlation, delivery);
	expect_more(FRAME_OBSERVED_CALL, FRAME_LAST, 30);
	assert_int_equal(got.frame.correlation, delivery);
	assert_int_not_equal(got.frame.source, 0);

	id = expect_call(&b, "svc");
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "", 30, 10);
	fake_fragment(&b, FRAME_REPLY, FRAME_LAST, id, "", 0, 20);
	assert_int_equal(expect_observed(FRAME_OBSERVED_REPLY, STATUS_OK),
			 slot);
	assert_int_equal(got.frame.total_bytes, 30);
	expect_more(FRAME_OBSERVED_REPLY, FRAME_LAST, 20);
	fake_expect_silence(&c);
}

/* They are told, and the copy of a call that was cut off is aborted. */
static void what_is_not_finished_is_aborted(void **state)
{
	struct frame abort = { .kind = FRAME_ABORT };
	uint64_t reply;

	observe("svc");
	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "svc");
	abort.correlation = expect_call(&b, "svc");
	fake_fragment(&b, FRAME_REPLY, FRAME_FIRST, abort.correlation, "", 30,
		      10);
	fake_send(&b, &abort, "", NULL, 0);
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_OK);
	reply = got.frame.correlation;
	fake_expect(&c, FRAME_ABORT, &got);
	assert_int_equal(got.frame.correlation, reply);
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_UNAVAILABLE);

	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 2, "svc", 30, 10);
	abort.correlation = 2;
	fake_send(&a, &abort, "", NULL, 0);
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	reply = got.frame.correlation;
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_CANCELLED);
	fake_expect(&c, FRAME_ABORT, &got);
	assert_int_equal(got.frame.correlation, reply);
	fake_expect_silence(&c);
}

/* One that goes midway harms nobody; the next sees the rest of nothing. */
static void an_observer_may_go_midway(void **state)
{
	observe("svc");
	fake_serve(&b, 1, "svc", 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 1, "svc", 30, 10);
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	fake_unsubscribe(&c, 1);
	fake_expect(&c, FRAME_RESULT, &got);
	observe("svc");
	fake_fragment(&a, FRAME_CALL, FRAME_LAST, 1, "", 0, 20);
	fake_expect_silence(&c);
	fake_answer(&b, expect_call(&b, "svc"));
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_OK);
}

/*
 * What waits holds its source and its callee. A later part names no callee,
 * whatever stands where one is named in the first.
 */
static void fragments_wait_for_the_observers_credit(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	const struct peer *first =
		container_of(world.bus.peers.next, struct peer, link);
	uint8_t evil[20] = { 0 };
	struct frame more = { .kind = FRAME_CALL,
			      .flags = FRAME_LAST,
			      .correlation = 1 };

	le32_store(evil + FRAME_AT_CALLEE - FRAME_HEADER_BYTES,
		   first->self.source->handle);
	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.id = 1;
	subscribe.observe = 1;
	fake_subscribe_with(&c, &subscribe, "svc", STATUS_OK);
	fake_serve(&b, 1, "svc", 10);
	fake_fragment(&a, FRAME_CALL, FRAME_FIRST, 1, "svc", 30, 10);
	fake_send(&a, &more, "", evil, sizeof(evil));
	fake_expect_silence(&c);
	fake_credit(&c, 1, 1, 1000);
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	expect_more(FRAME_OBSERVED_CALL, FRAME_LAST, 20);
	fake_expect_silence(&c);
}

static void a_call_to_one_instance_is_seen_as_one_of_its_service(void **state)
{
	observe("svc");
	fake_subscribe(&c, 2, "$inst.>", 10, STATUS_PERMISSION_DENIED);
	fake_serve(&b, 1, "svc", 10);
	fake_call(&a, 1, 0, "$inst.1.svc");
	expect_observed(FRAME_OBSERVED_CALL, STATUS_OK);
	assert_int_not_equal(got.frame.callee, 0);
	fake_answer(&b, expect_call(&b, "$inst.1.svc"));
	expect_observed(FRAME_OBSERVED_REPLY, STATUS_OK);
	fake_call(&a, 2, 0, "$inst.1.other");
	fake_call(&a, 3, 0, "$inst.1.");
	fake_expect_silence(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(observers_see_calls_and_replies),
		TEST_OF_THREE(observers_see_failures),
		TEST_OF_THREE(a_frame_of_full_length_is_observed_in_two),
		TEST_OF_THREE(all_fragments_are_observed),
		TEST_OF_THREE(what_is_not_finished_is_aborted),
		TEST_OF_THREE(an_observer_may_go_midway),
		TEST_OF_THREE(fragments_wait_for_the_observers_credit),
		TEST_OF_THREE(
			a_call_to_one_instance_is_seen_as_one_of_its_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
