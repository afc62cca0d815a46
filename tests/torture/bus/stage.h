/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TORTURE_BUS_STAGE_H
#define TESTS_TORTURE_BUS_STAGE_H

/** A world with voices that publish and an ear that follows, all in one loop.
 */

#include <stdbool.h>
#include <stdint.h>

#include "tests/torture/bus/ear.h"
#include "tests/torture/bus/voice.h"
#include "tests/torture/bus/world.h"
#include "tests/torture/dice.h"

struct stage {
	struct world world;
	struct voice voices[WORLD_VOICES];
	struct ear ear;
	struct dice dice;
	uint32_t life;
	bool is_silent; /* nobody publishes */
	bool is_timed;
	uint64_t stalled_ns; /* of all three programs, while it is timed */
	uint64_t stall_seen_ns;
};

struct stage_options {
	uint64_t seed;
	bool has_clock;
	uint64_t n_disk_bytes;
	struct ear_limits limits;
};

/** The logger is up, and has a log of what is said. */
void stage_open(struct stage *stage, const struct stage_options *options);
void stage_close(struct stage *stage);

/** Everybody does what there is to do, and sleeps up to `timeout_us`. */
void stage_turn(struct stage *stage, uint64_t timeout_us);
/** Turn for so long. */
void stage_play(struct stage *stage, uint64_t us);

/** End the logger, start it anew, and turn until it is ready. */
void stage_kill(struct stage *stage, int signal);
void stage_await_ready(struct stage *stage);

/** From now on it is a fault to be told late that the disk is full. */
void stage_time(struct stage *stage);

/**
 * Turn until the ear has heard all that has been acknowledged; all of that has
 * to be right then.
 */
void stage_check(struct stage *stage);

uint64_t stage_n_stored(const struct stage *stage);
/** Whether anybody waits for an ack. */
bool stage_is_waiting(const struct stage *stage);

#endif
