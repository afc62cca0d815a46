/* SPDX-License-Identifier: MIT */

#include "tests/xen/match.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

const unsigned match_orders[2] = { 12, 13 };

int match_set_up(void **state)
{
	static struct match match;

	match = (struct match){ .meeting = { SERVER, CLIENT, "9" } };
	assert_int_equal(xen_world_start(&match.world), 0);
	assert_int_equal(xen_world_add(&match.world, SERVER, "1", ONE_UUID), 0);
	assert_int_equal(xen_world_add(&match.world, CLIENT, "2", TWO_UUID), 0);
	assert_int_equal(xen_world_add(&match.world, THIRD, "3", THREE_UUID),
			 0);
	end_init(&match.end, OURS, THEIRS);
	*state = &match;
	return 0;
}

void match_expect_nothing_left(struct match *match, uint32_t domid)
{
	struct xen_count count;

	assert_int_equal(xen_world_count(&match->world, domid, &count), 0);
	assert_int_equal(count.grants, 0);
	assert_int_equal(count.maps, 0);
	assert_int_equal(count.ports, 0);
	assert_int_equal(count.handles, 0);
	assert_int_equal(count.connections, 0);
	assert_int_equal(count.watches, 0);
	assert_int_equal(count.transactions, 0);
}

/* Whatever was done to it, ours lets go of everything. */
int match_tear_down(void **state)
{
	struct match *match = *state;
	bool is_server = match->end.channel && match->raw.taken;

	end_deinit(&match->end);
	if (match->raw.page)
		raw_close(&match->raw);
	match_expect_nothing_left(match, is_server ? SERVER : CLIENT);
	xen_world_stop(&match->world);
	return 0;
}

void match_serve(struct match *match)
{
	raw_serve(&match->raw, &match->world, &match->meeting, match_orders);
	raw_publish(&match->raw, &match->world, &match->meeting);
}

int match_connect_ours(struct match *match)
{
	return end_connect(&match->end, &match->world, CLIENT, "1/9");
}

/* Theirs the server. */
void match_join_as_client(struct match *match)
{
	match_serve(match);
	assert_int_equal(match_connect_ours(match), 0);
}

/* Theirs the client. */
void match_join_as_server(struct match *match)
{
	end_offer(&match->end, &match->world, &match->meeting, match_orders);
	raw_connect(&match->raw, &match->world, &match->meeting);
}

void match_expect_end(struct match *match, int error, const char *reason)
{
	assert_int_equal(end_await_error(&match->end), error);
	if (reason)
		assert_string_equal(match->end.channel->reason, reason);
	else
		assert_null(match->end.channel->reason);
}

void match_expect_refused(struct match *match, const char *reason)
{
	assert_int_equal(match_connect_ours(match), 0);
	match_expect_end(match, -EPROTO, reason);
	end_close(&match->end);
}

/* Bytes of theirs, put where the server's are, and one event. */
void match_send_as_server(struct match *match, size_t n)
{
	struct raw *raw = &match->raw;
	uint32_t prod = atomic_load(&raw->page->right_prod);

	memset(raw->right, 'x', n);
	atomic_store(&raw->page->right_prod, prod + (uint32_t)n);
	raw_notify(raw);
}

void match_expect_bytes(struct match *match, size_t n)
{
	struct channel *channel = match->end.channel;
	size_t n_taken = 0;

	while (n_taken < n) {
		int r = channel_refill(channel);

		assert_int_equal(r, 0);
		n_taken += channel->n_in;
		channel_consume(channel, channel->n_in);
		assert_int_equal(channel_flush(channel), 0);
		r = channel_arm(channel, false);
		assert_true(r >= 0);
		if (!r && n_taken < n)
			assert_true(poller_dispatch(&match->end.poller,
						    END_WAIT_MS) > 0);
	}
	assert_int_equal(n_taken, n);
}

void match_give(struct match *match, size_t n)
{
	uint8_t *room = NULL;

	assert_int_equal(channel_reserve(match->end.channel, n, &room), 0);
	memset(room, 'y', n);
	channel_commit(match->end.channel, n);
	assert_int_equal(channel_flush(match->end.channel), 0);
}
