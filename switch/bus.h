/* SPDX-License-Identifier: MIT */
#ifndef SWITCH_BUS_H
#define SWITCH_BUS_H

/**
 * The switch as a whole: its peers and what they share.
 *
 * One turn (bus_turn()) reads a bounded batch from each peer that is awake,
 * routes it, sends what waits, and then flushes every channel that was written
 * to, each with at most one wake-up. A peer from which nothing comes is put to
 * sleep: its channel is armed and calls when there is something.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "proto/frame.h"
#include "switch/domain.h"
#include "switch/endpoint.h"
#include "switch/group.h"
#include "switch/observe.h"
#include "switch/queue.h"
#include "switch/quota.h"
#include "switch/route.h"
#include "switch/schema.h"
#include "switch/share.h"
#include "switch/sketch.h"
#include "switch/slot.h"
#include "switch/source.h"
#include "switch/verdict.h"
#include "switch/version.h"
#include "transports/poller.h"

struct channel;
struct peer;
struct policy;
struct uplink;

/** What WELCOME tells, and what else is bounded for everybody. */
struct bus_limits {
	uint64_t message_max_bytes;
	uint32_t subscriptions_max;
	uint32_t calls_max;
	uint32_t open_messages_max;
	uint32_t deadline_max_ms;
	uint32_t greeting_ms;    /* for HELLO to come */
	uint32_t fragment_ms;    /* between two fragments */
	uint32_t stream_idle_ms; /* saying nothing on a stream */
	uint32_t stall_ms;       /* taking nothing, for one that has to */
	uint32_t queue_messages; /* of a subscription, unless it tells */
	uint64_t queue_bytes;
};

extern const struct bus_limits bus_default_limits;

/** Why peers were ended, and how many for each reason. */
struct bus_reason {
	const char *text;
	uint64_t n;
};

enum { BUS_REASONS_MAX = 64 };

struct bus_stats {
	uint64_t n_published;
	uint64_t n_delivered;
	uint64_t n_dropped;
	uint64_t n_refused;
	uint64_t n_unmatched;
	uint64_t n_received_bytes;
	uint64_t n_delivered_bytes;
	uint64_t n_calls;
	uint64_t n_calls_failed;
	uint64_t n_replies;
	struct bus_reason reasons[BUS_REASONS_MAX];
	size_t n_reasons;
};

struct bus {
	struct poller poller;
	struct bus_limits limits;
	struct policy *policy;
	struct uplink *uplink; /* NULL: this switch is no leaf */
	struct accounts accounts;
	struct domains domains;
	struct sources sources;
	struct route_table routes;    /* of messages */
	struct route_table observers; /* of calls */
	struct endpoint_table endpoints;
	struct group_table groups;
	struct slot_table slots;
	struct queue_pool chunks;
	struct share_table shares; /* of what waits */
	struct schema_table schemas;
	struct verdicts verdicts; /* of the registry, about them */
	struct versions versions; /* that were served */
	struct wheel wheel;

	struct list peers;
	struct list speakers;  /* they, and whom leaves announced; by id */
	struct list active;    /* peers to look at in the next turn */
	struct list dirty;     /* peers to flush at the end of this one */
	struct list ended;     /* peers to free at the end of this one */
	struct list receivers; /* everybody's, oldest first */
	uint64_t n_receivers_ever;
	struct list captures; /* of logs, those that are away included */
	size_t n_captures;
	size_t n_peers;
	uint64_t n_peers_ever; /* and principals that leaves announced */

	uint64_t incarnation;
	uint64_t started_ns;
	uint64_t policy_generation;
	uint64_t event_owner; /* in whose share the event counts */
	uint64_t now_ns;      /* read once per turn */
	uint64_t n_turns;
	bool has_slept; /* since the last turn, or was about to */
	struct bus_stats stats;
	struct sketch busiest; /* subjects, of a sample of messages */
	struct timer fading;   /* of what was busy */
	struct timer vigil;    /* over servers that owe something */
	uint8_t scratch[FRAME_MAX_BYTES]; /* one message, for several */
	/* The same for observers, with its schema. */
	uint8_t observed[FRAME_MAX_BYTES + OBSERVE_SCHEMA_BYTES];
	/* What control frames unpack to. */
	_Alignas(max_align_t) uint8_t arena[32 * 1024];
};

/** `policy` is taken over. Returns 0 or a negative errno. */
int bus_init(struct bus *bus, struct policy *policy,
	     const struct bus_limits *limits);

/** Ends all peers. */
void bus_deinit(struct bus *bus);

/** Greet whoever is behind a channel. Owns it on 0; see peer_new(). */
int bus_add_channel(struct bus *bus, struct channel *channel);

/**
 * One turn. Returns whether anything was done: if not, call bus_sleep() and
 * wait for the poller, or try again a little later.
 */
bool bus_turn(struct bus *bus, uint64_t now_ns);

/**
 * Arm all that is awake. Returns whether it is right to sleep now, until the
 * poller's descriptor is readable or bus_next_ns() has come.
 */
bool bus_sleep(struct bus *bus);

/** When a turn is due even if nothing comes; UINT64_MAX: never. */
uint64_t bus_next_ns(struct bus *bus);

/** Another policy, taken over; what it no longer allows ends now. */
void bus_set_policy(struct bus *bus, struct policy *policy);

/** Count why a peer was ended; `reason` is a constant text. */
void bus_count_reason(struct bus *bus, const char *reason);

#endif
