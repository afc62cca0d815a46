/* SPDX-License-Identifier: MIT */
#ifndef RPC_TYPED_ATTACHMENT_H
#define RPC_TYPED_ATTACHMENT_H

/**
 * A stream with a server, opened again when it was lost.
 *
 * Once the server has said something, what ends as UNAVAILABLE is opened again
 * after a pause that grows from 50 ms to 1 s, and then waits for a server. What
 * ends otherwise has ended.
 *
 * Its events come from a timer and never from a callback of the client, so
 * that whoever gets them may free it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "rpc/heliograph-rpc.h"

enum { ATTACHMENT_REASON_BYTES = 256 };

struct attachment;

/** What whoever has it knows. */
struct attachment_events {
	/* Call the method, by attachment->client. As helio_client_stream(). */
	int (*open)(struct attachment *attachment,
		    struct helio_stream **ret_stream);
	/*
	 * It was lost, as attachment->status tells, and is opened now. False:
	 * it is not wanted any more, and may be gone.
	 */
	bool (*on_lost)(struct attachment *attachment);
	/* It has ended for good, as attachment->status tells. */
	void (*on_end)(struct attachment *attachment);
};

struct attachment {
	const struct attachment_events *events;
	struct helio *bus;
	const struct helio_service_type *type;
	struct helio_client *client;
	struct helio_stream *stream; /* NULL: it is away */
	struct helio_timer *timer;   /* until it is told, and opened again */
	uint32_t window_bytes;
	uint32_t pause_ms;
	bool is_waiting;
	bool was_served;
	bool is_lost; /* and that is not told yet */
	bool is_over;
	unsigned status; /* of the last end */
	char reason[ATTACHMENT_REASON_BYTES];
};

/**
 * Make the client, and open. `attachment` has events, bus, type, window
 * and is_waiting set, and is otherwise zero. Returns 0 or a negative errno.
 */
int attachment_init(struct attachment *attachment);

/** The server has said something. */
void attachment_is_served(struct attachment *attachment);

/** In the on_end of the stream. */
void attachment_stream_ended(struct attachment *attachment,
			     const struct helio_reply *reply);

/** End it, from here. */
void attachment_fail(struct attachment *attachment, unsigned status,
		     const char *reason);

/** Fine in the stream's on_message, and when all is zero. */
void attachment_deinit(struct attachment *attachment);

#endif
