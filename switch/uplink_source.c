/* SPDX-License-Identifier: MIT */

/* Who speaks: our own, named to the host, and those whom the host names. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helio/bus/v1/control.pb-c.h"
#include "proto/unpack.h"
#include "switch/bus.h"
#include "switch/inbound.h"
#include "switch/uplink.h"

enum {
	HANDLES_MAX = 1 << 20, /* of ours and of the host's */
	N_HANDLES_FIRST = 64,
	PEER_MAX_BYTES = 600, /* two texts of 255 bytes and two numbers */
};

/* What it is called below us: without our own path in front. */
static char *below(const struct uplink *uplink, char *path)
{
	size_t n = uplink->n_path;

	if (!strncmp(path, uplink->path, n) && path[n] == '/')
		return path + n + 1;
	return path;
}

static int put_below(const struct uplink *uplink,
		     char text[PRINCIPAL_MAX_BYTES + 1])
{
	size_t n = strlen(text);

	if (uplink->n_path + 1 + n > PRINCIPAL_MAX_BYTES)
		return -E2BIG;
	memmove(text + uplink->n_path + 1, text, n + 1);
	memcpy(text, uplink->path, uplink->n_path);
	text[uplink->n_path] = '/';
	return 0;
}

int uplink_put_below(const struct uplink *uplink, struct principal *who)
{
	int r;

	if (!uplink->n_path)
		return -EAGAIN;
	r = put_below(uplink, who->path);
	if (!r)
		r = put_below(uplink, who->durable_id);
	return r;
}

void uplink_announce(struct uplink *uplink, struct speaker *speaker)
{
	struct principal who = speaker->source->principal;
	Helio__Bus__V1__Peer peer = HELIO__BUS__V1__PEER__INIT;
	struct frame frame = { .kind = FRAME_PEER };
	uint32_t handle = speaker->source->handle;
	uint8_t body[PEER_MAX_BYTES];

	if (!uplink_is_up(uplink) || peer_is_inside(speaker->peer))
		return;
	if (handle >= HANDLES_MAX ||
	    uplink->n_announced >= uplink->principals_max ||
	    peer_note_known(uplink->peer, speaker->source)) {
		peer_end(speaker->peer, STATUS_RESOURCE_EXHAUSTED,
			 "the host lets no more programs in");
		return;
	}
	uplink->n_announced++;
	peer.has_handle = peer.has_incarnation = 1;
	peer.handle = handle;
	peer.principal = below(uplink, who.path);
	peer.durable_id = below(uplink, who.durable_id);
	peer.incarnation = who.incarnation;
	uplink_send(uplink, &frame, NULL, body,
		    helio__bus__v1__peer__pack(&peer, body));
}

void uplink_forget(struct uplink *uplink, struct speaker *speaker)
{
	if (!uplink_is_up(uplink) || !speaker->source ||
	    !peer_knows(uplink->peer, speaker->source->handle))
		return;
	uplink->n_announced--;
	peer_forget(uplink->peer, speaker->source->handle);
}

struct speaker *uplink_speaker(const struct uplink *uplink, uint32_t handle)
{
	return handle < uplink->n_handles ? uplink->of_handle[handle] : NULL;
}

static int make_room(struct uplink *uplink, uint32_t handle)
{
	uint32_t n = uplink->n_handles ? uplink->n_handles : N_HANDLES_FIRST;
	struct speaker **of_handle;

	if (handle < uplink->n_handles)
		return 0;
	if (handle >= HANDLES_MAX)
		return -EINVAL;
	while (n <= handle)
		n *= 2;
	of_handle = reallocarray(uplink->of_handle, n, sizeof(*of_handle));
	if (!of_handle)
		return -ENOMEM;
	memset(of_handle + uplink->n_handles, 0,
	       (n - uplink->n_handles) * sizeof(*of_handle));
	uplink->of_handle = of_handle;
	uplink->n_handles = n;
	return 0;
}

/* It speaks on the uplink's channel, and what it does there costs nobody. */
static int enter(struct uplink *uplink, uint32_t handle,
		 const struct principal *who)
{
	struct bus *bus = uplink->bus;
	struct speaker *speaker = malloc(sizeof(*speaker));
	int r;

	if (!speaker)
		return -ENOMEM;
	speaker_init(speaker, uplink->peer);
	speaker->account = uplink->peer->self.account;
	speaker->id = ++bus->n_peers_ever;
	speaker->handle = handle;
	r = source_new(&bus->sources, who, &speaker->source);
	if (r < 0) {
		free(speaker);
		return r;
	}
	uplink->of_handle[handle] = speaker;
	return 0;
}

void uplink_take_peer(struct uplink *uplink, const struct inbound *inbound)
{
	struct bus *bus = uplink->bus;
	struct unpack_arena arena = { .bytes = bus->arena,
				      .n_bytes = sizeof(bus->arena) };
	struct principal who = { 0 };
	const Helio__Bus__V1__Peer *peer;
	ProtobufCMessage *unpacked;
	int r;

	if (unpack(&helio__bus__v1__peer__descriptor,
		   inbound_settle(bus, inbound), inbound_body_bytes(inbound),
		   &arena, &unpacked)) {
		uplink_end(uplink, "a malformed PEER");
		return;
	}
	peer = (const Helio__Bus__V1__Peer *)unpacked;
	if (!peer->handle || !peer->principal ||
	    uplink_speaker(uplink, peer->handle)) {
		uplink_end(uplink, "PEER of a handle in use, or of nobody");
		return;
	}
	snprintf(who.path, sizeof(who.path), "%s", peer->principal);
	snprintf(who.durable_id, sizeof(who.durable_id), "%s",
		 peer->durable_id ? peer->durable_id : peer->principal);
	who.incarnation = peer->incarnation;
	r = make_room(uplink, peer->handle);
	if (r >= 0)
		r = enter(uplink, peer->handle, &who);
	if (r < 0)
		uplink_end(uplink, r == -EINVAL ? "PEER of too high a handle"
						: "out of memory for a PEER");
}

static void speaker_free(struct uplink *uplink, struct speaker *speaker)
{
	source_unref(&uplink->bus->sources, speaker->source);
	free(speaker);
}

void uplink_take_forget(struct uplink *uplink, const struct inbound *inbound)
{
	struct bus *bus = uplink->bus;
	struct unpack_arena arena = { .bytes = bus->arena,
				      .n_bytes = sizeof(bus->arena) };
	const Helio__Bus__V1__Forget *forget;
	struct speaker *speaker = NULL;
	ProtobufCMessage *unpacked;

	if (!unpack(&helio__bus__v1__forget__descriptor,
		    inbound_settle(bus, inbound), inbound_body_bytes(inbound),
		    &arena, &unpacked)) {
		forget = (const Helio__Bus__V1__Forget *)unpacked;
		speaker = uplink_speaker(uplink, forget->handle);
	}
	if (!speaker) {
		uplink_end(uplink, "FORGET of nobody");
		return;
	}
	uplink->of_handle[forget->handle] = NULL;
	/* The host has ended all that was its; if not, it ends here. */
	speaker_drop_all(speaker);
	speaker_free(uplink, speaker);
}

void uplink_forget_all(struct uplink *uplink)
{
	for (uint32_t i = 0; i < uplink->n_handles; i++) {
		struct speaker *speaker = uplink->of_handle[i];

		uplink->of_handle[i] = NULL;
		if (speaker)
			speaker_free(uplink, speaker);
	}
}
