/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_DRAIN_H
#define SWITCH_DRAIN_H

/**
 * Registrations that take no new call and go on with what they have: their
 * server wants to leave (DRAIN), or an operator wants it to, and then the
 * server is told. UNSERVE ends it.
 *
 * A leaf and its host tell each other, so that a registration drains at both
 * whichever was asked.
 */

struct envoy;
struct inbound;
struct peer;
struct registration;

/** DRAIN came in: it is answered by a RESULT. */
void drain(struct peer *peer, const struct inbound *inbound);

/** An operator wants it. It may be draining already. */
void drain_by_order(struct registration *registration);

/** In a leaf: the host says that it drains; or is to be told anew. */
void drain_by_host(struct registration *registration);
void drain_renew(const struct envoy *envoy,
		 const struct registration *registration);

#endif
