/* SPDX-License-Identifier: MIT */

/* How soon an end of the tcp module notices that the other is gone. */

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/transports/tcp_world.h"

static struct world world;

/*
 * A process whose only thread is a client that says something and then nothing
 * more. It is started before this process has a context, for ZeroMQ does not
 * survive a fork: so it gets the address by a pipe.
 */
struct child {
	pid_t pid;
	int tell_fd;
};

static void child_main(int fd)
{
	struct transport_options options = { .is_plain = true };
	struct channel *channel = NULL;
	struct poller poller;
	char address[64] = "";

	alarm(20);
	poller_init(&poller);
	if (read(fd, address, sizeof(address)) <= 0 ||
	    helio_transport.connect(&poller, address, &options, &channel) < 0)
		_exit(1);
	for (;;)
		poller_dispatch(&poller, -1);
}

static struct child child_start(void)
{
	struct child child;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (!child.pid) {
		close(fds[1]);
		child_main(fds[0]);
	}
	close(fds[0]);
	child.tell_fd = fds[1];
	return child;
}

static void child_end(struct child *child)
{
	kill(child->pid, SIGKILL);
	close(child->tell_fd);
	waitpid(child->pid, NULL, 0);
}

static unsigned measure_loss(int signal_number)
{
	struct child child = child_start();
	unsigned ms;

	world_init(&world, true);
	assert_true(write(child.tell_fd, world_address(&world),
			  strlen(world_address(&world))) > 0);
	world_wait_channels(&world, 1);
	kill(child.pid, signal_number);
	assert_int_equal(world_wait_end(&world, world.channels[0], &ms),
			 -EPIPE);
	child_end(&child);
	world_deinit(&world);
	return ms;
}

static void server_main(int fd)
{
	alarm(20);
	world_init(&world, true);
	if (write(fd, world_address(&world), strlen(world_address(&world))) <=
	    0)
		_exit(1);
	for (;;)
		poller_dispatch(&world.poller, -1);
}

/* The same, seen by a client: of its switch, which a child is. */
static unsigned measure_loss_of_server(int signal_number)
{
	struct transport_options options = { .is_plain = true };
	struct channel *client = NULL;
	uint8_t *room = NULL;
	char address[64] = "";
	unsigned ms;
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (!pid)
		server_main(fds[1]);
	assert_true(read(fds[0], address, sizeof(address) - 1) > 0);
	assert_int_equal(poller_init(&world.poller), 0);
	assert_int_equal(helio_transport.connect(&world.poller, address,
						 &options, &client),
			 0);
	while (channel_reserve(client, 1, &room) == -EAGAIN)
		poller_dispatch(&world.poller, 20);
	kill(pid, signal_number);
	assert_int_equal(world_wait_end(&world, client, &ms), -EPIPE);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	close(fds[1]);
	channel_free(client);
	poller_deinit(&world.poller);
	return ms;
}

static void notices_a_killed_switch_at_once(void **state)
{
	assert_in_range(measure_loss_of_server(SIGKILL), 0, 300);
}

static void notices_a_stopped_switch_within_3_s(void **state)
{
	assert_in_range(measure_loss_of_server(SIGSTOP), 1000, 3000);
}

static void notices_a_killed_peer_at_once(void **state)
{
	assert_in_range(measure_loss(SIGKILL), 0, 300);
}

static void notices_a_stopped_peer_within_3_s(void **state)
{
	assert_in_range(measure_loss(SIGSTOP), 1000, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(notices_a_killed_peer_at_once),
		cmocka_unit_test(notices_a_stopped_peer_within_3_s),
		cmocka_unit_test(notices_a_killed_switch_at_once),
		cmocka_unit_test(notices_a_stopped_switch_within_3_s),
	};

	return cmocka_run_group_tests_name("tcp_loss", tests, NULL, NULL);
}
