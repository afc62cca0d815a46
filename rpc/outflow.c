/* SPDX-License-Identifier: MIT */

#include "rpc/outflow.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/call.h"
#include "rpc/client.h"
#include "rpc/request.h"

/* With less there is no use in a fragment. */
enum { CREDIT_MIN_BYTES = FRAME_HEADER_MAX_BYTES + 1 };

static bool has_credit(const struct flow *flow)
{
	return flow->out.credit_bytes >= CREDIT_MIN_BYTES;
}

/*
 * The header of the next frame of a message, and how much of the body goes in
 * it. Returns -EAGAIN when the credit is not enough for any.
 */
static int cut(const struct flow *flow, size_t n_gone, size_t n_total,
	       struct frame *ret_frame, size_t *ret_n)
{
	size_t n_max = flow->bus->fragment_bytes;
	size_t n_left = n_total - n_gone;
	struct frame frame = {
		.kind = FRAME_NEXT,
		.correlation = flow->id,
	};

	if (n_max > flow->out.credit_bytes)
		n_max = flow->out.credit_bytes;
	if (!n_gone && FRAME_HEADER_BYTES + n_left <= n_max) {
		frame.flags = FRAME_WHOLE;
	} else if (!n_gone) {
		frame.flags = FRAME_FIRST | FRAME_EXTENDED;
		frame.total_bytes = n_total;
	}
	if (n_left && n_max <= frame_header_bytes(&frame))
		return -EAGAIN;
	if (n_max < frame_header_bytes(&frame))
		return -EAGAIN;
	*ret_n = n_max - frame_header_bytes(&frame);
	if (*ret_n >= n_left) {
		*ret_n = n_left;
		frame.flags |= FRAME_LAST;
	}
	frame_set_body(&frame, *ret_n);
	*ret_frame = frame;
	return 0;
}

/* A ring may have a seam that no whole frame passes: then it goes in pieces. */
static int write_frame(struct helio *bus, const struct frame *frame,
		       const uint8_t *body)
{
	size_t n_body = frame_body_bytes(frame);
	uint8_t *room;
	int r = outbox_reserve(bus, frame->length, &room);
	bool is_in_place = !r;

	if (r == -EMSGSIZE)
		r = outbox_push(bus, frame->length, &room);
	if (r < 0)
		return r;
	room += frame_encode(frame, room);
	if (n_body)
		memcpy(room, body, n_body);
	if (is_in_place)
		outbox_commit(bus, frame->length);
	else
		outbox_pump(bus);
	return 0;
}

/* Send one frame of a message; *n_gone grows by what went of its body. */
static int send_frame(struct flow *flow, const uint8_t *body, size_t n_total,
		      size_t *n_gone)
{
	struct frame frame;
	size_t n;
	int r;

	r = cut(flow, *n_gone, n_total, &frame, &n);
	if (r < 0)
		return r;
	r = write_frame(flow->bus, &frame, body + *n_gone);
	if (r < 0)
		return r;
	flow->out.credit_bytes -= frame.length;
	*n_gone += n;
	return frame.flags & FRAME_LAST ? 1 : 0;
}

static int send_all(struct flow *flow, const uint8_t *body, size_t n_total,
		    size_t *n_gone)
{
	int r;

	do
		r = send_frame(flow, body, n_total, n_gone);
	while (!r);
	return r;
}

/* There is credit, or an end to be told: what lacks is room, or a turn. */
static void be_ready(struct flow *flow)
{
	struct outflow *out = &flow->out;

	if (list_is_linked(&out->link))
		return;
	flow->bus->is_armed = false;
	list_push_back(&flow->bus->flows.ready, &out->link);
}

static int refuse(struct flow *flow)
{
	flow->out.was_refused = true;
	if (has_credit(flow) && !flow->out.rest)
		be_ready(flow);
	return -EAGAIN;
}

static int keep_rest(struct flow *flow, const uint8_t *body, size_t n_gone,
		     size_t n_total)
{
	struct outflow *out = &flow->out;

	out->rest = malloc(n_total);
	if (!out->rest)
		return client_fail(flow->bus, -ENOMEM, "no memory");
	memcpy(out->rest, body, n_total);
	out->n_gone = n_gone;
	out->n_total = n_total;
	if (has_credit(flow))
		be_ready(flow);
	return 0;
}

int outflow_send(struct flow *flow, const void *body, size_t n_body)
{
	struct outflow *out = &flow->out;
	size_t n_gone = 0;
	int r;

	if (!out->is_there || out->is_ending)
		return -EPIPE;
	if (!client_is_welcome(flow->bus))
		return -ENOTCONN;
	if (n_body > flow->bus->send_max)
		return -EMSGSIZE;
	if (out->rest || !has_credit(flow))
		return refuse(flow);
	r = send_all(flow, body, n_body, &n_gone);
	if (r > 0)
		return 0;
	/* Half a message must be followed by its other half. */
	if (n_gone && r != -ENOTCONN)
		return keep_rest(flow, body, n_gone, n_body);
	return r == -EAGAIN ? refuse(flow) : r;
}

void outflow_credit(struct flow *flow, uint64_t n_bytes)
{
	struct outflow *out = &flow->out;

	if (__builtin_add_overflow(out->credit_bytes, n_bytes,
				   &out->credit_bytes))
		out->credit_bytes = UINT64_MAX;
	if (has_credit(flow) && (out->rest || out->was_refused))
		be_ready(flow);
}

static int send_end(struct flow *flow)
{
	return flow->call ? helio_call_send_end(flow->call)
			  : helio_request_send_end(flow->request);
}

void outflow_end(struct flow *flow)
{
	flow->out.is_ending = true;
	if (!flow->out.rest && send_end(flow) < 0)
		be_ready(flow);
}

void outflow_stop(struct flow *flow)
{
	struct outflow *out = &flow->out;

	free(out->rest);
	out->rest = NULL;
	out->is_ending = true;
	list_unlink(&out->link);
}

/* The rest is gone: the end, or the program may go on. */
static int finish(struct flow *flow)
{
	struct flows *flows = &flow->bus->flows;
	struct outflow *out = &flow->out;

	free(out->rest);
	out->rest = NULL;
	if (out->is_ending)
		return send_end(flow);
	if (!out->was_refused || !has_credit(flow))
		return 0;
	out->was_refused = false;
	flows->calling = flow;
	if (flow->call)
		helio_call_writable(flow->call);
	else
		helio_request_writable(flow->request);
	flows->calling = NULL;
	return 0;
}

/* Returns a negative errno when it has to wait, for room or for memory. */
static int pump(struct flow *flow)
{
	struct outflow *out = &flow->out;
	int r = 1;

	if (out->rest)
		r = send_all(flow, out->rest, out->n_total, &out->n_gone);
	if (r == -EAGAIN && !has_credit(flow))
		return 0;
	return r < 0 ? r : finish(flow);
}

/*
 * Each has its turn once: what becomes ready meanwhile, for it was refused
 * again, waits for the next. Who finds no room waits behind the others.
 */
void outflows_pump(struct helio *bus)
{
	struct list *ready = &bus->flows.ready;
	struct list round = LIST_INIT(round);
	struct list *link;

	if (outbox_is_waiting(&bus->outbox))
		return;
	list_splice_back(&round, ready);
	while ((link = list_pop_front(&round))) {
		struct flow *flow = container_of(link, struct flow, out.link);
		int r = pump(flow);

		if (!r || r == -ENOTCONN)
			continue;
		list_splice_back(&round, ready);
		list_splice_back(ready, &round);
		list_push_back(ready, link);
		return;
	}
}
