/* SPDX-License-Identifier: MIT */
#ifndef RPC_REGISTRATION_H
#define RPC_REGISTRATION_H

/**
 * What subscriptions and services have in common: an id that we chose, a
 * standing with the switch that is renewed on each connection, and credit.
 *
 * Credit is owed to the switch as messages are done with, and given back for
 * many at a time: when half of what was granted is owed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "proto/frame.h"
#include "rpc/heliograph.h"
#include "rpc/inquiry.h"

/* The id stands in bits 62 to 32 of the correlation of what comes for it. */
#define REGISTRATION_ID(correlation) \
	((uint32_t)((correlation) >> 32) & 0x7fffffffu)

enum {
	SUBSCRIPTION_CREDIT_BYTES = 4 * 1024 * 1024,
	/* A call is handed over only when all of it has credit. */
	SERVICE_CREDIT_BYTES = 16 * 1024 * 1024,
};

enum registration_state {
	REGISTRATION_IDLE,     /* not asked for on this connection */
	REGISTRATION_ASKED,    /* SUBSCRIBE or SERVE waits for its RESULT */
	REGISTRATION_STANDING, /* the switch said yes */
	REGISTRATION_REFUSED,  /* it said no; asked again when reconnected */
	REGISTRATION_CLOSING,  /* the program is done with it */
};

struct registration {
	struct helio *bus;
	struct list link;       /* in registrations.all, or in helio.dead */
	struct list owing_link; /* in registrations.owing */
	uint32_t id;
	enum registration_state state;
	bool is_service;
	bool is_paused;
	bool is_draining; /* and so it is not asked for again */
	int refusal;      /* negative errno when it was refused, else 0 */
	int told;         /* the status that on_ready was told; -1: none yet */
	bool was_lost; /* stood on the last connection: a gap is to be told */
	char *subject;
	struct inquiry opening;  /* SUBSCRIBE or SERVE */
	struct inquiry closing;  /* UNSUBSCRIBE or UNSERVE */
	struct inquiry draining; /* DRAIN */
	helio_ready_fn on_ready;
	void *userdata; /* of all its callbacks */

	/* Granted for each connection; owed: to be given back. */
	uint32_t credit_messages;
	uint64_t credit_bytes;
	uint32_t owed_messages;
	uint64_t owed_bytes;

	/* The switch said yes; before on_ready. */
	void (*on_opened)(struct registration *registration,
			  const struct result *result);
	void (*free)(struct registration *registration);
};

struct registrations {
	struct registration **by_id; /* [0] is not used */
	size_t n_room;
	size_t last_id;  /* where the search for a free one goes on */
	struct list all; /* in the order in which they were made */
	struct list owing;
};

/** What a registration grants: `asked`, or `by_default` if that is 0. */
static inline uint64_t registration_credit_bytes(uint64_t asked,
						 uint64_t by_default)
{
	if (!asked)
		return by_default;
	return asked > FRAME_MAX_BYTES ? asked : FRAME_MAX_BYTES;
}

void registrations_init(struct registrations *registrations);
/** Frees the table only. */
void registrations_deinit(struct registrations *registrations);

/**
 * Give it an id and a copy of its subject, and ask for it if there is a
 * connection. The kind of it set what its kind needs. Returns
 * 0 or -ENOMEM, and then it is in no list and has no subject.
 */
int registration_open(struct registration *registration, struct helio *bus,
		      const char *subject);

/** Ask once more for one that was refused, and tell what comes of it. */
void registration_ask_again(struct registration *registration);

/** A RESULT came that nobody asked for: it is allowed no longer. */
int registration_end(struct helio *bus, const struct frame *frame,
		     const struct result *result);

/**
 * The program is done with it. It is freed when the switch has said that
 * nothing comes for it any more, or at the end of the turn.
 */
void registration_close(struct registration *registration);

/** Ask for all, on a new connection. */
void registrations_renew(struct helio *bus);

/** The connection is lost. */
void registrations_lose(struct helio *bus);

/** Call `free` for those that were closed during the turn. */
void registrations_reap(struct helio *bus);

/** What came is dealt with: so much credit may go back. */
void registration_owe(struct registration *registration, uint32_t n_messages,
		      uint64_t n_bytes);

void registration_pause(struct registration *registration);
void registration_resume(struct registration *registration);

/** Send CREDIT for those that owe, as far as there is room. */
void registrations_give_credit(struct helio *bus);

/** Returns NULL when nothing has that id. */
static inline struct registration *registration_lookup(
	const struct registrations *registrations, uint32_t id)
{
	return id < registrations->n_room ? registrations->by_id[id] : NULL;
}

#endif
