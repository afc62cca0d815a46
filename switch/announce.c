/* SPDX-License-Identifier: MIT */

/* Who is behind a handle, told to a peer before the first frame with it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helio/bus/v1/control.pb-c.h"
#include "switch/peer.h"

static int make_known_room(struct peer *peer, uint32_t handle)
{
	uint32_t n = peer->n_known_words ? peer->n_known_words : 1;
	uint64_t *known;

	while (n <= handle / 64)
		n *= 2;
	if (n == peer->n_known_words)
		return 0;
	known = reallocarray(peer->known, n, sizeof(uint64_t));
	if (!known)
		return -ENOMEM;
	memset(known + peer->n_known_words, 0,
	       (n - peer->n_known_words) * sizeof(uint64_t));
	peer->known = known;
	peer->n_known_words = n;
	return 0;
}

/* Never longer than two texts of 255 bytes and three numbers. */
static size_t pack_peer(const struct source *source, uint8_t body[600])
{
	struct principal who = source->principal;
	Helio__Bus__V1__Peer announcement = HELIO__BUS__V1__PEER__INIT;

	announcement.has_handle = 1;
	announcement.handle = source->handle;
	announcement.principal = who.path;
	announcement.durable_id = who.durable_id;
	announcement.has_incarnation = 1;
	announcement.incarnation = who.incarnation;
	return helio__bus__v1__peer__pack(&announcement, body);
}

int peer_announce_new(struct peer *peer, struct source *source)
{
	struct frame frame = { .kind = FRAME_PEER };
	uint8_t body[600];
	size_t n = pack_peer(source, body);
	uint8_t *room;

	if (make_known_room(peer, source->handle) < 0)
		return 1;
	frame_set_body(&frame, n);
	if (peer_write_begin(peer, frame.length, &room)) {
		/* Behind what waits, it still comes before what is to follow.
		 */
		if (peer->state == PEER_ENDED ||
		    outbox_push(&peer->outbox, frame.length, &room) < 0)
			return 1;
		peer_want_room(peer);
	}
	memcpy(room + frame_encode(&frame, room), body, n);
	peer_write_end(peer, frame.length);
	source->was_announced = true;
	peer->known[source->handle / 64] |= UINT64_C(1) << source->handle % 64;
	return 0;
}

void peer_introduce(struct peer *peer, struct source *source)
{
	if (peer_announce(peer, source))
		peer_end(peer, STATUS_RESOURCE_EXHAUSTED,
			 "out of memory for a principal");
}

int peer_note_known(struct peer *peer, struct source *source)
{
	uint32_t handle = source->handle;
	int r = make_known_room(peer, handle);

	if (r < 0)
		return r;
	source->was_announced = true;
	peer->known[handle / 64] |= UINT64_C(1) << handle % 64;
	return 0;
}

void peer_forget(struct peer *peer, uint32_t handle)
{
	Helio__Bus__V1__Forget forget = HELIO__BUS__V1__FORGET__INIT;
	struct frame frame = { .kind = FRAME_FORGET };
	uint8_t body[16];

	if (!peer_knows(peer, handle))
		return;
	peer->known[handle / 64] &= ~(UINT64_C(1) << handle % 64);
	forget.has_handle = 1;
	forget.handle = handle;
	peer_send(peer, &frame, body,
		  helio__bus__v1__forget__pack(&forget, body));
}
