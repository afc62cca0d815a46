/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ASK_H
#define SWITCH_ASK_H

/**
 * What our programs asked of the host, and wait for the RESULT of.
 *
 * RESULTs come in the order of what was asked, on the uplink and on each
 * program's channel. So an answer that we know ourselves waits behind those
 * that the host still owes to the same program.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/frame.h"
#include "proto/status.h"

struct envoy;
struct inbound;
struct peer;
struct source;
struct uplink;

struct ask {
	struct list link;     /* in uplink.asks */
	struct peer *peer;    /* who waits; NULL: nobody any more */
	struct envoy *envoy;  /* of SUBSCRIBE and SERVE; NULL: gone meanwhile */
	uint64_t correlation; /* the program's */
	uint64_t id;          /* ours; 0: it was never sent */
	enum status status;   /* if so */
	bool stands;          /* it holds here though the host is away */
	char text[];
};

/**
 * Remember that `peer` waits for the RESULT of what is sent next. It is
 * charged. Returns 0 and the id to send it under, or 1 when the peer was told
 * that it cannot be.
 */
int ask_new(struct uplink *uplink, struct peer *peer, uint64_t correlation,
	    struct envoy *envoy, uint64_t *ret_id);

/**
 * What was asked last is so here, and the host is told again when it is back:
 * the RESULT is OK if the uplink is away before it comes.
 */
void ask_stands(struct uplink *uplink);

/** Send a RESULT of our own, in its turn. */
void ask_answer(struct peer *peer, uint64_t correlation, enum status status,
		const char *text);

/** SYNC came: in a leaf the host, too, is to have dealt with all before. */
void ask_sync(struct peer *peer, const struct source *source,
	      uint64_t correlation);

/** A RESULT came. */
void asks_take(struct uplink *uplink, const struct inbound *inbound);

/** The uplink is away: all are answered so. */
void asks_lose(struct uplink *uplink);

/** The peer is gone. */
void asks_forget(struct uplink *uplink, struct peer *peer);

#endif
