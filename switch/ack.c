/* SPDX-License-Identifier: MIT */

#include "switch/ack.h"

#include <string.h>

#include "base/le.h"
#include "proto/frame.h"
#include "switch/message.h"
#include "switch/peer.h"

enum { FLAG_STORED = 1, FLAG_DUPLICATE = 2 };

void ack_encode(const struct ack *ack, uint8_t entry[ACK_ENTRY_BYTES])
{
	le64_store(entry, ack->correlation);
	le32_store(entry + 8, ack->count);
	le16_store(entry + 12, ack->status);
	entry[14] = (uint8_t)((ack->is_stored ? FLAG_STORED : 0) |
			      (ack->is_duplicate ? FLAG_DUPLICATE : 0));
	entry[15] = 0;
	if (ack->is_stored) {
		le64_store(entry + 16, ack->sequence);
	} else {
		le32_store(entry + 16, ack->n_took);
		le32_store(entry + 20, ack->n_full);
	}
}

int ack_decode(const uint8_t entry[ACK_ENTRY_BYTES], struct ack *ret_ack)
{
	struct ack ack = {
		.correlation = le64_load(entry),
		.count = le32_load(entry + 8),
		.status = le16_load(entry + 12),
		.is_stored = entry[14] & FLAG_STORED,
		.is_duplicate = entry[14] & FLAG_DUPLICATE,
	};

	if (!ack.count || ack.status >= N_STATUS || entry[15] ||
	    entry[14] & ~(FLAG_STORED | FLAG_DUPLICATE))
		return 1;
	if (ack.is_stored) {
		ack.sequence = le64_load(entry + 16);
	} else {
		ack.n_took = le32_load(entry + 16);
		ack.n_full = le32_load(entry + 20);
	}
	*ret_ack = ack;
	return 0;
}

/* Whether `next` can be counted into `last`. */
static bool continues(const struct ack *last, const struct ack *next)
{
	return next->correlation == last->correlation + last->count &&
	       next->status == last->status &&
	       next->is_stored == last->is_stored &&
	       next->is_duplicate == last->is_duplicate &&
	       (next->is_stored ? next->sequence == last->sequence + last->count
				: next->n_took == last->n_took &&
					  next->n_full == last->n_full);
}

void ack_send(struct peer *peer, const struct ack *ack, const char *log)
{
	struct ack_batch *batch = &peer->acks;

	if (batch->n_entries) {
		struct ack *last = &batch->entries[batch->n_entries - 1];

		if (batch->log == log && continues(last, ack)) {
			last->count += ack->count;
			return;
		}
		if (batch->log != log || batch->n_entries == ACK_ENTRIES_MAX)
			ack_flush(peer);
	}
	batch->log = log;
	batch->entries[batch->n_entries++] = *ack;
	peer_mark_dirty(peer);
}

void ack_flush(struct peer *peer)
{
	struct ack_batch *batch = &peer->acks;
	uint8_t body[ACK_ENTRIES_MAX * ACK_ENTRY_BYTES];
	struct frame frame = { .kind = FRAME_ACK };
	struct message message = {
		.subject = batch->log ? batch->log : "",
		.n_subject = batch->log ? strlen(batch->log) : 0,
		.tail = body,
		.n_tail = batch->n_entries * ACK_ENTRY_BYTES,
	};

	if (!batch->n_entries)
		return;
	for (size_t i = 0; i < batch->n_entries; i++)
		ack_encode(&batch->entries[i], body + i * ACK_ENTRY_BYTES);
	batch->n_entries = 0;
	message_set_frame(&message, &frame);
	peer_send_message(peer, &message, 0);
}

void ack_forget_log(struct bus *bus, const char *log)
{
	struct list *link;

	list_for_each (link, &bus->peers) {
		struct peer *peer = container_of(link, struct peer, link);

		if (peer->acks.log != log)
			continue;
		ack_flush(peer);
		peer->acks.log = NULL;
	}
}
