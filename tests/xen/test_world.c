/* SPDX-License-Identifier: MIT */

/** The stand-in and the world themselves: upstream's library over them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/xen/program.h"
#include "tests/xen/world.h"

enum { SILENCE_MS = 200 };

#define PATH "/local/domain/1/data/vchan/2/9"

static int set_up(void **state)
{
	struct xen_world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(xen_world_start(world), 0);
	assert_int_equal(xen_world_add(world, 1, "one", "11111111-aaaa"), 0);
	assert_int_equal(xen_world_add(world, 2, "two", "22222222-bbbb"), 0);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	xen_world_stop(*state);
	free(*state);
	return 0;
}

static void expect_no_leak(struct xen_world *world)
{
	struct xen_census census;
	struct xen_count count;

	for (uint32_t domid = 1; domid <= 2; domid++) {
		assert_int_equal(xen_world_count(world, domid, &count), 0);
		assert_int_equal(count.grants, 0);
		assert_int_equal(count.maps, 0);
		assert_int_equal(count.ports, 0);
		assert_int_equal(count.handles, 0);
		assert_int_equal(count.connections, 0);
	}
	assert_int_equal(xen_world_census(world, &census), 0);
	assert_int_equal(census.orphans, 0);
}

static struct program start_server(struct xen_world *world, const char *rest)
{
	struct program server = program_start(
		world, 1, "%s server 2 " PATH " %s", XEN_UPSTREAM, rest);

	program_expect(&server, "ready");
	return server;
}

static struct program start_client(struct xen_world *world, const char *rest)
{
	struct program client = program_start(
		world, 2, "%s client 1 " PATH " %s", XEN_UPSTREAM, rest);

	program_expect(&client, "ready");
	return client;
}

static void test_upstream_talks_to_upstream(void **state)
{
	struct program server = start_server(
		*state, "stream left=2000 right=100 send=300000 expect=200000 "
			"seed=7 expected_seed=8");
	struct program client =
		start_client(*state, "stream send=200000 expect=300000 seed=8 "
				     "expected_seed=7");

	program_expect(&client, "done");
	program_expect(&server, "done");
	assert_int_equal(program_end(&client), 0);
	assert_int_equal(program_end(&server), 0);
	expect_no_leak(*state);
}

static void test_killed_client_is_noticed(void **state)
{
	struct program server = start_server(*state, "idle");
	struct program client = start_client(*state, "idle");

	program_kill(&client);
	program_expect(&server, "gone");
	assert_int_equal(program_end(&server), 0);
	expect_no_leak(*state);
}

static void test_killed_server_is_noticed(void **state)
{
	struct program server = start_server(*state, "idle left=40000");
	struct program client = start_client(*state, "idle");

	program_kill(&server);
	program_expect(&client, "gone");
	assert_int_equal(program_end(&client), 0);
	expect_no_leak(*state);
}

static void test_destroyed_domain_is_silent(void **state)
{
	struct xen_world *world = *state;
	struct program server = start_server(world, "idle left=40000");
	struct program client = start_client(world, "idle");
	struct xen_count count;

	assert_int_equal(xen_world_destroy(world, 1), 0);
	program_end(&server);
	program_expect_silence(&client, SILENCE_MS);
	assert_int_equal(xen_world_count(world, 1, &count), 0);
	assert_int_equal(count.is_zombie, 1);
	assert_int_equal(count.grants, 1 + 16 + 1);
	program_kill(&client);
	assert_int_not_equal(xen_world_count(world, 1, &count), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_upstream_talks_to_upstream,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_client_is_noticed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_killed_server_is_noticed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_destroyed_domain_is_silent,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
