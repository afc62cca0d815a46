/* SPDX-License-Identifier: MIT */

/* What only vchan does: domains that come and go, offers, and deaths. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/transports/vchan_world.h"

enum { CHANNELS_PER_DOMAIN = 16, N_CYCLES = 100 };

static int set_up(void **state)
{
	static struct world world;

	world_init(&world);
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	world_deinit(*state);
	return 0;
}

static const struct news *find_news(const struct world *world, uint32_t domid,
				    bool is_up)
{
	for (unsigned i = world->n_news; i--;)
		if (world->news[i].domain.domid == domid &&
		    world->news[i].is_up == is_up)
			return &world->news[i];
	return NULL;
}

static void all_but_ourselves_are_told_once(void **state)
{
	struct world *world = *state;
	const struct news *web;

	world_listen(world);
	assert_int_equal(world->n_news, 2);
	web = find_news(world, WEB, true);
	assert_non_null(web);
	assert_string_equal(web->domain.name, "web");
	assert_int_equal(web->domain.uuid[15], 0x55);
	assert_true(web->domain.incarnation != 0);
	assert_non_null(find_news(world, DB, true));
	for (int i = 0; i < 5; i++)
		world_turn(world, 10);
	assert_int_equal(world->n_news, 2);
}

static void the_hypervisor_says_who_it_is(void **state)
{
	struct world *world = *state;
	struct channel *client;
	struct channel *server;

	world_listen(world);
	client = world_join(world, WEB, &server);
	assert_int_equal(server->evidence.kind, EVIDENCE_DOMAIN);
	assert_int_equal(server->evidence.domid, WEB);
	assert_string_equal(server->evidence.name, "web");
	assert_int_equal(server->evidence.uuid[0], 0x55);
	assert_int_equal(server->evidence.incarnation,
			 find_news(world, WEB, true)->domain.incarnation);
	assert_int_equal(client->evidence.kind, EVIDENCE_NONE);
	channel_free(client);
}

static void programs_connect_side_by_side(void **state)
{
	struct world *world = *state;
	struct channel *clients[CHANNELS_PER_DOMAIN];
	struct channel *servers[CHANNELS_PER_DOMAIN];
	struct channel *late;

	world_listen(world);
	for (int i = 0; i < CHANNELS_PER_DOMAIN; i++)
		clients[i] = world_join(world, WEB, &servers[i]);
	assert_int_equal(world_connect(world, WEB, "0/bus", &late), -ENOENT);
	assert_non_null(
		strstr(world->error, "/local/domain/0/data/vchan/5/bus"));

	for (int i = 0; i < CHANNELS_PER_DOMAIN; i++)
		world_write(servers[i], "hello");
	for (int i = 0; i < CHANNELS_PER_DOMAIN; i++)
		world_expect(world, clients[i], "hello");

	world_drop(world, servers[0]);
	channel_free(clients[0]);
	world_turn(world, 100);
	clients[0] = world_join(world, WEB, &servers[0]);
	for (int i = 0; i < CHANNELS_PER_DOMAIN; i++)
		channel_free(clients[i]);
}

/* The second comes while the first has taken what was offered. */
static void who_comes_at_the_same_time_waits(void **state)
{
	struct world *world = *state;
	struct channel *first;
	struct channel *second;
	uint8_t *room;

	world_listen(world);
	assert_int_equal(world_connect(world, WEB, "0/bus", &first), 0);
	assert_int_equal(world_connect(world, WEB, "0/bus", &second), 0);
	assert_int_equal(channel_reserve(first, 1, &room), 0);
	assert_int_equal(channel_reserve(second, 1, &room), -EAGAIN);
	world_await(world, channel_reserve(second, 1, &room) == 0);
	world_write(second, "second");
	world_await(world, world->n_channels == 1);
	world_write(first, "first");
	world_await(world, world->n_channels == 2);
	world_expect(world, world->channels[0], "second");
	world_expect(world, world->channels[1], "first");
	channel_free(first);
	channel_free(second);
}

static void a_server_that_is_not_there_is_said(void **state)
{
	struct world *world = *state;
	struct channel *channel;
	char path[] = "/local/domain/0/data/vchan/5/bus/ring-ref";

	assert_int_equal(world_connect(world, WEB, "0/bus", &channel), -ENOENT);
	/* And what a server that was killed has left behind. */
	world_put(world, path, "77", 0, WEB);
	world_put(world, "/local/domain/0/data/vchan/5/bus/event-channel", "3",
		  0, WEB);
	assert_int_equal(world_connect(world, WEB, "0/bus", &channel),
			 -ECONNREFUSED);
	assert_string_equal(
		world->error,
		"nobody answers at /local/domain/0/data/vchan/5/bus");
	world_listen(world);
	channel_free(world_join(world, WEB, &world->channels[40]));
}

static void a_domain_that_is_destroyed_takes_all_with_it(void **state)
{
	struct world *world = *state;
	struct channel *client;
	struct channel *server;
	struct channel *other;
	struct channel *other_client;

	world_listen(world);
	client = world_join(world, WEB, &server);
	other_client = world_join(world, DB, &other);
	world_write(client, "last");
	assert_int_equal(xen_world_destroy(&world->xen, WEB), 0);
	world_await(world, find_news(world, WEB, false));
	assert_int_equal(find_news(world, WEB, false)->domain.incarnation,
			 find_news(world, WEB, true)->domain.incarnation);
	world_expect(world, server, "last");
	assert_int_equal(channel_refill(server), -EPIPE);
	world_drop(world, server);
	channel_free(client);
	world_write(other_client, "alive");
	world_expect(world, other, "alive");
	channel_free(other_client);
}

/* The client's side of it, of which nobody else tells. */
static void a_destroyed_server_is_seen_by_its_client(void **state)
{
	struct transport_options options = { .ring_bytes = 4096 };
	struct world *world = *state;
	struct channel *client;

	/* As a guest that serves another, by leave of dom0. */
	world->server = DB;
	world_let_see(world, DB);
	assert_int_equal(world_listen_with(world, "5/bus", options), 0);
	world_turn(world, 0);
	assert_int_equal(world_connect(world, WEB, "6/bus", &client), 0);
	world_write(client, "!");
	world_await(world, world->n_channels);

	assert_int_equal(channel_arm(client, false), 0);
	assert_int_equal(xen_world_destroy(&world->xen, DB), 0);
	assert_int_equal(world_count(world, DB).is_zombie, 1);
	world->n_ready = 0;
	world_await(world, channel_refill(client) == -EPIPE);
	assert_true(world->n_ready > 0);
	channel_free(client);
	assert_int_equal(
		xen_world_count(&world->xen, DB, &(struct xen_count){ 0 }),
		-ESRCH);
}

static void the_next_life_is_another(void **state)
{
	struct world *world = *state;
	struct channel *channel;
	uint64_t first;

	world_listen(world);
	first = find_news(world, WEB, true)->domain.incarnation;
	assert_int_equal(xen_world_destroy(&world->xen, WEB), 0);
	assert_int_equal(xen_world_add(&world->xen, WEB, "other", DB_UUID), 0);
	world_await(world, world->n_news == 4);
	assert_false(world->news[2].is_up);
	assert_string_equal(world->news[2].domain.name, "web");
	assert_true(world->news[3].is_up);
	assert_string_equal(world->news[3].domain.name, "other");
	assert_true(world->news[3].domain.incarnation != first);
	assert_int_equal(world->news[3].domain.uuid[0], 0x66);
	channel_free(world_join(world, WEB, &channel));
}

static void only_whom_the_owner_serves_is_offered_anything(void **state)
{
	struct world *world = *state;
	struct channel *channel;
	struct channel *server;

	world->refused_domid = WEB;
	world_listen(world);
	assert_non_null(find_news(world, WEB, true));
	assert_int_equal(world_connect(world, WEB, "0/bus", &channel), -ENOENT);
	channel_free(world_join(world, DB, &server));

	world->refused_domid = DB;
	xen_world_enter(&world->xen, world->server);
	world->listener->ops->judge_again(world->listener);
	assert_int_equal(world_connect(world, DB, "0/bus", &channel), -ENOENT);
	channel_free(world_join(world, WEB, &server));
	assert_int_equal(world->n_news, 2);
}

static void who_says_nothing_is_cut_off(void **state)
{
	struct transport_options options = { .ring_bytes = 4096,
					     .handshake_ms = 20 };
	struct world *world = *state;
	struct channel *silent;
	struct channel *server;

	assert_int_equal(world_listen_with(world, "*/bus", options), 0);
	world_turn(world, 0);
	assert_int_equal(world_connect(world, WEB, "0/bus", &silent), 0);
	world_await(world, channel_refill(silent) == -EPIPE);
	assert_int_equal(world->n_silent, 1);
	assert_int_equal(world->n_channels, 0);
	channel_free(silent);
	channel_free(world_join(world, WEB, &server));
}

/* Not the oldest of all: that is of a domain which has but one. */
static void of_too_many_silent_ones_the_greediest_is_cut_off(void **state)
{
	struct transport_options options = { .ring_bytes = 4096,
					     .n_handshakes_max = 2 };
	struct world *world = *state;
	struct channel *silent[3];

	assert_int_equal(world_listen_with(world, "*/bus", options), 0);
	for (int i = 0; i < 3; i++) {
		world_turn(world, 0);
		assert_int_equal(
			world_connect(world, i ? WEB : DB, "0/bus", &silent[i]),
			0);
		world_turn(world, 100);
	}
	world_await(world, world->n_silent == 1);
	world_await(world, channel_refill(silent[1]) == -EPIPE);
	world_write(silent[0], "slow");
	world_await(world, world->n_channels == 1);
	world_expect(world, world->channels[0], "slow");
	for (int i = 0; i < 3; i++)
		channel_free(silent[i]);
}

static bool is_offered(struct world *world)
{
	char text[64];

	world_get(world, "/local/domain/0/data/vchan/5/bus/ring-ref", text);
	return *text;
}

static void a_hundred_come_and_die_and_nothing_is_left(void **state)
{
	struct world *world = *state;
	struct xen_count before[2];
	struct channel *channel;
	struct xen_count after;

	world_listen(world);
	channel_free(world_join(world, WEB, &channel));
	world_drop(world, channel);
	world_await(world, is_offered(world));
	before[0] = world_count(world, 0);
	before[1] = world_count(world, WEB);
	for (int i = 0; i < N_CYCLES; i++) {
		/* The keys of one that is taken stand until there is another */
		world_await(world,
			    world_connect(world, WEB, "0/bus", &channel) == 0);
		if (i % 2)
			world_await(world, channel_reserve(channel, 1,
							   &(uint8_t *){ 0 }) !=
						   -EAGAIN);
		channel_free(channel);
		world_turn(world, 0);
	}
	world_await(world, is_offered(world) && world_count(world, 0).handles ==
							before[0].handles);
	after = world_count(world, 0);
	assert_memory_equal(&after, &before[0], sizeof(after));
	after = world_count(world, WEB);
	assert_memory_equal(&after, &before[1], sizeof(after));
}

static void a_listener_that_is_freed_leaves_its_channels(void **state)
{
	struct world *world = *state;
	struct channel *client;
	struct channel *server;

	world_listen(world);
	client = world_join(world, WEB, &server);
	world->listener = listener_free(world->listener);
	assert_false(is_offered(world));
	world_write(client, "still");
	world_expect(world, server, "still");
	assert_int_equal(xen_world_destroy(&world->xen, WEB), 0);
	world_await(world, channel_refill(server) == -EPIPE);
	world_turn(world, 100);
	channel_free(client);
}

static void what_cannot_be_read_is_named(void **state)
{
	struct transport_options options = { 0 };
	struct world *world = *state;

	world->server = DB;
	assert_int_equal(world_listen_with(world, "*/bus", options), -EACCES);
	assert_non_null(strstr(world->error, "@introduceDomain"));
}

/* A domain that sees nobody is told by dom0's agent. */
static void an_agent_tells_a_driver_domain(void **state)
{
#define AGENT "/local/domain/6/data/heliograph/"
	struct transport_options options = { .ring_bytes = 4096 };
	struct world *world = *state;
	struct channel *client;

	world->server = DB;
	world_put(world, AGENT "domains/5/name", "as told", 0, DB);
	world_put(world, AGENT "domains/5/uuid", WEB_UUID, 0, DB);
	world_put(world, AGENT "domains", "", 0, DB);
	world_put(world, AGENT "agent", "1", 0, DB);
	assert_int_equal(world_listen_with(world, "*/bus", options), 0);
	world_turn(world, 0);
	assert_int_equal(world->n_news, 1);
	assert_string_equal(world->news[0].domain.name, "as told");
	assert_int_equal(world->news[0].domain.uuid[0], 0x55);
	assert_int_equal(world_connect(world, WEB, "6/bus", &client), 0);
	channel_free(client);

	world_remove(world, AGENT "domains/5");
	for (int i = 0; i < 5; i++)
		world_turn(world, 10);
	assert_int_equal(world->n_news, 1);
	world_put(world, AGENT "agent", "2", 0, DB);
	world_await(world, world->n_news == 2);
	assert_false(world->news[1].is_up);
}

static void a_channel_that_cannot_be_had_is_offered_later(void **state)
{
	struct world *world = *state;
	struct channel *server;

	assert_int_equal(xen_world_limit(&world->xen, 0, 2), 0);
	world_listen(world);
	assert_false(is_offered(world));
	assert_int_equal(world->n_texts, 2);
	assert_string_equal(world->text,
			    "no channel can be offered to domain 6 for now: "
			    "No space left on device");
	assert_int_equal(world_count(world, 0).ports, 0);
	assert_int_equal(xen_world_limit(&world->xen, 0, 100), 0);
	world_await(world, is_offered(world));
	assert_int_equal(world->n_texts, 2);
	channel_free(world_join(world, WEB, &server));
}

/* What is readable for ever after must not keep the program awake. */
static void an_event_channel_that_breaks_ends_its_channel(void **state)
{
	struct world *world = *state;
	struct channel *client;
	struct channel *server;

	world_listen(world);
	client = world_join(world, WEB, &server);
	assert_int_equal(kill(world->xen.pid, SIGKILL), 0);
	world_await(world, channel_refill(client) == -EPIPE);
	world_await(world, channel_refill(server) == -EPIPE);
	world_await(world,
		    poller_dispatch(&world->server_poller, 0) == 0 &&
			    poller_dispatch(&world->client_poller, 0) == 0);
	channel_free(client);
	world_drop(world, server);
	listener_free(world->listener);
	poller_deinit(&world->server_poller);
	poller_deinit(&world->client_poller);
	xen_world_stop(&world->xen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define VCHAN_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		VCHAN_TEST(all_but_ourselves_are_told_once),
		VCHAN_TEST(the_hypervisor_says_who_it_is),
		VCHAN_TEST(programs_connect_side_by_side),
		VCHAN_TEST(who_comes_at_the_same_time_waits),
		VCHAN_TEST(a_server_that_is_not_there_is_said),
		VCHAN_TEST(a_domain_that_is_destroyed_takes_all_with_it),
		VCHAN_TEST(a_destroyed_server_is_seen_by_its_client),
		VCHAN_TEST(the_next_life_is_another),
		VCHAN_TEST(only_whom_the_owner_serves_is_offered_anything),
		VCHAN_TEST(who_says_nothing_is_cut_off),
		VCHAN_TEST(of_too_many_silent_ones_the_greediest_is_cut_off),
		VCHAN_TEST(a_hundred_come_and_die_and_nothing_is_left),
		VCHAN_TEST(a_listener_that_is_freed_leaves_its_channels),
		VCHAN_TEST(what_cannot_be_read_is_named),
		VCHAN_TEST(an_agent_tells_a_driver_domain),
		VCHAN_TEST(a_channel_that_cannot_be_had_is_offered_later),
		cmocka_unit_test_setup(
			an_event_channel_that_breaks_ends_its_channel, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
