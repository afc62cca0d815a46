/* SPDX-License-Identifier: MIT */

/* How a ring begins, in either role, and how it ends. */

#include <errno.h>
#include <stdatomic.h>

#include "transports/ring.h"

_Static_assert(offsetof(struct ring_page, right_cons) == 8, "vchan's layout");
_Static_assert(offsetof(struct ring_page, left_order) == 16, "vchan's layout");
_Static_assert(offsetof(struct ring_page, client_live) == 20, "vchan's layout");
_Static_assert(offsetof(struct ring_page, grants) == 24, "vchan's layout");

static int flow_init(struct ring_flow *flow, const struct ring_config *config,
		     unsigned order, uint8_t *pages)
{
	bool is_in_page = order < RING_ORDER_PAGES;

	flow->n_bytes = (uint32_t)1 << order;
	flow->bytes =
		is_in_page ? (uint8_t *)config->page + flow->n_bytes : pages;
	if (config->is_mapped_twice && !is_in_page)
		return 0;
	return seam_new(flow->bytes, flow->n_bytes, &flow->seam);
}

static void flow_deinit(struct ring_flow *flow)
{
	flow->seam = seam_free(flow->seam);
}

static size_t flow_window(const struct ring_flow *flow)
{
	return flow->seam ? flow->seam->n_side : flow->n_bytes;
}

static void deinit_flows(struct ring *ring)
{
	flow_deinit(&ring->in);
	flow_deinit(&ring->out);
}

static int init_flows(struct ring *ring, const struct ring_config *config)
{
	bool is_client = config->role == RING_CLIENT;
	struct ring_flow *left = is_client ? &ring->out : &ring->in;
	struct ring_flow *right = is_client ? &ring->in : &ring->out;
	struct ring_page *page = config->page;
	int r;

	left->ours = is_client ? &page->left_prod : &page->left_cons;
	left->theirs = is_client ? &page->left_cons : &page->left_prod;
	right->ours = is_client ? &page->right_cons : &page->right_prod;
	right->theirs = is_client ? &page->right_prod : &page->right_cons;

	r = flow_init(left, config, config->left_order, config->left);
	if (r < 0)
		return r;
	r = flow_init(right, config, config->right_order, config->right);
	if (r < 0)
		flow_deinit(left);
	return r;
}

/*
 * A server may keep its ring for one client after the other, and goes on where
 * the last one was. Only here do we read words of our own, and nobody has
 * relied on them yet.
 */
static int resume(struct ring *ring)
{
	struct ring_flow *in = &ring->in;
	struct ring_flow *out = &ring->out;

	in->position = atomic_load_explicit(in->ours, memory_order_seq_cst);
	in->seen = in->position;
	out->position = atomic_load_explicit(out->ours, memory_order_seq_cst);
	out->seen = atomic_load_explicit(out->theirs, memory_order_seq_cst);
	if (out->position - out->seen <= out->n_bytes)
		return 0;
	ring->error = -EPROTO;
	ring->channel.reason = "a ring's index ran ahead of the ring";
	return -EPROTO;
}

static void join(struct ring *ring, const struct ring_config *config)
{
	struct ring_page *page = config->page;

	ring->asked_of_us = &page->client_notify;
	ring->asked_of_them = &page->server_notify;
	ring->our_live = &page->client_live;
	ring->their_live = &page->server_live;
	atomic_fetch_or_explicit(&page->server_notify, RING_NOTIFY_WRITE,
				 memory_order_relaxed);
	atomic_store_explicit(&page->client_live, RING_LIVE,
			      memory_order_release);
	ring->notify(ring);
}

/* What upstream's server leaves behind, as a client that joins expects it. */
static void prepare(struct ring *ring, const struct ring_config *config)
{
	struct ring_page *page = config->page;

	ring->asked_of_us = &page->server_notify;
	ring->asked_of_them = &page->client_notify;
	ring->our_live = &page->server_live;
	ring->their_live = &page->client_live;
	page->left_order = (uint16_t)config->left_order;
	page->right_order = (uint16_t)config->right_order;
	atomic_store_explicit(&page->client_live, RING_AWAITED,
			      memory_order_relaxed);
	atomic_store_explicit(&page->client_notify, RING_NOTIFY_WRITE,
			      memory_order_relaxed);
	atomic_store_explicit(&page->server_live, RING_LIVE,
			      memory_order_release);
}

int ring_init(struct ring *ring, const struct ring_config *config)
{
	int r;

	ring->notify = config->notify;
	r = init_flows(ring, config);
	if (r < 0)
		return r;
	if (config->role == RING_CLIENT)
		r = resume(ring);
	if (r < 0) {
		deinit_flows(ring);
		return r;
	}

	ring_show(ring);
	ring->channel.n_in_max = flow_window(&ring->in);
	ring->channel.n_out_max = flow_window(&ring->out);
	if (config->role == RING_CLIENT)
		join(ring, config);
	else
		prepare(ring, config);
	return 0;
}

void ring_deinit(struct ring *ring)
{
	atomic_store_explicit(ring->our_live, RING_GONE, memory_order_seq_cst);
	ring->notify(ring);
	deinit_flows(ring);
}
