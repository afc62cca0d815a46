/* SPDX-License-Identifier: MIT */

#include "switch/service.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "helio/switch/v1/switch.pb-c.h"
#include "proto/unpack.h"
#include "rpc/inside.h"
#include "switch/bus.h"
#include "switch/drain.h"
#include "switch/listen.h"
#include "switch/peer.h"
#include "switch/policy.h"
#include "switch/report.h"
#include "transports/channel.h"
#include "transports/pair.h"

enum {
	RING_BYTES = 256 * 1024,
	ARENA_BYTES = 16 * 1024,
	PAGE_MAX = 64,
};

/* A call that is being answered. */
struct question {
	struct service *service;
	struct helio_request *request;
	const char *caller;
	const ProtobufCMessage *message;
};

struct method {
	const char *name;
	const ProtobufCMessageDescriptor *request;
	void (*answer)(const struct question *question);
};

static void respond(const struct question *question,
		    const ProtobufCMessage *reply)
{
	size_t n = protobuf_c_message_get_packed_size(reply);
	_cleanup_(freep) uint8_t *body = malloc(n ? n : 1);

	if (!body) {
		(void)helio_fail(question->request, HELIO_RESOURCE_EXHAUSTED,
				 "out of memory");
		return;
	}
	protobuf_c_message_pack(reply, body);
	(void)helio_respond(question->request, body, n);
}

static void ping(const struct question *question)
{
	const Helio__Switch__V1__PingRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__PingReply reply =
		HELIO__SWITCH__V1__PING_REPLY__INIT;

	reply.has_payload = asked->has_payload;
	reply.payload = asked->payload;
	reply.has_switch_incarnation = 1;
	reply.switch_incarnation = question->service->bus->incarnation;
	respond(question, &reply.base);
}

static void get_stats(const struct question *question)
{
	const Helio__Switch__V1__GetStatsRequest *asked =
		(const void *)question->message;
	struct report_stats stats;

	report_stats(question->service->bus,
		     asked->busiest_max < PAGE_MAX ? asked->busiest_max
						   : PAGE_MAX,
		     &stats);
	respond(question, &stats.reply.base);
}

static size_t page_size(uint32_t limit)
{
	return limit && limit < PAGE_MAX ? limit : PAGE_MAX;
}

static void list_peers(const struct question *question)
{
	const Helio__Switch__V1__ListPeersRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__ListPeersReply reply =
		HELIO__SWITCH__V1__LIST_PEERS_REPLY__INIT;
	struct report_peer entries[PAGE_MAX];
	Helio__Switch__V1__Peer *peers[PAGE_MAX];
	struct report_page page = {
		.cursor = asked->cursor,
		.principal = asked->principal,
		.limit = page_size(asked->limit),
	};

	reply.n_peers = report_peers(question->service->bus, &page, entries);
	for (size_t i = 0; i < reply.n_peers; i++)
		peers[i] = &entries[i].peer;
	reply.peers = peers;
	reply.has_next = page.has_more;
	reply.next = page.cursor;
	respond(question, &reply.base);
}

static void list_subscriptions(const struct question *question)
{
	const Helio__Switch__V1__ListSubscriptionsRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__ListSubscriptionsReply reply =
		HELIO__SWITCH__V1__LIST_SUBSCRIPTIONS_REPLY__INIT;
	struct report_subscription entries[PAGE_MAX];
	Helio__Switch__V1__Subscription *subscriptions[PAGE_MAX];
	struct report_page page = {
		.cursor = asked->cursor,
		.principal = asked->principal,
		.limit = page_size(asked->limit),
	};

	reply.n_subscriptions =
		report_subscriptions(question->service->bus, &page, entries);
	for (size_t i = 0; i < reply.n_subscriptions; i++)
		subscriptions[i] = &entries[i].subscription;
	reply.subscriptions = subscriptions;
	reply.has_next = page.has_more;
	reply.next = page.cursor;
	respond(question, &reply.base);
}

static void list_services(const struct question *question)
{
	const Helio__Switch__V1__ListServicesRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__ListServicesReply reply =
		HELIO__SWITCH__V1__LIST_SERVICES_REPLY__INIT;
	struct report_service entries[PAGE_MAX];
	Helio__Switch__V1__Service *services[PAGE_MAX];
	struct report_page page = {
		.cursor = asked->cursor,
		.principal = asked->principal,
		.name = asked->name,
		.limit = page_size(asked->limit),
	};

	reply.n_services =
		report_services(question->service->bus, &page, entries);
	for (size_t i = 0; i < reply.n_services; i++)
		services[i] = &entries[i].service;
	reply.services = services;
	reply.has_next = page.has_more;
	reply.next = page.cursor;
	respond(question, &reply.base);
}

static void list_domains(const struct question *question)
{
	const Helio__Switch__V1__ListDomainsRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__ListDomainsReply reply =
		HELIO__SWITCH__V1__LIST_DOMAINS_REPLY__INIT;
	struct report_domain entries[PAGE_MAX];
	Helio__Switch__V1__Domain *domains[PAGE_MAX];
	struct report_page page = {
		.cursor = asked->cursor,
		.limit = page_size(asked->limit),
	};

	reply.n_domains = report_domains(question->service->bus,
					 question->service->listening->config,
					 &page, entries);
	for (size_t i = 0; i < reply.n_domains; i++)
		domains[i] = &entries[i].domain;
	reply.domains = domains;
	reply.has_next = page.has_more;
	reply.next = page.cursor;
	respond(question, &reply.base);
}

static void check(const struct question *question)
{
	const Helio__Switch__V1__CheckRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__CheckReply reply =
		HELIO__SWITCH__V1__CHECK_REPLY__INIT;
	const struct bus *bus = question->service->bus;
	struct policy_verdict verdict;
	enum verb verb;
	char file[256];
	char text[512];

	if (!asked->verb || verb_from_name(asked->verb, &verb) < 0 ||
	    !asked->resource) {
		(void)helio_fail(question->request, HELIO_INVALID_ARGUMENT,
				 "a verb of policy files, and a resource");
		return;
	}
	verdict = policy_judge(bus->policy,
			       asked->principal ? asked->principal
						: question->caller,
			       verb, asked->resource, strlen(asked->resource));
	policy_verdict_text(&verdict, text, sizeof(text));
	snprintf(file, sizeof(file), "%s", verdict.file ? verdict.file : "");
	reply.has_allowed = 1;
	reply.allowed = verdict.is_allowed;
	reply.file = verdict.file ? file : NULL;
	reply.has_line = verdict.file != NULL;
	reply.line = verdict.line;
	reply.text = text;
	reply.has_policy_generation = 1;
	reply.policy_generation = bus->policy_generation;
	respond(question, &reply.base);
}

/* Returns 0, or 1 when the caller was told that it may not. */
static int check_admin(const struct question *question)
{
	struct policy_verdict verdict;
	char error[512];

	verdict = policy_judge(question->service->bus->policy, question->caller,
			       VERB_ADMIN, "switch", strlen("switch"));
	if (verdict.is_allowed)
		return 0;
	policy_verdict_text(&verdict, error, sizeof(error));
	(void)helio_fail(question->request, HELIO_PERMISSION_DENIED, error);
	return 1;
}

static void reload(const struct question *question)
{
	struct service *service = question->service;
	Helio__Switch__V1__ReloadReply reply =
		HELIO__SWITCH__V1__RELOAD_REPLY__INIT;
	char error[512];

	if (check_admin(question))
		return;
	if (service->reload(service->userdata, error, sizeof(error)) < 0)
		reply.error = error;
	reply.has_policy_generation = 1;
	reply.policy_generation = service->bus->policy_generation;
	respond(question, &reply.base);
}

static struct registration *instance_of(const struct bus *bus, const char *text)
{
	uint64_t instance = 0;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return NULL;
	instance = strtoull(text, &end, 10);
	return *end ? NULL : registration_lookup(bus, instance);
}

static void drain_instance(const struct question *question)
{
	const Helio__Switch__V1__DrainRequest *asked =
		(const void *)question->message;
	Helio__Switch__V1__DrainReply reply =
		HELIO__SWITCH__V1__DRAIN_REPLY__INIT;
	struct registration *registration;
	char name[SUBJECT_MAX_BYTES + 1];
	const struct list *link;

	if (check_admin(question))
		return;
	registration = instance_of(question->service->bus, asked->instance);
	if (!registration) {
		(void)helio_fail(question->request, HELIO_NOT_FOUND,
				 "there is no such instance");
		return;
	}
	drain_by_order(registration);
	snprintf(name, sizeof(name), "%.*s", (int)registration->n_name,
		 registration->name);
	reply.name = name;
	reply.principal =
		registration->receiver.speaker->source->principal.path;
	reply.has_calls_pending = 1;
	list_for_each (link, &registration->slots)
		reply.calls_pending++;
	respond(question, &reply.base);
}

static const struct method methods[] = {
	{ "Ping", &helio__switch__v1__ping_request__descriptor, ping },
	{ "GetStats", &helio__switch__v1__get_stats_request__descriptor,
	  get_stats },
	{ "ListPeers", &helio__switch__v1__list_peers_request__descriptor,
	  list_peers },
	{ "ListSubscriptions",
	  &helio__switch__v1__list_subscriptions_request__descriptor,
	  list_subscriptions },
	{ "ListServices", &helio__switch__v1__list_services_request__descriptor,
	  list_services },
	{ "ListDomains", &helio__switch__v1__list_domains_request__descriptor,
	  list_domains },
	{ "Check", &helio__switch__v1__check_request__descriptor, check },
	{ "Reload", &helio__switch__v1__reload_request__descriptor, reload },
	{ "Drain", &helio__switch__v1__drain_request__descriptor,
	  drain_instance },
};

enum { N_METHODS = sizeof(methods) / sizeof(*methods) };

static const struct method *method_lookup(const char *subject)
{
	const char *name = strrchr(subject, '.') + 1;

	for (size_t i = 0; i < N_METHODS; i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static void on_request(struct helio_service *served,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	const struct method *method = method_lookup(message->subject);
	_Alignas(max_align_t) uint8_t bytes[ARENA_BYTES];
	struct unpack_arena arena = { .bytes = bytes,
				      .n_bytes = sizeof(bytes) };
	ProtobufCMessage *unpacked;
	struct question question = {
		.service = userdata,
		.request = request,
		.caller = message->source,
	};
	int r;

	if (!method) {
		(void)helio_fail(request, HELIO_UNIMPLEMENTED,
				 "there is no such method");
		return;
	}
	r = unpack(method->request, message->body, message->n_body, &arena,
		   &unpacked);
	if (r) {
		(void)helio_fail(request, HELIO_INVALID_ARGUMENT,
				 unpack_error_text(r));
		return;
	}
	question.message = unpacked;
	method->answer(&question);
}

static int open_client(struct service *service)
{
	struct helio_options options = { .program = "heliod" };
	struct channel *ours;
	struct channel *theirs;
	int r;

	r = pair_new(RING_BYTES, &ours, &theirs);
	if (r < 0)
		return r;
	theirs->evidence.kind = EVIDENCE_INSIDE;
	r = bus_add_channel(service->bus, theirs);
	if (r < 0) {
		channel_free(theirs);
		channel_free(ours);
		return r;
	}
	r = client_new_on(ours, &options, &service->client);
	if (r < 0)
		channel_free(ours);
	return r;
}

int service_init(struct service *service, struct bus *bus,
		 struct listening *listening,
		 int (*on_reload)(void *userdata, char *error, size_t n_error),
		 void *userdata)
{
	const char *names[N_METHODS];
	struct helio_serve_options options = { .methods = names,
					       .n_methods = N_METHODS };
	int r;

	*service = (struct service){
		.bus = bus,
		.listening = listening,
		.reload = on_reload,
		.userdata = userdata,
	};
	for (size_t i = 0; i < N_METHODS; i++)
		names[i] = methods[i].name;
	r = open_client(service);
	if (r >= 0)
		r = helio_serve(service->client, "helio.switch.v1.Switch",
				&options, on_request, service,
				&service->served);
	if (r < 0)
		service_deinit(service);
	return r;
}

void service_deinit(struct service *service)
{
	helio_close(service->client);
	service->client = NULL;
}

bool service_turn(struct service *service)
{
	return helio_timeout_ms(service->client) == 0 &&
	       helio_dispatch(service->client) > 0;
}
