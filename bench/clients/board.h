/* SPDX-License-Identifier: MIT */
#ifndef BENCH_CLIENTS_BOARD_H
#define BENCH_CLIENTS_BOARD_H

/**
 * The page that all processes of one measurement share.
 *
 * The controller leads everybody through the phases; subscribers count on it
 * what they received, which is the flow control of all systems alike: the
 * publisher stops when too much is in flight and sleeps on `wake_fd` until
 * the slowest subscriber has come far enough. Requesters leave their samples.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	BOARD_LANES_MAX = 64,
	BOARD_DEPTH_MAX = 4096,
	BOARD_SAMPLES_MAX = 1 << 20,
};

enum phase {
	PHASE_SETUP,   /* connecting, subscribing, probing */
	PHASE_RUN,     /* at full speed, not yet measured */
	PHASE_MEASURE, /* the window */
	PHASE_DRAIN,   /* nothing new; what is in flight arrives */
	PHASE_END,
};

struct lane {
	_Alignas(64) _Atomic uint64_t n_received;
};

struct board {
	_Atomic uint32_t bell; /* futex, rung at each change of these: */
	_Atomic uint32_t phase;
	_Atomic uint32_t n_ready;  /* processes that are set up */
	_Atomic uint32_t n_probed; /* subscribers that are reached */
	_Atomic uint32_t n_done;   /* senders that have seen all arrive */
	_Atomic bool has_failed;
	char failure[160]; /* of the first that failed */

	unsigned n_lanes;
	int wake_fd; /* an eventfd: the publisher sleeps on it */

	/* What the slowest lane has to reach before the publisher wakes. */
	_Alignas(64) _Atomic uint64_t wanted;
	struct lane lanes[BOARD_LANES_MAX];

	uint32_t n_samples;
	uint32_t samples_ns[BOARD_SAMPLES_MAX];
};

/** Shared with children forked later. Returns NULL when out of memory. */
struct board *board_new(unsigned n_lanes);
void board_free(struct board *board);

static inline enum phase board_phase(struct board *board)
{
	return (enum phase)atomic_load_explicit(&board->phase,
						memory_order_acquire);
}

void board_set_phase(struct board *board, enum phase phase);

/** Add one to `n_ready`, `n_probed` or `n_done`, and ring. */
void board_count(struct board *board, _Atomic uint32_t *counter);

/** Remember why, if nobody failed before, and ring. */
__attribute__((format(printf, 2, 3))) void board_fail(struct board *board,
						      const char *format, ...);

/**
 * Sleep until `counter` has reached `n`. Returns 0, -ETIMEDOUT, or -ECANCELED
 * when somebody failed.
 */
int board_await(struct board *board, _Atomic uint32_t *counter, uint32_t n,
		int timeout_ms);

/** What the slowest lane has received. */
uint64_t board_min_received(struct board *board);

/** Tell what lane `index` has received, and wake the publisher if due. */
void board_receive(struct board *board, unsigned index, uint64_t n_received);

/**
 * Ask to be woken through `wake_fd` when all lanes have received `wanted`.
 * Returns false if they have already: do not sleep.
 */
bool board_want(struct board *board, uint64_t wanted);

#endif
