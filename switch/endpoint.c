/* SPDX-License-Identifier: MIT */

#include "switch/endpoint.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "proto/subject.h"
#include "switch/answer.h"
#include "switch/bus.h"
#include "switch/envoy.h"
#include "switch/peer.h"
#include "switch/quota.h"
#include "switch/schema.h"
#include "switch/slot.h"
#include "switch/version.h"
#include "switch/waiting.h"

/* A name with registrations that have methods. */
struct service {
	struct map_node node;
	size_t n_registrations;
	size_t n_entered; /* that take calls */
	size_t n_name;
	char name[];
};

static uint64_t hash_text(const struct bus *bus, const char *text, size_t n)
{
	return hash_bytes(&bus->routes.key, text, n);
}

int endpoint_table_init(struct endpoint_table *table)
{
	*table = (struct endpoint_table){ 0 };
	if (map_init(&table->by_subject) < 0 ||
	    map_init(&table->by_instance) < 0 ||
	    map_init(&table->services) < 0) {
		endpoint_table_deinit(table);
		return -ENOMEM;
	}
	return 0;
}

void endpoint_table_deinit(struct endpoint_table *table)
{
	map_deinit(&table->by_subject);
	map_deinit(&table->by_instance);
	map_deinit(&table->services);
}

struct endpoint *endpoint_lookup(const struct bus *bus, const char *subject,
				 size_t n)
{
	struct map_node *node = map_lookup(&bus->endpoints.by_subject,
					   hash_text(bus, subject, n));

	for (; node; node = map_next(node)) {
		struct endpoint *endpoint =
			container_of(node, struct endpoint, node);

		if (endpoint->n_subject == n &&
		    !memcmp(endpoint->subject, subject, n))
			return endpoint;
	}
	return NULL;
}

int endpoint_get(struct bus *bus, const char *subject, size_t n,
		 struct endpoint **ret_endpoint)
{
	struct endpoint *endpoint = endpoint_lookup(bus, subject, n);

	if (!endpoint) {
		endpoint = malloc(sizeof(*endpoint) + n);
		if (!endpoint)
			return -ENOMEM;
		*endpoint = (struct endpoint){ .n_subject = n };
		list_init(&endpoint->cohorts);
		list_init(&endpoint->waiting);
		memcpy(endpoint->subject, subject, n);
		map_add(&bus->endpoints.by_subject, &endpoint->node,
			hash_text(bus, subject, n));
	}
	*ret_endpoint = endpoint;
	return 0;
}

void endpoint_settle(struct bus *bus, struct endpoint *endpoint)
{
	if (endpoint->n_users || !list_is_empty(&endpoint->waiting))
		return;
	map_remove(&bus->endpoints.by_subject, &endpoint->node);
	if (endpoint->is_cached)
		route_table_change_branch(&bus->routes,
					  route_branch(&bus->routes,
						       endpoint->subject,
						       endpoint->n_subject));
	free(endpoint);
}

static struct service *service_lookup(const struct bus *bus, const char *name,
				      size_t n)
{
	struct map_node *node =
		map_lookup(&bus->endpoints.services, hash_text(bus, name, n));

	for (; node; node = map_next(node)) {
		struct service *service =
			container_of(node, struct service, node);

		if (service->n_name == n && !memcmp(service->name, name, n))
			return service;
	}
	return NULL;
}

bool endpoint_is_method_missing(const struct bus *bus, const char *subject,
				size_t n)
{
	const char *dot = memrchr(subject, '.', n);
	const struct service *service = NULL;

	if (dot)
		service = service_lookup(bus, subject, (size_t)(dot - subject));
	return service && service->n_entered;
}

static int service_enter(struct registration *registration)
{
	struct bus *bus = registration->bus;
	struct service *service;

	service = service_lookup(bus, registration->name, registration->n_name);
	if (!service) {
		service = malloc(sizeof(*service) + registration->n_name);
		if (!service)
			return -ENOMEM;
		*service = (struct service){ .n_name = registration->n_name };
		memcpy(service->name, registration->name, service->n_name);
		map_add(&bus->endpoints.services, &service->node,
			hash_text(bus, service->name, service->n_name));
	}
	service->n_registrations++;
	registration->service = service;
	return 0;
}

static void service_leave(struct registration *registration)
{
	struct service *service = registration->service;

	if (!service)
		return;
	if (registration->is_entered)
		service->n_entered--;
	if (--service->n_registrations)
		return;
	map_remove(&registration->bus->endpoints.services, &service->node);
	free(service);
}

static int join(struct registration *registration, const char *subject,
		size_t n)
{
	struct membership *membership;
	struct endpoint *endpoint;
	struct cohort *cohort;
	int r;

	r = endpoint_get(registration->bus, subject, n, &endpoint);
	if (r < 0)
		return r;
	r = cohort_get(endpoint, registration->schema, &cohort);
	if (r < 0) {
		endpoint_settle(registration->bus, endpoint);
		return r;
	}
	membership = &registration->memberships[registration->n_memberships++];
	*membership = (struct membership){
		.registration = registration,
		.endpoint = endpoint,
		.cohort = cohort,
	};
	list_init(&membership->link);
	endpoint->n_users++;
	return 0;
}

static int join_all(struct registration *registration,
		    const struct registration_options *options)
{
	char subject[SUBJECT_MAX_BYTES];
	int r;

	if (!options->n_methods)
		return join(registration, options->name, options->n_name);

	r = service_enter(registration);
	memcpy(subject, options->name, options->n_name);
	subject[options->n_name] = '.';
	for (size_t i = 0; r >= 0 && i < options->n_methods; i++) {
		const struct name *method = &options->methods[i];

		memcpy(subject + options->n_name + 1, method->text, method->n);
		r = join(registration, subject,
			 options->n_name + 1 + method->n);
	}
	return r;
}

static int take_schema(struct registration *registration,
		       const struct registration_options *options)
{
	int r;

	if (!options->schema_hash)
		return 0;
	r = schema_get(&registration->bus->schemas, options->name,
		       options->n_name, options->schema_hash,
		       &registration->schema);
	if (r >= 0)
		list_push_back(&registration->schema->registrations,
			       &registration->schema_link);
	return r;
}

int registration_new(struct speaker *speaker,
		     const struct registration_options *options,
		     struct registration **ret_registration)
{
	struct peer *peer = speaker->peer;
	struct endpoint_table *table = &peer->bus->endpoints;
	size_t n_max = options->n_methods ? options->n_methods : 1;
	struct registration *registration;
	int r;

	if (account_charge(speaker->account, RESOURCE_SUBSCRIPTIONS, n_max))
		return -EDQUOT;
	registration = calloc(1, sizeof(*registration) +
					 n_max * sizeof(struct membership) +
					 options->n_name);
	if (!registration) {
		account_discharge(speaker->account, RESOURCE_SUBSCRIPTIONS,
				  n_max);
		return -ENOMEM;
	}
	registration->bus = peer->bus;
	registration->n_charged = n_max;
	registration->instance = ++table->n_instances;
	registration->n_name = options->n_name;
	registration->name = (char *)&registration->memberships[n_max];
	memcpy(registration->name, options->name, options->n_name);
	registration->receiver = (struct receiver){
		.peer = peer,
		.speaker = speaker,
		.kind = RECEIVER_REGISTRATION,
		.id = options->id,
		.credit_messages = options->credit_calls,
		.credit_bytes = options->credit_bytes,
	};
	registration->n_drawn = peer->next_call;
	list_init(&registration->slots);
	list_init(&registration->waiting);
	list_init(&registration->schema_link);
	list_init(&registration->verdict_link);
	receiver_enter(&registration->receiver);
	map_add(&table->by_instance, &registration->by_instance,
		map_hash_u64(registration->instance));

	r = take_schema(registration, options);
	if (r >= 0)
		r = join_all(registration, options);
	if (r < 0) {
		registration_free(registration);
		return r;
	}
	*ret_registration = registration;
	return 0;
}

void registration_enter(struct registration *registration)
{
	registration->is_entered = true;
	if (registration->service)
		registration->service->n_entered++;
	for (size_t i = 0; i < registration->n_memberships; i++)
		if (!registration->is_draining)
			cohort_enter(&registration->memberships[i]);
}

void registration_drain(struct registration *registration)
{
	if (registration->is_draining)
		return;
	registration->is_draining = true;
	for (size_t i = 0; i < registration->n_memberships; i++) {
		cohort_leave(&registration->memberships[i]);
		registration->memberships[i].endpoint->n_draining++;
	}
}

uint64_t registration_draw(struct registration *registration)
{
	const struct receiver *receiver = &registration->receiver;
	uint64_t id;

	do {
		id = FRAME_SWITCH_DRAWN | (uint64_t)receiver->id << 32 |
		     (uint32_t)registration->n_drawn++;
	} while (registration->n_drawn > UINT32_MAX &&
		 slot_lookup_taken(receiver->peer, id));
	return id;
}

static void fail_calls(struct registration *registration)
{
	while (!list_is_empty(&registration->slots))
		slot_fail(container_of(registration->slots.next, struct slot,
				       callee_link),
			  STATUS_UNAVAILABLE, "the server is gone");
	while (!list_is_empty(&registration->waiting))
		slot_fail(container_of(registration->waiting.next, struct slot,
				       callee_link),
			  STATUS_UNAVAILABLE, "the server is gone");
}

struct registration *registration_free(struct registration *registration)
{
	struct peer *peer = registration->receiver.peer;
	struct bus *bus = registration->bus;

	fail_calls(registration);
	envoy_free(registration->envoy);
	registration->envoy = NULL;
	for (size_t i = 0; i < registration->n_memberships; i++) {
		struct membership *membership = &registration->memberships[i];

		cohort_leave(membership);
		if (registration->is_entered)
			version_keep(bus, membership);
		cohort_put(membership->endpoint, membership->cohort);
		membership->endpoint->n_users--;
		membership->endpoint->n_draining -= registration->is_draining;
		endpoint_settle(bus, membership->endpoint);
	}
	service_leave(registration);
	list_unlink(&registration->schema_link);
	list_unlink(&registration->verdict_link);
	registration->schema = schema_unref(registration->schema);
	if (registration->promised)
		answer_keep(registration->promised, STATUS_CANCELLED,
			    "the registration was given up", 0);
	map_remove(&bus->endpoints.by_instance, &registration->by_instance);
	/* A late reply to its calls must not answer those of another. */
	if (peer->next_call < registration->n_drawn)
		peer->next_call = registration->n_drawn;
	account_discharge(registration->receiver.speaker->account,
			  RESOURCE_SUBSCRIPTIONS, registration->n_charged);
	receiver_leave(&registration->receiver);
	free(registration);
	return NULL;
}

bool registration_is_open(const struct registration *registration)
{
	return !registration->envoy || registration->envoy->is_allowed;
}

void registration_set_instance(struct registration *registration,
			       uint64_t instance)
{
	struct map *map = &registration->bus->endpoints.by_instance;

	map_remove(map, &registration->by_instance);
	registration->instance = instance;
	map_add(map, &registration->by_instance, map_hash_u64(instance));
}

struct registration *registration_lookup(const struct bus *bus,
					 uint64_t instance)
{
	struct map_node *node =
		map_lookup(&bus->endpoints.by_instance, map_hash_u64(instance));

	for (; node; node = map_next(node)) {
		struct registration *registration =
			container_of(node, struct registration, by_instance);

		if (registration->instance == instance && instance)
			return registration;
	}
	return NULL;
}

bool registration_serves(const struct registration *registration,
			 const char *subject, size_t n)
{
	for (size_t i = 0; i < registration->n_memberships; i++) {
		const struct endpoint *endpoint =
			registration->memberships[i].endpoint;

		if (endpoint->n_subject == n &&
		    !memcmp(endpoint->subject, subject, n))
			return true;
	}
	return false;
}
