/* SPDX-License-Identifier: MIT */

/* Room for messages in fragments: in the queue, and for the rest in credit. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/le.h"
#include "helio/bus/v1/control.pb-c.h"
#include "switch/receiver.h"
#include "tests/unit/switch/fake_peer.h"

/* Credit of which none is kept. */
enum { SPARE_BYTES = 2 * FRAME_MAX_BYTES };

static struct world world;
static struct got got;
static struct fake_peer a;
static struct fake_peer witness;
static struct fake_peer b;

static int set_up(void **state)
{
	world_init(&world, NULL);
	fake_join(&world, "a", &a);
	fake_join(&world, "witness", &witness);
	fake_join(&world, "b", &b);
	return 0;
}

static int tear_down(void **state)
{
	fake_leave(&a);
	fake_leave(&witness);
	fake_leave(&b);
	world_deinit(&world);
	return 0;
}

/* To `x`, with a queue for little, and half of this much to be kept. */
static void subscribe(uint64_t credit_bytes)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;

	options.has_id = options.has_queue_bytes = 1;
	options.has_credit_messages = options.has_credit_bytes = 1;
	options.id = 1;
	options.queue_bytes = 1000;
	options.credit_messages = 1000;
	options.credit_bytes = SPARE_BYTES + credit_bytes;
	fake_subscribe_with(&b, &options, "x", STATUS_OK);
}

static uint64_t credit_left(void)
{
	return container_of(world.bus.receivers.next, struct receiver, all_link)
		       ->credit_bytes -
	       SPARE_BYTES;
}

static void begin(struct fake_peer *peer, uint64_t id, uint64_t total_bytes,
		  size_t n)
{
	fake_fragment(peer, FRAME_MESSAGE, FRAME_FIRST, id, "x", total_bytes,
		      n);
}

static void go_on(struct fake_peer *peer, uint64_t id, uint8_t flags, size_t n)
{
	fake_fragment(peer, FRAME_MESSAGE, flags, id, "", 0, n);
}

static void expect_fragment(uint8_t flags, size_t n)
{
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(got.frame.flags & FRAME_WHOLE, flags);
	assert_int_equal(got.n_body, n);
}

static void expect_gap(uint64_t n_lost)
{
	fake_expect(&b, FRAME_GAP, &got);
	assert_int_equal(le64_load(got.body + 8), n_lost);
}

static void abort_it(struct fake_peer *peer, uint64_t id)
{
	struct frame frame = { .kind = FRAME_ABORT, .correlation = id };

	fake_send(peer, &frame, "", "why", 3);
}

static void credit_covers_what_the_queue_does_not(void **state)
{
	uint64_t n_bytes = 0;

	subscribe(10000);
	begin(&a, 1, 4000, 1000);
	expect_fragment(FRAME_FIRST, 1000);
	n_bytes += got.frame.length;
	for (unsigned i = 0; i < 3; i++) {
		go_on(&a, 1, i == 2 ? FRAME_LAST : 0, 1000);
		expect_fragment(i == 2 ? FRAME_LAST : 0, 1000);
		n_bytes += got.frame.length;
	}
	fake_expect_silence(&b);
	assert_int_equal(credit_left(), 10000 - n_bytes);
}

static void what_neither_covers_is_lost_whole(void **state)
{
	subscribe(10000);
	begin(&a, 1, 5501, 1000);
	expect_gap(1);
	go_on(&a, 1, 0, 1000);
	fake_expect_silence(&b);
	assert_int_equal(credit_left(), 10000);
}

/* What is kept for one is not spent on another. */
static void kept_credit_is_not_spent(void **state)
{
	char text[1000] = "";
	struct frame frame = { .kind = FRAME_MESSAGE, .flags = FRAME_WHOLE };

	subscribe(10000);
	begin(&a, 1, 4000, 10);
	expect_fragment(FRAME_FIRST, 10);
	do {
		fake_send(&witness, &frame, "x", text, sizeof(text));
		expect_fragment(FRAME_WHOLE, sizeof(text));
	} while (credit_left() + SPARE_BYTES >= got.frame.length);
	fake_send(&witness, &frame, "x", text, sizeof(text));
	expect_gap(1);
	go_on(&a, 1, 0, 3000);
	expect_fragment(0, 3000);
	go_on(&a, 1, FRAME_LAST, 990);
	fake_credit(&b, 1, 0, 100);
	expect_fragment(FRAME_LAST, 990);
	fake_expect_silence(&b);
}

static void as_much_credit_is_left_as_is_kept(void **state)
{
	subscribe(10000);
	begin(&a, 1, 4000, 10);
	expect_fragment(FRAME_FIRST, 10);
	begin(&a, 2, 1100, 10);
	expect_gap(1);
	begin(&witness, 3, 1300, 10);
	expect_gap(1);
	begin(&witness, 4, 1200, 10);
	expect_fragment(FRAME_FIRST, 10);
}

static void kept_credit_comes_back(void **state)
{
	uint64_t n_bytes;

	subscribe(10000);
	begin(&a, 1, 4000, 1000);
	expect_fragment(FRAME_FIRST, 1000);
	n_bytes = got.frame.length;
	assert_true(credit_left() < 10000 - n_bytes);
	abort_it(&a, 1);
	fake_expect(&b, FRAME_ABORT, &got);
	assert_int_equal(credit_left(), 10000 - n_bytes);
}

/* The credit is there, but b does not empty its channel. */
static void what_finds_no_room_on_its_way_is_aborted(void **state)
{
	enum { N_FRAGMENTS = 20, N_BODY = 30000 };
	uint64_t n_bytes = 0;
	unsigned n_got = 0;

	subscribe(10 << 20);
	begin(&a, 1, N_FRAGMENTS * N_BODY, N_BODY);
	for (unsigned i = 2; i < N_FRAGMENTS; i++)
		go_on(&a, 1, 0, N_BODY);
	go_on(&a, 1, FRAME_LAST, N_BODY);
	assert_int_equal(world.bus.stats.n_dropped, 1);
	while (fake_next(&b, &got) && got.frame.kind == FRAME_MESSAGE) {
		n_bytes += got.frame.length;
		n_got++;
	}
	assert_in_range(n_got, 1, N_FRAGMENTS - 2);
	assert_int_equal(got.frame.kind, FRAME_ABORT);
	assert_string_equal((char *)got.body, "there is no room for the rest");
	fake_expect_silence(&b);
	assert_int_equal(credit_left(), (10 << 20) - n_bytes);
	fake_publish(&a, "x", "next");
	fake_expect_message(&b, "x", "next");
}

/* It would be told of a number that it cannot answer for. */
static void a_log_gets_what_its_queue_covers(void **state)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;
	char log[] = "log";

	options.has_id = options.has_queue_bytes = 1;
	options.has_credit_messages = options.has_credit_bytes = 1;
	options.id = 1;
	options.queue_bytes = 1000;
	options.credit_messages = 100;
	options.credit_bytes = SPARE_BYTES + 10000;
	options.capture = log;
	fake_subscribe_with(&b, &options, "x", STATUS_OK);
	begin(&a, 1, 501, 100);
	expect_gap(1);
	begin(&a, 2, 500, 100);
	expect_fragment(FRAME_FIRST, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(credit_covers_what_the_queue_does_not),
		TEST(what_neither_covers_is_lost_whole),
		TEST(kept_credit_is_not_spent),
		TEST(as_much_credit_is_left_as_is_kept),
		TEST(kept_credit_comes_back),
		TEST(what_finds_no_room_on_its_way_is_aborted),
		TEST(a_log_gets_what_its_queue_covers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
