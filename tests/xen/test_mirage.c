/* SPDX-License-Identifier: MIT */

/** Our vchan and a peer that does as MirageOS's: see raw.h. */

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/xen/raw.h"

#define ONE_UUID "11111111-1111-1111-1111-111111111111"
#define TWO_UUID "22222222-2222-2222-2222-222222222222"

enum { SERVER = 1, CLIENT = 2, OURS = 7, THEIRS = 8, N_BYTES = 200000 };

static struct xen_world world;
static const struct end_meeting meeting = { SERVER, CLIENT, "mirage" };

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

/* What its sizes become: 1 KiB each unless it is asked for more. */
static const unsigned all_orders[][2] = {
	{ 10, 11 }, { 11, 12 }, { 10, 14 }, { 15, 10 }, { 16, 16 }, { 20, 20 },
};

enum { N_ORDERS = sizeof(all_orders) / sizeof(all_orders[0]) };

static void *run_mirage(void *argument)
{
	static const char *wrong;

	wrong = raw_exchange(argument, N_BYTES, 2 * N_BYTES);
	return &wrong;
}

static void exchange(struct end *end, struct raw *raw)
{
	pthread_t thread;
	void *result;

	raw->seed = THEIRS;
	raw->expected_seed = OURS;
	assert_int_equal(pthread_create(&thread, NULL, run_mirage, raw), 0);
	assert_null(end_exchange(end, 2 * N_BYTES, N_BYTES));
	assert_int_equal(pthread_join(thread, &result), 0);
	assert_null(*(const char **)result);
	raw_close(raw);
	assert_int_equal(end_await_error(end), -EPIPE);
	end_deinit(end);
}

static void test_its_client(void **state)
{
	for (unsigned i = 0; i < N_ORDERS; i++) {
		struct raw raw = { 0 };
		struct end end;

		end_init(&end, OURS, THEIRS);
		end_offer(&end, &world, &meeting, all_orders[i]);
		raw_connect(&raw, &world, &meeting);
		exchange(&end, &raw);
	}
}

static void test_its_server(void **state)
{
	for (unsigned i = 0; i < N_ORDERS; i++) {
		struct raw raw = { 0 };
		struct end end;

		raw_serve(&raw, &world, &meeting, all_orders[i]);
		raw_publish(&raw, &world, &meeting);
		end_init(&end, OURS, THEIRS);
		assert_int_equal(end_connect(&end, &world, CLIENT, "1/mirage"),
				 0);
		exchange(&end, &raw);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_client),
		cmocka_unit_test(test_its_server),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
