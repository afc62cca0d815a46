/* SPDX-License-Identifier: MIT */

#include "rpc/incoming.h"

#include <errno.h>
#include <string.h>

#include "proto/status.h"
#include "rpc/call.h"
#include "rpc/client.h"
#include "rpc/request.h"
#include "rpc/service.h"
#include "rpc/subscription.h"

void incoming_text(const uint8_t *bytes, size_t n,
		   char ret_text[INCOMING_TEXT_MAX_BYTES + 1])
{
	if (n > INCOMING_TEXT_MAX_BYTES)
		n = INCOMING_TEXT_MAX_BYTES;
	if (n)
		memcpy(ret_text, bytes, n);
	ret_text[n] = '\0';
}

unsigned incoming_status(const struct frame *frame)
{
	return frame->status < N_STATUS ? frame->status : STATUS_UNKNOWN;
}

int incoming_decode(struct helio *bus, const struct incoming *incoming,
		    struct helio_message *ret_message)
{
	size_t n_subject = incoming->frame->n_subject;

	memcpy(bus->subject, incoming->subject, n_subject);
	bus->subject[n_subject] = '\0';
	*ret_message = (struct helio_message){
		.subject = bus->subject,
		.body = incoming->body,
		.n_body = incoming->n_body,
		.source = incoming->source->principal,
		.incarnation = incoming->source->incarnation,
		.durable_id = incoming->source->durable_id,
		.is_ack_stored = incoming->frame->kind == FRAME_MESSAGE &&
				 incoming->frame->flags & FRAME_ACK_STORED,
	};
	if (!incoming->frame->n_metadata)
		return 0;
	return metadata_decode(&bus->metadata, incoming->metadata,
			       incoming->frame->n_metadata, ret_message);
}

/* Whom it is for: one of the two, or neither when it is over for us. */
struct addressee {
	struct registration *registration;
	struct helio_call *call;
};

static int find_registration(struct helio *bus, const struct frame *frame,
			     struct addressee *ret_addressee)
{
	bool is_call = frame->kind == FRAME_CALL;
	bool is_drawn = frame->correlation & FRAME_SWITCH_DRAWN;
	struct registration *registration;

	registration = registration_lookup(&bus->registrations,
					   REGISTRATION_ID(frame->correlation));
	if (!registration || registration->is_service != is_call ||
	    is_drawn != is_call)
		return client_violation(bus, "a message for nobody");
	if (registration->state == REGISTRATION_STANDING ||
	    registration->state == REGISTRATION_ASKED)
		ret_addressee->registration = registration;
	return 0;
}

/* A bad status may come in the middle of a message of the stream. */
static int cut_stream(struct helio *bus, const struct helio_call *call,
		      const struct frame *frame)
{
	struct flow *flow = call ? call->flow : NULL;

	if (!flow || !flow->in.is_begun)
		return 0;
	if (!(frame->flags & FRAME_FIRST) || !frame->status)
		return client_violation(bus, "REPLY within a message");
	inflow_drop(flow);
	return 0;
}

static int find_addressee(struct helio *bus, const struct frame *frame,
			  struct addressee *ret_addressee)
{
	if (frame->kind != FRAME_REPLY)
		return find_registration(bus, frame, ret_addressee);
	ret_addressee->call = helio_call_lookup(bus, frame->correlation);
	return cut_stream(bus, ret_addressee->call, frame);
}

static int deliver(struct helio *bus, const struct addressee *addressee,
		   struct incoming *incoming)
{
	incoming->source =
		handles_lookup(&bus->handles, incoming->frame->source);
	if (!incoming->source)
		return client_violation(bus, "a source that is not known");
	if (addressee->call)
		helio_call_deliver(addressee->call, incoming);
	else if (addressee->registration->is_service)
		helio_service_deliver(addressee->registration, incoming);
	else
		helio_subscription_deliver(addressee->registration, incoming);
	return 0;
}

static int deliver_whole(struct helio *bus, const struct addressee *addressee,
			 const struct frame *frame, const uint8_t *bytes)
{
	const uint8_t *subject = bytes + frame_header_bytes(frame);

	return deliver(bus, addressee,
		       &(struct incoming){
			       .frame = frame,
			       .subject = subject,
			       .metadata = subject + frame->n_subject,
			       .body = bytes + frame_body_offset(frame),
			       .n_body = frame_body_bytes(frame),
		       });
}

/* There was no room to keep it: whoever waits for it is told. */
static void drop(struct helio *bus, const struct addressee *addressee,
		 const struct frame *first)
{
	if (addressee->call)
		helio_call_end(addressee->call, HELIO_RESOURCE_EXHAUSTED,
			       "no room to assemble the reply");
	else if (addressee->registration->is_service)
		helio_request_refuse(bus, first->correlation,
				     HELIO_RESOURCE_EXHAUSTED,
				     "no room to assemble the request");
	else
		helio_subscription_gap(addressee->registration, 1, "overflow");
}

/* Out of the map first: the program's callback must not find it. */
static int finish(struct helio *bus, const struct addressee *addressee,
		  struct assembly *assembly)
{
	struct incoming incoming = {
		.frame = &assembly->first,
		.subject = assembly->bytes,
		.metadata = assembly->bytes + assembly->first.n_subject,
		.body = assembly_body(assembly),
		.n_body = assembly->first.total_bytes,
	};
	int r = 0;

	assembly_take(&bus->assemblies, assembly);
	if (assembly->is_dropped)
		drop(bus, addressee, &assembly->first);
	else
		r = deliver(bus, addressee, &incoming);
	assembly_free(assembly);
	return r;
}

static int begin(struct helio *bus, const struct frame *frame,
		 const uint8_t *bytes)
{
	struct assembly *assembly;
	int r;

	if (!(frame->flags & FRAME_EXTENDED) ||
	    frame->total_bytes > bus->message_max)
		return client_violation(bus, "a message of a bad length");
	r = assembly_new(&bus->assemblies, frame, bytes, &assembly);
	if (r == -ENOMEM)
		return client_fail(bus, r, "no memory");
	if (r < 0)
		return client_violation(bus, "a bad first fragment");
	return 0;
}

static int take_fragment(struct helio *bus, const struct addressee *addressee,
			 const struct frame *frame, const uint8_t *bytes)
{
	struct assembly *assembly;
	int r;

	if (frame->flags & FRAME_FIRST)
		return begin(bus, frame, bytes);
	assembly = assembly_lookup(&bus->assemblies, frame->correlation);
	if (!assembly)
		return client_violation(bus, "a fragment of nothing");
	r = assembly_add(assembly, frame, bytes);
	if (r < 0)
		return client_violation(bus, "fragments of a bad length");
	return r ? finish(bus, addressee, assembly) : 0;
}

/* Bytes of fragments go back at once; a whole frame's when it was dealt with.
 */
int incoming_take(struct helio *bus, const struct frame *frame,
		  const uint8_t *bytes)
{
	struct addressee addressee = { 0 };
	int r;

	r = find_addressee(bus, frame, &addressee);
	if (r < 0 || (!addressee.call && !addressee.registration))
		return r;
	if (addressee.registration)
		registration_owe(addressee.registration, 0, frame->length);
	if (frame_is_whole(frame))
		return deliver_whole(bus, &addressee, frame, bytes);
	return take_fragment(bus, &addressee, frame, bytes);
}

/* What came of it is thrown away, and its credit goes back. */
static struct registration *end_open(struct helio *bus, uint64_t correlation)
{
	struct assembly *assembly;
	struct registration *registration;

	assembly = assembly_lookup(&bus->assemblies, correlation);
	if (!assembly)
		return NULL;
	registration = registration_lookup(&bus->registrations,
					   REGISTRATION_ID(correlation));
	assembly_take(&bus->assemblies, assembly);
	assembly_free(assembly);
	if (registration)
		registration_owe(registration, 1, 0);
	return registration;
}

void incoming_abort(struct helio *bus, const struct frame *frame)
{
	struct registration *registration = end_open(bus, frame->correlation);

	if (registration && !registration->is_service)
		helio_subscription_gap(registration, 1, "aborted");
}

void incoming_cancel(struct helio *bus, const struct frame *frame)
{
	if (!helio_request_cancel(bus, frame->correlation))
		end_open(bus, frame->correlation);
}
