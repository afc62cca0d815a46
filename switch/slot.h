/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_SLOT_H
#define SWITCH_SLOT_H

/**
 * Slots: who waits for whose answer.
 *
 * A call opens one from its caller to its callee; a publish that wants to know
 * that it is on disk opens one from the publisher to the log. A slot ends when
 * it is answered, cancelled, too old, or when either side goes, and then the
 * caller is told; what comes after the end is nobody's.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "proto/status.h"

struct bus;
struct endpoint;
struct observation;
struct open;
struct peer;
struct receiver;
struct schema;
struct speaker;
struct call_stream;

enum slot_kind {
	SLOT_CALL,
	SLOT_STORED,
	SLOT_PUBLISH, /* which the host answers; its callee is the uplink */
};

struct slot {
	struct bus *bus;
	enum slot_kind kind;
	struct timer timer; /* the deadline */

	struct peer *caller;
	struct speaker *speaker; /* in whose name, on the caller's channel */
	uint64_t caller_id;
	struct list speaker_link;  /* in speaker.slots */
	struct map_node made_node; /* in peer.made of the caller */

	/* A registration, or the subscription of a log; NULL: it waits. */
	struct receiver *callee;
	uint64_t callee_id;
	uint64_t handed_ns;         /* when it got it */
	struct map_node taken_node; /* in peer.taken of the callee, but for
				     * SLOT_STORED */
	struct list callee_link; /* in the callee's list, or its endpoint's */

	/* Of a publish: what the host still owes, and how ours took it. */
	bool wants_routed;
	bool wants_stored;
	uint32_t n_took;
	uint32_t n_full;

	uint64_t id;         /* joins the copies that observers get */
	uint64_t room_bytes; /* that are left for the reply's body */
	struct observation *observation; /* if somebody observes; or NULL */
	struct open *request;            /* fragments still to come, or NULL */
	struct open *reply;
	struct call_stream *stream; /* of a call with one; or NULL */

	struct schema *schema;     /* of a call by a handle; a reference */
	bool may_wait;             /* the caller asked for it */
	bool awaits_registry;      /* it is held until schemas were judged */
	struct endpoint *waits_at; /* or NULL */
	uint8_t *held;       /* frames of a call that waits for a server */
	size_t n_held;       /* charged to the caller */
	uint64_t cost_bytes; /* of all its fragments, in a server's credit */
};

enum { SLOT_DEFAULT_MS = 30 * 1000 }; /* a deadline that was not told */

struct slot_table {
	struct list free; /* for reuse: a call allocates nothing */
	struct list free_streams;
	uint64_t n_slots;
	uint64_t n_ever;
};

void slot_table_init(struct slot_table *table);
void slot_table_deinit(struct slot_table *table);

/**
 * Open a slot for the id that the caller chose, which is not in use. Returns
 * 0, -EMFILE when its channel has calls_max of them, -EDQUOT when its account
 * has too many, or -ENOMEM.
 */
int slot_new(struct bus *bus, enum slot_kind kind, struct speaker *speaker,
	     uint64_t caller_id, struct slot **ret_slot);

/** In words, what slot_new() returned. */
void slot_refused_text(const struct speaker *caller, int r, char *text,
		       size_t n_text);

/** A stream may have none. */
static inline bool slot_has_deadline(const struct slot *slot)
{
	return list_is_linked(&slot->timer.link);
}

/** Nobody is told. */
void slot_free(struct slot *slot);

/** Nobody waits for it any more: its callee is told, its caller is not. */
void slot_drop(struct slot *slot);

/** It is `callee`'s to answer under the id `callee_id`. */
void slot_hand_over(struct slot *slot, struct receiver *callee,
		    uint64_t callee_id, struct list *callee_slots);

/** The slot that `caller` opened under this id, or NULL. */
struct slot *slot_lookup_made(const struct peer *caller, uint64_t id);

/** The call that `callee` has under this id, or NULL. */
struct slot *slot_lookup_taken(const struct peer *callee, uint64_t id);

/** End it: the caller is told why, and the callee that nobody waits. */
void slot_fail(struct slot *slot, enum status status, const char *text);

/** The log of these slots is gone. */
void slots_fail_stored(struct list *stored_slots);

#endif
