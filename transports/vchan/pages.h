/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_VCHAN_PAGES_H
#define TRANSPORTS_VCHAN_PAGES_H

/**
 * The control page and the rings' pages: ours, granted to one domain, or
 * another's, mapped. All of them once (see transports/seam.h): a granted page
 * cannot be mapped again by who grants it, and each mapping of another's page
 * takes of a table that Xen bounds.
 *
 * Whoever maps or grants the control page leaves word with the kernel: when
 * the page goes away, as at the latest this process does, the byte that says
 * that we live is cleared and the port rings.
 */

#include <stdint.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "transports/ring.h"

struct vchan_pages {
	struct ring_page *page;
	uint8_t *left; /* NULL: in the control page */
	uint8_t *right;
	unsigned left_order;
	unsigned right_order;
	uint32_t domid;          /* of the other side */
	xengntshr_handle *given; /* server: ours */
	xengnttab_handle *taken; /* client: theirs */
};

/**
 * As the server: zeroed pages for rings of these orders, and the grants in
 * the control page. Returns 0 and the control page's own grant, or a negative
 * errno: -ENOSPC or -ENOMEM when there are no more grants to be had.
 */
int vchan_pages_give(struct vchan_pages *pages, uint32_t domid,
		     const unsigned orders[2], evtchn_port_t port,
		     uint32_t *ret_ring_ref);

/**
 * As the client: the control page, and nothing of it is believed. Without a
 * port no word is left with the kernel. Returns 0, -ECONNREFUSED when there is
 * no such page, or another negative errno.
 */
int vchan_pages_take(struct vchan_pages *pages, uint32_t domid,
		     uint32_t ring_ref, const evtchn_port_t *port);

/**
 * As the client: the rings. What the control page says of them is read once,
 * and checked. Returns 0, or a negative errno; -EPROTO comes with *ret_reason.
 */
int vchan_pages_take_rings(struct vchan_pages *pages, const char **ret_reason);

/** Safe on zeroed ones. */
void vchan_pages_free(struct vchan_pages *pages);

#endif
