/* SPDX-License-Identifier: MIT */

/*
 * Connections to the tcp module that say nothing, or garbage, and a good peer
 * beside them that must not notice.
 */

#include <arpa/inet.h>
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

#include "tests/unit/transports/tcp_world.h"

enum { N_SILENT = 200 };

static struct world world;

static int set_up_plain(void **state)
{
	world_init(&world, true);
	return 0;
}

static int set_up_curve(void **state)
{
	world_init(&world, false);
	return 0;
}

static int tear_down(void **state)
{
	world_deinit(&world);
	return 0;
}

static int connect_raw(void)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)world_port(&world)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	if (connect(fd, (struct sockaddr *)(void *)&to, sizeof(to)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return fd;
}

static void is_not_harmed_by_garbage(void **state)
{
	struct channel *client, *server;
	uint8_t bytes[4096];
	int fds[16];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 13);
	client = world_join(&world, &world.enrolled, &server);
	for (int i = 0; i < 16; i++) {
		fds[i] = connect_raw();
		/* A proper greeting, or not, and then anything. */
		if (i & 1)
			memcpy(bytes, "\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE\0",
			       18);
		world_talk(&world, client, server);
		(void)send(fds[i], bytes, sizeof(bytes) >> i / 2, MSG_NOSIGNAL);
	}
	world_talk(&world, client, server);
	for (int i = 0; i < 16; i++)
		close(fds[i]);
	channel_free(client);
}

/* ZeroMQ greets first: take what it says. */
static bool is_open(int fd)
{
	char bytes[512];
	ssize_t n;

	do {
		n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	} while (n > 0);
	return n < 0 && errno == EAGAIN;
}

struct silent {
	int fds[N_SILENT];
	unsigned n_open_max;
};

static bool are_few_open(void *userdata)
{
	struct silent *silent = userdata;
	unsigned n_open = 0;

	for (int i = 0; i < N_SILENT; i++)
		n_open += is_open(silent->fds[i]);
	return n_open <= silent->n_open_max;
}

static void bears_connections_that_say_nothing(void **state)
{
	struct channel *client, *server;
	struct silent silent = { .n_open_max = 0 };

	client = world_join(&world, &world.enrolled, &server);
	for (int i = 0; i < N_SILENT; i++)
		silent.fds[i] = connect_raw();
	world_talk(&world, client, server);
	world_wait_outside(&world, are_few_open, &silent);
	world_talk(&world, client, server);
	for (int i = 0; i < N_SILENT; i++)
		close(silent.fds[i]);
	channel_free(client);
}

static void leaves_half_of_the_descriptors_to_others(void **state)
{
	struct silent silent = { .n_open_max = 120 };
	struct channel *client, *server;
	struct rlimit old, low;

	/* Our own ends are in this process too: the limit is for the world. */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = 240;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	/* Long before anybody is hung up on for being slow. */
	world_init_with(&world, true, 2 * WORLD_WAIT_MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);

	client = world_join(&world, NULL, &server);
	for (int i = 0; i < N_SILENT; i++)
		silent.fds[i] = connect_raw();
	world_wait_outside(&world, are_few_open, &silent);
	world_talk(&world, client, server);
	for (int i = 0; i < N_SILENT; i++)
		close(silent.fds[i]);
	channel_free(client);
	world_deinit(&world);
}

#define PLAIN(test) \
	cmocka_unit_test_setup_teardown(test, set_up_plain, tear_down)
#define CURVE(test) \
	cmocka_unit_test_setup_teardown(test, set_up_curve, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CURVE(is_not_harmed_by_garbage),
		PLAIN(is_not_harmed_by_garbage),
		CURVE(bears_connections_that_say_nothing),
		cmocka_unit_test(leaves_half_of_the_descriptors_to_others),
	};

	return cmocka_run_group_tests_name("tcp_crowd", tests, NULL, NULL);
}
