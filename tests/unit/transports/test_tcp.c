/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/fault.h"
#include "tests/unit/transports/tcp_world.h"

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

static void carries_bytes_both_ways(void **state)
{
	struct channel *client, *server;

	client = world_join(&world, &world.enrolled, &server);
	world_write(&world, client, "question", 8);
	world_expect(&world, server, "question", 8);
	world_write(&world, server, "answer", 6);
	world_expect(&world, client, "answer", 6);
	channel_free(client);
}

static void gives_the_name_of_the_enrolled_key(void **state)
{
	struct channel *clients[3], *servers[3];

	clients[0] = world_join(&world, &world.enrolled, &servers[0]);
	clients[1] = world_join(&world, &world.enrolled, &servers[1]);
	clients[2] = world_join(&world, &world.other, &servers[2]);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(servers[i]->evidence.kind, EVIDENCE_KEY);
		assert_string_equal(servers[i]->evidence.name,
				    i < 2 ? "web" : "db");
		world_write(&world, clients[i], &i, sizeof(i));
	}
	for (int i = 2; i >= 0; i--) {
		world_expect(&world, servers[i], &i, sizeof(i));
		channel_free(clients[i]);
	}
}

static void gives_no_name_on_plain(void **state)
{
	struct channel *client, *server;

	client = world_join(&world, NULL, &server);
	assert_int_equal(server->evidence.kind, EVIDENCE_KEY);
	assert_string_equal(server->evidence.name, "");
	channel_free(client);
}

static void refuses_a_key_that_is_not_enrolled(void **state)
{
	struct channel *client;
	unsigned ms;

	client = world_connect(&world, &world.server);
	assert_int_equal(world_wait_end(&world, client, &ms), -EACCES);
	assert_non_null(client->reason);
	assert_int_equal(world.n_channels, 0);
	channel_free(client);
}

static void refuses_a_server_with_another_key(void **state)
{
	struct transport_options options =
		world_options(&world, &world.enrolled);
	struct channel *client;
	unsigned ms;

	options.server_key[0] ^= 1;
	assert_int_equal(helio_transport.connect(&world.poller,
						 world_address(&world),
						 &options, &client),
			 0);
	assert_int_equal(world_wait_end(&world, client, &ms), -EPROTO);
	channel_free(client);
}

static void refuses_plain_off_this_machine(void **state)
{
	struct transport_options options = { .is_plain = true };
	static const char *const addresses[] = {
		"//*:0",
		"//0.0.0.0:0",
		"//192.0.2.1:7300",
		"//example.org:7300",
		"//[::]:0",
		"//[2001:db8::1]:7300",
	};
	struct listener *listener;
	struct channel *channel;
	struct poller poller;

	poller_init(&poller);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		assert_int_equal(helio_transport.listen(&poller, addresses[i],
							&options, &listener),
				 -EACCES);
	assert_int_equal(helio_transport.connect(&poller, "//192.0.2.1:7300",
						 &options, &channel),
			 -EACCES);
	poller_deinit(&poller);
}

static void wants_keys_unless_plain(void **state)
{
	struct transport_options options = { .is_plain = false };
	struct listener *listener;
	struct channel *channel;
	struct poller poller;

	poller_init(&poller);
	assert_int_equal(helio_transport.listen(&poller, "//127.0.0.1:0",
						&options, &listener),
			 -ENOKEY);
	assert_int_equal(helio_transport.connect(&poller, "//127.0.0.1:7300",
						 &options, &channel),
			 -ENOKEY);
	poller_deinit(&poller);
}

static void says_when_nobody_listens(void **state)
{
	struct transport_options options = { .is_plain = true };
	struct channel *client;
	char address[64];
	unsigned ms;

	snprintf(address, sizeof(address), "%s", world_address(&world));
	world.listener = listener_free(world.listener);
	assert_int_equal(helio_transport.connect(&world.poller, address,
						 &options, &client),
			 0);
	assert_int_equal(world_wait_end(&world, client, &ms), -ECONNREFUSED);
	channel_free(client);
}

static void says_when_the_port_is_taken(void **state)
{
	struct transport_options options = { .is_plain = true };
	struct listener *listener;

	assert_int_equal(helio_transport.listen(&world.poller,
						world_address(&world), &options,
						&listener),
			 -EADDRINUSE);
}

/* Both ways at once, many times the window, in uneven pieces. */
static void keeps_a_long_stream_in_order(void **state)
{
	enum { N_BYTES = 12 << 20, PIECE = 70000 };
	struct channel *client, *server;
	uint8_t *bytes = malloc(N_BYTES);

	for (size_t i = 0; i < N_BYTES; i++)
		bytes[i] = (uint8_t)(i * 2654435761u >> 11);
	client = world_join(&world, &world.enrolled, &server);
	for (size_t at = 0; at < N_BYTES;) {
		size_t n = 1 + at * 40503 % PIECE;

		if (n > N_BYTES - at)
			n = N_BYTES - at;
		world_write(&world, client, bytes + at, n);
		world_write(&world, server, bytes + at, n);
		world_expect(&world, server, bytes + at, n);
		world_expect(&world, client, bytes + at, n);
		at += n;
	}
	channel_free(client);
	free(bytes);
}

static size_t fill(struct channel *channel)
{
	size_t n = 0;
	uint8_t *room;

	while (channel_reserve(channel, 1000, &room) == 0) {
		memset(room, 'x', 1000);
		channel_commit(channel, 1000);
		channel_flush(channel);
		n += 1000;
	}
	return n;
}

static void holds_back_a_sender_whose_reader_sleeps(void **state)
{
	struct channel *client, *server, *third, *its_server;
	uint8_t *room;
	size_t n;

	client = world_join(&world, &world.enrolled, &server);
	n = fill(server);
	assert_in_range(n, (1 << 20) - 1000, 1 << 20);
	assert_int_equal(channel_reserve(server, 1000, &room), -EAGAIN);

	/* Nobody else is held back by it. */
	third = world_join(&world, &world.other, &its_server);
	world_write(&world, its_server, "still here", 10);
	world_expect(&world, third, "still here", 10);

	/* A little room is room, and is told of. */
	world_expect(&world, client, "xxxxxxxxxx", 10);
	world_write(&world, server, "yyyyyyyyyy", 10);
	channel_free(third);
	channel_free(client);
}

/* As much as fits: most of it is still on its way when the client leaves. */
static void reads_what_was_sent_before_the_client_left(void **state)
{
	enum { N_BYTES = 1000000 };
	struct channel *client, *server;
	uint8_t *bytes = malloc(N_BYTES);
	unsigned ms;

	memset(bytes, 'l', N_BYTES);
	client = world_join(&world, &world.enrolled, &server);
	world_write(&world, client, bytes, N_BYTES);
	channel_free(client);
	world_expect(&world, server, bytes, N_BYTES);
	assert_int_equal(world_wait_end(&world, server, &ms), -EPIPE);
	assert_in_range(ms, 0, 500);
	free(bytes);
}

static void reads_what_was_sent_before_the_switch_hung_up(void **state)
{
	struct channel *client, *server;
	unsigned ms;

	client = world_join(&world, &world.enrolled, &server);
	world_write(&world, server, "last words", 10);
	world.n_channels = 0;
	channel_free(server);
	world_expect(&world, client, "last words", 10);
	assert_int_equal(world_wait_end(&world, client, &ms), -EPIPE);
	assert_in_range(ms, 0, 500);
	channel_free(client);
}

static void reads_what_was_sent_before_the_switch_ended(void **state)
{
	struct channel *client, *server;
	unsigned ms;

	client = world_join(&world, &world.enrolled, &server);
	world_write(&world, server, "last words", 10);
	world.n_channels = 0;
	channel_free(server);
	world.listener = listener_free(world.listener);
	world_expect(&world, client, "last words", 10);
	assert_int_equal(world_wait_end(&world, client, &ms), -EPIPE);
	channel_free(client);
}

static void lets_channels_outlive_their_listener(void **state)
{
	struct channel *client, *server;

	client = world_join(&world, &world.enrolled, &server);
	world.listener = listener_free(world.listener);
	world_write(&world, client, "question", 8);
	world_expect(&world, server, "question", 8);
	channel_free(client);
}

static int listen_again(const struct key_pair *keys, const char *address)
{
	struct transport_options options = {
		.lookup_key = world_lookup_key,
		.userdata = &world,
	};

	memcpy(options.secret_key, keys->secret_key, TRANSPORT_KEY_BYTES);
	return helio_transport.listen(&world.poller, address, &options,
				      &world.listener);
}

/* An address is taken out of the configuration, and comes back. */
static void listens_again_where_channels_live_on(void **state)
{
	struct channel *client, *server, *other_client, *other_server;
	char address[64];

	snprintf(address, sizeof(address), "%s", world_address(&world));
	client = world_join(&world, &world.enrolled, &server);
	world.listener = listener_free(world.listener);
	assert_int_equal(listen_again(&world.other, address), -EADDRINUSE);
	assert_int_equal(listen_again(&world.server, address), 0);
	assert_string_equal(world_address(&world), address);
	world_take_channels(&world);
	other_client = world_join(&world, &world.other, &other_server);
	world_write(&world, client, "old", 3);
	world_expect(&world, server, "old", 3);
	world_write(&world, other_client, "new", 3);
	world_expect(&world, other_server, "new", 3);
	channel_free(other_client);
	channel_free(client);
}

static void leaks_no_descriptors(void **state)
{
	unsigned n_before = world_count_fds();

	for (int i = 0; i < 5; i++) {
		struct channel *client, *server;
		struct world other;

		world_init(&other, i & 1);
		client = world_join(&other, &other.enrolled, &server);
		if (i < 3)
			channel_free(client);
		world_deinit(&other);
		if (i >= 3)
			channel_free(client);
	}
	assert_int_equal(world_count_fds(), n_before);
}

static bool are_fds_back(void *userdata)
{
	return world_count_fds() == *(unsigned *)userdata;
}

static void survives_failing_allocations(void **state)
{
	struct transport_options options = { .is_plain = true };
	unsigned n_before = world_count_fds();
	struct listener *listener;
	struct channel *channel;
	int r;

	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		fault_arm(n);
		r = helio_transport.listen(&world.poller, "//127.0.0.1:0",
					   &options, &listener);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
	}
	listener_free(listener);
	for (unsigned n = 0; n == 0 || fault_hit(); n++) {
		fault_arm(n);
		r = helio_transport.connect(&world.poller,
					    world_address(&world), &options,
					    &channel);
		fault_disarm();
		assert_int_equal(r, fault_hit() ? -ENOMEM : 0);
	}
	channel_free(channel);
	/* The listener may still be about to close its end of it. */
	world.look_ms = 10;
	world_wait(&world, are_fds_back, &n_before);
}

#define PLAIN(test) \
	cmocka_unit_test_setup_teardown(test, set_up_plain, tear_down)
#define CURVE(test) \
	cmocka_unit_test_setup_teardown(test, set_up_curve, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(carries_bytes_both_ways),
		CURVE(carries_bytes_both_ways),
		CURVE(gives_the_name_of_the_enrolled_key),
		PLAIN(gives_no_name_on_plain),
		CURVE(refuses_a_key_that_is_not_enrolled),
		CURVE(refuses_a_server_with_another_key),
		cmocka_unit_test(refuses_plain_off_this_machine),
		cmocka_unit_test(wants_keys_unless_plain),
		PLAIN(says_when_nobody_listens),
		PLAIN(says_when_the_port_is_taken),
		PLAIN(keeps_a_long_stream_in_order),
		CURVE(keeps_a_long_stream_in_order),
		CURVE(holds_back_a_sender_whose_reader_sleeps),
		CURVE(reads_what_was_sent_before_the_client_left),
		CURVE(reads_what_was_sent_before_the_switch_hung_up),
		CURVE(reads_what_was_sent_before_the_switch_ended),
		CURVE(lets_channels_outlive_their_listener),
		CURVE(listens_again_where_channels_live_on),
		PLAIN(leaks_no_descriptors),
		PLAIN(survives_failing_allocations),
	};

	return cmocka_run_group_tests_name("tcp", tests, NULL, NULL);
}
