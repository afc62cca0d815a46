/* SPDX-License-Identifier: MIT */
#ifndef RPC_INQUIRY_H
#define RPC_INQUIRY_H

/**
 * What the switch answers by RESULT: SUBSCRIBE, SERVE, their opposites, SYNC.
 *
 * An inquiry is embedded in what it is about. It waits in the outbox until
 * there is room for its frame, and then for its RESULT; as both come in order,
 * a list is enough. So asking needs no memory, however much is asked at once.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct helio;
struct frame;

struct result {
	unsigned status;
	const char *reason; /* terminated; "" unless the status is bad */
	const uint8_t *body;
	size_t n_body;
};

struct inquiry {
	struct list link; /* in outbox.unsent or outbox.sent */
	uint8_t kind;     /* enum frame_kind */
	uint64_t correlation;
	const char *subject; /* or NULL */
	/*
	 * Write the body and return its size, at most 60 KiB; with NULL only
	 * say the size. NULL: there is no body.
	 */
	size_t (*write)(struct inquiry *inquiry, uint8_t *out);
	/* NULL instead of a result: the connection was lost before it came. */
	void (*on_result)(struct inquiry *inquiry, const struct result *result);
};

/** Ask, now or as soon as there is room and a connection. */
void inquiry_ask(struct inquiry *inquiry, struct helio *bus);

/** Write the frame. Returns 0, or what outbox_reserve() returns. */
int inquiry_send(struct inquiry *inquiry, struct helio *bus);

/** RESULT came: for the oldest that was sent, or the switch errs. */
int inquiry_answer(struct helio *bus, const struct frame *frame,
		   const uint8_t *body);

/** The connection is lost: tell all. */
void inquiries_lose(struct helio *bus);

#endif
