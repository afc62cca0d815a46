/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_BUS_VOICE_H
#define TESTS_TORTURE_BUS_VOICE_H

/**
 * A publisher, and what it knows of each message that it published: the oracle
 * of the tests with real programs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/torture/dice.h"

struct helio;
struct world;
struct voice;

/** How a voice publishes. */
enum voice_kind {
	VOICE_PLAIN,    /* never asks */
	VOICE_STORED,   /* asks, and does not repeat */
	VOICE_KEYED,    /* asks, with keys, and repeats until it is stored */
	VOICE_PRODUCER, /* the same with NAME:NUMBER for keys */
	VOICE_MIXED,    /* plain and asking by turns */
};

/** What is known of a message. */
enum said_state {
	SAID_PLAIN,   /* at most once in the log */
	SAID_WAITING, /* no answer yet */
	SAID_STORED,  /* once, as `sequence` */
	SAID_REFUSED, /* never */
	SAID_UNKNOWN, /* at most once */
};

struct said {
	uint64_t sequence; /* as the ack said */
	uint64_t found;    /* in the log, or 0 */
	uint32_t life;     /* of the logger, when it was published last */
	uint8_t state;
	bool was_refused; /* once, so that its place is not that of its number
			   */
	bool is_sure;     /* plain, between two that were stored: is there */
};

struct voice_waiting {
	struct voice *voice;
	uint32_t number;
	bool is_used;
};

enum { VOICE_WINDOW_MAX = 128 };

/** Within this it has to be told that the disk is full. */
#define VOICE_LATE_NS UINT64_C(100000000)

struct voice {
	struct helio *bus;
	unsigned index;
	enum voice_kind kind;
	struct dice dice;
	struct said *said; /* by number */
	uint32_t n_said, n_said_max;
	uint32_t next; /* the number to publish: below n_said is a repeat */
	unsigned n_waiting;
	unsigned window;
	struct voice_waiting waiting[VOICE_WINDOW_MAX];
	uint32_t life;
	uint32_t sure_from; /* VOICE_MIXED: plain ones from here on are sure as
			     * soon as one after them is stored */
	uint32_t n_checked; /* those before need no look any more */
	bool is_held_up; /* something failed: first the answers, then repeat */
	uint64_t last_sequence; /* the highest that was acknowledged */
	uint64_t n_stored, n_refused, n_unknown, n_duplicates;
	uint64_t n_full, n_late; /* told RESOURCE_EXHAUSTED; and late */
	uint64_t slowest_ns;     /* of those */
	uint64_t asked_ns[VOICE_WINDOW_MAX];
	/* When lateness counts: what the machine took so far. Or NULL. */
	const uint64_t *stalled_ns;
	uint64_t stalled_before_ns[VOICE_WINDOW_MAX];
	uint32_t order_number; /* the highest that was found in the log */
};

void voice_init(struct voice *voice, const struct world *world, unsigned index,
		enum voice_kind kind, uint64_t seed);
void voice_deinit(struct voice *voice);

/** The logger has died: what is said from now on is said to another. */
void voice_set_life(struct voice *voice, uint32_t life);
/** Publish up to `n_max` messages, as far as there is room. */
void voice_speak(struct voice *voice, unsigned n_max);
/** Take in answers. */
void voice_listen(struct voice *voice);

/**
 * A record of ours stands in the log. Complains when it is none of ours, not
 * whole, there a second time, or before one that was published earlier.
 */
void voice_found(struct voice *voice, uint64_t sequence, const void *body,
		 size_t n_body);
/**
 * All up to `sequence` has been read: whatever was acknowledged up to there
 * must have been found, where the ack said.
 */
void voice_check(struct voice *voice, uint64_t sequence);
/** The log says here that it has not seen everything. */
void voice_gap(struct voice *voice);

/** Which voice a body is of, or UINT32_MAX. */
uint32_t voice_of(const void *body, size_t n_body);

#endif
