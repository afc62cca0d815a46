/* SPDX-License-Identifier: MIT */
#ifndef STORAGE_LANE_H
#define STORAGE_LANE_H

/**
 * The keys by which a log knows messages again: those of a producer, whose
 * numbers count from 1 without a hole, so that a log holds each message once
 * however long the store was away (docs/LOG.md).
 *
 * Each subject has a lane, a producer of its own, for a subject goes to one log
 * alone. A message has its key from the step that has it, so it is on disk
 * before it is used. Which lane a subject has is known in memory only: after a
 * restart, or when steps were taken back, it gets another one, whose name is
 * new in the world.
 */

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"

struct draft;
struct lane;

enum {
	LANES_MAX = 4096, /* that are known; the oldest goes for a new one */
	LANE_KEY_BYTES = 64,
};

struct lanes {
	struct map by_subject;
	struct list by_age; /* struct lane, by when one was used last */
	struct hash_key key;
	uint64_t life;    /* random: of this life of the store */
	uint64_t n_begun; /* ever */
};

/** Returns 0 or a negative errno. */
int lanes_init(struct lanes *lanes);
/** Safe on a zeroed one. */
void lanes_deinit(struct lanes *lanes);

/**
 * Give each message of a draft that is to be stored its key, and plain ones an
 * empty one. Returns 0 or -ENOMEM.
 */
int lanes_name(struct lanes *lanes, struct draft *draft);
/** The next key of a subject. Returns 0 or -ENOMEM. */
int lanes_next(struct lanes *lanes, const char *subject,
	       char ret_key[LANE_KEY_BYTES]);
/** What was given last is not used: all lanes begin anew. */
void lanes_forget(struct lanes *lanes);
/** The same of one subject. */
void lanes_forget_one(struct lanes *lanes, const char *subject);

/** How many bytes of a key name its lane: two keys of one lane share them. */
size_t lane_name_bytes(const char *key);

#endif
