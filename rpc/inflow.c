/* SPDX-License-Identifier: MIT */

#include "rpc/inflow.h"

#include <errno.h>

#include "base/cleanup.h"
#include "base/le.h"
#include "rpc/call.h"
#include "rpc/client.h"
#include "rpc/request.h"

enum {
	WINDOW_ENTRY_BYTES = 16,
	WINDOW_ENTRIES_MAX = 256,
};

void inflow_open(struct flow *flow, uint32_t window_bytes)
{
	struct inflow *in = &flow->in;

	if (!window_bytes)
		window_bytes = FLOW_WINDOW_BYTES;
	in->is_there = true;
	in->window_bytes =
		window_bytes > FRAME_MAX_BYTES ? window_bytes : FRAME_MAX_BYTES;
}

void inflow_grant(struct flow *flow, uint64_t n_bytes)
{
	flow->in.left_bytes += n_bytes;
}

void inflow_drop(struct flow *flow)
{
	struct assemblies *assemblies = &flow->bus->assemblies;
	struct assembly *assembly;

	if (!flow->in.is_begun)
		return;
	flow->in.is_begun = false;
	assembly = assembly_lookup(assemblies, flow->id);
	if (!assembly)
		return;
	assembly_take(assemblies, assembly);
	assembly_free(assembly);
}

/* What is left must always let the longest frame pass. */
static void grant_if_half(struct flow *flow)
{
	struct inflow *in = &flow->in;

	if (in->is_paused || in->is_ended || !in->owed_bytes ||
	    list_is_linked(&in->link))
		return;
	if (in->owed_bytes < in->window_bytes / 2 &&
	    in->left_bytes >= FRAME_MAX_BYTES)
		return;
	flow->bus->is_armed = false;
	list_push_back(&flow->bus->flows.owing, &in->link);
}

void inflow_owe(struct flow *flow, uint64_t n_bytes)
{
	flow->in.owed_bytes += n_bytes;
	grant_if_half(flow);
}

void inflow_pause(struct flow *flow)
{
	flow->in.is_paused = true;
}

void inflow_resume(struct flow *flow)
{
	flow->in.is_paused = false;
	grant_if_half(flow);
}

/* Returns whether the stream is still there. */
static bool call_back(struct flow *flow, const uint8_t *body, size_t n_body)
{
	struct flows *flows = &flow->bus->flows;

	flows->calling = flow;
	if (flow->call)
		helio_call_next(flow->call, body, n_body);
	else
		helio_request_next(flow->request, body, n_body);
	if (!flows->calling)
		return false;
	flows->calling = NULL;
	return true;
}

static void take_whole(struct flow *flow, const struct frame *frame,
		       const uint8_t *bytes)
{
	if (flow->in.is_begun) {
		client_violation(flow->bus, "a message within another");
		return;
	}
	if (call_back(flow, bytes + frame_body_offset(frame),
		      frame_body_bytes(frame)))
		inflow_owe(flow, frame->length);
}

static void begin(struct flow *flow, const struct frame *frame,
		  const uint8_t *bytes)
{
	struct helio *bus = flow->bus;
	struct assembly *assembly;
	int r;

	if (flow->in.is_begun || !(frame->flags & FRAME_EXTENDED) ||
	    frame->total_bytes > bus->message_max) {
		client_violation(bus, "a bad first fragment of a stream");
		return;
	}
	r = assembly_new(&bus->assemblies, frame, bytes, &assembly);
	if (r == -ENOMEM) {
		client_fail(bus, r, "no memory");
		return;
	}
	if (r < 0) {
		client_violation(bus, "a bad first fragment of a stream");
		return;
	}
	flow->in.is_begun = true;
	inflow_owe(flow, frame->length);
}

/* There was no room to keep it, and without it the stream is of no use. */
static void refuse(struct flow *flow)
{
	if (flow->call)
		helio_call_give_up(flow->call, HELIO_RESOURCE_EXHAUSTED,
				   "no room to assemble a reply");
	else
		helio_request_give_up(flow->request, HELIO_RESOURCE_EXHAUSTED,
				      "no room to assemble a request");
}

/* Out of the map first: the program's callback must not find it. */
static void finish(struct flow *flow, struct assembly *assembly,
		   uint64_t n_bytes)
{
	struct flows *flows = &flow->bus->flows;

	flow->in.is_begun = false;
	assembly_take(&flow->bus->assemblies, assembly);
	flows->told = assembly;
	if (assembly->is_dropped)
		refuse(flow);
	else if (call_back(flow, assembly_body(assembly),
			   assembly->first.total_bytes))
		inflow_owe(flow, n_bytes);
	assembly_free(take_ptr(flows->told));
}

static void take_following(struct flow *flow, const struct frame *frame,
			   const uint8_t *bytes)
{
	struct helio *bus = flow->bus;
	struct assembly *assembly = NULL;
	int r = -EPROTO;

	if (flow->in.is_begun)
		assembly = assembly_lookup(&bus->assemblies, flow->id);
	if (assembly)
		r = assembly_add(assembly, frame, bytes);
	if (r < 0)
		client_violation(bus, "a bad fragment of a stream");
	else if (r)
		finish(flow, assembly, frame->length);
	else
		inflow_owe(flow, frame->length);
}

void inflow_take(struct flow *flow, const struct frame *frame,
		 const uint8_t *bytes)
{
	struct inflow *in = &flow->in;

	if (!in->is_there || in->is_ended || frame->n_subject ||
	    frame->n_metadata) {
		client_violation(flow->bus, "NEXT where none goes");
		return;
	}
	if (frame->length > in->left_bytes) {
		client_violation(flow->bus,
				 "more of a stream than was granted");
		return;
	}
	in->left_bytes -= frame->length;
	if (frame_is_whole(frame))
		take_whole(flow, frame, bytes);
	else if (frame->flags & FRAME_FIRST)
		begin(flow, frame, bytes);
	else
		take_following(flow, frame, bytes);
}

static void write_entry(struct flow *flow, uint8_t *out)
{
	struct inflow *in = &flow->in;
	uint64_t n_bytes = in->is_paused ? 0 : in->owed_bytes;

	le64_store(out, flow->id);
	le64_store(out + 8, n_bytes);
	in->owed_bytes -= n_bytes;
	in->left_bytes += n_bytes;
}

/* How many entries one frame takes: not more than the channel's room does. */
static size_t count_entries(const struct helio *bus)
{
	size_t n_max = (bus->channel->n_out_max - FRAME_HEADER_BYTES) /
		       WINDOW_ENTRY_BYTES;
	const struct list *link;
	size_t n = 0;

	if (n_max > WINDOW_ENTRIES_MAX)
		n_max = WINDOW_ENTRIES_MAX;
	list_for_each (link, &bus->flows.owing)
		if (n++ == n_max)
			return n_max;
	return n;
}

static int grant_some(struct helio *bus)
{
	struct frame frame = { .kind = FRAME_WINDOW };
	size_t n = count_entries(bus);
	uint8_t *room;
	int r;

	frame_set_body(&frame, n * WINDOW_ENTRY_BYTES);
	r = outbox_reserve_urgent(bus, frame.length, &room);
	if (r < 0)
		return r;
	room += frame_encode(&frame, room);
	for (size_t i = 0; i < n; i++) {
		struct list *link = list_pop_front(&bus->flows.owing);

		write_entry(container_of(link, struct flow, in.link),
			    room + i * WINDOW_ENTRY_BYTES);
	}
	outbox_commit(bus, frame.length);
	return 0;
}

void inflows_grant(struct helio *bus)
{
	while (!list_is_empty(&bus->flows.owing))
		if (grant_some(bus) < 0)
			return;
}
