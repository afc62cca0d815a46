/* SPDX-License-Identifier: MIT */
#ifndef RPC_CLIENT_H
#define RPC_CLIENT_H

/**
 * The connection: everything that `struct helio` stands for.
 *
 * It owns one channel at a time and what hangs on it. rpc/session.c moves it
 * from one phase to the next, rpc/turn.c takes frames in, rpc/outbox.c brings
 * them out; each of the other files keeps one kind of thing that lives in it.
 *
 * Nothing tears the channel down but the turn: whoever finds that it is over
 * says so by client_fail(), so that no callback finds its connection gone
 * under its feet.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/spare.h"
#include "proto/frame.h"
#include "proto/reader.h"
#include "rpc/assembly.h"
#include "rpc/deadline.h"
#include "rpc/flow.h"
#include "rpc/handle.h"
#include "rpc/heliograph.h"
#include "rpc/inside.h"
#include "rpc/metadata.h"
#include "rpc/outbox.h"
#include "rpc/registration.h"
#include "transports/channel.h"
#include "transports/poller.h"
#include "transports/transport.h"
#include "transports/yield.h"

enum phase {
	PHASE_WAITING,  /* no channel: tries again at retry_at_ns */
	PHASE_GREETING, /* HELLO is under way, WELCOME is awaited */
	PHASE_RENEWING, /* what is registered was asked for, and SYNC */
	PHASE_CONNECTED,
	PHASE_CLOSED,
};

enum {
	PRINCIPAL_MAX_BYTES = 255,
	ERROR_MAX_BYTES = 255,
};

#define MESSAGE_MAX_DEFAULT (8 * UINT64_C(1024) * 1024)
#define TIMEOUT_DEFAULT_MS  30000u

struct helio {
	/* What the program asked for. */
	char *address; /* NULL on a channel that was handed to us */
	char *program; /* or NULL */
	const struct transport *transport;
	const char *rest; /* of the address */
	struct transport_options transport_options;
	uint64_t message_max; /* longest body we take */
	int turn_frames;      /* taken in a turn at most */
	bool no_reconnect;
	helio_state_fn on_state;
	helio_refused_fn on_refused;
	void *userdata;

	/* The life of the connection: rpc/session.c. */
	struct poller poller; /* epoll_fd is -1 on a channel handed to us */
	struct channel *channel;
	enum phase phase;
	int fault; /* negative: the channel is over, the turn will end it */
	uint64_t retry_at_ns;
	uint64_t backoff_ns;
	uint64_t connected_at_ns;
	struct deadline greeting; /* until WELCOME must have come */
	struct inquiry renewed;   /* the SYNC after all renewals */
	char principal[PRINCIPAL_MAX_BYTES + 1];
	char error[ERROR_MAX_BYTES + 1];

	/* What WELCOME allowed. */
	size_t fragment_bytes;
	uint64_t send_max;
	size_t flush_bytes; /* flush when so much has gathered */

	/* The turn: rpc/turn.c. */
	uint64_t now_ns;
	bool is_in_turn;
	bool is_stirred;  /* in this turn there was more than it first found */
	bool is_armed;    /* the channel will wake us; else a turn is due */
	bool wants_room;  /* something found the channel full */
	bool has_refused; /* the program was told -EAGAIN, and waits for room */
	struct yield_guard yield; /* of those who wait */
	struct list drained;      /* services whose last request is answered */
	struct list dead; /* registrations to free at the end of the turn */

	/* Out. */
	uint32_t last_id;
	struct outbox outbox;
	size_t n_last_subject;
	char last_subject[FRAME_SUBJECT_MAX_BYTES]; /* published, so valid */
	size_t n_in_place; /* subject bytes of the publish in place */

	/* In. */
	struct frame_reader reader;
	struct handles handles;
	struct metadata_reader metadata;
	struct assemblies assemblies;
	char subject[FRAME_SUBJECT_MAX_BYTES + 1];

	/* What it keeps. */
	struct registrations registrations;
	struct map calls; /* struct helio_call by id */
	struct list all_calls;
	struct spares spare_calls;
	struct spares spare_requests;
	struct map requests; /* struct helio_request by id */
	struct list orphans; /* those that nobody waits for */
	struct map acks;     /* struct ack by id */
	struct list all_acks;
	struct flows flows;
	struct list bindings; /* struct helio_binding */
	uint32_t last_binding;
	struct list timers; /* struct helio_timer */
	struct deadlines deadlines;
	struct reply *kept; /* of helio_call_wait() */
};

/** The same without a channel, in PHASE_WAITING. */
int client_new(const struct helio_options *options, struct helio **ret_bus);

/**
 * The channel is over: `r` says why as an errno, the text for people. The
 * first reason stays. Returns -ENOTCONN, which callers hand to the program.
 */
__attribute__((format(printf, 3, 4))) int client_fail(struct helio *bus, int r,
						      const char *format, ...);

/** The switch broke the protocol. Says GOODBYE, then as client_fail(). */
int client_violation(struct helio *bus, const char *reason);

/** Keep a text for helio_error(); control bytes are replaced. */
void client_set_error(struct helio *bus, const char *text, size_t n);

/** What a bad status is as a negative errno; -EIO where none fits. */
int client_errno(unsigned status);

/**
 * An id for a call, an inquiry or a message, unlike those that are in use.
 * It is below 2^32, and so unlike the ids of all that is delivered to us.
 */
uint64_t client_draw_id(struct helio *bus);

/** Whether the switch takes what we say; calls may come before all is renewed.
 */
static inline bool client_is_welcome(const struct helio *bus)
{
	return (bus->phase == PHASE_RENEWING ||
		bus->phase == PHASE_CONNECTED) &&
	       !bus->fault;
}

static inline bool client_is_connected(const struct helio *bus)
{
	return bus->phase == PHASE_CONNECTED && !bus->fault;
}

/** When it is closed: what helio_flush_wait() gave up. */
void client_free_syncs(struct helio *bus);

#endif
