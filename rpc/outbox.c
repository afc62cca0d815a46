/* SPDX-License-Identifier: MIT */

#include "rpc/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/le.h"
#include "rpc/client.h"
#include "rpc/inquiry.h"

enum { KEPT_ROOM_BYTES = 64 * 1024 };

void outbox_init(struct outbox *outbox)
{
	*outbox = (struct outbox){ 0 };
	list_init(&outbox->unsent);
	list_init(&outbox->sent);
}

void outbox_deinit(struct outbox *outbox)
{
	free(outbox->bytes);
	*outbox = (struct outbox){ 0 };
}

void outbox_clear(struct outbox *outbox)
{
	outbox->start = 0;
	outbox->end = 0;
	outbox->n_frame_left = 0;
	if (outbox->n_room <= KEPT_ROOM_BYTES)
		return;
	free(outbox->bytes);
	outbox->bytes = NULL;
	outbox->n_room = 0;
}

static int reserve(struct helio *bus, size_t n, uint8_t **ret_room)
{
	int r;

	if (bus->fault || !bus->channel)
		return -ENOTCONN;
	r = channel_reserve(bus->channel, n, ret_room);
	if (r == -EAGAIN) {
		bus->wants_room = true;
		bus->has_refused |= !bus->is_in_turn;
		bus->is_armed = false;
	} else if (r < 0 && r != -EMSGSIZE)
		return client_fail(bus, r, "the channel is gone");
	return r;
}

int outbox_reserve(struct helio *bus, size_t n, uint8_t **ret_room)
{
	if (outbox_is_waiting(&bus->outbox)) {
		outbox_pump(bus);
		if (outbox_is_waiting(&bus->outbox))
			return bus->fault ? -ENOTCONN : -EAGAIN;
	}
	return reserve(bus, n, ret_room);
}

int outbox_reserve_urgent(struct helio *bus, size_t n, uint8_t **ret_room)
{
	if (bus->outbox.n_frame_left)
		return -EAGAIN;
	return reserve(bus, n, ret_room);
}

/*
 * Within the turn the window of incoming bytes must stay as it is until the
 * frame in it was dealt with, and so the turn itself flushes between frames.
 */
void outbox_commit(struct helio *bus, size_t n)
{
	channel_commit(bus->channel, n);
	bus->is_armed = false;
	if (bus->channel->n_committed < bus->flush_bytes || bus->is_in_turn)
		return;
	if (channel_flush(bus->channel) < 0)
		client_fail(bus, -EPIPE, "the channel is gone");
}

static int grow(struct outbox *outbox, size_t n)
{
	size_t n_waiting = outbox->end - outbox->start;
	size_t n_room = outbox->n_room ? outbox->n_room : 4096;
	uint8_t *bytes;

	while (n_room < n_waiting + n)
		n_room *= 2;
	if (n_room > outbox->n_room) {
		bytes = malloc(n_room);
		if (!bytes)
			return -ENOMEM;
		if (n_waiting)
			memcpy(bytes, outbox->bytes + outbox->start, n_waiting);
		free(outbox->bytes);
		outbox->bytes = bytes;
		outbox->n_room = n_room;
	} else {
		memmove(outbox->bytes, outbox->bytes + outbox->start,
			n_waiting);
	}
	outbox->start = 0;
	outbox->end = n_waiting;
	return 0;
}

int outbox_push(struct helio *bus, size_t n, uint8_t **ret_room)
{
	struct outbox *outbox = &bus->outbox;

	if (n > outbox->n_room - outbox->end) {
		int r = grow(outbox, n);

		if (r < 0)
			return r;
	}
	bus->is_armed = false;
	*ret_room = outbox->bytes + outbox->end;
	outbox->end += n;
	return 0;
}

void outbox_send_small(struct helio *bus, const uint8_t *frame, size_t n)
{
	struct outbox *outbox = &bus->outbox;
	uint8_t *room;
	int r;

	r = outbox_reserve(bus, n, &room);
	if (!r) {
		memcpy(room, frame, n);
		outbox_commit(bus, n);
		return;
	}
	if (r == -ENOTCONN)
		return;
	if (outbox->end - outbox->start > bus->send_max + OUTBOX_SMALL_BYTES ||
	    outbox_push(bus, n, &room) < 0) {
		client_fail(bus, -ENOBUFS, "too much waits to be sent");
		return;
	}
	memcpy(room, frame, n);
}

/* Copy as much as there is room for, but not beyond the frame's end. */
static int pump_piece(struct helio *bus)
{
	struct outbox *outbox = &bus->outbox;
	uint8_t *room;
	size_t n;
	int r;

	if (!outbox->n_frame_left)
		outbox->n_frame_left = le32_load(outbox->bytes + outbox->start);
	n = outbox->n_frame_left;
	r = reserve(bus, n, &room);
	if (r == -EAGAIN || r == -EMSGSIZE) {
		r = reserve(bus, 1, &room);
		if (r < 0)
			return r;
		if (n > bus->channel->n_out)
			n = bus->channel->n_out;
	}
	if (r < 0)
		return r;
	memcpy(room, outbox->bytes + outbox->start, n);
	outbox->start += n;
	outbox->n_frame_left -= n;
	outbox_commit(bus, n);
	return 0;
}

static bool may_ask(const struct helio *bus)
{
	return bus->phase == PHASE_RENEWING || bus->phase == PHASE_CONNECTED;
}

static void pump_inquiries(struct helio *bus)
{
	struct list *unsent = &bus->outbox.unsent;

	while (may_ask(bus) && !list_is_empty(unsent) &&
	       bus->outbox.start == bus->outbox.end) {
		struct inquiry *inquiry;

		inquiry = container_of(unsent->next, struct inquiry, link);
		if (inquiry_send(inquiry, bus) < 0)
			return;
	}
}

void outbox_pump(struct helio *bus)
{
	struct outbox *outbox = &bus->outbox;

	if (!bus->channel || bus->fault)
		return;
	do {
		while (outbox->start != outbox->end)
			if (pump_piece(bus) < 0)
				return;
		outbox_clear(outbox);
		pump_inquiries(bus);
	} while (outbox->start != outbox->end);
}
