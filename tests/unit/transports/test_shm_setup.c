/* SPDX-License-Identifier: MIT */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/transports/descriptors.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/shm.h"

static int grant(uint8_t left, uint8_t right, uint32_t ring_bytes,
		 struct shm_setup *ret_setup)
{
	struct shm_setup request = { left, right };
	struct shm_setup most;

	assert_int_equal(shm_setup_of_bytes(ring_bytes, &most), 0);
	return shm_setup_grant(&request, &most, ret_setup);
}

static void what_is_granted_goes_together(void **state)
{
	static const struct {
		uint32_t ring_bytes;
		struct shm_setup asked;
		struct shm_setup given;
	} cases[] = {
		{ 0, { 20, 20 }, { 20, 20 } },
		{ 0, { 10, 20 }, { 10, 20 } },
		{ 0, { 11, 11 }, { 11, 10 } },
		{ 4096, { 20, 20 }, { 12, 12 } },
		{ 2048, { 20, 20 }, { 11, 12 } },
		{ 2048, { 20, 11 }, { 11, 10 } },
		{ 1024, { 20, 20 }, { 10, 11 } },
		{ 1024, { 12, 10 }, { 11, 10 } },
	};
	struct shm_setup given;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(grant(cases[i].asked.left_order,
				       cases[i].asked.right_order,
				       cases[i].ring_bytes, &given),
				 0);
		assert_int_equal(given.left_order, cases[i].given.left_order);
		assert_int_equal(given.right_order, cases[i].given.right_order);
	}
	assert_int_equal(grant(10, 10, 0, &given), -EPROTO);
}

static void exchange(struct channel *from, struct channel *to)
{
	uint8_t *room = NULL;
	size_t n = from->n_out_max;

	assert_int_equal(to->n_in_max, n);
	assert_int_equal(channel_reserve(from, n, &room), 0);
	memset(room, 0x5a, n);
	channel_commit(from, n);
	assert_int_equal(channel_flush(from), 0);
	assert_int_equal(channel_refill(to), 0);
	assert_int_equal(to->n_in, n);
	assert_int_equal(to->in[n - 1], 0x5a);
}

static void set_up(unsigned left, unsigned right)
{
	struct shm_setup setup = { (uint8_t)left, (uint8_t)right };
	struct channel_evidence nobody = { .kind = EVIDENCE_NONE };
	size_t n_descriptors = count_descriptors();
	uint8_t request[SHM_SETUP_BYTES];
	struct channel *client;
	struct channel *server;
	struct poller poller;
	int fds[2];

	assert_int_equal(poller_init(&poller), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(shm_new_client(&poller, fds[0], &setup, &client), 0);
	assert_int_equal(read(fds[1], request, sizeof(request)),
			 sizeof(request));
	assert_int_equal(
		shm_new_server(&poller, fds[1], &setup, &nobody, &server), 0);
	assert_true(poller_dispatch(&poller, 1000) > 0);
	exchange(client, server);
	exchange(server, client);
	channel_free(client);
	channel_free(server);
	poller_deinit(&poller);
	assert_int_equal(count_descriptors(), n_descriptors);
}

static void all_legal_pairs_of_orders_can_be_set_up(void **state)
{
	for (unsigned left = RING_ORDER_MIN; left <= RING_ORDER_MAX; left++)
		for (unsigned right = RING_ORDER_MIN; right <= RING_ORDER_MAX;
		     right++)
			if (ring_orders_are_legal(left, right))
				set_up(left, right);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_granted_goes_together),
		cmocka_unit_test(all_legal_pairs_of_orders_can_be_set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
