/* SPDX-License-Identifier: MIT */

#include "vm/service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "helio/vm/v1/vm.helio.h"
#include "vm/call.h"
#include "vm/quota.h"
#include "vm/watch.h"

static struct call *call_at(struct list *link)
{
	return container_of(link, struct call, link);
}

static struct watch *watch_at(struct list *link)
{
	return container_of(link, struct watch, link);
}

static void free_call(struct call *call)
{
	list_unlink(&call->link);
	free(call);
}

static void free_watch(struct watch *watch)
{
	list_unlink(&watch->link);
	free(watch);
}

static void settle(struct service *service, struct call *call)
{
	int r = call_settle(call);

	if (r == 0)
		free_call(call);
	else if (r < 0)
		service->has_news = true;
}

/* Without room or credit, the next turn tries again. */
static void tell(struct service *service, struct watch *watch)
{
	int r = watch_tell(watch);

	if (r < 0 && r != -EAGAIN &&
	    helio_serving_fail(watch->serving, HELIO_RESOURCE_EXHAUSTED,
			       "no memory for the news") == 0)
		free_watch(watch);
	else if (r < 0)
		service->has_news = true;
}

static uint32_t count_calls(const struct quota_owner *owner,
			    const void *userdata)
{
	const struct service *service = userdata;
	uint32_t n = 0;
	struct list *pos;

	list_for_each (pos, &service->calls)
		n += quota_is_charged(owner, call_at(pos)->principal);
	return n;
}

static uint32_t count_watches(const struct quota_owner *owner,
			      const void *userdata)
{
	const struct service *service = userdata;
	uint32_t n = 0;
	struct list *pos;

	list_for_each (pos, &service->watches)
		n += quota_is_charged(owner, watch_at(pos)->principal);
	return n;
}

static void on_call_cancelled(struct helio_serving *serving, void *userdata)
{
	/* What it asked for happens all the same. */
	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	free_call(userdata);
}

static void on_watch_cancelled(struct helio_serving *serving, void *userdata)
{
	(void)helio_serving_fail(serving, HELIO_CANCELLED, NULL);
	free_watch(userdata);
}

static const struct helio_serving_events call_events = {
	.on_cancelled = on_call_cancelled,
};

/* Who calls is named by the switch, in at most as many bytes as fit. */
static void set_principal(char principal[BIRTH_STARTED_BY_MAX_BYTES + 1],
			  struct helio_serving *serving)
{
	const struct helio_message *message = helio_serving_message(serving);

	snprintf(principal, BIRTH_STARTED_BY_MAX_BYTES + 1, "%s",
		 message->source[0] ? message->source : "helio:switch");
}

/* NULL, and it has been answered, when there is no memory for it. */
static struct call *new_call(struct service *service,
			     struct helio_serving *serving, enum call_kind kind)
{
	struct call *call = calloc(1, sizeof(*call));
	struct reason why;

	if (!call) {
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 "no memory for the call");
		return NULL;
	}
	call->serving = serving;
	call->fleet = service->fleet;
	call->kind = kind;
	set_principal(call->principal, serving);
	if (quota_check(call->principal, "calls that wait", SERVICE_CALLS_MAX,
			count_calls, service, &why) < 0)
		call_refuse(call, HELIO_RESOURCE_EXHAUSTED, "%s", why.text);
	list_push_back(&service->calls, &call->link);
	helio_serving_listen(serving, &call_events, call);
	return call;
}

/* A stream is refused as any call is. */
static void refuse(struct service *service, struct helio_serving *serving,
		   unsigned status, const char *why)
{
	struct call *call = new_call(service, serving, CALL_REFUSED);

	if (!call)
		return;
	call_refuse(call, status, "%s", why);
	settle(service, call);
}

/* The call is refused unless there is a machine of this name. */
static void find_machine(struct service *service, struct call *call,
			 const char *name)
{
	if (call->kind == CALL_REFUSED)
		return;
	if (!name || !definition_name_is_valid(name, strlen(name))) {
		call_refuse(call, HELIO_INVALID_ARGUMENT,
			    name ? "no name of a machine" : "no name is given");
		return;
	}
	call->machine = fleet_lookup(service->fleet, name);
	if (!call->machine || call->machine->state == MACHINE_UNDEFINED)
		call_refuse(call, HELIO_NOT_FOUND, "no machine is called %s",
			    name);
}

static void list(struct helio_serving *serving,
		 const Helio__Vm__V1__ListRequest *request, void *userdata)
{
	struct service *service = userdata;
	struct call *call = new_call(service, serving, CALL_LIST);
	const char *cursor = request->cursor ? request->cursor : "";

	if (!call)
		return;
	call->limit = request->limit;
	if (strlen(cursor) > DEFINITION_NAME_MAX_BYTES)
		call_refuse(call, HELIO_INVALID_ARGUMENT,
			    "the cursor is of no list");
	else
		memcpy(call->name, cursor, strlen(cursor) + 1);
	settle(service, call);
}

static void get(struct helio_serving *serving,
		const Helio__Vm__V1__GetRequest *request, void *userdata)
{
	struct service *service = userdata;
	struct call *call = new_call(service, serving, CALL_GET);

	if (!call)
		return;
	find_machine(service, call, request->name);
	settle(service, call);
}

/* What the driver could not do is told by the state, which is FAILED. */
static void refuse_start(struct call *call, int r, const struct reason *why)
{
	const struct machine *machine = call->machine;

	if (r == -EDQUOT)
		call_refuse(call, HELIO_RESOURCE_EXHAUSTED, "%s", why->text);
	else if (r == -EBUSY)
		call_refuse(call, HELIO_FAILED_PRECONDITION, "%s is stopping",
			    machine->name);
}

static void start(struct helio_serving *serving,
		  const Helio__Vm__V1__StartRequest *request, void *userdata)
{
	struct service *service = userdata;
	struct call *call = new_call(service, serving, CALL_START);
	struct reason why = { "" };
	int r;

	if (!call)
		return;
	find_machine(service, call, request->name);
	if (call->kind == CALL_START) {
		r = fleet_start(service->fleet, call->machine, call->principal,
				&why);
		call->was_so = r == MACHINE_WAS_RUNNING;
		refuse_start(call, r, &why);
	}
	settle(service, call);
}

static void stop(struct helio_serving *serving,
		 const Helio__Vm__V1__StopRequest *request, void *userdata)
{
	struct service *service = userdata;
	struct call *call = new_call(service, serving, CALL_STOP);
	uint32_t grace_ms;

	if (!call)
		return;
	find_machine(service, call, request->name);
	if (call->kind == CALL_STOP) {
		grace_ms = call->machine->definition
				   ? call->machine->definition->grace_ms
				   : 0;
		if (request->has_grace_ms)
			grace_ms = request->grace_ms;
		call->incarnation = call->machine->birth.incarnation;
		call->was_so = machine_stop(call->machine, grace_ms) ==
			       MACHINE_WAS_STOPPED;
	}
	settle(service, call);
}

static void on_watch_writable(struct helio_serving *serving, void *userdata)
{
	struct watch *watch = userdata;

	tell(watch->service, watch);
}

static const struct helio_serving_events watch_events = {
	.on_writable = on_watch_writable,
	.on_cancelled = on_watch_cancelled,
};

static void begin_watch(struct service *service, struct helio_serving *serving,
			const char *name)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch) {
		(void)helio_serving_fail(serving, HELIO_RESOURCE_EXHAUSTED,
					 "no memory for the watch");
		return;
	}
	watch->service = service;
	watch->serving = serving;
	watch->order = &service->fleet->order;
	set_principal(watch->principal, serving);
	memcpy(watch->name, name, strlen(name));
	list_push_back(&service->watches, &watch->link);
	helio_serving_listen(serving, &watch_events, watch);
	tell(service, watch);
}

static void watch(struct helio_serving *serving,
		  const Helio__Vm__V1__WatchRequest *request, void *userdata)
{
	struct service *service = userdata;
	const char *name = request->name ? request->name : "";
	char principal[BIRTH_STARTED_BY_MAX_BYTES + 1];
	struct reason why;

	set_principal(principal, serving);
	if (name[0] && !definition_name_is_valid(name, strlen(name)))
		refuse(service, serving, HELIO_INVALID_ARGUMENT,
		       "no name of a machine");
	else if (quota_check(principal, "watches", SERVICE_WATCHES_MAX,
			     count_watches, service, &why) < 0)
		refuse(service, serving, HELIO_RESOURCE_EXHAUSTED, why.text);
	else
		begin_watch(service, serving, name);
}

static const struct helio__vm__v1__virtual_machines__server methods = {
	.list = list,
	.get = get,
	.watch = watch,
	.start = start,
	.stop = stop,
};

static void on_ready(struct helio_server *server, unsigned status,
		     const char *reason, void *userdata)
{
	struct service *service = userdata;

	if (status != HELIO_OK)
		log_error("the service is not served: %s: %s",
			  helio_status_name(status), reason);
	else if (!service->was_ready)
		service->on_ready(service->userdata);
	service->was_ready |= status == HELIO_OK;
}

int service_init(struct service *service, struct helio *bus,
		 struct fleet *fleet, void (*on_ready_once)(void *userdata),
		 void *userdata)
{
	struct helio_server_options options = {
		.program = "helio-vm",
		.version = HELIO_VERSION,
		.on_ready = on_ready,
		.userdata = service,
	};

	*service = (struct service){
		.fleet = fleet,
		.on_ready = on_ready_once,
		.userdata = userdata,
	};
	list_init(&service->calls);
	list_init(&service->watches);
	return helio__vm__v1__virtual_machines__server__new(
		bus, &methods, &options, &service->server);
}

void service_deinit(struct service *service)
{
	struct list *pos, *after;

	if (!service->fleet)
		return;
	helio_server_free(service->server);
	list_for_each_safe (pos, after, &service->calls) {
		(void)helio_serving_fail(call_at(pos)->serving,
					 HELIO_UNAVAILABLE, NULL);
		free_call(call_at(pos));
	}
	list_for_each_safe (pos, after, &service->watches) {
		(void)helio_serving_fail(watch_at(pos)->serving,
					 HELIO_UNAVAILABLE, NULL);
		free_watch(watch_at(pos));
	}
	*service = (struct service){ .fleet = NULL };
}

void service_changed(struct service *service)
{
	service->has_news = true;
}

void service_turn(struct service *service)
{
	struct list *pos, *after;

	if (!service->has_news || !service->fleet)
		return;
	service->has_news = false;
	list_for_each_safe (pos, after, &service->calls)
		settle(service, call_at(pos));
	list_for_each_safe (pos, after, &service->watches)
		tell(service, watch_at(pos));
}
