/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_ACK_H
#define SWITCH_ACK_H

/**
 * Acks on their way to a publisher, gathered over a turn: runs of ids that
 * were answered alike become one entry, and all entries of a turn one frame.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bus;
struct peer;

enum {
	ACK_ENTRY_BYTES = 24,
	ACK_ENTRIES_MAX = 32,
};

/** One entry as docs/PROTOCOL.md section 7 has it. */
struct ack {
	uint64_t correlation;
	uint32_t count;
	uint16_t status;
	bool is_stored;
	bool is_duplicate;
	uint64_t sequence; /* stored */
	uint32_t n_took;   /* routed */
	uint32_t n_full;   /* routed */
};

struct ack_batch {
	struct ack entries[ACK_ENTRIES_MAX];
	size_t n_entries;
	const char *log; /* of the stored ones; borrowed from the log */
};

void ack_encode(const struct ack *ack, uint8_t entry[ACK_ENTRY_BYTES]);

/** Returns 0, or 1 for an entry that says nothing sensible. */
int ack_decode(const uint8_t entry[ACK_ENTRY_BYTES], struct ack *ret_ack);

/** Tell `peer`, at the latest when its acks are flushed. */
void ack_send(struct peer *peer, const struct ack *ack, const char *log);
void ack_flush(struct peer *peer);

/** The log goes: send at once what still names it. */
void ack_forget_log(struct bus *bus, const char *log);

#endif
