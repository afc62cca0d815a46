/* SPDX-License-Identifier: MIT */
#ifndef RPC_ACK_H
#define RPC_ACK_H

/**
 * Publishes that wait for word of what became of them.
 */

#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "proto/frame.h"
#include "rpc/deadline.h"
#include "rpc/heliograph.h"

struct ack {
	struct map_node node; /* in helio.acks */
	struct list link;     /* in helio.all_acks */
	struct deadline deadline;
	struct helio *bus;
	uint64_t id;
	uint32_t awaits; /* enum helio_publish_flags, not yet told */
	struct helio_ack told;
	helio_ack_fn on_ack;
	void *userdata;
	char log[FRAME_SUBJECT_MAX_BYTES + 1];
};

/** Returns 0, -EINVAL without on_ack, or -ENOMEM. */
int ack_new(struct helio *bus, uint64_t id,
	    const struct helio_publish_options *options, struct ack **ret_ack);

/** Without a callback: it was not sent. NULL is fine. */
void ack_free(struct ack *ack);

/** ACK came. Returns 0 or -ENOTCONN after a violation. */
int acks_take(struct helio *bus, const struct frame *frame,
	      const uint8_t *bytes);

/** REFUSED came, for a publish with or without an ack. */
void acks_refuse(struct helio *bus, const struct frame *frame,
		 const char *reason);

/** The connection is lost: each ends UNAVAILABLE. */
void acks_lose(struct helio *bus);

#endif
