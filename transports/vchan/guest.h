/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_GUEST_H
#define TRANSPORTS_VCHAN_GUEST_H

/**
 * A domain that a listener serves, and what it has of us: at most one channel
 * that is offered and waits for a client, and those that clients have taken.
 *
 * While a channel waits its keys stand in xenstore, and nothing else is done
 * for it: the first client rings. Then the next is offered in its place, so
 * that the programs of a domain connect side by side; not more than
 * GUEST_CHANNELS_MAX in all, and not faster than GUEST_OFFER_NS allows, for
 * each offer costs us pages and a dozen calls, and who dies as soon as it is
 * born could have us make them for ever.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "transports/transport.h"
#include "transports/vchan/vchan.h"

struct host;

enum {
	GUEST_CHANNELS_MAX = 16,
	GUEST_OFFERS_MAX = 16, /* at a time; then one each GUEST_OFFER_NS */
};

#define GUEST_OFFER_NS  (20 * NS_PER_MS)
/* When there was no grant or port to be had, or the store said no. */
#define GUEST_FAILED_NS (1 * NS_PER_S)

struct guest {
	struct list link; /* in host.guests */
	struct host *host;
	struct transport_domain domain;
	struct vchan_owner owner; /* of its channels, not of the offer */
	bool is_served;
	bool has_keys;
	bool has_folder; /* in xenstore; it outlives offers */
	struct vchan *offer;
	struct list channels; /* that clients have, by vchan.link */
	unsigned n_channels;  /* these, and those in handshakes */
	unsigned n_offers_left;
	uint64_t counted_at_ns; /* when n_offers_left was right */
	uint64_t offer_at_ns;   /* 0: nothing is put off */
	bool has_failed;        /* the last offer, which was told */
};

/** Returns 0 or -ENOMEM. Nothing is offered before guest_update(). */
int guest_new(struct host *host, const struct transport_domain *domain,
	      struct guest **ret_guest);

/** Nothing is offered any more. Channels live on, and hold the guest. */
void guest_close(struct guest *guest);

/** Its domain is gone: its channels are hung up, and are somebody else's. */
void guest_free(struct guest *guest);

/** Offer, put off or withdraw, as it has become right. */
void guest_update(struct guest *guest, uint64_t now_ns);

static inline struct guest *guest_of(struct vchan *vchan)
{
	return container_of(vchan->owner, struct guest, owner);
}

#endif
