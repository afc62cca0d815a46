/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_WISH_H
#define STORAGE_WISH_H

/**
 * A call that is to be answered once: first the switch is asked whether the
 * caller may, then it is judged and becomes a step, then it waits for the disk,
 * and then it is answered, which may have to wait for room.
 *
 * What a change was answered with is made when it is judged, and told when the
 * step is on disk; also that it was refused, for nobody may learn of what is
 * not on disk, not even by a refusal. A read that has seen something of that
 * kind waits as well; if that is taken back, it is done again.
 */

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/wheel.h"
#include "daemon/access.h"
#include "rpc/heliograph-rpc.h"
#include "storage/state/draft.h"

struct guest;
struct service;
struct wish;

enum { WISHES_MAX = 65536, WISH_INSIDE_BYTES = 64 };

struct wish_type {
	/*
	 * May the caller do it? Returns what storage/rights.h does; it is
	 * called again, from the start, after -EINPROGRESS.
	 */
	int (*may)(struct wish *wish);
	/*
	 * He may. Ends with one of the functions below; called again after
	 * wish_again(), and reads also after what they saw was taken back.
	 */
	void (*act)(struct wish *wish);
	/* Its answer is on disk, but nobody waits any more. May be NULL. */
	void (*on_lost)(struct wish *wish);
	bool is_change; /* it wants something of the disk */
};

enum wish_stage {
	WISH_ACTING,
	WISH_ASKING,  /* the switch */
	WISH_PARKED,  /* for something to happen, in somebody's list */
	WISH_WAITING, /* for the disk, in a batch */
	WISH_SENDING, /* for room */
};

struct wish {
	struct list link; /* where it waits */
	struct service *service;
	const struct wish_type *type;
	struct helio_serving *serving; /* NULL: nobody waits any more */
	struct guest *guest;
	uint64_t incarnation;            /* of the caller */
	const ProtobufCMessage *request; /* of may() and act() */
	ProtobufCMessage *copy;          /* then it is this, or NULL */
	struct access_wait wait;
	const char *fault; /* of the request, after -EDOM of may() */
	enum wish_stage stage;
	struct timer timer; /* for who parks it, as the next */
	uint64_t until_ns;  /* 0: it was not parked before */

	/* How it ends. */
	bool acts_again; /* not yet */
	unsigned status;
	char *reason;    /* or NULL */
	uint8_t *packed; /* NULL: it is inside */
	size_t n_packed;
	size_t n_counted; /* with the guest */
	uint8_t inside[WISH_INSIDE_BYTES];
};

/** Its request, of a type of helio.store.v1 without `Request`. */
#define WISH_REQUEST(wish, Type)                                         \
	((const Helio__Store__V1__##Type##Request *)(const void *)(wish) \
		 ->request)

/** Take up a call. `request` lives until this returns. */
void wish_start(struct service *service, const struct wish_type *type,
		struct helio_serving *serving, const ProtobufCMessage *request);

/** Who calls, for a draft. */
struct caller wish_caller(const struct wish *wish);

/**
 * Answer once everything up to this revision is on disk. The wish may be freed
 * when this returns, as after all that follow.
 */
void wish_answer(struct wish *wish, const ProtobufCMessage *reply,
		 uint64_t revision);
/** Refuse, once all is on disk by which it was judged. */
__attribute__((format(printf, 3, 4))) void wish_refuse(struct wish *wish,
						       unsigned status,
						       const char *format, ...);
/** Refuse at once, for what has nothing to do with what is on disk. */
void wish_fail(struct wish *wish, unsigned status, const char *reason);
/** Act again once this is on disk, or was taken back. */
void wish_again(struct wish *wish, uint64_t revision);
/** Its act had to ask about more, and got this: it acts again, or fails. */
void wish_ask_again(struct wish *wish, int r);
/** Keep it, and its request, in this list. False: it has failed. */
bool wish_park(struct wish *wish, struct list *list);
/** It is parked no longer: may he still, and then act. */
void wish_go(struct wish *wish);

/**
 * Its serving is somebody else's from now on, and the reference to its guest;
 * the wish is freed.
 */
void wish_hand_over(struct wish *wish, struct helio_serving **ret_serving,
		    struct guest **ret_guest);

/** For the batch it waits with: its end has come; 0, or a bad status. */
void wish_settle(struct wish *wish, unsigned status, const char *reason);

/** Send what found no room. */
void wishes_turn(struct service *service);
/** All of a list fail, as the store ends. */
void wishes_end(struct list *list);

#endif
