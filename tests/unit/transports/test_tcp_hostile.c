/* SPDX-License-Identifier: MIT */

/*
 * Peers of the tcp module that die, stand still, lie or say nothing, and a
 * good one beside them that must not notice.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/le.h"
#include "tests/unit/transports/tcp_world.h"
#include "transports/tcp/duplex.h"

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

/* A DEALER without our library: it sends what it likes. */
struct stranger {
	void *context;
	void *socket;
};

static void stranger_init(struct stranger *stranger,
			  const struct key_pair *pair, const char *routing_id)
{
	int linger = 0;

	stranger->context = zmq_ctx_new();
	stranger->socket = zmq_socket(stranger->context, ZMQ_DEALER);
	zmq_setsockopt(stranger->socket, ZMQ_LINGER, &linger, sizeof(linger));
	if (routing_id)
		zmq_setsockopt(stranger->socket, ZMQ_ROUTING_ID, routing_id,
			       strlen(routing_id));
	if (!world.is_plain) {
		zmq_setsockopt(stranger->socket, ZMQ_CURVE_SERVERKEY,
			       world.server.public_key, 32);
		zmq_setsockopt(stranger->socket, ZMQ_CURVE_PUBLICKEY,
			       pair->public_key, 32);
		zmq_setsockopt(stranger->socket, ZMQ_CURVE_SECRETKEY,
			       pair->secret_key, 32);
	}
	assert_int_equal(zmq_connect(stranger->socket, world.listener->address),
			 0);
}

static void stranger_deinit(struct stranger *stranger)
{
	zmq_close(stranger->socket);
	zmq_ctx_term(stranger->context);
}

static void stranger_say(struct stranger *stranger, uint32_t kind,
			 uint32_t consumed, size_t n)
{
	static uint8_t message[DUPLEX_HEADER_BYTES + (1 << 18)];

	le32_store(message, kind);
	le32_store(message + 4, consumed);
	memset(message + DUPLEX_HEADER_BYTES, 's', n);
	assert_true(zmq_send(stranger->socket, message, DUPLEX_HEADER_BYTES + n,
			     0) >= 0);
}

static bool has_channels(void *userdata)
{
	return world.n_channels >= *(unsigned *)userdata;
}

static struct channel *stranger_open(struct stranger *stranger)
{
	unsigned n = world.n_channels + 1;

	stranger_say(stranger, DUPLEX_OPEN, 0, 0);
	world_wait(&world, has_channels, &n);
	return world.channels[n - 1];
}

static bool has_answer(void *userdata)
{
	struct stranger *stranger = userdata;
	uint8_t message[16];
	int n;

	do {
		n = zmq_recv(stranger->socket, message, sizeof(message),
			     ZMQ_DONTWAIT);
	} while (n == DUPLEX_HEADER_BYTES && message[0] == DUPLEX_BYTES);
	return n == DUPLEX_HEADER_BYTES && message[0] == DUPLEX_END;
}

/* The listener's channels are owned by the world; end this one now. */
static void free_channel(struct channel *channel)
{
	for (unsigned i = 0; i < world.n_channels; i++)
		if (world.channels[i] == channel)
			world.channels[i] = channel_free(channel);
}

static void talk(struct channel *client, struct channel *server)
{
	world_write(&world, client, "all well?", 9);
	world_expect(&world, server, "all well?", 9);
	world_write(&world, server, "all well.", 9);
	world_expect(&world, client, "all well.", 9);
}

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

/* For what happens outside of the world's poller. */
static void wait_outside(bool (*is_done)(void *userdata), void *userdata)
{
	world.look_ms = 20;
	world_wait(&world, is_done, userdata);
	world.look_ms = 0;
}

static unsigned measure_loss(int signal_number)
{
	struct child child = child_start();
	unsigned n = 1, ms;

	world_init(&world, true);
	assert_true(write(child.tell_fd, world_address(&world),
			  strlen(world_address(&world))) > 0);
	world_wait(&world, has_channels, &n);
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

static void ends_a_peer_that_ignores_the_window(void **state)
{
	struct channel *client, *server, *its_channel;
	struct stranger stranger;
	unsigned ms;

	client = world_join(&world, &world.other, &server);
	stranger_init(&stranger, &world.enrolled, NULL);
	its_channel = stranger_open(&stranger);
	for (int i = 0; i < 5; i++)
		stranger_say(&stranger, DUPLEX_BYTES, 0, 250000);
	/* Nobody consumes meanwhile. */
	while (its_channel->ops->refill(its_channel) == 0)
		poller_dispatch(&world.poller, 100);
	assert_int_equal(world_wait_end(&world, its_channel, &ms), -EPROTO);
	assert_string_equal(its_channel->reason, "sent more than the window");
	talk(client, server);
	stranger_deinit(&stranger);
	channel_free(client);
}

static void keeps_a_violator_out_for_a_while(void **state)
{
	struct channel *client, *server;
	struct stranger stranger;
	unsigned ms;

	stranger_init(&stranger, &world.enrolled, NULL);
	server = stranger_open(&stranger);
	stranger_say(&stranger, 9, 0, 0);
	assert_int_equal(world_wait_end(&world, server, &ms), -EPROTO);
	free_channel(server);
	wait_outside(has_answer, &stranger);

	client = world_connect(&world, &world.enrolled);
	assert_int_equal(world_wait_end(&world, client, &ms), -EACCES);
	channel_free(client);
	client = world_join(&world, &world.other, &server);
	talk(client, server);
	channel_free(client);
	stranger_deinit(&stranger);
}

/* Each breaks one rule of the envelope. */
static void ends_a_peer_that_breaks_a_rule(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} messages[] = {
		{ "", 0 },
		{ "\2\0\0\0\0\0\0", 7 },
		{ "\2\1\0\0\0\0\0\0", 8 },
		{ "\2\0\0\1\0\0\0\0", 8 },
		{ "\2\0\0\0\1\0\0\0", 8 },
		{ "\4\0\0\0\0\0\0\0", 8 },
		{ "\3\0\0\0\0\0\0\0x", 9 },
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		struct stranger stranger;
		struct channel *channel;
		unsigned ms;

		stranger_init(&stranger, NULL, NULL);
		channel = stranger_open(&stranger);
		zmq_send(stranger.socket, messages[i].bytes, messages[i].n, 0);
		assert_int_equal(world_wait_end(&world, channel, &ms), -EPROTO);
		assert_non_null(channel->reason);
		free_channel(channel);
		stranger_deinit(&stranger);
	}
}

static void ends_a_peer_that_sends_several_parts(void **state)
{
	struct stranger stranger;
	struct channel *channel;
	unsigned ms;

	stranger_init(&stranger, NULL, NULL);
	channel = stranger_open(&stranger);
	for (int i = 0; i < 3; i++)
		zmq_send(stranger.socket, "\2\0\0\0\0\0\0\0", 8,
			 i < 2 ? ZMQ_SNDMORE : 0);
	assert_int_equal(world_wait_end(&world, channel, &ms), -EPROTO);
	stranger_deinit(&stranger);
}

static void tells_the_end_to_who_never_opened(void **state)
{
	struct stranger stranger;

	stranger_init(&stranger, NULL, NULL);
	stranger_say(&stranger, DUPLEX_BYTES, 0, 100);
	wait_outside(has_answer, &stranger);
	assert_int_equal(world.n_channels, 0);
	stranger_deinit(&stranger);
}

static bool is_disconnected(void *userdata)
{
	uint8_t event[6];
	uint16_t kind;

	while (zmq_recv(userdata, event, sizeof(event), ZMQ_DONTWAIT) == 6) {
		memcpy(&kind, event, sizeof(kind));
		if (kind == ZMQ_EVENT_DISCONNECTED)
			return true;
	}
	return false;
}

/* A ROUTER cannot; we can. */
static void hangs_up_on_who_does_not_leave(void **state)
{
	struct stranger stranger;
	struct channel *channel;
	void *monitor;

	stranger_init(&stranger, &world.enrolled, NULL);
	zmq_socket_monitor(stranger.socket, "inproc://m", ZMQ_EVENT_ALL);
	monitor = zmq_socket(stranger.context, ZMQ_PAIR);
	zmq_connect(monitor, "inproc://m");
	channel = stranger_open(&stranger);
	free_channel(channel);
	wait_outside(is_disconnected, monitor);
	zmq_close(monitor);
	stranger_deinit(&stranger);
}

static void takes_a_reconnected_peer_for_a_new_one(void **state)
{
	struct stranger first, second;
	struct channel *channels[2];
	unsigned ms;

	stranger_init(&first, &world.enrolled, "fixed");
	channels[0] = stranger_open(&first);
	stranger_say(&first, DUPLEX_BYTES, 0, 3);
	world_expect(&world, channels[0], "sss", 3);
	stranger_deinit(&first);

	stranger_init(&second, &world.enrolled, "fixed");
	channels[1] = stranger_open(&second);
	stranger_say(&second, DUPLEX_BYTES, 0, 5);
	world_expect(&world, channels[1], "sssss", 5);
	assert_int_equal(world_wait_end(&world, channels[0], &ms), -EPIPE);
	stranger_deinit(&second);
}

/* Whoever takes over a routing id gets neither the channel nor the name. */
static void goes_by_the_key_and_not_by_the_routing_id(void **state)
{
	struct stranger first, second;
	struct channel *channel;

	stranger_init(&first, &world.enrolled, "fixed");
	channel = stranger_open(&first);
	assert_string_equal(channel->evidence.name, "web");
	stranger_deinit(&first);

	stranger_init(&second, &world.other, "fixed");
	stranger_say(&second, DUPLEX_BYTES, 0, 5);
	channel = stranger_open(&second);
	assert_string_equal(channel->evidence.name, "db");
	assert_int_equal(channel_refill(world.channels[0])
				 ? 0
				 : (int)world.channels[0]->n_in,
			 0);
	stranger_deinit(&second);
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
		talk(client, server);
		(void)send(fds[i], bytes, sizeof(bytes) >> i / 2, MSG_NOSIGNAL);
	}
	talk(client, server);
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
	talk(client, server);
	wait_outside(are_few_open, &silent);
	talk(client, server);
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
	wait_outside(are_few_open, &silent);
	talk(client, server);
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
		cmocka_unit_test(notices_a_killed_peer_at_once),
		cmocka_unit_test(notices_a_stopped_peer_within_3_s),
		cmocka_unit_test(notices_a_killed_switch_at_once),
		cmocka_unit_test(notices_a_stopped_switch_within_3_s),
		CURVE(ends_a_peer_that_ignores_the_window),
		CURVE(keeps_a_violator_out_for_a_while),
		PLAIN(ends_a_peer_that_breaks_a_rule),
		PLAIN(ends_a_peer_that_sends_several_parts),
		PLAIN(tells_the_end_to_who_never_opened),
		CURVE(hangs_up_on_who_does_not_leave),
		CURVE(takes_a_reconnected_peer_for_a_new_one),
		CURVE(goes_by_the_key_and_not_by_the_routing_id),
		CURVE(is_not_harmed_by_garbage),
		PLAIN(is_not_harmed_by_garbage),
		CURVE(bears_connections_that_say_nothing),
		cmocka_unit_test(leaves_half_of_the_descriptors_to_others),
	};

	return cmocka_run_group_tests_name("tcp_hostile", tests, NULL, NULL);
}
