/* SPDX-License-Identifier: MIT */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/transport.h"
#include "transports/unix.h"
#include "transports/unix_socket.h"

enum { N_CROWD = 2000, TEST_MAX_S = 30, N_CHANNELS_MAX = 4 };

/* A listener in a folder of its own, and the channels that it made. */
struct world {
	char folder[64];
	char path[80];
	struct poller poller;
	struct listener *listener;
	struct channel *channels[N_CHANNELS_MAX];
	unsigned n_channels;
};

static int adopt(struct listener *listener, struct channel *channel)
{
	struct world *world = listener->owner;

	if (world->n_channels == N_CHANNELS_MAX)
		return -ENOBUFS;
	world->channels[world->n_channels++] = channel;
	return 0;
}

static int world_listen(struct world *world,
			const struct transport_options *options)
{
	int r;

	r = transport_unix.listen(&world->poller, world->path, options,
				  &world->listener);
	if (r < 0)
		return r;
	world->listener->owner = world;
	world->listener->on_channel = adopt;
	return 0;
}

static void world_init(struct world *world)
{
	alarm(TEST_MAX_S);
	*world = (struct world){ .folder = "/tmp/helio-test-XXXXXX" };
	assert_non_null(mkdtemp(world->folder));
	snprintf(world->path, sizeof(world->path), "%s/socket", world->folder);
	assert_int_equal(poller_init(&world->poller), 0);
}

static void world_deinit(struct world *world)
{
	for (unsigned i = 0; i < world->n_channels; i++)
		channel_free(world->channels[i]);
	listener_free(world->listener);
	poller_deinit(&world->poller);
	assert_int_equal(rmdir(world->folder), 0);
}

static int call_in(struct world *world)
{
	int fd;

	assert_int_equal(unix_socket_connect(world->path, &fd), 0);
	return fd;
}

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
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		int fd = call_in(&world);

		say(fd, requests[i], 8);
		await(&world, is_hung_up_on(fd));
		assert_int_equal(world.n_channels, 0);
		close(fd);
	}
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

static void an_address_in_use_is_left_alone(void **state)
{
	struct transport_options options = { 0 };
	struct listener *second;
	struct world world;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	assert_int_equal(transport_shm.listen(&world.poller, world.path,
					      &options, &second),
			 -EADDRINUSE);
	close(call_in(&world));
	world_deinit(&world);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	struct transport_options options = { 0 };
	struct world world;
	int fd;

	world_init(&world);
	fd = open(world.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(world_listen(&world, &options), -EADDRINUSE);
	assert_int_equal(unlink(world.path), 0);
	world_deinit(&world);
}

static void a_stale_socket_is_replaced(void **state)
{
	struct transport_options options = { 0 };
	struct unix_socket stale;
	struct world world;

	world_init(&world);
	assert_int_equal(unix_socket_listen(world.path, &options, &stale), 0);
	close(stale.fd);
	assert_int_equal(world_listen(&world, &options), 0);
	close(call_in(&world));
	world_deinit(&world);
}

static void only_its_own_socket_is_removed(void **state)
{
	struct transport_options options = { 0 };
	struct listener *first;
	struct world world;

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), 0);
	first = world.listener;
	assert_int_equal(unlink(world.path), 0);
	assert_int_equal(world_listen(&world, &options), 0);
	listener_free(first);
	assert_int_equal(access(world.path, F_OK), 0);
	world_deinit(&world);
}

static mode_t mode_of(const char *path)
{
	struct stat stat;

	assert_int_equal(lstat(path, &stat), 0);
	return stat.st_mode & 07777;
}

static void mode_and_owner_are_as_asked(void **state)
{
	struct transport_options options = { .mode = 0666 };
	struct stat stat;
	struct world world;

	world_init(&world);
	if (geteuid() == 0)
		options.uid = options.gid = 12345;
	assert_int_equal(world_listen(&world, &options), 0);
	assert_int_equal(mode_of(world.path), 0666);
	assert_int_equal(lstat(world.path, &stat), 0);
	assert_int_equal(stat.st_uid, options.uid ?: geteuid());
	assert_int_equal(stat.st_gid, options.gid ?: getegid());
	world.listener = listener_free(world.listener);

	options = (struct transport_options){ 0 };
	assert_int_equal(world_listen(&world, &options), 0);
	assert_int_equal(mode_of(world.path), 0600);
	world_deinit(&world);
}

static void bad_options_and_paths_are_refused(void **state)
{
	struct transport_options options = { .ring_bytes = 3000 };
	struct channel *channel;
	struct world world;
	char path[200];

	world_init(&world);
	assert_int_equal(world_listen(&world, &options), -EINVAL);
	assert_int_equal(transport_shm.connect(&world.poller, world.path,
					       &options, &channel),
			 -EINVAL);
	options.ring_bytes = 512;
	assert_int_equal(world_listen(&world, &options), -EINVAL);
	options.ring_bytes = 1 << 21;
	assert_int_equal(world_listen(&world, &options), -EINVAL);
	options.ring_bytes = 0;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		transport_unix.connect(&world.poller, path, &options, &channel),
		-ENAMETOOLONG);
	assert_int_equal(
		transport_unix.connect(&world.poller, "", &options, &channel),
		-EINVAL);
	world_deinit(&world);
}

static void an_address_names_its_transport(void **state)
{
	const struct transport *transport;
	const char *rest;
	char why[256];

	assert_int_equal(transport_lookup("shm:/a:b", &transport, &rest), 0);
	assert_ptr_equal(transport, &transport_shm);
	assert_string_equal(rest, "/a:b");
	assert_int_equal(transport_lookup("unix:", &transport, &rest), 0);
	assert_ptr_equal(transport, &transport_unix);
	assert_string_equal(rest, "");

	assert_int_equal(transport_lookup("", &transport, &rest), -EINVAL);
	assert_int_equal(transport_lookup("shm", &transport, &rest), -EINVAL);
	assert_int_equal(transport_lookup(":x", &transport, &rest), -EINVAL);
	assert_int_equal(transport_lookup("../tcp:x", &transport, &rest),
			 -EINVAL);
	assert_int_equal(transport_lookup("SHM:x", &transport, &rest), -EINVAL);
	assert_int_equal(
		transport_lookup("abcdefghijklmnop:x", &transport, &rest),
		-EINVAL);
	assert_int_equal(transport_lookup("nosuch:x", &transport, &rest),
			 -EPROTONOSUPPORT);
	transport_explain("nosuch:x", why, sizeof(why));
	assert_non_null(strstr(why, "no module for nosuch: "));
	assert_non_null(strstr(why, "libheliograph-nosuch.so"));
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
		cmocka_unit_test(an_address_in_use_is_left_alone),
		cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
		cmocka_unit_test(a_stale_socket_is_replaced),
		cmocka_unit_test(only_its_own_socket_is_removed),
		cmocka_unit_test(mode_and_owner_are_as_asked),
		cmocka_unit_test(bad_options_and_paths_are_refused),
		cmocka_unit_test(an_address_names_its_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
