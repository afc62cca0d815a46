/* SPDX-License-Identifier: MIT */

/* Where vchan listens in xenstore, and whose nodes stand there. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/transports/vchan_world.h"

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

static bool is_offered(struct world *world)
{
	char text[64];

	world_get(world, "/local/domain/0/data/vchan/5/bus/ring-ref", text);
	return *text;
}

static void two_listeners_do_not_share_a_port(void **state)
{
	struct transport_options options = { .ring_bytes = 4096 };
	struct world *world = *state;
	struct listener *first;

	world_listen(world);
	first = world->listener;
	assert_int_equal(world_listen_with(world, "*/bus", options),
			 -EADDRINUSE);
	assert_string_equal(world->error,
			    "another address has port bus of such a domain");
	assert_int_equal(world_listen_with(world, "5/bus", options),
			 -EADDRINUSE);
	world->listener = first;
	assert_true(is_offered(world));

	/* Another port, or the same once it is free. */
	assert_int_equal(world_listen_with(world, "5/other", options), 0);
	world->listener = listener_free(world->listener);
	listener_free(first);
	assert_int_equal(world_listen_with(world, "5/bus", options), 0);
	first = world->listener;
	assert_int_equal(world_listen_with(world, "6/bus", options), 0);
	listener_free(first);
}

/* Of the dead, that is: of who is there it may be somebody else's. */
static void what_a_killed_switch_left_is_cleared_away(void **state)
{
#define LEFT "/local/domain/0/data/vchan/"
	struct world *world = *state;
	char text[64];

	world_put(world, LEFT "9/bus/ring-ref", "77", 0, 0);
	world_put(world, LEFT "31000/other/ring-ref", "78", 0, 0);
	world_put(world, LEFT "5/other/ring-ref", "79", 0, WEB);
	world_put(world, LEFT "word/other/ring-ref", "80", 0, 0);
	world_listen(world);
	world_get(world, LEFT "9/bus/ring-ref", text);
	assert_string_equal(text, "");
	world_get(world, LEFT "31000/other/ring-ref", text);
	assert_string_equal(text, "");
	world_get(world, LEFT "5/other/ring-ref", text);
	assert_string_equal(text, "79");
	world_get(world, LEFT "word/other/ring-ref", text);
	assert_string_equal(text, "80");
	world_remove(world, LEFT "5/other");
	world_remove(world, LEFT "word");
}

/* Whatever the server's nodes say: only that there are none is its end. */
static void a_server_with_odd_nodes_is_not_gone(void **state)
{
	struct world *world = *state;
	struct channel *client;
	struct channel *server;

	world_listen(world);
	client = world_join(world, WEB, &server);
	world_await(world, is_offered(world));
	world_put(world, LEFT "5", "a text as no folder of ours has it", 0,
		  WEB);
	world_remove(world, LEFT "5/bus/ring-ref");
	for (int i = 0; i < 5; i++)
		world_turn(world, 10);
	assert_int_equal(channel_refill(client), 0);
	world_write(server, "still");
	world_expect(world, client, "still");
	channel_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define VCHAN_TEST(test) \
	cmocka_unit_test_setup_teardown(test, set_up, tear_down)
		VCHAN_TEST(two_listeners_do_not_share_a_port),
		VCHAN_TEST(what_a_killed_switch_left_is_cleared_away),
		VCHAN_TEST(a_server_with_odd_nodes_is_not_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
