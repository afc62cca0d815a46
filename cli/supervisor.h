/* SPDX-License-Identifier: MIT */
#ifndef CLI_SUPERVISOR_H
#define CLI_SUPERVISOR_H

/**
 * A few programs that are kept running, one beside the other.
 *
 * They are started in the order of the table, each when the one before has
 * said that it is ready, and ended in the opposite order. One that ends is
 * started again, after a pause that doubles from time to time up to a limit;
 * one that ends before it was ready for the first time ends the whole set, for
 * then it will hardly do better the next time.
 *
 * Each runs in a session of its own, so that ^C comes to us alone and the set
 * ends in order.
 */

#include <stddef.h>
#include <stdint.h>

enum {
	SUPERVISOR_PROGRAMS_MAX = 20,
	/* Where a program finds the pipe to write "READY\n" to. */
	SUPERVISOR_READY_FD = 3,
};

struct program {
	const char *name;   /* for people */
	char *const *words; /* as exec takes them; the first is the file */
};

/** All are ready; called once. */
typedef void (*supervisor_ready_fn)(void *userdata);

/**
 * Run them until ^C or SIGTERM, or until one fails for good. Returns an exit
 * code: EXIT_OK after a signal.
 */
int supervisor_run(const struct program *programs, size_t n,
		   supervisor_ready_fn on_ready, void *userdata);

/**
 * How long to wait before the start that follows `n_failures` in a row:
 * 100 ms, doubled for each but the first, at most 10 s, and a quarter more or
 * less as `dice` says.
 */
uint32_t supervisor_pause_ms(unsigned n_failures, uint32_t dice);

#endif
