/* SPDX-License-Identifier: MIT */
#ifndef CLI_LOOP_H
#define CLI_LOOP_H

/**
 * The loop of commands that last: the bus, signals, a deadline, and whatever
 * else hangs on its libuv loop.
 *
 * Before it sleeps it flushes standard output, so results are written in
 * bursts and yet nobody waits for them.
 */

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct helio;

struct loop {
	uv_loop_t uv;
	struct helio *bus; /* borrowed; NULL: none */
	uv_poll_t readable;
	uv_timer_t due;       /* of helio_timeout_ms() */
	uv_timer_t deadline;  /* of loop_end_after() */
	uv_prepare_t prepare; /* runs before each sleep */
	uv_signal_t signals[2];
	bool is_open;
	int code; /* what it ends with */
	int code_interrupted;
};

/** What loop_run() returns when loop_end_after() has ended it. */
enum { LOOP_LATE = -2 };

/**
 * Returns 0 or a negative errno. ^C and SIGTERM end the loop with
 * `code_interrupted`.
 */
int loop_init(struct loop *loop, struct helio *bus, int code_interrupted);

/** Closes every handle of the loop, those of others too. All zero is fine. */
void loop_deinit(struct loop *loop);

/** Run until loop_end(); returns the exit code it was given. */
int loop_run(struct loop *loop);

/** From a callback. The first one counts. */
void loop_end(struct loop *loop, int code);

/** End with LOOP_LATE when `timeout_ms` have passed; 0: never. */
void loop_end_after(struct loop *loop, uint32_t timeout_ms);

#endif
