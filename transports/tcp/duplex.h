/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_TCP_DUPLEX_H
#define TRANSPORTS_TCP_DUPLEX_H

/**
 * A stream of bytes each way over messages, under a window: what both ends of
 * a `tcp:` channel have in common. It knows nothing of ZeroMQ.
 *
 * A message is a header of eight bytes and then bytes of the stream:
 *
 *     0  u8   kind
 *     1  u8   zero, three times
 *     4  u32  how many bytes of the stream the sender of this message has
 *             consumed so far; little-endian, wraps at 2^32
 *
 * Whoever sends never has more than DUPLEX_WINDOW_BYTES on the way or unread
 * at the other side. So neither side needs to hold more than that, no peer can
 * make the other hold more, and one that stops reading stops only its own
 * sender. Consumption is told with whatever is sent anyway, and in a message
 * of its own when the other side may be running short.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "transports/channel.h"
#include "transports/mirror.h"

enum {
	DUPLEX_HEADER_BYTES = 8,
	DUPLEX_WINDOW_BYTES = 1 << 20,
	DUPLEX_MESSAGE_BYTES = 64 * 1024, /* of the stream, at most */
};

enum duplex_kind {
	DUPLEX_OPEN = 1,  /* a client's first message: the header alone */
	DUPLEX_BYTES = 2, /* any number of bytes, none too */
	DUPLEX_END = 3,   /* nothing will follow: the header alone */
};

struct duplex;

struct duplex_ops {
	const char *name;

	/**
	 * Send one message. Returns 0; -EAGAIN: not now, and duplex_send() is
	 * called when that may have changed; or -EPIPE.
	 */
	int (*send)(struct duplex *duplex,
		    const uint8_t header[DUPLEX_HEADER_BYTES],
		    const uint8_t *bytes, size_t n);

	/** Have on_ready called soon, and not from within this call. */
	void (*wake)(struct duplex *duplex);

	/** For channel_free(); calls duplex_deinit(). */
	void (*free)(struct duplex *duplex);
};

struct duplex {
	struct channel channel;
	const struct duplex_ops *ops;
	struct list ready; /* for the one who implements wake() */

	/* Bytes in: written and read are positions in the mirror. */
	struct mirror mirror; /* mapped when the first byte comes */
	size_t n_written;
	size_t n_read;
	uint32_t received; /* positions in the stream, as told on the wire */
	uint32_t consumed;
	uint32_t told; /* of consumed */

	/* Bytes out: what was flushed and not yet sent. */
	uint8_t *buffer; /* DUPLEX_WINDOW_BYTES; NULL until it is needed */
	size_t n_start;
	size_t n_end;
	uint32_t sent;
	uint32_t acked;
	size_t n_room_seen; /* by the owner */

	int error; /* 0: still going */
	bool is_connected;
	bool is_blocked;  /* send() said -EAGAIN */
	bool wants_bytes; /* the owner sleeps and wants to be woken */
	bool wants_room;
};

/** Takes and gives nothing before duplex_connect(). Cannot fail. */
void duplex_init(struct duplex *duplex, const struct duplex_ops *ops);
void duplex_deinit(struct duplex *duplex);

/** The other side is there. */
void duplex_connect(struct duplex *duplex);

/**
 * A message came, header included. If it breaks the rules, or there is no
 * memory for it, the channel ends: `error` says so. Nothing happens to a
 * channel that is over.
 */
void duplex_take(struct duplex *duplex, const uint8_t *message, size_t n);

/** Send what was flushed and what must be told, as far as it goes. */
void duplex_send(struct duplex *duplex);

/** Tell the other side that nothing follows, if it can still be told. */
void duplex_say_end(struct duplex *duplex);

/** Find out by sending whether the other side can still be reached. */
void duplex_probe(struct duplex *duplex);

/**
 * The channel is over. With -EPIPE the owner can first read what has come.
 * `reason` is a static text or NULL. The first call counts.
 */
void duplex_fail(struct duplex *duplex, int error, const char *reason);

/** 0 for a message that is too short to have one. */
static inline uint8_t duplex_kind(const uint8_t *message, size_t n)
{
	return n < DUPLEX_HEADER_BYTES ? 0 : message[0];
}

void duplex_encode(enum duplex_kind kind, uint32_t consumed,
		   uint8_t ret_header[DUPLEX_HEADER_BYTES]);

#endif
