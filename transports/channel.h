/* SPDX-License-Identifier: MIT */
#ifndef TRANSPORTS_CHANNEL_H
#define TRANSPORTS_CHANNEL_H

/**
 * A channel: one authenticated, ordered, reliable byte stream to one peer.
 *
 * This is the boundary between those who speak frames (the switch, the client
 * library) and those who move bytes (rings, sockets, ZeroMQ). It moves bytes
 * in and out, vouches for who is at the other end, and says when it is over.
 *
 * Bytes in: the window `in`, `n_in` holds what has arrived and is not yet
 * consumed, in one piece. Bytes out: the window `out`, `n_out` is room that
 * may be written to. Both windows stay as they are until the owner refills
 * them, so the owner works through many frames without a call in between.
 * Nothing reaches the other side, and no room is given back to it, before
 * channel_flush(): once per turn, with at most one wake-up.
 *
 * The window `in` may be memory that the peer still writes to. Whoever reads
 * it copies first, checks the copy, and never looks twice.
 *
 * A channel never blocks and never takes a thread's time on its own. When
 * something may have changed it calls `on_ready`. Once a refill, make_room,
 * flush or arm has returned an error (not -EAGAIN or -EMSGSIZE, of course) the
 * channel is over and says the same again for ever; its owner frees it.
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct channel;
struct poller;

enum evidence_kind {
	EVIDENCE_NONE,   /* a client's view: the switch is not judged */
	EVIDENCE_INSIDE, /* the other end is this process itself */
	EVIDENCE_SOCKET, /* a Unix socket: which one, and the credentials */
	EVIDENCE_KEY,    /* an enrolled CURVE key, or none on plain TCP */
	EVIDENCE_DOMAIN, /* the hypervisor names the domain */
};

/** What proves who the peer is. Only switch/principal.c judges it. */
struct channel_evidence {
	enum evidence_kind kind;
	/* SOCKET, KEY, DOMAIN: of the listener, the key, the domain; or "" */
	char name[256];
	pid_t pid;            /* SOCKET */
	uid_t uid;            /* SOCKET */
	gid_t gid;            /* SOCKET */
	uint32_t domid;       /* DOMAIN */
	uint8_t uuid[16];     /* DOMAIN */
	uint64_t incarnation; /* DOMAIN: of this life of it; never 0 */
};

struct channel_ops {
	const char *name; /* "shm", for people */

	/**
	 * Look for more bytes and set `in` and `n_in` anew. The window never
	 * shrinks by it. It may show less than has come, but asked again with
	 * nothing consumed in between it shows n_in_max of it.
	 * Returns 0 (n_in may still be what it was), -EPIPE when the other
	 * side is gone and all it sent was consumed, -EPROTO when it broke the
	 * channel's rules (`reason` then says how), or another negative errno.
	 */
	int (*refill)(struct channel *channel);

	/**
	 * Find room for `n` bytes in one piece and set `out` and `n_out`.
	 * Returns 0 and n_out >= n; -EAGAIN when there is no room now (n_out
	 * is then what there is, and on_ready is called when there is more,
	 * once channel_arm() has been told so); -EMSGSIZE when `n` is more
	 * than n_out_max; -EPIPE and -EPROTO as above.
	 */
	int (*make_room)(struct channel *channel, size_t n);

	/**
	 * Give the other side what was committed and the room that was
	 * consumed, and wake it if it sleeps. Afterwards the windows are empty
	 * or as they were, never other bytes. Returns 0 or as above.
	 */
	int (*flush)(struct channel *channel);

	/**
	 * Ask to be woken, and then look again: before the owner sleeps. With
	 * `for_room`, also when the other side makes room. Flushes first.
	 * Returns 0: on_ready will be called; 1: do not sleep, there are bytes
	 * beyond the window, or more room than it has; -EPIPE also when the
	 * window holds a rest that nothing will ever follow; or as above.
	 */
	int (*arm)(struct channel *channel, bool for_room);

	/** Say nothing more, give back everything, free the channel. */
	void (*free)(struct channel *channel);
};

struct channel {
	const struct channel_ops *ops;

	const uint8_t *in;
	size_t n_in;
	size_t n_consumed; /* since the last flush */
	uint8_t *out;
	size_t n_out;
	size_t n_committed; /* since the last flush */

	/* Fixed once on_ready was first called or refill returned bytes. */
	size_t n_in_max;  /* what is longer may never be shown in one piece */
	size_t n_out_max; /* most that make_room() ever finds */

	struct channel_evidence evidence;
	const char *reason; /* of -EPROTO; a static text */

	/* The owner's. on_ready may not free the channel. */
	void (*on_ready)(struct channel *channel);
	void *owner;
};

/** Take `n` bytes off the front of the window. */
static inline void channel_consume(struct channel *channel, size_t n)
{
	channel->in += n;
	channel->n_in -= n;
	channel->n_consumed += n;
}

/**
 * Room for `n` bytes in one piece. Returns 0 and *ret_room, which may be
 * written to until the commit; otherwise what make_room() returns.
 */
static inline int channel_reserve(struct channel *channel, size_t n,
				  uint8_t **ret_room)
{
	if (channel->n_out < n) {
		int r = channel->ops->make_room(channel, n);

		if (r < 0)
			return r;
	}
	*ret_room = channel->out;
	return 0;
}

/** What was written to the first `n` bytes of the room is to be sent. */
static inline void channel_commit(struct channel *channel, size_t n)
{
	channel->out += n;
	channel->n_out -= n;
	channel->n_committed += n;
}

static inline int channel_refill(struct channel *channel)
{
	return channel->ops->refill(channel);
}

static inline int channel_flush(struct channel *channel)
{
	if (!channel->n_committed && !channel->n_consumed)
		return 0;
	return channel->ops->flush(channel);
}

static inline int channel_arm(struct channel *channel, bool for_room)
{
	return channel->ops->arm(channel, for_room);
}

static inline struct channel *channel_free(struct channel *channel)
{
	if (channel)
		channel->ops->free(channel);
	return NULL;
}

#endif
