/* SPDX-License-Identifier: MIT */

#include "rpc/flow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "rpc/call.h"
#include "rpc/client.h"
#include "rpc/request.h"

enum {
	WINDOW_ENTRY_BYTES = 16,
	WINDOW_MAX_BYTES = 256 * WINDOW_ENTRY_BYTES,
	/* So many signs of life come before the idle limit. */
	SIGNS_PER_LIMIT = 3,
};

void flows_init(struct flows *flows)
{
	*flows = (struct flows){ 0 };
	list_init(&flows->calls);
	list_init(&flows->owing);
	list_init(&flows->ready);
}

static int start_keepalive(struct helio *bus)
{
	uint64_t idle_ns = bus->flows.idle_ms * NS_PER_MS;

	return deadlines_add(&bus->deadlines, &bus->flows.keepalive,
			     clock_now_ns() + idle_ns / SIGNS_PER_LIMIT);
}

/* One sign of life for each, however much it owes. */
static void on_keepalive(struct deadline *deadline)
{
	struct helio *bus =
		container_of(deadline, struct helio, flows.keepalive);
	struct list *link;

	list_for_each (link, &bus->flows.calls) {
		struct flow *flow = container_of(link, struct flow, link);

		if (!list_is_linked(&flow->in.link))
			list_push_back(&bus->flows.owing, &flow->in.link);
	}
	bus->is_armed = false;
	if (start_keepalive(bus) < 0)
		client_fail(bus, -ENOMEM, "no memory");
}

void flows_keep_alive(struct helio *bus, uint32_t idle_ms)
{
	bus->flows.idle_ms = idle_ms;
	bus->flows.keepalive.on_expiry = on_keepalive;
}

void flows_pump(struct helio *bus)
{
	inflows_grant(bus);
	outflows_pump(bus);
}

bool flows_are_waiting(const struct helio *bus)
{
	return !list_is_empty(&bus->flows.owing) ||
	       !list_is_empty(&bus->flows.ready);
}

int flow_new(struct helio *bus, struct helio_call *call,
	     struct helio_request *request, struct flow **ret_flow)
{
	struct flows *flows = &bus->flows;
	struct flow *flow;

	if (call && flows->idle_ms && !flows->keepalive.place) {
		int r = start_keepalive(bus);

		if (r < 0)
			return r;
	}
	flow = malloc(sizeof(*flow));
	if (!flow)
		return -ENOMEM;
	*flow = (struct flow){
		.bus = bus,
		.call = call,
		.request = request,
		.id = call ? call->id : request->id,
	};
	list_init(&flow->link);
	list_init(&flow->in.link);
	list_init(&flow->out.link);
	if (call)
		list_push_back(&flows->calls, &flow->link);
	*ret_flow = flow;
	return 0;
}

void flow_free(struct flow *flow)
{
	struct flows *flows;

	if (!flow)
		return;
	flows = &flow->bus->flows;
	if (flows->calling == flow)
		flows->calling = NULL;
	inflow_drop(flow);
	outflow_stop(flow);
	list_unlink(&flow->in.link);
	list_unlink(&flow->link);
	if (list_is_empty(&flows->calls))
		deadlines_remove(&flow->bus->deadlines, &flows->keepalive);
	free(flow);
}

/*
 * Returns whether there is a call of that id; *ret_flow is NULL when it has
 * no stream.
 */
static bool find(const struct helio *bus, uint64_t id, struct flow **ret_flow)
{
	const struct helio_request *request;
	const struct helio_call *call;

	if (id & FRAME_SWITCH_DRAWN) {
		request = helio_request_lookup(bus, id);
		*ret_flow = request ? request->flow : NULL;
		return request;
	}
	call = helio_call_lookup(bus, id);
	*ret_flow = call ? call->flow : NULL;
	return call;
}

void flow_take_next(struct helio *bus, const struct frame *frame,
		    const uint8_t *bytes)
{
	struct flow *flow;

	if (!find(bus, frame->correlation, &flow))
		return;
	if (!flow)
		client_violation(bus, "NEXT of a call that is no stream");
	else
		inflow_take(flow, frame, bytes);
}

void flow_take_end(struct helio *bus, const struct frame *frame)
{
	struct flow *flow;

	if (!find(bus, frame->correlation, &flow))
		return;
	if (!flow || !flow->request || !flow->in.is_there ||
	    flow->in.is_ended || flow->in.is_begun || frame_body_bytes(frame)) {
		client_violation(bus, "END where none goes");
		return;
	}
	flow->in.is_ended = true;
	list_unlink(&flow->in.link);
	bus->flows.calling = flow;
	helio_request_finish(flow->request);
	bus->flows.calling = NULL;
}

static void take_entry(struct helio *bus, const uint8_t *entry)
{
	struct flow *flow;

	if (find(bus, le64_load(entry), &flow) && flow)
		outflow_credit(flow, le64_load(entry + 8));
}

void flow_take_window(struct helio *bus, const struct frame *frame,
		      const uint8_t *body)
{
	size_t n = frame_body_bytes(frame);
	uint8_t copy[WINDOW_MAX_BYTES];

	if (!n || n > sizeof(copy) || n % WINDOW_ENTRY_BYTES) {
		client_violation(bus, "WINDOW of a bad length");
		return;
	}
	memcpy(copy, body, n);
	for (size_t at = 0; at < n; at += WINDOW_ENTRY_BYTES)
		take_entry(bus, copy + at);
}
