/* SPDX-License-Identifier: MIT */

/* Peers of the tcp module that lie, and a good one that must not notice. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <zmq.h>

#include <cmocka.h>

#include "base/le.h"
#include "tests/unit/transports/tcp_world.h"
#include "transports/tcp/duplex.h"

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

static struct channel *stranger_open(struct stranger *stranger)
{
	unsigned n = world.n_channels + 1;

	stranger_say(stranger, DUPLEX_OPEN, 0, 0);
	world_wait_channels(&world, n);
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
	world_talk(&world, client, server);
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
	world_wait_outside(&world, has_answer, &stranger);

	client = world_connect(&world, &world.enrolled);
	assert_int_equal(world_wait_end(&world, client, &ms), -EACCES);
	channel_free(client);
	client = world_join(&world, &world.other, &server);
	world_talk(&world, client, server);
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
	world_wait_outside(&world, has_answer, &stranger);
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
	world_wait_outside(&world, is_disconnected, monitor);
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

#define PLAIN(test) \
	cmocka_unit_test_setup_teardown(test, set_up_plain, tear_down)
#define CURVE(test) \
	cmocka_unit_test_setup_teardown(test, set_up_curve, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CURVE(ends_a_peer_that_ignores_the_window),
		CURVE(keeps_a_violator_out_for_a_while),
		PLAIN(ends_a_peer_that_breaks_a_rule),
		PLAIN(ends_a_peer_that_sends_several_parts),
		PLAIN(tells_the_end_to_who_never_opened),
		CURVE(hangs_up_on_who_does_not_leave),
		CURVE(takes_a_reconnected_peer_for_a_new_one),
		CURVE(goes_by_the_key_and_not_by_the_routing_id),
	};

	return cmocka_run_group_tests_name("tcp_hostile", tests, NULL, NULL);
}
