/* SPDX-License-Identifier: MIT */

#include "switch/report.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "switch/config.h"
#include "switch/peer.h"
#include "switch/report_set.h"
#include "switch/subscription.h"

/* What a peer's receivers add up to. */
struct sums {
	uint32_t n_subscriptions;
	uint32_t n_services;
	uint64_t n_waiting;
	uint64_t n_waiting_bytes;
	uint64_t n_messages;
	uint64_t n_bytes;
	uint64_t n_dropped;
};

static void add_up(struct receiver *receiver, struct sums *sums)
{
	const struct subscription *sub;

	if (receiver->kind == RECEIVER_REGISTRATION) {
		sums->n_services++;
		return;
	}
	if (receiver->kind == RECEIVER_MEMBER) {
		sums->n_subscriptions++;
		return;
	}
	sub = container_of(receiver, struct subscription, receiver);
	sums->n_subscriptions++;
	sums->n_waiting += backlog_n_frames(&sub->backlog);
	sums->n_waiting_bytes += backlog_n_bytes(&sub->backlog);
	sums->n_messages += receiver->n_messages;
	sums->n_bytes += receiver->n_bytes;
	sums->n_dropped += sub->backlog.n_dropped;
}

/* What only a channel has. */
static void fill_channel(struct peer *peer, const struct sums *sums,
			 struct report_peer *entry)
{
	Helio__Switch__V1__Peer *out = &entry->peer;

	snprintf(entry->transport, sizeof(entry->transport), "%s",
		 peer->channel->ops->name);
	out->program = *peer->program ? peer->program : NULL;
	if (peer->channel->evidence.pid)
		SET(out, pid, (uint32_t)peer->channel->evidence.pid);
	SET(out, received_bytes, peer->stats.n_bytes_in);
	SET(out, queued_bytes,
	    sums->n_waiting_bytes + outbox_bytes(&peer->outbox));
	SET(out, calls_pending, (uint32_t)peer->made.n_nodes);
}

static void fill_announced(const struct speaker *speaker,
			   const struct sums *sums, struct report_peer *entry)
{
	Helio__Switch__V1__Peer *out = &entry->peer;
	const struct list *link;
	uint32_t n_pending = 0;

	snprintf(entry->transport, sizeof(entry->transport), "leaf");
	SET(out, leaf, speaker->peer->self.id);
	SET(out, queued_bytes, sums->n_waiting_bytes);
	for (link = speaker->slots.next; link != &speaker->slots;
	     link = link->next)
		n_pending++;
	SET(out, calls_pending, n_pending);
}

static void add_up_all(struct speaker *speaker, struct sums *sums)
{
	struct map_node *node = NULL;
	struct list *link;

	list_for_each (link, &speaker->receivers)
		add_up(container_of(link, struct receiver, speaker_link), sums);
	if (speaker->handle)
		return;
	while ((node = map_walk(&speaker->peer->receivers, node))) {
		struct receiver *receiver =
			container_of(node, struct receiver, node);

		if (receiver->speaker == speaker)
			add_up(receiver, sums);
	}
}

static void fill_peer(const struct bus *bus, struct speaker *speaker,
		      struct report_peer *entry)
{
	struct principal *who = &speaker->source->principal;
	Helio__Switch__V1__Peer *out = &entry->peer;
	struct sums sums = { 0 };

	add_up_all(speaker, &sums);
	helio__switch__v1__peer__init(out);
	SET(out, id, speaker->id);
	out->principal = who->path;
	out->durable_id = who->durable_id;
	out->transport = entry->transport;
	SET(out, incarnation, who->incarnation);
	if (speaker->handle)
		fill_announced(speaker, &sums, entry);
	else
		fill_channel(speaker->peer, &sums, entry);
	SET(out, connected_ms, (bus->now_ns - speaker->since_ns) / NS_PER_MS);
	SET(out, subscriptions, sums.n_subscriptions);
	SET(out, services, sums.n_services);
	SET(out, queued_messages, sums.n_waiting);
	SET(out, received_messages, speaker->stats.n_published);
	SET(out, delivered_messages, sums.n_messages);
	SET(out, delivered_bytes, sums.n_bytes);
	SET(out, dropped_messages, sums.n_dropped);
	SET(out, refused, speaker->stats.n_refused);
	SET(out, calls, speaker->stats.n_calls);
	SET(out, calls_served, speaker->stats.n_calls_served);
}

size_t report_peers(struct bus *bus, struct report_page *page,
		    struct report_peer *entries)
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &bus->speakers) {
		struct speaker *speaker =
			container_of(link, struct speaker, all_link);

		if (speaker->id <= page->cursor ||
		    !speaker_is_below(speaker, page->principal))
			continue;
		if (n == page->limit) {
			page->has_more = true;
			break;
		}
		fill_peer(bus, speaker, &entries[n++]);
	}
	if (n)
		page->cursor = entries[n - 1].peer.id;
	return n;
}

static uint32_t n_peers_of(struct bus *bus, const char *path)
{
	struct list *link;
	uint32_t n = 0;

	list_for_each (link, &bus->peers)
		n += speaker_is_below(
			&container_of(link, struct peer, link)->self, path);
	return n;
}

static void fill_enrolled(struct bus *bus, const struct config *config,
			  struct enrolled_domain *domain,
			  struct report_domain *entry)
{
	Helio__Switch__V1__Domain *out = &entry->domain;

	helio__switch__v1__domain__init(out);
	snprintf(entry->principal, sizeof(entry->principal), "vm:%s",
		 domain->name);
	snprintf(entry->transport, sizeof(entry->transport), "shm");
	out->name = domain->name;
	out->principal = entry->principal;
	out->transport = entry->transport;
	if (!config_domain_socket(config, domain, entry->socket))
		out->socket = entry->socket;
	SET(out, owner, domain->access.uid);
	SET(out, group, domain->access.gid);
	SET(out, mode, domain->access.mode);
	SET(out, peers, n_peers_of(bus, entry->principal));
	SET(out, served, 1);
}

static void fill_live(const struct bus *bus, const struct domain *domain,
		      struct report_domain *entry)
{
	Helio__Switch__V1__Domain *out = &entry->domain;

	helio__switch__v1__domain__init(out);
	memcpy(entry->principal, domain->path, sizeof(entry->principal));
	memcpy(entry->name, domain->is.name, sizeof(entry->name));
	principal_format_uuid(domain->is.uuid, entry->uuid);
	snprintf(entry->transport, sizeof(entry->transport), "vchan");
	out->name = entry->name;
	out->principal = entry->principal;
	out->transport = entry->transport;
	out->uuid = entry->uuid;
	SET(out, domid, domain->is.domid);
	SET(out, incarnation, domain->is.incarnation);
	SET(out, peers, (uint32_t)domain_n_channels(bus, domain));
	SET(out, served, domain_is_served(bus, domain));
}

/* The enrolled by their places, and then the others by their serials. */
#define CURSOR_LIVE (UINT64_C(1) << 32)

static size_t list_enrolled(struct bus *bus, const struct config *config,
			    struct report_page *page,
			    struct report_domain *entries)
{
	const struct enrolment *enrolment = &config->enrolment;
	size_t n = 0;

	for (; page->cursor < enrolment->n_domains; page->cursor++) {
		if (n == page->limit) {
			page->has_more = true;
			return n;
		}
		fill_enrolled(bus, config, &enrolment->domains[page->cursor],
			      &entries[n++]);
	}
	page->cursor = CURSOR_LIVE;
	return n;
}

size_t report_domains(struct bus *bus, const struct config *config,
		      struct report_page *page, struct report_domain *entries)
{
	struct list *link;
	size_t n = 0;

	if (page->cursor < CURSOR_LIVE)
		n = list_enrolled(bus, config, page, entries);
	if (page->has_more)
		return n;
	list_for_each (link, &bus->domains.up) {
		const struct domain *domain =
			container_of(link, struct domain, link);

		if (domain->serial <= page->cursor - CURSOR_LIVE)
			continue;
		if (n == page->limit) {
			page->has_more = true;
			break;
		}
		fill_live(bus, domain, &entries[n++]);
		page->cursor = CURSOR_LIVE + domain->serial;
	}
	return n;
}

static void fill_ended(const struct bus *bus, struct report_stats *stats)
{
	stats->reply.n_ended = bus->stats.n_reasons;
	stats->reply.ended = stats->ended_list;
	for (size_t i = 0; i < bus->stats.n_reasons; i++) {
		Helio__Switch__V1__Ended *out = &stats->ended[i];

		helio__switch__v1__ended__init(out);
		snprintf(stats->reasons[i], sizeof(stats->reasons[i]), "%s",
			 bus->stats.reasons[i].text);
		out->reason = stats->reasons[i];
		SET(out, count, bus->stats.reasons[i].n);
		stats->ended_list[i] = out;
	}
}

static void fill_busiest(const struct bus *bus, size_t n_max,
			 struct report_stats *stats)
{
	struct sketch_entry busiest[REPORT_BUSIEST_MAX];
	size_t n = sketch_busiest(&bus->busiest, busiest, n_max);

	stats->reply.n_busiest = n;
	stats->reply.busiest = stats->busy_list;
	for (size_t i = 0; i < n; i++) {
		Helio__Switch__V1__BusySubject *out = &stats->busy[i];

		helio__switch__v1__busy_subject__init(out);
		snprintf(stats->subjects[i], sizeof(stats->subjects[i]), "%.*s",
			 (int)busiest[i].n_subject, busiest[i].subject);
		out->subject = stats->subjects[i];
		SET(out, messages, busiest[i].count);
		SET(out, error_max, busiest[i].error);
		stats->busy_list[i] = out;
	}
}

void report_stats(struct bus *bus, size_t n_busiest,
		  struct report_stats *ret_stats)
{
	Helio__Switch__V1__GetStatsReply *out = &ret_stats->reply;
	struct sums sums = { 0 };
	struct list *link;

	list_for_each (link, &bus->receivers)
		add_up(container_of(link, struct receiver, all_link), &sums);
	helio__switch__v1__get_stats_reply__init(out);
	snprintf(ret_stats->version, sizeof(ret_stats->version), "%s",
		 HELIO_VERSION);
	out->version = ret_stats->version;
	SET(out, switch_incarnation, bus->incarnation);
	SET(out, uptime_ms, (bus->now_ns - bus->started_ns) / NS_PER_MS);
	SET(out, peers, (uint32_t)bus->n_peers);
	SET(out, subscriptions, sums.n_subscriptions);
	SET(out, services, sums.n_services);
	SET(out, calls_pending, (uint32_t)bus->slots.n_slots);
	SET(out, queued_messages, sums.n_waiting);
	SET(out, queued_bytes, sums.n_waiting_bytes);
	SET(out, received_messages, bus->stats.n_published);
	SET(out, received_bytes, bus->stats.n_received_bytes);
	SET(out, delivered_messages, bus->stats.n_delivered);
	SET(out, delivered_bytes, bus->stats.n_delivered_bytes);
	SET(out, dropped_messages, bus->stats.n_dropped);
	SET(out, refused_messages, bus->stats.n_refused);
	SET(out, unmatched_messages, bus->stats.n_unmatched);
	SET(out, calls, bus->stats.n_calls);
	SET(out, calls_failed, bus->stats.n_calls_failed);
	SET(out, peers_ever, bus->n_peers_ever);
	SET(out, policy_generation, bus->policy_generation);
	fill_ended(bus, ret_stats);
	fill_busiest(bus, n_busiest, ret_stats);
}
