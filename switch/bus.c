/* SPDX-License-Identifier: MIT */

#include "switch/bus.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "switch/call_stream.h"
#include "switch/control.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/subscription.h"
#include "switch/uplink.h"
#include "switch/vigil.h"

enum {
	/* Turns without a word before a peer is put to sleep. */
	QUIET_TURNS = 64,
	/* Until it sleeps, descriptors are looked at once in so many turns. */
	POLL_TURNS = 4,
};

/* How often the busiest subjects are halved. */
#define FADING_NS (10 * NS_PER_S)

const struct bus_limits bus_default_limits = {
	.message_max_bytes = 8 * 1024 * 1024,
	.subscriptions_max = 131072,
	.calls_max = 16384,
	.open_messages_max = 64,
	.deadline_max_ms = 60 * 60 * 1000,
	.greeting_ms = 5 * 1000,
	.fragment_ms = 30 * 1000,
	.stream_idle_ms = 60 * 1000,
	.stall_ms = 30 * 1000,
	.queue_messages = 65536,
	.queue_bytes = 16 * 1024 * 1024,
};

/* No frame carries the handle any more: nobody needs to know it. */
static void on_source_retired(void *userdata, uint32_t handle)
{
	struct bus *bus = userdata;
	struct list *link;

	list_for_each (link, &bus->peers)
		peer_forget(container_of(link, struct peer, link), handle);
}

/* What was busy long ago counts for less and less. */
static void on_fading(struct timer *timer, uint64_t now_ns)
{
	struct bus *bus = container_of(timer, struct bus, fading);

	sketch_halve(&bus->busiest);
	wheel_add(&bus->wheel, timer, now_ns + FADING_NS);
}

int bus_init(struct bus *bus, struct policy *policy,
	     const struct bus_limits *limits)
{
	int r;

	memset(bus, 0, offsetof(struct bus, scratch));
	bus->limits = *limits;
	bus->now_ns = clock_now_ns();
	bus->started_ns = bus->now_ns;
	bus->policy_generation = 1;
	list_init(&bus->peers);
	list_init(&bus->speakers);
	list_init(&bus->active);
	list_init(&bus->dirty);
	list_init(&bus->ended);
	list_init(&bus->receivers);
	list_init(&bus->captures);
	domains_init(&bus->domains);
	queue_pool_init(&bus->chunks);
	slot_table_init(&bus->slots);
	wheel_init(&bus->wheel, bus->now_ns);
	timer_init(&bus->fading, on_fading);
	wheel_add(&bus->wheel, &bus->fading, bus->now_ns + FADING_NS);
	vigil_init(bus);
	bus->poller.epoll_fd = -1;
	if (getrandom(&bus->incarnation, sizeof(bus->incarnation), 0) < 0)
		return -errno;

	r = poller_init(&bus->poller);
	if (r >= 0)
		r = accounts_init(&bus->accounts);
	if (r >= 0)
		r = sources_init(&bus->sources, on_source_retired, bus);
	if (r >= 0)
		r = route_table_init(&bus->routes);
	if (r >= 0)
		r = route_table_init(&bus->observers);
	if (r >= 0)
		r = endpoint_table_init(&bus->endpoints);
	if (r >= 0)
		r = group_table_init(&bus->groups);
	if (r >= 0)
		r = share_table_init(&bus->shares);
	if (r >= 0)
		r = schema_table_init(&bus->schemas);
	if (r >= 0)
		r = verdicts_init(&bus->verdicts, bus);
	if (r < 0) {
		bus_deinit(bus);
		return r;
	}
	bus->policy = policy;
	return 0;
}

static void free_ended(struct bus *bus)
{
	struct list *link;

	while ((link = list_pop_front(&bus->ended))) {
		struct peer *peer = container_of(link, struct peer, ended_link);

		peer_tell_down(peer);
		peer_free(peer);
	}
}

static void free_captures(struct bus *bus)
{
	struct list *link;

	while ((link = list_pop_front(&bus->captures)))
		subscription_free(
			container_of(link, struct subscription, capture_link));
}

void bus_deinit(struct bus *bus)
{
	struct list *link;

	while ((link = bus->peers.next) != &bus->peers) {
		peer_end(container_of(link, struct peer, link),
			 STATUS_UNAVAILABLE, "the switch ends");
		list_unlink(link);
	}
	free_ended(bus);
	free_captures(bus);
	domains_deinit(&bus->domains);
	verdicts_deinit(&bus->verdicts);
	schema_table_deinit(&bus->schemas);
	share_table_deinit(&bus->shares);
	group_table_deinit(&bus->groups);
	endpoint_table_deinit(&bus->endpoints);
	route_table_deinit(&bus->observers);
	route_table_deinit(&bus->routes);
	sources_deinit(&bus->sources);
	accounts_deinit(&bus->accounts);
	slot_table_deinit(&bus->slots);
	queue_pool_deinit(&bus->chunks);
	poller_deinit(&bus->poller);
	policy_free(bus->policy);
}

/* Who may not be a peer is told so all the same, if that fits. */
static void turn_away(struct bus *bus, struct channel *channel,
		      enum status status, const char *reason)
{
	bus_count_reason(bus, reason);
	peer_say_goodbye(channel, status, reason);
	(void)channel_flush(channel);
}

int bus_add_channel(struct bus *bus, struct channel *channel)
{
	struct peer *peer;
	int r;

	r = peer_new(bus, channel, &peer);
	if (r == -EDQUOT)
		turn_away(bus, channel, STATUS_RESOURCE_EXHAUSTED,
			  "its owner has too many channels");
	else if (r == -EACCES)
		turn_away(bus, channel, STATUS_PERMISSION_DENIED,
			  "nothing proves who it is");
	else if (r < 0)
		turn_away(bus, channel, STATUS_RESOURCE_EXHAUSTED,
			  "out of memory for a peer");
	return r;
}

/* Put to sleep who has been quiet for a while. */
static void doze(struct peer *peer)
{
	if (++peer->n_quiet < QUIET_TURNS || inbound_is_owed(peer))
		return;
	if (!channel_arm(peer->channel, peer->wants_room))
		list_unlink(&peer->active_link);
	peer->n_quiet = 0;
}

static bool read_all(struct bus *bus)
{
	struct list *link;
	struct list *after;
	bool was_busy = false;

	list_for_each_safe (link, after, &bus->active) {
		struct peer *peer =
			container_of(link, struct peer, active_link);

		if (peer->state == PEER_ENDED)
			continue;
		if (peer->wants_room)
			peer_mark_dirty(peer);
		if (inbound_read(peer)) {
			peer->n_quiet = 0;
			was_busy = true;
		} else if (peer->state != PEER_ENDED) {
			doze(peer);
		}
	}
	return was_busy;
}

static void flush_all(struct bus *bus)
{
	struct list *link;

	while ((link = list_pop_front(&bus->dirty))) {
		struct peer *peer = container_of(link, struct peer, dirty_link);

		ack_flush(peer);
		peer_pump(peer);
		if (!list_is_empty(&peer->windows))
			call_streams_tell(peer);
		/* What goes wrong is told again by the next refill. */
		if (peer->state != PEER_ENDED)
			(void)channel_flush(peer->channel);
		list_unlink(&peer->dirty_link);
		if (peer->uplink)
			uplink_room(peer->uplink);
	}
}

bool bus_turn(struct bus *bus, uint64_t now_ns)
{
	bool was_busy;

	bus->now_ns = now_ns;
	if (bus->has_slept || !(bus->n_turns++ % POLL_TURNS))
		(void)poller_dispatch(&bus->poller, 0);
	bus->has_slept = false;
	wheel_advance(&bus->wheel, now_ns);
	was_busy = read_all(bus);
	flush_all(bus);
	free_ended(bus);
	flush_all(bus);
	return was_busy;
}

bool bus_sleep(struct bus *bus)
{
	struct list *link;
	struct list *after;
	/* Whom the last flush ended is freed in the next turn. */
	bool may_sleep = list_is_empty(&bus->ended);

	list_for_each_safe (link, after, &bus->active) {
		struct peer *peer =
			container_of(link, struct peer, active_link);
		int r;

		/* It was not heard, and since the last flush it is. */
		if (inbound_is_owed(peer)) {
			may_sleep = false;
			continue;
		}
		r = channel_arm(peer->channel, peer->wants_room);
		if (r)
			may_sleep = false;
		else
			list_unlink(&peer->active_link);
	}
	bus->has_slept = true;
	return may_sleep;
}

uint64_t bus_next_ns(struct bus *bus)
{
	return wheel_next_ns(&bus->wheel);
}

void bus_set_policy(struct bus *bus, struct policy *policy)
{
	policy_free(bus->policy);
	bus->policy = policy;
	bus->policy_generation++;
	route_table_change(&bus->routes);
	control_judge_again(bus);
}

void bus_count_reason(struct bus *bus, const char *reason)
{
	struct bus_stats *stats = &bus->stats;

	for (size_t i = 0; i < stats->n_reasons; i++) {
		if (!strcmp(stats->reasons[i].text, reason)) {
			stats->reasons[i].n++;
			return;
		}
	}
	if (stats->n_reasons < BUS_REASONS_MAX)
		stats->reasons[stats->n_reasons++] =
			(struct bus_reason){ .text = reason, .n = 1 };
}
