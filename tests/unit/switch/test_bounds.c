/* SPDX-License-Identifier: MIT */

/* What a stranger may make grow, and where it ends. */

#include <stdio.h>

#include "helio/bus/v1/control.pb-c.h"
#include "tests/unit/switch/stage.h"
#include "transports/channel.h"

static void subscribe_with(struct fake_peer *peer,
			   const Helio__Bus__V1__Subscribe *subscribe,
			   const char *pattern, enum status status)
{
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 99 };
	uint8_t body[128];

	fake_send(peer, &frame, pattern, body,
		  helio__bus__v1__subscribe__pack(subscribe, body));
	fake_expect(peer, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, status);
}

/* Empty fragments bring a message no nearer to its end. */
static void fragments_without_end_end_the_sender(void **state)
{
	struct frame first = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_FIRST | FRAME_EXTENDED,
			       .correlation = 1,
			       .total_bytes = 2560 };
	struct frame next = { .kind = FRAME_MESSAGE, .correlation = 1 };

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_subscribe(&b, 1, "x", 0, STATUS_OK);
	fake_send(&a, &first, "x", "1", 1);
	for (unsigned i = 0; i < 64 + 10; i++)
		fake_send(&a, &next, "", "", 0);
	fake_expect_silence(&a);
	fake_send(&a, &next, "", "", 0);
	fake_expect_end(&a, "a message in too many small fragments");
	fake_leave(&a);
	fake_leave(&b);
}

static void publish_bytes(struct fake_peer *peer, const char *subject, size_t n)
{
	static const uint8_t body[32 * 1024];
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	fake_send(peer, &frame, subject, body, n);
}

/* Small ones take the places, and then large ones come for the same. */
static void the_newest_may_not_outgrow_the_queue(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	struct account *account;
	char subject[16];

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	subscribe.has_id = subscribe.has_overflow = 1;
	subscribe.has_queue_bytes = 1;
	subscribe.id = 1;
	subscribe.queue_bytes = 100 * 1024;
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__LATEST;
	subscribe_with(&b, &subscribe, "x.*", STATUS_OK);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 16; i++) {
			snprintf(subject, sizeof(subject), "x.%u", i);
			publish_bytes(&a, subject, round ? 32 * 1024 : 1);
		}
	}
	assert_int_equal(
		account_get(&world.bus.accounts, "vm:b", "vm:b", &account), 0);
	assert_in_range(account->used[RESOURCE_QUEUED_BYTES], 90 * 1024,
			100 * 1024);
	account_unref(account);
	fake_leave(&a);
	fake_leave(&b);
}

/* What would not fit an empty queue is lost alone. */
static void a_message_too_long_for_the_queue_drops_no_other(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	subscribe.has_id = subscribe.has_overflow = 1;
	subscribe.has_queue_bytes = 1;
	subscribe.id = 1;
	subscribe.queue_bytes = 1024;
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__DROP_OLD;
	subscribe_with(&b, &subscribe, "x", STATUS_OK);
	fake_publish(&a, "x", "kept");
	publish_bytes(&a, "x", 2048);
	fake_credit(&b, 1, 10, 10000);
	fake_expect_message(&b, "x", "kept");
	fake_expect(&b, FRAME_GAP, &got);
	fake_leave(&a);
	fake_leave(&b);
}

static void a_log_may_not_lose_what_was_numbered(void **state)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char name[] = "journal";

	fake_join(&world, "a", &a);
	subscribe.has_id = subscribe.has_overflow = 1;
	subscribe.id = 1;
	subscribe.capture = name;
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__DROP_OLD;
	subscribe_with(&a, &subscribe, "x", STATUS_INVALID_ARGUMENT);
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__LATEST;
	subscribe_with(&a, &subscribe, "x", STATUS_INVALID_ARGUMENT);
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__DROP_NEW;
	subscribe_with(&a, &subscribe, "x", STATUS_OK);
	fake_leave(&a);
}

static void serve(struct fake_peer *peer, uint64_t credit_bytes)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	struct frame frame = { .kind = FRAME_SERVE, .correlation = 98 };
	uint8_t body[64];

	serve.has_id = serve.has_credit_calls = serve.has_credit_bytes = 1;
	serve.id = 1;
	serve.credit_calls = 10;
	serve.credit_bytes = credit_bytes;
	fake_send(peer, &frame, "do.it", body,
		  helio__bus__v1__serve__pack(&serve, body));
	fake_expect(peer, FRAME_RESULT, &got);
}

/* A call that waited costs its server no less than one that did not. */
static void a_held_call_waits_for_credit_for_all_of_it(void **state)
{
	static const uint8_t body[3000];
	struct frame first = { .kind = FRAME_CALL,
			       .flags = FRAME_FIRST | FRAME_EXTENDED |
					FRAME_WAIT,
			       .correlation = 1,
			       .total_bytes = 6000 };
	struct frame last = { .kind = FRAME_CALL,
			      .flags = FRAME_LAST,
			      .correlation = 1 };

	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_send(&a, &first, "do.it", body, sizeof(body));
	serve(&b, 5000);
	fake_expect_silence(&b);
	fake_credit(&b, 1, 0, 2000);
	fake_expect(&b, FRAME_CALL, &got);
	fake_send(&a, &last, "", body, sizeof(body));
	fake_expect(&b, FRAME_CALL, &got);
	assert_int_equal(got.frame.flags, FRAME_LAST);
	fake_leave(&a);
	fake_leave(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_ALONE(fragments_without_end_end_the_sender),
		TEST_ALONE(the_newest_may_not_outgrow_the_queue),
		TEST_ALONE(a_message_too_long_for_the_queue_drops_no_other),
		TEST_ALONE(a_log_may_not_lose_what_was_numbered),
		TEST_ALONE(a_held_call_waits_for_credit_for_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
