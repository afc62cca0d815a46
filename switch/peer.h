/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_PEER_H
#define SWITCH_PEER_H

/**
 * A peer: one channel, who is behind it, and all that hangs on it.
 *
 * Everything that a peer makes the switch hold is in one of these lists, so
 * its end takes all of it away. Ending a peer only marks it; it is freed at
 * the end of the turn, for somebody up the stack may still be looking at it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "proto/frame.h"
#include "proto/reader.h"
#include "proto/status.h"
#include "switch/ack.h"
#include "switch/bus.h"
#include "switch/outbox.h"
#include "switch/speaker.h"
#include "transports/channel.h"

struct bound;
struct leaf;
struct message;
struct uplink;

enum peer_state {
	PEER_GREETING, /* HELLO has not come yet */
	PEER_LIVE,
	PEER_ENDED, /* nothing is read or written any more */
};

struct peer_stats {
	uint64_t n_frames_in;
	uint64_t n_bytes_in;
	uint64_t n_frames_out;
	uint64_t n_bytes_out;
};

struct peer {
	struct bus *bus;
	struct channel *channel;
	enum peer_state state;
	uint8_t n_hops;  /* that it adds to what is passed to it */
	bool wants_room; /* something waits until the channel has room */
	bool is_held;    /* not heard: what it says goes up, and that is full */
	bool was_deaf;   /* what came last was not looked at */
	unsigned n_quiet; /* turns in which nothing came */
	struct speaker self;
	struct leaf *leaf; /* whom it announced, if it is a leaf; or NULL */

	struct list link;        /* in bus.peers */
	struct list active_link; /* in bus.active, or asleep */
	struct list dirty_link;  /* in bus.dirty, if there is much to flush */
	struct list ended_link;  /* in bus.ended */

	/* Handles that were announced on this channel, a bit each. */
	uint64_t *known;
	uint32_t n_known_words;

	struct frame_reader reader;
	struct outbox outbox; /* frames that must go before any other */
	struct list waiting;  /* subscriptions with something to send */
	struct ack_batch acks;
	struct list windows; /* ways of streams with credit to tell it of */

	struct map receivers;     /* subscriptions, registrations: by id */
	struct map bound;         /* services, by the handle that it chose */
	struct bound *last_bound; /* by which it called last; or NULL */
	struct list answers;      /* RESULTs that wait for their turn */
	struct map open;          /* messages it has begun, by id */
	struct map made;          /* slots, by the id that it chose */
	struct map taken;         /* slots, by the id that we drew */
	uint64_t next_call;       /* number with which a registration begins */

	struct uplink *uplink; /* of the host alone; else NULL */
	unsigned n_asks;       /* of the host, that it waits for */
	struct timer greeting;
	struct timer stall;
	struct peer_stats stats;
	uint64_t heard_ns;      /* when something came from it */
	uint64_t pinged_ns;     /* because nothing did */
	uint64_t message_max;   /* that it reassembles */
	char program[64];       /* as it calls itself; for people */
	const char *end_reason; /* of one that was live: to be told of */
};

/**
 * Take over a channel and judge who is behind it. Returns 0 and owns the
 * channel; -EACCES when its evidence proves nobody; -EDQUOT when its owner has
 * too many channels; or another negative errno.
 */
int peer_new(struct bus *bus, struct channel *channel, struct peer **ret_peer);
struct peer *peer_free(struct peer *peer);

/** The same for a channel that we opened, to somebody whom we know. */
int peer_new_as(struct bus *bus, struct channel *channel,
		const struct principal *who, struct peer **ret_peer);

/**
 * End the peer: GOODBYE with the text if there is room, and then nothing more.
 * `reason` is a short constant text under which it is counted. Harmless when
 * it has ended already.
 */
void peer_end(struct peer *peer, enum status status, const char *reason);

/** The same, but the peer is told `text`, which need not be constant. */
void peer_end_saying(struct peer *peer, enum status status, const char *reason,
		     const char *text);

/** "calls_max of this channel is reached: 1024 of 1024" */
void peer_limit_text(const char *limit, uint64_t n_used, uint64_t n_max,
		     char *text, size_t n_text);

/** What is said to a peer that ends, if there is room for it at hand. */
void peer_say_goodbye(struct channel *channel, enum status status,
		      const char *reason);

/** Tell who wants to know that the peer, which has ended, is down. */
void peer_tell_down(struct peer *peer);

/** "vm:web"; never NULL. */
const char *peer_path(const struct peer *peer);

/** Whether what is given to it can still arrive; NULL: a log that is away. */
static inline bool peer_is_there(const struct peer *peer)
{
	return peer && peer->state != PEER_ENDED;
}

/** Whether what has made `n_hops` may not go on to it, which is a leaf. */
static inline bool peer_is_too_far(const struct peer *peer, unsigned n_hops)
{
	return n_hops >= FRAME_HOPS_MAX && peer->n_hops;
}

/** What it has of subscriptions_max: bound services count too. */
static inline size_t peer_n_held(const struct peer *peer)
{
	return peer->receivers.n_nodes + peer->bound.n_nodes;
}

/** To be flushed at the end of the turn. */
static inline void peer_mark_dirty(struct peer *peer)
{
	if (!list_is_linked(&peer->dirty_link) && peer->state != PEER_ENDED)
		list_push_back(&peer->bus->dirty, &peer->dirty_link);
}

/** It has something to say, or may be heard again. */
void peer_wake(struct peer *peer);

/** Whether it is one of the switch's own services. */
bool peer_is_inside(const struct peer *peer);

/** It stays awake until the channel says that there is room. */
void peer_want_room(struct peer *peer);

/** The rest of peer_write_begin(): there is no room at hand. */
int peer_write_slowly(struct peer *peer, size_t n, uint8_t **ret_room);

/**
 * Room for a frame of `n` bytes that may have to wait. Returns 0 with
 * *ret_room, to be filled and followed by peer_write_end(); or 1 when the
 * frame has to wait until peer_pump() is called.
 */
static inline int peer_write_begin(struct peer *peer, size_t n,
				   uint8_t **ret_room)
{
	if (!outbox_is_empty(&peer->outbox) || peer->channel->n_out < n ||
	    peer->state == PEER_ENDED)
		return peer_write_slowly(peer, n, ret_room);
	peer->outbox.is_written = false;
	*ret_room = peer->channel->out;
	return 0;
}

static inline void peer_write_end(struct peer *peer, size_t n)
{
	if (!peer->outbox.is_written)
		channel_commit(peer->channel, n);
	peer->stats.n_frames_out++;
	peer->stats.n_bytes_out += n;
	peer_mark_dirty(peer);
}

/** Whether the handle was announced on this channel. */
static inline bool peer_knows(const struct peer *peer, uint32_t handle)
{
	return handle / 64 < peer->n_known_words &&
	       peer->known[handle / 64] >> handle % 64 & 1;
}

/** The rest of peer_announce(): say PEER. */
int peer_announce_new(struct peer *peer, struct source *source);

/** Make sure that the peer knows the source. Returns 0, or 1 as above. */
static inline int peer_announce(struct peer *peer, struct source *source)
{
	if (!source || peer_knows(peer, source->handle))
		return 0;
	return peer_announce_new(peer, source);
}

/**
 * The same before what is sent at once, whatever waits: without memory for it
 * the peer ends, for it must not get what names somebody whom it does not know.
 */
void peer_introduce(struct peer *peer, struct source *source);

/** It was announced in another way. Returns 0 or -ENOMEM. */
int peer_note_known(struct peer *peer, struct source *source);

/** The handle means nothing any more. */
void peer_forget(struct peer *peer, uint32_t handle);

/**
 * Send a control frame, now or as soon as there is room, before all that
 * waits in subscriptions. A peer that lets too much of it gather is ended.
 */
void peer_send(struct peer *peer, struct frame *frame, const void *body,
	       size_t n_body);

/** The same for a message that is no delivery: a call, a reply. */
void peer_send_message(struct peer *peer, const struct message *message,
		       uint64_t correlation);

/**
 * Room for such a frame, now or in the outbox; 1: neither, and the peer is as
 * good as gone. peer_write_end() follows.
 */
int peer_send_begin(struct peer *peer, size_t n, uint8_t **ret_room);

/** The same for a frame that is encoded already. */
void peer_send_frame(struct peer *peer, const uint8_t *bytes, size_t n);

/** Send `kind` with a status and a text. */
void peer_send_status(struct peer *peer, enum frame_kind kind,
		      uint64_t correlation, enum status status,
		      const char *text);

/** Send what waits, as far as there is room and credit. */
void peer_pump(struct peer *peer);

/** It is choked: end it if it goes on taking nothing at all. */
void peer_watch_stall(struct peer *peer);

/** Whether it lets too much gather for it to be heard at the moment. */
bool peer_is_choked(const struct peer *peer);

#endif
