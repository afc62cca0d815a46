/* SPDX-License-Identifier: MIT */

/* Calls between a leaf and its host, and what becomes of all when one goes. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "switch/policy.h"
#include "tests/fault.h"
#include "tests/unit/switch/fake_leaf.h"
#include "transports/channel.h"
#include "transports/pair.h"

static void calls_go_both_ways(void **state)
{
	fake_serve(&a, 2, "up.svc", 4);
	fake_serve(&h, 2, "down.svc", 4);
	fake_call(&h, 1, 0, "up.svc");
	fake_expect(&a, FRAME_CALL, &got);
	assert_string_equal((char *)got.body, "question");
	fake_answer(&a, got.frame.correlation);
	fake_expect(&h, FRAME_REPLY, &got);
	assert_string_equal((char *)got.body, "answer");
	fake_call(&b, 5, 0, "down.svc");
	fake_expect(&h, FRAME_CALL, &got);
	fake_answer(&h, got.frame.correlation);
	fake_expect(&b, FRAME_REPLY, &got);
	assert_int_equal(got.frame.correlation, 5);
	assert_string_equal((char *)got.body, "answer");
	fake_call(&b, 6, 0, "nobody");
	fake_expect_status(&b, 6, STATUS_UNAVAILABLE, false);
}

static void a_server_at_hand_is_preferred(void **state)
{
	fake_serve(&h, 2, "svc", 4);
	fake_serve(&a, 2, "svc", 4);
	for (uint64_t i = 1; i <= 2; i++) {
		fake_call(&b, i, 0, "svc");
		fake_expect(&a, FRAME_CALL, &got);
	}
	fake_expect_silence(&h);
	assert_int_equal(uplink.slots.next == &uplink.slots, 1);
}

static void cancels_and_ends_reach_the_other_side(void **state)
{
	struct frame cancel = { .kind = FRAME_CANCEL, .correlation = 5 };
	uint64_t id;

	fake_serve(&a, 2, "up.svc", 4);
	fake_serve(&h, 2, "down.svc", 4);
	fake_call(&b, 5, 0, "down.svc");
	fake_expect(&h, FRAME_CALL, &got);
	id = got.frame.correlation;
	fake_send(&b, &cancel, "", NULL, 0);
	fake_expect(&h, FRAME_CANCEL, &got);
	assert_int_equal(got.frame.correlation, id);
	fake_call(&h, 5, 0, "up.svc");
	fake_expect(&a, FRAME_CALL, &got);
	id = got.frame.correlation;
	fake_send(&h, &cancel, "", NULL, 0);
	fake_expect(&a, FRAME_CANCEL, &got);
	assert_int_equal(got.frame.correlation, id);
}

/* The leaf says so in the bus's name, and the host believes it. */
static void a_server_that_dies_with_a_call(void **state)
{
	struct fake_peer c;

	fake_join(&leaf, "c", &c);
	fake_serve(&c, 2, "svc", 4);
	fake_call(&h, 5, 0, "svc");
	fake_expect(&c, FRAME_CALL, &got);
	fake_leave(&c);
	fake_expect_status(&h, 5, STATUS_UNAVAILABLE, true);
}

static void set_host_policy(const char *text)
{
	struct policy *policy;
	char error[256];

	assert_int_equal(policy_parse("new", text, strlen(text), error,
				      sizeof(error), &policy),
			 0);
	bus_set_policy(&host.bus, policy);
	world_settle(&host);
}

/* It need not announce anybody to find out. */
static void a_leaf_that_may_announce_nobody(void **state)
{
	fake_leaf_lose();
	set_host_policy("allow ** any >\n");
	fake_leaf_connect();
	assert_null(uplink.peer);
	assert_true(uplink.is_refused);
	assert_int_equal(n_there, 1);
	assert_non_null(strstr(uplink.away, "allow vm:web uplink leaf"));
	assert_string_equal(why_failed, "");
	fake_call(&b, 5, 0, "svc");
	fake_expect_status(&b, 5, STATUS_UNAVAILABLE, false);

	set_host_policy("allow vm:web uplink leaf\nallow ** any >\n");
	fake_leaf_connect();
	assert_false(uplink.is_refused);
	assert_int_equal(n_there, 2);
}

/* Its programs are told why: what the host said last. */
static void a_leaf_without_the_right(void **state)
{
	set_host_policy("allow ** any >\n");
	assert_null(uplink.peer);
	fake_call(&b, 5, 0, "svc");
	fake_expect(&b, FRAME_REPLY, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	assert_non_null(strstr((char *)got.body, "lost the right uplink"));
}

static void a_call_may_wait_for_a_server(void **state)
{
	fake_call(&b, 5, FRAME_WAIT, "later");
	fake_expect_silence(&b);
	fake_serve(&h, 2, "later", 4);
	fake_expect(&h, FRAME_CALL, &got);
	fake_call(&h, 6, FRAME_WAIT, "sooner");
	fake_serve(&a, 3, "sooner", 4);
	fake_expect(&a, FRAME_CALL, &got);
}

static void an_uplink_that_is_away(void **state)
{
	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_serve(&h, 2, "svc", 4);
	fake_call(&b, 5, 0, "svc");
	fake_publish_asking(FRAME_ACK_ROUTED, 6, "y.y");
	fake_expect(&b, FRAME_ACK, &got);
	fake_leaf_lose();
	fake_expect_status(&b, 5, STATUS_UNAVAILABLE, true);
	fake_publish(&b, "x.y", "alone");
	fake_expect_message(&a, "x.y", "alone");
	fake_subscribe(&b, 1, "z", 10, STATUS_UNAVAILABLE);
	fake_publish_asking(FRAME_ACK_STORED, 9, "x.y");
	fake_expect(&b, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, STATUS_UNAVAILABLE);
	fake_expect_silence(&a);
	fake_call(&b, 7, 0, "svc");
	fake_expect_status(&b, 7, STATUS_UNAVAILABLE, false);
}

static void an_uplink_that_comes_back(void **state)
{
	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_serve(&a, 2, "svc", 4);
	fake_join_group(&b, 10);
	fake_leaf_lose();
	fake_call(&b, 7, FRAME_WAIT, "late");
	fake_leaf_connect();
	assert_int_equal(n_there, 2);
	fake_expect(&a, FRAME_GAP, &got);
	assert_int_equal(le32_load(got.body), 1);
	assert_int_equal(le32_load(got.body + 4), 3);
	assert_int_equal(le64_load(got.body + 8), 0);
	fake_publish(&h, "x.y", "back");
	fake_expect_message(&a, "x.y", "back");
	fake_call(&h, 1, 0, "svc");
	fake_expect(&a, FRAME_CALL, &got);
	fake_publish(&a, "work", "1");
	fake_expect(&b, FRAME_GAP, &got);
	fake_expect_message(&b, "work", "1");
	fake_serve(&h, 3, "late", 4);
	fake_expect(&h, FRAME_CALL, &got);
}

static void who_goes_is_forgotten(void **state)
{
	struct fake_peer c;

	fake_join(&leaf, "c", &c);
	fake_subscribe(&h, 1, "$sys.peer.*", 10, STATUS_OK);
	fake_subscribe(&c, 1, "x.*", 10, STATUS_OK);
	fake_serve(&c, 2, "svc", 4);
	fake_leave(&c);
	fake_expect(&h, FRAME_MESSAGE, &got);
	assert_string_equal(got.subject, "$sys.peer.down");
	assert_non_null(memmem(got.body, got.n_body, "vm:web/vm:c", 11));
	assert_int_equal(uplink.envoys.n_nodes, 0);
	assert_int_equal(uplink.n_announced, 2);
	assert_int_equal(host.bus.endpoints.by_subject.n_nodes, 0);
}

/* What the host allowed, it may take back. */
static void a_policy_of_the_host_that_changes(void **state)
{
	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_serve(&a, 2, "svc", 4);
	set_host_policy("allow vm:web uplink leaf\nallow vm:h any >\n");
	for (unsigned i = 0; i < 2; i++) {
		fake_expect(&a, FRAME_RESULT, &got);
		assert_int_equal(got.frame.status, STATUS_PERMISSION_DENIED);
		assert_true(got.frame.correlation & FRAME_SWITCH_DRAWN);
	}
	assert_int_equal(uplink.envoys.n_nodes, 0);
	fake_publish(&b, "x.y", "1");
	fake_expect(&b, FRAME_REFUSED, &got);
	fake_expect_silence(&a);
}

/* The host's loop stands still: nothing is lost, and nobody is ended. */
static void a_full_uplink_holds_back_who_fills_it(void **state)
{
	static uint8_t body[16 * 1024];
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };
	unsigned n_sent = 0;
	unsigned n_came = 0;

	fake_subscribe(&h, 1, "x.*", 1000, STATUS_OK);
	leaf.beside = NULL;
	for (unsigned i = 0; i < 200; i++) {
		uint8_t *room;

		world_settle(&leaf);
		frame.n_subject = 3;
		frame_set_body(&frame, sizeof(body));
		if (channel_reserve(b.channel, frame.length, &room))
			break;
		room += frame_encode(&frame, room);
		memcpy(room, "x.y", 3);
		memcpy(room + 3, body, sizeof(body));
		channel_commit(b.channel, frame.length);
		channel_flush(b.channel);
		n_sent++;
	}
	assert_in_range(n_sent, 20, 199);
	assert_true(outbox_bytes(&uplink.peer->outbox) < 1 << 20);
	fake_publish(&a, "y", "another is heard");
	leaf.beside = &host;
	world_settle(&leaf);
	while (n_came < n_sent) {
		fake_expect(&h, FRAME_MESSAGE, &got);
		n_came++;
	}
	fake_expect_silence(&h);
}

/* Each leads to the other: who finds out says so, and ends. */
static void a_loop_is_told(void **state)
{
	struct uplink other;
	struct uplink_options options = { .on_failed = fake_leaf_failed };
	struct channel *ours;
	struct channel *theirs;

	assert_int_equal(uplink_init(&other, &host.bus, &options), 0);
	assert_int_equal(pair_new(65536, &ours, &theirs), 0);
	theirs->evidence.kind = EVIDENCE_SOCKET;
	memcpy(theirs->evidence.name, "vm:up", sizeof("vm:up"));
	assert_int_equal(uplink_take(&other, ours), 0);
	assert_int_equal(bus_add_channel(&leaf.bus, theirs), 0);
	world_settle(&host);
	assert_string_equal(other.path, "vm:web/vm:up");
	fake_leaf_lose();
	fake_leaf_connect();
	assert_non_null(strstr(why_failed, "vm:web/vm:up/vm:web"));
	assert_non_null(strstr(why_failed, "lead back to this switch"));
	if (other.peer)
		peer_end(other.peer, STATUS_OK, "the test is over");
	world_settle(&host);
	uplink_deinit(&other);
}

static void do_everything(void)
{
	fake_publish(&b, "x.y", "1");
	fake_publish(&h, "x.y", "1");
	fake_call(&b, 5, 0, "svc");
	fake_call(&h, 5, 0, "own");
}

/* Each allocation of a renewal fails once: it comes back the next time. */
static void a_renewal_without_memory(void **state)
{
	fake_subscribe(&a, 1, "x.*", 10, STATUS_OK);
	fake_serve(&a, 2, "own", 4);
	fake_serve(&h, 2, "svc", 4);
	fake_join_group(&b, 10);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		fake_leaf_lose();
		fault_arm(n);
		(void)fake_leaf_try();
		world_settle(&host);
		fault_disarm();
		if (!fault_hit())
			break;
	}
	fake_leaf_lose();
	fake_leaf_connect();
	do_everything();
	while (fake_next(&h, &got))
		;
	while (fake_next(&b, &got))
		;
}

int main(void)
{
#define test(name)                                              \
	cmocka_unit_test_setup_teardown(name, fake_leaf_set_up, \
					fake_leaf_tear_down)
	const struct CMUnitTest tests[] = {
		test(calls_go_both_ways),
		test(a_server_at_hand_is_preferred),
		test(cancels_and_ends_reach_the_other_side),
		test(a_server_that_dies_with_a_call),
		test(a_leaf_without_the_right),
		test(a_leaf_that_may_announce_nobody),
		test(a_call_may_wait_for_a_server),
		test(an_uplink_that_is_away),
		test(an_uplink_that_comes_back),
		test(who_goes_is_forgotten),
		test(a_policy_of_the_host_that_changes),
		test(a_full_uplink_holds_back_who_fills_it),
		test(a_loop_is_told),
		test(a_renewal_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
