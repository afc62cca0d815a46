/* SPDX-License-Identifier: MIT */

/*
 * Every allocation that a peer can cause fails once: then nothing leaks, and
 * the others go on as if nothing had been.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "switch/policy.h"
#include "tests/fault.h"
#include "tests/unit/switch/fake_peer.h"
#include "transports/channel.h"
#include "transports/pair.h"

static struct world world;
static struct fake_peer a; /* does something */
static struct fake_peer b; /* has a part in it */
static struct fake_peer witness;
static struct got got;

static void try_subscribe(struct fake_peer *peer,
			  const Helio__Bus__V1__Subscribe *subscribe)
{
	struct frame frame = { .kind = FRAME_SUBSCRIBE };
	uint8_t body[64];

	fake_try_send(peer, &frame, "x.*", body,
		      helio__bus__v1__subscribe__pack(subscribe, body));
}

static void try_call(uint8_t flags)
{
	struct frame frame = { .kind = FRAME_CALL,
			       .flags = FRAME_WHOLE | flags,
			       .correlation = 1 };

	fake_try_send(&a, &frame, "svc.x", "question", 8);
}

static void try_fragment(struct fake_peer *peer, enum frame_kind kind,
			 uint8_t flags, uint64_t id, const char *subject)
{
	struct frame frame = { .kind = (uint8_t)kind,
			       .flags = flags,
			       .correlation = id,
			       .total_bytes = 30 };

	if (flags & FRAME_FIRST)
		frame.flags |= FRAME_EXTENDED;
	fake_try_send(peer, &frame, subject, "0123456789", 10);
}

static void subscribe_plainly(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = 1;
	subscribe.id = 1;
	try_subscribe(&a, &subscribe);
}

static void subscribe_to_the_latest(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_overflow = 1;
	subscribe.id = 1;
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__LATEST;
	try_subscribe(&a, &subscribe);
}

static void subscribe_in_a_group(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char group[] = "g";

	subscribe.has_id = 1;
	subscribe.id = 1;
	subscribe.group = group;
	try_subscribe(&a, &subscribe);
}

static void capture(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char log[] = "log";

	subscribe.has_id = 1;
	subscribe.id = 1;
	subscribe.capture = log;
	try_subscribe(&a, &subscribe);
}

static void observe(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.id = 1;
	subscribe.observe = 1;
	try_subscribe(&a, &subscribe);
}

static void serve_a_service(void)
{
	Helio__Bus__V1__Serve serve = HELIO__BUS__V1__SERVE__INIT;
	struct frame frame = { .kind = FRAME_SERVE };
	char x[] = "x";
	char y[] = "y";
	char *methods[] = { x, y };
	uint8_t body[64];

	serve.has_id = 1;
	serve.id = 1;
	serve.methods = methods;
	serve.n_methods = 2;
	fake_try_send(&a, &frame, "svc", body,
		      helio__bus__v1__serve__pack(&serve, body));
}

static void prepare_server(void)
{
	fake_serve(&b, 1, "svc.x", 10);
}

static void prepare_observer(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	prepare_server();
	subscribe.has_id = subscribe.has_observe = 1;
	subscribe.id = 2;
	subscribe.observe = 1;
	fake_subscribe_with(&b, &subscribe, "svc.*", STATUS_OK);
}

static void call(void)
{
	try_call(0);
}

static void call_and_wait(void)
{
	try_call(FRAME_WAIT);
}

static void call_in_fragments(void)
{
	try_fragment(&a, FRAME_CALL, FRAME_FIRST | FRAME_WAIT, 1, "svc.x");
	try_fragment(&a, FRAME_CALL, 0, 1, "");
	try_fragment(&a, FRAME_CALL, FRAME_LAST, 1, "");
}

static void prepare_call(void)
{
	prepare_server();
	fake_call(&a, 1, 0, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
}

static void reply_in_fragments(void)
{
	uint64_t id = got.frame.correlation;

	try_fragment(&b, FRAME_REPLY, FRAME_FIRST, id, "");
	try_fragment(&b, FRAME_REPLY, FRAME_LAST, id, "");
}

static void open_a_stream(void)
{
	try_call(FRAME_STREAM);
}

static void prepare_stream(void)
{
	prepare_observer();
	fake_call(&a, 1, FRAME_STREAM, "svc.x");
	fake_expect(&b, FRAME_CALL, &got);
}

static void stream_in_fragments(void)
{
	uint64_t id = got.frame.correlation;

	try_fragment(&b, FRAME_NEXT, FRAME_FIRST, id, "");
	try_fragment(&b, FRAME_NEXT, 0, id, "");
	try_fragment(&b, FRAME_NEXT, FRAME_LAST, id, "");
}

/* One without credit, one with; both must see all or an end. */
static void prepare_subscribers(void)
{
	fake_subscribe(&b, 1, "x.y", 0, STATUS_OK);
	fake_subscribe(&b, 2, "x.*", 10, STATUS_OK);
}

static void publish_whole(void)
{
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	fake_try_send(&a, &frame, "x.y", "m", 1);
}

static void publish_in_fragments(void)
{
	try_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 1, "x.y");
	try_fragment(&a, FRAME_MESSAGE, 0, 1, "");
	try_fragment(&a, FRAME_MESSAGE, FRAME_LAST, 1, "");
}

static void prepare_follower(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;

	subscribe.has_id = subscribe.has_overflow = 1;
	subscribe.id = 1;
	subscribe.overflow = HELIO__BUS__V1__OVERFLOW__LATEST;
	fake_subscribe_with(&b, &subscribe, "x.*", STATUS_OK);
}

static void prepare_log(void)
{
	Helio__Bus__V1__Subscribe subscribe = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char log[] = "log";

	subscribe.has_id = subscribe.has_credit_messages = 1;
	subscribe.has_credit_bytes = 1;
	subscribe.id = 1;
	subscribe.credit_messages = 10;
	subscribe.credit_bytes = 10000;
	subscribe.capture = log;
	fake_subscribe_with(&b, &subscribe, "x.*", STATUS_OK);
}

static void publish_stored(void)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | FRAME_ACK_STORED,
			       .correlation = 1 };

	fake_try_send(&a, &frame, "x.y", "m", 1);
}

/* Refusals that are not read: they come to stand in the outbox. */
static void be_refused(void)
{
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	for (unsigned i = 0; i < 3000; i++)
		fake_try_send(&a, &frame, "$x", "", 0);
}

/* Half a frame, and then the rest, across the end of the ring. */
static void be_cut(void)
{
	static const uint8_t body[60000];
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	fake_try_send(&a, &frame, "x.y", body, sizeof(body));
	fake_try_send(&a, &frame, "x.y", body, sizeof(body));
}

static void nothing(void)
{
}

struct deed {
	const char *name;
	void (*prepare)(void);
	void (*act)(void);
};

static const struct deed deeds[] = {
	{ "subscribe", nothing, subscribe_plainly },
	{ "latest", nothing, subscribe_to_the_latest },
	{ "group", nothing, subscribe_in_a_group },
	{ "capture", nothing, capture },
	{ "observe", nothing, observe },
	{ "serve", nothing, serve_a_service },
	{ "call", prepare_server, call },
	{ "observed call", prepare_observer, call },
	{ "call that waits", nothing, call_and_wait },
	{ "call in fragments", prepare_server, call_in_fragments },
	{ "call that waits in fragments", nothing, call_in_fragments },
	{ "reply in fragments", prepare_call, reply_in_fragments },
	{ "stream", prepare_server, open_a_stream },
	{ "observed stream", prepare_stream, stream_in_fragments },
	{ "publish", prepare_subscribers, publish_whole },
	{ "publish in fragments", prepare_subscribers, publish_in_fragments },
	{ "publish to the latest", prepare_follower, publish_whole },
	{ "publish to a log", prepare_log, publish_stored },
	{ "refusals", nothing, be_refused },
	{ "long frames", prepare_subscribers, be_cut },
};

/* Less may come than should, but nothing of somebody who was not announced. */
static void hear_out(struct fake_peer *peer)
{
	while (fake_next(peer, &got)) {
		if (!got.frame.source)
			continue;
		assert_in_range(got.frame.source, 1, FAKE_KNOWN_MAX - 1);
		assert_string_not_equal(peer->known[got.frame.source], "");
	}
}

/* Returns whether the allocation came, and failed. */
static bool act_with_fault(const struct deed *deed, unsigned n)
{
	world_init(&world, NULL);
	fake_join(&world, "a", &a);
	fake_join(&world, "b", &b);
	fake_join(&world, "witness", &witness);
	fake_subscribe(&witness, 1, "w", 100, STATUS_OK);
	deed->prepare();

	fault_arm(n);
	deed->act();
	fault_disarm();

	hear_out(&a);
	hear_out(&b);
	fake_publish(&witness, "w", deed->name);
	fake_expect_message(&witness, "w", deed->name);
	fake_leave(&a);
	fake_leave(&b);
	fake_leave(&witness);
	world_deinit(&world);
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

static void a_switch_without_memory_is_none(void **state)
{
	static struct bus bus;
	bool was_hit = true;

	for (unsigned n = 0; was_hit; n++) {
		struct policy *policy;
		char error[64];
		int r;

		assert_int_equal(policy_parse("test", "", 0, error,
					      sizeof(error), &policy),
				 0);
		fault_arm(n);
		r = bus_init(&bus, policy, &bus_default_limits);
		fault_disarm();
		was_hit = fault_hit();
		assert_int_equal(r, was_hit ? -ENOMEM : 0);
		if (was_hit)
			policy_free(policy);
		else
			bus_deinit(&bus);
	}
}

static void a_channel_is_not_owned_when_there_is_no_memory(void **state)
{
	bool was_hit = true;

	for (unsigned n = 0; was_hit; n++) {
		struct channel *ours;
		struct channel *theirs;
		int r;

		world_init(&world, NULL);
		assert_int_equal(pair_new(4096, &ours, &theirs), 0);
		theirs->evidence.kind = EVIDENCE_SOCKET;
		memcpy(theirs->evidence.name, "vm:a", 5);
		fault_arm(n);
		r = bus_add_channel(&world.bus, theirs);
		fault_disarm();
		was_hit = fault_hit();
		assert_int_equal(r, was_hit ? -ENOMEM : 0);
		if (was_hit)
			channel_free(theirs);
		channel_free(ours);
		world_deinit(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_switch_without_memory_is_none),
		cmocka_unit_test(
			a_channel_is_not_owned_when_there_is_no_memory),
		cmocka_unit_test(whatever_fails_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
