/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_CALL_STREAM_H
#define SWITCH_CALL_STREAM_H

/**
 * Calls whose requests or replies are a stream of messages
 * (docs/PROTOCOL.md, 6).
 *
 * What such a call needs stands apart from its slot, so that others cost
 * nothing for it. The messages of each way go on as they come in: the
 * receiver has granted all of their bytes, headers included, so they wait in
 * its outbox at most, and nobody is stopped for them.
 *
 * What a receiver grants is added up here and told to the sender once a turn,
 * when its channel has room: however often somebody grants, nothing gathers
 * for the other side.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/wheel.h"
#include "proto/subject.h"

struct inbound;
struct peer;
struct slot;
struct slot_table;

/** The replies of a call that names no room of its own. */
enum { CALL_STREAM_ROOM_BYTES = 64 * 1024 };

enum call_way_state {
	CALL_WAY_NONE, /* the call has no stream this way */
	CALL_WAY_OPEN,
	CALL_WAY_ENDED,
};

struct call_way {
	enum call_way_state state;
	bool is_begun;         /* a message whose last fragment is to come */
	uint64_t n_left;       /* bytes of its body that are still to come */
	uint64_t credit_bytes; /* of frames, that the sender may still send */
	uint64_t n_untold;     /* of them, what the sender was not told of */
	struct list link;      /* in peer.windows of the sender, to be told */
	struct call_stream *stream;
};

struct call_stream {
	struct slot *slot;
	struct timer idle;
	uint64_t heard_ns; /* when either side said something */
	struct call_way requests;
	struct call_way replies;
	size_t n_subject; /* to judge the call by again */
	char subject[SUBJECT_MAX_BYTES];
};

/**
 * The call that `inbound` begins has a stream: set slot->stream, which ends
 * with the slot. Returns 0 or -ENOMEM.
 */
int call_stream_new(struct slot *slot, const struct inbound *inbound);

/** The slot ends. It goes to the table's free list. */
void call_stream_free(struct slot_table *table, struct call_stream *stream);

/** Free what is kept for reuse. */
void call_streams_deinit(struct slot_table *table);

/** The call has a callee: it is told what was granted meanwhile. */
void call_stream_hand_over(struct call_stream *stream);

/** Either side has said something, which puts the idle limit off. */
void call_stream_touch(struct call_stream *stream);

/**
 * The reply, or its first fragment, came: nothing goes on either way any more.
 * Returns NULL, or what is wrong with it.
 */
const char *call_stream_close(struct call_stream *stream, bool is_ok);

/** NEXT, END and WINDOW came in; whoever breaks a rule is ended. */
void call_stream_next(struct peer *peer, const struct inbound *inbound);
void call_stream_end(struct peer *peer, const struct inbound *inbound);
void call_stream_window(struct peer *peer, const struct inbound *inbound);

/** Tell the peer what was granted to it, as far as there is room. */
void call_streams_tell(struct peer *peer);

#endif
