/* SPDX-License-Identifier: MIT */

/* Fragments to several, and what happens where something is full. */

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "helio/switch/v1/events.pb-c.h"
#include "switch/peer.h"
#include "tests/unit/switch/stage.h"

/* With an id, and nothing else told. */
static Helio__Bus__V1__Subscribe options_of(uint32_t id)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;

	options.has_id = 1;
	options.id = id;
	options.has_credit_messages = options.has_credit_bytes = 1;
	return options;
}

static void subscribe_overflowing(struct fake_peer *peer, const char *pattern,
				  Helio__Bus__V1__Overflow overflow,
				  uint32_t n_messages)
{
	Helio__Bus__V1__Subscribe options = options_of(1);

	options.has_overflow = options.has_queue_messages = 1;
	options.overflow = overflow;
	options.queue_messages = n_messages;
	fake_subscribe_with(peer, &options, pattern, STATUS_OK);
}

static void expect_fragment(struct fake_peer *peer, uint8_t flags)
{
	fake_expect(peer, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.flags & FRAME_WHOLE, flags);
}

static void who_unsubscribes_midway_gets_no_more(void **state)
{
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_subscribe(&c, 1, "x", 10, STATUS_OK);
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 1, "x", 30, 10);
	expect_fragment(&b, FRAME_FIRST);
	expect_fragment(&c, FRAME_FIRST);
	fake_unsubscribe(&b, 1);
	fake_expect(&b, FRAME_RESULT, &got);
	fake_fragment(&a, FRAME_MESSAGE, 0, 1, "", 0, 10);
	fake_fragment(&a, FRAME_MESSAGE, FRAME_LAST, 1, "", 0, 10);
	expect_fragment(&c, 0);
	expect_fragment(&c, FRAME_LAST);
	fake_expect_silence(&b);
	fake_expect_silence(&c);
}

/* Decided for all of it: the log, or a member, has room for the whole. */
static void fragments_go_where_the_whole_fits(void **state)
{
	Helio__Bus__V1__Subscribe options = options_of(1);
	struct frame stored = { .kind = FRAME_MESSAGE,
				.flags = FRAME_FIRST | FRAME_EXTENDED |
					 FRAME_ACK_STORED,
				.correlation = 9,
				.total_bytes = 2000 };
	char group[] = "g";
	char log[] = "log";

	options.group = group;
	options.credit_messages = 10;
	options.credit_bytes = 1000;
	options.has_queue_bytes = 1;
	options.queue_bytes = 1000;
	fake_subscribe_with(&b, &options, "x", STATUS_OK);
	options.queue_bytes = 50000;
	fake_subscribe_with(&c, &options, "x", STATUS_OK);
	for (unsigned i = 0; i < 3; i++) {
		fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 1 + i, "x", 2000,
			      10);
		expect_fragment(&c, FRAME_FIRST);
	}
	fake_expect_silence(&b);

	options.group = NULL;
	options.capture = log;
	options.id = 2;
	options.queue_bytes = 1000;
	fake_subscribe_with(&b, &options, "y", STATUS_OK);
	fake_subscribe(&c, 2, "y", 10, STATUS_OK);
	fake_send(&a, &stored, "y", "m", 1);
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	fake_expect_silence(&c);
}

/* Whole messages go, older ones first, and fragments stay. */
static void drop_old_keeps_what_has_begun(void **state)
{
	subscribe_overflowing(&b, "x", HELIO__BUS__V1__OVERFLOW__DROP_OLD, 4);
	fake_publish(&a, "x", "old");
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 1, "x", 20, 10);
	fake_publish(&a, "x", "1");
	fake_publish(&a, "x", "2");
	fake_fragment(&a, FRAME_MESSAGE, FRAME_LAST, 1, "", 0, 10);
	fake_credit(&b, 1, 100, 10000);
	fake_expect(&b, FRAME_GAP, &got);
	expect_fragment(&b, FRAME_FIRST);
	fake_expect(&b, FRAME_GAP, &got);
	fake_expect_message(&b, "x", "2");
	expect_fragment(&b, FRAME_LAST);
	fake_expect_silence(&b);
}

static void an_aborted_message_ends_at_its_subscribers(void **state)
{
	struct frame abort = { .kind = FRAME_ABORT, .correlation = 1 };

	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 1, "x", 30, 10);
	fake_send(&a, &abort, "", "why", 3);
	expect_fragment(&b, FRAME_FIRST);
	fake_expect(&b, FRAME_ABORT, &got);
	fake_expect_silence(&b);
	assert_int_equal(world.bus.stats.n_dropped, 1);
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 1, "x", 30, 10);
	world.now_ns += 31 * NS_PER_S;
	world_settle(&world);
	fake_expect_end(&a, "a message was begun and not finished in time");
	expect_fragment(&b, FRAME_FIRST);
	fake_expect(&b, FRAME_ABORT, &got);
}

static void a_full_quota_names_itself(void **state)
{
	const char *of_a = stage_account("vm:a")->owner;
	struct frame frame = { .kind = FRAME_SUBSCRIBE, .correlation = 5 };
	static const uint8_t id_2[] = { 8, 2 };
	char text[300];

	stage_limit("vm:a", RESOURCE_SUBSCRIPTIONS, 1);
	fake_subscribe(&a, 1, "x", 10, STATUS_OK);
	fake_send(&a, &frame, "y", id_2, sizeof(id_2));
	fake_expect(&a, FRAME_RESULT, &got);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	snprintf(text, sizeof(text),
		 "quota of subscriptions of %s is full: 1 of 1", of_a);
	assert_string_equal((char *)got.body, text);

	stage_limit("vm:a", RESOURCE_SLOTS, 1);
	fake_call(&a, 1, FRAME_WAIT, "svc");
	fake_call(&a, 2, FRAME_WAIT, "svc");
	fake_expect(&a, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_RESOURCE_EXHAUSTED);
	snprintf(text, sizeof(text), "quota of slots of %s is full: 1 of 1",
		 of_a);
	assert_string_equal((char *)got.body, text);

	stage_limit("vm:a", RESOURCE_OPEN_MESSAGES, 0);
	fake_fragment(&a, FRAME_MESSAGE, FRAME_FIRST, 9, "x", 30, 10);
	snprintf(text, sizeof(text),
		 "quota of open messages of %s is full: 0 of 0", of_a);
	fake_expect_end(&a, text);
}

static void the_queue_is_charged_to_who_subscribes(void **state)
{
	stage_limit("vm:b", RESOURCE_QUEUED_MESSAGES, 3);
	subscribe_overflowing(&b, "x", HELIO__BUS__V1__OVERFLOW__DROP_NEW, 99);
	subscribe_overflowing(&c, "x", HELIO__BUS__V1__OVERFLOW__DROP_NEW, 99);
	for (unsigned i = 0; i < 4; i++)
		fake_publish(&a, "x", "m");
	fake_credit(&b, 1, 100, 10000);
	fake_credit(&c, 1, 100, 10000);
	fake_expect_message(&b, "x", "m");
	fake_expect_message(&b, "x", "m");
	fake_expect(&b, FRAME_GAP, &got);
	for (unsigned i = 0; i < 4; i++)
		fake_expect_message(&c, "x", "m");
	fake_expect_silence(&a);
}

/* One subject may grow, but not beyond the bytes of the queue. */
static void latest_keeps_within_its_bytes(void **state)
{
	Helio__Bus__V1__Subscribe options = options_of(1);
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	static const uint8_t body[2000];

	options.has_overflow = options.has_queue_bytes = 1;
	options.overflow = HELIO__BUS__V1__OVERFLOW__LATEST;
	options.queue_bytes = 1000;
	fake_subscribe_with(&b, &options, ">", STATUS_OK);
	fake_send(&a, &frame, "x", body, 10);
	fake_send(&a, &frame, "y", body, 10);
	fake_send(&a, &frame, "x", body, 2000);
	fake_send(&a, &frame, "y", body, 800);
	fake_credit(&b, 1, 100, 100000);
	fake_expect(&b, FRAME_GAP, &got);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.n_body, 10);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.n_body, 800);
}

static void expect_event(struct fake_peer *peer, const char *subject,
			 const char *principal, const char *reason)
{
	Helio__Switch__V1__PeerEvent *event;

	fake_expect(peer, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, subject);
	assert_int_equal(got.frame.source, 0);
	event = helio__switch__v1__peer_event__unpack(NULL, got.n_body,
						      got.body);
	assert_non_null(event);
	assert_string_equal(event->principal, principal);
	assert_string_equal(event->reason, reason);
	helio__switch__v1__peer_event__free_unpacked(event, NULL);
}

static void peers_that_come_and_go_are_told_of(void **state)
{
	struct fake_peer d;

	fake_subscribe(&a, 1, "$sys.peer.*", 100, STATUS_OK);
	fake_join(&world, "d", &d);
	expect_event(&a, "$sys.peer.up", "vm:d", "");
	fake_leave(&d);
	expect_event(&a, "$sys.peer.down", "vm:d", "the peer is gone");
	/* One that never said HELLO was never there. */
	fake_connect(&world, "d", 4096, &d);
	fake_leave(&d);
	fake_expect_silence(&a);
}

/* Without a line that says so, and of nobody else. */
static void a_principal_hears_what_is_about_itself(void **state)
{
	struct fake_peer d;

	stage_set_policy("allow vm:a subscribe x\n");
	fake_subscribe(&a, 1, "$sys.own.vm:a.*", 100, STATUS_OK);
	fake_subscribe(&a, 2, "$sys.own.vm:b.*", 100, STATUS_PERMISSION_DENIED);
	fake_subscribe(&a, 2, "$sys.peer.>", 100, STATUS_PERMISSION_DENIED);
	fake_join(&world, "d", &d);
	fake_leave(&d);
	fake_join(&world, "a", &d);
	expect_event(&a, "$sys.own.vm:a.up", "vm:a", "");
	fake_leave(&d);
	expect_event(&a, "$sys.own.vm:a.down", "vm:a", "the peer is gone");
	fake_expect_silence(&a);
}

/* Each would end the next, and the first itself, from within its own end. */
static void news_of_an_end_that_ends_others_goes_no_deeper(void **state)
{
	static struct fake_peer peers[20];
	struct fake_peer d;

	for (unsigned i = 0; i < 20; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%u", i);
		fake_join(&world, name, &peers[i]);
		subscribe_overflowing(&peers[i], "$sys.peer.down",
				      HELIO__BUS__V1__OVERFLOW__DISCONNECT, 1);
	}
	for (unsigned i = 0; i < 2; i++) {
		fake_join(&world, "d", &d);
		fake_leave(&d);
	}
	for (unsigned i = 0; i < 20; i++) {
		fake_expect_end(&peers[i], "a subscription's queue is full");
		fake_leave(&peers[i]);
	}
	assert_int_equal(world.bus.n_peers, 3);
}

/* Refusals that it does not read, until it is not heard any more. */
static void choke(struct fake_peer *peer)
{
	static uint8_t storm[64 * 1024];
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	uint8_t *room;
	size_t n = 0;

	frame.n_subject = 2;
	frame_set_body(&frame, 0);
	while (n + 34 <= sizeof(storm)) {
		n += frame_encode(&frame, storm + n);
		storm[n++] = '$';
		storm[n++] = 'x';
	}
	for (unsigned i = 0; i < 100; i++) {
		if (channel_reserve(peer->channel, n, &room))
			return;
		memcpy(room, storm, n);
		channel_commit(peer->channel, n);
		channel_flush(peer->channel);
		world_settle(&world);
	}
	fail_msg("it is still heard");
}

static void a_choked_peer_slows_nobody_and_is_heard_again(void **state)
{
	choke(&a);
	fake_subscribe(&b, 1, "x", 10, STATUS_OK);
	fake_publish(&c, "x", "m");
	fake_expect_message(&b, "x", "m");
	assert_true(bus_sleep(&world.bus));
	while (fake_next(&a, &got))
		assert_int_equal(got.frame.kind, FRAME_REFUSED);
	fake_publish(&a, "x", "m");
	fake_expect_message(&b, "x", "m");
}

static void a_choked_peer_that_dies_is_noticed(void **state)
{
	choke(&a);
	fake_leave(&a);
	(void)bus_sleep(&world.bus);
	world_settle(&world);
	assert_int_equal(world.bus.n_peers, 2);
	fake_join(&world, "a", &a);
}

static void a_choked_peer_that_takes_nothing_is_ended(void **state)
{
	choke(&a);
	world.now_ns += 31 * NS_PER_S;
	world_settle(&world);
	assert_int_equal(world.bus.n_peers, 2);
}

/* What waits of replies has a bound; beyond it a call gets only a status. */
static void who_does_not_take_its_replies_has_its_calls_ended(void **state)
{
	enum { N_CALLS = 400 };
	static const uint8_t body[60000];
	static uint64_t ids[N_CALLS];
	struct frame reply = { .kind = FRAME_REPLY, .flags = FRAME_WHOLE };
	unsigned n_failed = 0;
	unsigned n_ok = 0;

	fake_serve(&b, 1, "svc", N_CALLS);
	for (unsigned i = 0; i < N_CALLS; i++) {
		fake_call(&a, 1 + i, 0, "svc");
		fake_expect(&b, FRAME_CALL, &got);
		ids[i] = got.frame.correlation;
	}
	for (unsigned i = 0; i < N_CALLS; i++) {
		reply.correlation = ids[i];
		fake_send(&b, &reply, "", body, sizeof(body));
	}
	assert_int_equal(world.bus.slots.n_slots, 0);
	while (fake_next(&a, &got)) {
		n_failed += got.frame.status == STATUS_RESOURCE_EXHAUSTED;
		n_ok += got.frame.status == STATUS_OK;
	}
	assert_int_equal(n_ok + n_failed, N_CALLS);
	assert_in_range(n_ok, 270, 290);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(who_unsubscribes_midway_gets_no_more),
		TEST_OF_THREE(fragments_go_where_the_whole_fits),
		TEST_OF_THREE(drop_old_keeps_what_has_begun),
		TEST_OF_THREE(an_aborted_message_ends_at_its_subscribers),
		TEST_OF_THREE(a_full_quota_names_itself),
		TEST_OF_THREE(the_queue_is_charged_to_who_subscribes),
		TEST_OF_THREE(latest_keeps_within_its_bytes),
		TEST_OF_THREE(peers_that_come_and_go_are_told_of),
		TEST_OF_THREE(a_principal_hears_what_is_about_itself),
		TEST_OF_THREE(news_of_an_end_that_ends_others_goes_no_deeper),
		TEST_OF_THREE(a_choked_peer_slows_nobody_and_is_heard_again),
		TEST_OF_THREE(a_choked_peer_that_dies_is_noticed),
		TEST_OF_THREE(a_choked_peer_that_takes_nothing_is_ended),
		TEST_OF_THREE(
			who_does_not_take_its_replies_has_its_calls_ended),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
