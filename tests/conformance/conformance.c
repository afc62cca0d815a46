/* SPDX-License-Identifier: MIT */

#include "tests/conformance/conformance.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/conformance/duo.h"
#include "tests/conformance/hammer.h"
#include "tests/fault.h"

enum { DEATH_MS_DEFAULT = 100, TEST_MAX_S = 30 };

static const struct conformance *kind;
static size_t n_descriptors;

static size_t count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* A test that hangs ends here. */
static int count_before(void **state)
{
	n_descriptors = count_descriptors();
	alarm(TEST_MAX_S);
	return 0;
}

static int count_after(void **state)
{
	assert_int_equal(count_descriptors(), n_descriptors);
	return 0;
}

/* Only when both sides have nothing to do does anybody wait. */
static void rest(struct duo *duo, struct side *from, bool for_room,
		 struct side *to)
{
	unsigned n_ready = from->n_ready + to->n_ready;
	int r_from = channel_arm(from->channel, for_room);
	int r_to = channel_arm(to->channel, false);

	assert_true(r_from >= 0 && r_to >= 0);
	if (!r_from && !r_to && from->n_ready + to->n_ready == n_ready)
		duo_dispatch(duo, 1000);
}

static void bytes_arrive_in_order(void **state)
{
	struct duo duo;
	struct side *from = &duo.b;
	struct side *to = &duo.a;
	uint64_t n_total = 3 << 20;

	duo_open(&duo, kind);
	while (to->n_received < n_total) {
		uint64_t n_before = from->n_sent + to->n_received;
		ssize_t n;

		if (from->n_sent < n_total &&
		    side_put(from, side_odd_size(from)) == -EAGAIN)
			assert_int_equal(channel_flush(from->channel), 0);
		if (!side_random(from, 4))
			assert_int_equal(channel_flush(from->channel), 0);
		n = side_take(to, 1 + side_random(to, 70000));
		assert_true(n >= 0);
		if (!side_random(to, 4))
			assert_int_equal(channel_flush(to->channel), 0);
		if (from->n_sent + to->n_received == n_before)
			rest(&duo, from, from->n_sent < n_total, to);
	}
	duo_deinit(&duo);
}

static void nothing_is_visible_before_a_flush(void **state)
{
	struct duo duo;

	duo_open(&duo, kind);
	assert_int_equal(side_put(&duo.a, 100), 0);
	duo_dispatch(&duo, 20);
	assert_int_equal(side_take(&duo.b, 100), 0);
	assert_int_equal(channel_flush(duo.a.channel), 0);
	duo_await(&duo, side_look(&duo.b));
	assert_int_equal(side_take(&duo.b, 1000), 100);
	duo_deinit(&duo);
}

/* Fills all that there is between the two, the kernel's buffers too. */
static void fill(struct duo *duo, struct side *from)
{
	for (;;) {
		size_t n = from->channel->n_out_max / 16;
		int r = side_put(from, n);

		while (r == -EAGAIN && n > 1)
			r = side_put(from, n /= 2);
		assert_true(r == 0 || r == -EAGAIN);
		assert_int_equal(channel_flush(from->channel), 0);
		if (r == -EAGAIN && channel_arm(from->channel, true) == 0)
			break;
		duo_dispatch(duo, 0);
	}
}

static void a_full_channel_wakes_its_writer_when_there_is_room(void **state)
{
	struct duo duo;
	unsigned n_ready;

	duo_open(&duo, kind);
	fill(&duo, &duo.a);
	duo_dispatch(&duo, 20);
	n_ready = duo.a.n_ready;
	assert_int_equal(side_put(&duo.a, 1000), -EAGAIN);

	while (duo.a.n_ready == n_ready) {
		assert_true(side_take(&duo.b, SIZE_MAX) >= 0);
		assert_int_equal(channel_flush(duo.b.channel), 0);
		duo_dispatch(&duo, 100);
	}
	assert_int_equal(side_put(&duo.a, 1), 0);
	duo_deinit(&duo);
}

static void consumed_bytes_make_no_room_before_a_flush(void **state)
{
	struct duo duo;

	duo_open(&duo, kind);
	fill(&duo, &duo.a);
	duo_await(&duo, side_look(&duo.b));
	assert_true(side_take(&duo.b, 1) == 1);
	if (duo.b.channel->n_in_max == duo.b.channel->n_in + 1)
		assert_int_equal(side_put(&duo.a, 1), -EAGAIN);
	duo_deinit(&duo);
}

static void what_never_fits_is_refused(void **state)
{
	struct duo duo;
	uint8_t *room;

	duo_open(&duo, kind);
	assert_int_equal(channel_reserve(duo.a.channel,
					 duo.a.channel->n_out_max + 1, &room),
			 -EMSGSIZE);
	duo_await(&duo, channel_arm(duo.a.channel, true) >= 0 &&
				channel_reserve(duo.a.channel,
						duo.a.channel->n_out_max,
						&room) == 0);
	duo_deinit(&duo);
}

static void an_armed_reader_is_woken(void **state)
{
	struct duo duo;
	unsigned n_ready;

	duo_open(&duo, kind);
	assert_int_equal(channel_arm(duo.b.channel, false), 0);
	duo_dispatch(&duo, 20);
	n_ready = duo.b.n_ready;
	assert_int_equal(side_put(&duo.a, 1), 0);
	assert_int_equal(channel_flush(duo.a.channel), 0);
	duo_await(&duo, duo.b.n_ready > n_ready);
	assert_int_equal(side_take(&duo.b, 1), 1);
	duo_deinit(&duo);
}

static void arming_flushes_and_sees_what_is_there(void **state)
{
	struct duo duo;
	int r = 0;

	duo_open(&duo, kind);
	assert_int_equal(side_put(&duo.a, 10), 0);
	assert_true(channel_arm(duo.a.channel, false) >= 0);
	duo_await(&duo, (r = channel_arm(duo.b.channel, false)) != 0 ||
				side_look(&duo.b) == 10);
	assert_true(r >= 0);
	assert_int_equal(side_take(&duo.b, 10), 10);
	assert_int_equal(channel_arm(duo.b.channel, false), 0);
	duo_deinit(&duo);
}

static ssize_t take_until_end(struct duo *duo)
{
	ssize_t n = 0;

	duo_await(duo, (n = side_take(&duo->b, SIZE_MAX)) < 0);
	return n;
}

static void the_end_is_seen_after_the_bytes(void **state)
{
	struct duo duo;
	uint8_t *room;

	duo_open(&duo, kind);
	assert_int_equal(side_put(&duo.a, 1000), 0);
	assert_int_equal(channel_flush(duo.a.channel), 0);
	assert_int_equal(side_put(&duo.a, 10), 0);
	duo.a.channel = channel_free(duo.a.channel);

	assert_int_equal(take_until_end(&duo), -EPIPE);
	assert_int_equal(duo.b.n_received, duo.a.n_sent - 10);
	assert_int_equal(channel_refill(duo.b.channel), -EPIPE);
	assert_int_equal(channel_reserve(duo.b.channel, 1, &room), -EPIPE);
	assert_int_equal(channel_arm(duo.b.channel, true), -EPIPE);
	duo_deinit(&duo);
}

static void an_armed_side_is_woken_by_the_end(void **state)
{
	struct duo duo;
	unsigned n_ready;

	duo_open(&duo, kind);
	assert_int_equal(channel_arm(duo.a.channel, false), 0);
	duo_dispatch(&duo, 20);
	n_ready = duo.a.n_ready;
	duo.b.channel = channel_free(duo.b.channel);
	duo_await(&duo, duo.a.n_ready > n_ready);
	duo_await(&duo, channel_refill(duo.a.channel) == -EPIPE);
	duo_deinit(&duo);
}

/* Nobody waits for ever for the rest of a frame whose sender is gone. */
static void a_torn_rest_ends_when_nothing_more_can_come(void **state)
{
	struct duo duo;

	duo_open(&duo, kind);
	assert_int_equal(side_put(&duo.a, 10), 0);
	assert_int_equal(channel_flush(duo.a.channel), 0);
	duo.a.channel = channel_free(duo.a.channel);
	duo_await(&duo, side_look(&duo.b) == 10);
	duo_await(&duo, channel_arm(duo.b.channel, false) == -EPIPE);
	duo_deinit(&duo);
}

static void a_writer_to_the_dead_comes_to_no_harm(void **state)
{
	struct duo duo;

	duo_open(&duo, kind);
	duo.b.channel = channel_free(duo.b.channel);
	for (int i = 0; i < 100; i++) {
		int r = side_put(&duo.a, 100);

		assert_true(r == 0 || r == -EPIPE || r == -EAGAIN);
		r = channel_flush(duo.a.channel);
		assert_true(r == 0 || r == -EPIPE);
	}
	duo_await(&duo, channel_refill(duo.a.channel) == -EPIPE);
	duo_deinit(&duo);
}

static void the_listening_side_knows_who_it_is(void **state)
{
	const struct channel_evidence *evidence;
	struct duo duo;

	duo_open(&duo, kind);
	evidence = &duo.b.channel->evidence;
	assert_int_equal(evidence->kind, kind->evidence);
	if (evidence->kind == EVIDENCE_SOCKET) {
		assert_string_equal(evidence->name, "conformance");
		assert_int_equal(evidence->uid, getuid());
		assert_int_equal(evidence->gid, getgid());
		assert_int_equal(evidence->pid, getpid());
	}
	if (kind->set_up)
		assert_int_equal(duo.a.channel->evidence.kind, EVIDENCE_NONE);
	duo_deinit(&duo);
}

static void no_wakeup_is_lost(void **state)
{
	const char *failure;
	struct duo duo;

	if (!kind->set_up)
		skip();
	duo_open(&duo, kind);
	failure = hammer(&duo);
	if (failure)
		fail_msg("%s", failure);
	duo_deinit(&duo);
}

/*
 * Connects, says something, and is never heard of again. The pollers are new:
 * an epoll set is one and the same in a parent and its child.
 */
static void live_and_wait(struct duo *duo)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	poller_deinit(&duo->a.poller);
	poller_deinit(&duo->b.poller);
	if (poller_init(&duo->a.poller) < 0 || poller_init(&duo->b.poller) < 0)
		_exit(1);
	if (duo_connect_alone(duo) < 0)
		_exit(1);
	for (;;)
		pause();
}

static void a_killed_peer_is_seen_in_time(void **state)
{
	uint64_t killed_ns;
	unsigned death_ms = kind->death_ms ?: DEATH_MS_DEFAULT;
	struct duo duo;
	pid_t child;

	if (!kind->set_up)
		skip();
	duo_init(&duo, kind);
	assert_int_equal(duo_listen(&duo), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		live_and_wait(&duo);

	duo_await(&duo, duo.b.channel && side_take(&duo.b, 1) == 1);
	assert_int_equal(channel_arm(duo.b.channel, false), 0);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	killed_ns = clock_now_ns();
	assert_int_equal(take_until_end(&duo), -EPIPE);
	assert_true(clock_now_ns() - killed_ns < death_ms * NS_PER_MS);
	duo_deinit(&duo);
}

static void nothing_is_left_when_an_allocation_fails(void **state)
{
	if (kind->has_no_faults)
		skip();
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		struct duo duo;
		int r;

		duo_init(&duo, kind);
		fault_arm(n);
		r = duo_listen(&duo);
		if (!r)
			r = duo_connect(&duo);
		fault_disarm();
		if (fault_hit())
			assert_true(r < 0 || kind->makes_up);
		else
			assert_int_equal(r, 0);
		duo_deinit(&duo);
		assert_int_equal(count_descriptors(), n_descriptors);
	}
}

static void nobody_there_is_said(void **state)
{
	struct duo duo;
	int r;

	if (!kind->set_up)
		skip();
	duo_init(&duo, kind);
	r = duo_connect(&duo);
	assert_true(r == -ENOENT || r == -ECONNREFUSED);
	duo_deinit(&duo);
}

#define CONFORMANCE_TEST(test) \
	cmocka_unit_test_setup_teardown(test, count_before, count_after)

int conformance_run(const struct conformance *of_kind)
{
	const struct CMUnitTest tests[] = {
		CONFORMANCE_TEST(bytes_arrive_in_order),
		CONFORMANCE_TEST(nothing_is_visible_before_a_flush),
		CONFORMANCE_TEST(
			a_full_channel_wakes_its_writer_when_there_is_room),
		CONFORMANCE_TEST(consumed_bytes_make_no_room_before_a_flush),
		CONFORMANCE_TEST(what_never_fits_is_refused),
		CONFORMANCE_TEST(an_armed_reader_is_woken),
		CONFORMANCE_TEST(arming_flushes_and_sees_what_is_there),
		CONFORMANCE_TEST(the_end_is_seen_after_the_bytes),
		CONFORMANCE_TEST(an_armed_side_is_woken_by_the_end),
		CONFORMANCE_TEST(a_torn_rest_ends_when_nothing_more_can_come),
		CONFORMANCE_TEST(a_writer_to_the_dead_comes_to_no_harm),
		CONFORMANCE_TEST(the_listening_side_knows_who_it_is),
		CONFORMANCE_TEST(no_wakeup_is_lost),
		CONFORMANCE_TEST(a_killed_peer_is_seen_in_time),
		CONFORMANCE_TEST(nothing_is_left_when_an_allocation_fails),
		CONFORMANCE_TEST(nobody_there_is_said),
	};

	kind = of_kind;
	return cmocka_run_group_tests_name(of_kind->name, tests, NULL, NULL);
}
