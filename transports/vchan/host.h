/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_HOST_H
#define TRANSPORTS_VCHAN_HOST_H

/**
 * A listener: the guests that it serves, their handshakes, and its timer.
 *
 * Domains are told, and channels offered, from the first turn after it was
 * made on. A client that has taken an offer has to say something in time.
 */

#include <stdint.h>

#include "transports/poller.h"
#include "transports/transport.h"
#include "transports/vchan/address.h"
#include "transports/vchan/domains.h"

struct guest;
struct vchan;

struct host {
	struct listener listener;
	struct list place; /* among those that listen */
	struct poller *poller;
	struct vchan_address address;
	struct domains *domains;
	struct vchan_follower follower;
	struct poll_source timer; /* owns a timerfd */
	struct list guests;
	struct list handshakes; /* by vchan.link, oldest first */
	unsigned n_handshakes;
	unsigned n_handshakes_max;
	uint64_t handshake_ns;
	unsigned orders[2]; /* of the rings */
	bool is_started;
	bool is_closed; /* only until the last channel is freed */
	/*
	 * Channels that are over, though an event of theirs may be under way:
	 * those of now, and those from before the timer last fired.
	 */
	struct list buried;
	struct list rotten;
};

/**
 * As transport->listen(). -EADDRINUSE when a listener of this process, in this
 * domain, has the port for a domain that this one is for as well; of other
 * processes it cannot be known, and who comes last has the keys.
 */
int vchan_listen(struct poller *poller, const struct vchan_address *address,
		 const struct transport_options *options,
		 struct listener **ret_listener);

/** A client has taken what it was offered. */
void host_shake(struct host *host, struct vchan *vchan, uint64_t now_ns);

/** Those that connected longest ago say nothing; the owner is told. */
void host_cut_off_oldest(struct host *host);

/** One in a handshake goes. */
void host_note_end(struct host *host);

/** A closed one has a channel less. It is freed with the last. */
void host_reap(struct host *host, struct guest *guest);

/** Free it when no event of it can be under way any more. */
void host_bury(struct host *host, struct vchan *vchan);

/** Something may be due earlier than before. */
void host_set_timer(struct host *host);

/** Tell the owner, if there is one still, what people should know. */
void host_say(struct host *host, const char *text);

/** Whether the client has taken it, but said nothing yet. */
bool host_is_shaking(const struct vchan *vchan);

#endif
