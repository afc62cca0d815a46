/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_OPEN_H
#define SWITCH_OPEN_H

/**
 * Messages that have begun: their first fragment has passed, others follow.
 *
 * Who gets a message is decided at its first fragment, once and for all; here
 * that decision is kept until the last has passed. The sender is charged, and
 * must not pause for long.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "proto/frame.h"
#include "switch/open_target.h"

struct inbound;
struct peer;
struct slot;
struct speaker;

struct open {
	struct map_node node; /* in peer.open */
	struct peer *sender;
	struct speaker *speaker;  /* in whose name, on the sender's channel */
	struct list speaker_link; /* in speaker.open */
	uint64_t correlation;
	uint8_t kind;       /* FRAME_MESSAGE, FRAME_CALL or FRAME_REPLY */
	uint8_t n_hops;     /* that its first fragment had made */
	uint64_t n_left;    /* bytes of the body that are still to come */
	uint64_t n_small;   /* small fragments that may still come */
	struct timer timer; /* the pause between fragments */
	uint64_t up_id;    /* by which it goes up to the host; 0: it does not */
	struct slot *slot; /* of a call or a reply; NULL: over */
	size_t n_targets;
	const char *subject; /* to judge it by again; NULL: it needs no more */
	size_t n_subject;
	struct open_target targets[];
};

/**
 * `frame` is a first fragment whose total length was checked, and whose
 * correlation id is not in use; `subject` is what policy allowed, or NULL when
 * there is nothing to judge. There is room for `n_targets`, of which none is
 * set yet. Returns 0, or 1 when the sender may begin no more: then it was
 * ended.
 */
int open_begin(struct speaker *speaker, const struct frame *frame,
	       const char *subject, size_t n_targets, struct open **ret_open);

/** Policy has changed: if it is no longer allowed, it ends. */
void open_judge(struct open *open);

/** Nobody is told. */
void open_free(struct open *open);

/** NULL if the sender has begun no such message. */
struct open *open_lookup(const struct peer *sender, uint64_t correlation);

/**
 * Pass on a fragment that is not the first. Returns 0, or 1 when it breaks the
 * rules and *ret_reason says which.
 */
int open_continue(struct peer *sender, const struct inbound *inbound,
		  const char **ret_reason);

/** It will not be finished: tell all who have its beginning, and free it. */
void open_abort(struct open *open);

/** The slot goes; NULL is fine. */
void open_lose_slot(struct open *open);

#endif
