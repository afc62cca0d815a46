/* SPDX-License-Identifier: MIT */

/* Subscriptions and services, page by page. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "switch/crossing.h"
#include "switch/endpoint.h"
#include "switch/group.h"
#include "switch/peer.h"
#include "switch/report.h"
#include "switch/report_set.h"
#include "switch/subscription.h"
#include "switch/vigil.h"

static const char *const overflow_names[N_OVERFLOWS] = {
	[OVERFLOW_DROP_NEW] = "drop-new",
	[OVERFLOW_DROP_OLD] = "drop-old",
	[OVERFLOW_DISCONNECT] = "disconnect",
	[OVERFLOW_LATEST] = "latest",
};

/* It has no messages of its own. */
static void fill_member(struct crossing_member *member,
			struct report_subscription *entry)
{
	const struct subscription *sub = member->crossing->subscription;
	Helio__Switch__V1__Subscription *out = &entry->subscription;

	helio__switch__v1__subscription__init(out);
	SET(out, peer, member->receiver.peer->self.id);
	out->principal = member->receiver.speaker->source->principal.path;
	SET(out, id, member->receiver.id);
	snprintf(entry->pattern, sizeof(entry->pattern), "%.*s", sub->n_pattern,
		 sub->pattern);
	out->pattern = entry->pattern;
	SET(out, crossing, sub->receiver.id);
}

static void fill_subscription(struct receiver *receiver, void *entries,
			      size_t i)
{
	struct report_subscription *entry =
		&((struct report_subscription *)entries)[i];
	struct subscription *sub =
		container_of(receiver, struct subscription, receiver);
	Helio__Switch__V1__Subscription *out = &entry->subscription;

	if (receiver->kind == RECEIVER_MEMBER) {
		fill_member(container_of(receiver, struct crossing_member,
					 receiver),
			    entry);
		return;
	}
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
	if (registration->schema) {
		out->has_schema_hash = 1;
		out->schema_hash.len = SCHEMA_HASH_BYTES;
		out->schema_hash.data = registration->schema->hash;
	}
	SET(out, calls, receiver->n_messages);
	SET(out, calls_failed, receiver->n_failed);
	list_for_each (link, &registration->slots)
		n_pending++;
	SET(out, calls_pending, n_pending);
	snprintf(entry->state, sizeof(entry->state), "%s",
		 vigil_state(registration));
	out->state = entry->state;
	SET(out, credit_calls, receiver->credit_messages);
	SET(out, credit_bytes, receiver->credit_bytes);
}

static bool is_registration(const struct receiver *receiver)
{
	return receiver->kind == RECEIVER_REGISTRATION;
}

static bool is_called(const struct receiver *receiver, const char *name)
{
	const struct registration *registration =
		const_container_of(receiver, struct registration, receiver);

	return strlen(name) == registration->n_name &&
	       !memcmp(name, registration->name, registration->n_name);
}

/* The receivers of a kind that belong on the page, oldest first. */
static size_t fill_receivers(struct bus *bus, struct report_page *page,
			     bool wants_registrations,
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

		if (is_registration(receiver) != wants_registrations ||
		    receiver->serial <= after ||
		    !speaker_is_below(receiver->speaker, page->principal) ||
		    (page->name && !is_called(receiver, page->name)))
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
	return fill_receivers(bus, page, false, fill_subscription, entries);
}

size_t report_services(struct bus *bus, struct report_page *page,
		       struct report_service *entries)
{
	return fill_receivers(bus, page, true, fill_service, entries);
}
