/* SPDX-License-Identifier: MIT */

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/transports/ring_pair.h"

enum { LOST_WAKEUP_S = 10 };

static const struct channel_ops ring_ops = {
	.name = "ring",
	.refill = ring_refill,
	.make_room = ring_make_room,
	.flush = ring_flush,
	.arm = ring_arm,
};

/* One end in one thread; it sleeps on its semaphore. */
struct end {
	struct ring *ring;
	sem_t wake;
	uint64_t n_total;
	uint64_t n_sent;
	uint64_t n_received;
	uint32_t random;
	const char *failure;
};

static struct ring_pair pair;
static struct end client;
static struct end server;

static void wake_other(struct ring *ring)
{
	sem_post(ring == &pair.client ? &server.wake : &client.wake);
}

static size_t draw(struct end *end, uint32_t n)
{
	end->random = end->random * 1664525 + 1013904223;
	return 1 + (end->random >> 8) % n;
}

static bool put(struct end *end)
{
	struct channel *channel = &end->ring->channel;
	size_t n = draw(end, 200);
	uint8_t *room;

	if (end->n_sent >= end->n_total ||
	    channel_reserve(channel, n, &room) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		room[i] = (uint8_t)((end->n_sent + i) % 251);
	channel_commit(channel, n);
	end->n_sent += n;
	return true;
}

static bool take(struct end *end)
{
	struct channel *channel = &end->ring->channel;
	size_t n = draw(end, 400);

	if (channel_refill(channel) < 0)
		end->failure = "refill failed";
	if (n > channel->n_in)
		n = channel->n_in;
	for (size_t i = 0; i < n; i++)
		if (channel->in[i] != (uint8_t)((end->n_received + i) % 251))
			end->failure = "wrong bytes";
	channel_consume(channel, n);
	end->n_received += n;
	return n;
}

static void sleep_until_woken(struct end *end)
{
	struct timespec until;
	int r;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOST_WAKEUP_S;
	while ((r = sem_timedwait(&end->wake, &until)) < 0 && errno == EINTR)
		;
	if (r < 0)
		end->failure = "a wake-up was lost";
}

static void *run(void *userdata)
{
	struct end *end = userdata;
	struct channel *channel = &end->ring->channel;

	while (!end->failure &&
	       (end->n_sent < end->n_total || end->n_received < end->n_total)) {
		bool has_put = put(end);
		bool has_taken = take(end);

		if (draw(end, 4) == 1)
			(void)channel_flush(channel);
		if (!has_put && !has_taken &&
		    channel_arm(channel, end->n_sent < end->n_total) == 0)
			sleep_until_woken(end);
	}
	(void)channel_flush(channel);
	return NULL;
}

static void init_end(struct end *end, struct ring *ring, uint64_t n_total)
{
	*end = (struct end){ .ring = ring, .n_total = n_total, .random = 1 };
	ring->channel.ops = &ring_ops;
	sem_init(&end->wake, 0, 0);
}

/* Small rings sleep often, large ones seldom. */
static void hammer(enum ring_mapping mapping, unsigned left_order,
		   unsigned right_order, uint64_t n_total)
{
	pthread_t thread;

	sem_init(&server.wake, 0, 0);
	assert_int_equal(ring_pair_init(&pair, mapping, left_order, right_order,
					wake_other),
			 0);
	init_end(&client, &pair.client, n_total);
	init_end(&server, &pair.server, n_total);
	assert_int_equal(pthread_create(&thread, NULL, run, &client), 0);
	run(&server);
	pthread_join(thread, NULL);
	if (client.failure || server.failure)
		fail_msg("%s", client.failure ?: server.failure);
	ring_pair_deinit(&pair);
}

static void no_wakeup_is_lost_on_rings_in_the_page(void **state)
{
	hammer(MAPPED_TWICE, 10, 11, 1 << 20);
}

static void no_wakeup_is_lost_on_rings_of_a_page(void **state)
{
	hammer(MAPPED_TWICE, 12, 12, 4 << 20);
}

static void no_wakeup_is_lost_on_large_rings(void **state)
{
	hammer(MAPPED_TWICE, 16, 20, 8 << 20);
}

static void no_wakeup_is_lost_on_pages_mapped_once(void **state)
{
	hammer(MAPPED_ONCE, 12, 12, 4 << 20);
	hammer(MAPPED_ONCE, 13, 17, 4 << 20);
	hammer(MAPPED_ONCE, 20, 16, 4 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_wakeup_is_lost_on_rings_in_the_page),
		cmocka_unit_test(no_wakeup_is_lost_on_rings_of_a_page),
		cmocka_unit_test(no_wakeup_is_lost_on_large_rings),
		cmocka_unit_test(no_wakeup_is_lost_on_pages_mapped_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
