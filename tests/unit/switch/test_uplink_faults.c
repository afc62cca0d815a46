/* SPDX-License-Identifier: MIT */

/*
 * What a leaf's programs ask, say and call, with each allocation failing once:
 * then nothing is left behind, and the others go on. And who observes.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/switch/fake_leaf.h"
#include "transports/channel.h"

static struct fake_peer c;       /* of the leaf: acts, or observes */
static struct fake_peer inside;  /* of the leaf, with no part in it */
static struct fake_peer outside; /* of the host, likewise */

static void try_subscribe(Helio__Bus__V1__Subscribe *subscribe)
{
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 1 };
	uint8_t body[64];

	subscribe->has_id = subscribe->has_credit_messages = 1;
	subscribe->id = 1;
	subscribe->credit_messages = 10;
	fake_try_send(&c, &frame, "x.*", body,
		      helio__bus__v1__subscribe__pack(subscribe, body));
}

static void subscribe_plainly(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	try_subscribe(&subscribe);
}

static void subscribe_in_a_group(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char group[] = "g";

	subscribe.group = group;
	try_subscribe(&subscribe);
}

static void capture(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char log[] = "log";

	subscribe.capture = log;
	try_subscribe(&subscribe);
}

static void observe(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_observe = subscribe.observe = 1;
	try_subscribe(&subscribe);
}

static void serve_a_service(void)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	struct frame frame = { .kind = FRAME_SERVE, .correlation = 1 };
	char x[] = "x";
	char *methods[] = { x };
	uint8_t body[64];

	serve.has_id = serve.has_credit_calls = 1;
	serve.id = 1;
	serve.credit_calls = 10;
	serve.methods = methods;
	serve.n_methods = 1;
	fake_try_send(&c, &frame, "mine", body,
		      helio__bus__v1__serve__pack(&serve, body));
}

static void ask_for_sync(void)
{
	struct frame frame = { .kind = FRAME_SYNC, .correlation = 1 };

	fake_try_send(&c, &frame, "", NULL, 0);
}

static void speak(enum frame_kind kind, uint8_t flags, const char *subject)
{
	struct frame frame = { .kind = (uint8_t)kind,
			       .flags = flags,
			       .correlation = 2,
			       .total_bytes = 20,
			       .time_left_ms = 1000 };

	if ((flags & FRAME_WHOLE) == FRAME_FIRST)
		frame.flags |= FRAME_EXTENDED;
	fake_try_send(&c, &frame, flags & FRAME_FIRST ? subject : "",
		      "0123456789", 10);
}

static void publish(void)
{
	speak(FRAME_MESSAGE, FRAME_WHOLE, "x.y");
}

static void publish_asking(void)
{
	speak(FRAME_MESSAGE, FRAME_WHOLE | FRAME_ACK_ROUTED, "x.y");
	speak(FRAME_MESSAGE, FRAME_WHOLE | FRAME_ACK_STORED, "x.y");
}

static void publish_in_fragments(void)
{
	speak(FRAME_MESSAGE, FRAME_FIRST | FRAME_ACK_ROUTED, "x.y");
	speak(FRAME_MESSAGE, FRAME_LAST, "");
}

static void call(void)
{
	speak(FRAME_CALL, FRAME_WHOLE, "down");
}

static void call_and_wait(void)
{
	speak(FRAME_CALL, FRAME_WHOLE | FRAME_WAIT, "later");
}

static void call_in_fragments(void)
{
	speak(FRAME_CALL, FRAME_FIRST, "down");
	speak(FRAME_CALL, FRAME_LAST, "");
}

static void call_what_is_away(void)
{
	fake_leaf_lose();
	speak(FRAME_CALL, FRAME_WHOLE | FRAME_WAIT, "down");
}

static void be_called(void)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE,
			       .correlation = 3,
			       .time_left_ms = 1000 };

	fake_try_send(&h, &frame, "up", "q", 1);
}

static const struct deed {
	const char *name;
	void (*act)(void);
} deeds[] = {
	{ "subscribe", subscribe_plainly },
	{ "group", subscribe_in_a_group },
	{ "capture", capture },
	{ "observe", observe },
	{ "serve", serve_a_service },
	{ "sync", ask_for_sync },
	{ "publish", publish },
	{ "publish asking", publish_asking },
	{ "publish in fragments", publish_in_fragments },
	{ "call", call },
	{ "call that waits", call_and_wait },
	{ "call in fragments", call_in_fragments },
	{ "call while away", call_what_is_away },
	{ "be called", be_called },
};

/* Whatever became of c, and of the uplink, the others speak both ways. */
static void expect_others_go_on(const char *text)
{
	world_settle(&host);
	if (uplink.state != UPLINK_THERE) {
		fake_leaf_lose();
		fake_leaf_connect();
	}
	while (fake_next(&inside, &got) || fake_next(&outside, &got))
		;
	fake_publish(&inside, "w", text);
	fake_expect_message(&inside, "w", text);
	fake_expect_message(&outside, "w", text);
	fake_publish(&outside, "w", text);
	fake_expect_message(&inside, "w", text);
	fake_expect_message(&outside, "w", text);
}

/* Returns whether the allocation came, and failed. */
static bool act_with_fault(const struct deed *deed, unsigned n)
{
	fake_leaf_set_up(NULL);
	fake_join(&leaf, "c", &c);
	fake_join(&leaf, "inside", &inside);
	fake_join(&host, "outside", &outside);
	fake_subscribe(&inside, 1, "w", 100, STATUS_OK);
	fake_subscribe(&outside, 1, "w", 100, STATUS_OK);
	fake_subscribe(&a, 2, "x.*", 100, STATUS_OK);
	fake_subscribe(&h, 2, "x.*", 100, STATUS_OK);
	fake_serve(&a, 3, "up", 10);
	fake_serve(&h, 3, "down", 10);

	fault_arm(n);
	deed->act();
	fault_disarm();

	expect_others_go_on(deed->name);
	fake_leave(&c);
	fake_leave(&inside);
	fake_leave(&outside);
	fake_leaf_tear_down(NULL);
	return fault_hit();
}

static void whatever_fails_leaves_nothing_behind(void **state)
{
	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		unsigned n = 0;

		while (act_with_fault(&deeds[i], n))
			assert_true(++n < 100);
	}
}

/* Whoever calls, and whoever serves: each of it comes once. */
static void an_observer_sees_each_call_once(void **state)
{
	struct fake_peer *const peers[] = { &b, &h };
	struct fake_peer *const servers[] = { &a, &h };

	fake_join(&leaf, "c", &c);
	for (unsigned i = 0; i < 4; i++) {
		Helio__Bus__V1__Subscribe subscribe =
			HELIO__BUS__V1__SUBSCRIBE__INIT;
		struct fake_peer *caller = peers[i % 2];
		struct fake_peer *server = servers[i / 2];
		struct frame unserve = { .kind = FRAME_UNSERVE };
		static const uint8_t id[4] = { 3 };

		subscribe.has_id = subscribe.has_credit_messages = 1;
		subscribe.has_credit_bytes = 1;
		subscribe.id = 1;
		subscribe.credit_messages = 10;
		subscribe.credit_bytes = 10000;
		subscribe.has_observe = subscribe.observe = 1;
		fake_subscribe_with(&c, &subscribe, "svc", STATUS_OK);
		fake_serve(server, 3, "svc", 10);
		fake_call(caller, 7, 0, "svc");
		fake_expect(&c, FRAME_OBSERVED_CALL, &got);
		assert_string_equal((char *)got.body, "question");
		fake_expect(server, FRAME_CALL, &got);
		fake_answer(server, got.frame.correlation);
		fake_expect(&c, FRAME_OBSERVED_REPLY, &got);
		assert_string_equal((char *)got.body, "answer");
		fake_expect(caller, FRAME_REPLY, &got);
		fake_expect_silence(&c);
		fake_unsubscribe(&c, 1);
		fake_expect(&c, FRAME_RESULT, &got);
		fake_send(server, &unserve, "", id, sizeof(id));
		fake_expect(server, FRAME_RESULT, &got);
	}
	fake_leave(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_fails_leaves_nothing_behind),
		cmocka_unit_test_setup_teardown(an_observer_sees_each_call_once,
						fake_leaf_set_up,
						fake_leaf_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
