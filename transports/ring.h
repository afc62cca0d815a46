/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_RING_H
#define TRANSPORTS_RING_H

/**
 * vchan's pair of rings in shared memory, as a channel.
 *
 * Source of the format: xen/io/libxenvchan.h, and docs/PROTOCOL.md section 11.
 * The ring knows neither where its pages come from (a memfd, granted pages)
 * nor how the other side is woken (an eventfd, a socket, an event channel):
 * its owner maps the pages and gives a function.
 *
 * The peer may write anything to the shared memory at any time. Each of its
 * words is read once and checked against copies that only we can write; our
 * own words in the page are written and, but for a client's at the start, never
 * read. What breaks the rules
 * ends the channel with -EPROTO and a reason.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transports/channel.h"
#include "transports/seam.h"

enum {
	RING_ORDER_MIN = 10,
	RING_ORDER_MAX = 20,
	RING_ORDER_PAGES = 12, /* from here on a ring has pages of its own */
	RING_PAGE_BYTES = 4096,
};

enum ring_notify {
	RING_NOTIFY_WRITE = 1, /* tell me when you have written */
	RING_NOTIFY_READ = 2,  /* tell me when you have read */
};

enum ring_live {
	RING_GONE = 0,
	RING_LIVE = 1,
	RING_AWAITED = 2, /* of the client, before it has come */
};

/** The control page. The client writes left, the server writes right. */
struct ring_page {
	_Atomic uint32_t left_cons;
	_Atomic uint32_t left_prod;
	_Atomic uint32_t right_cons;
	_Atomic uint32_t right_prod;
	uint16_t left_order;
	uint16_t right_order;
	_Atomic uint8_t client_live;
	_Atomic uint8_t server_live;
	_Atomic uint8_t client_notify; /* what the server asks of the client */
	_Atomic uint8_t server_notify; /* what the client asks of the server */
	uint32_t grants[];             /* Xen's; not used here */
};

enum ring_role { RING_CLIENT, RING_SERVER };

struct ring;

/** What the owner brings; the pages stay mapped until ring_deinit(). */
struct ring_config {
	enum ring_role role;
	unsigned left_order;
	unsigned right_order;
	struct ring_page *page;
	/* For orders from RING_ORDER_PAGES on; else unused. */
	uint8_t *left;
	uint8_t *right;
	/* Each of the two a second time right behind the first. */
	bool is_mapped_twice;
	/* Wake the other side. Must not block. */
	void (*notify)(struct ring *ring);
};

/** One direction. Only `theirs` and the bytes are in the peer's reach. */
struct ring_flow {
	_Atomic uint32_t *ours;   /* the index that we move: written only */
	_Atomic uint32_t *theirs; /* the one that the peer moves */
	uint32_t position;        /* what we last published in `ours` */
	uint32_t seen;            /* the last of `theirs` that was right */
	uint32_t n_bytes;
	uint8_t *bytes;    /* the ring */
	struct seam *seam; /* NULL: it is mapped twice */
};

struct ring {
	struct channel channel; /* first; its ops are the owner's */
	struct ring_flow in;
	struct ring_flow out;
	_Atomic uint8_t *asked_of_us;
	_Atomic uint8_t *asked_of_them;
	_Atomic uint8_t *our_live;
	_Atomic uint8_t *their_live;
	void (*notify)(struct ring *ring);
	bool is_hung_up;
	int error; /* once the channel is over */
};

/** Whether two rings of these orders can share a control page. */
static inline bool ring_orders_are_legal(unsigned left, unsigned right)
{
	if (left < RING_ORDER_MIN || left > RING_ORDER_MAX)
		return false;
	if (right < RING_ORDER_MIN || right > RING_ORDER_MAX)
		return false;
	return left != right || left >= RING_ORDER_PAGES;
}

/** Bytes of own pages that a ring of this order needs. */
static inline size_t ring_pages_bytes(unsigned order)
{
	return order < RING_ORDER_PAGES ? 0 : (size_t)1 << order;
}

/**
 * Start a zeroed ring, whose channel may already have its ops, evidence,
 * on_ready and owner, on pages that are zeroed (server) or were set up by a
 * server (client), who goes on where an earlier client of it was. The orders
 * are legal. A client says that it is there: notify() is called. Returns 0,
 * -EPROTO when the server's indices cannot be, or -ENOMEM.
 */
int ring_init(struct ring *ring, const struct ring_config *config);

/** Say that we are gone, and let go of the pages. */
void ring_deinit(struct ring *ring);

/** The owner knows that the peer is dead: after its last bytes, -EPIPE. */
void ring_hang_up(struct ring *ring);

/** Both windows, as far as was seen last; for ring_init(). */
void ring_show(struct ring *ring);

/** For the owner's channel_ops. */
int ring_refill(struct channel *channel);
int ring_make_room(struct channel *channel, size_t n);
int ring_flush(struct channel *channel);
int ring_arm(struct channel *channel, bool for_room);

#endif
