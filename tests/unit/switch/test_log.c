/* SPDX-License-Identifier: MIT */

/* Logs: who captures, who is told what of it, and what is left when one goes.
 */

#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "tests/unit/switch/stage.h"

static void capture(struct fake_peer *peer, const char *pattern, char *log,
		    enum status status)
{
	Helio__Bus__V1__Subscribe options = HELIO__BUS__V1__SUBSCRIBE__INIT;

	options.has_id = options.has_credit_messages = 1;
	options.has_credit_bytes = 1;
	options.id = 7;
	options.capture = log;
	options.credit_messages = 100;
	options.credit_bytes = 10000;
	fake_subscribe_with(peer, &options, pattern, status);
}

static void publish_stored(uint64_t id, enum frame_kind answer,
			   enum status status)
{
	struct frame frame = { .kind = FRAME_MESSAGE,
			       .flags = FRAME_WHOLE | FRAME_ACK_STORED,
			       .correlation = id,
			       .time_left_ms = 1000 };

	fake_send(&a, &frame, "x.y", "m", 1);
	if (answer != FRAME_REFUSED)
		return;
	fake_expect(&a, FRAME_REFUSED, &got);
	assert_int_equal(got.frame.status, status);
}

static void captures_do_not_overlap(void **state)
{
	char log[] = "log";
	char other[] = "other";

	capture(&b, "x.>", log, STATUS_OK);
	capture(&c, "x.y", other, STATUS_ALREADY_EXISTS);
	capture(&c, "*.y", log, STATUS_ALREADY_EXISTS);
	capture(&c, "y.>", other, STATUS_OK);
}

static void a_log_goes_away_and_comes_back(void **state)
{
	char log[] = "log";
	char other[] = "other";

	capture(&b, "x.>", log, STATUS_OK);
	fake_leave(&b);
	publish_stored(1, FRAME_REFUSED, STATUS_UNAVAILABLE);
	capture(&c, "x.>", other, STATUS_ALREADY_EXISTS);
	fake_join(&world, "b", &b);
	capture(&b, "x.y", log, STATUS_OK);
	publish_stored(1, FRAME_ACK, STATUS_OK);
	fake_expect(&b, FRAME_MESSAGE, &got);
	assert_int_equal(world.bus.n_captures, 1);
	fake_unsubscribe(&b, 7);
	fake_expect(&b, FRAME_RESULT, &got);
	fake_expect(&a, FRAME_ACK, &got);
	assert_int_equal(le16_load(got.body + 12), STATUS_UNAVAILABLE);
	publish_stored(2, FRAME_REFUSED, STATUS_FAILED_PRECONDITION);
}

/* Charged to its owner until it comes back, or another takes its place. */
static void a_log_that_is_away_is_charged(void **state)
{
	char log[] = "log";
	char other[] = "other";

	stage_limit("vm:b", RESOURCE_SUBSCRIPTIONS, 1);
	capture(&b, "x.>", log, STATUS_OK);
	fake_leave(&b);
	fake_join(&world, "b", &b);
	assert_int_equal(stage_account("vm:b")->used[RESOURCE_SUBSCRIPTIONS],
			 1);
	capture(&b, "y.>", other, STATUS_RESOURCE_EXHAUSTED);
	capture(&b, "x.>", log, STATUS_OK);
	fake_leave(&b);
	fake_join(&world, "b", &b);
	capture(&c, "x.>", log, STATUS_OK);
	assert_int_equal(stage_account("vm:b")->used[RESOURCE_SUBSCRIPTIONS],
			 0);
	assert_int_equal(stage_account("vm:c")->used[RESOURCE_SUBSCRIPTIONS],
			 1);
	capture(&b, "y.>", other, STATUS_OK);
}

static void an_ack_has_a_deadline(void **state)
{
	char log[] = "log";

	capture(&b, "x.>", log, STATUS_OK);
	publish_stored(1, FRAME_ACK, STATUS_OK);
	world.now_ns += 2 * NS_PER_S;
	world_settle(&world);
	fake_expect(&a, FRAME_ACK, &got);
	assert_int_equal(le64_load(got.body), 1);
	assert_int_equal(le16_load(got.body + 12), STATUS_DEADLINE_EXCEEDED);
	assert_int_equal(world.bus.slots.n_slots, 0);
}

/* In one write: the name of the log must outlive what waits to name it. */
static void a_log_may_ack_and_go_at_once(void **state)
{
	uint8_t bytes[200];
	struct frame ack = { .kind = FRAME_ACK };
	struct frame go = { .kind = FRAME_UNSUBSCRIBE };
	char log[] = "log";
	size_t n;

	capture(&b, "x.>", log, STATUS_OK);
	publish_stored(1, FRAME_ACK, STATUS_OK);
	memset(bytes, 0, sizeof(bytes));
	frame_set_body(&ack, 24);
	n = frame_encode(&ack, bytes);
	le64_store(bytes + n, UINT64_C(7) << 32);
	bytes[n + 8] = 1;
	bytes[n + 14] = 1;
	n += 24;
	frame_set_body(&go, 4);
	n += frame_encode(&go, bytes + n);
	bytes[n] = 7;
	fake_send_bytes(&b, bytes, n + 4);
	fake_expect(&a, FRAME_ACK, &got);
	assert_string_equal(got.subject, "log");
	assert_int_equal(le16_load(got.body + 12), STATUS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF_THREE(captures_do_not_overlap),
		TEST_OF_THREE(a_log_goes_away_and_comes_back),
		TEST_OF_THREE(a_log_that_is_away_is_charged),
		TEST_OF_THREE(an_ack_has_a_deadline),
		TEST_OF_THREE(a_log_may_ack_and_go_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
