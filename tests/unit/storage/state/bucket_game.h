/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_STORAGE_STATE_BUCKET_GAME_H
#define TESTS_UNIT_STORAGE_STATE_BUCKET_GAME_H

/**
 * A state and the model of it, to which the same is done, whatever a random
 * number says. Each of the functions fails the test if they differ.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/state/draft.h"
#include "storage/state/image.h"
#include "storage/state/judge.h"
#include "storage/state/state.h"
#include "tests/unit/storage/state/bucket_model.h"

enum {
	N_NAMES = 4,
	N_KEYS = 12,
	VALUE_MAX = 300,
};

/** Buckets and keys that there may be; "b3" is changed now and then. */
extern const char *const game_names[N_NAMES];
extern const char *const game_keys[N_KEYS];

struct packed {
	uint8_t *bytes;
	size_t n;
};

struct game {
	struct state *state;
	struct model model;
	uint64_t now;
	uint64_t value;         /* the number of the next one */
	struct packed *journal; /* the step of revision i + 1 at i */
	size_t n_journal_max;
	bool is_thorough; /* have each step fail at each allocation first */

	char *dump; /* after a commit of everything */
	uint64_t dump_revision;

	/* An image that is made, or was. */
	bool is_imaging, is_imaged;
	bool is_cut;  /* with fewer steps than windows have */
	uint64_t cut; /* what is there is of an image that was cut here */
	struct image_cursor cursor;
	struct buffer rows;
	uint64_t end;

	/* Somebody who watches each bucket. */
	uint64_t watched_created[N_NAMES];
	uint64_t watched[N_NAMES];

	uint64_t n_messages;
	unsigned n_loads, n_refused, n_lost;
};

extern struct game game;

void game_set_up(uint64_t seed);
void game_tear_down(void);
/** A number below `n`. */
unsigned draw(unsigned n);

/** For one of two callers. */
void game_begin(struct draft *draft);
/** Apply it if there is something to change, which is true then. */
bool game_end(struct draft *draft, unsigned status);
/** `wrongs` has a bit for each status that it may be; none: OK. */
void game_expect(unsigned wrongs, unsigned status,
		 const struct judgement *judgement);

void game_put(void);
void game_delete(void);
void game_transaction(void);
void game_send(void);
void game_create(void);
void game_change(void);
void game_drop(void);
void game_time(void);
void game_commit(void);
void game_revert(void);
/** Begin an image, unless there is one. */
void game_image(void);
/** A piece of it, before a commit. */
void game_image_piece(void);
/** Go on with what was read from it. */
void game_load(void);

/** What readers see. */
void game_check(void);

#endif
