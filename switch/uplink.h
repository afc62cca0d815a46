/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_UPLINK_H
#define SWITCH_UPLINK_H

/**
 * What makes this switch a leaf: the channel to its host, which it opens as a
 * client does (docs/PROTOCOL.md, section 14).
 *
 * In the bus the host is a peer like others, but what it says goes to
 * switch/uplink_inbound.c. What our programs ask of the host stands in
 * switch/ask.h, what of theirs stands at the host in switch/envoy.h, and what
 * they say goes up by switch/upward.h.
 *
 * While the uplink is away, what the host allowed last still holds among our
 * own programs. Each time it is there again, all is announced anew.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "switch/peer.h"
#include "switch/principal.h"
#include "switch/receiver.h"
#include "transports/transport.h"

struct bus;
struct channel;
struct inbound;
struct source;
struct speaker;

enum uplink_state {
	UPLINK_AWAY,
	UPLINK_GREETING, /* HELLO is under way */
	UPLINK_RENEWING, /* all was announced, and SYNC */
	UPLINK_THERE,
	UPLINK_FAILED, /* for good */
};

/** The host, as a peer: nobody who connects can be called so. */
#define UPLINK_PRINCIPAL "helio:uplink"

struct uplink_options {
	const char *address; /* NULL: uplink_take() gets the channels */
	struct transport_options transport;
	/* The host knows all that we have. Each time it is there again. */
	void (*on_there)(void *userdata);
	/* It will never do, and why, for people. The bus is to be ended. */
	void (*on_failed)(void *userdata, const char *why);
	void *userdata;
};

enum { UPLINK_LONG_IDS = 256 };

/** A publish whose id is too long for ours; see switch/upward.h. */
struct uplink_long_id {
	uint32_t handle;
	uint64_t id;
};

struct uplink {
	struct bus *bus;
	struct uplink_options options;
	enum uplink_state state;
	struct peer *peer; /* the host; NULL: away */
	char away[300];    /* that it is, and why if we know; for people */
	char path[PRINCIPAL_MAX_BYTES + 1]; /* ours; "": not known yet */
	size_t n_path;
	struct receiver host; /* the callee of all that is handed up */
	struct list slots;    /* what is handed up and not answered */
	uint64_t last_id;     /* of correlation ids that we drew */
	uint32_t last_receiver;
	uint32_t last_bound; /* handle that we drew */
	struct list bound;   /* schemas that have one, by their last calls */
	uint32_t n_bound;
	uint32_t bound_max; /* of them */
	struct map envoys;  /* by id */
	struct map feeds;   /* by pattern */
	struct map feed_ids;
	struct list asks; /* in the order of their RESULTs */
	uint64_t renewal; /* the id of the SYNC that ends it */

	struct speaker **of_handle; /* whom the host announced */
	uint32_t n_handles;
	struct uplink_long_id long_ids[UPLINK_LONG_IDS];
	uint64_t n_long_ids;
	uint32_t n_announced;
	uint32_t principals_max; /* that the host lets us announce */
	uint64_t n_unheard;      /* acks to come whose publisher is gone */
	uint32_t n_open;         /* messages that have begun to go up */
	uint32_t open_max;       /* that the host takes at a time */
	bool is_held;            /* there are peers that wait for room */
	char log_name[256];      /* of the last ACK */
	struct timer retry;      /* the next connect */
	struct timer answer;     /* WELCOME must have come */
	uint64_t backoff_ns;
	uint64_t there_ns; /* since when; 0: it is not */
	bool was_there;
	bool is_refused; /* what would help is not ours to do: no hurry */
	int last_error;
};

/** Sets bus->uplink. Nothing is connected yet. Returns 0 or -ENOMEM. */
int uplink_init(struct uplink *uplink, struct bus *bus,
		const struct uplink_options *options);

/** After the bus was ended. Safe on a zeroed uplink. */
void uplink_deinit(struct uplink *uplink);

/** Connect, now and whenever it is away. */
void uplink_open(struct uplink *uplink);

/** Greet the host at the other end. Returns 0 and owns the channel. */
int uplink_take(struct uplink *uplink, struct channel *channel);

/** The channel is lost: `r` a negative errno, `why` for people or NULL. */
void uplink_lost(struct uplink *uplink, int r, const char *why);

/** Whether what is said to the host now still arrives. */
static inline bool uplink_is_up(const struct uplink *uplink)
{
	return uplink && uplink->peer && uplink->peer->state == PEER_LIVE;
}

/** What programs are told while it is; `why` may be NULL. */
void uplink_set_away(struct uplink *uplink, const char *why);

/** The host does not want us now, and why; the same is told once. */
void uplink_refused(struct uplink *uplink, const char *why);

/** The host's peer ends: nobody answers what is under way. */
void uplink_leave(struct uplink *uplink);

/** It has ended, and nothing hangs on it any more: connect anew. */
void uplink_left(struct uplink *uplink);

/** WELCOME came. */
void uplink_welcomed(struct uplink *uplink, const struct inbound *inbound);

/** The RESULT of the SYNC that ends a renewal came. */
void uplink_renewed(struct uplink *uplink);

/** It will never do. */
void uplink_fail(struct uplink *uplink, const char *why);

/** The host breaks the protocol, or we cannot follow it. */
void uplink_end(struct uplink *uplink, const char *reason);

/** Send a control frame in the name of `source`; NULL: the leaf itself. */
void uplink_send(struct uplink *uplink, struct frame *frame,
		 const struct source *source, const void *body, size_t n_body);

/** The same with a subject. */
void uplink_send_subject(struct uplink *uplink, struct frame *frame,
			 const struct source *source, const char *subject,
			 size_t n_subject, const void *body, size_t n_body);

/** An id for what the host answers. */
static inline uint64_t uplink_draw(struct uplink *uplink)
{
	return ++uplink->last_id;
}

/**
 * A principal of our own stands below us everywhere. Returns 0, -EAGAIN before
 * we know who we are, or -E2BIG when its path would be too long.
 */
int uplink_put_below(const struct uplink *uplink, struct principal *who);

/** Somebody new speaks below us, or is gone. */
void uplink_announce(struct uplink *uplink, struct speaker *speaker);
void uplink_forget(struct uplink *uplink, struct speaker *speaker);

/** Who the host means by a handle; NULL: nobody. */
struct speaker *uplink_speaker(const struct uplink *uplink, uint32_t handle);

/** PEER and FORGET of the host. */
void uplink_take_peer(struct uplink *uplink, const struct inbound *inbound);
void uplink_take_forget(struct uplink *uplink, const struct inbound *inbound);

/** Nobody that the host announced is known any more. */
void uplink_forget_all(struct uplink *uplink);

/** A frame came from the host. */
void uplink_inbound(struct uplink *uplink, struct inbound *inbound);

/** Room has come in its channel: hear those who had to wait. */
void uplink_room(struct uplink *uplink);

#endif
