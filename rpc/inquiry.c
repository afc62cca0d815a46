/* SPDX-License-Identifier: MIT */

#include "rpc/inquiry.h"

#include <errno.h>
#include <string.h>

#include "proto/frame.h"
#include "rpc/client.h"
#include "rpc/incoming.h"
#include "rpc/registration.h"
#include "rpc/service.h"

void inquiry_ask(struct inquiry *inquiry, struct helio *bus)
{
	bus->is_armed = false;
	list_push_back(&bus->outbox.unsent, &inquiry->link);
	outbox_pump(bus);
}

static void encode(struct inquiry *inquiry, const struct frame *frame,
		   uint8_t *out)
{
	out += frame_encode(frame, out);
	if (frame->n_subject)
		memcpy(out, inquiry->subject, frame->n_subject);
	if (inquiry->write)
		inquiry->write(inquiry, out + frame->n_subject);
}

int inquiry_send(struct inquiry *inquiry, struct helio *bus)
{
	struct frame frame = { .kind = inquiry->kind };
	uint8_t *room;
	int r;

	if (inquiry->subject)
		frame.n_subject = (uint16_t)strlen(inquiry->subject);
	frame_set_body(&frame,
		       inquiry->write ? inquiry->write(inquiry, NULL) : 0);
	r = outbox_reserve_urgent(bus, frame.length, &room);
	if (r < 0 && r != -EMSGSIZE)
		return r;

	inquiry->correlation = client_draw_id(bus);
	frame.correlation = inquiry->correlation;
	if (r == -EMSGSIZE) {
		r = outbox_push(bus, frame.length, &room);
		if (r < 0)
			return r;
		encode(inquiry, &frame, room);
	} else {
		encode(inquiry, &frame, room);
		outbox_commit(bus, frame.length);
	}
	list_unlink(&inquiry->link);
	list_push_back(&bus->outbox.sent, &inquiry->link);
	return 0;
}

int inquiry_answer(struct helio *bus, const struct frame *frame,
		   const uint8_t *body)
{
	char reason[INCOMING_TEXT_MAX_BYTES + 1] = "";
	struct result result = {
		.status = incoming_status(frame),
		.reason = reason,
		.body = body,
		.n_body = frame_body_bytes(frame),
	};
	struct list *link = bus->outbox.sent.next;
	struct inquiry *inquiry = container_of(link, struct inquiry, link);

	if (result.status)
		incoming_text(body, result.n_body, reason);
	if (frame->correlation & FRAME_SWITCH_DRAWN)
		return result.status ? registration_end(bus, frame, &result)
				     : helio_service_told(bus, frame);
	if (link == &bus->outbox.sent ||
	    inquiry->correlation != frame->correlation)
		return client_violation(bus, "RESULT out of order");
	list_unlink(link);
	inquiry->on_result(inquiry, &result);
	return 0;
}

static void lose_all(struct list *list)
{
	struct list *link;

	while ((link = list_pop_front(list))) {
		struct inquiry *inquiry;

		inquiry = container_of(link, struct inquiry, link);
		inquiry->on_result(inquiry, NULL);
	}
}

/*
 * on_result may call the program, which may ask for more: what is asked from
 * here on belongs to the next connection and stays.
 */
void inquiries_lose(struct helio *bus)
{
	struct list lost = LIST_INIT(lost);

	list_splice_back(&lost, &bus->outbox.sent);
	list_splice_back(&lost, &bus->outbox.unsent);
	lose_all(&lost);
}
