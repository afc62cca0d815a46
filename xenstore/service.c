/* SPDX-License-Identifier: MIT */

#include "xenstore/service.h"

#include <string.h>

#include "base/diag.h"
#include "helio/xenstore/v1/xenstore.helio.h"

static void fill(const struct bridge *bridge,
		 Helio__Xenstore__V1__ShowReply *reply)
{
	reply->bucket = (char *)(uintptr_t)bridge->target.bucket;
	reply->trees = (char **)(uintptr_t)bridge->selection.trees;
	reply->n_trees = bridge->selection.n_trees;
	reply->has_is_in_step = true;
	reply->is_in_step = bridge_is_in_step(bridge);
	if (bridge->fault[0])
		reply->fault = (char *)(uintptr_t)bridge->fault;
	reply->has_nodes = true;
	reply->nodes = bridge->mirror.nodes.n_nodes;
	reply->has_waiting = true;
	reply->waiting = bridge->mirror.n_stale;
	reply->has_missed = true;
	reply->missed = bridge->missed.n_of_host + bridge->missed.n_of_guests;
	if (bridge->note[0])
		reply->note = (char *)(uintptr_t)bridge->note;
	reply->has_events = true;
	reply->events = bridge->mirror.n_events;
	reply->has_requests = true;
	reply->requests = bridge->source.n_reads;
	reply->has_commits = true;
	reply->commits = bridge->target.n_commits;
	reply->has_writes = true;
	reply->writes = bridge->target.n_writes;
	reply->has_loads = true;
	reply->loads = bridge->target.n_loads;
	reply->has_watches = true;
	reply->watches = (uint32_t)bridge->selection.n_roots;
}

static int answer_show(struct errand *errand)
{
	const struct service *service = errand->errands->userdata;
	Helio__Xenstore__V1__ShowReply reply =
		HELIO__XENSTORE__V1__SHOW_REPLY__INIT;

	fill(service->bridge, &reply);
	return helio_serving_reply(errand->serving, &reply.base);
}

static void show(struct errand *errand)
{
	errand_answer(errand, answer_show);
}

static const struct errand_type show_type = { .act = show };

static void show_method(struct helio_serving *serving,
			const Helio__Xenstore__V1__ShowRequest *request,
			void *userdata)
{
	struct service *service = userdata;

	errand_start(&service->errands, &show_type, serving, &request->base);
}

static const struct helio__xenstore__v1__bridge__server methods = {
	.show = show_method,
};

static void on_ready(struct helio_server *server, unsigned status,
		     const char *reason, void *userdata)
{
	struct service *service = userdata;

	(void)server;
	if (status != HELIO_OK)
		log_error("the service is not served: %s: %s",
			  helio_status_name(status), reason);
	service->is_served = status == HELIO_OK;
	/* The mirror is there all the same. */
	if (!service->was_ready)
		service->on_ready(service->userdata);
	service->was_ready = true;
}

int service_start(struct service *service, struct helio *bus,
		  struct bridge *bridge)
{
	const struct helio_server_options options = {
		.program = "helio-xenstore",
		.version = HELIO_VERSION,
		.on_ready = on_ready,
		.userdata = service,
	};
	int r = access_init(&service->access, bus);

	if (r < 0)
		return r;
	errands_init(&service->errands, &service->access, service);
	service->bridge = bridge;
	return helio__xenstore__v1__bridge__server__new(bus, &methods, &options,
							&service->server);
}

void service_deinit(struct service *service)
{
	if (!service->bridge)
		return;
	errands_end(&service->errands, "the bridge ends");
	helio_server_free(service->server);
	access_deinit(&service->access);
	*service = (struct service){ .bridge = NULL };
}

static void tell_health(struct service *service)
{
	const char *fault = service->bridge->fault;
	const char *text = *fault ? fault : service->bridge->note;

	if (!service->server || !strcmp(service->told, text))
		return;
	memcpy(service->told, text, sizeof(service->told));
	(void)helio_server_set_health(service->server,
				      *fault ? HELIO_HEALTH_NOT_SERVING
					     : HELIO_HEALTH_SERVING,
				      *text ? text : NULL);
}

void service_turn(struct service *service)
{
	if (!service->bridge)
		return;
	errands_turn(&service->errands);
	tell_health(service);
}
