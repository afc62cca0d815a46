/* SPDX-License-Identifier: MIT */

#include "transports/vchan/connect.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/timerfd.h>

#include "base/clock.h"
#include "transports/vchan/address.h"
#include "transports/vchan/explain.h"
#include "transports/vchan/keys.h"
#include "transports/vchan/vchan.h"

/* A server that is alive offers again within moments. */
#define RETRY_MIN_NS (4 * NS_PER_MS)
#define RETRY_MAX_NS (256 * NS_PER_MS)

struct client {
	struct vchan vchan; /* first: it frees itself */
	struct vchan_owner owner;
	struct vchan_address address;
	struct store store;
	struct poller *poller;
	struct poll_source timer; /* owns a timerfd, until it is connected */
	struct poll_source news;  /* of the server's domain, once it is */
	uint64_t retry_ns;
};

static struct client *client_of(struct channel *channel)
{
	return container_of(channel, struct client, vchan.ring.channel);
}

static void stop_timer(struct client *client)
{
	if (client->timer.fd < 0)
		return;
	poller_remove(client->poller, &client->timer);
	close(client->timer.fd);
	client->timer.fd = -1;
}

static void stop_news(struct client *client)
{
	if (client->news.fd >= 0)
		poller_remove(client->poller, &client->news);
	client->news.fd = -1;
}

static void let_go(struct vchan_owner *owner, struct vchan *vchan)
{
	struct client *client = container_of(owner, struct client, owner);

	stop_timer(client);
	stop_news(client);
	store_close(&client->store);
}

/* A persistent server of upstream's takes the next client after one is gone. */
static int claim(struct ring_page *page)
{
	uint8_t awaited = RING_AWAITED;
	uint8_t gone = RING_GONE;

	if (atomic_compare_exchange_strong(&page->client_live, &awaited,
					   RING_LIVE) ||
	    atomic_compare_exchange_strong(&page->client_live, &gone,
					   RING_LIVE))
		return 0;
	return -EAGAIN;
}

/*
 * Make the offer ours, by a mapping of its own: the one to stay clears the
 * client's byte when it goes, and that byte may be another's.
 */
static int claim_offer(struct client *client, const struct vchan_keys *keys)
{
	uint32_t domid = client->address.domid;
	struct vchan_pages peek;
	int r;

	r = vchan_pages_take(&peek, domid, keys->ring_ref, NULL);
	if (r < 0)
		return r;
	if (atomic_load(&peek.page->server_live) != RING_LIVE)
		r = -ECONNREFUSED;
	else if (atomic_load(&peek.page->client_live) == RING_LIVE ||
		 doorbell_bind(&client->vchan.doorbell, client->poller, domid,
			       keys->event_channel) < 0)
		r = -EAGAIN;
	else
		r = claim(peek.page);
	/* Who dies between here and its own mapping is a client that was. */
	if (!r)
		doorbell_ring(&client->vchan.doorbell);
	vchan_pages_free(&peek);
	return r;
}

static int take_offer(struct client *client, const struct vchan_keys *keys)
{
	struct vchan *vchan = &client->vchan;
	int r;

	r = claim_offer(client, keys);
	if (!r)
		r = vchan_pages_take(&vchan->pages, client->address.domid,
				     keys->ring_ref, &vchan->doorbell.port);
	if (!r)
		r = vchan_pages_take_rings(&vchan->pages,
					   &vchan->ring.channel.reason);
	if (!r)
		r = vchan_start_client(vchan);
	if (r < 0) {
		doorbell_unwatch(&vchan->doorbell);
		vchan_pages_free(&vchan->pages);
		doorbell_close(&vchan->doorbell);
	}
	return r;
}

static struct vchan_meeting meeting_of(const struct client *client)
{
	return (struct vchan_meeting){
		.server = client->address.domid,
		.client = client->store.domid,
		.port = client->address.port,
	};
}

/* Only dom0 may ask who is there; others see what is left of the server. */
static bool is_server_up(const struct client *client)
{
	struct vchan_meeting meeting = meeting_of(client);
	int r = store_is_introduced(&client->store, client->address.domid);

	return r == -EACCES ? vchan_keys_are_left(&client->store, &meeting)
			    : r != 0;
}

/* Events of a domain's end name no domain, and some mean nothing. */
static void news_ready(struct poll_source *source, uint32_t events)
{
	struct client *client = container_of(source, struct client, news);
	char **event;

	while ((event = xs_check_watch(client->store.handle)))
		free(event);
	if (errno != EAGAIN)
		stop_news(client);
	if (!is_server_up(client))
		vchan_hang_up(&client->vchan);
}

/*
 * A process that ends is told by its byte; a domain that is destroyed tells
 * nobody. Most domains may not watch for that, but what the server offers us
 * goes with its domain, and that any may watch.
 */
static void watch_for_news(struct client *client)
{
	struct vchan_meeting meeting = meeting_of(client);
	char path[STORE_PATH_BYTES];

	vchan_keys_path(&meeting, "ring-ref", path);
	(void)xs_watch(client->store.handle, path, "offer");
	vchan_keys_folder(&meeting, path);
	(void)xs_watch(client->store.handle, path, "folder");
	(void)xs_watch(client->store.handle, "@releaseDomain", "domain");
	client->news.fd = xs_fileno(client->store.handle);
	client->news.ready = news_ready;
	if (client->news.fd < 0 ||
	    poller_add(client->poller, &client->news, EPOLLIN) < 0)
		client->news.fd = -1;
}

/* The pages went since their keys were read; is there another offer? */
static int look_for_another(struct client *client,
			    const struct vchan_meeting *meeting,
			    const struct vchan_keys *keys)
{
	struct vchan_keys now;
	const char *reason;

	if (vchan_keys_read(&client->store, meeting, &now, &reason) == 0 &&
	    now.ring_ref == keys->ring_ref &&
	    now.event_channel == keys->event_channel)
		return -ECONNREFUSED;
	return -EAGAIN;
}

static int try_once(struct client *client)
{
	struct vchan_meeting meeting = meeting_of(client);
	struct vchan_keys keys;
	int r;

	r = vchan_keys_read(&client->store, &meeting, &keys,
			    &client->vchan.ring.channel.reason);
	if (!r) {
		r = take_offer(client, &keys);
		if (r == -ECONNREFUSED)
			r = look_for_another(client, &meeting, &keys);
	}
	if (r < 0)
		return r;
	client->vchan.ring.channel.ops = &vchan_ops;
	client->vchan.ring.channel.reason = NULL;
	watch_for_news(client);
	return 0;
}

static void set_retry(struct client *client)
{
	struct itimerspec at = {
		.it_value.tv_nsec = (long)client->retry_ns,
	};

	client->retry_ns += client->retry_ns / 2;
	(void)timerfd_settime(client->timer.fd, 0, &at, NULL);
}

static void retry(struct poll_source *source, uint32_t events)
{
	struct client *client = container_of(source, struct client, timer);
	struct channel *channel = &client->vchan.ring.channel;
	uint64_t n_times;
	int r;

	if (read(source->fd, &n_times, sizeof(n_times)) < 0)
		return;
	r = try_once(client);
	if ((r == -EAGAIN || r == -ENOENT) && client->retry_ns < RETRY_MAX_NS) {
		set_retry(client);
		return;
	}
	stop_timer(client);
	client->vchan.ring.error = r == -EAGAIN ? -ECONNREFUSED : r;
	if (channel->on_ready)
		channel->on_ready(channel);
}

static int start_retrying(struct client *client)
{
	int r;

	client->timer.fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (client->timer.fd < 0)
		return -errno;
	r = poller_add(client->poller, &client->timer, EPOLLIN);
	if (r < 0)
		return r;
	client->retry_ns = RETRY_MIN_NS;
	set_retry(client);
	return 0;
}

/* While it is connecting, a channel has neither bytes nor room. */
static int connecting_wait(struct channel *channel)
{
	return client_of(channel)->vchan.ring.error;
}

static int connecting_make_room(struct channel *channel, size_t n)
{
	int r = client_of(channel)->vchan.ring.error;

	return r < 0 ? r : -EAGAIN;
}

static int connecting_arm(struct channel *channel, bool for_room)
{
	return client_of(channel)->vchan.ring.error;
}

static void connecting_free(struct channel *channel)
{
	vchan_ops.free(channel);
}

/* Where a window without a ring stands. */
static uint8_t nothing[1];

static const struct channel_ops connecting_ops = {
	.name = "vchan",
	.refill = connecting_wait,
	.make_room = connecting_make_room,
	.flush = connecting_wait,
	.arm = connecting_arm,
	.free = connecting_free,
};

static struct client *client_new(struct poller *poller,
				 const struct vchan_address *address)
{
	struct client *client;

	client = calloc(1, sizeof(*client));
	if (!client)
		return NULL;
	vchan_init(&client->vchan);
	client->vchan.ring.channel.ops = &connecting_ops;
	client->vchan.ring.channel.in = nothing;
	client->vchan.ring.channel.out = nothing;
	client->vchan.owner = &client->owner;
	client->owner.on_free = let_go;
	client->address = *address;
	client->poller = poller;
	client->timer = (struct poll_source){ .fd = -1, .ready = retry };
	client->news.fd = -1;
	return client;
}

static int start(struct client *client, const struct transport_options *options)
{
	struct vchan_meeting meeting;
	char path[STORE_PATH_BYTES];
	int r;

	r = store_open(&client->store, options);
	if (r < 0)
		return r;
	r = try_once(client);
	if (r == -EAGAIN)
		return start_retrying(client);
	if (r == -EPROTO) {
		client->vchan.ring.error = r;
		return 0;
	}
	if (r < 0) {
		meeting = meeting_of(client);
		vchan_keys_path(&meeting, NULL, path);
		vchan_explain(options, "%s %s",
			      r == -ENOENT ? "nothing is offered to us in"
					   : "nobody answers at",
			      path);
	}
	return r;
}

int vchan_connect(struct poller *poller, const struct vchan_address *address,
		  const struct transport_options *options,
		  struct channel **ret_channel)
{
	struct client *client;
	int r;

	client = client_new(poller, address);
	if (!client)
		return -ENOMEM;
	r = start(client, options);
	if (r < 0) {
		vchan_free(&client->vchan);
		return r;
	}
	*ret_channel = &client->vchan.ring.channel;
	return 0;
}
