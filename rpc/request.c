/* SPDX-License-Identifier: MIT */

#include "rpc/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "rpc/client.h"
#include "rpc/incoming.h"
#include "rpc/message.h"
#include "rpc/service.h"

enum {
	ROOM_DEFAULT_KIB = 64,
	DETAILS_MAX_BYTES = 15 * 1024, /* and the rest of the metadata */
};

/*
 * Nobody waits for the answer, but the request is the program's until it
 * answers: it stays in a list so that helio_close() finds it.
 */
void helio_request_orphan(struct helio_request *request)
{
	struct helio *bus = request->bus;

	flow_free(take_ptr(request->flow));
	map_remove(&bus->requests, &request->node);
	list_unlink(&request->link);
	list_push_back(&bus->orphans, &request->link);
	request->service = NULL;
	request->is_over = true;
}

void helio_request_free(struct helio_request *request)
{
	flow_free(request->flow);
	if (!request->is_over)
		map_remove(&request->bus->requests, &request->node);
	list_unlink(&request->link);
	spares_put(&request->bus->spare_requests, request);
}

static uint64_t deadline_of(const struct helio *bus, const struct frame *frame)
{
	uint32_t left_ms = frame->time_left_ms;

	if (!left_ms && frame->flags & (FRAME_MORE | FRAME_STREAM))
		return UINT64_MAX;
	if (!left_ms)
		left_ms = TIMEOUT_DEFAULT_MS;
	return bus->now_ns + left_ms * NS_PER_MS;
}

/* The caller's room is the first credit; ours is owed until it takes the call.
 */
static int set_stream(struct helio_request *request, const struct frame *frame)
{
	struct flow *flow;
	uint64_t room;
	int r;

	request->has_more = frame->flags & FRAME_MORE;
	request->is_stream = frame->flags & FRAME_STREAM;
	if (!request->has_more && !request->is_stream)
		return 0;
	r = flow_new(request->bus, NULL, request, &flow);
	if (r < 0)
		return r;
	request->flow = flow;
	if (request->has_more) {
		inflow_open(flow, request->service->window_bytes);
		flow->in.owed_bytes = flow->in.window_bytes;
	}
	room = frame->room_kib ? frame->room_kib : ROOM_DEFAULT_KIB;
	flow->out.is_there = request->is_stream;
	flow->out.credit_bytes = room * 1024;
	return 0;
}

static int request_new(struct helio_service *service, const struct frame *frame,
		       struct helio_request **ret_request)
{
	struct helio *bus = service->registration.bus;
	struct helio_request *request;
	int r;

	request = spares_take(&bus->spare_requests, sizeof(*request));
	if (!request)
		return -ENOMEM;
	*request = (struct helio_request){
		.bus = bus,
		.service = service,
		.id = frame->correlation,
		.deadline_ns = deadline_of(bus, frame),
	};
	map_add(&bus->requests, &request->node, map_hash_u64(request->id));
	list_init(&request->link);
	list_push_back(&service->requests, &request->link);
	r = set_stream(request, frame);
	if (r < 0) {
		helio_request_free(request);
		return r;
	}
	*ret_request = request;
	return 0;
}

struct helio_request *helio_request_lookup(const struct helio *bus, uint64_t id)
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

/* Credit for the caller's stream is given when the program has the call. */
static void start_stream(struct helio_service *service,
			 struct helio_request *request,
			 const struct helio_message *message)
{
	struct flows *flows = &request->bus->flows;

	flows->calling = request->flow;
	service->on_request(service, request, message,
			    service->registration.userdata);
	if (!flows->calling)
		return;
	inflow_owe(flows->calling, 0);
	flows->calling = NULL;
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

	if (helio_request_lookup(bus, id)) {
		client_violation(bus, "a call with an id that is in use");
		return;
	}
	if (incoming_decode(bus, incoming, &message) < 0) {
		refuse(registration, id, HELIO_INVALID_ARGUMENT,
		       "the metadata is malformed");
		return;
	}
	if (incoming->frame->flags & FRAME_MORE && !service->on_next) {
		refuse(registration, id, HELIO_UNIMPLEMENTED,
		       "the service takes no stream of requests");
		return;
	}
	if (request_new(service, incoming->frame, &request) < 0) {
		refuse(registration, id, HELIO_RESOURCE_EXHAUSTED,
		       "the service has no memory");
		return;
	}
	if (request->flow)
		start_stream(service, request, &message);
	else
		service->on_request(service, request, &message,
				    registration->userdata);
}

/* Small as it is, what waits already is no reason not to take it. */
static int send_urgent_status(struct helio *bus, struct frame *frame,
			      const struct message *message)
{
	uint8_t bytes[FRAME_HEADER_MAX_BYTES + INCOMING_TEXT_MAX_BYTES];

	frame_set_body(frame, message->n_body);
	memcpy(bytes + frame_encode(frame, bytes), message->body,
	       message->n_body);
	outbox_send_small(bus, bytes, frame->length);
	return bus->fault ? -ENOTCONN : 0;
}

static int send_status(struct helio *bus, uint64_t id, unsigned status,
		       const char *reason, const struct metadata *metadata)
{
	uint8_t encoded[FRAME_METADATA_MAX_BYTES];
	struct frame frame = {
		.kind = FRAME_REPLY,
		.flags = FRAME_EXTENDED,
		.correlation = id,
		.status = (uint16_t)status,
		.handed_over = 1,
	};
	struct message message = {
		.metadata = encoded,
		.body = (const uint8_t *)(reason ? reason : ""),
		.n_body = reason ? strlen(reason) : 0,
	};
	int n = metadata ? metadata_encode(metadata, encoded) : 0;
	int r;

	if (n < 0)
		return n;
	message.n_metadata = (size_t)n;
	if (message.n_body > INCOMING_TEXT_MAX_BYTES)
		message.n_body = INCOMING_TEXT_MAX_BYTES;
	r = message_send(bus, &frame, &message, true);
	if (!metadata && (r == -EAGAIN || r == -ENOMEM))
		r = send_urgent_status(bus, &frame, &message);
	return r;
}

void helio_request_refuse(struct helio *bus, uint64_t id, unsigned status,
			  const char *reason)
{
	(void)send_status(bus, id, status, reason, NULL);
}

/* It is no longer the service's. */
static void settle(struct helio_service *service)
{
	registration_owe(&service->registration, 1, 0);
	helio_service_settle(service);
}

/* Of one that is answered the program knows nothing any more. */
static void tell_cancelled(struct helio_request *request,
			   struct helio_service *service)
{
	bool is_answered = request->is_answered;

	helio_request_orphan(request);
	settle(service);
	if (is_answered)
		helio_request_free(request);
	else if (service->on_cancelled &&
		 service->registration.state != REGISTRATION_CLOSING)
		service->on_cancelled(request, request->userdata);
}

bool helio_request_cancel(struct helio *bus, uint64_t id)
{
	struct helio_request *request = helio_request_lookup(bus, id);

	if (request)
		tell_cancelled(request, request->service);
	return request;
}

void helio_request_give_up(struct helio_request *request, unsigned status,
			   const char *reason)
{
	helio_request_refuse(request->bus, request->id, status, reason);
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
	if (request->deadline_ns == UINT64_MAX)
		return UINT32_MAX;
	return (uint32_t)((request->deadline_ns - now_ns) / NS_PER_MS);
}

bool helio_request_has_more(const struct helio_request *request)
{
	return request->has_more;
}

bool helio_request_is_stream(const struct helio_request *request)
{
	return request->is_stream;
}

void helio_request_set_userdata(struct helio_request *request, void *userdata)
{
	request->userdata = userdata;
}

/* A connection that is just being lost has nobody waiting either. */
static int finish(struct helio_request *request, int r)
{
	struct helio_service *service = request->service;

	if (r < 0 && r != -ENOTCONN)
		return r;
	helio_request_free(request);
	if (service)
		settle(service);
	return 0;
}

static int respond(struct helio_request *request, const void *body,
		   size_t n_body)
{
	struct frame frame = {
		.kind = FRAME_REPLY,
		.correlation = request->id,
	};
	struct message message = { .body = body, .n_body = n_body };

	return finish(request,
		      message_send(request->bus, &frame, &message, true));
}

int helio_request_send_end(struct helio_request *request)
{
	return respond(request, NULL, 0);
}

/* It may have to wait for what was sent before: then it is ours meanwhile. */
static int end_stream(struct helio_request *request, const void *body,
		      size_t n_body)
{
	struct flow *flow = request->flow;

	if (n_body) {
		int r = outflow_send(flow, body, n_body);

		if (r < 0)
			return finish(request, r);
	}
	request->is_answered = true;
	outflow_end(flow);
	return 0;
}

int helio_respond(struct helio_request *request, const void *body,
		  size_t n_body)
{
	if (request->is_over)
		return finish(request, 0);
	if (request->is_stream)
		return end_stream(request, body, n_body);
	return respond(request, body, n_body);
}

int helio_fail(struct helio_request *request, unsigned status,
	       const char *reason)
{
	return helio_fail_with(request, status, reason, NULL, 0);
}

int helio_fail_with(struct helio_request *request, unsigned status,
		    const char *reason, const void *details, size_t n_details)
{
	const struct metadata metadata = {
		.details = details,
		.n_details = n_details,
	};

	if (!status || status > HELIO_UNAUTHENTICATED)
		return -EINVAL;
	if (n_details > DETAILS_MAX_BYTES)
		return -E2BIG;
	if (request->is_over)
		return finish(request, 0);
	return finish(request, send_status(request->bus, request->id, status,
					   reason, details ? &metadata : NULL));
}

void helio_request_next(struct helio_request *request, const uint8_t *body,
			size_t n_body)
{
	if (!request->is_answered)
		request->service->on_next(request, body, n_body,
					  request->userdata);
}

void helio_request_finish(struct helio_request *request)
{
	if (request->service->on_finish && !request->is_answered)
		request->service->on_finish(request, request->userdata);
}

void helio_request_writable(struct helio_request *request)
{
	if (request->service->on_writable)
		request->service->on_writable(request, request->userdata);
}

int helio_request_send(struct helio_request *request, const void *body,
		       size_t n_body)
{
	if (!request->flow)
		return -EPIPE;
	return outflow_send(request->flow, body, n_body);
}

void helio_request_pause(struct helio_request *request)
{
	if (request->flow)
		inflow_pause(request->flow);
}

void helio_request_resume(struct helio_request *request)
{
	if (request->flow)
		inflow_resume(request->flow);
}
