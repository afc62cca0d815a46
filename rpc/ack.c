/* SPDX-License-Identifier: MIT */

#include "rpc/ack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/le.h"
#include "rpc/client.h"
#include "rpc/incoming.h"

enum {
	ENTRY_BYTES = 24,
	ENTRIES_MAX = 2048,
	ENTRY_STORED = 1 << 0,
	ENTRY_DUPLICATE = 1 << 1,
	/* A run may hold so many that we no longer wait for. */
	EXPIRED_MAX = 65536,
	/* The switch ends what takes too long; we do if it does not. */
	BACKSTOP_MS = 500,
};

void ack_free(struct ack *ack)
{
	if (!ack)
		return;
	map_remove(&ack->bus->acks, &ack->node);
	list_unlink(&ack->link);
	deadlines_remove(&ack->bus->deadlines, &ack->deadline);
	free(ack);
}

/* Taken out before the callback, which may publish and ask again. */
static void end(struct ack *ack)
{
	map_remove(&ack->bus->acks, &ack->node);
	list_unlink(&ack->link);
	deadlines_remove(&ack->bus->deadlines, &ack->deadline);
	ack->on_ack(ack->bus, &ack->told, ack->userdata);
	free(ack);
}

static void end_badly(struct ack *ack, unsigned status, const char *reason)
{
	ack->told.status = status;
	ack->told.reason = reason;
	end(ack);
}

static void on_expiry(struct deadline *deadline)
{
	end_badly(container_of(deadline, struct ack, deadline),
		  HELIO_DEADLINE_EXCEEDED, "no ack came in time");
}

int ack_new(struct helio *bus, uint64_t id,
	    const struct helio_publish_options *options, struct ack **ret_ack)
{
	uint64_t timeout_ms = options->timeout_ms;
	struct ack *ack;
	int r;

	if (!options->on_ack)
		return -EINVAL;
	ack = malloc(sizeof(*ack));
	if (!ack)
		return -ENOMEM;

	*ack = (struct ack){
		.bus = bus,
		.id = id,
		.awaits =
			options->flags & (HELIO_ACK_ROUTED | HELIO_ACK_STORED),
		.told = { .reason = "" },
		.on_ack = options->on_ack,
		.userdata = options->userdata,
		.deadline = { .on_expiry = on_expiry },
	};
	timeout_ms = timeout_ms ? timeout_ms : TIMEOUT_DEFAULT_MS;
	r = deadlines_add(&bus->deadlines, &ack->deadline,
			  clock_coarse_ns() +
				  (timeout_ms + BACKSTOP_MS) * NS_PER_MS);
	if (r < 0) {
		free(ack);
		return r;
	}
	map_add(&bus->acks, &ack->node, map_hash_u64(id));
	list_push_back(&bus->all_acks, &ack->link);
	*ret_ack = ack;
	return 0;
}

static struct ack *lookup(const struct helio *bus, uint64_t id)
{
	struct map_node *node = map_lookup(&bus->acks, map_hash_u64(id));

	for (; node; node = map_next(node)) {
		struct ack *ack = container_of(node, struct ack, node);

		if (ack->id == id)
			return ack;
	}
	return NULL;
}

/* With both flags two entries come: the callback sees them as one. */
static void take_one(struct ack *ack, const uint8_t *entry, uint32_t nth)
{
	uint8_t flags = entry[14];

	ack->told.status = le16_load(entry + 12);
	if (flags & ENTRY_STORED) {
		ack->told.log = ack->log;
		ack->told.sequence = le64_load(entry + 16) + nth;
		ack->told.is_duplicate = flags & ENTRY_DUPLICATE;
		ack->awaits &= ~(uint32_t)HELIO_ACK_STORED;
	} else {
		ack->told.n_took = le32_load(entry + 16);
		ack->told.n_refused = le32_load(entry + 20);
		ack->awaits &= ~(uint32_t)HELIO_ACK_ROUTED;
	}
	if (ack->told.status)
		ack->told.reason = helio_status_name(ack->told.status);
	if (ack->told.status || !ack->awaits)
		end(ack);
}

static int take_run(struct helio *bus, const uint8_t *entry, const char *log)
{
	uint64_t first = le64_load(entry);
	uint32_t n = le32_load(entry + 8);

	if (!n || entry[15] || n > bus->acks.n_nodes + EXPIRED_MAX)
		return client_violation(bus, "ACK with a bad entry");
	for (uint32_t i = 0; i < n; i++) {
		struct ack *ack = lookup(bus, first + i);

		if (!ack)
			continue;
		memcpy(ack->log, log, sizeof(ack->log));
		take_one(ack, entry, i);
	}
	return 0;
}

int acks_take(struct helio *bus, const struct frame *frame,
	      const uint8_t *bytes)
{
	const uint8_t *subject = bytes + frame_header_bytes(frame);
	const uint8_t *body = bytes + frame_body_offset(frame);
	size_t n = frame_body_bytes(frame);
	char log[FRAME_SUBJECT_MAX_BYTES + 1] = "";

	if (!n || n % ENTRY_BYTES || n / ENTRY_BYTES > ENTRIES_MAX)
		return client_violation(bus, "ACK of a bad length");
	memcpy(log, subject, frame->n_subject);
	for (size_t at = 0; at < n; at += ENTRY_BYTES) {
		uint8_t entry[ENTRY_BYTES];
		int r;

		memcpy(entry, body + at, ENTRY_BYTES);
		r = take_run(bus, entry, log);
		if (r < 0)
			return r;
	}
	return 0;
}

void acks_refuse(struct helio *bus, const struct frame *frame,
		 const char *reason)
{
	struct ack *ack = lookup(bus, frame->correlation);

	if (ack) {
		ack->told.is_refused = true;
		end_badly(ack, incoming_status(frame), reason);
	} else if (bus->on_refused) {
		bus->on_refused(bus, incoming_status(frame), reason,
				bus->userdata);
	}
}

void acks_lose(struct helio *bus)
{
	struct list *all = &bus->all_acks;

	while (!list_is_empty(all))
		end_badly(container_of(all->next, struct ack, link),
			  HELIO_UNAVAILABLE, "the connection was lost");
}
