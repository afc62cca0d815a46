/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_DOORBELL_H
#define TRANSPORTS_VCHAN_DOORBELL_H

/**
 * One end of an event channel, with a handle of its own.
 *
 * The kernel masks a port when it has told of an event, until that event is
 * taken: however often the other side rings, we hear of it once per turn.
 */

#include <stdint.h>
#include <xenevtchn.h>

#include "transports/poller.h"

struct doorbell {
	xenevtchn_handle *handle; /* NULL: closed */
	evtchn_port_t port;
	struct poll_source source; /* `fd` is the handle's own */
	struct poller *poller;
};

/**
 * Open a port that only this domain can bind to; its number is for it. The
 * source's ready() is called when it rings. Returns 0 or a negative errno.
 */
int doorbell_offer(struct doorbell *doorbell, struct poller *poller,
		   uint32_t domid);

/**
 * Bind to a port that a domain offers. Returns 0, -ECONNREFUSED when there is
 * no such port or somebody else is bound to it, or another negative errno.
 */
int doorbell_bind(struct doorbell *doorbell, struct poller *poller,
		  uint32_t domid, evtchn_port_t port);

/** No more events of it are told, not even before it is closed. */
void doorbell_unwatch(struct doorbell *doorbell);

/** Safe on a zeroed one. */
void doorbell_close(struct doorbell *doorbell);

/** Wake the other side. Never blocks. */
void doorbell_ring(struct doorbell *doorbell);

/**
 * The source is ready: take the event. Returns 0, or -EIO when no more will
 * ever come; it is watched no longer.
 */
int doorbell_answer(struct doorbell *doorbell);

#endif
