/* SPDX-License-Identifier: MIT */

/**
 * Our vchan and upstream's libxenvchan, byte for byte, in both roles and over
 * every pair of rings that upstream can make.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/xen/end.h"
#include "tests/xen/program.h"
#include "tests/xen/world.h"

#define ONE_UUID "11111111-1111-1111-1111-111111111111"
#define TWO_UUID "22222222-2222-2222-2222-222222222222"
#define PATH     "/local/domain/1/data/vchan/2/9"

enum { SERVER = 1, CLIENT = 2, OURS = 7, THEIRS = 8 };

/* Upstream's program does it in each of its ways in turn. */
static const char *const modes[] = { "stream", "turns", "packets" };

static struct xen_world world;

static int set_up(void **state)
{
	assert_int_equal(xen_world_start(&world), 0);
	assert_int_equal(xen_world_add(&world, SERVER, "one", ONE_UUID), 0);
	assert_int_equal(xen_world_add(&world, CLIENT, "two", TWO_UUID), 0);
	return 0;
}

static int tear_down(void **state)
{
	xen_world_stop(&world);
	return 0;
}

static void expect_no_leak(void)
{
	struct xen_census census;
	struct xen_count count;

	for (uint32_t domid = SERVER; domid <= CLIENT; domid++) {
		assert_int_equal(xen_world_count(&world, domid, &count), 0);
		assert_int_equal(count.grants, 0);
		assert_int_equal(count.maps, 0);
		assert_int_equal(count.ports, 0);
		assert_int_equal(count.handles, 0);
		assert_int_equal(count.connections, 0);
		assert_int_equal(count.watches, 0);
	}
	assert_int_equal(xen_world_census(&world, &census), 0);
	assert_int_equal(census.orphans, 0);
}

/* Around the ring, and then some. */
static uint64_t traffic_of(unsigned order)
{
	return ((uint64_t)5 << order) / 2 + 12345;
}

/* Packets are no longer than the smaller ring, and odd ones no power of 2. */
static unsigned step_of(const unsigned orders[2])
{
	unsigned order = orders[0] < orders[1] ? orders[0] : orders[1];

	return order > 12 ? 5000 : 1U << order;
}

static struct program start_upstream(uint32_t domid, const char *role,
				     const unsigned orders[2], const char *mode)
{
	bool is_server = domid == SERVER;
	struct program program = program_start(
		&world, domid,
		"%s %s %u " PATH " %s left=%u right=%u send=%llu expect=%llu "
		"seed=%d expected_seed=%d step=%u",
		XEN_UPSTREAM, role, is_server ? CLIENT : SERVER, mode,
		1U << orders[0], 1U << orders[1],
		(unsigned long long)traffic_of(orders[is_server]),
		(unsigned long long)traffic_of(orders[!is_server]), THEIRS,
		OURS, step_of(orders));

	program_expect(&program, "ready");
	return program;
}

static void finish(struct end *end, struct program *upstream,
		   const unsigned orders[2], bool is_client)
{
	const char *wrong = end_exchange(end, traffic_of(orders[!is_client]),
					 traffic_of(orders[is_client]));

	if (wrong)
		fail_msg("orders %u and %u: %s", orders[0], orders[1], wrong);
	program_expect(upstream, "done");
	assert_int_equal(program_end(upstream), 0);
	assert_int_equal(end_await_error(end), -EPIPE);
	end_deinit(end);
	expect_no_leak();
}

static void run_our_client(const unsigned orders[2], const char *mode)
{
	struct program upstream =
		start_upstream(SERVER, "server", orders, mode);
	struct end end;

	end_init(&end, OURS, THEIRS);
	assert_int_equal(end_connect(&end, &world, CLIENT, "1/9"), 0);
	finish(&end, &upstream, orders, true);
}

static void run_our_server(const unsigned orders[2], const char *mode)
{
	const struct end_meeting meeting = { SERVER, CLIENT, "9" };
	struct program upstream;
	struct end end;

	end_init(&end, OURS, THEIRS);
	end_offer(&end, &world, &meeting, orders);
	upstream = start_upstream(CLIENT, "client", orders, mode);
	finish(&end, &upstream, orders, false);
}

/* Those that come of every read_min and write_min: see its init.c. */
static bool can_be_made(unsigned left, unsigned right)
{
	if (left == 10 || right == 10)
		return left == 11 || right == 11;
	return left != 11 || right != 11;
}

static void over_all_orders(void (*run)(const unsigned orders[2],
					const char *mode))
{
	unsigned n = 0;

	for (unsigned left = 10; left <= 20; left++)
		for (unsigned right = 10; right <= 20; right++)
			if (can_be_made(left, right))
				run((unsigned[]){ left, right },
				    modes[n++ % 3]);
	assert_int_equal(n, 101);
}

static void test_our_client(void **state)
{
	over_all_orders(run_our_client);
}

static void test_our_server(void **state)
{
	over_all_orders(run_our_server);
}

/* The smallest in every way, in both roles. */
static void test_every_way(void **state)
{
	const unsigned orders[2] = { 11, 10 };

	for (unsigned i = 0; i < 3; i++) {
		run_our_client(orders, modes[i]);
		run_our_server(orders, modes[i]);
	}
}

/*
 * Upstream's persistent server is there for one client after the other, and
 * what the first has not read is the second's to read.
 */
static void test_persistent_server(void **state)
{
	struct program upstream = program_start(
		&world, SERVER,
		"%s server %u " PATH " echo left=1000 right=2000 persist=1",
		XEN_UPSTREAM, CLIENT);
	struct end end;

	program_expect(&upstream, "ready");
	end_init(&end, OURS, OURS);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(end_connect(&end, &world, CLIENT, "1/9"), 0);
		assert_null(end_exchange(&end, 5000 + i, 5000 + i));
		end_close(&end);
	}
	assert_int_equal(end_connect(&end, &world, CLIENT, "1/9"), 0);
	assert_null(end_exchange(&end, 100, 1));
	end_close(&end);
	assert_int_equal(end_connect(&end, &world, CLIENT, "1/9"), 0);
	end.n_got = 1;
	assert_null(end_exchange(&end, 0, 99));
	program_kill(&upstream);
	assert_int_equal(end_await_error(&end), -EPIPE);
	end_deinit(&end);
	expect_no_leak();
}

static void test_killed_upstream(void **state)
{
	const struct end_meeting meeting = { SERVER, CLIENT, "9" };
	struct program upstream;
	struct end end;

	end_init(&end, OURS, OURS);
	end_offer(&end, &world, &meeting, (const unsigned[]){ 12, 13 });
	upstream = program_start(&world, CLIENT, "%s client 1 " PATH " echo",
				 XEN_UPSTREAM);
	program_expect(&upstream, "ready");
	assert_null(end_exchange(&end, 10000, 10000));
	program_kill(&upstream);
	assert_int_equal(end_await_error(&end), -EPIPE);
	end_deinit(&end);
	expect_no_leak();
}

/* A hundred servers that die under our client, in turns busy and idle. */
static void test_a_hundred_servers_die(void **state)
{
	struct end end;

	end_init(&end, OURS, OURS);
	for (unsigned i = 0; i < 100; i++) {
		struct program upstream = program_start(
			&world, SERVER, "%s server %u " PATH " %s left=9000",
			XEN_UPSTREAM, CLIENT, i % 2 ? "echo" : "idle");

		program_expect(&upstream, "ready");
		assert_int_equal(end_connect(&end, &world, CLIENT, "1/9"), 0);
		if (i % 2)
			assert_null(end_exchange(&end, 3000, 1000));
		program_kill(&upstream);
		assert_int_equal(end_await_error(&end), -EPIPE);
		end_close(&end);
	}
	end_deinit(&end);
	expect_no_leak();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_way),
		cmocka_unit_test(test_persistent_server),
		cmocka_unit_test(test_killed_upstream),
		cmocka_unit_test(test_a_hundred_servers_die),
		cmocka_unit_test(test_our_client),
		cmocka_unit_test(test_our_server),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
