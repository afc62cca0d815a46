/* SPDX-License-Identifier: MIT */

#include "tests/unit/transports/tcp_world.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"

int world_lookup_key(void *userdata, const uint8_t key[TRANSPORT_KEY_BYTES],
		     char ret_name[256])
{
	struct world *world = userdata;

	if (!memcmp(key, world->enrolled.public_key, TRANSPORT_KEY_BYTES))
		memcpy(ret_name, "web", 4);
	else if (!memcmp(key, world->other.public_key, TRANSPORT_KEY_BYTES))
		memcpy(ret_name, "db", 3);
	else
		return -ENOENT;
	return 0;
}

static int on_channel(struct listener *listener, struct channel *channel)
{
	struct world *world = listener->owner;

	if (world->n_channels == WORLD_CHANNELS_MAX)
		return -ENOSPC;
	world->channels[world->n_channels++] = channel;
	return 0;
}

void world_take_channels(struct world *world)
{
	world->listener->on_channel = on_channel;
	world->listener->owner = world;
}

static void make_pair(struct key_pair *pair)
{
	assert_int_equal(
		helio_transport.make_keys(pair->public_key, pair->secret_key),
		0);
}

void world_init_with(struct world *world, bool is_plain, uint32_t handshake_ms)
{
	struct transport_options options = {
		.is_plain = is_plain,
		.handshake_ms = handshake_ms,
	};

	*world = (struct world){ .is_plain = is_plain };
	make_pair(&world->server);
	make_pair(&world->enrolled);
	make_pair(&world->other);
	memcpy(options.secret_key, world->server.secret_key,
	       TRANSPORT_KEY_BYTES);
	options.lookup_key = world_lookup_key;
	options.userdata = world;
	assert_int_equal(poller_init(&world->poller), 0);
	assert_int_equal(helio_transport.listen(&world->poller, "//127.0.0.1:0",
						&options, &world->listener),
			 0);
	world_take_channels(world);
}

void world_init(struct world *world, bool is_plain)
{
	world_init_with(world, is_plain, 1000);
}

void world_deinit(struct world *world)
{
	for (unsigned i = 0; i < world->n_channels; i++)
		channel_free(world->channels[i]);
	listener_free(world->listener);
	poller_deinit(&world->poller);
}

const char *world_address(const struct world *world)
{
	return world->listener->address + strlen("tcp:");
}

int world_port(const struct world *world)
{
	return (int)strtol(strrchr(world->listener->address, ':') + 1, NULL,
			   10);
}

struct transport_options world_options(const struct world *world,
				       const struct key_pair *pair)
{
	struct transport_options options = { .is_plain = world->is_plain };

	if (world->is_plain)
		return options;
	memcpy(options.public_key, pair->public_key, TRANSPORT_KEY_BYTES);
	memcpy(options.secret_key, pair->secret_key, TRANSPORT_KEY_BYTES);
	memcpy(options.server_key, world->server.public_key,
	       TRANSPORT_KEY_BYTES);
	return options;
}

struct channel *world_connect(struct world *world, const struct key_pair *pair)
{
	struct transport_options options = world_options(world, pair);
	struct channel *channel = NULL;

	assert_int_equal(helio_transport.connect(&world->poller,
						 world_address(world), &options,
						 &channel),
			 0);
	return channel;
}

unsigned world_wait(struct world *world, bool (*is_done)(void *userdata),
		    void *userdata)
{
	uint64_t start_ns = clock_now_ns();
	uint64_t end_ns = start_ns + WORLD_WAIT_MS * NS_PER_MS;
	int wait_ms = world->look_ms ? world->look_ms : WORLD_WAIT_MS;

	while (!is_done(userdata)) {
		assert_true(clock_now_ns() < end_ns);
		assert_true(poller_dispatch(&world->poller, wait_ms) >= 0);
	}
	return (unsigned)((clock_now_ns() - start_ns) / NS_PER_MS);
}

static bool has_one_more(void *userdata)
{
	unsigned **counts = userdata;

	return *counts[0] > *counts[1];
}

struct channel *world_join(struct world *world, const struct key_pair *pair,
			   struct channel **ret_server)
{
	unsigned before = world->n_channels;
	unsigned *counts[] = { &world->n_channels, &before };
	struct channel *channel = world_connect(world, pair);

	world_wait(world, has_one_more, counts);
	*ret_server = world->channels[before];
	return channel;
}

static bool is_woken(void *userdata)
{
	return *(bool *)userdata;
}

static void note_ready(struct channel *channel)
{
	*(bool *)channel->owner = true;
}

/* Arm and wait for on_ready, as a program's loop does. */
static void sleep_on(struct world *world, struct channel *channel,
		     bool for_room)
{
	bool is_ready = false;

	channel->owner = &is_ready;
	channel->on_ready = note_ready;
	if (channel_arm(channel, for_room) == 0)
		world_wait(world, is_woken, &is_ready);
	channel->on_ready = NULL;
}

void world_write(struct world *world, struct channel *channel,
		 const void *bytes, size_t n)
{
	const uint8_t *from = bytes;

	while (n) {
		size_t n_piece = n < 1000 ? n : 1000;
		uint8_t *room = NULL;
		int r = channel_reserve(channel, n_piece, &room);

		if (r == -EAGAIN) {
			sleep_on(world, channel, true);
			continue;
		}
		assert_int_equal(r, 0);
		memcpy(room, from, n_piece);
		channel_commit(channel, n_piece);
		from += n_piece;
		n -= n_piece;
	}
	assert_int_equal(channel_flush(channel), 0);
}

void world_expect(struct world *world, struct channel *channel,
		  const void *bytes, size_t n)
{
	assert_int_equal(channel_refill(channel), 0);
	while (channel->n_in < n) {
		sleep_on(world, channel, false);
		assert_int_equal(channel_refill(channel), 0);
	}
	assert_memory_equal(channel->in, bytes, n);
	channel_consume(channel, n);
	/* Fails when that was the last of a channel that is over. */
	(void)channel_flush(channel);
}

int world_wait_end(struct world *world, struct channel *channel,
		   unsigned *ret_ms)
{
	uint64_t start_ns = clock_now_ns();
	int r;

	while ((r = channel_refill(channel)) == 0) {
		channel_consume(channel, channel->n_in);
		sleep_on(world, channel, false);
	}
	*ret_ms = (unsigned)((clock_now_ns() - start_ns) / NS_PER_MS);
	return r;
}

unsigned world_count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(folder);
	while (readdir(folder))
		n++;
	closedir(folder);
	return n;
}

void world_wait_outside(struct world *world, bool (*is_done)(void *userdata),
			void *userdata)
{
	world->look_ms = 20;
	world_wait(world, is_done, userdata);
	world->look_ms = 0;
}

struct channels_wait {
	const struct world *world;
	unsigned n;
};

static bool has_channels(void *userdata)
{
	const struct channels_wait *wait = userdata;

	return wait->world->n_channels >= wait->n;
}

void world_wait_channels(struct world *world, unsigned n)
{
	struct channels_wait wait = { .world = world, .n = n };

	world_wait(world, has_channels, &wait);
}

void world_talk(struct world *world, struct channel *client,
		struct channel *server)
{
	world_write(world, client, "all well?", 9);
	world_expect(world, server, "all well?", 9);
	world_write(world, server, "all well.", 9);
	world_expect(world, client, "all well.", 9);
}
