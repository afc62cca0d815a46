/* SPDX-License-Identifier: MIT */

#include "transports/vchan/vchan.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

static void wake(struct ring *ring)
{
	doorbell_ring(&container_of(ring, struct vchan, ring)->doorbell);
}

/* The byte and the bell first; then the pages, which still ring if they must.
 */
static void vchan_end(struct channel *channel)
{
	struct vchan *vchan = vchan_of(channel);

	if (vchan->owner)
		vchan->owner->on_free(vchan->owner, vchan);
	if (vchan->ring.our_live)
		ring_deinit(&vchan->ring);
	doorbell_unwatch(&vchan->doorbell);
	vchan_pages_free(&vchan->pages);
	doorbell_close(&vchan->doorbell);
	free(vchan);
}

const struct channel_ops vchan_ops = {
	.name = "vchan",
	.refill = ring_refill,
	.make_room = ring_make_room,
	.flush = ring_flush,
	.arm = ring_arm,
	.free = vchan_end,
};

void vchan_init(struct vchan *vchan)
{
	list_init(&vchan->link);
	vchan->ring.channel.ops = &vchan_ops;
	vchan->doorbell.source = (struct poll_source){
		.fd = -1,
		.ready = vchan_ready,
	};
}

static int start_server(struct vchan *vchan, struct poller *poller,
			uint32_t domid, const unsigned orders[2],
			uint32_t *ret_ring_ref)
{
	struct ring_config config = {
		.role = RING_SERVER,
		.left_order = orders[0],
		.right_order = orders[1],
		.notify = wake,
	};
	int r;

	r = doorbell_offer(&vchan->doorbell, poller, domid);
	if (r < 0)
		return r;
	r = vchan_pages_give(&vchan->pages, domid, orders, vchan->doorbell.port,
			     ret_ring_ref);
	if (r < 0)
		return r;
	config.page = vchan->pages.page;
	config.left = vchan->pages.left;
	config.right = vchan->pages.right;
	return ring_init(&vchan->ring, &config);
}

int vchan_new_server(struct poller *poller, uint32_t domid,
		     const unsigned orders[2],
		     void (*ready)(struct poll_source *source, uint32_t events),
		     struct vchan **ret_vchan, uint32_t *ret_ring_ref)
{
	struct vchan *vchan;
	int r;

	vchan = calloc(1, sizeof(*vchan));
	if (!vchan)
		return -ENOMEM;
	vchan_init(vchan);
	vchan->doorbell.source.ready = ready;
	r = start_server(vchan, poller, domid, orders, ret_ring_ref);
	if (r < 0) {
		vchan_free(vchan);
		return r;
	}
	*ret_vchan = vchan;
	return 0;
}

int vchan_start_client(struct vchan *vchan)
{
	struct ring_config config = {
		.role = RING_CLIENT,
		.left_order = vchan->pages.left_order,
		.right_order = vchan->pages.right_order,
		.page = vchan->pages.page,
		.left = vchan->pages.left,
		.right = vchan->pages.right,
		.notify = wake,
	};

	return ring_init(&vchan->ring, &config);
}

uint8_t vchan_client_live(const struct vchan *vchan)
{
	return atomic_load_explicit(&vchan->pages.page->client_live,
				    memory_order_acquire);
}

static void tell_owner(struct vchan *vchan)
{
	if (vchan->ring.channel.on_ready)
		vchan->ring.channel.on_ready(&vchan->ring.channel);
}

struct vchan *vchan_answer(struct poll_source *source)
{
	struct vchan *vchan =
		container_of(source, struct vchan, doorbell.source);

	if (doorbell_answer(&vchan->doorbell) < 0)
		ring_hang_up(&vchan->ring);
	return vchan;
}

void vchan_ready(struct poll_source *source, uint32_t events)
{
	tell_owner(vchan_answer(source));
}

void vchan_hang_up(struct vchan *vchan)
{
	ring_hang_up(&vchan->ring);
	tell_owner(vchan);
}
