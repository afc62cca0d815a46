/* SPDX-License-Identifier: MIT */

/* What comes in parts: messages, and copies of calls. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rpc/subscriber.h"

static void test_fragments_interleave(void **state)
{
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, NULL);
	send_fragment(&fake, delivery(1, 0), FRAME_FIRST, 9, "one", 3);
	send_fragment(&fake, delivery(1, 1), FRAME_FIRST, 6, "", 0);
	send_message(&fake, 1, 2, "whole", 5);
	assert_int_equal(seen.n, 1);
	send_fragment(&fake, delivery(1, 0), 0, 0, "two", 3);
	send_fragment(&fake, delivery(1, 1), FRAME_LAST, 0, "second", 6);
	assert_int_equal(seen.n, 2);
	assert_memory_equal(seen.body, "second", 6);
	send_fragment(&fake, delivery(1, 0), FRAME_LAST, 0, "end", 3);
	assert_int_equal(seen.n, 3);
	assert_string_equal(seen.subject, "vm.long");
	assert_int_equal(seen.n_body, 9);
	assert_memory_equal(seen.body, "onetwoend", 9);
	free(seen.body);
	fake_close(&fake);
}

static void test_an_abort_is_a_gap(void **state)
{
	struct frame abort = {
		.kind = FRAME_ABORT,
		.correlation = delivery(1, 0),
	};
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &with_callbacks);
	send_fragment(&fake, delivery(1, 0), FRAME_FIRST, 9, "one", 3);
	fake_send(&fake, &abort, NULL, "", 0);
	assert_int_equal(seen.n_gaps, 1);
	assert_int_equal(seen.n_lost, 1);
	assert_string_equal(seen.gap, "aborted");
	fake_send(&fake, &abort, NULL, "", 0);
	assert_int_equal(seen.n_gaps, 1);
	fake_close(&fake);
}

static void test_bad_fragments_are_violations(void **state)
{
	static const struct {
		uint64_t n_total;
		uint8_t flags; /* of the second */
		size_t n;
	} cases[] = {
		{ 9, FRAME_LAST, 5 },              /* short of it */
		{ 9, FRAME_LAST, 7 },              /* beyond it */
		{ 9, 0, 7 },                       /* beyond it */
		{ 9, FRAME_FIRST, 1 },             /* again */
		{ MESSAGE_MAX_DEFAULT + 1, 0, 1 }, /* too long for us */
		{ UINT64_MAX, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fake_switch fake;
		struct seen seen = { 0 };

		fake_connect(&fake, NULL);
		subscribe(&fake, &seen, NULL);
		send_fragment(&fake, delivery(1, 0), FRAME_FIRST,
			      cases[i].n_total, "one", 3);
		send_fragment(&fake, delivery(1, 0), cases[i].flags, 9,
			      "1234567", cases[i].n);
		assert_int_equal(seen.n, 0);
		assert_true(fake_was_left(&fake));
		fake_close(&fake);
	}
}

static void test_open_messages_are_bounded(void **state)
{
	const struct helio_options options = { .message_max = 1000 };
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, &options);
	subscribe(&fake, &seen, &with_callbacks);
	for (uint32_t i = 0; i < 5; i++)
		send_fragment(&fake, delivery(1, i), FRAME_FIRST, 1000, "", 0);
	send_fragment(&fake, delivery(1, 4), FRAME_LAST, 0, (char[1000]){ 0 },
		      1000);
	assert_int_equal(seen.n, 0);
	assert_int_equal(seen.n_gaps, 1);
	assert_string_equal(seen.gap, "overflow");
	send_fragment(&fake, delivery(1, 0), FRAME_LAST, 0, (char[1000]){ 0 },
		      1000);
	assert_int_equal(seen.n, 1);
	free(seen.body);
	fake_close(&fake);
}

static void test_unsubscribe_forgets_what_is_open(void **state)
{
	struct helio_subscription *subscription;
	struct received received;
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscription = subscribe(&fake, &seen, NULL);
	send_fragment(&fake, delivery(1, 0), FRAME_FIRST, 9, "one", 3);
	send_fragment(&fake, delivery(1, 1), FRAME_FIRST, 9, "one", 3);
	assert_int_equal(fake.bus->assemblies.n_bytes, 18);
	helio_unsubscribe(subscription);
	fake_expect(&fake, FRAME_UNSUBSCRIBE, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	assert_int_equal(fake.bus->assemblies.n_bytes, 0);
	assert_int_equal(fake.bus->assemblies.map.n_nodes, 0);
	fake_close(&fake);
}

/* In its own callback; what is under way is not delivered any more. */
static void note_observed(struct helio_subscription *subscription,
			  const struct helio_message *message, bool is_reply,
			  uint64_t slot, unsigned status, void *userdata)
{
	struct seen *seen = userdata;

	(void)subscription;
	seen->n++;
	assert_int_equal(slot, 33);
	assert_int_equal(is_reply, seen->n == 2);
	assert_int_equal(status, is_reply ? HELIO_NOT_FOUND : 0);
	assert_int_equal(message->n_body, 4);
}

static void test_observed_calls(void **state)
{
	const struct helio_subscribe_options options = {
		.on_observed = note_observed,
	};
	struct frame frame = {
		.kind = FRAME_OBSERVED_CALL,
		.flags = FRAME_WHOLE | FRAME_EXTENDED,
		.correlation = delivery(1, 0),
		.slot = 33,
	};
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &options);
	fake_send(&fake, &frame, "a.v1.B.C", "ask?", 4);
	frame.kind = FRAME_OBSERVED_REPLY;
	frame.correlation++;
	frame.status = HELIO_NOT_FOUND;
	fake_send(&fake, &frame, "a.v1.B.C", "none", 4);
	assert_int_equal(seen.n, 2);
	fake_close(&fake);
}

/* In parts, as messages are; the slot and the status are in the first. */
static void test_observed_fragments(void **state)
{
	const struct helio_subscribe_options options = {
		.on_observed = note_observed,
	};
	struct frame frame = {
		.kind = FRAME_OBSERVED_CALL,
		.flags = FRAME_FIRST | FRAME_EXTENDED,
		.correlation = delivery(1, 0),
		.slot = 33,
		.total_bytes = 4,
	};
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &options);
	fake_send(&fake, &frame, "a.v1.B.C", "as", 2);
	assert_int_equal(seen.n, 0);
	frame = (struct frame){ .kind = FRAME_OBSERVED_CALL,
				.flags = FRAME_LAST,
				.correlation = delivery(1, 0) };
	fake_send(&fake, &frame, "", "k?", 2);
	assert_int_equal(seen.n, 1);
	fake_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fragments_interleave),
		cmocka_unit_test(test_an_abort_is_a_gap),
		cmocka_unit_test(test_bad_fragments_are_violations),
		cmocka_unit_test(test_open_messages_are_bounded),
		cmocka_unit_test(test_unsubscribe_forgets_what_is_open),
		cmocka_unit_test(test_observed_calls),
		cmocka_unit_test(test_observed_fragments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
