/* SPDX-License-Identifier: MIT */

#include "rpc/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "proto/subject.h"
#include "rpc/binding.h"
#include "rpc/client.h"
#include "rpc/incoming.h"
#include "rpc/message.h"

enum {
	/* The switch ends a call at its deadline; we do if it does not. */
	BACKSTOP_MS = 500,
	KIB = 1024,
};

static void leave(struct helio_call *call)
{
	struct assemblies *assemblies = &call->bus->assemblies;
	struct assembly *assembly = assembly_lookup(assemblies, call->id);

	if (assembly) {
		assembly_take(assemblies, assembly);
		assembly_free(assembly);
	}
	flow_free(call->flow);
	call->flow = NULL;
	map_remove(&call->bus->calls, &call->node);
	list_unlink(&call->link);
	deadlines_remove(&call->bus->deadlines, &call->deadline);
	call->is_over = true;
}

void helio_call_free(struct helio_call *call)
{
	struct spares *spares = &call->bus->spare_calls;

	leave(call);
	spares_put(spares, call);
}

/* Out of the map before the callback, where cancelling it does nothing. */
static void end(struct helio_call *call, const struct helio_reply *reply)
{
	leave(call);
	call->on_reply(call, reply, call->userdata);
	spares_put(&call->bus->spare_calls, call);
}

void helio_call_end(struct helio_call *call, unsigned status,
		    const char *reason)
{
	end(call, &(struct helio_reply){
			  .status = status,
			  .reason = reason,
			  .is_from_bus = true,
			  .is_handed_over = true,
		  });
}

void helio_calls_lose(struct helio *bus)
{
	struct list *all = &bus->all_calls;

	while (!list_is_empty(all))
		helio_call_end(container_of(all->next, struct helio_call, link),
			       HELIO_UNAVAILABLE, "the connection was lost");
}

/* A frame that is nothing but a header. */
static void tell(struct helio *bus, uint8_t kind, uint64_t id)
{
	struct frame frame = {
		.kind = kind,
		.correlation = id,
	};
	uint8_t bytes[FRAME_HEADER_BYTES];

	frame_set_body(&frame, 0);
	frame_encode(&frame, bytes);
	outbox_send_small(bus, bytes, sizeof(bytes));
}

void helio_call_give_up(struct helio_call *call, unsigned status,
			const char *reason)
{
	tell(call->bus, FRAME_CANCEL, call->id);
	helio_call_end(call, status, reason);
}

static void on_expiry(struct deadline *deadline)
{
	helio_call_give_up(container_of(deadline, struct helio_call, deadline),
			   HELIO_DEADLINE_EXCEEDED, "no reply came in time");
}

void helio_call_cancel(struct helio_call *call)
{
	if (call->is_over)
		return;
	tell(call->bus, FRAME_CANCEL, call->id);
	helio_call_free(call);
}

struct helio_call *helio_call_lookup(const struct helio *bus, uint64_t id)
{
	struct map_node *node = map_lookup(&bus->calls, map_hash_u64(id));

	for (; node; node = map_next(node)) {
		struct helio_call *call;

		call = container_of(node, struct helio_call, node);
		if (call->id == id)
			return call;
	}
	return NULL;
}

static bool is_streaming(const struct helio_call_options *options)
{
	return options->on_next || options->has_more;
}

static int set_deadline(struct helio_call *call,
			const struct helio_call_options *options)
{
	uint64_t timeout_ms = options->timeout_ms;

	if (!timeout_ms && is_streaming(options))
		return 0;
	if (!timeout_ms)
		timeout_ms = TIMEOUT_DEFAULT_MS;
	return deadlines_add(&call->bus->deadlines, &call->deadline,
			     clock_coarse_ns() +
				     (timeout_ms + BACKSTOP_MS) * NS_PER_MS);
}

static int set_stream(struct helio_call *call,
		      const struct helio_call_options *options)
{
	int r;

	if (!is_streaming(options))
		return 0;
	r = flow_new(call->bus, call, NULL, &call->flow);
	if (r < 0)
		return r;
	call->flow->out.is_there = options->has_more;
	if (options->on_next)
		inflow_open(call->flow, options->window_bytes);
	return 0;
}

static int call_new(struct helio *bus, const struct helio_call_options *options,
		    helio_reply_fn on_reply, void *userdata,
		    struct helio_call **ret_call)
{
	struct helio_call *call;
	int r;

	call = spares_take(&bus->spare_calls, sizeof(*call));
	if (!call)
		return -ENOMEM;
	*call = (struct helio_call){
		.deadline = { .on_expiry = on_expiry },
		.bus = bus,
		.id = client_draw_id(bus),
		.on_reply = on_reply,
		.on_next = options->on_next,
		.on_writable = options->on_writable,
		.userdata = userdata,
	};
	map_add(&bus->calls, &call->node, map_hash_u64(call->id));
	list_init(&call->link);
	list_push_back(&bus->all_calls, &call->link);
	r = set_deadline(call, options);
	if (!r)
		r = set_stream(call, options);
	if (r < 0) {
		helio_call_free(call);
		return r;
	}
	*ret_call = call;
	return 0;
}

/* The limit of WELCOME holds unless the program, or we, take less. */
static uint32_t reply_room_kib(const struct helio *bus, uint32_t asked_kib)
{
	if (asked_kib || bus->message_max >= bus->send_max)
		return asked_kib;
	return (uint32_t)(bus->message_max / KIB);
}

/* Of a stream of replies it is what may be under way. */
static uint32_t room_kib(struct helio_call *call,
			 const struct helio_call_options *options)
{
	uint32_t n_kib;

	if (!options->on_next)
		return reply_room_kib(call->bus, options->room_kib);
	n_kib = (uint32_t)((call->flow->in.window_bytes + KIB - 1) / KIB);
	inflow_grant(call->flow, (uint64_t)n_kib * KIB);
	return n_kib;
}

static uint8_t flags_of(const struct helio_call_options *options)
{
	return (uint8_t)((options->is_waiting ? FRAME_WAIT : 0) |
			 (options->on_next ? FRAME_STREAM : 0) |
			 (options->has_more ? FRAME_MORE : 0));
}

static int call_send(struct helio_call *call, const struct message *message,
		     const struct helio_call_options *options)
{
	struct frame frame = {
		.kind = FRAME_CALL,
		.flags = flags_of(options),
		.correlation = call->id,
		.time_left_ms = options->timeout_ms,
		.handle = options->binding ? options->binding->handle : 0,
		.room_kib = room_kib(call, options),
	};

	if (frame.room_kib)
		frame.flags |= FRAME_EXTENDED;
	return message_send(call->bus, &frame, message, options->is_patient);
}

static int call_start(struct helio *bus, const struct message *message,
		      const struct helio_call_options *options,
		      helio_reply_fn on_reply, void *userdata,
		      struct helio_call **ret_call)
{
	struct helio_call *call;
	int r;

	r = call_new(bus, options, on_reply, userdata, &call);
	if (r < 0)
		return r;
	r = call_send(call, message, options);
	if (r < 0) {
		helio_call_free(call);
		return r;
	}
	if (ret_call)
		*ret_call = call;
	return 0;
}

/* By a binding a method alone is called, and that is one token. */
static bool is_addressed(const struct message *message,
			 const struct helio_call_options *options)
{
	return subject_is_valid(message->subject, message->n_subject) &&
	       !(options->binding &&
		 memchr(message->subject, '.', message->n_subject));
}

int helio_call_start(struct helio *bus, const char *subject, const void *body,
		     size_t n_body, const struct helio_call_options *options,
		     helio_reply_fn on_reply, void *userdata,
		     struct helio_call **ret_call)
{
	static const struct helio_call_options no_options;
	uint8_t encoded[FRAME_METADATA_MAX_BYTES];
	struct message message = {
		.subject = subject,
		.n_subject = strlen(subject),
		.metadata = encoded,
		.body = body,
		.n_body = n_body,
	};
	int n;

	if (!client_is_connected(bus))
		return -ENOTCONN;
	options = options ? options : &no_options;
	if (!is_addressed(&message, options) || (options->has_more && n_body))
		return -EINVAL;
	n = metadata_encode(
		&(struct metadata){
			.idempotency_key = options->idempotency_key,
			.content_type = options->content_type,
			.traceparent = options->traceparent,
			.headers = options->headers,
			.n_headers = options->n_headers,
		},
		encoded);
	if (n < 0)
		return n;
	message.n_metadata = (size_t)n;
	return call_start(bus, &message, options, on_reply, userdata, ret_call);
}

/* Out of the reader's memory, which lives as long as the callback. */
static void read_bad(struct helio *bus, const struct incoming *incoming,
		     char reason[INCOMING_TEXT_MAX_BYTES + 1],
		     struct helio_reply *reply)
{
	struct helio_message message;

	incoming_text(incoming->body, incoming->n_body, reason);
	reply->reason = reason;
	if (incoming->frame->n_metadata &&
	    !incoming_decode(bus, incoming, &message)) {
		reply->details = bus->metadata.details;
		reply->n_details = bus->metadata.n_details;
	}
}

void helio_call_deliver(struct helio_call *call,
			const struct incoming *incoming)
{
	const struct frame *frame = incoming->frame;
	char reason[INCOMING_TEXT_MAX_BYTES + 1];
	struct helio_message message;
	struct helio_reply reply = {
		.status = incoming_status(frame),
		.reason = "",
		.is_from_bus = frame->origin,
		.is_handed_over = frame->handed_over || !frame->origin,
	};

	if (reply.status) {
		read_bad(call->bus, incoming, reason, &reply);
	} else if (incoming_decode(call->bus, incoming, &message) == -ENOMEM) {
		helio_call_end(call, HELIO_RESOURCE_EXHAUSTED,
			       "no memory for the reply's metadata");
		return;
	} else {
		reply.message = &message;
	}
	end(call, &reply);
}

void helio_call_next(struct helio_call *call, const uint8_t *body,
		     size_t n_body)
{
	call->on_next(call, body, n_body, call->userdata);
}

void *helio_call_keep(struct helio_call *call)
{
	struct flows *flows = &call->bus->flows;

	return flows->calling == call->flow ? take_ptr(flows->told) : NULL;
}

void helio_call_writable(struct helio_call *call)
{
	if (call->on_writable)
		call->on_writable(call, call->userdata);
}

int helio_call_send_end(struct helio_call *call)
{
	tell(call->bus, FRAME_END, call->id);
	return 0;
}

int helio_call_send(struct helio_call *call, const void *body, size_t n_body)
{
	return call->flow ? outflow_send(call->flow, body, n_body) : -EPIPE;
}

int helio_call_finish(struct helio_call *call)
{
	struct outflow *out = call->flow ? &call->flow->out : NULL;

	if (!out || !out->is_there || out->is_ending)
		return -EPIPE;
	outflow_end(call->flow);
	return 0;
}

void helio_call_pause(struct helio_call *call)
{
	if (call->flow)
		inflow_pause(call->flow);
}

void helio_call_resume(struct helio_call *call)
{
	if (call->flow)
		inflow_resume(call->flow);
}
