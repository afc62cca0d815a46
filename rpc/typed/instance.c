/* SPDX-License-Identifier: MIT */

#include "rpc/typed/instance.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "helio/service/v1/instance.pb-c.h"
#include "proto/pack.h"
#include "rpc/typed/server.h"

/* Texts go into messages that are packed and not changed. */
#define TEXT(text) ((char *)(uintptr_t)(text))

static void respond(struct helio_request *request,
		    const ProtobufCMessage *message)
{
	struct packed packed;
	int r;

	r = packed_init(&packed, message);
	if (!r) {
		r = helio_respond(request, packed.bytes, packed.n);
		packed_deinit(&packed);
	}
	if (r < 0)
		(void)helio_fail(request, HELIO_RESOURCE_EXHAUSTED,
				 "the answer cannot be sent");
}

static void ping(struct helio_server *server, struct helio_request *request)
{
	Helio__Service__V1__PingReply reply =
		HELIO__SERVICE__V1__PING_REPLY__INIT;

	reply.instance = TEXT(helio_server_instance(server));
	respond(request, &reply.base);
}

static void fill_method(Helio__Service__V1__Method *out,
			const struct helio_method_type *method)
{
	helio__service__v1__method__init(out);
	out->name = TEXT(method->name);
	out->input = TEXT(method->input->name);
	out->output = TEXT(method->output->name);
	out->has_client_streaming = true;
	out->client_streaming = method->is_client_streaming;
	out->has_server_streaming = true;
	out->server_streaming = method->is_server_streaming;
	out->has_idempotent = true;
	out->idempotent = method->is_idempotent;
}

static void fill_info(Helio__Service__V1__InfoReply *reply,
		      struct helio_server *server)
{
	const struct helio_schema *schema = server->type->schema;

	reply->service = TEXT(server->type->name);
	reply->instance = TEXT(helio_server_instance(server));
	reply->program = server->program;
	reply->version = server->version;
	if (schema) {
		reply->has_schema_hash = true;
		reply->schema_hash.data = (uint8_t *)TEXT(schema->hash);
		reply->schema_hash.len = sizeof(schema->hash);
	}
	reply->has_started_ms_ago = true;
	reply->started_ms_ago =
		(clock_now_ns() - server->started_ns) / NS_PER_MS;
}

/* One array of pointers, and behind it what they point to. */
static void **pointers_to(unsigned n, size_t n_each)
{
	void **pointers = calloc(n + 1, sizeof(*pointers) + n_each);
	uint8_t *at;

	if (!pointers)
		return NULL;
	at = (uint8_t *)(pointers + n + 1);
	for (unsigned i = 0; i < n; i++)
		pointers[i] = at + i * n_each;
	return pointers;
}

static void give_up(struct helio_request *request)
{
	(void)helio_fail(request, HELIO_RESOURCE_EXHAUSTED, "no memory");
}

static void info(struct helio_server *server, struct helio_request *request)
{
	Helio__Service__V1__InfoReply reply =
		HELIO__SERVICE__V1__INFO_REPLY__INIT;
	unsigned n = server->type->n_methods;
	void **methods = pointers_to(n, sizeof(Helio__Service__V1__Method));

	if (!methods) {
		give_up(request);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		fill_method(methods[i], &server->type->methods[i]);
	fill_info(&reply, server);
	reply.methods = (Helio__Service__V1__Method **)methods;
	reply.n_methods = n;
	respond(request, &reply.base);
	free(methods);
}

static void fill_stats(Helio__Service__V1__MethodStats *out, const char *name,
		       const struct method_stats *stats)
{
	helio__service__v1__method_stats__init(out);
	out->name = TEXT(name);
	out->has_calls = true;
	out->calls = stats->n_calls;
	out->has_failed = true;
	out->failed = stats->n_failed;
	out->has_pending = true;
	out->pending = stats->n_pending;
	out->has_total_us = true;
	out->total_us = stats->total_ns / NS_PER_US;
	out->has_longest_us = true;
	out->longest_us = stats->longest_ns / NS_PER_US;
	out->last_error = stats->last_error;
}

static void stats(struct helio_server *server, struct helio_request *request)
{
	Helio__Service__V1__StatsReply reply =
		HELIO__SERVICE__V1__STATS_REPLY__INIT;
	unsigned n = server->type->n_methods;
	void **methods =
		pointers_to(n, sizeof(Helio__Service__V1__MethodStats));

	if (!methods) {
		give_up(request);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		fill_stats(methods[i], server->type->methods[i].name,
			   &server->stats[i]);
	reply.methods = (Helio__Service__V1__MethodStats **)methods;
	reply.n_methods = n;
	reply.has_since_ms_ago = true;
	reply.since_ms_ago = (clock_now_ns() - server->started_ns) / NS_PER_MS;
	respond(request, &reply.base);
	free(methods);
}

static Helio__Service__V1__Health health_of(const struct helio_server *server)
{
	Helio__Service__V1__Health health = HELIO__SERVICE__V1__HEALTH__INIT;

	health.has_state = true;
	health.state = (Helio__Service__V1__Health__State)server->health;
	health.text = server->health_text;
	return health;
}

static void check(struct helio_server *server, struct helio_request *request)
{
	Helio__Service__V1__Health health = health_of(server);

	respond(request, &health.base);
}

static void watcher_free(struct watcher *watcher)
{
	list_unlink(&watcher->link);
	free(watcher);
}

static int send_health(struct watcher *watcher, bool is_last)
{
	Helio__Service__V1__Health health = health_of(watcher->server);
	struct packed packed;
	int r;

	r = packed_init(&packed, &health.base);
	if (r < 0)
		return r;
	if (is_last)
		r = helio_respond(watcher->request, packed.bytes, packed.n);
	else
		r = helio_request_send(watcher->request, packed.bytes,
				       packed.n);
	packed_deinit(&packed);
	return r;
}

/*
 * After DRAINING nothing follows, and who waits for the end must not wait: not
 * for a watcher either that takes no news.
 */
static void tell(struct watcher *watcher)
{
	bool is_last = watcher->server->health == HELIO_HEALTH_DRAINING;
	int r = send_health(watcher, is_last);

	watcher->is_late = r == -EAGAIN && !is_last;
	if (watcher->is_late || (!r && !is_last))
		return;
	if (r < 0)
		(void)helio_fail(watcher->request,
				 is_last ? HELIO_UNAVAILABLE
					 : HELIO_RESOURCE_EXHAUSTED,
				 is_last ? "the service is draining"
					 : "its health cannot be sent");
	watcher_free(watcher);
}

static void watch(struct helio_server *server, struct helio_request *request)
{
	struct watcher *watcher;

	if (!helio_request_is_stream(request)) {
		(void)helio_fail(request, HELIO_UNIMPLEMENTED,
				 "the method replies with a stream");
		return;
	}
	watcher = malloc(sizeof(*watcher));
	if (!watcher) {
		give_up(request);
		return;
	}
	*watcher = (struct watcher){
		.duty.is_watch = true,
		.server = server,
		.request = request,
	};
	list_init(&watcher->link);
	list_push_back(&server->watchers, &watcher->link);
	helio_request_set_userdata(request, watcher);
	tell(watcher);
}

void watcher_writable(struct watcher *watcher)
{
	if (watcher->is_late)
		tell(watcher);
}

void watcher_cancel(struct watcher *watcher)
{
	(void)helio_respond(watcher->request, NULL, 0);
	watcher_free(watcher);
}

const char *const instance_methods[N_INSTANCE_METHODS] = {
	"$ping", "$info", "$stats", "$check", "$watch",
};

void instance_call(struct helio_server *server, const char *name,
		   struct helio_request *request)
{
	static void (*const functions[N_INSTANCE_METHODS])(
		struct helio_server *, struct helio_request *) = {
		ping, info, stats, check, watch,
	};

	if (helio_request_has_more(request)) {
		(void)helio_fail(request, HELIO_UNIMPLEMENTED,
				 "the method takes one request, not a stream");
		return;
	}
	for (unsigned i = 0; i < N_INSTANCE_METHODS; i++) {
		if (strcmp(name, instance_methods[i]) == 0) {
			functions[i](server, request);
			return;
		}
	}
	(void)helio_fail(request, HELIO_UNIMPLEMENTED,
			 "there is no such method");
}

void instance_tell(struct helio_server *server)
{
	struct list *link, *after;

	list_for_each_safe (link, after, &server->watchers)
		tell(container_of(link, struct watcher, link));
}

void instance_deinit(struct helio_server *server)
{
	struct list *link;

	while ((link = list_pop_front(&server->watchers))) {
		struct watcher *watcher =
			container_of(link, struct watcher, link);

		(void)helio_fail(watcher->request, HELIO_UNAVAILABLE,
				 "the service is gone");
		watcher_free(watcher);
	}
}
