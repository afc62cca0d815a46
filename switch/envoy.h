/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ENVOY_H
#define SWITCH_ENVOY_H

/**
 * What stands at the host for a subscription or a registration of ours.
 *
 * It begins when a program asks and our own policy allows; the program has
 * what it asked for once the host allows it too. It is announced anew when the
 * uplink was away. A plain subscription gets its messages by a feed;
 * others have an id, and credit, of their own: of what the program grants, the
 * host may use all, or half where our own programs use it too.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "helio/bus/v1/control.pb-c.h"

struct ack;
struct ask;
struct feed;
struct inbound;
struct receiver;
struct registration;
struct subscription;
struct uplink;

/** In the ids of a renewal's SUBSCRIBE and SERVE, beside the envoy's. */
#define ENVOY_RENEWAL (UINT64_C(1) << 62)

struct envoy {
	struct map_node node; /* in uplink.envoys, by id */
	struct uplink *uplink;
	struct receiver *receiver; /* of ours, that it stands for */
	struct ask *ask;           /* that the host owes, or NULL */
	uint32_t id;
	bool is_there;   /* the host was asked, on this channel */
	bool is_allowed; /* it said yes, on this one or an earlier */
	bool is_active;  /* of a group's member: we choose among ours */

	struct feed *feed;     /* of a plain subscription */
	struct list feed_link; /* in its members */
	char *group;           /* or NULL */
	uint8_t *asked;        /* of SERVE: methods and schema */
	size_t n_asked;
	uint32_t credit_messages; /* that the host has left */
	uint64_t credit_bytes;
	uint32_t first; /* of a log: the delivery that is the host's 0 */
};

/**
 * Ask the host to let `subscription` be, which is in no table yet, and answer
 * the program when it has. Never returns anything: what goes wrong is told.
 */
void envoy_subscribe(struct uplink *uplink, struct subscription *subscription,
		     const char *group, uint64_t correlation);

/** The same for a registration. */
void envoy_serve(struct uplink *uplink, struct registration *registration,
		 const Helio__Bus__V1__Serve *asked, uint64_t correlation);

/** The receiver is being freed: the host is told. NULL is fine. */
void envoy_free(struct envoy *envoy);

/** The host has none: the receiver goes too. */
void envoy_drop(struct envoy *envoy);

/**
 * The host's RESULT of what was asked. Returns 0, or 1 when it said yes and we
 * have no memory for it.
 */
int envoy_settle(struct envoy *envoy, const struct inbound *inbound);

/** The program knows that it may: from now on it gets what is its. */
void envoy_activate(struct envoy *envoy);

/** A RESULT that nobody waits for: of a renewal, or of a new policy. */
void envoy_result(struct uplink *uplink, const struct inbound *inbound);

/** The program has granted more credit. NULL is fine. */
void envoy_top_up(struct envoy *envoy);

/** The host has used some of it. */
void envoy_spend(struct envoy *envoy, uint32_t n_messages, uint64_t n_bytes);

/** NULL if there is none of this id. */
struct envoy *envoy_lookup(const struct uplink *uplink, uint32_t id);

/** The registration that it stands for, if it does and is allowed; or NULL. */
struct registration *envoy_registration(const struct uplink *uplink,
					uint32_t id);

/** Send CREDIT. */
void envoy_grant(struct uplink *uplink, uint32_t id, uint32_t n_messages,
		 uint64_t n_bytes);

/** The log has answered a run of deliveries. */
void envoy_acked(const struct envoy *envoy, const struct ack *run);

/** Ask the host for all of them again, and forget what it had. */
void envoys_renew(struct uplink *uplink);

/** The uplink is away. */
void envoys_leave(struct uplink *uplink);

/** It is back: what came meanwhile is lost, nobody knows how much. */
void envoys_tell_gap(struct uplink *uplink);

#endif
