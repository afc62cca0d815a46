/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_VCHAN_H
#define TRANSPORTS_VCHAN_VCHAN_H

/**
 * A channel over a pair of rings in granted pages, and an event channel.
 *
 * Frames begin at once: what shm: says by a socket, xenstore and the control
 * page have said here.
 */

#include "base/list.h"
#include "transports/ring.h"
#include "transports/vchan/doorbell.h"
#include "transports/vchan/pages.h"

struct vchan;

/** Whom a server's channel tells that it goes: the listener, if any is left. */
struct vchan_owner {
	void (*on_free)(struct vchan_owner *owner, struct vchan *vchan);
};

struct vchan {
	struct ring ring; /* its channel is ours */
	struct doorbell doorbell;
	struct vchan_pages pages;
	struct vchan_owner *owner; /* may be NULL */
	struct list link;          /* the owner's */
	uint64_t deadline_ns;      /* the owner's */
};

extern const struct channel_ops vchan_ops;

static inline struct vchan *vchan_of(struct channel *channel)
{
	return container_of(channel, struct vchan, ring.channel);
}

/**
 * The server's side: new pages for `domid` and a port that waits for it.
 * ready() is called when the port rings. Returns 0 and the control page's
 * grant, or a negative errno.
 */
int vchan_new_server(struct poller *poller, uint32_t domid,
		     const unsigned orders[2],
		     void (*ready)(struct poll_source *source, uint32_t events),
		     struct vchan **ret_vchan, uint32_t *ret_ring_ref);

/** Of a zeroed one, for who embeds it at its beginning. */
void vchan_init(struct vchan *vchan);

/** The client's side, whose pages and port are there. 0 or a negative errno. */
int vchan_start_client(struct vchan *vchan);

/** What the client's byte says: an enum ring_live, or what it likes. */
uint8_t vchan_client_live(const struct vchan *vchan);

/** A poll source's ready() once there is an owner: tells it to look. */
void vchan_ready(struct poll_source *source, uint32_t events);

/** The source's ready() was called: take the event. */
struct vchan *vchan_answer(struct poll_source *source);

/** The other side's domain is gone. The owner is told to look. */
void vchan_hang_up(struct vchan *vchan);

static inline struct vchan *vchan_free(struct vchan *vchan)
{
	if (vchan)
		channel_free(&vchan->ring.channel);
	return NULL;
}

#endif
