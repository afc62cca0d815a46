/* SPDX-License-Identifier: MIT */

#include "rpc/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/client.h"
#include "rpc/incoming.h"
#include "rpc/message.h"
#include "rpc/service.h"

/*
 * Nobody waits for the answer, but the request is the program's until it
 * answers: it stays in a list so that helio_close() finds it.
 */
void helio_request_orphan(struct helio_request *request)
{
	struct helio *bus = request->bus;

	map_remove(&bus->requests, &request->node);
	list_unlink(&request->link);
	list_push_back(&bus->orphans, &request->link);
	request->service = NULL;
	request->is_over = true;
}

void helio_request_free(struct helio_request *request)
{
	if (!request->is_over)
		map_remove(&request->bus->requests, &request->node);
	list_unlink(&request->link);
	free(request);
}

static int request_new(struct helio_service *service, const struct frame *frame,
		       struct helio_request **ret_request)
{
	struct helio *bus = service->registration.bus;
	uint32_t left_ms =
		frame->time_left_ms ? frame->time_left_ms : TIMEOUT_DEFAULT_MS;
	struct helio_request *request;

	request = malloc(sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct helio_request){
		.bus = bus,
		.service = service,
		.id = frame->correlation,
		.deadline_ns = bus->now_ns + left_ms * NS_PER_MS,
	};
	map_add(&bus->requests, &request->node, map_hash_u64(request->id));
	list_init(&request->link);
	list_push_back(&service->requests, &request->link);
	*ret_request = request;
	return 0;
}

static struct helio_request *lookup(const struct helio *bus, uint64_t id)
{
	struct map_node *node = map_lookup(&bus->requests, map_hash_u64(id));

	for (; node; node = map_next(node)) {
		struct helio_request *request;

		request = container_of(node, struct helio_request, node);
		if (request->id == id)
			return request;
	}
	return NULL;
}

/* Credit of calls that were refused here goes back with the refusal. */
static void refuse(struct registration *registration, uint64_t id,
		   unsigned status, const char *reason)
{
	helio_request_refuse(registration->bus, id, status, reason);
	registration_owe(registration, 1, 0);
}

void helio_service_deliver(struct registration *registration,
			   const struct incoming *incoming)
{
	struct helio_service *service =
		container_of(registration, struct helio_service, registration);
	struct helio *bus = registration->bus;
	uint64_t id = incoming->frame->correlation;
	struct helio_request *request;
	struct helio_message message;

	if (lookup(bus, id)) {
		client_violation(bus, "a call with an id that is in use");
		return;
	}
	if (incoming_decode(bus, incoming, &message) < 0) {
		refuse(registration, id, HELIO_INVALID_ARGUMENT,
		       "the metadata is malformed");
		return;
	}
	if (request_new(service, incoming->frame, &request) < 0) {
		refuse(registration, id, HELIO_RESOURCE_EXHAUSTED,
		       "the service has no memory");
		return;
	}
	service->on_request(service, request, &message, registration->userdata);
}

static int send_status(struct helio *bus, uint64_t id, unsigned status,
		       const char *reason)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_EXTENDED,
		.correlation = id,
		.status = (uint16_t)status,
		.handed_over = 1,
	};
	struct message message = {
		.body = (const uint8_t *)reason,
		.n_body = reason ? strlen(reason) : 0,
	};

	if (message.n_body > INCOMING_TEXT_MAX_BYTES)
		message.n_body = INCOMING_TEXT_MAX_BYTES;
	return message_send(bus, &frame, &message, true);
}

/* The caller's deadline is the remedy where not even this can be sent. */
void helio_request_refuse(struct helio *bus, uint64_t id, unsigned status,
			  const char *reason)
{
	(void)send_status(bus, id, status, reason);
}

static void tell_cancelled(struct helio_request *request,
			   struct helio_service *service)
{
	helio_request_orphan(request);
	registration_owe(&service->registration, 1, 0);
	if (service->on_cancelled &&
	    service->registration.state != REGISTRATION_CLOSING)
		service->on_cancelled(request, request->userdata);
}

void helio_request_cancel(struct helio *bus, uint64_t id)
{
	struct helio_request *request = lookup(bus, id);

	if (request)
		tell_cancelled(request, request->service);
}

void helio_requests_lose(struct helio *bus)
{
	struct map_node *node;

	while ((node = map_first(&bus->requests))) {
		struct helio_request *request;

		request = container_of(node, struct helio_request, node);
		tell_cancelled(request, request->service);
	}
}

uint32_t helio_request_time_left_ms(const struct helio_request *request)
{
	uint64_t now_ns = clock_now_ns();

	if (request->is_over || now_ns >= request->deadline_ns)
		return 0;
	return (uint32_t)((request->deadline_ns - now_ns) / NS_PER_MS);
}

void helio_request_set_userdata(struct helio_request *request, void *userdata)
{
	request->userdata = userdata;
}

/* A connection that is just being lost has nobody waiting either. */
static int finish(struct helio_request *request, int r)
{
	if (r < 0 && r != -ENOTCONN)
		return r;
	if (request->service)
		registration_owe(&request->service->registration, 1, 0);
	helio_request_free(request);
	return 0;
}

int helio_respond(struct helio_request *request, const void *body,
		  size_t n_body)
{
	struct frame frame = { .kind = FRAME_REPLY };
	struct message message = { .body = body, .n_body = n_body };

	if (request->is_over)
		return finish(request, 0);
	frame.correlation = request->id;
	return finish(request,
		      message_send(request->bus, &frame, &message, true));
}

int helio_fail(struct helio_request *request, unsigned status,
	       const char *reason)
{
	if (!status || status > HELIO_UNAUTHENTICATED)
		return -EINVAL;
	if (request->is_over)
		return finish(request, 0);
	return finish(request,
		      send_status(request->bus, request->id, status, reason));
}
