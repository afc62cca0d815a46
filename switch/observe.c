/* SPDX-License-Identifier: MIT */

#include "switch/observe.h"

#include <stdlib.h>
#include <string.h>

#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/message.h"
#include "switch/peer.h"
#include "switch/slot.h"
#include "switch/subscription.h"

/* A copy to each; what is too long with its extension is told as a gap. */
static void copy_to_all(struct bus *bus, const char *subject,
			struct message *message, struct frame *frame)
{
	struct audience *audience;

	message->image = NULL;
	message->subject = subject;
	message->n_subject = strlen(subject);
	if (message->n_tail >
	    FRAME_MAX_BYTES - FRAME_HEADER_MAX_BYTES - FRAME_SUBJECT_MAX_BYTES)
		message->n_tail = frame->n_metadata;
	frame->flags = FRAME_WHOLE | FRAME_EXTENDED;
	message_set_frame(message, frame);
	if (route_match(&bus->observers, subject, message->n_subject,
			&audience) < 0)
		return;
	for (size_t i = 0; i < audience->n_targets; i++) {
		uint64_t ignored;

		(void)subscription_deliver(container_of(audience->targets[i],
							struct subscription,
							target),
					   message, &ignored);
	}
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
	struct audience *audience;

	if (route_match(&slot->bus->observers, inbound->subject,
			inbound->frame.n_subject, &audience) < 0 ||
	    !audience->n_targets)
		return;
	slot->observed = strdup(inbound->subject);
	if (!slot->observed)
		return;
	if (registration) {
		copy.callee = registration->receiver.speaker->source;
		frame.callee = copy.callee->handle;
	}
	copy_to_all(slot->bus, slot->observed, &copy, &frame);
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

	copy_to_all(slot->bus, slot->observed, &copy, &frame);
}

void observe_end(struct slot *slot, enum status status, const char *text)
{
	struct message copy = {
		.tail = (const uint8_t *)text,
		.n_tail = strlen(text),
	};
	struct frame frame = {
		.kind = FRAME_OBSERVED_REPLY,
		.slot = slot->id,
		.status = (uint16_t)status,
		.origin = ORIGIN_BUS,
		.handed_over = slot->callee != NULL,
	};

	copy_to_all(slot->bus, slot->observed, &copy, &frame);
}
