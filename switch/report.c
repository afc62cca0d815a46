/* SPDX-License-Identifier: MIT */

#include "switch/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "switch/config.h"
#include "switch/endpoint.h"
#include "switch/group.h"
#include "switch/peer.h"
#include "switch/subscription.h"

/* Optional fields of a generated message are a value and a flag. */
#define SET(message, field, value)          \
	do {                                \
		(message)->has_##field = 1; \
		(message)->field = (value); \
	} while (0)

static const char *const overflow_names[N_OVERFLOWS] = {
	[OVERFLOW_DROP_NEW] = "drop-new",
	[OVERFLOW_DROP_OLD] = "drop-old",
	[OVERFLOW_DISCONNECT] = "disconnect",
	[OVERFLOW_LATEST] = "latest",
};

static bool is_below(const struct peer *peer, const char *principal)
{
	size_t n;

	if (!principal)
		return true;
	n = strlen(principal);
	return !strncmp(peer_path(peer), principal, n) &&
	       (!peer_path(peer)[n] || peer_path(peer)[n] == '/');
}

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

static void fill_peer(const struct bus *bus, struct peer *peer,
		      struct report_peer *entry)
{
	struct principal *who = &peer->self.source->principal;
	Helio__Switch__V1__Peer *out = &entry->peer;
	struct sums sums = { 0 };
	struct map_node *node = NULL;

	while ((node = map_walk(&peer->receivers, node)))
		add_up(container_of(node, struct receiver, node), &sums);
	helio__switch__v1__peer__init(out);
	SET(out, id, peer->self.id);
	out->principal = who->path;
	out->durable_id = who->durable_id;
	SET(out, incarnation, who->incarnation);
	snprintf(entry->transport, sizeof(entry->transport), "%s",
		 peer->channel->ops->name);
	out->transport = entry->transport;
	out->program = *peer->program ? peer->program : NULL;
	if (peer->channel->evidence.pid)
		SET(out, pid, (uint32_t)peer->channel->evidence.pid);
	SET(out, connected_ms, (bus->now_ns - peer->connected_ns) / NS_PER_MS);
	SET(out, subscriptions, sums.n_subscriptions);
	SET(out, services, sums.n_services);
	SET(out, calls_pending, (uint32_t)peer->made.n_nodes);
	SET(out, queued_messages, sums.n_waiting);
	SET(out, queued_bytes,
	    sums.n_waiting_bytes + outbox_bytes(&peer->outbox));
	SET(out, received_messages, peer->self.stats.n_published);
	SET(out, received_bytes, peer->stats.n_bytes_in);
	SET(out, delivered_messages, sums.n_messages);
	SET(out, delivered_bytes, sums.n_bytes);
	SET(out, dropped_messages, sums.n_dropped);
	SET(out, refused, peer->self.stats.n_refused);
	SET(out, calls, peer->self.stats.n_calls);
	SET(out, calls_served, peer->self.stats.n_calls_served);
}

size_t report_peers(struct bus *bus, struct report_page *page,
		    struct report_peer *entries)
{
	struct list *link;
	size_t n = 0;

	list_for_each (link, &bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (peer->self.id <= page->cursor ||
		    !is_below(peer, page->principal))
			continue;
		if (n == page->limit) {
			page->has_more = true;
			break;
		}
		fill_peer(bus, peer, &entries[n++]);
	}
	if (n)
		page->cursor = entries[n - 1].peer.id;
	return n;
}

static void fill_subscription(struct receiver *receiver, void *entries,
			      size_t i)
{
	struct report_subscription *entry =
		&((struct report_subscription *)entries)[i];
	struct subscription *sub =
		container_of(receiver, struct subscription, receiver);
	Helio__Switch__V1__Subscription *out = &entry->subscription;

	helio__switch__v1__subscription__init(out);
	SET(out, peer, sub->receiver.peer->self.id);
	out->principal = sub->receiver.speaker->source->principal.path;
	SET(out, id, sub->receiver.id);
	snprintf(entry->pattern, sizeof(entry->pattern), "%.*s", sub->n_pattern,
		 sub->pattern);
	out->pattern = entry->pattern;
	if (sub->group) {
		snprintf(entry->group, sizeof(entry->group), "%.*s",
			 (int)sub->group->n_name, sub->group->text);
		out->group = entry->group;
	}
	out->capture = sub->log;
	SET(out, observe, sub->is_observer);
	snprintf(entry->overflow, sizeof(entry->overflow), "%s",
		 overflow_names[sub->backlog.overflow]);
	out->overflow = entry->overflow;
	SET(out, delivered_messages, sub->receiver.n_messages);
	SET(out, delivered_bytes, sub->receiver.n_bytes);
	SET(out, dropped_messages, sub->backlog.n_dropped);
	SET(out, queued_messages, backlog_n_frames(&sub->backlog));
	SET(out, queued_bytes, backlog_n_bytes(&sub->backlog));
	SET(out, credit_messages, sub->receiver.credit_messages);
	SET(out, credit_bytes, sub->receiver.credit_bytes);
}

static void fill_methods(const struct registration *registration,
			 struct report_service *entry)
{
	Helio__Switch__V1__Service *out = &entry->service;
	size_t n = registration->n_memberships;

	if (!registration->service)
		return;
	SET(out, methods_total, (uint32_t)n);
	if (n > REPORT_METHODS_MAX)
		n = REPORT_METHODS_MAX;
	for (size_t i = 0; i < n; i++) {
		const struct endpoint *endpoint =
			registration->memberships[i].endpoint;
		size_t at = registration->n_name + 1;

		snprintf(entry->method_names[i], sizeof(entry->method_names[i]),
			 "%.*s", (int)(endpoint->n_subject - at),
			 endpoint->subject + at);
		entry->methods[i] = entry->method_names[i];
	}
	out->methods = entry->methods;
	out->n_methods = n;
}

static void fill_service(struct receiver *receiver, void *entries, size_t i)
{
	struct report_service *entry = &((struct report_service *)entries)[i];
	struct registration *registration =
		container_of(receiver, struct registration, receiver);
	Helio__Switch__V1__Service *out = &entry->service;
	struct list *link;
	uint32_t n_pending = 0;

	helio__switch__v1__service__init(out);
	SET(out, peer, receiver->peer->self.id);
	out->principal = receiver->speaker->source->principal.path;
	SET(out, id, receiver->id);
	snprintf(entry->name, sizeof(entry->name), "%.*s",
		 (int)registration->n_name, registration->name);
	out->name = entry->name;
	snprintf(entry->instance, sizeof(entry->instance), "%" PRIu64,
		 registration->instance);
	out->instance = entry->instance;
	fill_methods(registration, entry);
	SET(out, calls, receiver->n_messages);
	list_for_each (link, &registration->slots)
		n_pending++;
	SET(out, calls_pending, n_pending);
	SET(out, credit_calls, receiver->credit_messages);
	SET(out, credit_bytes, receiver->credit_bytes);
}

/* The receivers of a kind that belong on the page, oldest first. */
static size_t fill_receivers(struct bus *bus, struct report_page *page,
			     enum receiver_kind kind,
			     void (*fill)(struct receiver *receiver,
					  void *entries, size_t i),
			     void *entries)
{
	uint64_t after = page->cursor;
	struct list *link;
	size_t n = 0;

	list_for_each (link, &bus->receivers) {
		struct receiver *receiver =
			container_of(link, struct receiver, all_link);

		if (receiver->kind != kind || receiver->serial <= after ||
		    !is_below(receiver->peer, page->principal))
			continue;
		if (n == page->limit) {
			page->has_more = true;
			break;
		}
		fill(receiver, entries, n++);
		page->cursor = receiver->serial;
	}
	return n;
}

size_t report_subscriptions(struct bus *bus, struct report_page *page,
			    struct report_subscription *entries)
{
	return fill_receivers(bus, page, RECEIVER_SUBSCRIPTION,
			      fill_subscription, entries);
}

size_t report_services(struct bus *bus, struct report_page *page,
		       struct report_service *entries)
{
	return fill_receivers(bus, page, RECEIVER_REGISTRATION, fill_service,
			      entries);
}

static uint32_t n_peers_of(struct bus *bus, const char *path)
{
	struct list *link;
	uint32_t n = 0;

	list_for_each (link, &bus->peers)
		n += is_below(container_of(link, struct peer, link), path);
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
