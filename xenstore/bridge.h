/* SPDX-License-Identifier: MIT */
#ifndef XENSTORE_BRIDGE_H
#define XENSTORE_BRIDGE_H

/**
 * The bridge: what is selected of xenstore is made true in the bucket, and kept
 * so.
 *
 * One batch at a time is looked at and written. Nothing waits for the bucket
 * while that is away: when it is back both are compared.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "xenstore/batch.h"
#include "xenstore/mirror.h"
#include "xenstore/selection.h"
#include "xenstore/source.h"
#include "xenstore/target.h"

struct helio;

enum { BRIDGE_FAULT_BYTES = 512 };

struct bridge {
	struct selection selection; /* set before bridge_start() */
	struct mirror mirror;
	struct batch batch;
	struct source source;
	struct target target;
	uv_timer_t due;  /* somebody has a turn again */
	uv_timer_t tick; /* once a second */
	unsigned n_ticks;
	struct missed missed;
	bool is_seeing; /* the source is asked */
	bool is_told;   /* the log has a fault that goes on */
	bool is_noted;  /* the same of the note */
	bool is_started;
	char fault[BRIDGE_FAULT_BYTES]; /* for people; "": all is well */
	char note[BRIDGE_FAULT_BYTES]; /* what guests lose by their own doing */
};

/** Begin. Bus, loop and bucket are borrowed. Returns 0 or a negative errno. */
int bridge_start(struct bridge *bridge, uv_loop_t *uv, struct helio *bus,
		 const char *bucket);
/** Waits for xenstored, if it was asked. Safe on a zeroed one. */
void bridge_deinit(struct bridge *bridge);

/** In each turn of the loop. */
void bridge_turn(struct bridge *bridge);

/** All that we know of is in the bucket. */
bool bridge_is_in_step(const struct bridge *bridge);

/** Xenstored has been asked and has not answered yet. */
bool bridge_is_asking(const struct bridge *bridge);

#endif
