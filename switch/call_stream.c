/* SPDX-License-Identifier: MIT */

#include "switch/call_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/peer.h"
#include "switch/slot.h"

static uint64_t idle_ns(const struct bus *bus)
{
	return bus->limits.stream_idle_ms * NS_PER_MS;
}

/* It is set anew when it fires, and not whenever somebody says something. */
static void on_idle(struct timer *timer, uint64_t now_ns)
{
	struct call_stream *stream =
		container_of(timer, struct call_stream, idle);
	struct bus *bus = stream->slot->bus;
	uint64_t due_ns = stream->heard_ns + idle_ns(bus);
	char text[64];

	if (now_ns < due_ns) {
		wheel_add(&bus->wheel, timer, due_ns);
		return;
	}
	snprintf(text, sizeof(text), "the stream was idle for %u ms",
		 bus->limits.stream_idle_ms);
	slot_fail(stream->slot, STATUS_DEADLINE_EXCEEDED, text);
}

static struct call_stream *take(struct slot_table *table)
{
	struct list *link = list_pop_front(&table->free_streams);

	if (link)
		return container_of(link, struct call_stream, requests.link);
	return malloc(sizeof(struct call_stream));
}

static void way_init(struct call_way *way, struct call_stream *stream,
		     bool is_stream)
{
	*way = (struct call_way){
		.state = is_stream ? CALL_WAY_OPEN : CALL_WAY_NONE,
		.stream = stream,
	};
	list_init(&way->link);
}

int call_stream_new(struct slot *slot, const struct inbound *inbound)
{
	const struct frame *frame = &inbound->frame;
	struct bus *bus = slot->bus;
	struct call_stream *stream = take(&bus->slots);

	if (!stream)
		return -ENOMEM;
	stream->slot = slot;
	stream->heard_ns = bus->now_ns;
	timer_init(&stream->idle, on_idle);
	way_init(&stream->requests, stream, frame->flags & FRAME_MORE);
	way_init(&stream->replies, stream, frame->flags & FRAME_STREAM);
	stream->replies.credit_bytes =
		frame->room_kib ? frame->room_kib * UINT64_C(1024)
				: CALL_STREAM_ROOM_BYTES;
	stream->n_subject = frame->n_subject;
	memcpy(stream->subject, inbound->subject, frame->n_subject);
	wheel_add(&bus->wheel, &stream->idle, bus->now_ns + idle_ns(bus));
	slot->stream = stream;
	return 0;
}

void call_stream_free(struct slot_table *table, struct call_stream *stream)
{
	timer_remove(&stream->idle);
	list_unlink(&stream->requests.link);
	list_unlink(&stream->replies.link);
	list_push_front(&table->free_streams, &stream->requests.link);
}

void call_streams_deinit(struct slot_table *table)
{
	struct list *link;

	while ((link = list_pop_front(&table->free_streams)))
		free(container_of(link, struct call_stream, requests.link));
}

void call_stream_touch(struct call_stream *stream)
{
	stream->heard_ns = stream->slot->bus->now_ns;
}

const char *call_stream_close(struct call_stream *stream, bool is_ok)
{
	if (is_ok && stream->replies.is_begun)
		return "a reply before the last message of its stream ends";
	if (stream->requests.state == CALL_WAY_OPEN)
		stream->requests.state = CALL_WAY_ENDED;
	if (stream->replies.state == CALL_WAY_OPEN)
		stream->replies.state = CALL_WAY_ENDED;
	timer_remove(&stream->idle);
	return NULL;
}
