/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/rpc/fake_switch.h"
#include "transports/pair.h"

static void test_hello_is_as_the_protocol_shows(void **state)
{
	static const uint8_t hello[] = {
		0x2f, 0, 0,   0,   0x10, 0,   0,    0,    0,    0,    0,    0,
		0,    0, 0,   0,   0,    0,   0,    0,    0,    0,    0,    0,
		0,    0, 0,   0,   0,    0,   0,    0,    0x08, 1,    0x10, 1,
		0x22, 4, 't', 'o', 'u',  'r', 0x28, 0x80, 0x80, 0x80, 4,
	};
	const struct helio_options options = { .program = "tour" };
	struct fake_switch fake;
	struct received received;

	(void)state;
	fake_open(&fake, FAKE_RING_BYTES, &options);
	fake_expect(&fake, FRAME_HELLO, &received);
	assert_int_equal(received.frame.length, sizeof(hello));
	assert_memory_equal(received.bytes, hello, sizeof(hello));
	fake_close(&fake);
}

static void test_welcome_tells_who_we_are(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_string_equal(helio_principal(fake.bus), "vm:web");
	assert_string_equal(helio_error(fake.bus), "");
	assert_int_equal(helio_fragment_max(fake.bus, "a.b"),
			 FAKE_FRAGMENT_BYTES - FRAME_HEADER_BYTES - 3);
	fake_close(&fake);
}

static void note_state(struct helio *bus, enum helio_state state,
		       void *userdata)
{
	*(int *)userdata = *(int *)userdata * 10 + (int)state;
	assert_int_equal(helio_state(bus), state);
}

static void test_states_are_told(void **state)
{
	int states = 0;
	const struct helio_options options = {
		.on_state = note_state,
		.userdata = &states,
	};
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, &options);
	fake.end = channel_free(fake.end);
	fake_turn(&fake);
	assert_int_equal(states, HELIO_CONNECTED * 10 + HELIO_CLOSED);
	assert_true(helio_dispatch(fake.bus) < 0);
	fake_close(&fake);
}

static void test_refusal_closes_with_its_reason(void **state)
{
	static const struct {
		uint16_t status;
		int r;
	} refusals[] = {
		{ HELIO_FAILED_PRECONDITION, -EPROTONOSUPPORT },
		{ HELIO_PERMISSION_DENIED, -EACCES },
		{ HELIO_RESOURCE_EXHAUSTED, -EDQUOT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		struct frame goodbye = {
			.kind = FRAME_GOODBYE,
			.flags = FRAME_EXTENDED,
			.status = refusals[i].status,
		};
		struct fake_switch fake;

		fake_open(&fake, FAKE_RING_BYTES, NULL);
		fake_send(&fake, &goodbye, NULL, "no\nway", 6);
		assert_int_equal(helio_state(fake.bus), HELIO_CLOSED);
		assert_string_equal(helio_error(fake.bus), "no?way");
		assert_int_equal(helio_dispatch(fake.bus), refusals[i].r);
		fake_close(&fake);
	}
}

static void test_limits_are_judged(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_open(&fake, FAKE_RING_BYTES, NULL);
	fake_welcome(&fake, 1023, MESSAGE_MAX_DEFAULT);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
	fake_open(&fake, FAKE_RING_BYTES, NULL);
	fake_welcome(&fake, 65537, MESSAGE_MAX_DEFAULT);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_second_welcome_is_a_violation(void **state)
{
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	fake_welcome(&fake, 4096, MESSAGE_MAX_DEFAULT);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_ping_is_answered(void **state)
{
	struct frame ping = { .kind = FRAME_PING, .correlation = 77 };
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	fake_send(&fake, &ping, NULL, "echo", 4);
	fake_expect(&fake, FRAME_PONG, &received);
	assert_int_equal(received.frame.correlation, 77);
	assert_int_equal(received.n_body, 4);
	assert_memory_equal(received.body, "echo", 4);
	fake_close(&fake);
}

static void linger_in_turn(struct helio *bus, void *userdata)
{
	*(int *)userdata = helio_linger(bus);
}

/* For loops of others: what has come, or nothing, and then it may sleep. */
static void test_lingering(void **state)
{
	struct frame ping = { .kind = FRAME_PING, .correlation = 77 };
	struct received received;
	struct fake_switch fake;
	uint8_t *room = NULL;
	int within = -1;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_linger(fake.bus), 0);
	assert_true(helio_timeout_ms(fake.bus) != 0);
	frame_set_body(&ping, 0);
	assert_int_equal(channel_reserve(fake.end, ping.length, &room), 0);
	channel_commit(fake.end, frame_encode(&ping, room));
	assert_int_equal(channel_flush(fake.end), 0);
	assert_int_equal(helio_linger(fake.bus), 1);
	fake_expect(&fake, FRAME_PONG, &received);
	assert_int_equal(received.frame.correlation, 77);
	assert_int_equal(
		helio_timer_start(fake.bus, 0, linger_in_turn, &within, NULL),
		0);
	while (within < 0)
		fake_turn(&fake);
	assert_int_equal(within, 0);
	fake_close(&fake);
}

static void test_unknown_kinds(void **state)
{
	struct frame frame = { .kind = 200, .flags = FRAME_IGNORABLE };
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	fake_send(&fake, &frame, NULL, "x", 1);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	frame.flags = 0;
	fake_send(&fake, &frame, NULL, "x", 1);
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_clients_kinds_are_violations(void **state)
{
	static const uint8_t kinds[] = {
		FRAME_HELLO,   FRAME_SUBSCRIBE, FRAME_UNSUBSCRIBE, FRAME_SERVE,
		FRAME_UNSERVE, FRAME_SYNC,      FRAME_CREDIT,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct frame frame = { .kind = kinds[i] };
		struct fake_switch fake;

		fake_connect(&fake, NULL);
		fake_send(&fake, &frame, NULL, "", 0);
		assert_true(fake_was_left(&fake));
		fake_close(&fake);
	}
}

static void test_malformed_frames_end_it(void **state)
{
	static const uint8_t too_short[32] = { 31 };
	static const uint8_t bad_flags[32] = { 32, 0, 0, 0, 1, 0x80 };
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	fake_send_bytes(&fake, too_short, sizeof(too_short));
	assert_true(fake_was_left(&fake));
	assert_non_null(strstr(helio_error(fake.bus), "length is less"));
	fake_close(&fake);
	fake_connect(&fake, NULL);
	fake_send_bytes(&fake, bad_flags, sizeof(bad_flags));
	assert_true(fake_was_left(&fake));
	fake_close(&fake);
}

static void test_close_says_goodbye(void **state)
{
	struct received received;
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, NULL);
	assert_int_equal(helio_publish(fake.bus, "a", "b", 1, NULL), 0);
	helio_close(fake.bus);
	fake.bus = NULL;
	fake_expect(&fake, FRAME_MESSAGE, &received);
	fake_expect(&fake, FRAME_GOODBYE, &received);
	assert_int_equal(received.frame.status, 0);
	fake_close(&fake);
}

static void ignore(struct channel *channel)
{
	(void)channel;
}

static void test_every_allocation_may_fail(void **state)
{
	const struct helio_options options = { .program = "tour" };

	(void)state;
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct channel *ours, *theirs;
		struct helio *bus;
		int r;

		assert_int_equal(pair_new(1024, &ours, &theirs), 0);
		ours->on_ready = ignore;
		theirs->on_ready = ignore;
		fault_arm(n);
		r = client_new_on(ours, &options, &bus);
		fault_disarm();
		if (fault_hit()) {
			assert_int_equal(r, -ENOMEM);
			channel_free(ours);
		} else {
			assert_int_equal(r, 0);
			helio_close(bus);
		}
		channel_free(theirs);
	}
}

static void send_pings(struct fake_switch *fake, unsigned n)
{
	struct frame ping = { .kind = FRAME_PING };
	uint8_t *room = NULL;

	frame_set_body(&ping, 0);
	for (; n; n--) {
		assert_int_equal(
			channel_reserve(fake->end, FRAME_HEADER_BYTES, &room),
			0);
		frame_encode(&ping, room);
		channel_commit(fake->end, FRAME_HEADER_BYTES);
	}
	assert_int_equal(channel_flush(fake->end), 0);
}

static void test_a_turn_takes_as_many_as_told(void **state)
{
	const struct helio_options options = { .turn_frames = 4 };
	struct fake_switch fake;

	(void)state;
	fake_connect(&fake, &options);
	send_pings(&fake, 10);
	assert_int_equal(helio_dispatch(fake.bus), 4);
	assert_int_equal(helio_timeout_ms(fake.bus), 0);
	assert_int_equal(helio_dispatch(fake.bus), 4);
	assert_int_equal(helio_dispatch(fake.bus), 2);
	assert_int_not_equal(helio_timeout_ms(fake.bus), 0);
	fake_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_turn_takes_as_many_as_told),
		cmocka_unit_test(test_hello_is_as_the_protocol_shows),
		cmocka_unit_test(test_welcome_tells_who_we_are),
		cmocka_unit_test(test_states_are_told),
		cmocka_unit_test(test_refusal_closes_with_its_reason),
		cmocka_unit_test(test_limits_are_judged),
		cmocka_unit_test(test_second_welcome_is_a_violation),
		cmocka_unit_test(test_ping_is_answered),
		cmocka_unit_test(test_lingering),
		cmocka_unit_test(test_unknown_kinds),
		cmocka_unit_test(test_clients_kinds_are_violations),
		cmocka_unit_test(test_malformed_frames_end_it),
		cmocka_unit_test(test_close_says_goodbye),
		cmocka_unit_test(test_every_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
