/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "tests/fault.h"
#include "tests/unit/rpc/subscriber.h"

static void test_options_are_told(void **state)
{
	const struct helio_subscribe_options options = {
		.group = "workers",
		.overflow = HELIO_LATEST,
		.credit_messages = 10,
		.credit_bytes = 100000,
		.queue_messages = 20,
		.queue_bytes = 200000,
		.capture = "audit",
	};
	struct helio_subscription *subscription;
	Helio__Bus__V1__Subscribe *body;
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_subscribe(fake.bus, "vm.*.log", &options, NULL,
					 NULL, &subscription),
			 0);
	fake_expect(&fake, FRAME_SUBSCRIBE, &received);
	assert_string_equal(received.subject, "vm.*.log");
	assert_int_equal(received.frame.flags, 0);
	body = helio__bus__v1__subscribe__unpack(NULL, received.n_body,
						 received.body);
	assert_non_null(body);
	assert_int_equal(body->id, 1);
	assert_string_equal(body->group, "workers");
	assert_string_equal(body->capture, "audit");
	assert_int_equal(body->overflow, HELIO__BUS__V1__OVERFLOW__LATEST);
	assert_int_equal(body->credit_messages, 10);
	assert_int_equal(body->credit_bytes, 100000);
	assert_int_equal(body->queue_messages, 20);
	assert_int_equal(body->queue_bytes, 200000);
	assert_false(body->observe);
	helio__bus__v1__subscribe__free_unpacked(body, NULL);
	fake_close(&fake);
}

static void test_messages_reach_the_callback(void **state)
{
	struct fake_switch fake;
	struct seen seen = { 0 };
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.source = 9,
		.correlation = delivery(1, 1),
	};

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &with_callbacks);
	assert_int_equal(seen.n_ready, 1);
	assert_int_equal(seen.status, 0);
	send_message(&fake, 1, 0, "hello", 5);
	assert_int_equal(seen.n, 1);
	assert_string_equal(seen.subject, "vm.web.log");
	assert_string_equal(seen.source, "");
	assert_int_equal(seen.n_body, 5);
	assert_memory_equal(seen.body, "hello", 5);

	fake_peer(&fake, 9, "vm:db", 0x1122334455667788);
	fake_send(&fake, &frame, "vm.x", "", 0);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.source, "vm:db");
	assert_true(seen.incarnation == 0x1122334455667788);
	free(seen.body);
	fake_close(&fake);
}

/* What a log needs to know of a message. */
static void note_for_log(struct helio_subscription *subscription,
			 const struct helio_message *message, void *userdata)
{
	unsigned *n = userdata;

	(void)subscription;
	assert_string_equal(message->durable_id, *n ? "uuid-of-db" : "");
	assert_int_equal(message->is_ack_stored, *n == 1);
	if (*n == 1) {
		assert_non_null(message->schema_hash);
		assert_int_equal(message->schema_hash[31], 'x');
		assert_true(message->has_expected);
		assert_int_equal(message->expected_sequence, 7);
		assert_int_equal(message->n_metadata, 36);
		assert_memory_equal(message->metadata, "\x1a\x20xx", 4);
	} else {
		assert_null(message->schema_hash);
		assert_false(message->has_expected);
		assert_null(message->metadata);
	}
	++*n;
}

static void test_what_a_log_sees(void **state)
{
	const struct helio_subscribe_options options = { .capture = "audit" };
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.correlation = delivery(1, 0),
	};
	Helio__Bus__V1__Peer peer = HELIO__BUS__V1__PEER__INIT;
	struct helio_subscription *subscription;
	struct received received;
	struct fake_switch fake;
	uint8_t bytes[128];
	unsigned n_seen = 0;
	size_t n;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_subscribe(fake.bus, "s", &options, note_for_log,
					 &n_seen, &subscription),
			 0);
	fake_expect(&fake, FRAME_SUBSCRIBE, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
	fake_send(&fake, &frame, "s", "", 0);
	peer.has_handle = 1;
	peer.handle = 9;
	peer.principal = (char *)(uintptr_t) "vm:db";
	peer.durable_id = (char *)(uintptr_t) "uuid-of-db";
	n = helio__bus__v1__peer__pack(&peer, bytes);
	fake_send(&fake, &(struct frame){ .kind = FRAME_PEER }, NULL, bytes, n);

	frame.source = 9;
	frame.correlation++;
	frame.flags |= FRAME_ACK_STORED;
	frame.n_subject = 1;
	frame.n_metadata = 36;
	frame_set_body(&frame, 0);
	n = frame_encode(&frame, bytes);
	bytes[n] = 's';
	memset(bytes + n + 1, 'x', 36);
	memcpy(bytes + n + 1, "\x1a\x20", 2);
	memcpy(bytes + n + 35, "\x38\x07", 2);
	fake_send_bytes(&fake, bytes, frame.length);

	frame = (struct frame){
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.source = 9,
		.correlation = delivery(1, 2),
	};
	fake_send(&fake, &frame, "s", "", 0);
	assert_int_equal(n_seen, 3);
	fake_close(&fake);
}

static void test_metadata_is_read(void **state)
{
	struct fake_switch fake;
	struct seen seen = { 0 };
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.n_metadata = 4,
		.correlation = delivery(1, 0),
	};
	uint8_t bytes[64];
	size_t n;

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, NULL);
	frame.n_subject = 1;
	frame_set_body(&frame, 4);
	n = frame_encode(&frame, bytes);
	memcpy(bytes + n,
	       "s\x22\x02"
	       "ctbody",
	       9);
	fake_send_bytes(&fake, bytes, frame.length);
	assert_string_equal(seen.type, "ct");
	assert_int_equal(seen.n_body, 4);
	assert_memory_equal(seen.body, "body", 4);
	/* Metadata that is none does not cost the message. */
	frame.correlation++;
	n = frame_encode(&frame, bytes);
	memcpy(bytes + n,
	       "s\x22\xff"
	       "ctbody",
	       9);
	fake_send_bytes(&fake, bytes, frame.length);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.type, "");
	free(seen.body);
	fake_close(&fake);
}

static void test_unknown_sources_are_violations(void **state)
{
	struct frame frame = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.source = 9,
		.correlation = delivery(1, 0),
	};
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, NULL);
	fake_send(&fake, &frame, "vm.x", "", 0);
	assert_int_equal(seen.n, 0);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_a_message_for_nobody_is_a_violation(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	send_message(&fake, 5, 0, "", 0);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void expect_credit(struct fake_switch *fake, uint32_t id,
			  uint32_t n_messages, uint64_t n_bytes)
{
	struct received received;

	fake_expect(fake, FRAME_CREDIT, &received);
	assert_int_equal(received.n_body, 16);
	assert_int_equal(le32_load(received.body), id);
	assert_int_equal(le32_load(received.body + 4), n_messages);
	assert_int_equal(le64_load(received.body + 8), n_bytes);
}

static void test_credit_goes_back_by_halves(void **state)
{
	const struct helio_subscribe_options options = {
		.credit_messages = 10,
	};
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &options);
	for (uint32_t i = 0; i < 4; i++)
		send_message(&fake, 1, i, "", 0);
	fake_expect_nothing(&fake);
	send_message(&fake, 1, 4, "", 0);
	expect_credit(&fake, 1, 5, 5 * 42);
	free(seen.body);
	fake_close(&fake);
}

static void test_credit_in_bytes_goes_back_by_halves(void **state)
{
	static const char body[50000];
	const struct helio_subscribe_options options = {
		.credit_bytes = 400000,
	};
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &options);
	for (uint32_t i = 0; i < 3; i++)
		send_message(&fake, 1, i, body, sizeof(body));
	fake_expect_nothing(&fake);
	send_message(&fake, 1, 3, body, sizeof(body));
	expect_credit(&fake, 1, 4, UINT64_C(4) * 50042);
	free(seen.body);
	fake_close(&fake);
}

/* The longest frame must always find credit, however little was asked for. */
static void test_little_credit_is_kept_whole(void **state)
{
	const struct helio_subscribe_options options = { .credit_bytes = 1 };
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &options);
	send_message(&fake, 1, 0, "", 0);
	expect_credit(&fake, 1, 1, 42);
	free(seen.body);
	fake_close(&fake);
}

static void test_paused_gives_no_credit(void **state)
{
	const struct helio_subscribe_options options = {
		.credit_messages = 2,
	};
	struct helio_subscription *subscription;
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscription = subscribe(&fake, &seen, &options);
	helio_pause(subscription);
	send_message(&fake, 1, 0, "", 0);
	send_message(&fake, 1, 1, "", 0);
	fake_expect_nothing(&fake);
	helio_resume(subscription);
	expect_credit(&fake, 1, 2, 2 * 42);
	free(seen.body);
	fake_close(&fake);
}

static void test_gaps_are_told(void **state)
{
	struct frame gap = { .kind = FRAME_GAP };
	uint8_t entry[16] = { 1, 0, 0, 0, 1 };
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, &with_callbacks);
	le64_store(entry + 8, 12345);
	fake_send(&fake, &gap, NULL, entry, sizeof(entry));
	assert_int_equal(seen.n_lost, 12345);
	assert_string_equal(seen.gap, "overflow");
	entry[0] = 2;
	fake_send(&fake, &gap, NULL, entry, sizeof(entry));
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_refused(void **state)
{
	struct helio_subscription *subscription;
	struct received received;
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_subscribe(fake.bus, ">", &with_callbacks,
					 note_message, &seen, &subscription),
			 0);
	fake_expect(&fake, FRAME_SUBSCRIBE, &received);
	fake_result(&fake, received.frame.correlation, HELIO_PERMISSION_DENIED,
		    "policy:7");
	assert_int_equal(seen.status, HELIO_PERMISSION_DENIED);
	helio_unsubscribe(subscription);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_results_out_of_order_are_violations(void **state)
{
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(
		helio_subscribe(fake.bus, "a", NULL, note_message, NULL, NULL),
		0);
	fake_expect(&fake, FRAME_SUBSCRIBE, &received);
	fake_result(&fake, received.frame.correlation + 1, 0, "");
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_unsubscribe_in_the_callback(void **state)
{
	struct received received;
	struct fake_switch fake;
	struct seen seen = { .leaves = true };

	(void)state;
	fake_connect(&fake, NULL);
	subscribe(&fake, &seen, NULL);
	send_message(&fake, 1, 0, "a", 1);
	fake_expect(&fake, FRAME_UNSUBSCRIBE, &received);
	assert_int_equal(received.n_body, 4);
	assert_int_equal(le32_load(received.body), 1);
	send_message(&fake, 1, 1, "b", 1);
	send_fragment(&fake, delivery(1, 2), FRAME_FIRST, 9, "one", 3);
	assert_int_equal(seen.n, 1);
	fake_result(&fake, received.frame.correlation, 0, "");
	send_message(&fake, 1, 3, "b", 1);
	assert_true(fake_was_left(&fake));
	free(seen.body);
	fake_close(&fake);
}

static void test_a_log_answers_runs(void **state)
{
	const struct helio_subscribe_options options = { .capture = "audit" };
	struct helio_subscription *subscription;
	struct received received;
	struct fake_switch fake;
	struct seen seen = { 0 };

	(void)state;
	fake_connect(&fake, NULL);
	subscription = subscribe(&fake, &seen, &options);
	assert_int_equal(helio_stored(subscription, 1, 0, 1, false), -EINVAL);
	for (uint32_t i = 0; i < 5; i++)
		send_message(&fake, 1, i, "", 0);
	send_message(&fake, 1, 7, "", 0);
	assert_int_equal(helio_stored(subscription, 3, 0, 1000, false), 0);
	fake_expect(&fake, FRAME_ACK, &received);
	assert_string_equal(received.subject, "audit");
	assert_int_equal(received.n_body, 24);
	assert_true(le64_load(received.body) == delivery(1, 0));
	assert_int_equal(le32_load(received.body + 8), 3);
	assert_int_equal(received.body[14], 1);
	assert_int_equal(le64_load(received.body + 16), 1000);
	assert_int_equal(helio_stored(subscription, 3, 0, 1003, true), 0);
	fake_expect(&fake, FRAME_ACK, &received);
	assert_true(le64_load(received.body) == delivery(1, 3));
	assert_int_equal(le32_load(received.body + 8), 2);
	assert_int_equal(received.body[14], 3);
	fake_expect(&fake, FRAME_ACK, &received);
	assert_true(le64_load(received.body) == delivery(1, 7));
	assert_int_equal(le64_load(received.body + 16), 1005);
	assert_int_equal(helio_stored(subscription, 1, 0, 1, false), -EINVAL);
	free(seen.body);
	fake_close(&fake);
}

static void test_bad_patterns_are_refused(void **state)
{
	struct helio_subscription *subscription = NULL;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_subscribe(fake.bus, "a.>.b", NULL, NULL, NULL,
					 &subscription),
			 -EINVAL);
	assert_null(subscription);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

static void test_every_allocation_may_fail(void **state)
{
	const struct helio_subscribe_options options = {
		.group = "g",
		.capture = "c",
	};

	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct helio_subscription *subscription = NULL;
		struct fake_switch fake;
		int r;

		fake_connect(&fake, NULL);
		fault_arm(n);
		r = helio_subscribe(fake.bus, "a", &options, NULL, NULL,
				    &subscription);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
		assert_int_equal(!subscription, fault_hit());
		fake_close(&fake);
	}
}

/* A thousand at once, on a ring that holds a few of their frames. */
static void test_many_at_once(void **state)
{
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	for (int i = 0; i < 5000; i++) {
		char pattern[32];

		snprintf(pattern, sizeof(pattern), "many.%d", i);
		assert_int_equal(helio_subscribe(fake.bus, pattern, NULL, NULL,
						 NULL, NULL),
				 0);
	}
	for (int i = 0; i < 5000; i++) {
		char pattern[32];

		snprintf(pattern, sizeof(pattern), "many.%d", i);
		fake_expect(&fake, FRAME_SUBSCRIBE, &received);
		assert_string_equal(received.subject, pattern);
	}
	fake_close(&fake);
}

/* Policy has changed: that one is over, and all else goes on. */
static void test_not_allowed_any_longer(void **state)
{
	struct seen seen = { 0 };
	struct helio_subscription *subscription;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	subscription = subscribe(&fake, &seen, &with_callbacks);
	assert_int_equal(seen.n_ready, 1);
	fake_result(&fake, FRAME_SWITCH_DRAWN | 1, HELIO_PERMISSION_DENIED,
		    "policy:7");
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	assert_int_equal(seen.n_ready, 2);
	assert_int_equal(seen.status, HELIO_PERMISSION_DENIED);
	assert_string_equal(helio_error(fake.bus), "policy:7");
	/* There is nothing to take back at the switch. */
	helio_unsubscribe(subscription);
	fake_expect_nothing(&fake);
	fake_result(&fake, FRAME_SWITCH_DRAWN | 1, HELIO_PERMISSION_DENIED,
		    "policy:7");
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_allowed_any_longer),
		cmocka_unit_test(test_options_are_told),
		cmocka_unit_test(test_messages_reach_the_callback),
		cmocka_unit_test(test_what_a_log_sees),
		cmocka_unit_test(test_metadata_is_read),
		cmocka_unit_test(test_unknown_sources_are_violations),
		cmocka_unit_test(test_a_message_for_nobody_is_a_violation),
		cmocka_unit_test(test_credit_goes_back_by_halves),
		cmocka_unit_test(test_credit_in_bytes_goes_back_by_halves),
		cmocka_unit_test(test_little_credit_is_kept_whole),
		cmocka_unit_test(test_paused_gives_no_credit),
		cmocka_unit_test(test_gaps_are_told),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_results_out_of_order_are_violations),
		cmocka_unit_test(test_unsubscribe_in_the_callback),
		cmocka_unit_test(test_a_log_answers_runs),
		cmocka_unit_test(test_bad_patterns_are_refused),
		cmocka_unit_test(test_every_allocation_may_fail),
		cmocka_unit_test(test_many_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
