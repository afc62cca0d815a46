/* SPDX-License-Identifier: MIT */

#include "switch/observe.h"

#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "proto/subject.h"
#include "switch/bus.h"
#include "switch/call.h"
#include "switch/callee.h"
#include "switch/endpoint.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/open_target.h"
#include "switch/peer.h"
#include "switch/schema.h"
#include "switch/slot.h"
#include "switch/subscription.h"

/* Of helio.bus.v1.Metadata. */
enum { FIELD_SCHEMA_HASH = 3, WIRE_BYTES = 2 };

/* Those who have the beginning of a call, or of a reply. */
struct copies {
	size_t n_targets;
	struct open_target targets[];
};

struct observation {
	struct copies *call; /* NULL: finished, or nobody has it */
	struct copies *reply;
	size_t n_subject;
	char subject[];
};

static struct copies *abort_copies(struct copies *copies)
{
	if (!copies)
		return NULL;
	for (size_t i = 0; i < copies->n_targets; i++)
		if (copies->targets[i].subscription)
			open_target_abort(&copies->targets[i],
					  "the rest of it did not come");
	free(copies);
	return NULL;
}

struct observation *observation_free(struct observation *observation)
{
	if (!observation)
		return NULL;
	abort_copies(observation->call);
	abort_copies(observation->reply);
	free(observation);
	return NULL;
}

static struct subscription *observer_of(struct target *target)
{
	return container_of(target, struct subscription, target);
}

static void deliver_whole(const struct audience *audience,
			  const struct message *message)
{
	for (size_t i = 0; i < audience->n_targets; i++) {
		struct subscription *sub = observer_of(audience->targets[i]);
		uint64_t ignored;

		if (peer_is_there(sub->receiver.peer))
			(void)subscription_deliver(sub, message, &ignored);
	}
}

/* Without memory for it nobody gets any of it. */
static struct copies *deliver_first(const struct audience *audience,
				    const struct message *message)
{
	struct copies *copies =
		malloc(sizeof(*copies) +
		       audience->n_targets * sizeof(struct open_target));

	if (!copies)
		return NULL;
	copies->n_targets = 0;
	for (size_t i = 0; i < audience->n_targets; i++) {
		struct subscription *sub = observer_of(audience->targets[i]);

		if (peer_is_there(sub->receiver.peer) &&
		    open_target_begin(&copies->targets[copies->n_targets], sub,
				      message) == DELIVERY_TAKEN)
			copies->n_targets++;
	}
	return copies;
}

/* More of the body. Returns what is left to do: NULL after the last. */
static struct copies *deliver_more(struct copies *copies, uint8_t kind,
				   const struct message *message,
				   size_t n_skipped)
{
	struct frame frame = {
		.kind = kind,
		.flags = message->flags & FRAME_LAST,
		.source = message->frame.source,
	};
	size_t n_body = message->n_body - n_skipped;
	struct message more = {
		.subject = "",
		.tail = message->tail + message->n_tail - n_body,
		.n_tail = n_body,
		.n_body = n_body,
		.source = message->source,
	};

	if (!copies)
		return NULL;
	message_set_frame(&more, &frame);
	for (size_t i = 0; i < copies->n_targets; i++)
		if (copies->targets[i].subscription)
			open_target_continue(&copies->targets[i], &more);
	if (!(message->flags & FRAME_LAST))
		return copies;
	free(copies);
	return NULL;
}

static size_t min_size(size_t a, size_t b)
{
	return a < b ? a : b;
}

static const struct schema *schema_of(const struct slot *slot,
				      const struct registration *registration)
{
	if (slot && slot->schema)
		return slot->schema;
	return registration ? registration->schema : NULL;
}

static const struct registration *registration_of(const struct slot *slot)
{
	struct receiver *callee = slot->callee;

	return callee && callee->kind == RECEIVER_REGISTRATION
		       ? container_of(callee, struct registration, receiver)
		       : NULL;
}

/* What stands last in metadata counts, so that nobody can say otherwise. */
static void add_schema(struct bus *bus, const struct schema *schema,
		       struct message *copy, struct frame *frame)
{
	uint8_t *at = bus->observed;
	size_t n_metadata = frame->n_metadata;
	size_t n_body = copy->n_tail - n_metadata;

	if (!schema ||
	    n_metadata + OBSERVE_SCHEMA_BYTES > FRAME_METADATA_MAX_BYTES)
		return;
	memcpy(at, copy->tail, n_metadata);
	at += n_metadata;
	*at++ = FIELD_SCHEMA_HASH << 3 | WIRE_BYTES;
	*at++ = SCHEMA_HASH_BYTES;
	memcpy(at, schema->hash, SCHEMA_HASH_BYTES);
	memcpy(at + SCHEMA_HASH_BYTES, copy->tail + n_metadata, n_body);
	frame->n_metadata += OBSERVE_SCHEMA_BYTES;
	copy->tail = bus->observed;
}

/*
 * What begins a call or a reply goes to all who observe, under `frame`, which
 * has all but lengths and flags. Returns those who wait for more of it.
 */
static struct copies *copy_to_all(struct bus *bus,
				  const struct observation *observation,
				  const struct schema *schema,
				  const struct message *message,
				  struct frame *frame)
{
	struct message copy = *message;
	struct audience *audience;
	bool is_last = message->flags & FRAME_LAST;

	if (route_match(&bus->observers, observation->subject,
			observation->n_subject, &audience) < 0 ||
	    !audience->n_targets)
		return NULL;
	add_schema(bus, schema, &copy, frame);
	copy.image = NULL;
	copy.subject = observation->subject;
	copy.n_subject = observation->n_subject;
	copy.n_body = min_size(message->n_body,
			       FRAME_MAX_BYTES - FRAME_HEADER_MAX_BYTES -
				       copy.n_subject - frame->n_metadata);
	copy.n_tail = frame->n_metadata + copy.n_body;
	frame->flags |= FRAME_FIRST | FRAME_EXTENDED;
	if (is_last && copy.n_body == message->n_body) {
		frame->flags |= FRAME_LAST;
		message_set_frame(&copy, frame);
		deliver_whole(audience, &copy);
		return NULL;
	}
	copy.total_bytes = is_last ? message->n_body : message->total_bytes;
	frame->total_bytes = copy.total_bytes;
	message_set_frame(&copy, frame);
	if (copy.n_body == message->n_body)
		return deliver_first(audience, &copy);
	return deliver_more(deliver_first(audience, &copy), frame->kind,
			    message, copy.n_body);
}

static struct observation *observation_new(const char *subject, size_t n)
{
	struct observation *observation = malloc(sizeof(*observation) + n);

	if (!observation)
		return NULL;
	*observation = (struct observation){ .n_subject = n };
	memcpy(observation->subject, subject, n);
	return observation;
}

void observe_call(struct slot *slot, const struct inbound *inbound,
		  const struct message *message,
		  const struct registration *registration)
{
	struct message copy = *message;
	struct frame frame = {
		.kind = FRAME_OBSERVED_CALL,
		.n_metadata = inbound->frame.n_metadata,
		.source = slot->speaker->source->handle,
		.time_left_ms = inbound->frame.time_left_ms,
		.slot = slot->id,
	};
	size_t n = inbound->frame.n_subject;
	const char *subject = callee_subject(inbound->subject, &n);
	struct audience *audience;

	if (!subject_is_valid(subject, n) ||
	    route_match(&slot->bus->observers, subject, n, &audience) < 0 ||
	    !audience->n_targets)
		return;
	slot->observation = observation_new(subject, n);
	if (!slot->observation)
		return;
	if (registration) {
		copy.callee = registration->receiver.speaker->source;
		frame.callee = copy.callee->handle;
	}
	slot->observation->call =
		copy_to_all(slot->bus, slot->observation,
			    schema_of(slot, registration), &copy, &frame);
}

void observe_reply(struct slot *slot, const struct inbound *inbound,
		   const struct message *message)
{
	struct message copy = *message;
	struct source *callee = slot->callee->speaker->source;
	struct frame frame = {
		.kind = FRAME_OBSERVED_REPLY,
		.n_metadata = inbound->frame.n_metadata,
		.source = callee->handle,
		.slot = slot->id,
		.callee = callee->handle,
		.status = inbound->frame.status,
		.handed_over = 1,
	};

	copy.callee = callee;
	/* A stream's message that the reply has cut short. */
	slot->observation->reply = abort_copies(slot->observation->reply);
	slot->observation->reply = copy_to_all(
		slot->bus, slot->observation,
		schema_of(NULL, registration_of(slot)), &copy, &frame);
}

void observe_continue(struct slot *slot, const struct message *message)
{
	struct observation *observation = slot->observation;

	if (message->frame.kind == FRAME_REPLY)
		observation->reply = deliver_more(
			observation->reply, FRAME_OBSERVED_REPLY, message, 0);
	else
		observation->call = deliver_more(
			observation->call, FRAME_OBSERVED_CALL, message, 0);
}

/* Its first fragment. */
static struct copies *begin_next(struct slot *slot, uint8_t kind,
				 struct message *copy)
{
	struct frame frame = {
		.kind = kind,
		.flags = FRAME_STREAM,
		.source = copy->source->handle,
		.slot = slot->id,
		.callee = slot->callee->speaker->source->handle,
	};

	copy->callee = slot->callee->speaker->source;
	return copy_to_all(slot->bus, slot->observation,
			   schema_of(kind == FRAME_OBSERVED_CALL ? slot : NULL,
				     registration_of(slot)),
			   copy, &frame);
}

void observe_next(struct slot *slot, bool is_request,
		  const struct message *message)
{
	struct observation *observation = slot->observation;
	struct copies **copies =
		is_request ? &observation->call : &observation->reply;
	uint8_t kind = is_request ? FRAME_OBSERVED_CALL : FRAME_OBSERVED_REPLY;
	struct message copy = *message;

	copy.source = is_request ? slot->speaker->source
				 : slot->callee->speaker->source;
	copy.frame.source = copy.source->handle;
	if (message->flags & FRAME_FIRST)
		*copies = begin_next(slot, kind, &copy);
	else
		*copies = deliver_more(*copies, kind, &copy, 0);
}

void observe_end(struct slot *slot, enum status status, const char *text)
{
	struct message copy = {
		.tail = (const uint8_t *)text,
		.n_tail = strlen(text),
		.n_body = strlen(text),
		.flags = FRAME_WHOLE,
	};
	struct frame frame = {
		.kind = FRAME_OBSERVED_REPLY,
		.slot = slot->id,
		.status = (uint16_t)status,
		.origin = ORIGIN_BUS,
		.handed_over = slot->callee != NULL,
	};

	slot->observation->reply = abort_copies(slot->observation->reply);
	(void)copy_to_all(slot->bus, slot->observation, NULL, &copy, &frame);
}
