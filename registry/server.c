/* SPDX-License-Identifier: MIT */

#include "registry/server.h"

#include <errno.h>
#include <string.h>

#include "registry/methods.h"
#include "registry/question.h"
#include "rpc/heliograph.h"

static const char service_name[] = "helio.registry.v1.Registry";

enum {
	/* Each may hold a set while the switch is asked. */
	CREDIT_CALLS = 64,
	CREDIT_BYTES = 16 * 1024 * 1024,
	METHODS_MAX = 16,
};

static const struct method *method_lookup(const char *subject)
{
	const char *name = strrchr(subject, '.') + 1;

	for (const struct method *method = methods; method->name; method++)
		if (!strcmp(method->name, name))
			return method;
	return NULL;
}

static void on_request(struct helio_service *service,
		       struct helio_request *request,
		       const struct helio_message *message, void *userdata)
{
	const struct method *method = method_lookup(message->subject);

	if (method)
		question_begin(userdata, request, method, message);
	else
		(void)helio_fail(request, HELIO_UNIMPLEMENTED,
				 "there is no such method");
}

static void on_cancelled(struct helio_request *request, void *userdata)
{
	if (userdata)
		question_drop(userdata);
}

static void on_ready(struct helio *bus, unsigned status, const char *reason,
		     void *userdata)
{
	struct server *server = userdata;

	server->is_served = status == HELIO_OK;
	server->on_ready(server->userdata, status, reason);
}

int server_serve(struct server *server)
{
	const char *names[METHODS_MAX];
	struct helio_serve_options options = {
		.methods = names,
		.credit_calls = CREDIT_CALLS,
		.credit_bytes = CREDIT_BYTES,
		.on_cancelled = on_cancelled,
		.on_ready = on_ready,
	};

	for (const struct method *method = methods; method->name; method++)
		names[options.n_methods++] = method->name;
	helio_unserve(server->service);
	server->service = NULL;
	return helio_serve(server->bus, service_name, &options, on_request,
			   server, &server->service);
}

int server_init(struct server *server, struct helio *bus, struct store *store,
		void (*on_told)(void *userdata, unsigned status,
				const char *reason),
		void *userdata)
{
	*server = (struct server){ .bus = bus,
				   .store = store,
				   .on_ready = on_told,
				   .userdata = userdata };
	list_init(&server->questions);
	return server_serve(server);
}

void server_deinit(struct server *server)
{
	struct list *link, *next;

	if (!server->bus)
		return;
	list_for_each_safe (link, next, &server->questions)
		question_drop(container_of(link, struct question, link));
	helio_unserve(server->service);
	server->service = NULL;
}

void server_turn(struct server *server)
{
	struct list *link, *next;

	list_for_each_safe (link, next, &server->questions)
		(void)question_retry(container_of(link, struct question, link));
}
