/* SPDX-License-Identifier: MIT */

#include "rpc/typed/server.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "rpc/typed/instance.h"
#include "rpc/typed/serving.h"

enum { TURN_MS = 1000, METHODS_MAX = 1000 };

DEFINE_CLEANUP(struct helio_server *, helio_server_free);

int server_find_method(const struct helio_server *server, const char *name)
{
	const struct helio_method_type *methods = server->type->methods;
	unsigned from = 0, to = server->type->n_methods;

	while (from < to) {
		unsigned middle = from + (to - from) / 2;
		unsigned index = server->by_name[middle];
		int order = strcmp(name, methods[index].name);

		if (!order)
			return (int)index;
		if (order < 0)
			to = middle;
		else
			from = middle + 1;
	}
	return -1;
}

/* Who calls much calls the same one again. */
static int find_again(struct helio_server *server, const char *name)
{
	const struct helio_method_type *methods = server->type->methods;
	int index = server->last_index;

	if (server->type->n_methods && !strcmp(name, methods[index].name))
		return index;
	index = server_find_method(server, name);
	if (index >= 0)
		server->last_index = index;
	return index;
}

/* The method is the last token, however the instance was addressed. */
static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	struct helio_server *server = userdata;
	const char *name = strrchr(message->subject, '.');
	int index = -1;

	(void)service;
	name = name ? name + 1 : "";
	if (*name == '$') {
		instance_call(server, name, request);
		return;
	}
	index = find_again(server, name);
	if (index < 0)
		(void)helio_fail(request, HELIO_UNIMPLEMENTED,
				 "there is no such method");
	else
		serving_start(server, (unsigned)index, request, message);
}

/* Only a serving takes a stream. NULL: it was ended here already. */
static void on_next(struct helio_request *request, const void *body,
		    size_t n_body, void *userdata)
{
	(void)request;
	if (userdata)
		serving_next(userdata, body, n_body);
}

static void on_finish(struct helio_request *request, void *userdata)
{
	(void)request;
	if (userdata)
		serving_finish(userdata);
}

static void on_writable(struct helio_request *request, void *userdata)
{
	const struct duty *duty = userdata;

	(void)request;
	if (duty && duty->is_watch)
		watcher_writable(userdata);
	else if (duty)
		serving_writable(userdata);
}

static void on_cancelled(struct helio_request *request, void *userdata)
{
	const struct duty *duty = userdata;

	if (!duty)
		(void)helio_respond(request, NULL, 0);
	else if (duty->is_watch)
		watcher_cancel(userdata);
	else
		serving_cancel(userdata);
}

static void on_ready(struct helio *bus, unsigned status, const char *reason,
		     void *userdata)
{
	struct helio_server *server = userdata;

	(void)bus;
	enrolment_answer(&server->enrolment, status, reason);
}

static void on_draining(struct helio_service *service, void *userdata)
{
	struct helio_server *server = userdata;

	(void)service;
	server->health = HELIO_HEALTH_DRAINING;
	instance_tell(server);
}

static void on_drained(struct helio_service *service, void *userdata)
{
	struct helio_server *server = userdata;
	helio_drained_fn tell = server->on_drained ? server->on_drained
						   : server->options.on_drained;

	(void)service;
	if (tell)
		tell(server, server->options.userdata);
}

static int compare(const void *a, const void *b, void *methods)
{
	const struct helio_method_type *types = methods;

	return strcmp(types[*(const unsigned *)a].name,
		      types[*(const unsigned *)b].name);
}

static int sort_methods(struct helio_server *server)
{
	unsigned n = server->type->n_methods;

	server->by_name = calloc(n + 1, sizeof(*server->by_name));
	server->stats = calloc(n + 1, sizeof(*server->stats));
	if (!server->by_name || !server->stats)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		server->by_name[i] = i;
	qsort_r(server->by_name, n, sizeof(*server->by_name), compare,
		(void *)(uintptr_t)server->type->methods);
	return 0;
}

static int copy_texts(struct helio_server *server,
		      const struct helio_server_options *options)
{
	if (options->program && !(server->program = strdup(options->program)))
		return -ENOMEM;
	if (options->version && !(server->version = strdup(options->version)))
		return -ENOMEM;
	return 0;
}

static int serve(struct helio_server *server)
{
	const struct helio_service_type *type = server->type;
	const struct helio_server_options *options = &server->options;
	struct helio_serve_options serve_options = {
		.n_methods = type->n_methods + N_INSTANCE_METHODS,
		.credit_calls = options->credit_calls,
		.credit_bytes = options->credit_bytes,
		.schema_hash = type->schema ? type->schema->hash : NULL,
		.on_cancelled = on_cancelled,
		.on_ready = on_ready,
		.on_next = on_next,
		.on_finish = on_finish,
		.on_writable = on_writable,
		.window_bytes = options->window_bytes,
		.on_draining = on_draining,
		.on_drained = on_drained,
	};
	_cleanup_(freep) const char **names = NULL;

	names = calloc(serve_options.n_methods, sizeof(*names));
	if (!names)
		return -ENOMEM;
	for (unsigned i = 0; i < type->n_methods; i++)
		names[i] = type->methods[i].name;
	memcpy(names + type->n_methods, instance_methods,
	       sizeof(instance_methods));
	serve_options.methods = names;
	return helio_serve(server->bus, type->name, &serve_options, on_request,
			   server, &server->service);
}

static int server_new(struct helio *bus, const struct helio_service_type *type,
		      const struct helio_server_options *options,
		      struct helio_server **ret_server)
{
	static const struct helio_server_options no_options;
	_cleanup_(helio_server_freep) struct helio_server *server = NULL;
	int r;

	if (type->n_methods > METHODS_MAX)
		return -E2BIG;
	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	options = options ? options : &no_options;
	server->bus = bus;
	server->type = type;
	server->options = *options;
	server->health = HELIO_HEALTH_SERVING;
	server->started_ns = clock_now_ns();
	list_init(&server->servings);
	list_init(&server->watchers);
	intake_init(&server->intake, &options->limits);
	enrolment_init(&server->enrolment, server);
	r = copy_texts(server, options);
	if (!r)
		r = sort_methods(server);
	if (r < 0)
		return r;
	*ret_server = take_ptr(server);
	return 0;
}

static int start(struct helio_server *server, struct helio_server **ret_server)
{
	int r = serve(server);

	if (r < 0) {
		helio_server_free(server);
		return r;
	}
	*ret_server = server;
	return 0;
}

int helio_server_new(struct helio *bus, const struct helio_service_type *type,
		     const helio_method_fn *methods,
		     const struct helio_server_options *options,
		     struct helio_server **ret_server)
{
	struct helio_server *server;
	int r;

	r = server_new(bus, type, options, &server);
	if (r < 0)
		return r;
	server->methods = methods;
	return start(server, ret_server);
}

int helio_server_new_for(struct helio *bus,
			 const struct helio_service_type *type,
			 ProtobufCService *service,
			 const struct helio_server_options *options,
			 struct helio_server **ret_server)
{
	struct helio_server *server;
	int r;

	if (service->descriptor != type->descriptor)
		return -EINVAL;
	r = server_new(bus, type, options, &server);
	if (r < 0)
		return r;
	server->object = service;
	return start(server, ret_server);
}

static void free_stats(struct helio_server *server)
{
	for (unsigned i = 0; server->stats && i < server->type->n_methods; i++)
		free(server->stats[i].last_error);
	free(server->stats);
}

void helio_server_free(struct helio_server *server)
{
	if (!server)
		return;
	instance_deinit(server);
	while (!list_is_empty(&server->servings))
		serving_orphan(container_of(server->servings.next,
					    struct helio_serving, link));
	spares_deinit(&server->spare);
	enrolment_deinit(&server->enrolment);
	helio_unserve(server->service);
	intake_deinit(&server->intake);
	free_stats(server);
	free(server->by_name);
	free(server->health_text);
	free(server->program);
	free(server->version);
	free(server);
}

const char *helio_server_instance(const struct helio_server *server)
{
	return helio_service_instance(server->service);
}

/* Once it is served, or refused for good. */
static bool is_settled(const struct helio_server *server)
{
	return server->enrolment.told >= 0 &&
	       server->enrolment.told != HELIO_UNAVAILABLE;
}

int helio_server_wait(struct helio_server *server, int timeout_ms)
{
	uint64_t end_ns = clock_now_ns() + (uint64_t)timeout_ms * NS_PER_MS;

	while (!is_settled(server)) {
		uint64_t now_ns = clock_now_ns();
		int left_ms = TURN_MS;
		int r;

		if (timeout_ms >= 0 && now_ns >= end_ns)
			return -ETIMEDOUT;
		if (timeout_ms >= 0 && end_ns - now_ns < TURN_MS * NS_PER_MS)
			left_ms = (int)((end_ns - now_ns) / NS_PER_MS) + 1;
		r = helio_run(server->bus, left_ms);
		if (r < 0)
			return r;
	}
	return helio_status_errno((unsigned)server->enrolment.told);
}

int helio_server_drain(struct helio_server *server, helio_drained_fn tell)
{
	server->on_drained = tell;
	return helio_drain(server->service, NULL);
}

int helio_server_set_health(struct helio_server *server,
			    enum helio_health health, const char *text)
{
	char *copy = NULL;

	if (text && !(copy = strdup(text)))
		return -ENOMEM;
	free(server->health_text);
	server->health_text = copy;
	if (server->health == HELIO_HEALTH_DRAINING)
		return 0;
	server->health = health;
	instance_tell(server);
	return 0;
}
