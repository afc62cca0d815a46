/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "tests/unit/transports/descriptors.h"
#include "tests/unit/transports/unix_world.h"

enum { N_CROWD = 2000 };

static void say(int fd, const void *bytes, size_t n)
{
	assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

#define await(world, condition)                                         \
	do {                                                            \
		uint64_t deadline_ns_ = clock_now_ns() + 10 * NS_PER_S; \
		while (!(condition)) {                                  \
			assert_true(clock_now_ns() < deadline_ns_);     \
			poller_dispatch(&(world)->poller, 50);          \
		}                                                       \
	} while (0)

static bool is_hung_up_on(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void what_is_no_request_for_rings_is_a_stream(void **state)
{
	static const char *const beginnings[] = { "x", "Hello", "HSHX", "HS." };

	for (size_t i = 0; i < sizeof(beginnings) / sizeof(char *); i++) {
		struct transport_options options = { 0 };
		size_t n = strlen(beginnings[i]);
		struct world world;
		int fd;

		world_init(&world);
		assert_int_equal(world_listen(&world, &options), 0);
		fd = call_in(&world);
		say(fd, beginnings[i], n);
		await(&world, world.n_channels == 1);
		await(&world, channel_refill(world.channels[0]) < 0 ||
				      world.channels[0]->n_in == n);
		assert_memory_equal(world.channels[0]->in, beginnings[i], n);
		close(fd);
		world_deinit(&world);
	}
}

static unsigned n_broken;

static void note_broken(struct listener *listener, const char *reason)
{
	assert_string_equal(reason, "its request for rings is malformed");
	n_broken++;
}

static void a_bad_request_for_rings_is_hung_up_on(void **state)
{
	static const char requests[][9] = {
		"HSHM\0\24\24\0",  "HSHM\2\24\24\0",  "HSHM\1\11\24\0",
		"HSHM\1\24\25\0",  "HSHM\1\24\24\1",  "HSHM\1\12\12\0",
		"HSHM\1\377\24\0", "HSHM\1\24\377\0", "HSHM\377\377\377\377",
	};
	struct transport_options options = { 0 };
	struct world world;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	world.listener->on_broken = note_broken;
	n_broken = 0;
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = call_in(&world);

		say(fd, requests[i], 8);
		await(&world, is_hung_up_on(fd));
		assert_int_equal(world.n_channels, 0);
		close(fd);
	}
	assert_int_equal(n_broken, sizeof(requests) / sizeof(requests[0]));
	world_deinit(&world);
}

static void a_request_may_come_in_pieces(void **state)
{
	static const char request[] = "HSHM\1\20\14\0";
	struct transport_options options = { 0 };
	struct world world;
	int fd;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	fd = call_in(&world);
	for (size_t i = 0; i < 8; i++) {
		poller_dispatch(&world.poller, 10);
		assert_int_equal(world.n_channels, 0);
		say(fd, &request[i], 1);
	}
	await(&world, world.n_channels == 1);
	assert_string_equal(world.channels[0]->ops->name, "shm");
	assert_int_equal(world.channels[0]->n_in_max, 1 << 16);
	assert_int_equal(world.channels[0]->n_out_max, 1 << 12);
	close(fd);
	world_deinit(&world);
}

static void silence_ends_after_a_while(void **state)
{
	struct transport_options options = { .handshake_ms = 50 };
	uint64_t start_ns;
	struct world world;
	int silent;
	int hesitant;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	start_ns = clock_now_ns();
	silent = call_in(&world);
	hesitant = call_in(&world);
	say(hesitant, "HSHM\1", 5);
	await(&world, is_hung_up_on(silent) && is_hung_up_on(hesitant));
	assert_true(clock_now_ns() - start_ns >= 50 * NS_PER_MS);
	assert_int_equal(world.n_channels, 0);
	close(silent);
	close(hesitant);
	world_deinit(&world);
}

static void raise_limit(void)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Of those who stay silent few are kept, and they keep nobody out. */
static void a_silent_crowd_shuts_nobody_out(void **state)
{
	struct transport_options options = { .n_handshakes_max = 16,
					     .handshake_ms = 60000 };
	static int crowd[N_CROWD];
	struct world world;
	size_t n_before;
	int good;

	raise_limit();
	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	n_before = count_descriptors();
	for (size_t i = 0; i < N_CROWD; i++) {
		crowd[i] = call_in(&world);
		if (i % 100 == 0)
			poller_dispatch(&world.poller, 0);
	}
	good = call_in(&world);
	say(good, "good", 4);
	await(&world, world.n_channels == 1);
	await(&world,
	      is_hung_up_on(crowd[0]) &&
		      count_descriptors() <= n_before + N_CROWD + 2 + 16);
	say(good, "again", 5);
	await(&world, channel_refill(world.channels[0]) < 0 ||
			      world.channels[0]->n_in == 9);
	assert_memory_equal(world.channels[0]->in, "goodagain", 9);
	for (size_t i = 0; i < N_CROWD; i++)
		close(crowd[i]);
	close(good);
	world_deinit(&world);
}

static void set_limit(rlim_t n, struct rlimit *ret_before)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, ret_before), 0);
	limit = *ret_before;
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The peer that cannot be accepted stays in the queue, and wakes nobody. */
static void without_descriptors_a_listener_rests(void **state)
{
	struct transport_options options = { 0 };
	struct rlimit before;
	struct world world;
	unsigned n_events = 0;
	uint64_t start_ns;
	int fd;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	fd = call_in(&world);
	say(fd, "x", 1);
	set_limit(3, &before);
	start_ns = clock_now_ns();
	while (clock_now_ns() - start_ns < 50 * NS_PER_MS)
		n_events += (unsigned)poller_dispatch(&world.poller, 10) > 0;
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(world.n_channels, 0);
	assert_int_equal(n_events, 1);

	await(&world, world.n_channels == 1);
	close(fd);
	world_deinit(&world);
}

static void a_refused_peer_is_hung_up_on(void **state)
{
	struct transport_options options = { 0 };
	int fds[N_CHANNELS_MAX + 1];
	struct world world;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	for (size_t i = 0; i <= N_CHANNELS_MAX; i++) {
		fds[i] = call_in(&world);
		say(fds[i], "x", 1);
	}
	await(&world, is_hung_up_on(fds[N_CHANNELS_MAX]));
	assert_int_equal(world.n_channels, N_CHANNELS_MAX);
	for (size_t i = 0; i <= N_CHANNELS_MAX; i++)
		close(fds[i]);
	world_deinit(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_request_for_rings_is_a_stream),
		cmocka_unit_test(a_bad_request_for_rings_is_hung_up_on),
		cmocka_unit_test(a_request_may_come_in_pieces),
		cmocka_unit_test(silence_ends_after_a_while),
		cmocka_unit_test(a_silent_crowd_shuts_nobody_out),
		cmocka_unit_test(without_descriptors_a_listener_rests),
		cmocka_unit_test(a_refused_peer_is_hung_up_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
