/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/rpc/fake_switch.h"
#include "transports/pair.h"

/* Less than a frame, so that frames are carried. */
enum { RING_BYTES = 4096 };

/* A transport whose other side is the test's; it may refuse. */
static struct fake_switch fake;
static unsigned n_connects;
static int refusal;

static void ignore(struct channel *channel)
{
	(void)channel;
}

static int fake_transport_connect(struct poller *poller, const char *rest,
				  const struct transport_options *options,
				  struct channel **ret_channel)
{
	(void)poller;
	(void)rest;
	(void)options;
	n_connects++;
	if (refusal)
		return refusal;
	assert_null(fake.end);
	assert_int_equal(pair_new(RING_BYTES, ret_channel, &fake.end), 0);
	fake.end->on_ready = ignore;
	return 0;
}

static const struct transport fake_transport = {
	.scheme = "fake",
	.connect = fake_transport_connect,
};

static void start(const struct helio_options *options)
{
	fake = (struct fake_switch){ 0 };
	n_connects = 0;
	refusal = 0;
	assert_int_equal(client_new(options, &fake.bus), 0);
	fake.bus->transport = &fake_transport;
}

/* Time passes until the next attempt. */
static void retry(void)
{
	assert_int_equal(fake.bus->phase, PHASE_WAITING);
	fake.bus->retry_at_ns = 0;
	fake_turn(&fake);
}

static void lose(void)
{
	fake.end = channel_free(fake.end);
	frame_reader_deinit(&fake.reader);
	fake_turn(&fake);
}

static void welcome(void)
{
	struct received received;

	fake_expect(&fake, FRAME_HELLO, &received);
	fake_welcome(&fake, FAKE_FRAGMENT_BYTES, MESSAGE_MAX_DEFAULT);
}

static void accept(uint8_t kind)
{
	struct received received;

	fake_expect(&fake, kind, &received);
	fake_result(&fake, received.frame.correlation, 0, "");
}

/* Callbacks leave a letter each, in the order in which they came. */
static void note(char *log, char letter)
{
	size_t n = strlen(log);

	log[n] = letter;
	log[n + 1] = '\0';
}

static void note_message(struct helio_subscription *subscription,
			 const struct helio_message *message, void *userdata)
{
	char *log = userdata;

	(void)subscription;
	(void)message;
	note(log, 'm');
}

static void note_gap(struct helio_subscription *subscription, uint64_t n_lost,
		     const char *reason, void *userdata)
{
	char *log = userdata;

	(void)subscription;
	assert_int_equal(n_lost, 0);
	assert_string_equal(reason, "reconnect");
	note(log, 'g');
}

static void note_ready(struct helio *bus, unsigned status, const char *reason,
		       void *userdata)
{
	char *log = userdata;

	(void)bus;
	(void)reason;
	note(log, status ? 'R' : 'r');
}

static void note_request(struct helio_service *service,
			 struct helio_request *request,
			 const struct helio_message *message, void *userdata)
{
	(void)service;
	(void)message;
	*(struct helio_request **)userdata = request;
}

static const struct helio_subscribe_options with_callbacks = {
	.on_gap = note_gap,
	.on_ready = note_ready,
};

static void test_all_is_renewed_and_the_gap_told(void **state)
{
	struct frame message = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.correlation = UINT64_C(1) << 32,
	};
	struct helio_subscription *subscription;
	struct helio_request *request = NULL;
	struct received received;
	char log[32] = "";

	(void)state;
	start(NULL);
	assert_int_equal(helio_subscribe(fake.bus, "a", &with_callbacks,
					 note_message, log, &subscription),
			 0);
	assert_int_equal(
		helio_serve(fake.bus, "b", NULL, note_request, &request, NULL),
		0);
	retry();
	welcome();
	accept(FRAME_SUBSCRIBE);
	accept(FRAME_SERVE);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTING);
	accept(FRAME_SYNC);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	fake_send(&fake, &message, "a", "", 0);
	assert_string_equal(log, "rm");

	lose();
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTING);
	assert_string_not_equal(helio_error(fake.bus), "");
	assert_int_equal(helio_publish(fake.bus, "a", "", 0, NULL), -ENOTCONN);
	retry();
	welcome();
	fake_expect(&fake, FRAME_SUBSCRIBE, &received);
	assert_string_equal(received.subject, "a");
	fake_result(&fake, received.frame.correlation, 0, "");
	assert_string_equal(log, "rmg");
	fake_send(&fake, &message, "a", "", 0);
	assert_string_equal(log, "rmgm");
	accept(FRAME_SERVE);
	accept(FRAME_SYNC);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	assert_string_equal(helio_error(fake.bus), "");
	fake_close(&fake);
}

/* Policy may have changed: a renewal that is refused is told again. */
static void test_a_refused_renewal_is_told(void **state)
{
	struct received received;
	char log[32] = "";

	(void)state;
	start(NULL);
	assert_int_equal(helio_subscribe(fake.bus, "a", &with_callbacks,
					 note_message, log, NULL),
			 0);
	retry();
	welcome();
	accept(FRAME_SUBSCRIBE);
	accept(FRAME_SYNC);
	lose();
	retry();
	welcome();
	fake_expect(&fake, FRAME_SUBSCRIBE, &received);
	fake_result(&fake, received.frame.correlation, HELIO_PERMISSION_DENIED,
		    "policy:7");
	assert_string_equal(log, "rR");
	accept(FRAME_SYNC);
	lose();
	retry();
	welcome();
	accept(FRAME_SUBSCRIBE);
	assert_string_equal(log, "rRgr");
	fake_close(&fake);
}

/* What was closed meanwhile, asked for or not, does not come back. */
static void test_what_was_closed_is_not_renewed(void **state)
{
	struct helio_subscription *first, *second;
	struct received received;

	(void)state;
	start(NULL);
	assert_int_equal(
		helio_subscribe(fake.bus, "a", NULL, NULL, NULL, &first), 0);
	assert_int_equal(
		helio_subscribe(fake.bus, "b", NULL, NULL, NULL, &second), 0);
	retry();
	welcome();
	accept(FRAME_SUBSCRIBE);
	accept(FRAME_SUBSCRIBE);
	accept(FRAME_SYNC);
	helio_unsubscribe(first);
	fake_expect(&fake, FRAME_UNSUBSCRIBE, &received);
	lose();
	helio_unsubscribe(second);
	retry();
	welcome();
	accept(FRAME_SYNC);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	fake_close(&fake);
}

static void test_attempts_are_spaced(void **state)
{
	uint64_t longest_ns = 0;

	(void)state;
	start(NULL);
	refusal = -ENOENT;
	for (int i = 0; i < 20; i++) {
		uint64_t now_ns = clock_now_ns();
		uint64_t wait_ns;

		retry();
		assert_int_equal(n_connects, i + 1);
		wait_ns = fake.bus->retry_at_ns - now_ns;
		assert_true(wait_ns >= 25 * NS_PER_MS);
		assert_true(wait_ns <= 1100 * NS_PER_MS);
		if (i == 0)
			assert_true(wait_ns <= 150 * NS_PER_MS);
		longest_ns = wait_ns > longest_ns ? wait_ns : longest_ns;
		assert_true(helio_timeout_ms(fake.bus) > 0);
	}
	assert_true(longest_ns >= 500 * NS_PER_MS);
	assert_string_equal(helio_error(fake.bus), strerror(ENOENT));
	fake_close(&fake);
}

static void test_no_reconnect_closes(void **state)
{
	const struct helio_options options = { .no_reconnect = true };

	(void)state;
	start(&options);
	retry();
	welcome();
	accept(FRAME_SYNC);
	lose();
	assert_int_equal(helio_state(fake.bus), HELIO_CLOSED);
	assert_true(helio_dispatch(fake.bus) < 0);
	assert_int_equal(helio_timeout_ms(fake.bus), -1);
	assert_int_equal(n_connects, 1);
	fake_close(&fake);
}

static void test_a_silent_switch_is_left(void **state)
{
	(void)state;
	start(NULL);
	retry();
	assert_int_equal(fake.bus->phase, PHASE_GREETING);
	deadlines_expire(&fake.bus->deadlines, UINT64_MAX - 1);
	fake_turn(&fake);
	assert_int_equal(fake.bus->phase, PHASE_WAITING);
	assert_string_equal(helio_error(fake.bus),
			    "the switch does not answer");
	fake_close(&fake);
}

/* Half a frame of one life is not the beginning of one in the next. */
static void test_nothing_is_carried_over(void **state)
{
	static const uint8_t half[5000] = { 0, 40, 0, 0, FRAME_PONG };
	const struct helio_subscribe_options options = { .capture = "log" };
	struct frame message = {
		.kind = FRAME_MESSAGE,
		.flags = FRAME_WHOLE,
		.correlation = UINT64_C(1) << 32,
	};
	struct helio_subscription *subscription;
	static uint8_t body[200000];

	(void)state;
	start(NULL);
	assert_int_equal(helio_subscribe(fake.bus, "a", &options, NULL, NULL,
					 &subscription),
			 0);
	retry();
	welcome();
	accept(FRAME_SUBSCRIBE);
	accept(FRAME_SYNC);
	fake_send(&fake, &message, "a", "", 0);
	fake_peer(&fake, 3, "vm:x", 1);
	assert_int_equal(helio_publish(fake.bus, "a", body, sizeof(body), NULL),
			 0);
	fake_send_bytes(&fake, half, sizeof(half));
	lose();
	retry();
	welcome();
	accept(FRAME_SUBSCRIBE);
	fake_peer(&fake, 3, "vm:y", 1);
	accept(FRAME_SYNC);
	assert_int_equal(helio_state(fake.bus), HELIO_CONNECTED);
	assert_int_equal(helio_stored(subscription, 1, 0, 1, false), -EINVAL);
	fake_expect_nothing(&fake);
	fake_close(&fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_renewed_and_the_gap_told),
		cmocka_unit_test(test_a_refused_renewal_is_told),
		cmocka_unit_test(test_what_was_closed_is_not_renewed),
		cmocka_unit_test(test_attempts_are_spaced),
		cmocka_unit_test(test_no_reconnect_closes),
		cmocka_unit_test(test_a_silent_switch_is_left),
		cmocka_unit_test(test_nothing_is_carried_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
