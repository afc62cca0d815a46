/* SPDX-License-Identifier: MIT */

#include "tests/unit/transports/vchan_world.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>

#include <cmocka.h>

void world_init(struct world *world)
{
	*world = (struct world){ 0 };
	assert_int_equal(xen_world_start(&world->xen), 0);
	assert_int_equal(xen_world_add(&world->xen, WEB, "web", WEB_UUID), 0);
	assert_int_equal(xen_world_add(&world->xen, DB, "db", DB_UUID), 0);
	assert_int_equal(poller_init(&world->server_poller), 0);
	assert_int_equal(poller_init(&world->client_poller), 0);
}

static void expect_nothing(struct world *world, uint32_t domid)
{
	struct xen_count count;

	if (xen_world_count(&world->xen, domid, &count) < 0)
		return;
	assert_int_equal(count.grants, 0);
	assert_int_equal(count.maps, 0);
	assert_int_equal(count.ports, 0);
	assert_int_equal(count.handles, 0);
	assert_int_equal(count.connections, 0);
	assert_int_equal(count.watches, 0);
	assert_int_equal(count.transactions, 0);
	assert_int_equal(count.is_zombie, 0);
}

void world_deinit(struct world *world)
{
	char text[64];

	for (unsigned i = 0; i < world->n_channels; i++)
		channel_free(world->channels[i]);
	listener_free(world->listener);
	poller_deinit(&world->server_poller);
	poller_deinit(&world->client_poller);
	for (uint32_t domid = 0; domid < 16; domid++)
		expect_nothing(world, domid);
	world_get(world, "/local/domain/0/data/vchan/5/bus/ring-ref", text);
	assert_string_equal(text, "");
	xen_world_stop(&world->xen);
}

static void note_ready(struct channel *channel)
{
	struct world *world = channel->owner;

	world->n_ready++;
}

static void adopt(struct world *world, struct channel *channel)
{
	channel->owner = world;
	channel->on_ready = note_ready;
}

static int take_channel(struct listener *listener, struct channel *channel)
{
	struct world *world = listener->owner;

	if (world->n_channels == WORLD_CHANNELS_MAX)
		return -EBUSY;
	adopt(world, channel);
	world->channels[world->n_channels++] = channel;
	return 0;
}

static void note_silent(struct listener *listener)
{
	struct world *world = listener->owner;

	world->n_silent++;
}

static void note_broken(struct listener *listener, const char *reason)
{
	struct world *world = listener->owner;

	world->broken = reason;
}

static void note_text(struct listener *listener, const char *text)
{
	struct world *world = listener->owner;

	world->n_texts++;
	snprintf(world->text, sizeof(world->text), "%s", text);
}

static void note_domain(struct listener *listener,
			const struct transport_domain *domain, bool is_up)
{
	struct world *world = listener->owner;

	assert_true(world->n_news < WORLD_NEWS_MAX);
	world->news[world->n_news++] =
		(struct news){ .domain = *domain, .is_up = is_up };
}

static bool is_served(struct listener *listener,
		      const struct transport_domain *domain)
{
	struct world *world = listener->owner;

	return domain->domid != world->refused_domid;
}

int world_listen_with(struct world *world, const char *rest,
		      struct transport_options options)
{
	int r;

	options.error = world->error;
	options.n_error = sizeof(world->error);
	xen_world_enter(&world->xen, world->server);
	r = helio_transport_vchan.listen(&world->server_poller, rest, &options,
					 &world->listener);
	if (r < 0)
		return r;
	world->listener->owner = world;
	world->listener->on_channel = take_channel;
	world->listener->on_silent = note_silent;
	world->listener->on_broken = note_broken;
	world->listener->on_domain = note_domain;
	world->listener->on_news = note_text;
	world->listener->is_served = is_served;
	return 0;
}

void world_listen(struct world *world)
{
	struct transport_options options = { .ring_bytes = 4096 };

	assert_int_equal(world_listen_with(world, "*/bus", options), 0);
	world_turn(world, 0);
}

int world_connect(struct world *world, uint32_t domid, const char *rest,
		  struct channel **ret_channel)
{
	struct transport_options options = {
		.error = world->error,
		.n_error = sizeof(world->error),
	};
	int r;

	world->error[0] = '\0';
	world->client = domid;
	xen_world_enter(&world->xen, domid);
	r = helio_transport_vchan.connect(&world->client_poller, rest, &options,
					  ret_channel);
	if (!r)
		adopt(world, *ret_channel);
	return r;
}

struct channel *world_join(struct world *world, uint32_t domid,
			   struct channel **ret_server)
{
	unsigned n_before = world->n_channels;
	struct channel *channel;
	uint8_t *room;

	/* What is offered next may take a turn. */
	world_await(world, !world_connect(world, domid, "0/bus", &channel));
	world_await(world, channel_reserve(channel, 1, &room) == 0);
	world_write(channel, "!");
	world_await(world, world->n_channels > n_before);
	*ret_server = world->channels[n_before];
	world_expect(world, *ret_server, "!");
	return channel;
}

void world_turn(struct world *world, int timeout_ms)
{
	struct pollfd fds[] = {
		{ .fd = world->server_poller.epoll_fd, .events = POLLIN },
		{ .fd = world->client_poller.epoll_fd, .events = POLLIN },
	};

	assert_true(poll(fds, 2, timeout_ms) >= 0);
	xen_world_enter(&world->xen, world->server);
	assert_true(poller_dispatch(&world->server_poller, 0) >= 0);
	xen_world_enter(&world->xen, world->client);
	assert_true(poller_dispatch(&world->client_poller, 0) >= 0);
}

void world_write(struct channel *channel, const char *text)
{
	size_t n = strlen(text);
	uint8_t *room = NULL;

	assert_int_equal(channel_reserve(channel, n, &room), 0);
	memcpy(room, text, n);
	channel_commit(channel, n);
	assert_int_equal(channel_flush(channel), 0);
}

void world_expect(struct world *world, struct channel *channel,
		  const char *text)
{
	size_t n = strlen(text);

	world_await(world, channel_refill(channel) < 0 || channel->n_in >= n);
	assert_true(channel->n_in >= n);
	assert_memory_equal(channel->in, text, n);
	channel_consume(channel, n);
	(void)channel_flush(channel);
}

void world_drop(struct world *world, struct channel *channel)
{
	unsigned i = 0;

	while (world->channels[i] != channel)
		i++;
	world->channels[i] = world->channels[--world->n_channels];
	channel_free(channel);
}

struct xen_count world_count(struct world *world, uint32_t domid)
{
	struct xen_count count;

	assert_int_equal(xen_world_count(&world->xen, domid, &count), 0);
	return count;
}

static struct xs_handle *open_store(struct world *world)
{
	struct xs_handle *store;

	xen_world_enter(&world->xen, 0);
	store = xs_open(0);
	assert_non_null(store);
	return store;
}

static void let_read(struct xs_handle *store, const char *path, uint32_t owner,
		     uint32_t reader)
{
	struct xs_permissions permissions[] = {
		{ .id = owner, .perms = XS_PERM_NONE },
		{ .id = reader, .perms = XS_PERM_READ },
	};

	assert_true(xs_set_permissions(store, XBT_NULL, path, permissions, 2));
}

void world_put(struct world *world, const char *path, const char *text,
	       uint32_t owner, uint32_t reader)
{
	struct xs_handle *store = open_store(world);

	assert_true(
		xs_write(store, XBT_NULL, path, text, (unsigned)strlen(text)));
	let_read(store, path, owner, reader);
	xs_close(store);
}

void world_remove(struct world *world, const char *path)
{
	struct xs_handle *store = open_store(world);

	assert_true(xs_rm(store, XBT_NULL, path));
	xs_close(store);
}

void world_let_see(struct world *world, uint32_t domid)
{
	struct xs_handle *store = open_store(world);
	char path[64];

	let_read(store, "@introduceDomain", 0, domid);
	let_read(store, "@releaseDomain", 0, domid);
	let_read(store, "/local/domain", 0, domid);
	for (uint32_t seen = 0; seen <= DB; seen++) {
		snprintf(path, sizeof(path), "/local/domain/%u/name", seen);
		if (!xs_is_domain_introduced(store, seen))
			continue;
		let_read(store, path, 0, domid);
		snprintf(path, sizeof(path), "/local/domain/%u/vm", seen);
		if (seen)
			let_read(store, path, 0, domid);
	}
	xs_close(store);
}

void world_get(struct world *world, const char *path, char ret_text[64])
{
	struct xs_handle *store = open_store(world);
	char *text;

	text = xs_read(store, XBT_NULL, path, NULL);
	snprintf(ret_text, 64, "%s", text ? text : "");
	free(text);
	xs_close(store);
}
