/* SPDX-License-Identifier: MIT */

/* What the host says to what our programs published. */

#include <string.h>

#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/open.h"
#include "switch/slot.h"
#include "switch/uplink.h"
#include "switch/upward.h"

enum { TEXT_BYTES = 900 };

/* Who published it: the handle, and the id that it chose, are in the id. */
static struct source *publisher_of(const struct uplink *uplink, uint64_t id,
				   uint64_t *ret_id)
{
	const struct sources *sources = &uplink->bus->sources;
	uint64_t n = id & UPWARD_ID_MASK;
	const struct uplink_long_id *kept;

	if (!(id & UPWARD_LONG)) {
		*ret_id = n;
		return source_lookup(sources, (uint32_t)((id & ~UPWARD_PLAIN) >>
							 UPWARD_ID_BITS));
	}
	if (n >= uplink->n_long_ids || uplink->n_long_ids - n > UPLINK_LONG_IDS)
		return NULL;
	kept = &uplink->long_ids[n % UPLINK_LONG_IDS];
	*ret_id = kept->id;
	return source_lookup(sources, kept->handle);
}

static void tell_refused(struct speaker *speaker, uint64_t id,
			 const struct inbound *inbound)
{
	struct bus *bus = speaker->peer->bus;
	size_t n = inbound_body_bytes(inbound);
	char text[TEXT_BYTES];

	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	memcpy(text, inbound->tail + inbound->frame.n_metadata, n);
	text[n] = '\0';
	speaker->stats.n_refused++;
	bus->stats.n_refused++;
	peer_send_status(speaker->peer, FRAME_REFUSED, id,
			 (enum status)inbound->frame.status, text);
}

/* A whole message in fragments without an ack has a drawn id and no slot. */
static struct open *open_of(const struct uplink *uplink, uint64_t id)
{
	struct list *link;

	list_for_each (link, &uplink->bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);
		struct map_node *node = NULL;

		while ((node = map_walk(&peer->open, node))) {
			struct open *open =
				container_of(node, struct open, node);

			if (open->up_id == id)
				return open;
		}
	}
	return NULL;
}

void upward_refused(struct uplink *uplink, const struct inbound *inbound)
{
	uint64_t id = inbound->frame.correlation;
	struct slot *slot = NULL;
	struct open *open;
	struct source *source;

	if (id & UPWARD_PLAIN) {
		source = publisher_of(uplink, id, &id);
		if (source && source->speaker)
			tell_refused(source->speaker, id, inbound);
		return;
	}
	slot = slot_lookup_taken(uplink->peer, id);
	open = slot ? NULL : open_of(uplink, id);
	if (open)
		tell_refused(open->speaker, open->correlation, inbound);
	if (!slot || slot->kind != SLOT_PUBLISH)
		return;
	tell_refused(slot->speaker, slot->caller_id, inbound);
	slot_free(slot);
}

/* Ours are counted with theirs. */
static void tell_routed(struct slot *slot, uint32_t n_took, uint32_t n_full)
{
	struct ack ack = {
		.correlation = slot->caller_id,
		.count = 1,
		.n_took = slot->n_took + n_took,
		.n_full = slot->n_full + n_full,
	};

	ack_send(slot->caller, &ack, NULL);
}

static void tell_stored(struct slot *slot, const struct ack *entry,
			uint32_t offset, const char *log)
{
	struct ack ack = *entry;

	ack.correlation = slot->caller_id;
	ack.count = 1;
	ack.sequence += offset;
	ack_send(slot->caller, &ack, log);
}

/* The name has to last until all who are told of it were. */
static const char *keep_log_name(struct uplink *uplink,
				 const struct inbound *inbound)
{
	if (strcmp(uplink->log_name, inbound->subject) != 0) {
		ack_forget_log(uplink->bus, uplink->log_name);
		memcpy(uplink->log_name, inbound->subject,
		       inbound->frame.n_subject + 1);
	}
	return uplink->log_name;
}

/* Returns 0, or 1 when nobody waits for it, or ever did. */
static int take_one(struct uplink *uplink, const struct ack *entry, uint32_t i,
		    const char *log)
{
	struct slot *slot =
		slot_lookup_taken(uplink->peer, entry->correlation + i);

	if (!slot || slot->kind != SLOT_PUBLISH)
		return 1;
	if (!(entry->is_stored ? slot->wants_stored : slot->wants_routed))
		return 1;
	if (entry->is_stored) {
		slot->wants_stored = false;
		tell_stored(slot, entry, i, log);
	} else {
		slot->wants_routed = false;
		tell_routed(slot, entry->n_took, entry->n_full);
	}
	if (!slot->wants_routed && !slot->wants_stored)
		slot_free(slot);
	return 0;
}

/*
 * What misses is the answer to a publisher that is gone. Each of those was
 * counted when it went, so that a host cannot have us look for what never was,
 * for as long as it likes. Returns 0, or 1 when there were not so many.
 */
static int take_entry(struct uplink *uplink, const struct ack *entry,
		      const char *log)
{
	for (uint32_t i = 0; i < entry->count; i++) {
		if (!take_one(uplink, entry, i, log))
			continue;
		if (!uplink->n_unheard)
			return 1;
		uplink->n_unheard--;
	}
	return 0;
}

void upward_acked(struct uplink *uplink, const struct inbound *inbound)
{
	const uint8_t *body = inbound_settle(uplink->bus, inbound);
	size_t n = inbound_body_bytes(inbound);
	const char *log = keep_log_name(uplink, inbound);

	for (size_t at = 0; at + ACK_ENTRY_BYTES <= n; at += ACK_ENTRY_BYTES) {
		struct ack entry;

		if (ack_decode(body + at, &entry) ||
		    take_entry(uplink, &entry, log)) {
			uplink_end(uplink, "an ACK of what was not asked");
			return;
		}
	}
}

void upward_fail(struct slot *slot, enum status status)
{
	struct ack ack = {
		.correlation = slot->caller_id,
		.count = 1,
		.status = (uint16_t)status,
		.is_stored = true,
	};

	if (slot->wants_routed)
		tell_routed(slot, 0, 0);
	if (slot->wants_stored)
		ack_send(slot->caller, &ack, "");
}
